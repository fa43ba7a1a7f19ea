//! The grant of a device whose user signs in elsewhere (RFC 8628 §3.4, §3.5): a token as
//! that user, with no more than the tenant consented to for the application.

use actas_directory::User;
use actas_directory::device_sign_in::{DeviceAnswer, DeviceSignIn};
use actas_store::directory::Audit;
use actas_token::issue::{self, BACKDATE};
use actas_token::token_hash;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::answer::Refused;
use super::success::Success;
use super::{Dialect, Request, device_authorization};
use crate::device_page::code;

/// The role of an administrator, by the id that it has in every tenant.
const ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";

/// Claims of a version 1.0 access token of a user.
#[derive(Serialize)]
struct UserToken<'a> {
    aud: &'a str,
    iss: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    acr: &'static str,
    amr: [&'static str; 1],
    appid: String,
    /// A public client proves nothing.
    appidacr: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<serde_json::Value>,
    idp: String,
    idtyp: &'static str,
    name: &'a str,
    oid: String,
    scp: String,
    sub: String,
    tid: String,
    unique_name: &'a str,
    upn: &'a str,
    uti: String,
    ver: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    wids: Vec<&'static str>,
}

pub(super) async fn issue(request: &Request<'_>) -> Result<Response, Refused> {
    let Request { sts, tenant, form, now, .. } = *request;
    let client = device_authorization::public_client(sts, tenant, form.required("client_id")?).await?;
    let shown = match (form.get("device_code"), form.get("code")) {
        (None, Some(code)) if request.dialect == Dialect::V1 => code,
        _ => form.required("device_code")?,
    };
    let unavailable = |error: actas_store::Error| Refused::unavailable(&error);
    let found = sts.0.directory.device_sign_in(&code::hash(shown)).await.map_err(unavailable)?;
    // A code is good in its tenant, and for the application that it was given to.
    let mut sign_in =
        found.filter(|it| it.tenant == tenant.id && it.app_id == client.app_id).ok_or_else(Refused::unknown_code)?;
    let before = sign_in.clone();
    let answer = sign_in.ask(now);
    if sign_in != before {
        // Lost against the user's browser, the question counts for nothing.
        match sts.0.directory.update_device_sign_in(&sign_in, None).await {
            Err(error) if !error.is_stale() => return Err(Refused::unavailable(&error)),
            _ => {}
        }
    }
    match answer {
        DeviceAnswer::Pending => Err(Refused::pending()),
        DeviceAnswer::SlowDown => Err(Refused::slow_down(sign_in.interval)),
        DeviceAnswer::Expired => Err(Refused::ended_code()),
        DeviceAnswer::Denied => Err(Refused::declined()),
        DeviceAnswer::Approved(user) => {
            request.admit(&client)?;
            let user = sts.0.directory.user(tenant.id, user).await.map_err(unavailable)?;
            let user = user.filter(|user| user.enabled).ok_or_else(Refused::user_is_gone)?;
            // What was taken back since the code was given is not given.
            let scopes = sign_in.scopes.iter().filter(|scope| client.delegated.contains(scope));
            let scopes: Vec<&str> = scopes.map(String::as_str).collect();
            if scopes.is_empty() {
                return Err(Refused::no_consent(&client.app_id.to_string(), &sign_in.resource));
            }
            issue_as(request, &sign_in, &user, &scopes).await
        }
    }
}

async fn issue_as(
    request: &Request<'_>,
    sign_in: &DeviceSignIn,
    user: &User,
    scopes: &[&str],
) -> Result<Response, Refused> {
    let Request { sts, tenant, now, .. } = *request;
    let bound = request.bind()?;
    let lifetime = sts.policy().token_lifetime;
    let issuer = sts.issuer_v1(tenant.id);
    let token = UserToken {
        aud: &sign_in.resource,
        iss: issuer.clone(),
        iat: (now - BACKDATE).as_second(),
        nbf: (now - BACKDATE).as_second(),
        exp: (now + lifetime).as_second(),
        acr: "1",
        amr: ["pwd"],
        appid: sign_in.app_id.to_string(),
        appidacr: "0",
        cnf: bound.confirmation(),
        idp: issuer,
        idtyp: "user",
        name: &user.display_name,
        oid: user.id.to_string(),
        scp: scopes.join(" "),
        // Pairwise: another application knows the user by another (OpenID Connect Core §8.1).
        sub: code::hash(&format!("{} {}", sign_in.app_id, user.id)),
        tid: tenant.id.to_string(),
        unique_name: &user.upn,
        upn: &user.upn,
        uti: Uuid::new_v4().simple().to_string(),
        ver: "1.0",
        wids: if user.administrator { vec![ADMINISTRATOR] } else { Vec::new() },
    };
    let signed = sts.0.keys.issue(|key| issue::access_token(key, &token)).await;
    let access_token = signed.map_err(|error| Refused::unavailable(&error))?;
    let details = json!({
        "grant": "device_code",
        "actor": sign_in.app_id.to_string(),
        "subject": user.id.to_string(),
        "resource": sign_in.resource,
        "scopes": scopes,
        "bound": bound.confirmation(),
        "tokenHash": token_hash(&access_token),
    });
    let audit = Audit { time: now, tenant: tenant.id, kind: "token issued", details };
    match sts.0.directory.take_device_sign_in(sign_in, audit).await {
        Ok(()) => {}
        // Once: whoever else showed it was faster.
        Err(error) if error.is_stale() => return Err(Refused::unknown_code()),
        Err(error) => return Err(Refused::unavailable(&error)),
    }
    let identifier = sign_in.resource.trim_end_matches('/');
    let scope = scopes.iter().map(|scope| format!("{identifier}/{scope}")).collect::<Vec<_>>().join(" ");
    let success = Success {
        access_token,
        token_type: bound.token_type(),
        lifetime,
        resource: &sign_in.resource,
        issued: None,
        scope: Some(scope),
    };
    Ok(success.answer(request.dialect, now))
}
