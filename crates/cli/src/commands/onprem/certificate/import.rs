//! `Import-CsCertificate`: from a file into the store.

use std::path::Path;

use actas_agent::{Agent, certificate_in};
use actas_certificate::{
    Certificate, CertificateError, KeyPair, PrivateKey,
    file::{self, FileError},
};

use super::{assign, assigned, check_scope, open, password, record, record_unassigned, report_all, use_of};
use crate::{
    app::Context,
    arguments::certificate::{FilePassword, Import},
    commands::change::{self, Default},
    problem::Problem,
};

/// Keeps a certificate with its key, and assigns it if that was asked for.
pub(in crate::commands::onprem) async fn run(asked: Import, context: &Context) -> Result<(), Problem> {
    check_scope(asked.identity.as_deref())?;
    let of = use_of(&asked.kind)?;
    let assigns = asked.identity.is_some() || !asked.kind.is_empty() || asked.staging.effective_date.is_some();
    let target = if assigns { of.as_str().to_owned() } else { asked.path.display().to_string() };
    if !change::may(context, asked.change, Default::Go, "Import-CsCertificate", &target).await? {
        return Ok(());
    }
    if asked.private_key_exportable == Some(false) {
        context.console.warning(
            "`-PrivateKeyExportable` is not known to a store of files: the key is kept in one that only its owner can read",
        );
    }
    let agent = open(context)?;
    let certificate = keep(&agent, &asked.path, &asked.password, context)?;
    if assigns {
        assign(&agent, of, certificate.thumbprint(), asked.staging, context).await?;
    }
    report_all(&asked.report, "Import-CsCertificate", &agent).await?;
    let all = assigned(&agent).await?;
    let imported: Vec<_> = all.iter().filter(|own| own.certificate == certificate).map(record).collect();
    if !imported.is_empty() {
        return context.console.records(&imported);
    }
    context.console.records(&[record_unassigned(&certificate)])?;
    context.console.note(&format!(
        "\nThe certificate is in the store, and signs nothing yet. Assign it:\n  \
         actas Set-CsCertificate -Identity Global -Type {} -Thumbprint {}",
        of.as_str(),
        certificate.thumbprint()
    ));
    Ok(())
}

/// Reads a certificate and its key, and keeps them in the store, unassigned.
pub(super) fn keep(
    agent: &Agent,
    path: &Path,
    given: &FilePassword,
    context: &Context,
) -> Result<Certificate, Problem> {
    let pair = match kind_of(path)? {
        Kind::Pkcs12 => {
            let pair = password::open(path, given, context)?;
            check(agent, path, pair.certificate())?;
            pair
        }
        kind => {
            let pair = from_pem(agent, path, kind, given, context)?;
            if matches!(kind, Kind::Certificates) && password::is_given(given) {
                context.console.warning("the password was not needed: the key of this certificate is not encrypted");
            }
            pair
        }
    };
    agent.certificates().import(&pair, agent.clock().now())?;
    Ok(pair.certificate().clone())
}

fn from_pem(
    agent: &Agent,
    path: &Path,
    kind: Kind,
    given: &FilePassword,
    context: &Context,
) -> Result<KeyPair, Problem> {
    // What is wrong with the certificate comes first: a key that goes with a
    // short one cannot even be read, and would be told as unreadable.
    let certificate = certificate_in(path)?;
    check(agent, path, &certificate)?;
    let key = match kind {
        Kind::WithKey => password::open_key(path, given, context)?,
        _ => requested_key(agent, &certificate, path, context)?,
    };
    KeyPair::new(certificate, key)
        .map_err(|error| Problem::failed(format!("`{}`: {error}", path.display())).hint(error.hint()))
}

fn check(agent: &Agent, path: &Path, certificate: &Certificate) -> Result<(), Problem> {
    certificate.check_usable_for_tokens(agent.clock().now()).map_err(|error| {
        Problem::failed(format!("`{}` cannot sign tokens: {error}", path.display())).hint(error.hint())
    })
}

/// What a file of certificates is.
#[derive(Clone, Copy)]
enum Kind {
    /// Certificates alone, in PEM or DER.
    Certificates,
    /// PEM with a private key among it.
    WithKey,
    /// PKCS#12.
    Pkcs12,
}

fn kind_of(path: &Path) -> Result<Kind, Problem> {
    match file::read_certificates(path) {
        Ok(_) => Ok(Kind::Certificates),
        Err(FileError::Certificate { source: CertificateError::HoldsPrivateKey, .. }) => Ok(Kind::WithKey),
        Err(FileError::Certificate { source: CertificateError::Pkcs12, .. }) => Ok(Kind::Pkcs12),
        Err(error) => Err(told(&error)),
    }
}

/// Returns the key that waits here for an authority's answer to a request.
fn requested_key(
    agent: &Agent,
    certificate: &Certificate,
    path: &Path,
    context: &Context,
) -> Result<PrivateKey, Problem> {
    match agent.certificates().requested_key(certificate)? {
        Some(key) => {
            context.console.verbose("the key of this certificate was made here, with its request");
            Ok(key)
        }
        None => Err(Problem::failed(format!("`{}` holds a certificate without its private key", path.display()))
            .detail("the key is not here either: the certificate was not requested by this installation")
            .hint(
                "put both into one file that only you can read: \
                 `(umask 077; cat oauth.cer oauth.key > oauth.pem)`",
            )),
    }
}

fn told(error: &FileError) -> Problem {
    Problem::failed(error.to_string()).hint(error.hint())
}
