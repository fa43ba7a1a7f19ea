//! `Import-CsCertificate`: from a file into the store.

use std::path::Path;

use actas_agent::{Agent, Use, certificate_in};
use actas_certificate::{
    Certificate, CertificateError, KeyPair, PrivateKey,
    file::{self, FileError},
};

use super::{assign, check_scope, open, record, use_of};
use crate::{
    app::Context,
    arguments::certificate::Import,
    commands::change::{self, Default},
    problem::Problem,
};

/// Keeps a certificate with its key, and assigns it.
pub(in crate::commands::onprem) async fn run(asked: Import, context: &Context) -> Result<(), Problem> {
    check_scope(asked.identity.as_deref())?;
    let of = use_of(asked.kind);
    if !change::may(context, asked.change, Default::Go, "Import-CsCertificate", of.as_str()).await? {
        return Ok(());
    }
    if asked.private_key_exportable == Some(false) {
        context.console.warning(
            "`-PrivateKeyExportable` is not known to a store of files: the key is kept in one that only its owner can read",
        );
    }
    let agent = open(context)?;
    let certificate = keep(&agent, &asked.path, asked.password.is_some(), context)?;
    assign(&agent, of, certificate.thumbprint(), asked.staging, context).await?;
    let assigned = agent.certificates().assigned(Use::OAuthTokenIssuer, agent.clock().now()).await?;
    let imported = assigned.iter().filter(|assigned| assigned.certificate == certificate);
    context.console.records(&imported.map(record).collect::<Vec<_>>())
}

/// Reads a certificate and its key, and keeps them in the store, unassigned.
pub(super) fn keep(
    agent: &Agent,
    path: &Path,
    password_given: bool,
    context: &Context,
) -> Result<Certificate, Problem> {
    // What is wrong with the certificate comes first: a key that goes with a
    // short one cannot even be read, and would be told as unreadable.
    let holds_key = holds_key(path)?;
    let certificate = certificate_in(path)?;
    let now = agent.clock().now();
    certificate.check_usable_for_tokens(now).map_err(|error| {
        Problem::failed(format!("`{}` cannot sign tokens: {error}", path.display())).hint(error.hint())
    })?;
    let key = if holds_key { key_in(path)? } else { requested_key(agent, &certificate, path, context)? };
    let pair = KeyPair::new(certificate, key)
        .map_err(|error| Problem::failed(format!("`{}`: {error}", path.display())).hint(error.hint()))?;
    agent.certificates().import(&pair, now)?;
    if password_given {
        context.console.warning("`-Password` was not needed: the key in this file is not encrypted");
    }
    Ok(pair.certificate().clone())
}

/// Returns whether a file of certificates holds a private key too.
fn holds_key(path: &Path) -> Result<bool, Problem> {
    match file::read_certificates(path) {
        Ok(_) => Ok(false),
        Err(FileError::Certificate { source: CertificateError::HoldsPrivateKey, .. }) => Ok(true),
        Err(FileError::Certificate { source: CertificateError::Pkcs12, .. }) => {
            Err(Problem::failed(format!("`{}` is a PKCS#12 file (.pfx or .p12), and PEM is wanted", path.display()))
                .hint(format!(
                    "convert it into a file that only you can read: \
                     `(umask 077; openssl pkcs12 -in {} -nodes -out oauth.pem)`",
                    path.display()
                )))
        }
        Err(error) => Err(Problem::failed(error.to_string()).hint(error.hint())),
    }
}

fn key_in(path: &Path) -> Result<PrivateKey, Problem> {
    file::read_private_key(path).map_err(|error| Problem::failed(error.to_string()).hint(error.hint()))
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
