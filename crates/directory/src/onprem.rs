//! What the on-premises side is told to trust: OAuth servers, partner applications and
//! the one OAuth configuration.
//!
//! Property names and their order are those of the vendor's objects.

use actas_token::well_known;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// A trusted token service (`CsOAuthServer`).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct OAuthServer {
    /// Unique name, compared without case.
    pub name: String,
    /// Application id of the issuer, from its metadata.
    pub issuer_identifier: String,
    /// From its metadata: the tenant GUID.
    pub realm: String,
    /// Whether the realm was given, in place of the one in its metadata.
    #[serde(default)]
    pub realm_given: bool,
    /// Where its metadata is.
    pub metadata_url: String,
    /// Where clients sign in, if overridden.
    pub authorization_uri_override: Option<String>,
    /// `Acs`, `AzureAD` or `ADFS`.
    pub kind: String,
    /// Whether its tokens may name users by SID.
    pub accept_security_identifier_information: bool,
    /// Where it issues tokens, from its metadata.
    pub token_endpoint: Option<String>,
    /// The audiences it accepts in an assertion, from its metadata.
    pub allowed_audiences: Vec<String>,
    /// Its certificates, base64 DER, from its metadata.
    pub certificates: Vec<String>,
    /// When the metadata was last read.
    pub refreshed: Timestamp,
}

/// What an OAuth server is for (`Type`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OAuthServerKind {
    /// It vouches for servers; its document is that of the server-to-server protocol.
    Acs,
    /// People sign in there: Active Directory Federation Services.
    Adfs,
    /// People sign in there: the cloud's directory.
    AzureAd,
}

impl OAuthServerKind {
    /// The vendor's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Acs => "Acs",
            Self::Adfs => "ADFS",
            Self::AzureAd => "AzureAD",
        }
    }

    /// Whether people sign in there, and servers do not.
    pub fn is_for_sign_in(self) -> bool {
        self != Self::Acs
    }
}

/// How a partner proves itself (`AuthToken`).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub enum AuthToken {
    /// By a certificate, base64 DER.
    Certificate(String),
    /// By its own metadata.
    MetadataUrl(String),
    /// By the configured OAuth server.
    UseOAuthServer,
}

/// What `AuthToken` is shown as where the configured OAuth server vouches for a partner.
pub const USE_OAUTH_SERVER: &str = "Microsoft.Rtc.Management.WritableConfig.Settings.SSAuth.UseOAuthServer";

/// What a partner may do (`ApplicationTrustLevel`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum ApplicationTrustLevel {
    /// As itself; as a user only with consent.
    Application,
    /// As itself and as any user of the realm.
    Full,
    /// As a user only with consent.
    User,
}

impl ApplicationTrustLevel {
    /// The vendor's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Application => "Application",
            Self::Full => "Full",
            Self::User => "User",
        }
    }
}

/// The other server product (`CsPartnerApplication`).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct PartnerApplication {
    /// Unique name, compared without case.
    pub name: String,
    /// How it proves itself.
    pub auth_token: AuthToken,
    /// Its application id.
    pub application_identifier: Uuid,
    /// Its realm; empty with an OAuth server.
    pub realm: Option<String>,
    /// What it may do.
    pub application_trust_level: ApplicationTrustLevel,
    /// Whether its tokens may name users by SID.
    pub accept_security_identifier_information: bool,
    /// Disabled partners are kept and refused.
    pub enabled: bool,
}

/// The one OAuth configuration (`CsOAuthConfiguration`, `Global`).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct OAuthConfiguration {
    /// Realm of this organisation; empty: the tenant of the OAuth server.
    pub realm: Option<String>,
    /// Our own application id.
    pub service_name: Option<Uuid>,
    /// OAuth server of *client* sign-in. It takes no part in server-to-server trust.
    pub client_authorization_oauth_server_identity: Option<String>,
    /// Autodiscover SOAP endpoint, ending in `/autodiscover/autodiscover.svc`.
    pub exchange_autodiscover_url: Option<String>,
    /// `;`-separated wildcards that a redirect may lead to.
    pub exchange_autodiscover_allowed_domains: Option<String>,
    /// Online tenants only.
    pub client_adal_auth_override: String,
    /// Vendor-internal.
    pub alternate_audience_url: Option<String>,
    /// Vendor-internal.
    pub additional_audience_urls: Option<String>,
}

