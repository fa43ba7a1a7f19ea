//! `Connect-MsolService`.

use actas_agent::{Agent, Begin, Connected, Connection, DevicePrompt, Organization, Proof, Shown};
use actas_runtime::SystemClock;
use secrecy::ExposeSecret;

use super::{TOKEN_VARIABLE, URL_VARIABLE, authority, secret, variable};
use crate::{
    app::Context,
    arguments::{
        connect::{Connect, Environment},
        value::WebUrl,
    },
    commands::shown,
    output::Record,
    problem::Problem,
    workplace::{self, Workplace, make_folder},
};

/// The tenant of whoever signs in, where none was named: Microsoft's clouds know it.
const ANY_TENANT: &str = "organizations";

/// Signs in to the directory, and remembers how unless a token was given.
pub(super) async fn run(asked: Connect, context: &Context) -> Result<(), Problem> {
    if asked.status || asked.sign_out {
        let agent = Workplace::open(&context.global)?.agent()?;
        return if asked.status { status(&agent, context).await } else { sign_out(&agent, context).await };
    }
    let way = Way::of(&asked, context)?;
    let workplace = Workplace::open(&context.global)?;
    let ca_file = asked.ca_file.as_deref().map(authority::absolute).transpose()?;
    let folder = workplace.onprem_folder();
    make_folder(&folder)?;
    let http = workplace::http(&workplace.config, ca_file.as_slice())?;
    let agent = Agent::open(&folder, http, SystemClock::shared())?;
    let addresses = Addresses::of(&asked, &way, &agent).await?;

    let record = match way {
        Way::Token(token) => {
            let graph = agent.graph_with_token(&addresses.graph_url, token)?;
            let organization = graph.organization().await.map_err(unreached)?;
            context.console.warning(&format!(
                "a token is not kept: give it to the commands that follow in the variable {TOKEN_VARIABLE}, and the \
                 address in {URL_VARIABLE} unless it is {}",
                super::GRAPH_URL
            ));
            of_tenant(&organization)
        }
        Way::Proof(proof, secret) => {
            let connection = addresses.connection(&asked, proof)?;
            let tell = |prompt: &DevicePrompt| context.console.note(&told(prompt));
            let begin = match (&connection.proof, &secret) {
                (Proof::Session { session: Shown::DeviceCode }, _) => Begin::DeviceCode(&tell),
                (_, Some(secret)) => Begin::Secret(secret.expose_secret()),
                (_, None) => Begin::FromFiles,
            };
            of_connection(&agent.connect(&connection, begin).await.map_err(unreached)?)
        }
    };
    // Only what led somewhere is trusted from now on.
    if let Some(ca_file) = &ca_file {
        authority::remember(&workplace, ca_file, context)?;
    }
    context.console.records(&[record])
}

/// How somebody signs in.
enum Way {
    /// With a token from elsewhere.
    Token(String),
    /// With what a connection remembers, and a secret that it does not.
    Proof(Proof, Option<secrecy::SecretString>),
}

// === impl Way ===

impl Way {
    fn of(asked: &Connect, context: &Context) -> Result<Self, Problem> {
        if let Some(certificate_file) = &asked.certificate_file {
            let certificate_file = authority::absolute(certificate_file)?;
            let key_file = asked.key_file.as_deref().map(authority::absolute).transpose()?;
            return Ok(Self::Proof(Proof::Certificate { certificate_file, key_file }, None));
        }
        if let Some(secret_file) = &asked.client_secret_file {
            let secret_file = authority::absolute(secret_file)?;
            return Ok(Self::Proof(Proof::SecretFile { secret_file }, None));
        }
        if let Some(source) = asked.client_secret {
            let secret = secret::from(source, &context.console)?;
            return Ok(Self::Proof(Proof::Session { session: Shown::Secret }, Some(secret)));
        }
        if asked.device_code {
            return Ok(Self::Proof(Proof::Session { session: Shown::DeviceCode }, None));
        }
        if let Some(token) = &asked.access_token {
            return Ok(Self::Token(secret::token(token)?));
        }
        variable(TOKEN_VARIABLE).map(Self::Token).ok_or_else(|| {
            Problem::usage("`Connect-MsolService` needs something to sign in with")
                .detail("`-CertificateFile FILE`: an application with its certificate")
                .detail("`-ClientSecretFile FILE` or `-ClientSecret prompt`: an application with its secret")
                .detail("`-DeviceCode`: a user, with a browser")
                .detail(format!(
                    "`-AccessToken -` or the variable {TOKEN_VARIABLE}: a token that was fetched elsewhere"
                ))
                .hint("`actas help Connect-MsolService` shows parameters, defaults and examples")
        })
    }
}

/// Where the services of a cloud are.
struct Addresses {
    environment: Option<String>,
    graph_url: String,
    authority: String,
}

// === impl Addresses ===

