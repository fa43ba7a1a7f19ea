//! Names of applications: `appid [ "/" host ] [ "@" realm ]`.

use std::fmt;
use std::str::FromStr;

use memchr::{memchr, memchr2};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The longest principal that is read, in bytes.
pub const PRINCIPAL_BYTES_MAX: usize = 512;

/// Application ids that every deployment of this protocol shares.
pub mod well_known {
    use uuid::{Uuid, uuid};

    /// The security token service (Azure Access Control), issuer of actor tokens.
    pub const STS: Uuid = uuid!("00000001-0000-0000-c000-000000000000");
    /// Exchange.
    pub const EXCHANGE: Uuid = uuid!("00000002-0000-0ff1-ce00-000000000000");
    /// SharePoint.
    pub const SHAREPOINT: Uuid = uuid!("00000003-0000-0ff1-ce00-000000000000");
    /// Lync and Skype for Business.
    pub const LYNC: Uuid = uuid!("00000004-0000-0ff1-ce00-000000000000");
    /// Microsoft Graph.
    pub const GRAPH: Uuid = uuid!("00000003-0000-0000-c000-000000000000");
    /// Azure AD Graph: the audience of a proof of possession.
    pub const DIRECTORY: Uuid = uuid!("00000002-0000-0000-c000-000000000000");
}

/// A tenant, by its GUID.
///
/// What a token was accepted *for* is carried in this type, and every look-up of a
/// user or mailbox takes it, so that isolation is not a check someone must remember.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct TenantId(pub Uuid);

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for TenantId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

/// An application, optionally at a host, optionally in a realm.
///
/// The same form names an issuer (`appid@realm`), an audience
/// (`appid/host@realm`) and a service principal name (`appid/host`).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Principal {
    /// The application id.
    pub app_id: Uuid,
    /// DNS name, possibly with a port, as written.
    pub host: Option<String>,
    /// Tenant GUID, DNS domain, farm GUID or `*`, as written.
    pub realm: Option<String>,
}

/// A text that does not name a principal.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not of the form name[/host][@realm] with a lower-case GUID as name")]
pub struct NotAPrincipal(pub String);

impl Principal {
    /// An application in a realm: an issuer or a caller.
    pub fn in_realm(app_id: Uuid, realm: impl Into<String>) -> Self {
        Self { app_id, host: None, realm: Some(realm.into()) }
    }

    /// An application at a host in a realm: an audience (MS-XOAUTH 3.2.5.6).
    pub fn audience(app_id: Uuid, host: impl Into<String>, realm: impl Into<String>) -> Self {
        Self { app_id, host: Some(host.into()), realm: Some(realm.into()) }
    }

    /// Whether both name the same thing: host without regard to case, the rest exactly.
    pub fn same_as(&self, other: &Self) -> bool {
        self.parts().same_as(&other.parts())
    }

    pub(crate) fn parts(&self) -> Parts<'_> {
        Parts { app_id: self.app_id, host: self.host.as_deref(), realm: self.realm.as_deref() }
    }
}

impl FromStr for Principal {
    type Err = NotAPrincipal;

    /// Reads the strict form: the GUID hyphenated and in lower case, since
    /// MS-XOAUTH compares it case-sensitively.
    fn from_str(text: &str) -> Result<Self, NotAPrincipal> {
        match Parts::read(text) {
            Some(parts) => Ok(parts.to_principal()),
            None => Err(NotAPrincipal(text.chars().take(80).collect())),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().fmt(f)
    }
}

/// A [`Principal`] where it is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Parts<'t> {
    pub(crate) app_id: Uuid,
    pub(crate) host: Option<&'t str>,
    pub(crate) realm: Option<&'t str>,
}

/// The length of a GUID with hyphens and without braces, in bytes.
const GUID_BYTES: usize = 36;

