//! What the Exchange-like server is told to trust, tenant by tenant, and who may open which
//! mailbox.
//!
//! Property names and their order are those of the vendor's objects.

use actas_token::TenantId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::onprem::{ApplicationTrustLevel, Properties};

/// What a metadata URL leads to (`AuthServer` `Type`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum AuthServerKind {
    /// An OpenID-style token service: its discovery document and JWKS.
    AzureAd,
    /// The S2S metadata document.
    MicrosoftAcs,
}

impl AuthServerKind {
    /// The vendor's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AzureAd => "AzureAD",
            Self::MicrosoftAcs => "MicrosoftACS",
        }
    }
}

/// What a metadata document said when it was last read by a command. The server itself reads
/// the document again and again, and believes nothing of this: it is for people.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Published {
    /// Where tokens are issued.
    pub token_issuing_endpoint: Option<String>,
    /// Where people sign in.
    pub authorization_endpoint: Option<String>,
    /// Signing certificates, base64 DER, the current one first.
    pub certificates: Vec<String>,
    /// When it was read. A later time makes a server that runs fetch the keys anew.
    pub read: Option<Timestamp>,
}

/// A trusted token service (`AuthServer`).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct AuthServer {
    /// Unique name in the tenant, compared without case.
    pub name: String,
    /// Whose trust this is.
    pub tenant: TenantId,
    /// What its metadata looks like.
    pub kind: AuthServerKind,
    /// Where its metadata is.
    pub auth_metadata_url: String,
    /// The application id it must sign as; pinned at registration.
    pub issuer_identifier: Uuid,
    /// The realm it must speak for; pinned at registration.
    pub realm: String,
    /// Disabled servers are kept and not believed.
    pub enabled: bool,
    /// Domains that an administrator noted with it.
    #[serde(default)]
    pub domain_names: Vec<String>,
    /// Whether people are to sign in there; a note as well.
    #[serde(default)]
    pub is_default_authorization_endpoint: bool,
    /// The application as which Exchange is known there; a note as well.
    #[serde(default)]
    pub application_identifier: Option<Uuid>,
    /// What its metadata said.
    #[serde(default)]
    pub published: Published,
}

/// What an application may do as itself (`AppOnlyPermissions`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum AppOnlyPermission {
    /// Open every mailbox of the tenant, whatever its linked account may.
    FullAccess,
}

impl AppOnlyPermission {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::FullAccess];

    /// The name by which it is known in tokens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FullAccess => "full_access_as_app",
        }
    }
}

/// What an application may do as a user, of what the user may (`ActAsPermissions`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum ActAsPermission {
    /// Whatever the user may.
    Everything,
    /// Read.
    Read,
}

impl ActAsPermission {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Everything, Self::Read];

    /// The name of the delegated permission.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Everything => "EWS.AccessAsUser.All",
            Self::Read => "Mail.Read",
        }
    }
}

/// An application that may call (`PartnerApplication`).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PartnerApplication {
    /// Unique name in the tenant, compared without case.
    pub name: String,
    /// Whose trust this is.
    pub tenant: TenantId,
    /// Its application id.
    pub application_identifier: Uuid,
    /// Whether the token service vouches for it; otherwise its own metadata does.
    pub use_auth_server: bool,
    /// What it may do.
    pub trust_level: ApplicationTrustLevel,
    /// Whether the app-asserted act-as token is accepted from it. Off for a new partner.
    pub app_asserted_act_as: bool,
    /// Whether act-as tokens that the token service signed are accepted for it.
    pub sts_issued_act_as: bool,
    /// Whether its tokens may name users by SID.
    pub accept_security_identifier_information: bool,
    /// Account with whose rights it acts as itself: the object id of a user of the tenant.
    pub linked_account: Option<String>,
    /// Disabled partners are kept and refused.
    pub enabled: bool,
    /// Where a partner that issues its own tokens publishes its keys.
    #[serde(default)]
    pub auth_metadata_url: Option<String>,
    /// The realm that such a partner signs for; pinned at registration.
    #[serde(default)]
    pub realm: Option<String>,
    /// What its metadata said.
    #[serde(default)]
    pub published: Published,
    /// What it may do as itself beside what its linked account may.
    #[serde(default = "every_mailbox")]
    pub app_only_permissions: Vec<AppOnlyPermission>,
    /// What it may do as a user, of what the user may.
    #[serde(default = "everything")]
    pub act_as_permissions: Vec<ActAsPermission>,
}

/// What was in force before there was a choice.
fn every_mailbox() -> Vec<AppOnlyPermission> {
    vec![AppOnlyPermission::FullAccess]
}

fn everything() -> Vec<ActAsPermission> {
    vec![ActAsPermission::Everything]
}

/// What a trustee may do in somebody else's mailbox (`MailboxPermission`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum AccessRight {
    /// Open it, and do in it what its owner may.
    FullAccess,
}

