//! What is sent and what comes back.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, InvalidHeaderValue};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use url::Url;

/// The most bytes of a body unless a request says otherwise, counted after decompression.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// How long a whole exchange may take unless a request says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// A request. `Debug` shows neither header values nor the body.
#[derive(Clone)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// An absolute `https` or `http` URL.
    pub url: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, perhaps empty.
    pub body: Bytes,
    /// The most bytes that the answer's body may have, after decompression.
    pub body_max: usize,
    /// How long the whole exchange may take.
    pub timeout: Duration,
}

impl HttpRequest {
    /// A request without header fields or body.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            body_max: BODY_BYTES_MAX,
            timeout: TIMEOUT,
        }
    }

    /// A `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::GET, url)
    }

    /// A `POST` of `body`, whose media type is `content_type`.
    pub fn post(url: impl Into<String>, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut request = Self::new(Method::POST, url);
        let content_type = HeaderValue::from_static(content_type);
        request.headers.insert(http::header::CONTENT_TYPE, content_type);
        request.body = body.into();
        request
    }

    /// Sets a header field.
    pub fn header(mut self, name: HeaderName, value: &str) -> Result<Self, InvalidHeaderValue> {
        self.headers.insert(name, HeaderValue::from_str(value)?);
        Ok(self)
    }

    /// Presents a bearer token.
    pub fn bearer(mut self, token: &str) -> Result<Self, InvalidHeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {token}"))?;
        value.set_sensitive(true);
        self.headers.insert(http::header::AUTHORIZATION, value);
        Ok(self)
    }

    /// Sets how long the whole exchange may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the most bytes that the answer's body may have.
    #[must_use]
    pub fn body_max(mut self, bytes: usize) -> Self {
        self.body_max = bytes;
        self
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("url", &shown(&self.url))
            .field("headers", &names(&self.headers))
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish_non_exhaustive()
    }
}

/// A body that comes piece by piece, with its length told beforehand.
#[derive(Debug)]
pub struct BodyStream {
    /// The bytes of all pieces together.
    pub length: u64,
    /// The pieces. An error breaks the exchange off.
    pub pieces: tokio::sync::mpsc::Receiver<std::io::Result<Bytes>>,
}

impl BodyStream {
    pub(super) fn into_body(self) -> reqwest::Body {
        let next = |mut pieces: tokio::sync::mpsc::Receiver<std::io::Result<Bytes>>| async {
            pieces.recv().await.map(|piece| (piece, pieces))
        };
        reqwest::Body::wrap_stream(futures_util::stream::unfold(self.pieces, next))
    }
}

/// An answer, whatever its status. `Debug` shows neither header values nor the body.
#[derive(Clone)]
pub struct HttpResponse {
    /// The status.
    pub status: StatusCode,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, decompressed.
    pub body: Bytes,
    /// The URL that was asked, normalised.
    pub url: String,
}

impl HttpResponse {
    /// A header field as text, if it is there and is text.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Where the answer points: the `Location` of a redirect, made absolute.
    pub fn location(&self) -> Option<String> {
        let location = self.header(&http::header::LOCATION)?;
        Some(Url::parse(&self.url).ok()?.join(location).ok()?.into())
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse")
            .field("status", &self.status)
            .field("url", &shown(&self.url))
            .field("headers", &names(&self.headers))
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish()
    }
}

/// A URL that may be printed: without user, password, query and fragment.
pub(super) fn shown(text: &str) -> String {
    match Url::parse(text) {
        // `kim:secret@host` is a URL too, of the scheme `kim`.
        Ok(url) if url.cannot_be_a_base() => format!("{}:…", url.scheme()),
        Ok(mut url) => {
            let asked = url.query().is_some();
            url.set_query(None);
            url.set_fragment(None);
            let _ = url.set_username("");
            let _ = url.set_password(None);
            format!("{url}{}", if asked { "?…" } else { "" })
        }
        Err(_) => text.chars().take_while(|letter| !"?#@".contains(*letter)).take(200).collect(),
    }
}

fn names(headers: &HeaderMap) -> Vec<&str> {
    headers.keys().map(HeaderName::as_str).collect()
}
