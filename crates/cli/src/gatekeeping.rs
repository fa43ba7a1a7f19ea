//! The file that says whom a gate trusts. `actas token validate` reads the same file, so
//! that what it says is what the gate would do.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use actas_runtime::TlsIdentity;
use actas_runtime::config::{ClientConfig, Config};
use actas_token::dpop::Proofs;
use actas_token::{KeySource, Limits, Partner, Resource, TenantId, TrustLevel};
use actas_validator::{Configuration, ConfiguredIssuer, IssuerKind};
use jiff::SignedDuration;
use serde::Deserialize;
use url::Url;
use uuid::Uuid;

use crate::problem::Problem;
use crate::workplace;

/// The largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What a gate is and whom it trusts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GateFile {
    /// Where the proxy asks. Loopback: whoever can ask can try tokens.
    pub(crate) listen: SocketAddr,
    /// The certificate chain that the gate presents; without one it speaks plain http.
    pub(crate) certificate_file: Option<PathBuf>,
    /// The key of that certificate; by default in the same file.
    key_file: Option<PathBuf>,
    #[serde(default)]
    proxy: Option<ProxySection>,
    resource: ResourceSection,
    tenants: Vec<TenantSection>,
    issuers: Vec<IssuerSection>,
    #[serde(default)]
    partners: Vec<PartnerSection>,
    #[serde(default)]
    limits: LimitsSection,
    #[serde(default)]
    client: ClientConfig,
}

/// The proxy that asks, believed about what its callers asked for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
struct ProxySection {
    kind: ProxyKind,
    /// Where it asks from.
    #[serde(default = "loopback")]
    addresses: Vec<IpAddr>,
    /// What its callers dial; by default `https` at each host of the resource.
    #[serde(default)]
    origins: Vec<String>,
}

/// How a proxy says what was asked. One way and no other is read: callers may send the fields
/// of the others, and their proxy lets them through.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProxyKind {
    /// In `X-Original-Method` and `X-Original-URI`, which its configuration sets.
    Nginx,
    /// In `X-Forwarded-Method` and `X-Forwarded-Uri`.
    Traefik,
    /// By asking in the same way, at the same path behind `/auth`.
    Envoy,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
struct ResourceSection {
    app_id: Uuid,
    hosts: Vec<String>,
    port: Option<u16>,
    app_role: Option<String>,
    /// Named in challenges.
    realm: Option<String>,
    /// Whether refused callers learn the rule and what it found.
    #[serde(default)]
    diagnostics: bool,
    /// Whether user ids that are not one address are passed on, for the service behind to
    /// resolve; otherwise such a token is refused.
    #[serde(default)]
    several_user_ids: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TenantSection {
    id: TenantId,
    #[serde(default)]
    domains: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "kebab-case")]
