//! The client credentials grant (RFC 6749 §4.4) with a certificate (RFC 7523 §2.2) or a
//! secret.

use actas_directory::{Credentials, ServicePrincipal, Tenant};
use actas_token::assertion::Assertion;
use actas_token::issue::{self, BACKDATE};
use actas_token::token_hash;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::answer::{Refused, json_answer};
use super::form::Form;
use super::{Dialect, resource};
use crate::Sts;
use crate::secret;

const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Real libraries make assertions that live up to an hour; the original sets no bound.
const ASSERTION_LIFETIME_MAX: SignedDuration = SignedDuration::from_hours(24);

#[derive(Serialize)]
struct AnswerV2 {
    token_type: &'static str,
    expires_in: i64,
    ext_expires_in: i64,
    access_token: String,
}

#[derive(Serialize)]
struct AnswerV1<'a> {
    token_type: &'static str,
    expires_in: String,
    ext_expires_in: String,
    expires_on: String,
    not_before: String,
    resource: &'a str,
    access_token: String,
}

/// Claims of a version 1.0 access token.
#[derive(Serialize)]
struct AccessToken<'a> {
    aud: &'a str,
    iss: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    appid: String,
    appidacr: &'static str,
    idp: String,
    idtyp: &'static str,
    oid: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    sub: String,
    tid: String,
    uti: String,
    ver: &'static str,
}

/// How a client proved itself (`appidacr`).
struct Proof {
    strength: &'static str,
    detail: serde_json::Value,
}

pub(super) async fn issue(
    sts: &Sts,
    tenant: &Tenant,
    form: &Form,
    headers: &HeaderMap,
    dialect: Dialect,
) -> Result<Response, Refused> {
    let now = sts.0.clock.now();
    let identifier = identifier(form, dialect)?;
    let (client, proof) = authenticate(sts, tenant, form, headers, now).await?;
    let resource = resource::by_identifier(sts, tenant, identifier).await?;
    resource::check_assigned(&client, &resource)?;
    let lifetime = sts.0.policy.token_lifetime;
    let issuer = sts.issuer_v1(tenant.id);
    let token = AccessToken {
        aud: identifier,
        iss: issuer.clone(),
        iat: (now - BACKDATE).as_second(),
        nbf: (now - BACKDATE).as_second(),
        exp: (now + lifetime).as_second(),
        appid: client.app_id.to_string(),
        appidacr: proof.strength,
        idp: issuer,
        idtyp: "app",
        oid: client.id.to_string(),
        roles: client.roles_on(&resource),
        sub: client.id.to_string(),
        tid: tenant.id.to_string(),
        uti: Uuid::new_v4().simple().to_string(),
        ver: "1.0",
    };
    let access_token =
        issue::access_token(sts.0.keys.signer(), &token).map_err(|error| Refused::unavailable(&error))?;
    let details = json!({
        "grant": "client_credentials",
        "actor": client.app_id.to_string(),
        "resource": identifier,
        "proof": proof.detail,
        "tokenHash": token_hash(&access_token),
    });
    sts.record(tenant.id, "token issued", details).await.map_err(|error| Refused::unavailable(&error))?;

    let expires_in = lifetime.as_secs() - 1;
    Ok(match dialect {
        Dialect::V2 => {
            json_answer(&AnswerV2 { token_type: "Bearer", expires_in, ext_expires_in: expires_in, access_token })
        }
        Dialect::Acs | Dialect::V1 => json_answer(&AnswerV1 {
            token_type: "Bearer",
            expires_in: expires_in.to_string(),
            ext_expires_in: expires_in.to_string(),
            expires_on: token.exp.to_string(),
            not_before: token.nbf.to_string(),
            resource: identifier,
            access_token,
        }),
    })
}

/// The resource that a request names: `scope` on version 2.0, `resource` or `scope`
/// elsewhere.
fn identifier(form: &Form, dialect: Dialect) -> Result<&str, Refused> {
    match (form.get("resource"), form.get("scope")) {
        (Some(_), _) if dialect == Dialect::V2 => Err(Refused::resource_on_v2()),
        (Some(resource), _) => Ok(resource),
        (None, Some(scope)) => from_scope(scope),
        (None, None) => Err(Refused::missing(if dialect == Dialect::V2 { "scope" } else { "resource" })),
    }
}

fn from_scope(scope: &str) -> Result<&str, Refused> {
    let openid = ["openid", "profile", "offline_access", "email"];
    let mut wanted = scope.split_ascii_whitespace().filter(|one| !openid.contains(one));
    let (Some(first), second) = (wanted.next(), wanted.next()) else {
        return Err(Refused::missing("scope"));
    };
    if second.is_some() {
        return Err(Refused::scope(70_011, "The provided value for scope names more than one resource."));
    }
    first.strip_suffix("/.default").filter(|identifier| !identifier.is_empty()).ok_or_else(|| {
        Refused::scope(1_002_012, "The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.")
    })
}

