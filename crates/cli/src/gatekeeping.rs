//! The file that says whom a gate trusts. `actas token validate` reads the same file, so
//! that what it says is what the gate would do.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use actas_runtime::config::{ClientConfig, Config};
use actas_token::{KeySource, Limits, Partner, Resource, TenantId, TrustLevel};
use actas_validator::{Configuration, ConfiguredIssuer, IssuerKind};
use jiff::SignedDuration;
use serde::Deserialize;
use uuid::Uuid;

use crate::problem::Problem;
use crate::workplace;

/// The largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What a gate is and whom it trusts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GateFile {
    /// Where the proxy asks. Loopback: whoever can ask can try tokens.
    pub(crate) listen: SocketAddr,
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

#[derive(Debug, Deserialize)]
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TenantSection {
    id: TenantId,
    #[serde(default)]
    domains: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "kebab-case")]
enum IssuerSection {
    TokenService { app_id: Uuid, realm: String, metadata_url: String },
    Partner { app_id: Uuid, realm: String, tenant: TenantId, metadata_url: String },
    OpenId { tenant: TenantId, metadata_url: String },
}

#[derive(Debug, Deserialize)]
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

#[derive(Debug, Default, Deserialize)]
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
        for file in &mut file.client.ca_files {
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
