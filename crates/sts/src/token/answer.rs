//! What the token service says when it does not issue: the one map from our reasons to
//! OAuth errors, HTTP status and AADSTS codes.

use actas_runtime::rate::retry_after;
use actas_token::assertion::AssertionRefused;
use axum::body::Body;
use axum::response::Response;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, PRAGMA};
use http::header::{HeaderName, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use jiff::SignedDuration;
use serde::Serialize;
use uuid::Uuid;

use crate::Sts;
use crate::possession::DPOP_NONCE;

/// By which an operator finds a request; the same as the body's `trace_id`.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");

/// A request that was refused.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    error: &'static str,
    code: u32,
    text: String,
    /// A header that goes with it.
    header: Option<(HeaderName, String)>,
}

/// `error` comes first: a client of this family tells success from failure by the first
/// characters of the body.
#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    error_description: String,
    error_codes: [u32; 1],
    timestamp: String,
    trace_id: String,
    correlation_id: String,
    error_uri: String,
}

/// What a caller sent, as an answer may repeat it: on one line and not endless.
fn shown(text: &str, chars_max: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(chars_max).collect()
}

/// A description has no quotes, no backslashes and nothing outside of ASCII (RFC 6749 §5.2).
fn described(text: &str) -> String {
    let allowed = |c| match c {
        '"' => '\'',
        ' '..='~' if c != '\\' => c,
        _ => '?',
    };
    text.chars().map(allowed).collect()
}

// === impl Refused ===

impl Refused {
    fn new(status: StatusCode, error: &'static str, code: u32, text: impl Into<String>) -> Self {
        Self { status, error, code, text: text.into(), header: None }
    }

    fn request(code: u32, text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", code, text)
    }

    fn client(code: u32, text: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_client", code, text)
    }

    pub(crate) fn code(&self) -> u32 {
        self.code
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn no_tenant() -> Self {
        Self::request(50_059, "No tenant was named; use /<tenant id or verified domain>/metadata/json/1.")
    }

    pub(crate) fn unknown_tenant(segment: &str) -> Self {
        let shown = shown(segment, 80);
        let text = format!(
            "Tenant '{shown}' not found. Use the tenant's GUID or one of its verified domains, not its display name."
        );
        Self::request(90_002, text)
    }

    /// Discovery has an error code of its own.
    pub(crate) fn for_discovery(mut self) -> Self {
        self.error = "invalid_tenant";
        self
    }

    pub(crate) fn unknown_instance() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_instance", 50_049, "Unknown or invalid instance.")
    }

    pub(crate) fn only_post() -> Self {
        let text = "The endpoint only accepts POST requests.";
        let mut refused = Self::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request", 900_561, text);
        refused.header = Some((ALLOW, "POST".to_owned()));
        refused
    }

    pub(crate) fn no_sign_in() -> Self {
        let text = "Users sign in with a code alone here; applications ask the token endpoint.";
        Self::new(StatusCode::BAD_REQUEST, "unsupported_response_type", 700_054, text)
    }

    pub(crate) fn malformed(text: &str) -> Self {
        Self::request(9_002_313, format!("Invalid request: {text}."))
    }

    pub(super) fn missing(name: &str) -> Self {
        Self::request(900_144, format!("The request body must contain the following parameter: '{name}'."))
    }

    pub(super) fn unsupported_grant(grant: &str) -> Self {
        let shown = shown(grant, 80);
        let text = format!("The app requested an unsupported grant type '{shown}'.");
        Self::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", 70_003, text)
    }

