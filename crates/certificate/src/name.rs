//! The names that a server's certificate carries.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A DNS name (perhaps with a leading `*.`) or an IP address.
///
/// ```
/// use actas_certificate::Name;
///
/// assert!("autodiscover.fabrikam.example".parse::<Name>().is_ok());
/// assert!("127.0.0.1".parse::<Name>().is_ok());
/// assert!("not a name".parse::<Name>().is_err());
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Name(Kind);

#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Kind {
    Dns(String),
    Ip(IpAddr),
}

impl Name {
    /// The DNS name in lower case, if it is one.
    pub fn dns(&self) -> Option<&str> {
        match &self.0 {
            Kind::Dns(name) => Some(name),
            Kind::Ip(_) => None,
        }
    }

    /// The address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self.0 {
            Kind::Dns(_) => None,
            Kind::Ip(address) => Some(address),
        }
    }
}

impl From<IpAddr> for Name {
    fn from(address: IpAddr) -> Self {
        Self(Kind::Ip(address))
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self(Kind::Ip(address)));
        }
        let labels = text.strip_prefix("*.").unwrap_or(text);
        let fits = text.len() <= DNS_NAME_BYTES_MAX && labels.split('.').all(is_label);
        if fits {
            Ok(Self(Kind::Dns(text.to_ascii_lowercase())))
        } else {
            Err(InvalidName { name: text.chars().take(DNS_NAME_BYTES_MAX).collect() })
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Dns(name) => f.write_str(name),
            Kind::Ip(address) => address.fmt(f),
        }
    }
}

/// A text that is neither a DNS name nor an IP address.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{name}` is neither a DNS name nor an IP address")]
pub struct InvalidName {
    /// The text.
    pub name: String,
}

fn is_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-' || *byte == b'_';
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(inner)
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
}

const DNS_NAME_BYTES_MAX: usize = 253;
