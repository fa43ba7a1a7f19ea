//! The S2S grant: an on-premises server's own signed assertion in, an actor token out
//! (MS-XOAUTH 3.2.5.2).

use actas_directory::Tenant;
use actas_token::assertion::Assertion;
use actas_token::issue::{self, ActorToken, BACKDATE};
use actas_token::{Principal, token_hash};
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use super::answer::{Refused, json_answer};
use super::{Request, client, resource};
use crate::Sts;

/// Every number is a string: clients of this family read a map of strings.
#[derive(Serialize)]
struct Answer<'a> {
    token_type: &'static str,
    expires_in: String,
    not_before: String,
    expires_on: String,
    resource: &'a str,
    access_token: String,
}

pub(super) async fn issue(request: &Request<'_>) -> Result<Response, Refused> {
    let Request { sts, tenant, form, now, .. } = *request;
    let text = form.required("assertion")?;
    let wanted = form.required("resource")?;
    if let Some(realm) = form.get("realm")
        && !tenant.realms().any(|own| own.eq_ignore_ascii_case(realm))
    {
        return Err(Refused::realm_mismatch());
    }
    let assertion = Assertion::parse(text).map_err(|refused| Refused::s2s_assertion(&refused))?;
    let caller = caller(tenant, &assertion)?;
    let client = client::enabled(sts, tenant, &caller.app_id.to_string()).await?;
    let keys = client::live_keys(sts, &client, now).await?;
    let audience = |audience: &str| sts.is_s2s_audience(tenant, audience);
    let key = assertion
        .verify(keys.iter(), audience, sts.policy().grant_assertions(), now)
        .map_err(|refused| Refused::s2s_assertion(&refused))?;
    request.note_use(text, &assertion, client.app_id).await?;
    request.admit(&client)?;
    let bound = request.bind()?;

    let resource = resource::by_s2s_name(sts, tenant, wanted).await.map_err(Refused::for_acs)?;
    resource::check_authorised(&client, &resource)?;
    let issuer = Sts::s2s_issuer(tenant.id);
    let caller = Principal::in_realm(client.app_id, tenant.id.to_string());
    let lifetime = sts.policy().token_lifetime;
    let token = ActorToken {
        audience: wanted,
        issuer: &issuer,
        caller: &caller,
        object_id: Some(client.id.to_string()),
        trusted_for_delegation: client.trusted_for_delegation,
        lifetime,
        confirmation: bound.confirmation(),
    };
    let signed = sts.0.keys.issue(|key| issue::actor_token(key, &token, now)).await;
    let access_token = signed.map_err(|error| Refused::unavailable(&error))?;
    let details = json!({
        "grant": "s2s",
        "actor": caller.to_string(),
        "resource": wanted,
        "key": key.x5t(),
        "delegation": client.trusted_for_delegation,
        "assertionHash": token_hash(text),
        "bound": bound.confirmation(),
        "tokenHash": token_hash(&access_token),
    });
    // No token leaves without its record.
    sts.record(tenant.id, "token issued", details).await.map_err(|error| Refused::unavailable(&error))?;
    Ok(json_answer(&Answer {
        token_type: bound.token_type(),
        expires_in: lifetime.as_secs().to_string(),
        not_before: (now - BACKDATE).as_second().to_string(),
        expires_on: (now + lifetime).as_second().to_string(),
        resource: wanted,
        access_token,
    }))
}

/// The application that an assertion claims to come from, in this very tenant.
fn caller(tenant: &Tenant, assertion: &Assertion<'_>) -> Result<Principal, Refused> {
    let issuer = assertion.issuer().map_err(|refused| Refused::s2s_assertion(&refused))?;
    let caller: Principal = issuer.parse().map_err(|_| Refused::not_a_principal("iss"))?;
    let realm =
        caller.realm.as_deref().filter(|_| caller.host.is_none()).ok_or_else(|| Refused::not_a_principal("iss"))?;
    if !tenant.realms().any(|own| own == realm) {
        return Err(Refused::realm_mismatch());
    }
    Ok(caller)
}