    /// Something of ours failed: nothing is issued.
    pub(crate) fn unavailable(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "the token service cannot answer");
        let text = "The service is temporarily unavailable.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", 90_033, text)
    }

    pub(super) fn realm_mismatch() -> Self {
        Self::request(90_002, "The realm in the assertion is not the tenant of this endpoint.")
    }

    pub(super) fn not_a_principal(name: &str) -> Self {
        Self::request(90_022, format!("The principal in '{name}' is not of the form name[/host][@realm]."))
    }

    pub(super) fn unknown_application(app_id: &str) -> Self {
        let shown = shown(app_id, 80);
        let text = format!("Application with identifier '{shown}' was not found in the directory.");
        Self::new(StatusCode::BAD_REQUEST, "unauthorized_client", 700_016, text)
    }

    pub(super) fn disabled_application(app_id: &str) -> Self {
        let text = format!("Application '{app_id}' is disabled.");
        Self::new(StatusCode::BAD_REQUEST, "unauthorized_client", 7_000_112, text)
    }

    pub(super) fn unknown_resource(resource: &str) -> Self {
        let shown = shown(resource, 120);
        let text = format!("The resource principal named '{shown}' was not found in the tenant.");
        Self::new(StatusCode::BAD_REQUEST, "invalid_resource", 500_011, text)
    }

    /// Clients of the ACS family know no `invalid_resource`.
    pub(super) fn for_acs(mut self) -> Self {
        if self.error == "invalid_resource" {
            self.error = "invalid_request";
        }
        self
    }

    pub(super) fn not_authorised(app_id: &str, resource: &str) -> Self {
        let text = format!("Application '{app_id}' is not assigned to a role for the resource '{resource}'.");
        Self::new(StatusCode::BAD_REQUEST, "unauthorized_client", 501_051, text)
    }

    pub(super) fn scope(code: u32, text: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_scope", code, text)
    }

    pub(super) fn resource_on_v2() -> Self {
        Self::request(901_002, "The 'resource' request parameter is not supported.")
    }

    /// The original counts the client credentials grant apart.
    pub(super) fn no_credential(client_credentials: bool) -> Self {
        let text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
        Self::client(if client_credentials { 7_000_216 } else { 7_000_218 }, text)
    }

    pub(super) fn ended_secret() -> Self {
        Self::client(7_000_222, "The provided client secret keys are expired; make a new one for the application.")
    }

    pub(super) fn unregistered_certificate(thumbprint: &str) -> Self {
        let reason = format!("Thumbprint (SHA-256) of the certificate in the TLS handshake: '{thumbprint}'");
        Self::client(
            700_027,
            format!("The client's TLS certificate is not registered on application. [Reason - {reason}]"),
        )
    }

    pub(super) fn no_key_hint() -> Self {
        let text = "Invalid JWT: no certificate thumbprint specified in the token's header.";
        Self::client(50_027, text)
    }

    pub(super) fn not_an_application_id(text: &str) -> Self {
        let shown = shown(text, 80);
        let text = format!("'{shown}' is not a valid application identifier.");
        Self::new(StatusCode::BAD_REQUEST, "unauthorized_client", 700_038, text)
    }

    pub(super) fn client_mismatch() -> Self {
        Self::client(700_021, "The client assertion's application identifier doesn't match 'client_id' parameter.")
    }

    pub(super) fn wrong_secret() -> Self {
        Self::client(7_000_215, "Invalid client secret provided.")
    }

    pub(super) fn secrets_off() -> Self {
        Self::client(
            7_000_218,
            "Client secrets are switched off here; authenticate with a certificate ('client_assertion').",
        )
    }

    pub(super) fn reused() -> Self {
        Self::client(50_013, "The assertion was used before, and this tenant accepts each only once.")
    }

    /// Too much was asked for.
    pub(crate) fn throttled(wait: SignedDuration) -> Self {
        let text = "The request was throttled; wait as long as Retry-After says.";
        let mut refused = Self::new(StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable", 90_055, text);
        refused.header = Some((RETRY_AFTER, retry_after(wait).to_string()));
        refused
    }

    /// Whether the same request may be answered later: nothing was refused for good.
    pub(super) fn is_temporary(&self) -> bool {
        ["temporarily_unavailable", "authorization_pending", "slow_down"].contains(&self.error)
    }

    /// Whether the caller's credentials were refused: what guessing looks like.
    pub(crate) fn is_of_credentials(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED || [700_016, 7_000_112, 50_034, 70_018].contains(&self.code)
    }

    // === proof of possession (RFC 9449 §5, §8) ===

    pub(crate) fn proof(why: &str) -> Self {
        let text = format!("The DPoP proof is not accepted: {why}.");
        Self::new(StatusCode::BAD_REQUEST, "invalid_dpop_proof", 5_002_729, text)
    }

    pub(crate) fn wants_nonce(nonce: Option<String>) -> Self {
        let text = "The DPoP proof must carry the nonce that the header DPoP-Nonce gives.";
        let mut refused = Self::new(StatusCode::BAD_REQUEST, "use_dpop_nonce", 5_002_730, text);
        refused.header = nonce.map(|nonce| (DPOP_NONCE, nonce));
        refused
    }

    // === sign-in on another device (RFC 8628 §3.5) ===

    fn device(error: &'static str, code: u32, text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error, code, text)
    }

    pub(super) fn pending() -> Self {
        let text = "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
        Self::device("authorization_pending", 70_016, text)
    }

    pub(super) fn slow_down(seconds: i64) -> Self {
        let text = format!("The device asks too often; it has to wait for {seconds} seconds between two requests.");
        Self::device("slow_down", 90_055, text)
    }

    pub(super) fn ended_code() -> Self {
        let text =
            "The provided value for the input parameter 'device_code' is not valid. This device code has expired.";
        Self::device("expired_token", 70_020, text)
    }

    pub(super) fn declined() -> Self {
        Self::device("access_denied", 65_004, "The user declined to sign in to the application.")
    }

    pub(crate) fn wrong_password() -> Self {
        let text = "Error validating credentials due to invalid username or password.";
        Self::client(50_126, text)
    }

    pub(crate) fn unknown_code() -> Self {
        let text = "The provided value for the input parameter 'device_code' is not valid.";
        Self::device("bad_verification_code", 70_018, text)
    }

    pub(super) fn not_public(app_id: &str) -> Self {
        Self::client(
            7_000_218,
            format!(
                "Application '{app_id}' is not a public client, and users do not sign in to it with a code. Its property \
                 'isFallbackPublicClient' has to be true."
            ),
        )
    }

    pub(super) fn no_consent(app_id: &str, wanted: &str) -> Self {
        let wanted = shown(wanted, 200);
        Self::device(
            "invalid_grant",
            65_001,
            format!("No administrator has consented to '{wanted}' for the application '{app_id}'."),
        )
    }

    pub(super) fn too_many_codes() -> Self {
        Self::throttled(SignedDuration::from_mins(1))
    }

    /// The user who approved was disabled or removed since.
    pub(super) fn user_is_gone() -> Self {
        Self::device("invalid_grant", 50_057, "The user account is disabled.")
    }

    // === the JWT bearer grant (RFC 7521 §4.1.1) ===

    pub(super) fn on_behalf_of() -> Self {
        let text = "The on-behalf-of flow is not offered; an application acts as a user by token exchange.";
        Self::new(StatusCode::BAD_REQUEST, "unsupported_grant_type", 70_003, text)
    }

    pub(super) fn grant_assertion(refused: &AssertionRefused) -> Self {
        let code = if matches!(refused, AssertionRefused::Time(_)) { 500_133 } else { 50_013 };
        let text = match refused {
            AssertionRefused::UnknownKey(thumbprint) => format!(
                "The assertion has an invalid signature. [Reason - The key was not found., Thumbprint of key used by client: '{thumbprint}']"
            ),
            _ => format!("The assertion is not accepted: {refused}."),
        };
        Self::new(StatusCode::BAD_REQUEST, "invalid_grant", code, text)
    }

    // === token exchange (RFC 8693 §2.2.2) ===

    pub(super) fn target(text: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_target", 500_011, format!("Invalid target: {text}."))
    }

    /// The same refusal, as token exchange calls it.
    pub(super) fn into_target(mut self) -> Self {
        if self.code == 500_011 || self.code == 90_022 {
            self.error = "invalid_target";
        }
        self
    }

    pub(super) fn may_not_act(app_id: &str, why: &str) -> Self {
        let text = format!("Application '{app_id}' may not act as users: {why}.");
        Self::new(StatusCode::BAD_REQUEST, "unauthorized_client", 67_003, text)
    }

    pub(super) fn subject_issuer() -> Self {
        Self::request(50_013, "The subject_token must be issued by the client that authenticates.")
    }

    /// One answer for a user that does not exist, is disabled, or is named in two ways.
    pub(super) fn no_such_user() -> Self {
        Self::request(50_034, "The user of the subject_token is not an enabled user of the tenant.")
    }

    pub(super) fn subject_token(refused: &AssertionRefused) -> Self {
        match refused {
            AssertionRefused::UnknownKey(thumbprint) => {
                let reason = format!("The key was not found., Thumbprint of key used by client: '{thumbprint}'");
                Self::request(50_013, format!("The subject_token has an invalid signature. [Reason - {reason}]"))
            }
            AssertionRefused::Time(why) => {
                Self::request(500_133, format!("The subject_token is not within its valid time range: {why}."))
            }
            _ => Self::request(50_013, format!("The subject_token is not accepted: {refused}.")),
        }
    }

    // === assertions ===

    /// The S2S grant: the assertion *is* the grant (codes of Azure ACS).
    pub(super) fn s2s_assertion(refused: &AssertionRefused) -> Self {
        match refused {
            AssertionRefused::UnknownKey(thumbprint) => Self::client(
                50_012,
                format!(
                    "Client assertion contains an invalid signature. [Reason - The key was not found., Thumbprint of key used by client: '{thumbprint}']"
                ),
            ),
            AssertionRefused::Signature => Self::client(
                50_012,
                "Client assertion contains an invalid signature. [Reason - The key was found, the signature does not verify.]",
            ),
            AssertionRefused::Time(why) => Self::new(
                StatusCode::BAD_REQUEST,
                "invalid_grant",
                500_133,
                format!("Assertion is not within its valid time range: {why}."),
            ),
            AssertionRefused::Subject(_) => {
                Self::client(50_048, format!("The subject mismatches the issuer in the client assertion: {refused}."))
            }
            AssertionRefused::Audience(_) => {
                Self::client(50_012, format!("Client assertion audience is not this token service: {refused}."))
            }
            _ => Self::client(50_027, format!("Invalid JWT: {refused}.")),
        }
    }

    /// Client authentication at the OpenID-style endpoints (codes of Entra).
    pub(super) fn client_assertion(refused: &AssertionRefused) -> Self {
        match refused {
            AssertionRefused::UnknownKey(thumbprint) => Self::client(
                700_027,
                format!(
                    "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found., Thumbprint of key used by client: '{thumbprint}']"
                ),
            ),
            AssertionRefused::Signature => Self::client(
                700_027,
                "Client assertion failed signature validation. [Reason - The signature does not verify.]",
            ),
            AssertionRefused::Time(why) => {
                Self::client(700_024, format!("Client assertion is not within its valid time range: {why}."))
            }
            AssertionRefused::Audience(audience) => Self::client(
                700_023,
                format!("Client assertion audience claim {audience} does not match this token service."),
            ),
            _ => Self::client(50_027, format!("Invalid JWT: {refused}.")),
        }
    }

    pub(crate) fn answer(&self, sts: &Sts, correlation: Option<&str>) -> Response {
        // A correlation id comes back only if it is one.
        let correlation_id =
            correlation.and_then(|text| Uuid::try_parse(text).ok()).unwrap_or_else(Uuid::new_v4).to_string();
        let trace_id = Uuid::new_v4().to_string();
        let timestamp = sts.0.clock.now().strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let (code, text) = (self.code, described(&self.text));
        let body = ErrorBody {
            error: self.error,
            error_description: format!(
                "AADSTS{code}: {text} Trace ID: {trace_id} Correlation ID: {correlation_id} Timestamp: {timestamp}"
            ),
            error_codes: [code],
            error_uri: format!("{}/error?code={code}", sts.origin()),
            timestamp,
            trace_id,
            correlation_id,
        };
        let mut response = json_with_status(self.status, &body);
        if let Ok(id) = HeaderValue::from_str(&body.trace_id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        if let Some((name, value)) = &self.header
            && let Ok(value) = HeaderValue::from_str(value)
        {
            response.headers_mut().insert(name.clone(), value);
        }
        response
    }
}

/// A successful answer, never cached.
pub(crate) fn json_answer<T: Serialize>(body: &T) -> Response {
    json_with_status(StatusCode::OK, body)
}

fn json_with_status<T: Serialize>(status: StatusCode, body: &T) -> Response {
    // What we answer with are maps and strings, which always serialise.
    let mut response = Response::new(Body::from(serde_json::to_vec(body).unwrap_or_default()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
