//! The token endpoints: three dialects over one core.

pub(crate) mod answer;
mod client;
mod client_credentials;
pub(crate) mod device_authorization;
mod device_code;
mod form;
mod jwt_bearer;
mod refusals;
mod resource;
mod s2s;
mod success;
mod token_exchange;

use actas_directory::{ServicePrincipal, Tenant};
use actas_token::assertion::Assertion;
use actas_token::replay::Seen;
use actas_token::token_hash;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::Response;
use axum::routing::post;
use http::{HeaderMap, HeaderValue, Uri};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::Sts;
use crate::limit::Peer;
use crate::possession::{Bound, Shown};
use answer::Refused;
use form::Form;

/// The largest request that is read, in bytes.
const REQUEST_BYTES_MAX: usize = 64 * 1024;

const CORRELATION: &str = "client-request-id";

const GRANT_S2S: &str = "http://oauth.net/grant_type/jwt/1.0/bearer";
pub(crate) const GRANT_JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
pub(crate) const GRANT_CLIENT_CREDENTIALS: &str = "client_credentials";
pub(crate) const GRANT_DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// The same, as clients of version 1.0 call it.
const GRANT_DEVICE_CODE_V1: &str = "device_code";
pub(crate) const GRANT_TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// How an endpoint spells its parameters and answers. The grant, not the dialect,
/// decides what is checked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Dialect {
    /// `/tokens/OAuth/2`: Azure ACS.
    Acs,
    /// `/oauth2/token`.
    V1,
    /// `/oauth2/v2.0/token`.
    V2,
}

/// A request for a token, before anybody is believed.
#[derive(Clone, Copy)]
struct Request<'r> {
    sts: &'r Sts,
    tenant: &'r Tenant,
    form: &'r Form,
    headers: &'r HeaderMap,
    /// The path that was asked, as it was asked.
    path: &'r str,
    peer: Peer,
    /// The TLS certificate that the client showed.
    certificate: Option<&'r [u8]>,
    dialect: Dialect,
    now: Timestamp,
}

pub(crate) fn routes() -> Router<Sts> {
    let endpoint = |dialect| {
        post(move |sts, tenant, peer, shown, uri, headers, body| {
            token(sts, tenant, peer, shown, uri, headers, body, dialect)
        })
        .fallback(only_post)
    };
    let authorization = |dialect| {
        post(move |sts, tenant, peer, uri, headers, body| {
            device_authorization::answer(sts, tenant, peer, uri, headers, body, dialect)
        })
        .fallback(only_post)
    };
    Router::new()
        .route("/{tenant}/tokens/OAuth/2", endpoint(Dialect::Acs))
        .route("/{tenant}/oauth2/token", endpoint(Dialect::V1))
        .route("/{tenant}/oauth2/v2.0/token", endpoint(Dialect::V2))
        .route("/{tenant}/oauth2/devicecode", authorization(Dialect::V1))
        .route("/{tenant}/oauth2/v2.0/devicecode", authorization(Dialect::V2))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
}

async fn only_post(State(sts): State<Sts>) -> Response {
    Refused::only_post().answer(&sts, None)
}

#[allow(clippy::too_many_arguments)]
async fn token(
    State(sts): State<Sts>,
    Path(tenant): Path<String>,
    peer: Peer,
    Shown(certificate): Shown,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    dialect: Dialect,
) -> Response {
    let now = sts.0.clock.now();
    let outcome = match sts.admit(peer, now) {
        Ok(()) => {
            let arrived = Arrived {
                path: uri.path(),
                peer,
                certificate: certificate.as_deref(),
                headers: &headers,
                dialect,
                now,
            };
            issue(&sts, &tenant, arrived, &body).await
        }
        Err(wait) => Err(Refused::throttled(wait)),
    };
    let asked = Asked { tenant: &tenant, uri: &uri, headers: &headers, body: &body, peer, now };
    asked.conclude(&sts, outcome).await
}

/// A request as it was asked, for what every answer needs.
struct Asked<'a> {
    tenant: &'a str,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    body: &'a [u8],
    peer: Peer,
    now: Timestamp,
}

impl Asked<'_> {
    /// Adds what every answer carries; what was refused is counted and recorded.
    async fn conclude(&self, sts: &Sts, outcome: Result<Response, Refused>) -> Response {
        let &Self { tenant, headers, body, peer, now, .. } = self;
        match outcome {
            Ok(mut response) => {
                if let Ok(id) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
                    response.headers_mut().insert(answer::REQUEST_ID, id);
                }
                sts.add_fresh_nonce(headers, response.headers_mut(), now);
                response
            }
            Err(refused) => {
                tracing::info!(tenant, code = refused.code(), reason = refused.text(), "token refused");
                sts.note_refusal(peer, &refused, now);
                refusals::record(sts, tenant, body, &refused, peer, now).await;
                let correlation = correlation(headers, self.uri.query().unwrap_or_default(), body);
                refused.answer(sts, correlation.as_deref())
            }
        }
    }
}

