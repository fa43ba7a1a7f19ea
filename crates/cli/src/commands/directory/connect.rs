//! `Connect-MsolService`.

use std::io::Read;

use actas_agent::{Agent, Connection, Organization};
use actas_runtime::SystemClock;
use secrecy::{ExposeSecret, SecretString};

use super::{TOKEN_VARIABLE, URL_VARIABLE, authority};
use crate::{
    app::Context,
    arguments::{
        connect::{AzureEnvironment, Connect},
        value::WebUrl,
    },
    output::Record,
    problem::Problem,
    workplace::{self, Workplace, make_folder},
};

/// The most bytes of a token on standard input.
const TOKEN_BYTES_MAX: u64 = 64 * 1024;

/// Signs in to the directory, and remembers how unless a token was given.
pub(super) async fn run(asked: Connect, context: &Context) -> Result<(), Problem> {
    let (graph_url, authority) = addresses(&asked)?;
    let workplace = Workplace::open(&context.global)?;
    let ca_file = asked.ca_file.as_deref().map(authority::absolute).transpose()?;
    let folder = workplace.onprem_folder();
    make_folder(&folder)?;
    let http = workplace::http(&workplace.config, ca_file.as_slice())?;
    let agent = Agent::open(&folder, http, SystemClock::shared())?;

    let organization = if let Some(token) = &asked.access_token {
        let token = token_text(token).await?;
        let organization = agent.graph_with_token(&graph_url, token)?.organization().await.map_err(unreached)?;
        context.console.warning(&format!(
            "a token is not kept: give it to the commands that follow in the variable {TOKEN_VARIABLE}, and the \
             address in {URL_VARIABLE} unless it is {}",
            super::GRAPH_URL
        ));
        organization
    } else {
        agent.connect(&connection(&asked, graph_url, authority)?).await.map_err(unreached)?
    };
    // Only what led somewhere is trusted from now on.
    if let Some(ca_file) = &ca_file {
        authority::remember(&workplace, ca_file, context)?;
    }
    context.console.records(&[record(&organization)])
}

/// Names the parameter of this command where others name the configuration.
fn unreached(error: actas_agent::Error) -> Problem {
    let mut problem = Problem::from(error);
    problem.hint = problem.hint.map(|hint| hint.replace("`[client] ca_files`", "`-CaFile`"));
    problem
}

fn connection(asked: &Connect, graph_url: String, authority: String) -> Result<Connection, Problem> {
    let (Some(tenant), Some(client_id), Some(certificate_file)) =
        (asked.tenant_id.clone(), asked.client_id, &asked.certificate_file)
    else {
        return Err(Problem::usage("`-TenantId`, `-ClientId` and `-CertificateFile` belong together"));
    };
    Ok(Connection {
        graph_url,
        authority,
        tenant,
        client_id,
        certificate_file: authority::absolute(certificate_file)?,
        key_file: asked.key_file.as_deref().map(authority::absolute).transpose()?,
    })
}

/// Returns the addresses of Graph and of the token service.
fn addresses(asked: &Connect) -> Result<(String, String), Problem> {
    let (graph, authority) = match asked.azure_environment {
        AzureEnvironment::Public => (super::GRAPH_URL, "https://login.microsoftonline.com"),
        AzureEnvironment::UsGovernment => ("https://graph.microsoft.us", "https://login.microsoftonline.us"),
        AzureEnvironment::China => ("https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
        AzureEnvironment::Germany => {
            return Err(Problem::failed("the cloud `AzureGermanyCloud` was closed in 2021")
                .hint("its tenants moved to `-AzureEnvironment AzureCloud`"));
        }
    };
    let given = |url: &Option<WebUrl>, default: &str| {
        url.as_ref().map_or_else(|| default.to_owned(), |url| url.as_str().to_owned())
    };
    // The address of the service itself: a version is a part of each request's.
    let root = |url: String| url.trim_end_matches('/').trim_end_matches("/v1.0").to_owned();
    Ok((root(given(&asked.graph_url, graph)), given(&asked.authority, authority)))
}

/// Returns a token, from standard input if it is `-`.
async fn token_text(given: &SecretString) -> Result<String, Problem> {
    let text = given.expose_secret();
    let text = if text == "-" { token_of_stdin().await? } else { text.trim().to_owned() };
    if text.is_empty() {
        return Err(Problem::failed("the token is empty")
            .hint("give one that was fetched for the directory's Graph API: `-AccessToken - < token.txt`"));
    }
    Ok(text)
}

async fn token_of_stdin() -> Result<String, Problem> {
    let read = || {
        let mut text = String::new();
        std::io::stdin().take(TOKEN_BYTES_MAX).read_to_string(&mut text).map(|_| text)
    };
    let text = tokio::task::spawn_blocking(read).await.map_err(std::io::Error::other).flatten();
    let text = text.map_err(|error| Problem::failed("standard input cannot be read").because(&error))?;
    Ok(text.trim().to_owned())
}

fn record(organization: &Organization) -> Record {
    Record::new()
        .with("TenantId", organization.id.clone())
        .with("DisplayName", organization.display_name.clone())
        .with("Domains", organization.domains.clone())
}
