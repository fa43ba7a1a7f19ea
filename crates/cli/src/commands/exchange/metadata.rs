//! Metadata documents as they are read when a trust is declared.

use std::time::Duration;

use actas_directory::exchange_side::{AuthServerKind, Published};
use actas_runtime::HttpRequest;
use actas_token::metadata::{DOCUMENT_BYTES_MAX, Metadata};
use actas_token::well_known;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde::Deserialize;
use url::Url;
use uuid::Uuid;

use super::Exchange;
use crate::arguments::value::WebUrl;
use crate::problem::Problem;

const TIMEOUT: Duration = Duration::from_secs(10);

/// What a document says.
pub(super) struct Document {
    /// As whom its publisher signs.
    pub(super) app_id: Uuid,
    /// For which realm, if for one.
    pub(super) realm: Option<String>,
    pub(super) published: Published,
}

#[derive(Deserialize)]
struct OpenIdDocument {
    issuer: String,
    jwks_uri: String,
    token_endpoint: Option<String>,
    authorization_endpoint: Option<String>,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    #[serde(default)]
    x5c: Vec<String>,
}

// === impl Exchange ===

impl Exchange {
    /// Reads a document: `https` only, no redirects, bounded in size and time.
    pub(super) async fn read_metadata(&self, kind: AuthServerKind, url: &str) -> Result<Document, Problem> {
        match kind {
            AuthServerKind::AzureAd => self.read_open_id(url).await,
            _ => self.read_s2s(url).await,
        }
    }

    async fn read_s2s(&self, url: &str) -> Result<Document, Problem> {
        let metadata = Metadata::parse(&self.fetch(url).await?).map_err(|error| {
            no_document(url, &error.to_string()).hint(
                "the document of a token service or of a server that issues its own tokens ends in `/metadata/json/1`",
            )
        })?;
        Ok(Document {
            app_id: metadata.issuer.app_id,
            realm: metadata.realm.filter(|realm| realm != "*"),
            published: Published {
                token_issuing_endpoint: metadata.token_endpoint,
                authorization_endpoint: None,
                certificates: metadata.keys.iter().map(|(der, _)| STANDARD.encode(der)).collect(),
                read: Some(self.now),
            },
        })
    }

    async fn read_open_id(&self, url: &str) -> Result<Document, Problem> {
        const SUFFIX: &str = ".well-known/openid-configuration";
        let hint = format!("the document of an `AzureAD` token service ends in `/{SUFFIX}`");
        let refused = |why: &str| no_document(url, why).hint(hint.clone());
        let base = url.strip_suffix(SUFFIX).ok_or_else(|| refused("it is not that of an OpenID provider"))?;
        let document: OpenIdDocument =
            serde_json::from_slice(&self.fetch(url).await?).map_err(|error| refused(&error.to_string()))?;
        if document.issuer.trim_end_matches('/') != base.trim_end_matches('/') {
            return Err(refused(&format!("its issuer `{}` does not belong to its address", document.issuer)));
        }
        let origin = |text: &str| Url::parse(text).ok().map(|url| url.origin());
        if origin(&document.jwks_uri) != origin(url) {
            return Err(refused(&format!("its keys are on another host: `{}`", document.jwks_uri)));
        }
        let keys: Jwks = serde_json::from_slice(&self.fetch(&document.jwks_uri).await?)
            .map_err(|error| refused(&error.to_string()))?;
        let certificates: Vec<String> = keys.keys.into_iter().filter_map(|key| key.x5c.into_iter().next()).collect();
        if certificates.is_empty() {
            return Err(refused("it has no key with a certificate"));
        }
        Ok(Document {
            app_id: well_known::STS,
            realm: None,
            published: Published {
                token_issuing_endpoint: document.token_endpoint,
                authorization_endpoint: document.authorization_endpoint,
                certificates,
                read: Some(self.now),
            },
        })
    }

    async fn fetch(&self, url: &str) -> Result<Vec<u8>, Problem> {
        let request = HttpRequest::get(url).timeout(TIMEOUT).body_max(DOCUMENT_BYTES_MAX);
        let response = self
            .http
            .send(request)
            .await
            .map_err(|error| no_document(url, &error.to_string()).hint(error.hint().to_owned()))?;
        if response.status != StatusCode::OK {
            let answered = format!("the server answered {}", response.status);
            return Err(match response.location().filter(|_| response.status.is_redirection()) {
                Some(to) => no_document(url, &format!("{answered} and leads to `{to}`"))
                    .hint("redirects are not followed; if you trust that address, give it"),
                None => no_document(url, &answered).hint(
                    "look whether the address is right; a server that issues its own tokens publishes nothing before it has a realm and a certificate",
                ),
            });
        }
        Ok(response.body.to_vec())
    }
}

/// The address, which is `https`.
pub(super) fn https(url: &WebUrl) -> Result<String, Problem> {
    if url.url().scheme() == "https" {
        return Ok(url.as_str().to_owned());
    }
    Err(Problem::failed(format!("`{}` does not begin with https://", url.as_str()))
        .hint("metadata names the keys that the server will trust; it may not travel in the clear"))
}

fn no_document(url: &str, why: &str) -> Problem {
    Problem::failed(format!("cannot acquire the auth metadata document from `{url}`: {why}"))
}
