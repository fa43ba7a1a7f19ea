//! DNS domain names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A DNS domain with at least two labels, lower case, without trailing dot.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainName(String);

/// A text that is no domain name.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not a domain name such as contoso.example")]
pub struct NotADomain(pub String);

impl DomainName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DomainName {
    type Err = NotADomain;

    fn from_str(text: &str) -> Result<Self, NotADomain> {
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let label_fits = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let fits = name.len() <= 253 && name.contains('.') && name.split('.').all(label_fits);
        if fits { Ok(Self(name)) } else { Err(NotADomain(text.chars().take(80).collect())) }
    }
}

impl TryFrom<String> for DomainName {
    type Error = NotADomain;

    fn try_from(text: String) -> Result<Self, NotADomain> {
        text.parse()
    }
}

impl From<DomainName> for String {
    fn from(name: DomainName) -> Self {
        name.0
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!("Contoso.Example.".parse::<DomainName>().unwrap().as_str(), "contoso.example");
        for text in ["", "contoso", "a..b", "-a.b", "a-.b", "a b.c", "a_b.c", "contoso.example/x", "*.b.c"] {
            assert!(text.parse::<DomainName>().is_err(), "{text}");
        }
    }
}
