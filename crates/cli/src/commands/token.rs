//! `token`: asking for one, reading one, judging one.

mod inspect;
mod source;
mod validate;

use actas_agent::{Agent, TokenFailure};
use actas_token::{Principal, well_known};

use super::shown;
use crate::{
    app::Context,
    arguments::token::{Request, Token},
    output::Record,
    problem::Problem,
    workplace::Workplace,
};

/// Runs one of the commands on tokens.
pub(super) async fn run(command: Token, context: &Context) -> Result<(), Problem> {
    match command {
        Token::Request(asked) => request(asked, context).await,
        Token::Inspect(asked) => inspect::run(asked, context).await,
        Token::Validate(asked) => validate::run(asked, context).await,
    }
}

/// Asks for a token as a delivery would, and shows it: that is what was asked for.
async fn request(asked: Request, context: &Context) -> Result<(), Problem> {
    let agent = Workplace::open(&context.global)?.agent()?;
    let (host, realm) = host_of(&agent, asked.resource.as_deref()).await?;
    let token = agent.actor_token(&host).await.map_err(|failure| refused(&failure, &host))?;
    let own_realm = token.resource.rsplit_once('@').map(|(_, realm)| realm);
    if let Some(realm) = realm.filter(|realm| Some(realm.as_str()) != own_realm) {
        return Err(Problem::failed(format!(
            "tokens of this installation are for the realm {}, not {realm}",
            own_realm.unwrap_or("of nobody")
        ))
        .hint(format!("leave the realm out: `--resource {host}`")));
    }
    let record = Record::new()
        .with("Resource", token.resource.clone())
        .with("Issuer", token.issuer.clone())
        .with("ExpiresOn", shown::time(token.expires))
        .with("AccessToken", token.reveal());
    context.console.records(&[record])
}

/// Returns the host that a token is for, and its realm if one was named.
async fn host_of(agent: &Agent, resource: Option<&str>) -> Result<(String, Option<String>), Problem> {
    let Some(resource) = resource else {
        let host = agent.exchange_host().await;
        let host = host.map_err(|error| shown::failed(error, "`--resource HOST` asks for a host in its place"))?;
        return Ok((host, None));
    };
    let Ok(principal) = resource.parse::<Principal>() else {
        let is_host =
            !resource.is_empty() && resource.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b));
        return if is_host { Ok((resource.to_owned(), None)) } else { Err(not_a_resource(resource)) };
    };
    if principal.app_id != well_known::EXCHANGE {
        return Err(Problem::failed(format!(
            "tokens are asked for Exchange, and {} is another application",
            principal.app_id
        ))
        .hint(format!("name a host of Exchange, or `{}/HOST@REALM`", well_known::EXCHANGE)));
    }
    let host = principal.host.ok_or_else(|| not_a_resource(resource))?;
    Ok((host, principal.realm))
}

fn not_a_resource(resource: &str) -> Problem {
    Problem::failed(format!("`{resource}` names no resource"))
        .hint(format!("name a host, or `{}/HOST@REALM`", well_known::EXCHANGE))
}

/// Says why there is no token, and whose move it is.
fn refused(failure: &TokenFailure, host: &str) -> Problem {
    let problem = Problem::failed(format!("there is no token for `{host}`")).detail(failure.to_string());
    match failure {
        TokenFailure::NoTrust => problem.hint(
            "declare Exchange: `actas New-CsPartnerApplication microsoft.exchange -ApplicationIdentifier \
             00000002-0000-0ff1-ce00-000000000000 -ApplicationTrustLevel Full -UseOAuthServer`",
        ),
        TokenFailure::Configuration(error) => match error.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        },
        TokenFailure::Unreachable { sts, error, .. } => problem.detail(format!("asked at {sts}")).hint(error.hint()),
        TokenFailure::Refused { sts, .. } => problem.detail(format!("asked at {sts}")).hint(
            "the directory has to know the certificate that signs: compare `actas Get-CsCertificate` with \
             `actas Get-MsolServicePrincipalCredential -AppPrincipalId 00000004-0000-0ff1-ce00-000000000000 \
             -ReturnKeyValues false`",
        ),
        _ => problem,
    }
}
