//! `CsOAuthServer`.

use actas_agent::{Agent, NewOAuthServer, OAuthServerChange};
use actas_directory::{
    DomainName,
    onprem::{OAuthServer, OAuthServerKind},
};
use clap::ValueEnum;
use uuid::Uuid;

use super::open;
use crate::{
    app::Context,
    arguments::{
        oauth_server::{Get, New, Remove, ServerType, Set},
        value::WebUrl,
    },
    commands::{
        change::{self, Default},
        directory,
        piped::{self, Object},
        shown::{self, Wanted},
    },
    problem::Problem,
};

pub(super) async fn new(asked: New, context: &Context) -> Result<(), Problem> {
    if !change::may(context, asked.change, Default::Go, "New-CsOAuthServer", &asked.identity).await? {
        return Ok(());
    }
    let agent = open(context)?;
    let names = display_names(&agent, &asked.metadata_url, context).await?;
    let new = NewOAuthServer {
        name: asked.identity,
        metadata_url: asked.metadata_url.as_str().to_owned(),
        realm: asked.realm,
        kind: asked.kind.map(server_kind),
        authorization_uri_override: asked.authorization_uri_override.filter(|uri| !uri.is_empty()),
        accept_security_identifier_information: asked.accept_security_identifier_information.unwrap_or(false),
    };
    let outcome = if asked.in_memory {
        let draft = agent.draft_oauth_server(&new, &names).await?;
        context.console.note("Nothing was stored, since `-InMemory` was given.");
        draft
    } else {
        agent.new_oauth_server(&new, &names).await?
    };
    shown::warn(&context.console, &outcome.warnings);
    context.console.records(&[shown::record(outcome.value.properties())])
}

pub(super) async fn get(asked: Get, context: &Context) -> Result<(), Problem> {
    let wanted = Wanted {
        what: "OAuth server",
        adds: "New-CsOAuthServer",
        identity: asked.identity.as_deref(),
        filter: asked.filter.as_deref(),
    };
    let found = wanted.of(open(context)?.oauth_servers().await?, |server| &server.name)?;
    let records: Vec<_> = found.iter().map(OAuthServer::properties).map(shown::record).collect();
    context.console.records(&records)
}

pub(super) async fn set(asked: Set, context: &Context) -> Result<(), Problem> {
    if let Some(source) = &asked.instance {
        for object in piped::objects(source).await? {
            let name = object.identity()?;
            object.check(&PROPERTIES)?;
            if change::may(context, asked.change, Default::Go, SET, &name).await? {
                set_instance(&name, &object, context).await?;
            }
        }
        return Ok(());
    }
    let name = asked.identity.ok_or_else(|| Problem::usage("neither a name nor `-Instance` was given"))?;
    if !change::may(context, asked.change, Default::Go, SET, &name).await? {
        return Ok(());
    }
    let change = OAuthServerChange {
        metadata_url: asked.metadata_url.map(|url| url.as_str().to_owned()),
        kind: asked.kind.map(server_kind),
        authorization_uri_override: asked.authorization_uri_override,
        accept_security_identifier_information: asked.accept_security_identifier_information,
    };
    open(context)?.set_oauth_server(&name, &change).await.map_err(|error| shown::failed(error, LIST))
}