impl AccessRight {
    /// The vendor's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FullAccess => "FullAccess",
        }
    }
}

/// That a user of a tenant may open the mailbox of another one. Without it, nobody may.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct MailboxPermission {
    /// Whose users they are.
    pub tenant: TenantId,
    /// Object id of the user whose mailbox it is.
    pub mailbox: Uuid,
    /// Object id of the user who may open it.
    pub trustee: Uuid,
    /// What that user may do there.
    pub right: AccessRight,
}

// === impl AuthServer ===

impl AuthServer {
    /// As `Get-AuthServer` shows it.
    pub fn properties(&self) -> Properties {
        vec![
            ("Name", self.name.clone().into()),
            ("IssuerIdentifier", self.issuer_identifier.to_string().into()),
            ("TokenIssuingEndpoint", self.published.token_issuing_endpoint.clone().into()),
            ("AuthorizationEndpoint", self.published.authorization_endpoint.clone().into()),
            ("ApplicationIdentifier", self.application_identifier.map(|id| id.to_string()).into()),
            ("CertificateStrings", json!(self.published.certificates)),
            ("Realm", self.realm.clone().into()),
            ("AuthMetadataUrl", self.auth_metadata_url.clone().into()),
            ("Enabled", self.enabled.into()),
            ("Type", self.kind.as_str().into()),
            ("DomainName", json!(self.domain_names)),
            ("IsDefaultAuthorizationEndpoint", self.is_default_authorization_endpoint.into()),
        ]
    }
}

// === impl PartnerApplication ===

impl PartnerApplication {
    /// A partner that may do nothing yet: no linked account, no act-as. Of the two kinds of
    /// act-as token the one that the token service signs is on, as it is the safer one.
    pub fn new(name: &str, tenant: TenantId, application_identifier: Uuid) -> Self {
        Self {
            name: name.to_owned(),
            tenant,
            application_identifier,
            use_auth_server: true,
            trust_level: ApplicationTrustLevel::Full,
            app_asserted_act_as: false,
            sts_issued_act_as: true,
            accept_security_identifier_information: false,
            linked_account: None,
            enabled: true,
            auth_metadata_url: None,
            realm: None,
            published: Published::default(),
            app_only_permissions: Vec::new(),
            act_as_permissions: everything(),
        }
    }

    /// What it signs as, if it issues its own tokens.
    pub fn issuer(&self) -> Option<String> {
        let realm = self.realm.as_ref().filter(|_| !self.use_auth_server)?;
        Some(format!("{}@{realm}", self.application_identifier))
    }

    /// As `Get-PartnerApplication` shows it, and behind that what only this product has.
    /// `linked_account` is the name of the linked account.
    pub fn properties(&self, linked_account: Option<&str>) -> Properties {
        let app_only: Vec<_> = self.app_only_permissions.iter().map(|one| one.as_str()).collect();
        let act_as: Vec<_> = self.act_as_permissions.iter().map(|one| one.as_str()).collect();
        vec![
            ("Enabled", self.enabled.into()),
            ("ApplicationIdentifier", self.application_identifier.to_string().into()),
            ("CertificateStrings", json!(self.published.certificates)),
            ("AuthMetadataUrl", self.auth_metadata_url.clone().into()),
            ("Realm", self.realm.clone().unwrap_or_default().into()),
            ("UseAuthServer", self.use_auth_server.into()),
            ("AcceptSecurityIdentifierInformation", self.accept_security_identifier_information.into()),
            ("LinkedAccount", linked_account.or(self.linked_account.as_deref()).into()),
            ("IssuerIdentifier", self.issuer().into()),
            ("AppOnlyPermissions", json!(app_only)),
            ("ActAsPermissions", json!(act_as)),
            ("Name", self.name.clone().into()),
            ("AppAssertedActAs", self.app_asserted_act_as.into()),
            ("StsIssuedActAs", self.sts_issued_act_as.into()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partner_of_before_there_was_a_choice_keeps_what_it_had() {
        let partner = PartnerApplication::new("lync", TenantId(Uuid::nil()), actas_token::well_known::LYNC);
        let mut stored = serde_json::to_value(&partner).unwrap();
        let object = stored.as_object_mut().unwrap();
        for name in ["auth_metadata_url", "realm", "published", "app_only_permissions", "act_as_permissions"] {
            assert!(object.remove(name).is_some(), "{name}");
        }
        let read: PartnerApplication = serde_json::from_value(stored).unwrap();
        assert_eq!(read.app_only_permissions, [AppOnlyPermission::FullAccess]);
        assert_eq!(read.act_as_permissions, [ActAsPermission::Everything]);
        assert_eq!(partner.app_only_permissions, [], "a new one may open no mailbox");
    }
}
