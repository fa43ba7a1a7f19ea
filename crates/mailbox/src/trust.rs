//! Whom the server trusts: read from the database, and never older than a bound.

use std::collections::HashMap;
use std::time::Duration;

use actas_directory::exchange_side::{AuthServer, AuthServerKind, PartnerApplication};
use actas_directory::onprem::ApplicationTrustLevel;
use actas_directory::{Tenant, TenantId};
use actas_store::directory::Directory;
use actas_store::sts::ExchangeTrust;
use actas_store::{Database, Error};
use actas_token::{KeySource, Partner, TrustLevel};
use actas_validator::{Configuration, ConfiguredIssuer, IssuerKind, Validator};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

/// Whom a validator is to trust.
#[derive(Debug)]
pub(crate) enum Trusted {
    /// Those whom an administrator of Exchange registered.
    Registered,
    /// The cloud's own token service, at this origin, for each of its tenants.
    Authority(String),
}

/// Keeps a validator's configuration as the database has it.
pub(crate) struct TrustSource {
    trusted: Trusted,
    directory: Directory,
    exchange: ExchangeTrust,
    validator: Validator,
    refresh: SignedDuration,
    loaded: Mutex<Loaded>,
}

#[derive(Default)]
struct Loaded {
    at: Option<Timestamp>,
    configuration: Configuration,
}

// === impl TrustSource ===

impl TrustSource {
    pub(crate) fn new(trusted: Trusted, database: Database, validator: Validator, refresh: Duration) -> Self {
        Self {
            trusted,
            directory: Directory::new(database.clone()),
            exchange: ExchangeTrust::new(database),
            validator,
            refresh: SignedDuration::try_from(refresh).unwrap_or(SignedDuration::MAX),
            loaded: Mutex::default(),
        }
    }

    /// Reads the trust anew if it is too old. When it cannot be read, nobody is trusted
    /// any longer than the bound: the error is the answer.
    pub(crate) async fn refresh(&self, now: Timestamp) -> Result<(), Error> {
        let mut loaded = self.loaded.lock().await;
        if loaded.is_fresh(now, self.refresh) {
            return Ok(());
        }
        let configuration = self.load().await?;
        if loaded.at.is_none() || configuration != loaded.configuration {
            self.validator.configure(&configuration);
            loaded.configuration = configuration;
        }
        loaded.at = Some(now);
        Ok(())
    }

    async fn load(&self) -> Result<Configuration, Error> {
        let tenants = self.directory.tenants().await?;
        let realms: HashMap<String, TenantId> =
            tenants.iter().flat_map(|tenant| tenant.realms().map(|realm| (realm, tenant.id))).collect();
        if let Trusted::Authority(origin) = &self.trusted {
            let issuer = |tenant: &Tenant| ConfiguredIssuer {
                kind: IssuerKind::OpenId { tenant: tenant.id },
                metadata_url: format!("{origin}/{}/.well-known/openid-configuration", tenant.id),
            };
            let issuers = tenants.iter().map(issuer).collect();
            return Ok(Configuration { issuers, partners: Vec::new(), realms });
        }
        let servers = self.exchange.auth_servers().await?;
        let issuers = servers.iter().filter_map(|server| issuer(server, &realms)).collect();
        let partners = self.exchange.partners().await?;
        Ok(Configuration { issuers, partners: partners.iter().map(partner).collect(), realms })
    }
}

impl Loaded {
    /// A clock that went back makes everything stale.
    fn is_fresh(&self, now: Timestamp, bound: SignedDuration) -> bool {
        self.at.is_some_and(|at| {
            let age = now.duration_since(at);
            !age.is_negative() && age < bound
        })
    }
}

/// An auth server as the validator wants it.
///
/// A token service speaks for a realm, and whose realm that is decides the tenant. So a
/// tenant's registration counts only for a realm of its own: otherwise it could name a
/// token service of its own making for somebody else's.
fn issuer(server: &AuthServer, realms: &HashMap<String, TenantId>) -> Option<ConfiguredIssuer> {
    if !server.enabled {
        return None;
    }
    let kind = match server.kind {
        AuthServerKind::MicrosoftAcs if realms.get(&server.realm) == Some(&server.tenant) => {
            IssuerKind::TokenService { app_id: server.issuer_identifier, realm: server.realm.clone() }
        }
        AuthServerKind::AzureAd => IssuerKind::OpenId { tenant: server.tenant },
        _ => {
            tracing::warn!(name = server.name, tenant = %server.tenant, realm = server.realm, "an auth server of a realm that is not its tenant's is not believed");
            return None;
        }
    };
    Some(ConfiguredIssuer { kind, metadata_url: server.auth_metadata_url.clone() })
}

/// A partner that issues its own tokens is known by the GUID of its tenant as realm; no
/// issuer stands for it until its metadata is registered, so its tokens are refused.
fn partner(partner: &PartnerApplication) -> Partner {
    Partner {
        tenant: partner.tenant,
        app_id: partner.application_identifier,
        enabled: partner.enabled,
        trust_level: match partner.trust_level {
            ApplicationTrustLevel::Application => TrustLevel::Application,
            ApplicationTrustLevel::Full => TrustLevel::Full,
            ApplicationTrustLevel::User => TrustLevel::User,
        },
        key_source: if partner.use_auth_server {
            KeySource::TokenService
        } else {
            KeySource::Own { realm: partner.tenant.to_string() }
        },
        act_as: partner.app_asserted_act_as,
        sts_issued_act_as: partner.sts_issued_act_as,
        accept_sids: partner.accept_security_identifier_information,
        linked_account: partner.linked_account.clone(),
    }
}
