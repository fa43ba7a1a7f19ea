//! `Export-CsCertificate`.

use actas_certificate::file;

use super::{open, use_of};
use crate::{
    app::Context,
    arguments::certificate::{Encoding, Export},
    output::Record,
    problem::Problem,
};

/// Writes the public part of an assigned certificate to a file.
pub(in crate::commands::onprem) async fn run(asked: Export, context: &Context) -> Result<(), Problem> {
    let agent = open(context)?;
    let slots = agent.certificates().slots(use_of(&[asked.kind])?, agent.clock().now()).await?;
    let slot = match (asked.next, asked.previous) {
        (true, _) => slots.next(),
        (false, true) => slots.previous(),
        (false, false) => slots.current(),
    };
    let certificate = &slot.ok_or_else(|| nothing_assigned(asked.next, asked.previous))?.item;
    if asked.path.exists() && !asked.force {
        return Err(Problem::failed(format!("`{}` is there already, and was left as it is", asked.path.display()))
            .hint("`-Force` writes over it"));
    }
    let (encoding, written) = match asked.encoding {
        Encoding::Base64 => ("Base64", file::write_certificate(&asked.path, certificate)),
        Encoding::Der => ("Der", file::write_certificate_der(&asked.path, certificate)),
    };
    written.map_err(|error| Problem::failed(error.to_string()).hint(error.hint()))?;
    let length = fs_err::metadata(&asked.path).map_or(0, |metadata| metadata.len());
    let path = std::path::absolute(&asked.path).unwrap_or(asked.path);
    let record = Record::new()
        .with("Path", path.display().to_string())
        .with("Length", length)
        .with("Thumbprint", certificate.thumbprint())
        .with("Encoding", encoding)
        .with("X5t", certificate.x5t());
    context.console.records(&[record])
}

fn nothing_assigned(next: bool, previous: bool) -> Problem {
    if previous {
        Problem::failed("there is no previous certificate")
            .hint("`actas Get-CsCertificate -Type OAuthTokenIssuer` shows what there is")
    } else if next {
        Problem::failed("no certificate is staged to follow the current one")
            .hint("`actas Set-CsCertificate -Type OAuthTokenIssuer -Thumbprint <thumbprint> -Roll -EffectiveDate <date>` stages one")
    } else {
        Problem::failed("no certificate is assigned for OAuthTokenIssuer").hint(
            "make one with `actas Request-CsCertificate -New -Type OAuthTokenIssuer -DomainName <SIP domain>` and \
             assign it with `actas Set-CsCertificate -Type OAuthTokenIssuer -Thumbprint <thumbprint>`",
        )
    }
}