impl Addresses {
    async fn of(asked: &Connect, way: &Way, agent: &Agent) -> Result<Self, Problem> {
        let given = |url: &Option<WebUrl>| url.as_ref().map(|url| url.as_str().to_owned());
        let (graph_url, authority) = (given(&asked.graph_url), given(&asked.authority));
        // What is named one by one is no environment.
        let environment = (graph_url.is_none() && authority.is_none()).then(|| asked.environment.name().to_owned());
        let (graph_default, authority_default) = match &asked.environment {
            Environment::Own(url) => {
                let root = url.as_str().trim_end_matches('/').to_owned();
                let graph_default = match (&graph_url, &asked.tenant_id) {
                    (Some(given), _) => given.clone(),
                    (None, Some(tenant)) => agent.discover_cloud(&root, tenant).await.map_err(unreached)?.graph_url,
                    (None, None) => {
                        let token = matches!(way, Way::Token(_));
                        let hint = if token { "name it, or the directory itself by `-GraphUrl`" } else { "name it" };
                        return Err(Problem::usage(format!(
                            "the cloud at `{root}` is asked about a tenant, and `-TenantId` names none"
                        ))
                        .hint(hint));
                    }
                };
                (graph_default, root)
            }
            named => {
                let (graph, authority) = services(named)?;
                (graph.to_owned(), authority.to_owned())
            }
        };
        // The address of the service itself: a version is a part of each request's.
        let root = |url: String| url.trim_end_matches('/').trim_end_matches("/v1.0").to_owned();
        Ok(Self {
            environment,
            graph_url: root(graph_url.unwrap_or(graph_default)),
            authority: authority.unwrap_or(authority_default),
        })
    }

    fn connection(self, asked: &Connect, proof: Proof) -> Result<Connection, Problem> {
        let Some(client_id) = asked.client_id else {
            return Err(Problem::usage("`-ClientId` names the application that signs in, and is missing"));
        };
        let tenant = match (&asked.tenant_id, &asked.environment) {
            (Some(tenant), _) => tenant.clone(),
            (None, Environment::Own(_)) => return Err(Problem::usage("`-TenantId` names the tenant, and is missing")),
            (None, _) => ANY_TENANT.to_owned(),
        };
        let Self { environment, graph_url, authority } = self;
        Ok(Connection { environment, graph_url, authority, tenant, client_id, account: None, proof })
    }
}

/// Returns Graph and the token service of one of Microsoft's clouds.
fn services(environment: &Environment) -> Result<(&'static str, &'static str), Problem> {
    Ok(match environment {
        Environment::Public => (super::GRAPH_URL, "https://login.microsoftonline.com"),
        Environment::UsGovernment => ("https://graph.microsoft.us", "https://login.microsoftonline.us"),
        Environment::UsGovernmentDod => ("https://dod-graph.microsoft.us", "https://login.microsoftonline.us"),
        Environment::China => ("https://microsoftgraph.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
        Environment::Germany | Environment::Own(_) => {
            return Err(Problem::failed("the cloud `AzureGermanyCloud` was closed in 2021")
                .hint("its tenants moved to `-Environment AzureCloud`"));
        }
    })
}

/// Names the parameter of this command where others name the configuration.
fn unreached(error: actas_agent::Error) -> Problem {
    let mut problem = Problem::from(error);
    problem.hint = problem.hint.map(|hint| hint.replace("`[client] ca_files`", "`-CaFile`"));
    problem
}

fn told(prompt: &DevicePrompt) -> String {
    format!(
        "To sign in, open {} in a browser, on this or another machine, and enter the code {}. It can be used until {}.",
        prompt.verification_uri,
        prompt.user_code,
        shown::time(prompt.expires)
    )
}

/// Shows the connection that there is.
async fn status(agent: &Agent, context: &Context) -> Result<(), Problem> {
    if variable(TOKEN_VARIABLE).is_some() {
        context.console.note(&format!("The token of the variable {TOKEN_VARIABLE} is used in its place.\n"));
    }
    let Some(connection) = agent.connection().await? else {
        return Err(Problem::failed("there is no connection to the cloud's directory")
            .hint("`actas help Connect-MsolService` shows the ways to sign in"));
    };
    let expires = match connection.proof {
        Proof::Session { .. } => agent.session_expires()?,
        _ => None,
    };
    let now = SystemClock::shared().now();
    if matches!(connection.proof, Proof::Session { .. }) && expires.is_none_or(|expires| expires <= now) {
        context.console.warning("the session has ended: sign in again");
    }
    let record = Record::new()
        .with("Environment", connection.environment.clone())
        .with("GraphUrl", connection.graph_url.clone())
        .with("Authority", connection.authority.clone())
        .with("Tenant", connection.tenant.clone())
        .with("ClientId", connection.client_id.to_string());
    context.console.records(&[signed_in(record, &connection, expires)])
}

async fn sign_out(agent: &Agent, context: &Context) -> Result<(), Problem> {
    let was = agent.sign_out().await?;
    context.console.note(if was { "The connection is forgotten." } else { "There was no connection." });
    Ok(())
}

fn of_tenant(organization: &Organization) -> Record {
    Record::new()
        .with("TenantId", organization.id.clone())
        .with("DisplayName", organization.display_name.clone())
        .with("Domains", organization.domains.clone())
}

fn of_connection(connected: &Connected) -> Record {
    signed_in(of_tenant(&connected.organization), &connected.connection, connected.expires)
}

/// Adds who is signed in by what, and until when. Nothing of it is secret.
fn signed_in(record: Record, connection: &Connection, expires: Option<jiff::Timestamp>) -> Record {
    let by = match connection.proof {
        Proof::Certificate { .. } => "Certificate",
        Proof::SecretFile { .. } | Proof::Session { session: Shown::Secret } => "Secret",
        Proof::Session { session: Shown::DeviceCode } => "DeviceCode",
    };
    let account = connection.account.clone().unwrap_or_else(|| connection.client_id.to_string());
    record.with("Account", account).with("SignIn", by).with("ExpiresOn", expires.map(shown::time))
}