impl<'t> Parts<'t> {
    /// Reads the strict form, as [`Principal::from_str`].
    pub(crate) fn read(text: &'t str) -> Option<Self> {
        // Not `all`, which would stop early and so cannot look at many bytes at once.
        let graphic = text.bytes().fold(true, |so_far, byte| so_far & byte.is_ascii_graphic());
        if text.len() > PRINCIPAL_BYTES_MAX || !graphic {
            return None;
        }
        let (app, rest) = text.split_at_checked(GUID_BYTES)?;
        let (before, realm) = match memchr(b'@', rest.as_bytes()) {
            Some(at) => (&rest[..at], Some(&rest[at + 1..])),
            None => (rest, None),
        };
        let host = match before.strip_prefix('/') {
            Some(host) => Some(host),
            None if before.is_empty() => None,
            None => return None,
        };
        // With 36 bytes, the form with hyphens is the only one that parses.
        let lower = !app.bytes().fold(false, |so_far, byte| so_far | byte.is_ascii_uppercase());
        let host_fits = host.is_none_or(|host| !host.is_empty() && memchr(b'/', host.as_bytes()).is_none());
        let realm_fits = realm.is_none_or(|realm| !realm.is_empty() && memchr2(b'@', b'/', realm.as_bytes()).is_none());
        if !(lower && host_fits && realm_fits) {
            return None;
        }
        Some(Self { app_id: Uuid::try_parse(app).ok()?, host, realm })
    }

    pub(crate) fn to_principal(self) -> Principal {
        Principal { app_id: self.app_id, host: self.host.map(str::to_owned), realm: self.realm.map(str::to_owned) }
    }

    pub(crate) fn same_as(&self, other: &Parts<'_>) -> bool {
        let hosts_agree = match (self.host, other.host) {
            (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
            (None, None) => true,
            _ => false,
        };
        self.app_id == other.app_id && self.realm == other.realm && hosts_agree
    }
}

impl fmt::Display for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.app_id.hyphenated())?;
        if let Some(host) = self.host {
            write!(f, "/{host}")?;
        }
        if let Some(realm) = self.realm {
            write!(f, "@{realm}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(Option<&str>, Option<&str>)>) {
        let read = text.parse::<Principal>().ok();
        let parts = read.as_ref().map(|p| (p.host.as_deref(), p.realm.as_deref()));
        assert_eq!(parts, expected, "{text}");
        if let Some(read) = read {
            assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn forms() {
        let app = well_known::EXCHANGE;
        check(&format!("{app}"), Some((None, None)));
        check(&format!("{app}/mail.a.example"), Some((Some("mail.a.example"), None)));
        check(&format!("{app}@a.example"), Some((None, Some("a.example"))));
        check(&format!("{app}/mail.a.example:8443@*"), Some((Some("mail.a.example:8443"), Some("*"))));
        let longest = "h".repeat(PRINCIPAL_BYTES_MAX - GUID_BYTES - 1);
        check(&format!("{app}/{longest}"), Some((Some(&longest), None)));
        check(&format!("{app}/{longest}h"), None);
    }

    #[test]
    fn not_principals() {
        let app = well_known::EXCHANGE;
        for text in [
            String::new(),
            "exchange".into(),
            app.simple().to_string(),
            app.hyphenated().to_string().to_uppercase(),
            format!("{app}x"),
            format!("{app}x@b"),
            format!("{app}/"),
            format!("{app}@"),
            format!("{app}/a/b@c"),
            format!("{app}/a@b@c"),
            format!("{app}/a b@c"),
            format!("{app}/a@b\n"),
            format!("{{{app}}}@b"),
            format!("{app}/{}", "h".repeat(600)),
        ] {
            check(&text, None);
        }
    }

    #[test]
    fn only_the_host_is_compared_without_case() {
        let a = Principal::audience(well_known::EXCHANGE, "Mail.A.example", "t");
        assert!(a.same_as(&Principal::audience(well_known::EXCHANGE, "mail.a.example", "t")));
        assert!(!a.same_as(&Principal::audience(well_known::EXCHANGE, "mail.a.example", "T")));
        let caller = Principal::in_realm(well_known::EXCHANGE, "t");
        assert!(!a.same_as(&caller) && !caller.same_as(&a) && caller.same_as(&caller.clone()));
    }
}
