//! `CsOAuthConfiguration`.

use std::collections::HashMap;

use actas_agent::{Agent, ConfigurationChange};
use actas_directory::onprem::{OAuthConfiguration, OAuthServer, PartnerApplication, Properties};
use clap::ValueEnum;

use super::open;
use crate::{
    app::Context,
    arguments::oauth_configuration::{AdalOverride, Get, Set},
    commands::{
        change::{self, Default},
        piped::{self, Object},
        shown,
    },
    output::{Record, Value},
    problem::Problem,
};

pub(super) async fn get(asked: Get, context: &Context) -> Result<(), Problem> {
    shown::only_global(asked.identity.as_deref(), WHAT)?;
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
    shown::only_global(asked.identity.as_deref(), WHAT)?;
    let object = match &asked.instance {
        Some(source) => Some(piped::object(source).await?),
        None => None,
    };
    if let Some(object) = &object {
        object.check(&PROPERTIES)?;
        shown::only_global(Some(&object.identity()?), WHAT)?;
    }
    if !change::may(context, asked.change, Default::Go, "Set-CsOAuthConfiguration", GLOBAL).await? {
        return Ok(());
    }
    let agent = open(context)?;
    let change = match object {
        Some(object) => {
            warn_of_lists(&object, &agent, context).await?;
            change_to(&object)?
        }
        None => change_of(asked),
    };
    let warnings = agent.set_oauth_configuration(&change).await?;
    shown::warn(&context.console, &warnings);
    Ok(())
}

/// What an object says, as a change of the configuration there is.
fn change_to(object: &Object) -> Result<ConfigurationChange, Problem> {
    let overridden = object.text("ClientAdalAuthOverride")?.map(|text| {
        AdalOverride::from_str(&text, true).map(adal_override).map_err(|_| {
            Problem::failed(format!("`ClientAdalAuthOverride` cannot be `{text}`"))
                .hint("it is `NoOverride`, `Allowed` or `Disallowed`")
        })
    });
    Ok(ConfigurationChange {
        realm: object.text("Realm")?,
        service_name: object.text("ServiceName")?,
        client_authorization_oauth_server_identity: object.text("ClientAuthorizationOAuthServerIdentity")?,
        exchange_autodiscover_url: object.text("ExchangeAutodiscoverUrl")?,
        exchange_autodiscover_allowed_domains: object.text("ExchangeAutodiscoverAllowedDomains")?,
        client_adal_auth_override: overridden.transpose()?,
        alternate_audience_url: object.text("AlternateAudienceUrl")?,
        additional_audience_urls: object.text("AdditionalAudienceUrls")?,
    })
}

/// The embedded lists are shown with the configuration, and changed by commands of their own.
async fn warn_of_lists(object: &Object, agent: &Agent, context: &Context) -> Result<(), Problem> {
    let (partners, servers) = (agent.partners().await?, agent.oauth_servers().await?);
    let now: HashMap<&str, serde_json::Value> =
        OAuthConfiguration::default().properties(&partners, &servers).into_iter().collect();
    for (list, commands) in [("PartnerApplications", "CsPartnerApplication"), ("OAuthServers", "CsOAuthServer")] {
        if object.value(list).is_some_and(|given| now.get(list) != Some(given)) {
            context.console.warning(&format!(
                "`{list}` of the object differs from what there is, and stays as it is: `actas Set-{commands}` changes it"
            ));
        }
    }
    Ok(())
}

fn change_of(asked: Set) -> ConfigurationChange {
    ConfigurationChange {
        realm: asked.realm,
        service_name: asked.service_name,
        client_authorization_oauth_server_identity: asked.client_authorization_oauth_server_identity,
        exchange_autodiscover_url: asked
            .exchange_autodiscover_url
            .map(|url| url.0.map_or_else(String::new, |url| url.as_str().to_owned())),
        exchange_autodiscover_allowed_domains: asked.exchange_autodiscover_allowed_domains,
        client_adal_auth_override: asked.client_adal_auth_override.map(adal_override),
        alternate_audience_url: asked.alternate_audience_url,
        additional_audience_urls: asked.additional_audience_urls,
    }
}

fn adal_override(choice: AdalOverride) -> String {
    let name = match choice {
        AdalOverride::NoOverride => "NoOverride",
        AdalOverride::Allowed => "Allowed",
        AdalOverride::Disallowed => "Disallowed",
    };
    name.to_owned()
}

/// Returns objects as they stand inside of the configuration: without their identity.
fn embedded(all: impl Iterator<Item = Properties>) -> Vec<Value> {
    let without_identity =
        |properties: Properties| properties.into_iter().filter(|(name, _)| *name != "Identity").collect();
    all.map(without_identity).map(shown::record).map(Value::from).collect()
}

const GLOBAL: &str = "Global";
const WHAT: &str = "OAuth configuration";
/// What `Get-CsOAuthConfiguration` shows.
const PROPERTIES: [&str; 11] = [
    "Identity",
    "PartnerApplications",
    "OAuthServers",
    "Realm",
    "ServiceName",
    "ClientAuthorizationOAuthServerIdentity",
    "ExchangeAutodiscoverUrl",
    "ExchangeAutodiscoverAllowedDomains",
    "ClientAdalAuthOverride",
    "AlternateAudienceUrl",
    "AdditionalAudienceUrls",
];
