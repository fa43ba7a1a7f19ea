//! The header of a request: which schema, and who acts for whom

use std::borrow::Cow;
use std::fmt;

use crate::address::SmtpAddress;
use crate::error::{Error, Kind, Result, shown};
use crate::xml::{self, Node, Writer};

/// The header of a request; further headers are read over
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHeader {
    pub version: Option<ServerVersion>,
    pub impersonation: Option<ConnectingSid>,
}

/// A version of the schema ("RequestServerVersion"), one that exists
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerVersion(Cow<'static, str>);

/// Who is impersonated, by exactly one kind of name ("ConnectingSID")
///
/// Exhaustive: the schema fixes the kinds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConnectingSid {
    /// A user principal name
    PrincipalName(String),
    /// A security identifier in SDDL form
    Sid(String),
    PrimarySmtpAddress(SmtpAddress),
    SmtpAddress(SmtpAddress),
}

// === impl RequestHeader ===

impl RequestHeader {
    pub(crate) fn read(node: Option<Node<'_>>) -> Result<Self> {
        let Some(node) = node else {
            return Ok(Self::default());
        };
        let version = match node.child(xml::TYPES, "RequestServerVersion") {
            Some(version) => {
                let text = version.required_attribute("Version")?;
                let parsed = ServerVersion::parse(text);
                Some(parsed.map_err(|error| error.at(version.position()))?)
            }
            None => None,
        };
        Ok(Self { version, impersonation: ConnectingSid::read(node)? })
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        if let Some(version) = &self.version {
            w.empty("t:RequestServerVersion", &[("Version", version.as_str())]);
        }
        if let Some(sid) = &self.impersonation {
            sid.write(w);
        }
    }
}

// === impl ServerVersion ===

const VERSIONS: [&str; 12] = [
    "Exchange2007",
    "Exchange2007_SP1",
    "Exchange2010",
    "Exchange2010_SP1",
    "Exchange2010_SP2",
    "Exchange2013",
    "Exchange2013_SP1",
    "Exchange2015",
    "Exchange2015_SP1",
    "Exchange2016",
    "Exchange2016_SP1",
    "Exchange2019",
];

impl ServerVersion {
    /// The newest version that the documentation lists
    pub const EXCHANGE2013_SP1: Self = Self(Cow::Borrowed("Exchange2013_SP1"));
    /// The version of our server
    pub const EXCHANGE2016: Self = Self(Cow::Borrowed("Exchange2016"));

    /// Reads a version: a name of a product, or a date such as `V2017_07_11`
    pub fn parse(text: &str) -> Result<Self> {
        if let Some(known) = VERSIONS.iter().find(|known| **known == text) {
            return Ok(Self(Cow::Borrowed(known)));
        }
        let dated = match text.as_bytes() {
            [b'V', y1, y2, y3, y4, b'_', m1, m2, b'_', d1, d2] => {
                [y1, y2, y3, y4, m1, m2, d1, d2].into_iter().all(u8::is_ascii_digit)
            }
            _ => false,
        };
        if dated {
            return Ok(Self(Cow::Owned(text.to_owned())));
        }
        Err(Error::new(Kind::ServerVersion(shown(text))))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl ConnectingSid ===

impl ConnectingSid {
    /// The name, of whatever kind
    pub fn as_str(&self) -> &str {
        match self {
            Self::PrincipalName(name) | Self::Sid(name) => name,
            Self::PrimarySmtpAddress(address) | Self::SmtpAddress(address) => address.as_str(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::PrincipalName(_) => "PrincipalName",
            Self::Sid(_) => "SID",
            Self::PrimarySmtpAddress(_) => "PrimarySmtpAddress",
            Self::SmtpAddress(_) => "SmtpAddress",
        }
    }

    /// Reads `ExchangeImpersonation` of a header.
    pub(crate) fn read(header: Node<'_>) -> Result<Option<Self>> {
        let mut found = header.children(xml::TYPES, "ExchangeImpersonation");
        let Some(node) = found.next() else {
            return Ok(None);
        };
        let refuse = |node: Node<'_>, what: &str| Error::new(Kind::Impersonation(what.to_owned())).at(node.position());
        if let Some(second) = found.next() {
            return Err(refuse(second, "two of them"));
        }
        let Some(sid) = node.child(xml::TYPES, "ConnectingSID") else {
            return Err(refuse(node, "no `ConnectingSID`"));
        };
        let name = sid.only().map_err(|_| refuse(sid, "`ConnectingSID` does not hold exactly one name"))?;
        let text = name.token()?;
        if text.is_empty() {
            return Err(refuse(name, "an empty name"));
        }
        let address = |text: &str| text.parse().map_err(|error: Error| refuse(name, &error.violation()));
        match (name.namespace(), name.name()) {
            (Some(xml::TYPES), "PrincipalName") => Ok(Some(Self::PrincipalName(text))),
            (Some(xml::TYPES), "SID") => Ok(Some(Self::Sid(text))),
            (Some(xml::TYPES), "PrimarySmtpAddress") => Ok(Some(Self::PrimarySmtpAddress(address(&text)?))),
            (Some(xml::TYPES), "SmtpAddress") => Ok(Some(Self::SmtpAddress(address(&text)?))),
            (_, other) => Err(refuse(name, &format!("a name of kind `{}`", shown(other)))),
        }
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.element("t:ExchangeImpersonation", &[], |w| {
            w.element("t:ConnectingSID", &[], |w| {
                w.text(&format!("t:{}", self.kind()), self.as_str());
            });
        });
    }
}