async fn authenticate(
    sts: &Sts,
    tenant: &Tenant,
    form: &Form,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<(ServicePrincipal, Proof), Refused> {
    let basic = basic_credentials(headers)?;
    let methods = [form.get("client_assertion").is_some(), form.get("client_secret").is_some(), basic.is_some()];
    if methods.into_iter().filter(|used| *used).count() > 1 {
        return Err(Refused::malformed("the client authenticates in more than one way"));
    }
    if let Some(assertion) = form.get("client_assertion") {
        if form.required("client_assertion_type")? != CLIENT_ASSERTION_TYPE {
            return Err(Refused::malformed("the client_assertion_type is not supported"));
        }
        return by_assertion(sts, tenant, form.get("client_id"), assertion, now).await;
    }
    let (client_id, secrets) = match (basic, form.get("client_secret")) {
        (Some((id, secrets)), _) => (id, secrets),
        (None, Some(secret)) => (form.required("client_id")?.to_owned(), vec![secret.to_owned()]),
        (None, None) => return Err(Refused::no_credential()),
    };
    if !sts.0.policy.allow_secrets {
        return Err(Refused::secrets_off());
    }
    let client = enabled_client(sts, tenant, &client_id).await?;
    let credential = by_secret(&credentials(sts, &client).await?, secrets, now).await?;
    Ok((client, Proof { strength: "1", detail: json!({ "secret": credential.to_string() }) }))
}

async fn by_assertion(
    sts: &Sts,
    tenant: &Tenant,
    client_id: Option<&str>,
    text: &str,
    now: Timestamp,
) -> Result<(ServicePrincipal, Proof), Refused> {
    let refused = |refused| Refused::client_assertion(&refused);
    let assertion = Assertion::parse(text).map_err(refused)?;
    let issuer = assertion.issuer().map_err(refused)?;
    if client_id.is_some_and(|id| !id.eq_ignore_ascii_case(issuer)) {
        return Err(Refused::client_mismatch());
    }
    let client = enabled_client(sts, tenant, issuer).await?;
    let keys = credentials(sts, &client).await?.live_keys(now);
    let audience = |audience: &str| sts.is_client_audience(tenant, audience);
    let key = assertion.verify(keys.iter(), audience, ASSERTION_LIFETIME_MAX, now).map_err(refused)?;
    let detail = json!({ "key": key.x5t(), "assertionHash": token_hash(text) });
    Ok((client, Proof { strength: "2", detail }))
}

async fn enabled_client(sts: &Sts, tenant: &Tenant, client_id: &str) -> Result<ServicePrincipal, Refused> {
    let app_id = Uuid::try_parse(client_id).map_err(|_| Refused::unknown_application(client_id))?;
    let client = sts
        .0
        .directory
        .principal_by_app(tenant.id, app_id)
        .await
        .map_err(|error| Refused::unavailable(&error))?
        .ok_or_else(|| Refused::unknown_application(client_id))?;
    if client.enabled { Ok(client) } else { Err(Refused::disabled_application(client_id)) }
}

/// What proves a client's identity, wherever it is stored.
pub(super) async fn credentials(sts: &Sts, client: &ServicePrincipal) -> Result<Credentials, Refused> {
    sts.0.directory.credentials(client).await.map_err(|error| Refused::unavailable(&error))
}

/// Hashing a secret takes a while, so it happens off the async threads.
async fn by_secret(own: &Credentials, secrets: Vec<String>, now: Timestamp) -> Result<Uuid, Refused> {
    let live = own.live_passwords(now);
    let live: Vec<(Uuid, String)> = live.map(|credential| (credential.key_id, credential.hash.clone())).collect();
    let check = move || {
        let fits = |secret: &&String| secret.len() <= secret::SECRET_BYTES_MAX;
        live.into_iter().find(|(_, hash)| secrets.iter().filter(fits).any(|secret| secret::verifies(secret, hash)))
    };
    let found = tokio::task::spawn_blocking(check).await.map_err(|error| Refused::unavailable(&error))?;
    found.map(|(key_id, _)| key_id).ok_or_else(Refused::wrong_secret)
}

/// HTTP Basic. Some clients percent-encode id and secret first and some do not, so the
/// secret is tried in both readings.
fn basic_credentials(headers: &HeaderMap) -> Result<Option<(String, Vec<String>)>, Refused> {
    let Some(header) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let wrong = || Refused::malformed("the Authorization header is not HTTP Basic");
    let (scheme, encoded) = header.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(wrong)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(wrong());
    }
    let decoded =
        STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(wrong)?;
    let (id, secret) = decoded.split_once(':').ok_or_else(wrong)?;
    let plain =
        |text: &str| percent_decode_str(text).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| wrong());
    let mut secrets = vec![secret.to_owned(), plain(secret)?];
    secrets.dedup();
    Ok(Some((plain(id)?, secrets)))
}
