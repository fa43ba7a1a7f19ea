//! Reading other servers' metadata documents.

use actas_runtime::HttpRequest;
use actas_token::metadata::{DOCUMENT_BYTES_MAX, Metadata};
use http::StatusCode;
use url::Url;

use crate::Agent;
use crate::error::Error;

/// Redirects on the same host that are followed.
const HOPS_MAX: usize = 3;

// === impl Agent ===

impl Agent {
    /// Fetches a metadata document: https only, never to another host, bounded.
    pub(crate) async fn fetch_metadata(&self, text: &str) -> Result<Metadata, Error> {
        let not_there = |why: String| {
            Error::peer(format!(
                "the metadata document could not be downloaded from `{text}`, or the downloaded data is not a valid metadata document: {why}"
            ))
        };
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
            return Metadata::parse(&response.body).map_err(|error| not_there(error.to_string()));
        }
        Err(not_there(format!("more than {HOPS_MAX} redirects")))
    }
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