impl Default for OAuthConfiguration {
    fn default() -> Self {
        Self {
            realm: None,
            service_name: Some(well_known::LYNC),
            client_authorization_oauth_server_identity: None,
            exchange_autodiscover_url: None,
            exchange_autodiscover_allowed_domains: None,
            client_adal_auth_override: "NoOverride".to_owned(),
            alternate_audience_url: None,
            additional_audience_urls: None,
        }
    }
}

/// Properties of one object by the vendor's names, in the vendor's order.
pub type Properties = Vec<(&'static str, Value)>;

impl OAuthServer {
    /// The certificates as DER.
    pub fn certificates_der(&self) -> impl Iterator<Item = Vec<u8>> {
        self.certificates.iter().filter_map(|text| STANDARD.decode(text).ok())
    }

    /// As `Get-CsOAuthServer` shows it.
    pub fn properties(&self) -> Properties {
        vec![
            ("Identity", self.name.clone().into()),
            ("Name", self.name.clone().into()),
            ("IssuerIdentifier", self.issuer_identifier.clone().into()),
            ("Realm", self.realm.clone().into()),
            ("MetadataUrl", self.metadata_url.clone().into()),
            ("AuthorizationUriOverride", self.authorization_uri_override.clone().into()),
            ("Type", self.kind.clone().into()),
            ("AcceptSecurityIdentifierInformation", self.accept_security_identifier_information.into()),
        ]
    }
}

impl PartnerApplication {
    /// `AuthToken` as the vendor's tools print it.
    pub fn auth_token_text(&self) -> String {
        match &self.auth_token {
            AuthToken::Certificate(data) => data.clone(),
            AuthToken::MetadataUrl(url) => url.clone(),
            AuthToken::UseOAuthServer => USE_OAUTH_SERVER.to_owned(),
        }
    }

    /// As `Get-CsPartnerApplication` shows it.
    pub fn properties(&self) -> Properties {
        vec![
            ("Identity", self.name.clone().into()),
            ("AuthToken", self.auth_token_text().into()),
            ("Name", self.name.clone().into()),
            ("ApplicationIdentifier", self.application_identifier.to_string().into()),
            ("Realm", self.realm.clone().into()),
            ("ApplicationTrustLevel", self.application_trust_level.as_str().into()),
            ("AcceptSecurityIdentifierInformation", self.accept_security_identifier_information.into()),
            ("Enabled", self.enabled.into()),
        ]
    }
}

impl OAuthConfiguration {
    /// As `Get-CsOAuthConfiguration` shows it, with the other objects embedded.
    pub fn properties(&self, partners: &[PartnerApplication], servers: &[OAuthServer]) -> Properties {
        let embedded = |properties: Properties| -> Value {
            let members = properties.into_iter().filter(|(name, _)| *name != "Identity");
            Value::Object(members.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
        };
        vec![
            ("Identity", json!("Global")),
            ("PartnerApplications", partners.iter().map(|p| embedded(p.properties())).collect()),
            ("OAuthServers", servers.iter().map(|s| embedded(s.properties())).collect()),
            ("Realm", self.realm.clone().into()),
            ("ServiceName", self.service_name.map(|id| id.to_string()).into()),
            ("ClientAuthorizationOAuthServerIdentity", self.client_authorization_oauth_server_identity.clone().into()),
            ("ExchangeAutodiscoverUrl", self.exchange_autodiscover_url.clone().into()),
            ("ExchangeAutodiscoverAllowedDomains", self.exchange_autodiscover_allowed_domains.clone().into()),
            ("ClientAdalAuthOverride", self.client_adal_auth_override.clone().into()),
            ("AlternateAudienceUrl", self.alternate_audience_url.clone().into()),
            ("AdditionalAudienceUrls", self.additional_audience_urls.clone().into()),
        ]
    }
}
