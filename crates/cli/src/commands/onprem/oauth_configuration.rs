//! `CsOAuthConfiguration`.

use actas_agent::ConfigurationChange;
use actas_directory::onprem::{OAuthServer, PartnerApplication, Properties};

use super::open;
use crate::{
    app::Context,
    arguments::oauth_configuration::{AdalOverride, Get, Set},
    commands::{
        change::{self, Default},
        shown,
    },
    output::{Record, Value},
    problem::Problem,
};

pub(super) async fn get(asked: Get, context: &Context) -> Result<(), Problem> {
    if asked.filter.is_some_and(|pattern| !shown::matches(&pattern, GLOBAL)) {
        return context.console.records(&[]);
    }
    let agent = open(context)?;
    let (partners, servers) = (agent.partners().await?, agent.oauth_servers().await?);
    let mut record = Record::new();
    for (name, value) in agent.oauth_configuration().await?.properties(&partners, &servers) {
        // An embedded object keeps its own order, which a map of JSON would lose.
        match name {
            "PartnerApplications" => record.push(name, embedded(partners.iter().map(PartnerApplication::properties))),
            "OAuthServers" => record.push(name, embedded(servers.iter().map(OAuthServer::properties))),
            _ => record.push(name, value),
        }
    }
    context.console.records(&[record])
}

pub(super) async fn set(asked: Set, context: &Context) -> Result<(), Problem> {
    if !change::may(context, asked.change, Default::Go, "Set-CsOAuthConfiguration", GLOBAL).await? {
        return Ok(());
    }
    let change = ConfigurationChange {
        realm: asked.realm,
        service_name: asked.service_name,
        client_authorization_oauth_server_identity: asked.client_authorization_oauth_server_identity,
        exchange_autodiscover_url: asked
            .exchange_autodiscover_url
            .map(|url| url.0.map_or_else(String::new, |url| url.as_str().to_owned())),
        exchange_autodiscover_allowed_domains: asked.exchange_autodiscover_allowed_domains,
        client_adal_auth_override: asked.client_adal_auth_override.map(|choice| {
            match choice {
                AdalOverride::NoOverride => "NoOverride",
                AdalOverride::Allowed => "Allowed",
                AdalOverride::Disallowed => "Disallowed",
            }
            .to_owned()
        }),
        alternate_audience_url: asked.alternate_audience_url,
        additional_audience_urls: asked.additional_audience_urls,
    };
    let warnings = open(context)?.set_oauth_configuration(&change).await?;
    shown::warn(&context.console, &warnings);
    Ok(())
}

/// Returns objects as they stand inside of the configuration: without their identity.
fn embedded(all: impl Iterator<Item = Properties>) -> Vec<Value> {
    let without_identity =
        |properties: Properties| properties.into_iter().filter(|(name, _)| *name != "Identity").collect();
    all.map(without_identity).map(shown::record).map(Value::from).collect()
}

const GLOBAL: &str = "Global";
