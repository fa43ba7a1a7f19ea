//! The plain-HTTP side of Autodiscover: it says where the real one is, and nothing else. And
//! what every address must be that Autodiscover sends somebody to.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode, Uri};

/// Every path below `/autodiscover/`, in any case, is answered with 302 to the same path
/// below `https_base`, kept as it came: clients tell `.svc` from `.xml`. No token and no
/// body is read, and every other path is 404.
///
/// `https_base` is an origin such as `https://autodiscover.cloud.example`.
pub fn redirect_router(https_base: &str) -> Router {
    let base = without_default_port(https_base.trim_end_matches('/'));
    Router::new().fallback(redirect).with_state(Arc::from(base))
}

/// An `https` address as clients are sent there: without `:443`, since some look up host and
/// port as one name. Any other address is as it was.
pub(crate) fn without_default_port(url: &str) -> String {
    let split = || {
        let behind_scheme = url.get(..HTTPS.len()).filter(|start| start.eq_ignore_ascii_case(HTTPS)).map(str::len)?;
        let end = url[behind_scheme..].find(['/', '?', '#']).map_or(url.len(), |at| behind_scheme + at);
        let (before, rest) = url.split_at(end);
        let (host, port) = before.rsplit_once(':')?;
        let is_default = port.is_empty() || port.parse() == Ok(443_u16);
        (is_default && host.len() > HTTPS.len()).then(|| format!("{host}{rest}"))
    };
    split().unwrap_or_else(|| url.to_owned())
}

async fn redirect(State(base): State<Arc<str>>, uri: Uri) -> Response {
    let path = uri.path();
    if !path.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX)) {
        return StatusCode::NOT_FOUND.into_response();
    }
    match HeaderValue::from_str(&format!("{base}{path}")) {
        Ok(location) => (StatusCode::FOUND, [(LOCATION, location)]).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

const PREFIX: &str = "/autodiscover/";
const HTTPS: &str = "https://";

#[cfg(test)]
mod tests {
    use super::without_default_port;

    #[test]
    fn only_the_default_port_is_left_out() {
        for (url, sent) in [
            ("https://a.example:443/b:443", "https://a.example/b:443"),
            ("HTTPS://a.example:443", "HTTPS://a.example"),
            ("https://a.example:/b", "https://a.example/b"),
            ("https://a.example:0443?b", "https://a.example?b"),
            ("https://[2001:db8::443]:443/", "https://[2001:db8::443]/"),
        ] {
            assert_eq!(without_default_port(url), sent);
        }
        for url in [
            "https://a.example:8443/",
            "https://a.example/b:443",
            "https://[2001:db8::443]/",
            "https://a.example?b=c:443",
            "http://a.example:443/",
            "https://:443/",
            "https:",
            "",
        ] {
            assert_eq!(without_default_port(url), url);
        }
    }
}
