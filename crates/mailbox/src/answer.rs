//! What goes back: the one map to HTTP.

use actas_exchange::soap::{Fault, Service};
use actas_token::Refusal;
use actas_token::refusal::Layer;
use actas_validator::{Denial, diagnostics_header};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};

use crate::content::Reel;

/// An answer, before it is HTTP.
#[derive(Debug)]
pub(crate) enum Answer {
    /// SOAP, and all is well; or not, for some of what was asked.
    Soap(String),
    /// The same with large files in it.
    Streamed(Reel),
    /// A fault of the whole request.
    Fault(Fault, Service),
    /// A caller without a good token.
    Challenge(Denial),
    /// JSON Autodiscover, and metadata.
    Json {
        status: StatusCode,
        body: serde_json::Value,
        is_error: bool,
    },
    /// Somewhere else, for JSON Autodiscover alone: EWS never redirects.
    Redirect(String),
    /// Too many who need no token; the seconds after which to come back.
    TooMany(i64),
    /// The client went away or does not speak HTTP.
    BadRequest,
    /// Only this method is.
    MethodNotAllowed(&'static str),
    NotFound,
    /// The body is past its bound.
    TooLarge,
    /// We cannot tell whom to trust, or are told to say so.
    Unavailable,
}

const JSON_ERROR: HeaderName = HeaderName::from_static("jsonerror");
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
const XML: HeaderValue = HeaderValue::from_static("text/xml; charset=utf-8");

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Soap(text) => xml(StatusCode::OK, text),
            Self::Streamed(reel) => {
                let (length, body) = reel.into_body();
                (StatusCode::OK, [(CONTENT_TYPE, XML), (CONTENT_LENGTH, length)], body).into_response()
            }
            Self::Fault(fault, service) => xml(StatusCode::INTERNAL_SERVER_ERROR, fault.write(service)),
            Self::Challenge(denial) => denied(&denial),
            Self::Json { status, body, is_error } => {
                let mut response = (status, [(CONTENT_TYPE, JSON)], body.to_string()).into_response();
                if is_error {
                    response.headers_mut().insert(JSON_ERROR, HeaderValue::from_static("true"));
                }
                response
            }
            Self::Redirect(url) => match HeaderValue::from_str(&url) {
                Ok(url) => (StatusCode::FOUND, [(LOCATION, url)]).into_response(),
                Err(_) => StatusCode::NOT_FOUND.into_response(),
            },
            Self::TooMany(seconds) => {
                (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, HeaderValue::from(seconds))]).into_response()
            }
            Self::BadRequest => StatusCode::BAD_REQUEST.into_response(),
            Self::MethodNotAllowed(allowed) => {
                (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, HeaderValue::from_static(allowed))]).into_response()
            }
            Self::NotFound => StatusCode::NOT_FOUND.into_response(),
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    }
}

fn xml(status: StatusCode, text: String) -> Response {
    (status, [(CONTENT_TYPE, XML)], Body::from(text)).into_response()
}

/// The denial is made of configuration and constants.
fn denied(denial: &Denial) -> Response {
    let mut response = denial.status.into_response();
    for (name, value) in denial.headers() {
        response.headers_mut().append(name, value);
    }
    response
}

// === what a refused caller is told ===

/// The value of `x-ms-diagnostics`. In verbose form it names the rule and what it found,
/// in our words only: nothing in it comes from the token.
pub(crate) fn diagnostics(refusal: &Refusal, verbose: bool) -> Option<String> {
    if matches!(refusal, Refusal::NoToken) {
        return None;
    }
    if !verbose {
        return Some(diagnostics_header(refusal));
    }
    let public = refusal.diagnostics();
    let rule = refusal.rule().name();
    let found = found(refusal).map_or_else(String::new, |found| format!(", {found}"));
    Some(format!(
        "{};reason=\"{} (rule {rule}{found})\";error_category=\"{}\"",
        public.code, public.reason, public.category
    ))
}

fn found(refusal: &Refusal) -> Option<String> {
    let layered = |layer: &Layer, why: &str| format!("{layer} token: {why}");
    match refusal {
        Refusal::ActAs(why)
        | Refusal::AppOnly(why)
        | Refusal::Audience(_, why)
        | Refusal::Denied(why)
        | Refusal::Nesting(why)
        | Refusal::Possession(why)
        | Refusal::Shape(why) => Some((*why).to_owned()),
        Refusal::Proof(why) => Some(why.what().to_owned()),
        Refusal::Time(layer, why) => Some(layered(layer, why)),
        Refusal::NotAPrincipal(claim, layer) => Some(layered(layer, claim)),
        // What else there is to say comes from the token, or tells which users exist.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diagnostics_hold_nothing_of_a_token() {
        let told = "secret-value";
        let refusals = [
            Refusal::Algorithm(told.into()),
            Refusal::Audience(told.into(), "another host"),
            Refusal::NotBound(told.into(), told.into()),
            Refusal::RealmsDiffer(told.into(), told.into()),
            Refusal::Type(told.into()),
            Refusal::UnknownCaller(told.into()),
            Refusal::UnknownIssuer(told.into()),
            Refusal::UnknownKey(told.into()),
            Refusal::UnknownRealm(told.into()),
            Refusal::WrongVoucher(told.into(), told.into()),
        ];
        for refusal in refusals {
            for verbose in [false, true] {
                let text = diagnostics(&refusal, verbose).unwrap();
                assert!(!text.contains(told), "{text}");
                assert!(HeaderValue::from_str(&text).is_ok(), "{text}");
            }
        }
    }

    #[test]
    fn the_form_is_the_one_of_exchange() {
        let refusal = Refusal::Audience("x".into(), "another host");
        assert_eq!(
            diagnostics(&refusal, false).unwrap(),
            "2000003;reason=\"The audience claim value is invalid 'aud'.\";error_category=\"invalid_resource\""
        );
        assert_eq!(
            diagnostics(&refusal, true).unwrap(),
            "2000003;reason=\"The audience claim value is invalid 'aud'. (rule V12, another host)\";error_category=\"invalid_resource\""
        );
        assert_eq!(diagnostics(&Refusal::NoToken, true), None);
    }
}
