//! What a test tells of its way: a line an event, and the header fields of each request
//! and answer, without what is secret. Deliveries tell nothing.

use actas_runtime::{HttpRequest, HttpResponse};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::discover::shown;

/// The id that a client gives its requests, which the other side's log has too.
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
/// Fields that are told of one message, and characters of one field.
const FIELDS_MAX: usize = 40;
const FIELD_CHARS_MAX: usize = 400;
/// Fields whose values let whoever reads them in.
const SECRET: [HeaderName; 4] =
    [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION, header::SET_COOKIE];

/// The lines of one test.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// By what the test is known at the other side; without it nobody listens.
    activity: Option<String>,
    lines: Vec<String>,
}

// === impl Trace ===

impl Trace {
    /// The trace of an activity, whose id goes with each request.
    pub(crate) fn of(activity: &str) -> Self {
        Self { activity: Some(activity.to_owned()), lines: Vec::new() }
    }

    /// Tells something.
    pub(crate) fn push(&mut self, line: String) {
        if self.activity.is_some() {
            self.lines.push(line);
        }
    }

    /// What was told since it was last asked.
    pub(crate) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    /// Tells a request that is about to be sent; one that is protected carries the id.
    pub(crate) fn request(&mut self, request: &mut HttpRequest) {
        let Some(activity) = &self.activity else { return };
        if request.url.starts_with("https:")
            && let Ok(id) = HeaderValue::from_str(activity)
        {
            request.headers.insert(CLIENT_REQUEST_ID, id);
        }
        self.lines.push(format!("HTTP: > {} {}", request.method, request.url));
        self.fields('>', &request.headers);
    }

    /// Tells an answer.
    pub(crate) fn response(&mut self, response: &HttpResponse) {
        if self.activity.is_some() {
            self.lines.push(format!("HTTP: < {}", response.status));
            self.fields('<', &response.headers);
        }
    }

    fn fields(&mut self, direction: char, headers: &HeaderMap) {
        let value_of = |name: &HeaderName, value: &HeaderValue| {
            if value.is_sensitive() || SECRET.contains(name) {
                return format!("({} bytes, not shown)", value.len());
            }
            let text = String::from_utf8_lossy(value.as_bytes());
            // A redirect may name somebody with a password.
            let target = Url::parse(&text).ok().filter(|_| *name == header::LOCATION);
            let text = target.map_or(text, |target| shown(&target).into());
            text.chars().filter(|letter| !letter.is_control()).take(FIELD_CHARS_MAX).collect()
        };
        let lines = headers.iter().take(FIELDS_MAX);
        self.lines.extend(lines.map(|(name, value)| format!("HTTP: {direction} {name}: {}", value_of(name, value))));
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn secrets_are_not_told() {
        let request = || HttpRequest::get("https://a.example/x").bearer("eyJhbGciOi").unwrap();
        let mut trace = Trace::of("7");
        trace.request(&mut request());
        assert_eq!(
            trace.take(),
            [
                "HTTP: > GET https://a.example/x",
                "HTTP: > authorization: (17 bytes, not shown)",
                "HTTP: > client-request-id: 7"
            ]
        );
        assert!(trace.take().is_empty());
        let mut request = request();
        Trace::default().request(&mut request);
        assert!(!request.headers.contains_key(CLIENT_REQUEST_ID), "nobody listens");
    }

    #[test]
    fn a_question_in_the_clear_carries_no_id() {
        let mut trace = Trace::of("7");
        trace.request(&mut HttpRequest::get("http://a.example/x"));
        assert_eq!(trace.take(), ["HTTP: > GET http://a.example/x"]);
    }

    #[test]
    fn answers_are_bounded_and_keep_both_challenges() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\""),
            (HeaderName::from_static("x-ms-diagnostics"), "2000004;reason=\"x\""),
            (header::SET_COOKIE, "session=1"),
            (header::LOCATION, "https://kim:password@a.example/x?y"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers.append(header::SERVER, HeaderValue::from_str(&"s".repeat(1000)).unwrap());
        for _ in 0..100 {
            headers.append(header::VIA, HeaderValue::from_static("proxy"));
        }
        let mut trace = Trace::of("7");
        trace.response(&HttpResponse {
            status: StatusCode::UNAUTHORIZED,
            headers,
            body: bytes::Bytes::new(),
            url: "https://a.example/x".to_owned(),
        });
        let lines = trace.take();
        assert_eq!(
            lines[..5],
            [
                "HTTP: < 401 Unauthorized",
                "HTTP: < www-authenticate: Bearer error=\"invalid_token\"",
                "HTTP: < x-ms-diagnostics: 2000004;reason=\"x\"",
                "HTTP: < set-cookie: (9 bytes, not shown)",
                "HTTP: < location: https://a.example/x?y",
            ]
        );
        assert_eq!(lines[5].len(), "HTTP: < server: ".len() + FIELD_CHARS_MAX);
        assert_eq!(lines.len(), 1 + FIELDS_MAX);
    }
}
