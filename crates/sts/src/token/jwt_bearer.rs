//! The JWT bearer grant (RFC 7523 §2.1) at the OpenID-style endpoints: an assertion that
//! the application made about itself is the grant.
//!
//! It gives what the client credentials grant gives, as the S2S grant does at the ACS
//! endpoint. What the original does under this name, a user's token exchanged for another
//! (`requested_token_use=on_behalf_of`), is not offered: here no user ever signs in, and
//! an application acts as a user by token exchange.

use actas_token::assertion::{Assertion, AssertionRefused};
use actas_token::token_hash;
use axum::response::Response;
use serde_json::json;

use super::answer::Refused;
use super::client::{self, Client};
use super::{Request, client_credentials};

pub(super) async fn issue(request: &Request<'_>) -> Result<Response, Refused> {
    let Request { sts, tenant, form, now, .. } = *request;
    if form.get("requested_token_use").is_some() {
        return Err(Refused::on_behalf_of());
    }
    let identifier = client_credentials::identifier(form, request.dialect)?;
    let text = form.required("assertion")?;
    let refused = |refused: AssertionRefused| Refused::grant_assertion(&refused);
    let assertion = Assertion::parse(text).map_err(refused)?;
    let issuer = assertion.issuer().map_err(refused)?;
    // The client need not authenticate (RFC 7521 §4.1); who names itself must be the same.
    if form.get("client_id").is_some_and(|id| !id.eq_ignore_ascii_case(issuer)) {
        return Err(Refused::client_mismatch());
    }
    if form.get("client_assertion").or(form.get("client_secret")).is_some() {
        return Err(Refused::malformed("the assertion proves the client already; send no other credential"));
    }
    let principal = client::enabled(sts, tenant, issuer).await?;
    let keys = client::live_keys(sts, &principal, now).await?;
    let audience = |audience: &str| sts.is_client_audience(tenant, audience);
    let key = assertion.verify(keys.iter(), audience, sts.policy().grant_assertions(), now).map_err(refused)?;
    if !assertion.claims().has("sub") {
        return Err(Refused::grant_assertion(&AssertionRefused::Subject("sub")));
    }
    request.note_use(text, &assertion, principal.app_id).await?;
    request.admit(&principal)?;
    let detail = json!({ "key": key.x5t(), "assertionHash": token_hash(text) });
    let client = Client { principal, strength: "2", detail, certificate: None };
    client_credentials::issue_for(request, &client, identifier, "jwt_bearer").await
}
