//! The client credentials grant (RFC 6749 §4.4).

use actas_token::issue::{self, BACKDATE};
use actas_token::token_hash;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::answer::Refused;
use super::client::Client;
use super::form::Form;
use super::success::Success;
use super::{Dialect, Request, resource};

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
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<serde_json::Value>,
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

pub(super) async fn issue(request: &Request<'_>) -> Result<Response, Refused> {
    let identifier = identifier(request.form, request.dialect)?;
    let client = Client::authenticate(request).await?;
    issue_for(request, &client, identifier, "client_credentials").await
}

/// A token of the client as itself, by whichever grant it asked.
pub(super) async fn issue_for(
    request: &Request<'_>,
    client: &Client,
    identifier: &str,
    grant: &'static str,
) -> Result<Response, Refused> {
    let Request { sts, tenant, now, .. } = *request;
    let bound = request.bind()?.and_certificate(client.certificate.clone());
    let resource = resource::by_identifier(sts, tenant, identifier).await?;
    resource::check_assigned(&client.principal, &resource)?;
    let lifetime = sts.policy().token_lifetime;
    let issuer = sts.issuer_v1(tenant.id);
    let principal = &client.principal;
    let token = AccessToken {
        aud: identifier,
        iss: issuer.clone(),
        iat: (now - BACKDATE).as_second(),
        nbf: (now - BACKDATE).as_second(),
        exp: (now + lifetime).as_second(),
        appid: principal.app_id.to_string(),
        appidacr: client.strength,
        cnf: bound.confirmation(),
        idp: issuer,
        idtyp: "app",
        oid: principal.id.to_string(),
        roles: principal.roles_on(&resource),
        sub: principal.id.to_string(),
        tid: tenant.id.to_string(),
        uti: Uuid::new_v4().simple().to_string(),
        ver: "1.0",
    };
    let signed = sts.0.keys.issue(|key| issue::access_token(key, &token)).await;
    let access_token = signed.map_err(|error| Refused::unavailable(&error))?;
    let details = json!({
        "grant": grant,
        "actor": principal.app_id.to_string(),
        "resource": identifier,
        "proof": client.detail,
        "bound": bound.confirmation(),
        "tokenHash": token_hash(&access_token),
    });
    sts.record(tenant.id, "token issued", details).await.map_err(|error| Refused::unavailable(&error))?;
    Ok(Success {
        access_token,
        token_type: bound.token_type(),
        lifetime,
        resource: identifier,
        issued: None,
        scope: None,
    }
    .answer(request.dialect, now))
}

/// The resource that a request names: `scope` on version 2.0, `resource` or `scope`
/// elsewhere.
pub(super) fn identifier(form: &Form, dialect: Dialect) -> Result<&str, Refused> {
    match (form.get("resource"), form.get("scope")) {
        (Some(_), _) if dialect == Dialect::V2 => Err(Refused::resource_on_v2()),
        (Some(resource), _) => Ok(resource),
        (None, Some(scope)) => from_scope(scope),
        (None, None) => Err(Refused::missing(if dialect == Dialect::V2 { "scope" } else { "resource" })),
    }
}

/// The identifier in `<identifier>/.default`.
pub(super) fn from_scope(scope: &str) -> Result<&str, Refused> {
    // RFC 6749 §3.3.
    let allowed = |byte: u8| matches!(byte, b' ' | 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    if !scope.bytes().all(allowed) {
        return Err(Refused::scope(28_002, "The provided value for scope has characters that no scope has."));
    }
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
