//! `Request-CsCertificate`: a certificate that signs itself, or a request.

use std::time::Duration;

use actas_agent::Agent;
use actas_certificate::{Name, issue::Subject};

use super::{names, open, use_of};
use crate::{
    app::Context,
    arguments::certificate::{KeyAlgorithm, Request, RequestContent},
    commands::{
        change::{self, Default},
        shown,
    },
    output::Record,
    problem::Problem,
};

/// How long a certificate that signs itself lives.
const LIFETIME: Duration = Duration::from_hours(24 * 365 * 2);
const COMMAND: &str = "Request-CsCertificate";

/// Makes a key, and a certificate or a request for it; or shows and forgets requests.
pub(in crate::commands::onprem) async fn run(asked: Request, context: &Context) -> Result<(), Problem> {
    if asked.retrieve || asked.enrolment.is_asked_for() {
        return Err(Problem::failed("no authority is asked from here").hint(
            "write a request with `-New -OutputFile FILE`, have it signed, and bring the answer in with \
             `actas Import-CsCertificate -Identity Global -Type OAuthTokenIssuer -Path FILE`",
        ));
    }
    if asked.list {
        let waiting = open(context)?.certificates().requests()?;
        let record = |request: &actas_agent::PendingRequest| {
            Record::new().with("RequestId", request.id.as_str()).with("Requested", shown::time(request.made))
        };
        return context.console.records(&waiting.iter().map(record).collect::<Vec<_>>());
    }
    if asked.clear {
        return clear(&asked, context).await;
    }
    new(asked, context).await
}

async fn clear(asked: &Request, context: &Context) -> Result<(), Problem> {
    let target = asked.request_id.as_deref().unwrap_or("all requests");
    // The certificate that an authority may have made is of no use without its key.
    if !change::may(context, asked.change, Default::Ask, COMMAND, target).await? {
        return Ok(());
    }
    let agent = open(context)?;
    let ids = match &asked.request_id {
        Some(id) => vec![id.clone()],
        None => agent.certificates().requests()?.into_iter().map(|request| request.id).collect(),
    };
    for id in ids {
        agent.certificates().forget_request(&id)?;
    }
    Ok(())
}

/// Without `-DomainName` the realm of the configuration names the certificate, which is
/// the default SIP domain by custom; a name that is made up would be in no one's way
/// until the day somebody has to recognise it.
async fn new(asked: Request, context: &Context) -> Result<(), Problem> {
    let of = use_of(&asked.kind)?;
    if asked.content.key_alg != KeyAlgorithm::Rsa {
        return Err(Problem::failed("tokens are signed with RSA keys: the services that read them take no others")
            .hint("leave `-KeyAlg` out"));
    }
    if !change::may(context, asked.change, Default::Go, COMMAND, of.as_str()).await? {
        return Ok(());
    }
    if let Some(path) = asked.output_file.as_ref().filter(|path| path.exists() && !asked.change.force) {
        return Err(Problem::failed(format!("`{}` is there already, and was left as it is", path.display()))
            .hint("`-Force` writes over it"));
    }
    let agent = open(context)?;
    let wanted = &asked.content;
    let domains = domains(&agent, wanted).await?;
    let subject = subject(wanted, &domains);
    let bits = usize::try_from(wanted.key_size.bits()).unwrap_or_default();
    if wanted.friendly_name.is_some() {
        context.console.warning("`-FriendlyName` is not part of a certificate, and is not kept");
    }
    if wanted.private_key_exportable == Some(false) {
        context.console.warning(
            "`-PrivateKeyExportable` is not known to a store of files: the key is kept in one that only its owner can read",
        );
    }
    let Some(path) = asked.output_file else {
        if wanted.client_eku == Some(true) {
            context
                .console
                .warning("`-ClientEKU` is for a request; a certificate that signs itself is for tokens alone");
        }
        return make(&agent, subject, &domains, bits, context);
    };

    let client = wanted.client_eku.unwrap_or(false);
    let request = agent.certificates().request(&subject, &domains, client, bits)?;
    fs_err::write(&path, request)
        .map_err(|error| Problem::failed("the request could not be written").because(&error))?;
    let record = Record::new()
        .with("Path", path.display().to_string())
        .with("Subject", shown_subject(&subject))
        .with("AlternativeNames", domains.iter().map(ToString::to_string).collect::<Vec<_>>())
        .with("KeySize", u64::from(wanted.key_size.bits()));
    context.console.records(&[record])?;
    context.console.note(&format!(
        "\nThe key waits in the store. Have an authority sign the request, then bring its answer in:\n  \
         actas Import-CsCertificate -Identity Global -Type {} -Path <certificate>",
        of.as_str()
    ));
    Ok(())
}

fn make(agent: &Agent, subject: Subject, domains: &[Name], bits: usize, context: &Context) -> Result<(), Problem> {
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

fn subject(content: &RequestContent, domains: &[Name]) -> Subject {
    Subject {
        common_name: domains.first().map(ToString::to_string).unwrap_or_default(),
        organization: content.organization.clone(),
        organizational_unit: content.organizational_unit.clone(),
        locality: content.city.clone(),
        state: content.state.clone(),
        country: content.country.clone(),
    }
}

fn shown_subject(subject: &Subject) -> String {
    let parts = [
        ("CN", Some(&subject.common_name)),
        ("OU", subject.organizational_unit.as_ref()),
        ("O", subject.organization.as_ref()),
        ("L", subject.locality.as_ref()),
        ("ST", subject.state.as_ref()),
        ("C", subject.country.as_ref()),
    ];
    let parts = parts.iter().filter_map(|(name, value)| value.map(|value| format!("{name}={value}")));
    parts.collect::<Vec<_>>().join(", ")
}

/// Returns the names of a certificate, the first of which is its subject.
async fn domains(agent: &Agent, content: &RequestContent) -> Result<Vec<Name>, Problem> {
    let realm = agent.oauth_configuration().await?.realm.filter(|realm| realm.contains('.'));
    let mut given: Vec<&str> = content.computer_fqdn.as_deref().into_iter().collect();
    given.extend(content.domain_name.iter().map(String::as_str));
    if content.all_sip_domain || content.domain_name.is_empty() {
        given.extend(realm.as_deref());
    }
    if given.is_empty() {
        return Err(Problem::usage(
            "`-DomainName` is missing, and no realm is configured that would name the certificate",
        )
        .hint("name the default SIP domain first: `-DomainName contoso.example`"));
    }
    let mut names: Vec<Name> = Vec::with_capacity(given.len());
    for text in given {
        let name: Name = text.trim().parse().map_err(|error| {
            Problem::usage(format!("`-DomainName` cannot hold that: {error}"))
                .hint("separate names by commas: `-DomainName contoso.example,fabrikam.example`")
        })?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}
