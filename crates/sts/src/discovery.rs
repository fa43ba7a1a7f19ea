//! Discovery for OpenID-style clients: OpenID Connect Discovery 1.0, RFC 8414, JWKS
//! (RFC 7517) and the instance discovery of MSAL.

use actas_certificate::Certificate;
use actas_directory::TenantId;
use actas_token::VerifyingKey;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::routing::{any, get};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::Sts;
use crate::token::answer::{Refused, json_answer};
use crate::token::{GRANT_CLIENT_CREDENTIALS, GRANT_DEVICE_CODE, GRANT_JWT_BEARER, GRANT_TOKEN_EXCHANGE};

pub(crate) fn routes() -> Router<Sts> {
    Router::new()
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(openid_v2))
        .route("/{tenant}/.well-known/openid-configuration", get(openid_v1))
        .route("/{tenant}/v2.0/.well-known/oauth-authorization-server", get(openid_v2))
        .route("/.well-known/oauth-authorization-server/{tenant}/v2.0", get(openid_v2))
        .route("/.well-known/oauth-authorization-server/{tenant}", get(openid_v1))
        .route("/{tenant}/oauth2/v2.0/authorize", any(authorize))
        .route("/{tenant}/oauth2/authorize", any(authorize))
        .route("/{tenant}/discovery/v2.0/keys", get(keys))
        .route("/{tenant}/discovery/keys", get(keys))
        .route("/common/discovery/instance", get(instance))
}

async fn openid_v2(State(sts): State<Sts>, Path(tenant): Path<String>) -> Response {
    let document =
        |id: TenantId| (sts.issuer_v2(id), format!("{}/{id}/oauth2/v2.0", sts.origin()), "/discovery/v2.0/keys");
    openid(&sts, &tenant, document).await
}

async fn openid_v1(State(sts): State<Sts>, Path(tenant): Path<String>) -> Response {
    let document = |id: TenantId| (sts.issuer_v1(id), format!("{}/{id}/oauth2", sts.origin()), "/discovery/keys");
    openid(&sts, &tenant, document).await
}

async fn openid(sts: &Sts, segment: &str, document: impl Fn(TenantId) -> (String, String, &'static str)) -> Response {
    let id = match sts.tenant(segment).await {
        Ok(Some(tenant)) => tenant.id,
        Ok(None) => return Refused::unknown_tenant(segment).for_discovery().answer(sts, None),
        Err(error) => return Refused::unavailable(&error).answer(sts, None),
    };
    let (issuer, endpoints, keys) = document(id);
    let origin = sts.origin();
    let mut methods = vec!["private_key_jwt"];
    if sts.policy().allow_secrets {
        methods.extend(["client_secret_post", "client_secret_basic"]);
    }
    if sts.policy().tls_client_auth {
        methods.push("self_signed_tls_client_auth");
    }
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{endpoints}/authorize"),
        "token_endpoint": format!("{endpoints}/token"),
        "device_authorization_endpoint": format!("{endpoints}/devicecode"),
        "jwks_uri": format!("{origin}/{id}{keys}"),
        // Required to be there, and never empty.
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "grant_types_supported": [GRANT_CLIENT_CREDENTIALS, GRANT_DEVICE_CODE, GRANT_JWT_BEARER, GRANT_TOKEN_EXCHANGE],
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": ["ES256", "PS256", "RS256"],
        "dpop_signing_alg_values_supported": actas_token::dpop::ALGORITHMS,
        "tenant_region_scope": null,
        "cloud_instance_name": sts.0.origins.first().map(actas_runtime::config::Origin::authority),
        "msgraph_host": sts.0.origins.first().map(actas_runtime::config::Origin::authority),
    });
    if sts.policy().tls_client_auth {
        document["tls_client_certificate_bound_access_tokens"] = true.into();
    }
    json_answer(&document)
}

/// Clients of every kind want an address here before they ask for a token, and none that
/// belongs here ever uses it: users sign in with a code alone (RFC 8628).
async fn authorize(State(sts): State<Sts>) -> Response {
    Refused::no_sign_in().answer(&sts, None)
}

async fn keys(State(sts): State<Sts>, Path(tenant): Path<String>) -> Response {
    let id = match sts.tenant(&tenant).await {
        Ok(Some(tenant)) => tenant.id,
        Ok(None) => return Refused::unknown_tenant(&tenant).for_discovery().answer(&sts, None),
        Err(error) => return Refused::unavailable(&error).answer(&sts, None),
    };
    let issuer = sts.issuer_v2(id);
    let ring = sts.0.keys.load();
    let keys: Vec<Value> = ring.published().iter().map(|(certificate, key)| jwk(certificate, key, &issuer)).collect();
    json_answer(&json!({ "keys": keys }))
}

/// A published key: its own members, and the names that its certificate gives it.
fn jwk(certificate: &Certificate, key: &VerifyingKey, issuer: &str) -> Value {
    let mut jwk = key.public().to_jwk();
    let named = json!({
        "use": "sig",
        "alg": key.public().algorithm().name(),
        "kid": certificate.x5t(),
        "x5t": certificate.x5t(),
        "x5t#S256": certificate.x5t_s256(),
        "x5c": [certificate.to_base64()],
        "issuer": issuer,
    });
    if let Value::Object(named) = named {
        jwk.extend(named);
    }
    Value::Object(jwk)
}

#[derive(Deserialize)]
struct Question {
    authorization_endpoint: Option<String>,
}

/// MSAL asks whether a host is an authority. It leaves the port out of its question.
async fn instance(State(sts): State<Sts>, Query(question): Query<Question>) -> Response {
    let asked = question.authorization_endpoint.as_deref().and_then(|text| Url::parse(text).ok());
    let known = asked.as_ref().and_then(|url| {
        let host = url.host_str()?;
        let tenant = url.path_segments()?.next()?.to_owned();
        sts.0.origins.iter().any(|own| own.host().eq_ignore_ascii_case(host)).then_some(tenant)
    });
    let Some(tenant) = known else { return Refused::unknown_instance().answer(&sts, None) };
    let authority = sts.0.origins.first().map(actas_runtime::config::Origin::authority);
    json_answer(&json!({
        "tenant_discovery_endpoint": format!("{}/{tenant}/v2.0/.well-known/openid-configuration", sts.origin()),
        "api-version": "1.1",
        "metadata": [{ "preferred_network": authority, "preferred_cache": authority, "aliases": [authority] }],
    }))
}
