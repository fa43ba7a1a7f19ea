//! The configuration file of a server.
//!
//! ```toml
//! [cloud]
//! listen = "0.0.0.0:443"
//! http_listen = "0.0.0.0:80"
//! public_origin = "https://cloud.contoso.example"
//! data = "/var/lib/actas/cloud"
//!
//! [onprem]
//! listen = "127.0.0.1:8480"
//! data = "/var/lib/actas/onprem"
//!
//! [onprem.delivery]
//! mailboxes_at_once = 16
//!
//! [client]
//! hosts = ["autodiscover.fabrikam.example:443=127.0.0.1:8443"]
//! ca_files = ["/etc/actas/lab-ca.pem"]
//! ```

mod events;
mod sources;
mod token_service;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::hosts::HostTable;

pub use events::{EventsConfig, IdProfile, SystemLog, WebhookConfig};
pub use sources::{CallRecords, OwnerPattern, SourcesConfig};
pub use token_service::{
    Number, RateConfig, RatesConfig, SigningAlgorithm, SigningKeysConfig, Span, TenantChoice, TokenServiceConfig,
};

/// What `actas serve` runs.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The cloud side, if it is served here.
    pub cloud: Option<CloudConfig>,
    /// The on-premises side, if it is served here.
    pub onprem: Option<OnpremConfig>,
    /// How peers are reached.
    #[serde(default)]
    pub client: ClientConfig,
}

/// `[cloud]`
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CloudConfig {
    /// Where HTTPS is answered.
    pub listen: SocketAddr,
    /// Where plain HTTP is answered with redirects, if anywhere.
    pub http_listen: Option<SocketAddr>,
    /// How clients reach it from outside.
    pub public_origin: Origin,
    /// Where it keeps its data; from the file's own directory if relative.
    pub data: PathBuf,
    /// Tenants, users and applications to make where they are missing.
    pub seed_file: Option<PathBuf>,
    /// Whether clients are asked for a TLS certificate, and may authenticate with one that
    /// is registered for them.
    #[serde(default)]
    pub tls_client_auth: bool,
    /// Whether proofs of possession (DPoP) must carry a nonce of the server that they are for.
    #[serde(default)]
    pub require_dpop_nonce: bool,
    /// The most bytes of one mailbox, files included; a careful default if absent.
    pub mailbox_quota_bytes: Option<u64>,
    /// The most bytes of one item, files included; a careful default if absent.
    pub mailbox_item_bytes: Option<u64>,
    /// Requests of one application to one mailbox; without a limit if absent.
    pub mailbox_rate: Option<RateConfig>,
    /// Domains whose mailboxes are elsewhere: for each another domain, or the `https` URL
    /// of another Autodiscover.
    #[serde(default)]
    pub elsewhere: BTreeMap<String, String>,
    /// What the token service allows, and for how long.
    #[serde(default)]
    pub token_service: TokenServiceConfig,
    /// The PKCS#11 token that holds the token service's private keys; files in the data
    /// folder if absent.
    pub signing_keys: Option<SigningKeysConfig>,
}

/// `[onprem]`
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OnpremConfig {
    /// Where it answers.
    pub listen: SocketAddr,
    /// Where it keeps its data; from the file's own directory if relative.
    pub data: PathBuf,
    /// The certificate chain, leaf first, that it presents; without one it speaks plain
    /// HTTP, and takes items on loopback alone.
    pub certificate_file: Option<PathBuf>,
    /// The certificate's key; in the certificate's file where absent.
    pub key_file: Option<PathBuf>,
    /// How items are delivered.
    #[serde(default)]
    pub delivery: DeliveryConfig,
    /// Systems that hand in items in their own formats.
    #[serde(default)]
    pub sources: SourcesConfig,
    /// Where events go beside the event log.
    #[serde(default)]
    pub events: EventsConfig,
}

/// `[onprem.delivery]`
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeliveryConfig {
    /// Mailboxes that are delivered to at once, 1 to 1000.
    pub mailboxes_at_once: u16,
    /// Milliseconds before the first repetition; each further one waits twice as long.
    pub retry_first_ms: u32,
    /// Milliseconds after which the mailbox of a deliverer that died is free again.
    pub lease_ms: u32,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self { mailboxes_at_once: 16, retry_first_ms: 1_000, lease_ms: 8_000 }
    }
}

/// `[client]`
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClientConfig {
    /// Names that are not looked up in DNS.
    pub hosts: HostTable,
    /// Files with authorities that are trusted beside the machine's own.
    pub ca_files: Vec<PathBuf>,
}

