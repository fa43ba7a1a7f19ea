//! The token endpoints: three dialects over one core.

pub(crate) mod answer;
mod client_credentials;
mod form;
mod resource;
mod s2s;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::response::Response;
use axum::routing::post;
use http::HeaderMap;

use crate::Sts;
use answer::Refused;
use form::Form;

/// The largest request that is read, in bytes.
const REQUEST_BYTES_MAX: usize = 64 * 1024;

const CORRELATION: &str = "client-request-id";

const GRANT_S2S: &str = "http://oauth.net/grant_type/jwt/1.0/bearer";
const GRANT_JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const GRANT_CLIENT_CREDENTIALS: &str = "client_credentials";

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

pub(crate) fn routes() -> Router<Sts> {
    let endpoint = |dialect| {
        post(move |sts, path, query, headers, body| token(sts, path, query, headers, body, dialect)).fallback(only_post)
    };
    Router::new()
        .route("/{tenant}/tokens/OAuth/2", endpoint(Dialect::Acs))
        .route("/{tenant}/oauth2/token", endpoint(Dialect::V1))
        .route("/{tenant}/oauth2/v2.0/token", endpoint(Dialect::V2))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
}

async fn only_post(State(sts): State<Sts>) -> Response {
    Refused::only_post().answer(&sts, None)
}

async fn token(
    State(sts): State<Sts>,
    Path(tenant): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
    dialect: Dialect,
) -> Response {
    let correlation = correlation(&headers, query.as_deref().unwrap_or_default(), &body);
    match issue(&sts, &tenant, &headers, &body, dialect).await {
        Ok(response) => response,
        Err(refused) => {
            tracing::info!(tenant, code = refused.code(), reason = refused.text(), "token refused");
            refused.answer(&sts, correlation.as_deref())
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

async fn issue(
    sts: &Sts,
    segment: &str,
    headers: &HeaderMap,
    body: &[u8],
    dialect: Dialect,
) -> Result<Response, Refused> {
    let form = Form::parse(headers, body)?;
    let grant = form.required("grant_type")?.to_owned();
    let tenant = sts
        .tenant(segment)
        .await
        .map_err(|error| Refused::unavailable(&error))?
        .ok_or_else(|| Refused::unknown_tenant(segment))?;
    match grant.as_str() {
        GRANT_S2S => s2s::issue(sts, &tenant, &form).await,
        GRANT_JWT_BEARER if dialect == Dialect::Acs => s2s::issue(sts, &tenant, &form).await,
        GRANT_CLIENT_CREDENTIALS => client_credentials::issue(sts, &tenant, &form, headers, dialect).await,
        other => Err(Refused::unsupported_grant(other)),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

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
