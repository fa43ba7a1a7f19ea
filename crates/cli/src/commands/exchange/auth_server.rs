//! `AuthServer`.

use actas_directory::exchange_side::{AuthServer, AuthServerKind};
use actas_directory::well_known;

use super::metadata::{Document, https};
use super::{Exchange, changed_meanwhile, piped, refuse_any_certificate, tell_bound};
use crate::{
    app::Context,
    arguments::auth_server::{Get, New, Notes, Remove, ServerType, Set},
    commands::{
        change::{self, Default},
        shown::{self, Wanted},
    },
    problem::Problem,
};

const CHANGED: &str = "auth server changed";

pub(super) async fn new(asked: New, context: &Context) -> Result<(), Problem> {
    check(&asked.notes, context)?;
    let url = https(&asked.auth_metadata_url)?;
    if !change::may(context, asked.change, Default::Go, "New-AuthServer", &asked.name).await? {
        return Ok(());
    }
    let exchange = Exchange::open(context, &asked.organization).await?;
    let kind = match asked.kind {
        ServerType::MicrosoftAcs => AuthServerKind::MicrosoftAcs,
        ServerType::AzureAd => AuthServerKind::AzureAd,
    };
    let document = exchange.read_metadata(kind, &url).await?;
    let server = AuthServer {
        name: asked.name,
        tenant: exchange.tenant.id,
        kind,
        realm: exchange.realm_of(&document, &url)?,
        auth_metadata_url: url,
        issuer_identifier: document.app_id,
        enabled: asked.notes.enabled.unwrap_or(true),
        domain_names: asked.notes.domain_name.map_or_else(Vec::new, named),
        is_default_authorization_endpoint: false,
        application_identifier: asked.notes.application_identifier,
        published: document.published,
    };
    let audit = exchange.audit("auth server added", "New-AuthServer", &server.name);
    let added = exchange.trust.add_auth_server(&server, audit).await;
    added.map_err(|error| {
        shown::failed(error, "`actas Set-AuthServer` changes it, `actas Remove-AuthServer` removes it")
    })?;
    tell_bound(&context.console);
    context.console.records(&[shown::record(server.properties())])
}

pub(super) async fn get(asked: Get, context: &Context) -> Result<(), Problem> {
    let exchange = Exchange::open(context, &asked.organization).await?;
    let all = exchange.trust.auth_servers().await?;
    let own = all.into_iter().filter(|server| server.tenant == exchange.tenant.id).collect();
    let wanted =
        Wanted { what: "auth server", adds: "New-AuthServer", identity: asked.identity.as_deref(), filter: None };
    let found = wanted.of(own, |server: &AuthServer| &server.name)?;
    let records: Vec<_> = found.iter().map(AuthServer::properties).map(shown::record).collect();
    context.console.records(&records)
}

pub(super) async fn set(asked: Set, context: &Context) -> Result<(), Problem> {
    check(&asked.notes, context)?;
    let url = asked.auth_metadata_url.as_ref().map(https).transpose()?;
    for name in piped::names(&asked.identity).await? {
        if change::may(context, asked.change, Default::Go, "Set-AuthServer", &name).await? {
            set_one(&name, url.as_deref(), &asked, context).await?;
        }
    }
    Ok(())
}

async fn set_one(name: &str, url: Option<&str>, asked: &Set, context: &Context) -> Result<(), Problem> {
    let exchange = Exchange::open(context, &asked.organization).await?;
    let known = exchange.trust.auth_server(exchange.tenant.id, name).await?.ok_or_else(|| missing(name))?;
    let mut server = known.value;
    if let Some(url) = url {
        url.clone_into(&mut server.auth_metadata_url);
    }
    if url.is_some() || asked.refresh_auth_metadata {
        let document = exchange.read_metadata(server.kind, &server.auth_metadata_url).await?;
        let realm = exchange.realm_of(&document, &server.auth_metadata_url)?;
        if (document.app_id, &realm) != (server.issuer_identifier, &server.realm) {
            return Err(Problem::failed(format!(
                "`{}` speaks for `{}@{realm}`, and `{name}` was registered for `{}@{}`",
                server.auth_metadata_url, document.app_id, server.issuer_identifier, server.realm
            ))
            .hint("if that is right, remove it and add it anew: `actas Remove-AuthServer`, `actas New-AuthServer`"));
        }
        server.published = document.published;
    }
    server.name = asked.name.clone().unwrap_or(server.name);
    server.enabled = asked.notes.enabled.unwrap_or(server.enabled);
    server.domain_names = asked.notes.domain_name.clone().map_or(server.domain_names, named);
    server.application_identifier = asked.notes.application_identifier.or(server.application_identifier);
    server.is_default_authorization_endpoint =
        asked.is_default_authorization_endpoint.unwrap_or(server.is_default_authorization_endpoint);
    let audit = exchange.audit(CHANGED, "Set-AuthServer", name);
    let stored = exchange.trust.update_auth_server(name, known.version, &server, audit).await;
    stored.map_err(|error| changed_meanwhile(error, name))?;
    tell_bound(&context.console);
    Ok(())
}

pub(super) async fn remove(asked: Remove, context: &Context) -> Result<(), Problem> {
    for name in piped::names(&asked.identity).await? {
        if !change::may(context, asked.change, Default::Go, "Remove-AuthServer", &name).await? {
            continue;
        }
        let exchange = Exchange::open(context, &asked.organization).await?;
        let audit = exchange.audit("auth server removed", "Remove-AuthServer", &name);
        let removed = exchange.trust.remove_auth_server(exchange.tenant.id, &name, audit).await;
        removed.map_err(|error| if error.is_stale() { missing(&name) } else { Problem::from(error) })?;
        tell_bound(&context.console);
    }
    Ok(())
}

// === impl Exchange ===

impl Exchange {
    /// The realm that a token service is believed for: one of the organisation's own.
    fn realm_of(&self, document: &Document, url: &str) -> Result<String, Problem> {
        let own = self.tenant.id.to_string();
        let Some(realm) = &document.realm else { return Ok(own) };
        if !self.owns(realm) {
            return Err(Problem::failed(format!(
                "the token service at `{url}` speaks for the realm `{realm}`, which is none of `{}`",
                self.tenant.display_name
            ))
            .detail(format!("its realms are {}", self.tenant.realms().collect::<Vec<_>>().join(", ")))
            .hint("name the tenant's GUID or a domain of it in the address of the metadata"));
        }
        if document.app_id != well_known::STS && document.published.token_issuing_endpoint.is_none() {
            return Err(Problem::failed(format!("`{url}` is the document of a server that issues its own tokens"))
                .hint("let it in as a partner: `actas New-PartnerApplication NAME -AuthMetadataUrl URL`"));
        }
        Ok(realm.clone())
    }
}

fn check(notes: &Notes, context: &Context) -> Result<(), Problem> {
    refuse_any_certificate(notes.trust_any_ssl_certificate)?;
    if notes.graph_base_url.is_some() {
        context.console.warning("`-GraphBaseUrl` has no effect: the server calls no Graph by a trust of this kind");
    }
    Ok(())
}

fn named(domains: Vec<String>) -> Vec<String> {
    domains.into_iter().map(|domain| domain.trim().to_owned()).filter(|domain| !domain.is_empty()).collect()
}

fn missing(name: &str) -> Problem {
    Problem::failed(format!("there is no auth server `{name}`")).hint("`actas Get-AuthServer` shows what there is")
}