impl Config {
    /// Reads a configuration file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |why: String| ConfigError::Unreadable { path: path.to_owned(), why };
        let length = fs_err::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
        if length > CONFIG_BYTES_MAX {
            return Err(unreadable(format!("it has {length} bytes; {CONFIG_BYTES_MAX} are allowed")));
        }
        let text = fs_err::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
        let mut config = Self::parse(&text).map_err(|wrong| ConfigError::Wrong {
            path: path.to_owned(),
            line: wrong.line,
            key: wrong.key,
            why: wrong.why,
        })?;
        config.anchor(path.parent().unwrap_or(Path::new("")));
        Ok(config)
    }

    /// Reads the text of a configuration file.
    pub fn parse(text: &str) -> Result<Self, ConfigWrong> {
        toml::from_str(text).map_err(|error| {
            let (line, key) = place(text, error.span());
            ConfigWrong { line, key, why: error.message().to_owned() }
        })
    }

    /// A server started from anywhere finds the same files.
    fn anchor(&mut self, directory: &Path) {
        let (cloud, onprem) = (&mut self.cloud, &mut self.onprem);
        let of_cloud = cloud.as_mut().map(|cloud| {
            let token = cloud.signing_keys.as_mut();
            // A module that is a bare name is for the system's loader to find.
            let (module, pin) = token.map_or((None, None), |token| {
                let is_path = token.pkcs11_module.components().count() > 1;
                (is_path.then_some(&mut token.pkcs11_module), token.pin_file.as_mut())
            });
            [Some(&mut cloud.data), cloud.seed_file.as_mut(), module, pin]
        });
        let of_onprem = onprem.as_mut().map(|onprem| {
            let token = onprem.events.webhook.as_mut().and_then(|webhook| webhook.token_file.as_mut());
            let files =
                [onprem.certificate_file.as_mut(), onprem.key_file.as_mut(), onprem.sources.spool.as_mut(), token];
            std::iter::once(Some(&mut onprem.data)).chain(files)
        });
        let paths = of_cloud.into_iter().flatten().chain(of_onprem.into_iter().flatten()).flatten();
        for path in paths.chain(&mut self.client.ca_files) {
            // Joining keeps an absolute path as it is.
            *path = directory.join(&path);
        }
    }
}

/// An `https` URL without path: scheme, host and port.
///
/// ```
/// use actas_runtime::config::Origin;
///
/// let origin: Origin = "https://Cloud.Contoso.example:443/".parse()?;
/// assert_eq!(origin.to_string(), "https://cloud.contoso.example");
/// assert!("http://cloud.contoso.example".parse::<Origin>().is_err());
/// # Ok::<(), actas_runtime::config::OriginError>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Origin(Url);

impl Origin {
    /// The host name or address.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Host, and the port unless it is 443.
    pub fn authority(&self) -> &str {
        self.0.as_str().trim_start_matches("https://").trim_end_matches('/')
    }

    /// The whole origin, without trailing slash.
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The port, 443 if none is named.
    pub fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(crate::hosts::HTTPS)
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let url = Url::parse(text).map_err(|_| OriginError)?;
        let bare = url.scheme() == "https"
            && url.has_host()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        bare.then_some(Self(url)).ok_or(OriginError)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for Origin {
    type Error = OriginError;

    fn try_from(text: String) -> Result<Self, OriginError> {
        text.parse()
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.to_string()
    }
}

/// A text that is not an origin.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an origin is `https://` and a host, perhaps with a port, and nothing behind")]
pub struct OriginError;

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}, `{key}`: {why}")]
pub struct ConfigWrong {
    /// The line, from 1.
    pub line: usize,
    /// The key, as `section.key`; empty at the top.
    pub key: String,
    /// What is wrong.
    pub why: String,
}

/// Why a configuration file is of no use.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It cannot be read.
    #[error("the configuration `{}` cannot be read: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// It says something that is not understood.
    #[error("{}:{line}: {}{why}", path.display(), behind(key))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The key, as `section.key`; empty at the top.
        key: String,
        /// What is wrong.
        why: String,
    },
}

impl ConfigError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "check the path given with `--config`",
            Self::Wrong { .. } => "correct that line; nothing was started or changed",
        }
    }
}

fn behind(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("`{key}`: ") }
}

/// The line of a span and the key that it is about.
fn place(text: &str, span: Option<Range<usize>>) -> (usize, String) {
    let start = span.map_or(0, |span| span.start).min(text.len());
    let before = text.get(..start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let lines: Vec<&str> = text.lines().take(line).collect();
    let header = |line: &&str| line.trim_start().starts_with('[');
    let of_header = |line: &str| {
        let inner = line.trim().trim_start_matches('[');
        inner.split(']').next().unwrap_or_default().trim().to_owned()
    };
    let section_at = lines.iter().rposition(|line| header(line) && !line.contains('"'));
    let section = section_at.map(|at| of_header(lines[at])).unwrap_or_default();
    let key = lines[section_at.map_or(0, |at| at + 1)..].iter().rev().find_map(|line| key_of(line)).unwrap_or_default();
    let parts = [section, key];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    (line, parts.join("."))
}

/// What stands before the `=` of a line, if that looks like a key.
fn key_of(line: &str) -> Option<String> {
    let (key, _) = line.split_once('=')?;
    let key = key.trim();
    let is_key = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (!key.is_empty() && key.bytes().all(is_key)).then(|| key.to_owned())
}

const CONFIG_BYTES_MAX: u64 = 1024 * 1024;
