//! Reading other servers' metadata documents.

use actas_runtime::HttpRequest;
use actas_token::metadata::{DOCUMENT_BYTES_MAX, Metadata};
use bytes::Bytes;
use http::StatusCode;
use url::Url;

use crate::Agent;
use crate::error::Error;
use crate::sign_in_server::SignInServer;

/// Redirects on the same host that are followed.
const HOPS_MAX: usize = 3;

// === impl Agent ===

impl Agent {
    /// Fetches a metadata document of the server-to-server protocol.
    pub(crate) async fn fetch_metadata(&self, text: &str) -> Result<Metadata, Error> {
        let bytes = self.fetch(text).await?;
        Metadata::parse(&bytes).map_err(|error| no_document(text, &error.to_string()))
    }

    /// Fetches the document of an OAuth server, of whatever kind.
    pub(crate) async fn fetch_document(&self, text: &str) -> Result<Document, Error> {
        let bytes = self.fetch(text).await?;
        let not_metadata = match Metadata::parse(&bytes) {
            Ok(metadata) => return Ok(Document::Trust(Box::new(metadata))),
            Err(error) => error.to_string(),
        };
        SignInServer::parse(&bytes).map(Document::SignIn).map_err(|error| {
            // What a document of XML lacks is told by the reader of XML.
            no_document(text, if bytes.trim_ascii_start().starts_with(b"<Entity") { &error } else { &not_metadata })
        })
    }

    /// Fetches what is there: https only, never to another host, bounded.
    async fn fetch(&self, text: &str) -> Result<Bytes, Error> {
        let not_there = |why: String| no_document(text, &why);
        let mut url = https_url(text)?;
        let host = url.host_str().map(str::to_owned);
        for _ in 0..=HOPS_MAX {
            let request = HttpRequest::get(url.as_str()).body_max(DOCUMENT_BYTES_MAX);
            let response = self.0.http.send(request).await.map_err(|error| {
                let hint = error.hint().to_owned();
                not_there(error.to_string()).with_hint(hint)
            })?;
            if response.status.is_redirection() {
                let target = response.location().unwrap_or_default();
                let next = Url::parse(&target)
                    .ok()
                    .filter(|next| next.scheme() == "https" && next.host_str().map(str::to_owned) == host);
                url = next.ok_or_else(|| {
                    not_there(format!("it redirects to `{target}`, on another host"))
                        .with_hint("if you trust the new address, give it as the metadata URL")
                })?;
                continue;
            }
            if response.status != StatusCode::OK {
                let why = describe_refusal(&response.body);
                let error = not_there(format!("the server answered {}{why}", response.status));
                return Err(error.with_hint(
                    "the address wants the tenant's GUID (`actas Get-CsTenant`, TenantId) or a verified domain",
                ));
            }
            return Ok(response.body);
        }
        Err(not_there(format!("more than {HOPS_MAX} redirects")))
    }
}

/// What an OAuth server's address led to.
pub(crate) enum Document {
    /// The document of a server that vouches for servers.
    Trust(Box<Metadata>),
    /// The document of a server that people sign in at.
    SignIn(SignInServer),
}

fn no_document(url: &str, why: &str) -> Error {
    Error::peer(format!(
        "the metadata document could not be downloaded from `{url}`, or the downloaded data is not a valid metadata document: {why}"
    ))
}

pub(crate) fn https_url(text: &str) -> Result<Url, Error> {
    let url = Url::parse(text).map_err(|error| Error::invalid(format!("`{text}` is not a URL: {error}")))?;
    if url.scheme() != "https" {
        return Err(Error::invalid(format!("`{text}` does not begin with https://"))
            .with_hint("metadata names the keys this server will trust; it may not travel in the clear"));
    }
    Ok(url)
}

/// The description in an OAuth error body, if there is one.
pub(crate) fn describe_refusal(body: &[u8]) -> String {
    let body: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let text = body.as_ref().and_then(|body| body.get("error_description")).and_then(serde_json::Value::as_str);
    text.map_or_else(String::new, |text| {
        format!(": {}", text.chars().filter(|c| !c.is_control()).take(600).collect::<String>())
    })
}
