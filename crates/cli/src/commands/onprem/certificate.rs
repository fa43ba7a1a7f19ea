//! `CsCertificate`: what is assigned, and assigning it.

pub(super) mod export;
pub(super) mod import;
mod password;
pub(super) mod request;

pub(in crate::commands) use self::password::{is_given as is_password_given, open_key};

use std::path::Path;

use actas_agent::{Agent, AssignedCertificate, Use};
use actas_certificate::Certificate;

use super::open;
use crate::{
    app::Context,
    arguments::{
        certificate::{CertificateType, Get, Remove, Report, Set, Staging},
        date::Date,
        value,
    },
    commands::{
        change::{self, Default},
        piped, shown,
    },
    output::{Record, html},
    problem::Problem,
    workplace::write_atomically,
};

pub(super) async fn get(asked: Get, context: &Context) -> Result<(), Problem> {
    check_scope(asked.identity.as_deref())?;
    let agent = open(context)?;
    let mut assigned = assigned(&agent).await?;
    if !asked.kind.is_empty() && !asked.kind.contains(&CertificateType::OAuthTokenIssuer) {
        assigned.clear();
    }
    let records: Vec<Record> = assigned.iter().map(record).collect();
    report(&asked.report, "Get-CsCertificate", &agent, &records)?;
    context.console.records(&records)
}

pub(super) async fn set(asked: Set, context: &Context) -> Result<(), Problem> {
    check_scope(Some(&asked.identity))?;
    let of = use_of(&asked.kind)?;
    if !change::may(context, asked.change, Default::Go, "Set-CsCertificate", of.as_str()).await? {
        return Ok(());
    }
    if asked.path.is_none() && password::is_given(&asked.password) {
        return Err(Problem::usage("a password was given, and no file that it would open")
            .hint("`-Path FILE` names a PKCS#12 file; a certificate of the store needs no password"));
    }
    let agent = open(context)?;
    let thumbprint = match (&asked.thumbprint, &asked.path, &asked.reference) {
        (Some(thumbprint), ..) => thumbprint.as_str().to_owned(),
        (None, Some(path), _) => import::keep(&agent, path, &asked.password, context)?.thumbprint().to_owned(),
        (None, None, Some(source)) => referenced(source).await?,
        (None, None, None) => {
            return Err(Problem::usage("none of `-Thumbprint`, `-Path` and `-Reference` was given"));
        }
    };
    assign(&agent, of, &thumbprint, asked.staging, context).await?;
    report_all(&asked.report, "Set-CsCertificate", &agent).await
}

pub(super) async fn remove(asked: Remove, context: &Context) -> Result<(), Problem> {
    check_scope(asked.identity.as_deref())?;
    // Without the current certificate no token can be had; the previous one is on its way out.
    let default = if asked.previous { Default::Go } else { Default::Ask };
    let of = use_of(&asked.kind)?;
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
    report_all(&asked.report, "Remove-CsCertificate", &agent).await
}

/// The thumbprint of the one certificate that `Get-` or `Import-CsCertificate` printed.
async fn referenced(source: &Path) -> Result<String, Problem> {
    let text = piped::object(source).await?.text("Thumbprint")?.unwrap_or_default();
    let thumbprint = value::thumbprint(&text).map_err(|refusal| {
        Problem::failed(format!("`Thumbprint` of the object cannot be `{text}`: {refusal}"))
            .hint("pipe what `actas Import-CsCertificate -Path FILE -Output json` prints")
    })?;
    Ok(thumbprint.as_str().to_owned())
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

async fn assigned(agent: &Agent) -> Result<Vec<AssignedCertificate>, Problem> {
    Ok(agent.certificates().assigned(Use::OAuthTokenIssuer, agent.clock().now()).await?)
}

/// Returns an assigned certificate with the vendor's properties, and its slot.
fn record(assigned: &AssignedCertificate) -> Record {
    described(&assigned.certificate)
        .with("EffectiveDate", shown::time(assigned.effective))
        .with("PreviousThumbprint", assigned.previous.clone())
        .with("UpdateTime", None::<String>)
        .with("Use", Use::OAuthTokenIssuer.as_str())
        .with("SourceScope", "Global")
        .with("Slot", assigned.slot)
}

/// Returns a certificate of the store that is assigned to nothing.
fn record_unassigned(certificate: &Certificate) -> Record {
    let empty = ["EffectiveDate", "PreviousThumbprint", "UpdateTime", "Use", "SourceScope", "Slot"];
    empty.into_iter().fold(described(certificate), |record, name| record.with(name, None::<String>))
}

fn described(certificate: &Certificate) -> Record {
    Record::new()
        .with("Issuer", certificate.issuer())
        .with("NotAfter", shown::time(certificate.not_after()))
        .with("NotBefore", shown::time(certificate.not_before()))
        .with("SerialNumber", certificate.serial_hex())
        .with("Subject", certificate.subject())
        .with("AlternativeNames", names(certificate))
        .with("Thumbprint", certificate.thumbprint())
}

fn names(certificate: &Certificate) -> Vec<String> {
    let addresses = certificate.ip_addresses().iter().map(ToString::to_string);
    certificate.dns_names().iter().cloned().chain(addresses).collect()
}

/// Returns the one use that certificates have here.
fn use_of(kinds: &[CertificateType]) -> Result<Use, Problem> {
    for kind in kinds {
        if let CertificateType::Other(name) = kind {
            return Err(Problem::failed(format!("certificates for `{name}` are not assigned here"))
                .hint("`-Type OAuthTokenIssuer` is the one that signs tokens; those of a server's own TLS are in its configuration"));
        }
    }
    Ok(Use::OAuthTokenIssuer)
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

/// Writes the report that was asked for, on what is assigned after a command.
async fn report_all(asked: &Report, command: &str, agent: &Agent) -> Result<(), Problem> {
    let records: Vec<Record> = assigned(agent).await?.iter().map(record).collect();
    report(asked, command, agent, &records)
}

fn report(asked: &Report, command: &str, agent: &Agent, records: &[Record]) -> Result<(), Problem> {
    let Some(path) = &asked.report else { return Ok(()) };
    let lines = [
        format!("Written by {command} at {}.", shown::time(agent.clock().now())),
        format!("{} certificate(s) assigned in the scope Global.", records.len()),
    ];
    write_atomically(path, html::page("Certificates", &lines, records).as_bytes())
}
