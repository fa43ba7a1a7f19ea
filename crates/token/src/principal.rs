//! Names of applications: `appid [ "/" host ] [ "@" realm ]`.

use std::fmt;
use std::str::FromStr;

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
        let hosts_agree = match (&self.host, &other.host) {
            (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
            (None, None) => true,
            _ => false,
        };
        self.app_id == other.app_id && self.realm == other.realm && hosts_agree
    }
}

impl FromStr for Principal {
    type Err = NotAPrincipal;

    /// Reads the strict form: the GUID hyphenated and in lower case, since
    /// MS-XOAUTH compares it case-sensitively.
    fn from_str(text: &str) -> Result<Self, NotAPrincipal> {
        let refuse = || NotAPrincipal(text.chars().take(80).collect());
        if text.len() > PRINCIPAL_BYTES_MAX || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(refuse());
        }
        let (before, realm) = match text.split_once('@') {
            Some((before, realm)) => (before, Some(realm)),
            None => (text, None),
        };
        let (app, host) = match before.split_once('/') {
            Some((app, host)) => (app, Some(host)),
            None => (before, None),
        };
        let app_id = Uuid::try_parse(app).map_err(|_| refuse())?;
        let canonical = app_id.hyphenated().to_string() == app;
        let host_fits = host.is_none_or(|h| !h.is_empty() && !h.contains('/'));
        let realm_fits = realm.is_none_or(|r| !r.is_empty() && !r.contains(['@', '/']));
        if !(canonical && host_fits && realm_fits) {
            return Err(refuse());
        }
        Ok(Self { app_id, host: host.map(str::to_owned), realm: realm.map(str::to_owned) })
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.app_id.hyphenated())?;
        if let Some(host) = &self.host {
            write!(f, "/{host}")?;
        }
        if let Some(realm) = &self.realm {
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
    }

    #[test]
    fn not_principals() {
        let app = well_known::EXCHANGE;
        for text in [
            String::new(),
            "exchange".into(),
            app.simple().to_string(),
            app.hyphenated().to_string().to_uppercase(),
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
        assert!(!a.same_as(&Principal::in_realm(well_known::EXCHANGE, "t")));
    }
}
