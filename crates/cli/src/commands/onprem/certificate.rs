//! `CsCertificate`: what is assigned, and assigning it.

pub(super) mod export;
pub(super) mod import;
pub(super) mod request;

use actas_agent::{Agent, AssignedCertificate, Use};
use actas_certificate::Certificate;

use super::open;
use crate::{
    app::Context,
    arguments::{
        certificate::{CertificateType, Get, Remove, Set, Staging},
        date::Date,
    },
    commands::{
        change::{self, Default},
        shown,
    },
    output::Record,
    problem::Problem,
};

pub(super) async fn get(asked: Get, context: &Context) -> Result<(), Problem> {
    check_scope(asked.identity.as_deref())?;
    let agent = open(context)?;
    let assigned = agent.certificates().assigned(Use::OAuthTokenIssuer, agent.clock().now()).await?;
    context.console.records(&assigned.iter().map(record).collect::<Vec<_>>())
}

pub(super) async fn set(asked: Set, context: &Context) -> Result<(), Problem> {
    check_scope(Some(&asked.identity))?;
    let target = use_of(asked.kind).as_str();
    if !change::may(context, asked.change, Default::Go, "Set-CsCertificate", target).await? {
        return Ok(());
    }
    let agent = open(context)?;
    let thumbprint = match (&asked.thumbprint, &asked.path) {
        (Some(thumbprint), _) => thumbprint.as_str().to_owned(),
        (None, Some(path)) => import::keep(&agent, path, asked.password.is_some(), context)?.thumbprint().to_owned(),
        (None, None) => return Err(Problem::usage("neither `-Thumbprint` nor `-Path` was given")),
    };
    assign(&agent, use_of(asked.kind), &thumbprint, asked.staging, context).await
}

pub(super) async fn remove(asked: Remove, context: &Context) -> Result<(), Problem> {
    check_scope(asked.identity.as_deref())?;
    // Without the current certificate no token can be had; the previous one is on its way out.
    let default = if asked.previous { Default::Go } else { Default::Ask };
    let of = use_of(asked.kind);
    let target = if asked.previous { format!("{}, previous", of.as_str()) } else { of.as_str().to_owned() };
    if !change::may(context, asked.change, default, "Remove-CsCertificate", &target).await? {
        return Ok(());
    }
    let agent = open(context)?;
    agent.certificates().remove(of, asked.previous, agent.clock().now()).await?;
    if !asked.previous {
        context.console.warning(
            "no certificate signs tokens now, and no item can be delivered until one is assigned; the files are kept",
        );
    }
    Ok(())
}

/// Assigns a certificate of the store, now or at a moment to come.
async fn assign(agent: &Agent, of: Use, thumbprint: &str, staging: Staging, context: &Context) -> Result<(), Problem> {
    let (now, certificates) = (agent.clock().now(), agent.certificates());
    let effective = staging.effective_date.map(Date::timestamp);
    match effective {
        Some(effective) if staging.roll => {
            let warning = certificates.stage(of, thumbprint, effective, now).await?;
            if let Some(warning) = warning {
                context.console.warning(&warning.to_string());
            }
            return Ok(());
        }
        Some(effective) if effective > now => {
            return Err(Problem::usage(format!("`-EffectiveDate {}` lies ahead", shown::time(effective)))
                .hint("`-Roll` lets the certificate follow the current one at that moment"));
        }
        _ => {}
    }
    let replaces = certificates.slots(of, now).await?.current().is_some();
    certificates.set(of, thumbprint, now).await?;
    if replaces {
        context.console.warning(&format!(
            "tokens are signed by {thumbprint} from now on: who does not know it yet refuses them; \
             `actas renew` replaces a certificate without such a gap"
        ));
    }
    Ok(())
}

/// Returns an assigned certificate with the vendor's properties, and its slot.
fn record(assigned: &AssignedCertificate) -> Record {
    let certificate = &assigned.certificate;
    Record::new()
        .with("Issuer", certificate.issuer())
        .with("NotAfter", shown::time(certificate.not_after()))
        .with("NotBefore", shown::time(certificate.not_before()))
        .with("SerialNumber", certificate.serial_hex())
        .with("Subject", certificate.subject())
        .with("AlternativeNames", names(certificate))
        .with("Thumbprint", certificate.thumbprint())
        .with("EffectiveDate", shown::time(assigned.effective))
        .with("PreviousThumbprint", assigned.previous.clone())
        .with("UpdateTime", None::<String>)
        .with("Use", Use::OAuthTokenIssuer.as_str())
        .with("SourceScope", "Global")
        .with("Slot", assigned.slot)
}

fn names(certificate: &Certificate) -> Vec<String> {
    let addresses = certificate.ip_addresses().iter().map(ToString::to_string);
    certificate.dns_names().iter().cloned().chain(addresses).collect()
}

fn use_of(kind: CertificateType) -> Use {
    match kind {
        CertificateType::OAuthTokenIssuer => Use::OAuthTokenIssuer,
    }
}

/// The certificates of an installation are the same on all of its servers.
fn check_scope(identity: Option<&str>) -> Result<(), Problem> {
    match identity {
        Some(scope) if !scope.eq_ignore_ascii_case("global") => {
            Err(Problem::failed(format!("there is no scope `{scope}`"))
                .hint("certificates are assigned once for all servers, in the scope `Global`"))
        }
        _ => Ok(()),
    }
}
