//! Users, by all the names that tokens and Autodiscover use for them.

use actas_token::{TenantId, UserKey};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kept::{Kept, KeptProperty, Shape};

/// What a user keeps and gives back.
pub const KEPT: [KeptProperty; 14] = [
    KeptProperty::new("businessPhones", Shape::Texts(64)),
    KeptProperty::new("companyName", Shape::Text(64)),
    KeptProperty::new("country", Shape::Text(128)),
    KeptProperty::new("department", Shape::Text(64)),
    KeptProperty::new("employeeId", Shape::Text(16)),
    KeptProperty::new("givenName", Shape::Text(64)),
    KeptProperty::new("jobTitle", Shape::Text(128)),
    KeptProperty::new("mailNickname", Shape::Text(64)),
    KeptProperty::new("mobilePhone", Shape::Text(64)),
    KeptProperty::new("officeLocation", Shape::Text(128)),
    KeptProperty::new("onPremisesImmutableId", Shape::Text(64)),
    KeptProperty::new("preferredLanguage", Shape::Text(64)),
    KeptProperty::new("surname", Shape::Text(64)),
    KeptProperty::new("usageLocation", Shape::Text(2)),
];

/// A user of a tenant.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct User {
    /// Object id.
    pub id: Uuid,
    /// Whose user.
    pub tenant: TenantId,
    /// For people.
    pub display_name: String,
    /// User principal name.
    pub upn: String,
    /// Addresses as Exchange writes them: `SMTP:` primary, `smtp:` further, `SIP:`.
    pub proxy_addresses: Vec<String>,
    /// Windows SID on premises, if synchronised.
    pub sid: Option<String>,
    /// 16-digit NetID.
    pub puid: Option<String>,
    /// Disabled users are refused.
    pub enabled: bool,
    /// Whether the user has a mailbox here.
    pub mailbox: bool,
    /// What the user signs in with, if it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordHash>,
    /// Whether the user may administer the tenant. Nobody else can make it so than whoever
    /// seeds the directory.
    #[serde(default)]
    pub administrator: bool,
    /// What is kept and decides nothing.
    #[serde(default)]
    pub kept: Kept,
    /// Grows with every change: the ETag.
    #[serde(default = "first_version")]
    pub version: i64,
}

/// A password, as a hash: Argon2id in PHC form.
#[derive(Clone, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// The shortest password of a user, in characters, and the longest, in bytes.
pub const PASSWORD_LENGTH: (usize, usize) = (8, 256);

/// Whether a text may be a password of a user.
pub fn is_password(text: &str) -> bool {
    let (least, most) = PASSWORD_LENGTH;
    text.chars().count() >= least && text.len() <= most && !text.chars().any(char::is_control)
}

fn first_version() -> i64 {
    1
}

impl User {
    /// A user whose UPN, SMTP and SIP address are one and the same.
    pub fn new(id: Uuid, tenant: TenantId, display_name: &str, address: &str) -> Self {
        Self {
            id,
            tenant,
            display_name: display_name.to_owned(),
            upn: address.to_owned(),
            proxy_addresses: vec![format!("SMTP:{address}"), format!("SIP:{address}")],
            sid: None,
            puid: None,
            enabled: true,
            mailbox: true,
            password: None,
            administrator: false,
            kept: Kept::new(),
            version: first_version(),
        }
    }

    /// The primary SMTP address.
    pub fn primary_smtp(&self) -> Option<&str> {
        self.proxy_addresses.iter().find_map(|address| address.strip_prefix("SMTP:"))
    }

    /// Every key under which the user is found, lower case.
    pub fn keys(&self) -> Vec<UserKey> {
        let mut keys = vec![UserKey::Upn(self.upn.to_lowercase())];
        for proxy in &self.proxy_addresses {
            match proxy.split_once(':') {
                Some((scheme, address)) if scheme.eq_ignore_ascii_case("smtp") => {
                    keys.push(UserKey::Smtp(address.to_lowercase()));
                }
                Some((scheme, address)) if scheme.eq_ignore_ascii_case("sip") => {
                    keys.push(UserKey::Sip(address.to_lowercase()));
                }
                _ => {}
            }
        }
        keys.extend(self.sid.as_ref().map(|sid| UserKey::Sid(sid.to_lowercase())));
        keys.extend(self.puid.as_ref().map(|puid| UserKey::Puid(puid.to_lowercase())));
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_have_bounds_and_hashes_are_not_shown() {
        assert!(is_password("correct horse") && is_password("12345678"));
        assert!(!is_password("1234567") && !is_password(&"x".repeat(257)) && !is_password("12345678\n"));
        let mut user = User::new(Uuid::nil(), TenantId(Uuid::nil()), "Lena", "lena@fabrikam.example");
        user.password = Some(PasswordHash("$argon2id$x".to_owned()));
        assert!(!format!("{user:?}").contains("argon2id"));
    }
}
