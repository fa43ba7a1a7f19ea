//! Whom the server trusts: read from the database, and never older than a bound.

use std::collections::HashMap;
use std::time::Duration;

use actas_directory::exchange_side::{
    ActAsPermission, AppOnlyPermission, AuthServer, AuthServerKind, PartnerApplication, Published,
};
use actas_directory::onprem::ApplicationTrustLevel;
use actas_directory::{Tenant, TenantId};
use actas_store::directory::Directory;
use actas_store::sts::ExchangeTrust;
use actas_store::{Database, Error};
use actas_token::{KeySource, Partner, TrustLevel};
use actas_validator::{Configuration, ConfiguredIssuer, IssuerKind, Validator};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use uuid::Uuid;

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
    trust: Registered,
}

/// What is registered, at one moment.
#[derive(Debug, Default, PartialEq)]
struct Registered {
    configuration: Configuration,
    /// What the partners may do, of what their tokens allow.
    allowed: HashMap<(TenantId, Uuid), Allowed>,
    /// When a command last read which metadata document.
    read: HashMap<String, Timestamp>,
}

/// What a partner may do once its token is accepted. Nothing, unless it is said.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Allowed {
    /// As itself: open every mailbox of the tenant.
    pub(crate) every_mailbox: bool,
    /// As a user: read what the user may.
    pub(crate) act_as_reads: bool,
    /// As a user: change what the user may.
    pub(crate) act_as_writes: bool,
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
        let trust = self.load().await?;
        if loaded.at.is_none() || trust.configuration != loaded.trust.configuration {
            self.validator.configure(&trust.configuration);
        }
        // A server that has just begun has read nothing older.
        for (url, read) in trust.read.iter().filter(|_| loaded.at.is_some()) {
            if loaded.trust.read.get(url) != Some(read) {
                self.validator.look_again(url);
            }
        }
        loaded.trust = trust;
        loaded.at = Some(now);
        Ok(())
    }

    /// What a partner may do, as it was last read.
    pub(crate) async fn allowed(&self, tenant: TenantId, app_id: Uuid) -> Allowed {
        self.loaded.lock().await.trust.allowed.get(&(tenant, app_id)).copied().unwrap_or_default()
    }

    async fn load(&self) -> Result<Registered, Error> {
        let tenants = self.directory.tenants().await?;
        let realms: HashMap<String, TenantId> =
            tenants.iter().flat_map(|tenant| tenant.realms().map(|realm| (realm, tenant.id))).collect();
        if let Trusted::Authority(origin) = &self.trusted {
            let issuer = |tenant: &Tenant| ConfiguredIssuer {
                kind: IssuerKind::OpenId { tenant: tenant.id },
                metadata_url: format!("{origin}/{}/.well-known/openid-configuration", tenant.id),
            };
            let issuers = tenants.iter().map(issuer).collect();
            let configuration = Configuration { issuers, partners: Vec::new(), realms };
            return Ok(Registered { configuration, ..Registered::default() });
        }
        let servers = self.exchange.auth_servers().await?;
        let partners = self.exchange.partners().await?;
        let issuers = servers.iter().filter_map(|server| issuer(server, &realms));
        let issuers = issuers.chain(partners.iter().filter_map(|partner| own_issuer(partner, &realms))).collect();
        let allowed = partners.iter().filter(|partner| partner.enabled).map(allowed).collect();
        let read = servers
            .iter()
            .filter_map(|server| read_at(&server.auth_metadata_url, &server.published))
            .chain(partners.iter().filter_map(|own| read_at(own.auth_metadata_url.as_deref()?, &own.published)));
        let read = read.fold(HashMap::new(), |mut newest: HashMap<String, Timestamp>, (url, at)| {
            let entry = newest.entry(url).or_insert(at);
            *entry = at.max(*entry);
            newest
        });
        let configuration = Configuration { issuers, partners: partners.iter().map(partner).collect(), realms };
        Ok(Registered { configuration, allowed, read })
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

/// A partner that issues its own tokens, as the validator wants it.
///
/// Its realm is its own affair, as long as it is not the name of somebody else's tenant:
/// otherwise one tenant's registration could stand in the way of another's partner.
fn own_issuer(partner: &PartnerApplication, realms: &HashMap<String, TenantId>) -> Option<ConfiguredIssuer> {
    if !partner.enabled || partner.use_auth_server {
        return None;
    }
    let (metadata_url, realm) = (partner.auth_metadata_url.clone()?, partner.realm.clone()?);
    if realms.get(&realm).is_some_and(|tenant| *tenant != partner.tenant) {
        tracing::warn!(name = partner.name, tenant = %partner.tenant, realm, "a partner application of a realm that is another tenant's is not believed");
        return None;
    }
    let kind = IssuerKind::Partner { app_id: partner.application_identifier, realm, tenant: partner.tenant };
    Some(ConfiguredIssuer { kind, metadata_url })
}

fn allowed(partner: &PartnerApplication) -> ((TenantId, Uuid), Allowed) {
    let act_as = |wanted| partner.act_as_permissions.contains(&wanted);
    let allowed = Allowed {
        every_mailbox: partner.app_only_permissions.contains(&AppOnlyPermission::FullAccess),
        act_as_reads: act_as(ActAsPermission::Everything) || act_as(ActAsPermission::Read),
        act_as_writes: act_as(ActAsPermission::Everything),
    };
    ((partner.tenant, partner.application_identifier), allowed)
}

fn read_at(url: &str, published: &Published) -> Option<(String, Timestamp)> {
    Some((url.to_owned(), published.read?))
}

/// A partner that issues its own tokens is known by the realm that it was registered with.
/// Without one no issuer stands for it, and its tokens are refused.
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
            KeySource::Own { realm: partner.realm.clone().unwrap_or_default() }
        },
        act_as: partner.app_asserted_act_as,
        sts_issued_act_as: partner.sts_issued_act_as,
        accept_sids: partner.accept_security_identifier_information,
        linked_account: partner.linked_account.clone(),
    }
}
