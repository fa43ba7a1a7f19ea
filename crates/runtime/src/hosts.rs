//! Split DNS in a table: which address stands behind a host name and port.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a host and port are really served.
///
/// ```
/// use actas_runtime::HostTable;
///
/// let mut table = HostTable::default();
/// table.add("autodiscover.fabrikam.example:443=127.0.0.1:8443".parse()?)?;
/// let address = table.lookup("Autodiscover.Fabrikam.example", 443);
/// assert_eq!(address, Some("127.0.0.1:8443".parse()?));
/// assert_eq!(table.lookup("autodiscover.fabrikam.example", 80), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Vec<HostEntry>", into = "Vec<HostEntry>")]
pub struct HostTable(BTreeMap<(String, u16), SocketAddr>);

impl HostTable {
    /// Adds an entry; a host and port stand in the table once.
    pub fn add(&mut self, entry: HostEntry) -> Result<(), HostEntryError> {
        let HostEntry { host, port, address } = entry;
        match self.0.insert((host.clone(), port), address) {
            Some(old) if old != address => {
                self.0.insert((host.clone(), port), old);
                Err(HostEntryError::Twice { host, port })
            }
            _ => Ok(()),
        }
    }

    /// The address for a host and port. Case does not matter, nor does a final dot.
    pub fn lookup(&self, host: &str, port: u16) -> Option<SocketAddr> {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        self.0.get(&(host, port)).copied()
    }

    /// The entries, in the order of their names.
    pub fn entries(&self) -> impl Iterator<Item = HostEntry> {
        self.0.iter().map(|((host, port), address)| HostEntry { host: host.clone(), port: *port, address: *address })
    }

    /// The ports that entries are about, each once.
    pub(crate) fn ports(&self) -> impl Iterator<Item = u16> {
        let ports: std::collections::BTreeSet<u16> = self.0.keys().map(|(_, port)| *port).collect();
        ports.into_iter()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<Vec<HostEntry>> for HostTable {
    type Error = HostEntryError;

    fn try_from(entries: Vec<HostEntry>) -> Result<Self, HostEntryError> {
        let mut table = Self::default();
        entries.into_iter().try_for_each(|entry| table.add(entry))?;
        Ok(table)
    }
}

impl From<HostTable> for Vec<HostEntry> {
    fn from(table: HostTable) -> Self {
        table.entries().collect()
    }
}

/// One entry, written `host:port=address:port`.
///
/// An entry for port 443 or 80 may lead to any port. One for another port leads to that same
/// port, because a client dials the port that a URL names.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostEntry {
    host: String,
    port: u16,
    address: SocketAddr,
}

impl HostEntry {
    /// An entry for `host`, a DNS name, and `port`.
    pub fn new(host: &str, port: u16, address: SocketAddr) -> Result<Self, HostEntryError> {
        let refuse = |why| HostEntryError::Form { entry: format!("{host}:{port}={address}"), why };
        let name = host.strip_suffix('.').unwrap_or(host);
        let is_name = name.len() <= HOST_BYTES_MAX
            && name.split('.').all(|label| !label.is_empty())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
            && name.parse::<IpAddr>().is_err();
        if !is_name {
            return Err(refuse("what stands before the port must be a host name"));
        }
        if port == 0 || address.port() == 0 {
            return Err(refuse("port 0 leads nowhere"));
        }
        if port != HTTPS && port != HTTP && port != address.port() {
            return Err(refuse("only ports 443 and 80 may lead to another port"));
        }
        Ok(Self { host: name.to_ascii_lowercase(), port, address })
    }

    /// The host name, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port that clients ask for.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl FromStr for HostEntry {
    type Err = HostEntryError;

    fn from_str(text: &str) -> Result<Self, HostEntryError> {
        let refuse = |why| HostEntryError::Form { entry: text.chars().take(2 * HOST_BYTES_MAX).collect(), why };
        let (name, address) = text.split_once('=').ok_or_else(|| refuse("there is no `=` in it"))?;
        let (host, port) =
            name.trim().rsplit_once(':').ok_or_else(|| refuse("the port that clients ask for is missing"))?;
        let port = port.parse().map_err(|_| refuse("the port that clients ask for is no port"))?;
        let address =
            address.trim().parse().map_err(|_| refuse("what stands behind `=` must be an IP address and port"))?;
        Self::new(host, port, address)
    }
}

impl fmt::Display for HostEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}={}", self.host, self.port, self.address)
    }
}

impl TryFrom<String> for HostEntry {
    type Error = HostEntryError;

    fn try_from(text: String) -> Result<Self, HostEntryError> {
        text.parse()
    }
}

impl From<HostEntry> for String {
    fn from(entry: HostEntry) -> Self {
        entry.to_string()
    }
}

/// What is wrong with an entry.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HostEntryError {
    /// It is not an entry.
    #[error("`{entry}` is not a host entry: {why}")]
    Form {
        /// The text.
        entry: String,
        /// What is missing or wrong.
        why: &'static str,
    },
    /// Two entries lead to different places.
    #[error("`{host}:{port}` stands in the host table twice, with different addresses")]
    Twice {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
}

impl HostEntryError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Form { .. } => "write entries as `autodiscover.fabrikam.example:443=127.0.0.1:8443`",
            Self::Twice { .. } => "keep one of them",
        }
    }
}

pub(crate) const HTTP: u16 = 80;
pub(crate) const HTTPS: u16 = 443;
const HOST_BYTES_MAX: usize = 253;