enum IssuerSection {
    TokenService { app_id: Uuid, realm: String, metadata_url: String },
    Partner { app_id: Uuid, realm: String, tenant: TenantId, metadata_url: String },
    OpenId { tenant: TenantId, metadata_url: String },
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartnerSection {
    tenant: TenantId,
    app_id: Uuid,
    #[serde(default = "yes")]
    enabled: bool,
    trust_level: Level,
    /// The realm that it issues its own tokens in; without one, the token service vouches.
    own_realm: Option<String>,
    /// Unsigned envelopes are taken only where somebody said so.
    #[serde(default)]
    act_as: bool,
    #[serde(default = "yes")]
    sts_issued_act_as: bool,
    #[serde(default)]
    accept_sids: bool,
    linked_account: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum Level {
    Application,
    Full,
    User,
}

#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
struct LimitsSection {
    #[serde(rename = "skew_seconds")]
    skew: Option<u32>,
    #[serde(rename = "actor_lifetime_max_seconds")]
    actor_lifetime_max: Option<u32>,
    #[serde(rename = "act_as_lifetime_max_seconds")]
    act_as_lifetime_max: Option<u32>,
}

fn yes() -> bool {
    true
}

fn loopback() -> Vec<IpAddr> {
    vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
}

// === impl GateFile ===

impl GateFile {
    /// Reads a file, and says what is wrong with it.
    pub(crate) fn load(path: &Path) -> Result<Self, Problem> {
        let shown = path.display();
        let length = fs_err::metadata(path)
            .map_err(|error| {
                Problem::failed(format!("`{shown}` cannot be read"))
                    .because(&error)
                    .hint("`actas help gate` shows such a file")
            })?
            .len();
        if length > FILE_BYTES_MAX {
            return Err(Problem::failed(format!("`{shown}` has {length} bytes; {FILE_BYTES_MAX} are allowed")));
        }
        let text = fs_err::read_to_string(path)
            .map_err(|error| Problem::failed(format!("`{shown}` cannot be read")).because(&error))?;
        let mut file: Self = toml::from_str(&text).map_err(|error| {
            let line = error.span().map(|span| text[..span.start.min(text.len())].lines().count().max(1));
            let place = line.map_or_else(String::new, |line| format!(", line {line}"));
            Problem::failed(format!("`{shown}`{place}: {}", error.message()))
                .hint("`actas help gate` shows such a file")
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let identity = file.certificate_file.iter_mut().chain(&mut file.key_file);
        for file in file.client.ca_files.iter_mut().chain(identity) {
            // Joining keeps an absolute path as it is.
            *file = folder.join(&*file);
        }
        file.check(path)?;
        Ok(file)
    }

    fn check(&self, path: &Path) -> Result<(), Problem> {
        let shown = path.display();
        let wrong = |what: String, hint: &str| Err(Problem::failed(format!("`{shown}`: {what}")).hint(hint));
        if self.resource.hosts.is_empty() {
            return wrong("`hosts` of `[resource]` names none".to_owned(), "name the host that callers dial");
        }
        if self.key_file.is_some() && self.certificate_file.is_none() {
            return wrong("`key_file` comes without a `certificate_file`".to_owned(), "name the certificate as well");
        }
        for origin in self.proxy.iter().flat_map(|proxy| &proxy.origins) {
            let is_one = |url: Url| url.scheme() == "https" && url.path() == "/" && url.query().is_none();
            if !Url::parse(origin).is_ok_and(is_one) {
                return wrong(
                    format!("`{origin}` is no origin of callers"),
                    "write `https://host` or `https://host:port`",
                );
            }
        }
        if self.proxy.as_ref().is_some_and(|proxy| proxy.addresses.is_empty()) {
            return wrong("`addresses` of `[proxy]` names none".to_owned(), "leave it out for a proxy on this machine");
        }
        for (name, text) in self.resource.realm.iter().map(|realm| ("realm", realm)) {
            if text.contains(['"', '\\']) || text.chars().any(char::is_control) {
                return wrong(format!("the {name} `{text}` cannot stand in a challenge"), "leave quotation marks out");
            }
        }
        for issuer in &self.issuers {
            let url = &issuer.configured().metadata_url;
            if !url.starts_with("https://") {
                return wrong(format!("the metadata URL `{url}` is not https"), "keys are fetched over https alone");
            }
        }
        for partner in &self.partners {
            if !self.tenants.iter().any(|tenant| tenant.id == partner.tenant) {
                return wrong(
                    format!(
                        "the partner `{}` is of the tenant `{}`, which is none of `[[tenants]]`",
                        partner.app_id, partner.tenant
                    ),
                    "add the tenant, or correct the partner",
                );
            }
        }
        Ok(())
    }

    pub(crate) fn resource(&self) -> Resource {
        let own = &self.resource;
        Resource { app_id: own.app_id, hosts: own.hosts.clone(), app_role: own.app_role.clone(), port: own.port }
    }

    pub(crate) fn realm(&self) -> Option<&str> {
        self.resource.realm.as_deref()
    }

    pub(crate) fn tells_details(&self) -> bool {
        self.resource.diagnostics
    }

    pub(crate) fn passes_several_user_ids(&self) -> bool {
        self.resource.several_user_ids
    }

    /// The certificate to present, read now.
    pub(crate) fn identity(&self) -> Result<Option<TlsIdentity>, Problem> {
        let Some(certificate_file) = &self.certificate_file else { return Ok(None) };
        workplace::identity(certificate_file, self.key_file.as_ref()).map(Some)
    }

    /// How the proxy at `peer` says what was asked; none where it is not to be believed.
    pub(crate) fn believed(&self, peer: IpAddr) -> Option<ProxyKind> {
        let proxy = self.proxy.as_ref()?;
        proxy.addresses.contains(&peer.to_canonical()).then_some(proxy.kind)
    }

    /// What checks proofs of possession, of a gate that knows what was asked.
    pub(crate) fn proofs(&self) -> Option<Proofs> {
        Some(Proofs::new(self.origins()?.iter().map(String::as_str), false))
    }

    /// What callers dial, as their proofs name it.
    fn origins(&self) -> Option<Vec<String>> {
        let proxy = self.proxy.as_ref()?;
        let port = self.resource.port.map_or_else(String::new, |port| format!(":{port}"));
        let own = self.resource.hosts.iter().map(|host| format!("https://{host}{port}"));
        Some(if proxy.origins.is_empty() { own.collect() } else { proxy.origins.clone() })
    }

    /// Whether the same tokens are good for both files, whoever is trusted.
    pub(crate) fn judges_alike(&self, other: &Self) -> bool {
        self.resource == other.resource && self.limits == other.limits
    }

    /// Whether proofs that were used up under the one may be under the other.
    pub(crate) fn proves_alike(&self, other: &Self) -> bool {
        self.origins() == other.origins()
    }

    pub(crate) fn limits(&self) -> Limits {
        let or = |seconds: Option<u32>, default| seconds.map_or(default, |s| SignedDuration::from_secs(s.into()));
        let (own, default) = (&self.limits, Limits::default());
        Limits {
            // More than that is no disagreement of clocks.
            skew: or(own.skew, default.skew).min(SignedDuration::from_mins(5)),
            actor_lifetime_max: or(own.actor_lifetime_max, default.actor_lifetime_max),
            act_as_lifetime_max: or(own.act_as_lifetime_max, default.act_as_lifetime_max),
        }
    }

    pub(crate) fn configuration(&self) -> Configuration {
        let names = self.tenants.iter().flat_map(|tenant| {
            let domains = tenant.domains.iter().map(|domain| domain.to_ascii_lowercase());
            domains.chain([tenant.id.to_string()]).map(|name| (name, tenant.id))
        });
        Configuration {
            issuers: self.issuers.iter().map(IssuerSection::configured).collect(),
            partners: self.partners.iter().map(PartnerSection::partner).collect(),
            realms: names.collect::<HashMap<_, _>>(),
        }
    }

    /// A client that finds and trusts the issuers as the file says.
    pub(crate) fn http(&self) -> Result<actas_runtime::HttpClient, Problem> {
        let config = Config { client: self.client.clone(), ..Config::default() };
        workplace::http(&config, &Vec::<PathBuf>::new())
    }
}

// === impl IssuerSection ===

impl IssuerSection {
    fn configured(&self) -> ConfiguredIssuer {
        let (kind, metadata_url) = match self {
            Self::TokenService { app_id, realm, metadata_url } => {
                (IssuerKind::TokenService { app_id: *app_id, realm: realm.clone() }, metadata_url)
            }
            Self::Partner { app_id, realm, tenant, metadata_url } => {
                (IssuerKind::Partner { app_id: *app_id, realm: realm.clone(), tenant: *tenant }, metadata_url)
            }
            Self::OpenId { tenant, metadata_url } => (IssuerKind::OpenId { tenant: *tenant }, metadata_url),
        };
        ConfiguredIssuer { kind, metadata_url: metadata_url.clone() }
    }
}

// === impl PartnerSection ===

impl PartnerSection {
    fn partner(&self) -> Partner {
        Partner {
            tenant: self.tenant,
            app_id: self.app_id,
            enabled: self.enabled,
            trust_level: match self.trust_level {
                Level::Application => TrustLevel::Application,
                Level::Full => TrustLevel::Full,
                Level::User => TrustLevel::User,
            },
            key_source: match &self.own_realm {
                Some(realm) => KeySource::Own { realm: realm.clone() },
                None => KeySource::TokenService,
            },
            act_as: self.act_as,
            sts_issued_act_as: self.sts_issued_act_as,
            accept_sids: self.accept_sids,
            linked_account: self.linked_account.clone(),
        }
    }
}