/// The client's own name for its request. Some send it as a header, some in the query,
/// some in the form.
fn correlation(headers: &HeaderMap, query: &str, form: &[u8]) -> Option<String> {
    let header = headers.get(CORRELATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let among = |text| {
        url::form_urlencoded::parse(text).find(|(name, _)| name == CORRELATION).map(|(_, value)| value.into_owned())
    };
    header.or_else(|| among(query.as_bytes())).or_else(|| among(form))
}

/// A request as it came in, nothing read.
struct Arrived<'r> {
    path: &'r str,
    peer: Peer,
    certificate: Option<&'r [u8]>,
    headers: &'r HeaderMap,
    dialect: Dialect,
    now: Timestamp,
}

async fn issue(sts: &Sts, segment: &str, arrived: Arrived<'_>, body: &[u8]) -> Result<Response, Refused> {
    let Arrived { path, peer, certificate, headers, dialect, now } = arrived;
    let form = Form::parse(headers, body)?;
    let grant = form.required("grant_type")?.to_owned();
    let tenant = sts
        .tenant(segment)
        .await
        .map_err(|error| Refused::unavailable(&error))?
        .ok_or_else(|| Refused::unknown_tenant(segment))?;
    let request = Request { sts, tenant: &tenant, form: &form, headers, path, peer, certificate, dialect, now };
    match grant.as_str() {
        GRANT_S2S => s2s::issue(&request).await,
        GRANT_JWT_BEARER if dialect == Dialect::Acs => s2s::issue(&request).await,
        GRANT_JWT_BEARER => jwt_bearer::issue(&request).await,
        GRANT_CLIENT_CREDENTIALS => client_credentials::issue(&request).await,
        GRANT_TOKEN_EXCHANGE if dialect != Dialect::Acs => token_exchange::issue(&request).await,
        GRANT_DEVICE_CODE if dialect != Dialect::Acs => device_code::issue(&request).await,
        GRANT_DEVICE_CODE_V1 if dialect == Dialect::V1 => device_code::issue(&request).await,
        other => Err(Refused::unsupported_grant(other)),
    }
}

// === impl Request ===

impl Request<'_> {
    /// Notes that a believed assertion was used. Where the tenant wants each used once, a
    /// second use is refused, and so is a first one that cannot be remembered. A use from
    /// another address than the first is on record wherever it happens: a client that
    /// sends one again sends it from where it is.
    async fn note_use(&self, text: &str, assertion: &Assertion<'_>, app_id: Uuid) -> Result<(), Refused> {
        let until = assertion.expires().unwrap_or(self.now) + self.sts.policy().skew();
        let from = self.peer.address();
        let once = self.sts.policy().single_use_assertions.contains(self.tenant.id);
        match self.sts.0.assertions.note(&[text], until, from, self.now) {
            Seen::Full if once => Err(Refused::unavailable(&"too many assertions are remembered")),
            Seen::First | Seen::Full => Ok(()),
            Seen::Before(first) => {
                if once || first != from {
                    let details = json!({
                        "actor": app_id.to_string(),
                        "assertionHash": token_hash(text),
                        "firstFrom": first.map(|address| address.to_string()),
                        "from": from.map(|address| address.to_string()),
                        "refused": once,
                    });
                    let recorded = self.sts.record(self.tenant.id, "assertion reused", details).await;
                    recorded.map_err(|error| Refused::unavailable(&error))?;
                }
                if once { Err(Refused::reused()) } else { Ok(()) }
            }
        }
    }

    /// Counts a token for a client that proved itself.
    fn admit(&self, client: &ServicePrincipal) -> Result<(), Refused> {
        self.sts.0.limits.token_by_client.take(client.id, self.now).map_err(Refused::throttled)
    }

    /// What the token is bound to. To be asked once the client is known: only then is it
    /// worth remembering that a proof was used.
    fn bind(&self) -> Result<Bound, Refused> {
        Bound::of(self.sts, self.headers, self.path, self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_itself_in_one_of_three_places() {
        let none = HeaderMap::new();
        let header =
            HeaderMap::from_iter([(http::HeaderName::from_static(CORRELATION), HeaderValue::from_static("h"))]);
        let check = |headers: &HeaderMap, query: &str, form: &str, expected: Option<&str>| {
            assert_eq!(correlation(headers, query, form.as_bytes()).as_deref(), expected, "{query} {form}");
        };
        check(&header, "client-request-id=q", "client-request-id=f", Some("h"));
        check(&none, "api-version=1&client-request-id=q", "client-request-id=f", Some("q"));
        check(&none, "", "scope=s&client-request-id=f", Some("f"));
        check(&none, "x=client-request-id", "", None);
    }
}
