//! `CsPartnerApplication`.

use actas_agent::{NewPartner, PartnerChange, PartnerProof};
use actas_certificate::file;
use actas_directory::onprem::{ApplicationTrustLevel, PartnerApplication, USE_OAUTH_SERVER};
use clap::ValueEnum;
use uuid::Uuid;

use super::open;
use crate::{
    app::Context,
    arguments::partner_application::{Get, New, Proof, Remove, Set, TrustLevel},
    commands::{
        change::{self, Default},
        piped::{self, Object},
        shown::{self, Wanted},
    },
    problem::Problem,
};

pub(super) async fn new(asked: New, context: &Context) -> Result<(), Problem> {
    if !change::may(context, asked.change, Default::Go, "New-CsPartnerApplication", &asked.identity).await? {
        return Ok(());
    }
    let new = NewPartner {
        name: asked.identity,
        application_identifier: asked.application_identifier,
        application_trust_level: trust_level(asked.application_trust_level),
        proof: proof(asked.proof)?,
        realm: asked.realm,
        accept_security_identifier_information: asked.accept_security_identifier_information.unwrap_or(false),
        enabled: asked.enabled.unwrap_or(true),
    };
    let agent = open(context)?;
    let outcome = if asked.in_memory {
        let draft = agent.draft_partner(&new).await?;
        context.console.note("Nothing was stored, since `-InMemory` was given.");
        draft
    } else {
        agent.new_partner(&new).await?
    };
    shown::warn(&context.console, &outcome.warnings);
    context.console.records(&[shown::record(outcome.value.properties())])
}

pub(super) async fn get(asked: Get, context: &Context) -> Result<(), Problem> {
    let wanted = Wanted {
        what: "partner application",
        adds: "New-CsPartnerApplication",
        identity: asked.identity.as_deref(),
        filter: asked.filter.as_deref(),
    };
    let found = wanted.of(open(context)?.partners().await?, |partner| &partner.name)?;
    let records: Vec<_> = found.iter().map(PartnerApplication::properties).map(shown::record).collect();
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
    let change = PartnerChange {
        application_trust_level: asked.application_trust_level.map(trust_level),
        proof: asked.proof.map(proof).transpose()?,
        accept_security_identifier_information: asked.accept_security_identifier_information,
        enabled: asked.enabled,
    };
    open(context)?.set_partner(&name, &change).await.map_err(|error| shown::failed(error, LIST))
}

/// Makes a partner application what an object says, or makes it if there is none.
async fn set_instance(name: &str, object: &Object, context: &Context) -> Result<(), Problem> {
    let agent = open(context)?;
    let level = object.text("ApplicationTrustLevel")?.map(|text| {
        let level = TrustLevel::from_str(&text, true).map(trust_level);
        level.map_err(|_| {
            Problem::failed(format!("`ApplicationTrustLevel` cannot be `{text}`"))
                .hint("it is `Full`, `Application` or `User`")
        })
    });
    let level = level.transpose()?;
    let accept = object.boolean("AcceptSecurityIdentifierInformation")?;
    let enabled = object.boolean("Enabled")?;
    let auth_token = object.text("AuthToken")?.filter(|text| !text.is_empty());
    let known = agent.partners().await?.into_iter().find(|partner| partner.name.eq_ignore_ascii_case(name));
    let Some(known) = known else {
        let missing = |property| {
            Problem::failed(format!("there is no partner application `{name}`, and the object has no `{property}`"))
                .hint(LIST)
        };
        let id = object.text("ApplicationIdentifier")?.filter(|id| !id.is_empty());
        let id = id.map(|id| {
            Uuid::try_parse(&id)
                .map_err(|_| Problem::failed(format!("`ApplicationIdentifier` cannot be `{id}`")).hint("it is a GUID"))
        });
        let new = NewPartner {
            name: name.to_owned(),
            application_identifier: id.transpose()?,
            application_trust_level: level.ok_or_else(|| missing("ApplicationTrustLevel"))?,
            proof: proof_of(&auth_token.ok_or_else(|| missing("AuthToken"))?),
            realm: object.text("Realm")?.filter(|realm| !realm.is_empty()),
            accept_security_identifier_information: accept.unwrap_or(false),
            enabled: enabled.unwrap_or(true),
        };
        let made = agent.new_partner(&new).await?;
        shown::warn(&context.console, &made.warnings);
        return Ok(());
    };
    object.unchanged("ApplicationIdentifier", &known.application_identifier.to_string(), REPLACE)?;
    object.unchanged("Realm", known.realm.as_deref().unwrap_or_default(), REPLACE)?;
    let change = PartnerChange {
        application_trust_level: level,
        proof: auth_token.filter(|text| *text != known.auth_token_text()).map(|text| proof_of(&text)),
        accept_security_identifier_information: accept,
        enabled,
    };
    agent.set_partner(name, &change).await.map_err(|error| shown::failed(error, LIST))
}

/// Reads `AuthToken` as it is shown: the name of a type, an address, or a certificate.
fn proof_of(auth_token: &str) -> PartnerProof {
    if auth_token.eq_ignore_ascii_case(USE_OAUTH_SERVER) {
        PartnerProof::OAuthServer
    } else if auth_token.contains("://") {
        PartnerProof::MetadataUrl(auth_token.to_owned())
    } else {
        PartnerProof::Certificate(auth_token.as_bytes().to_vec())
    }
}

pub(super) async fn remove(asked: Remove, context: &Context) -> Result<(), Problem> {
    for name in piped::names(&asked.identity).await? {
        if change::may(context, asked.change, Default::Go, "Remove-CsPartnerApplication", &name).await? {
            open(context)?.remove_partner(&name).await.map_err(|error| shown::failed(error, LIST))?;
        }
    }
    Ok(())
}

fn proof(asked: Proof) -> Result<PartnerProof, Problem> {
    Ok(match asked {
        Proof::OAuthServer => PartnerProof::OAuthServer,
        Proof::MetadataUrl(url) => PartnerProof::MetadataUrl(url.as_str().to_owned()),
        Proof::CertificateRaw(text) => PartnerProof::Certificate(text.into_bytes()),
        Proof::CertificateFile(path) => {
            let certificate = file::read_certificate(&path);
            let certificate = certificate.map_err(|error| Problem::failed(error.to_string()).hint(error.hint()))?;
            PartnerProof::Certificate(certificate.der().to_vec())
        }
    })
}

fn trust_level(asked: TrustLevel) -> ApplicationTrustLevel {
    match asked {
        TrustLevel::Full => ApplicationTrustLevel::Full,
        TrustLevel::Application => ApplicationTrustLevel::Application,
        TrustLevel::User => ApplicationTrustLevel::User,
    }
}

const SET: &str = "Set-CsPartnerApplication";
const REPLACE: &str = "`actas Remove-CsPartnerApplication`, then `actas New-CsPartnerApplication`";
/// What `Get-CsPartnerApplication` shows of one.
const PROPERTIES: [&str; 8] = [
    "Identity",
    "AuthToken",
    "Name",
    "ApplicationIdentifier",
    "Realm",
    "ApplicationTrustLevel",
    "AcceptSecurityIdentifierInformation",
    "Enabled",
];
const LIST: &str = "`actas Get-CsPartnerApplication` shows what there is";
