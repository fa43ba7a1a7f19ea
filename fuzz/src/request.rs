//! HTTP requests as text: `METHOD target`, lines of headers, an empty line, the body.

use axum::Router;
use axum::body::Body;
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::block_on;

/// A request that can be sent.
pub struct Text<'t> {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: &'t str,
    headers: Vec<(&'t str, &'t str)>,
    body: &'t str,
}

/// What came back.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, in UTF-8 but for the bytes of files.
    pub text: String,
}

impl<'t> Text<'t> {
    /// Reads a text; none where it is no request.
    pub fn read(text: &'t str) -> Option<Self> {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let (method, target) = lines.next()?.split_once(' ')?;
        let headers = lines.map_while(|line| line.split_once(": ")).collect();
        Some(Self { method: method.parse().ok()?, target, headers, body })
    }

    /// Makes it a request; `fill` puts credentials in place of what stands for them.
    pub fn build(&self, fill: impl Fn(&str) -> String) -> Option<Request<Body>> {
        let mut request = Request::builder().method(self.method.clone()).uri(self.target);
        for (name, value) in &self.headers {
            request = request.header(*name, fill(value));
        }
        request.body(Body::from(fill(self.body))).ok()
    }
}

/// Sends a request to a server in this process.
///
/// # Panics
/// When the answer is no UTF-8, and does not say that it is somebody's bytes.
pub fn send(router: &Router, request: Request<Body>) -> Answer {
    block_on(async {
        let Ok(response) = router.clone().oneshot(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("the body is in memory").to_bytes();
        let text = if parts.headers.contains_key(X_CONTENT_TYPE_OPTIONS) {
            String::from_utf8_lossy(&bytes).into_owned()
        } else {
            String::from_utf8(bytes.to_vec()).expect("the answer is UTF-8")
        };
        Answer { status: parts.status, headers: parts.headers, text }
    })
}

impl Answer {
    /// Checks that it is one of Graph's: a number, bytes, or JSON that is an error where it says so.
    ///
    /// # Panics
    /// When it is not.
    pub fn check_graph(&self) {
        let Self { status, headers, text } = self;
        assert!(!status.is_server_error(), "{status}: {text}");
        if text.is_empty() || status.is_success() && headers.contains_key(X_CONTENT_TYPE_OPTIONS) {
            return;
        }
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.starts_with("text/plain") {
            assert!(text.parse::<u64>().is_ok(), "{text}");
            return;
        }
        let body: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let error = &body["error"];
        assert_eq!(status.is_success(), error.is_null(), "{status}: {text}");
        assert!(error.is_null() || error["code"].is_string() && error["message"].is_string(), "{text}");
    }
}
