//! Commands on the directory of the cloud.

mod authority;
mod connect;
mod credential;
mod new_key;
mod secret;
mod service_principal;
mod tenant;
mod tenant_filter;

use std::env;

use actas_agent::{Agent, GraphClient};
use serde_json::Value;

use crate::{
    app::Context,
    arguments::{Directory, change::TenantId, principal::PrincipalIdentity},
    problem::Problem,
    workplace::Workplace,
};

/// A token to use as it is, for one process.
const TOKEN_VARIABLE: &str = "ACTAS_GRAPH_TOKEN";
/// Where that token is good, if there is no connection that says so.
const URL_VARIABLE: &str = "ACTAS_GRAPH_URL";
/// The directory of the public cloud.
const GRAPH_URL: &str = "https://graph.microsoft.com";

/// Runs a command of this group.
pub(super) async fn run(command: Directory, context: &Context) -> Result<(), Problem> {
    match command {
        Directory::Connect(asked) => connect::run(*asked, context).await,
        Directory::GetTenant(asked) => tenant::get(asked, context).await,
        Directory::GetServicePrincipal(asked) => service_principal::get(asked, context).await,
        Directory::NewServicePrincipal(asked) => service_principal::new(asked, context).await,
        Directory::SetServicePrincipal(asked) => service_principal::set(asked, context).await,
        Directory::RemoveServicePrincipal(asked) => service_principal::remove(asked, context).await,
        Directory::GetCredential(asked) => credential::get(asked, context).await,
        Directory::NewCredential(asked) => credential::new(asked, context).await,
        Directory::RemoveCredential(asked) => credential::remove(asked, context).await,
    }
}

/// Returns a client of the directory: with the token of the environment, or
/// signed in by the remembered connection.
pub(super) async fn graph(agent: &Agent) -> Result<GraphClient, Problem> {
    let Some(token) = variable(TOKEN_VARIABLE) else {
        return Ok(agent.graph().await?);
    };
    let connected = agent.connection().await?.map(|connection| connection.graph_url);
    let url = variable(URL_VARIABLE).or(connected).unwrap_or_else(|| GRAPH_URL.to_owned());
    Ok(agent.graph_with_token(&url, token)?)
}

/// Returns whether there is a way to sign in to the directory.
pub(super) async fn is_reachable(agent: &Agent) -> Result<bool, Problem> {
    Ok(variable(TOKEN_VARIABLE).is_some() || agent.connection().await?.is_some())
}

/// Opens the directory for a command, in the tenant that it names.
async fn open(context: &Context, tenant: TenantId) -> Result<GraphClient, Problem> {
    let agent = Workplace::open(&context.global)?.agent()?;
    let graph = graph(&agent).await?;
    if let Some(wanted) = tenant.tenant_id {
        let connected = graph.organization().await?.id;
        if !connected.eq_ignore_ascii_case(&wanted.to_string()) {
            return Err(Problem::failed(format!("the connection leads to the tenant {connected}, not to {wanted}"))
                .hint(format!("sign in to that one: `actas Connect-MsolService -TenantId {wanted} …`")));
        }
    }
    Ok(graph)
}

/// Returns the one service principal that is named, as the directory shows it.
async fn principal(graph: &GraphClient, identity: &PrincipalIdentity) -> Result<Value, Problem> {
    let (filter, shown) = match identity {
        PrincipalIdentity::ObjectId(id) => (format!("id eq '{id}'"), format!("ObjectId {id}")),
        PrincipalIdentity::AppPrincipalId(id) => (format!("appId eq '{id}'"), format!("AppPrincipalId {id}")),
        PrincipalIdentity::ServicePrincipalName(name) => {
            (format!("servicePrincipalNames/any(n:n eq '{}')", quoted(name)), format!("ServicePrincipalName `{name}`"))
        }
    };
    let found = graph.principals(Some(&filter), 1).await?;
    found.into_iter().next().ok_or_else(|| {
        Problem::failed(format!("the directory has no service principal with the {shown}"))
            .hint("`actas Get-MsolServicePrincipal -Output table` lists what there is")
    })
}

/// Returns the id by which the directory addresses a principal.
fn id_of(principal: &Value) -> &str {
    principal["id"].as_str().unwrap_or_default()
}

/// Returns the name of a principal for a sentence.
fn name_of(principal: &Value) -> &str {
    principal["displayName"].as_str().or_else(|| principal["appId"].as_str()).unwrap_or_default()
}

/// Returns how a service principal is named, for the line of `-WhatIf`.
fn target(identity: &PrincipalIdentity) -> String {
    match identity {
        PrincipalIdentity::ObjectId(id) | PrincipalIdentity::AppPrincipalId(id) => id.to_string(),
        PrincipalIdentity::ServicePrincipalName(name) => name.clone(),
    }
}

/// Returns a text for between the quotes of a filter.
fn quoted(text: &str) -> String {
    text.replace('\'', "''")
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}
