//! The request's form, read strictly: RFC 6749 §3.2 wants no parameter twice and an
//! empty one treated as absent.

use std::collections::HashMap;

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::answer::Refused;

pub(super) struct Form(HashMap<String, String>);

/// Parameters that we read; any other is ignored, once or often.
const KNOWN: [&str; 19] = [
    "actor_token",
    "actor_token_type",
    "assertion",
    "audience",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code",
    "device_code",
    "grant_type",
    "realm",
    "redirect_uri",
    "requested_token_type",
    "requested_token_use",
    "resource",
    "scope",
    "subject_token",
    "subject_token_type",
];

// === impl Form ===

impl Form {
    pub(super) fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, Refused> {
        let mut types = headers.get_all(CONTENT_TYPE).iter();
        let media_type = types.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if types.next().is_some() || !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Refused::malformed(
                "the request must have one Content-Type, application/x-www-form-urlencoded",
            ));
        }
        let mut parameters = HashMap::new();
        for (name, value) in url::form_urlencoded::parse(body) {
            if !KNOWN.contains(&name.as_ref()) || value.is_empty() {
                continue;
            }
            if parameters.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(Refused::malformed(&format!("the parameter '{name}' appears twice")));
            }
        }
        Ok(Self(parameters))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Refused> {
        self.get(name).ok_or_else(|| Refused::missing(name))
    }
}
