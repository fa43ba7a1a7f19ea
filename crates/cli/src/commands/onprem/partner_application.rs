//! `CsPartnerApplication`.

use actas_agent::{NewPartner, PartnerChange, PartnerProof};
use actas_certificate::file;
use actas_directory::onprem::{ApplicationTrustLevel, PartnerApplication};

use super::open;
use crate::{
    app::Context,
    arguments::partner_application::{Get, New, Proof, Remove, Set, TrustLevel},
    commands::{
        change::{self, Default},
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
    if !change::may(context, asked.change, Default::Go, "Set-CsPartnerApplication", &asked.identity).await? {
        return Ok(());
    }
    let change = PartnerChange {
        application_trust_level: asked.application_trust_level.map(trust_level),
        proof: asked.proof.map(proof).transpose()?,
        accept_security_identifier_information: asked.accept_security_identifier_information,
        enabled: asked.enabled,
    };
    open(context)?.set_partner(&asked.identity, &change).await.map_err(|error| shown::failed(error, LIST))
}

pub(super) async fn remove(asked: Remove, context: &Context) -> Result<(), Problem> {
    if !change::may(context, asked.change, Default::Go, "Remove-CsPartnerApplication", &asked.identity).await? {
        return Ok(());
    }
    open(context)?.remove_partner(&asked.identity).await.map_err(|error| shown::failed(error, LIST))
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

const LIST: &str = "`actas Get-CsPartnerApplication` shows what there is";