/// Makes an OAuth server what an object says, or makes it if there is none.
async fn set_instance(name: &str, object: &Object, context: &Context) -> Result<(), Problem> {
    let agent = open(context)?;
    let kind = object.text("Type")?.filter(|kind| !kind.is_empty()).map(|text| {
        ServerType::from_str(&text, true)
            .map(server_kind)
            .map_err(|_| Problem::failed(format!("`Type` cannot be `{text}`")).hint("it is `Acs`, `ADFS` or `AzureAD`"))
    });
    let kind = kind.transpose()?;
    let url = object.text("MetadataUrl")?.filter(|url| !url.is_empty());
    let override_uri = object.text("AuthorizationUriOverride")?;
    let accept = object.boolean("AcceptSecurityIdentifierInformation")?;
    let known = agent.oauth_servers().await?.into_iter().find(|server| server.name.eq_ignore_ascii_case(name));
    let Some(known) = known else {
        let new = NewOAuthServer {
            name: name.to_owned(),
            metadata_url: url.ok_or_else(|| {
                Problem::failed(format!("there is no OAuth server `{name}`, and the object has no `MetadataUrl`"))
                    .hint(LIST)
            })?,
            realm: object.text("Realm")?.filter(|realm| !realm.is_empty()),
            kind,
            authorization_uri_override: override_uri.filter(|uri| !uri.is_empty()),
            accept_security_identifier_information: accept.unwrap_or(false),
        };
        let draft = agent.draft_oauth_server(&new, &[]).await?;
        object.unchanged("IssuerIdentifier", &draft.value.issuer_identifier, REPLACE)?;
        let made = agent.new_oauth_server(&new, &[]).await?;
        shown::warn(&context.console, &made.warnings);
        return Ok(());
    };
    object.unchanged("IssuerIdentifier", &known.issuer_identifier, REPLACE)?;
    object.unchanged("Realm", &known.realm, REPLACE)?;
    let change = OAuthServerChange {
        metadata_url: url.filter(|url| *url != known.metadata_url),
        kind,
        authorization_uri_override: override_uri,
        accept_security_identifier_information: accept,
    };
    agent.set_oauth_server(name, &change).await.map_err(|error| shown::failed(error, LIST))
}

pub(super) async fn remove(asked: Remove, context: &Context) -> Result<(), Problem> {
    for name in piped::names(&asked.identity).await? {
        if !change::may(context, asked.change, Default::Go, "Remove-CsOAuthServer", &name).await? {
            continue;
        }
        let warnings = open(context)?.remove_oauth_server(&name).await;
        let warnings = warnings.map_err(|error| shown::failed(error, LIST))?;
        shown::warn(&context.console, &warnings);
    }
    Ok(())
}

fn server_kind(asked: ServerType) -> OAuthServerKind {
    match asked {
        ServerType::Acs => OAuthServerKind::Acs,
        ServerType::Adfs => OAuthServerKind::Adfs,
        ServerType::AzureAd => OAuthServerKind::AzureAd,
    }
}

/// Returns the display names of tenants with their ids, as far as an address may
/// need them: a name in place of the id is what guides lead people to type.
async fn display_names(agent: &Agent, url: &WebUrl, context: &Context) -> Result<Vec<(String, String)>, Problem> {
    let tenant = url.url().path_segments().and_then(|mut all| all.next()).unwrap_or_default();
    let names_an_id = Uuid::try_parse(tenant).is_ok() || tenant.parse::<DomainName>().is_ok();
    if names_an_id || matches!(tenant, "metadata" | "common") || !directory::is_reachable(agent).await? {
        return Ok(Vec::new());
    }
    let organization = async { Ok::<_, Problem>(directory::graph(agent).await?.organization().await?) };
    match organization.await {
        Ok(organization) => Ok(vec![(organization.display_name, organization.id)]),
        // The address may be right all the same.
        Err(problem) => {
            context.console.warning(&format!(
                "the directory could not be asked whether `{tenant}` is a tenant's display name: {}",
                problem.what
            ));
            Ok(Vec::new())
        }
    }
}

const SET: &str = "Set-CsOAuthServer";
const REPLACE: &str = "`actas Remove-CsOAuthServer`, then `actas New-CsOAuthServer`";
/// What `Get-CsOAuthServer` shows of one.
const PROPERTIES: [&str; 8] = [
    "Identity",
    "Name",
    "IssuerIdentifier",
    "Realm",
    "MetadataUrl",
    "AuthorizationUriOverride",
    "Type",
    "AcceptSecurityIdentifierInformation",
];
const LIST: &str = "`actas Get-CsOAuthServer` shows what there is";
