//! Issuers as configured, and the keys that they publish.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actas_token::jws::{Compact, Reading};
use actas_token::metadata::{DOCUMENT_BYTES_MAX, KEYS_MAX, Metadata};
use actas_token::{Issuer, IssuerKeys, RealmRule, TenantId, VerifyingKey, Voice};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use url::Url;
use uuid::Uuid;

/// Fetches a metadata document: https only, no redirects, bounded in size and time.
pub trait MetadataSource: Send + Sync + 'static {
    /// The body of a successful answer, or why there is none.
    fn fetch<'a>(&'a self, url: &'a str) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'a>>;
}

/// An issuer that is trusted, pinned to what it was registered as.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfiguredIssuer {
    /// Who it is.
    pub kind: IssuerKind,
    /// Where it publishes its keys.
    pub metadata_url: String,
}

/// Who an issuer is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IssuerKind {
    /// An OpenID-style token service of one tenant; its `issuer` must fit its address
    /// (RFC 8414 §3.3).
    OpenId {
        /// The tenant.
        tenant: TenantId,
    },
    /// A partner that issues its own tokens.
    Partner {
        /// Its application id.
        app_id: Uuid,
        /// The realm it is registered with.
        realm: String,
        /// The tenant that trusts it.
        tenant: TenantId,
    },
    /// A security token service, for one realm.
    TokenService {
        /// Its application id.
        app_id: Uuid,
        /// The realm.
        realm: String,
    },
}

#[derive(Deserialize)]
struct OpenIdDocument {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    #[serde(default)]
    x5c: Vec<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
}

impl ConfiguredIssuer {
    /// Fetches the issuer's keys. A document that speaks for somebody else than was
    /// registered is an error, not an update.
    pub(crate) async fn fetch(&self, source: &dyn MetadataSource) -> Result<IssuerKeys, String> {
        match &self.kind {
            IssuerKind::OpenId { tenant } => self.fetch_open_id(source, *tenant).await,
            IssuerKind::Partner { app_id, realm, tenant } => {
                self.fetch_metadata(source, *app_id, realm, Voice::Partner(*tenant)).await
            }
            IssuerKind::TokenService { app_id, realm } => {
                self.fetch_metadata(source, *app_id, realm, Voice::TokenService).await
            }
        }
    }

    /// Whether a token's `iss` is how this issuer names itself.
    pub(crate) fn answers_to(&self, iss: &str) -> bool {
        match &self.kind {
            IssuerKind::OpenId { .. } => {
                let base = self.metadata_url.strip_suffix(".well-known/openid-configuration");
                base.is_some_and(|base| base.trim_end_matches('/') == iss.trim_end_matches('/'))
            }
            IssuerKind::Partner { app_id, realm, .. } | IssuerKind::TokenService { app_id, realm } => {
                iss.strip_prefix(&app_id.to_string()).and_then(|rest| rest.strip_prefix('@')) == Some(realm.as_str())
            }
        }
    }

    async fn fetch_metadata(
        &self,
        source: &dyn MetadataSource,
        app_id: Uuid,
        realm: &str,
        voice: Voice,
    ) -> Result<IssuerKeys, String> {
        let document = Metadata::parse(&source.fetch(&self.metadata_url).await?).map_err(|error| error.to_string())?;
        let published = document.realm.as_deref().unwrap_or("*");
        if document.issuer.app_id != app_id || (published != realm && published != "*") {
            return Err(format!("it speaks for {}, not for {app_id}@{realm} as registered", document.issuer));
        }
        let keys: Vec<VerifyingKey> = document.keys.into_iter().map(|(_, key)| key).collect();
        let issuer = Issuer::Principal(app_id, RealmRule::Exactly(realm.to_owned()));
        Ok(IssuerKeys { issuer, voice, keys: Arc::from(keys) })
    }

    async fn fetch_open_id(&self, source: &dyn MetadataSource, tenant: TenantId) -> Result<IssuerKeys, String> {
        let body = source.fetch(&self.metadata_url).await?;
        let document: OpenIdDocument =
            serde_json::from_slice(&body).map_err(|error| format!("it is no discovery document: {error}"))?;
        let base = self.metadata_url.strip_suffix(".well-known/openid-configuration").unwrap_or_default();
        if base.is_empty() || document.issuer.trim_end_matches('/') != base.trim_end_matches('/') {
            return Err(format!("its issuer `{}` does not belong to its address", document.issuer));
        }
        if !same_origin(&self.metadata_url, &document.jwks_uri) {
            return Err(format!("its keys are on another host: `{}`", document.jwks_uri));
        }
        let body = source.fetch(&document.jwks_uri).await?;
        Ok(IssuerKeys {
            issuer: Issuer::Url(document.issuer, tenant),
            voice: Voice::TokenService,
            keys: Arc::from(read_jwks(&body)?),
        })
    }
}

/// Whom a token names as the issuer of what is signed in it. Nothing is believed; it says
/// whose keys to look at.
pub(crate) fn named_by(token: &str) -> Option<String> {
    let outer = Compact::parse(token, Reading::Strict).ok()?;
    let text = |token: &Compact<'_>, name| token.claims.optional_text(name).ok().flatten().map(str::to_owned);
    match text(&outer, "actortoken") {
        Some(inner) => text(&Compact::parse(&inner, Reading::Strict).ok()?, "iss"),
        None => text(&outer, "iss"),
    }
}

fn same_origin(a: &str, b: &str) -> bool {
    match (Url::parse(a), Url::parse(b)) {
        (Ok(a), Ok(b)) => a.scheme() == "https" && a.origin() == b.origin(),
        _ => false,
    }
}

/// Keys by their certificate (`x5c`), as Microsoft's token services publish them.
fn read_jwks(body: &[u8]) -> Result<Vec<VerifyingKey>, String> {
    if body.len() > DOCUMENT_BYTES_MAX {
        return Err("its key set is too large".to_owned());
    }
    let set: Jwks = serde_json::from_slice(body).map_err(|error| format!("it is no key set: {error}"))?;
    let for_signing = |key: &Jwk| key.usage.as_deref().is_none_or(|usage| usage == "sig");
    let keys: Vec<VerifyingKey> = set
        .keys
        .iter()
        .take(KEYS_MAX)
        .filter(|key| for_signing(key))
        .filter_map(|key| STANDARD.decode(key.x5c.first()?).ok())
        .filter_map(|der| VerifyingKey::from_certificate(&der).ok())
        .collect();
    if keys.is_empty() { Err("its key set has no key that can be used".to_owned()) } else { Ok(keys) }
}
