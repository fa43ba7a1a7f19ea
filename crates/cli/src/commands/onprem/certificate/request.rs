//! `Request-CsCertificate`: a certificate that signs itself, or a request.

use std::time::Duration;

use actas_agent::Agent;
use actas_certificate::Name;

use super::{names, open, use_of};
use crate::{
    app::Context,
    arguments::certificate::Request,
    commands::{
        change::{self, Default},
        shown,
    },
    output::Record,
    problem::Problem,
};

/// How long a certificate that signs itself lives.
const LIFETIME: Duration = Duration::from_hours(24 * 365 * 2);

/// Makes a key, and a certificate or a request for it.
///
/// Without `-DomainName` the realm of the configuration names it, which is the
/// default SIP domain by custom; a name that is made up would be in no one's way
/// until the day somebody has to recognise it.
pub(in crate::commands::onprem) async fn run(asked: Request, context: &Context) -> Result<(), Problem> {
    let of = use_of(asked.kind);
    if !change::may(context, asked.change, Default::Go, "Request-CsCertificate", of.as_str()).await? {
        return Ok(());
    }
    if let Some(path) = asked.output_file.as_ref().filter(|path| path.exists() && !asked.change.force) {
        return Err(Problem::failed(format!("`{}` is there already, and was left as it is", path.display()))
            .hint("`-Force` writes over it"));
    }
    let agent = open(context)?;
    let domains = domains(&agent, asked.domain_name).await?;
    let subject = domains.first().map(ToString::to_string).unwrap_or_default();
    let bits = usize::try_from(asked.key_size.bits()).unwrap_or_default();
    if asked.friendly_name.is_some() {
        context.console.warning("`-FriendlyName` is not part of a certificate, and is not kept");
    }
    let Some(path) = asked.output_file else {
        return make(&agent, &subject, &domains, bits, context);
    };

    let request = agent.certificates().request(&subject, &domains, bits)?;
    fs_err::write(&path, request)
        .map_err(|error| Problem::failed("the request could not be written").because(&error))?;
    let record = Record::new()
        .with("Path", path.display().to_string())
        .with("Subject", format!("CN={subject}"))
        .with("AlternativeNames", domains.iter().map(ToString::to_string).collect::<Vec<_>>())
        .with("KeySize", u64::from(asked.key_size.bits()));
    context.console.records(&[record])?;
    context.console.note(&format!(
        "\nThe key waits in the store. Have an authority sign the request, then bring its answer in:\n  \
         actas Import-CsCertificate -Identity Global -Type {} -Path <certificate>",
        of.as_str()
    ));
    Ok(())
}

fn make(agent: &Agent, subject: &str, domains: &[Name], bits: usize, context: &Context) -> Result<(), Problem> {
    let certificate = agent.certificates().make(subject, domains, bits, LIFETIME, agent.clock().now())?;
    let record = Record::new()
        .with("Thumbprint", certificate.thumbprint())
        .with("Subject", certificate.subject())
        .with("AlternativeNames", names(&certificate))
        .with("NotBefore", shown::time(certificate.not_before()))
        .with("NotAfter", shown::time(certificate.not_after()));
    context.console.records(&[record])?;
    context.console.note(&format!(
        "\nThe certificate is in the store, and signs nothing yet. Assign it:\n  \
         actas Set-CsCertificate -Identity Global -Type OAuthTokenIssuer -Thumbprint {}",
        certificate.thumbprint()
    ));
    Ok(())
}

/// Returns the names of a certificate, the first of which is its subject.
async fn domains(agent: &Agent, given: Vec<String>) -> Result<Vec<Name>, Problem> {
    let given = if given.is_empty() {
        let realm = agent.oauth_configuration().await?.realm;
        vec![realm.filter(|realm| realm.contains('.')).ok_or_else(|| {
            Problem::usage("`-DomainName` is missing, and no realm is configured that would name the certificate")
                .hint("name the default SIP domain first: `-DomainName contoso.example`")
        })?]
    } else {
        given
    };
    let parse = |text: &String| {
        text.trim().parse::<Name>().map_err(|error| {
            Problem::usage(format!("`-DomainName` cannot hold that: {error}"))
                .hint("separate names by commas: `-DomainName contoso.example,fabrikam.example`")
        })
    };
    given.iter().map(parse).collect()
}
