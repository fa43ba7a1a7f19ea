//! What the Exchange-like server is told to trust, tenant by tenant.

use actas_token::TenantId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::onprem::ApplicationTrustLevel;

/// What a metadata URL leads to (`AuthServer` `Type`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum AuthServerKind {
    /// An OpenID-style token service: its discovery document and JWKS.
    AzureAd,
    /// The S2S metadata document.
    MicrosoftAcs,
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
    /// Account with whose rights it acts as itself.
    pub linked_account: Option<String>,
    /// Disabled partners are kept and refused.
    pub enabled: bool,
}
