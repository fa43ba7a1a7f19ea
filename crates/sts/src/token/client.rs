//! Who asks: client authentication with a certificate's key (RFC 7523 §2.2) or a secret.
//!
//! One method a request (RFC 6749 §2.3). An application that does not exist is told from
//! a wrong key only where the original tells: operators live by these codes.

use actas_directory::{Credentials, KeyCredential, PasswordCredential, ServicePrincipal, Tenant};
use actas_token::assertion::{Assertion, AssertionRefused};
use actas_token::{VerifyingKey, key, token_hash};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::json;
use uuid::Uuid;

use super::answer::Refused;
use super::{GRANT_CLIENT_CREDENTIALS, Request};
use crate::Sts;
use crate::secret;

const CLIENT_ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An authenticated client.
pub(super) struct Client {
    pub(super) principal: ServicePrincipal,
    /// How it proved itself (`appidacr`): "1" a secret, "2" a key.
    pub(super) strength: &'static str,
    /// What the audit record says of it.
    pub(super) detail: serde_json::Value,
    /// `x5t#S256` of the TLS certificate that proved it, to which its tokens are bound.
    pub(super) certificate: Option<String>,
}

// === impl Client ===

impl Client {
    /// Whoever proves itself, within its limit.
    pub(super) async fn authenticate(request: &Request<'_>) -> Result<Self, Refused> {
        let client = Self::proven(request).await?;
        request.admit(&client.principal)?;
        Ok(client)
    }

    async fn proven(request: &Request<'_>) -> Result<Self, Refused> {
        let form = request.form;
        let basic = basic_credentials(request.headers)?;
        let methods = [form.get("client_assertion").is_some(), form.get("client_secret").is_some(), basic.is_some()];
        if methods.into_iter().filter(|used| *used).count() > 1 {
            return Err(Refused::malformed("the client authenticates in more than one way"));
        }
        if let Some(assertion) = form.get("client_assertion") {
            if form.required("client_assertion_type")? != CLIENT_ASSERTION_TYPE {
                return Err(Refused::malformed("the client_assertion_type is not supported"));
            }
            return Self::by_assertion(request, assertion).await;
        }
        if let (true, Some(client_id), Some(certificate)) =
            (methods == [false; 3] && request.sts.policy().tls_client_auth, form.get("client_id"), request.certificate)
        {
            return Self::by_certificate(request, client_id, certificate).await;
        }
        let (client_id, secrets) = match (basic, form.get("client_secret")) {
            (Some((id, secrets)), _) => (id, secrets),
            (None, Some(secret)) => (form.required("client_id")?.to_owned(), vec![secret.to_owned()]),
            (None, None) => {
                return Err(Refused::no_credential(form.get("grant_type") == Some(GRANT_CLIENT_CREDENTIALS)));
            }
        };
        if !request.sts.policy().allow_secrets {
            return Err(Refused::secrets_off());
        }
        let principal = enabled(request.sts, request.tenant, &client_id).await?;
        let own = credentials(request.sts, &principal).await?;
        let credential = by_secret(own, secrets, request.now).await?;
        Ok(Self { principal, strength: "1", detail: json!({ "secret": credential.to_string() }), certificate: None })
    }

    async fn by_assertion(request: &Request<'_>, text: &str) -> Result<Self, Refused> {
        let Request { sts, tenant, form, now, .. } = *request;
        let refused = |refused: AssertionRefused| Refused::client_assertion(&refused);
        let assertion = Assertion::parse(text).map_err(refused)?;
        let issuer = assertion.issuer().map_err(refused)?;
        if form.get("client_id").is_some_and(|id| !id.eq_ignore_ascii_case(issuer)) {
            return Err(Refused::client_mismatch());
        }
        let principal = enabled(sts, tenant, issuer).await?;
        let header = assertion.header();
        if sts.policy().require_key_hint && header.x5t.is_none() && header.x5t_s256.is_none() {
            return Err(Refused::no_key_hint());
        }
        let keys = live_keys(sts, &principal, now).await?;
        let audience = |audience: &str| sts.is_client_audience(tenant, audience);
        let limits = sts.policy().client_assertions();
        let key = assertion.verify(keys.iter(), audience, limits, now).map_err(refused)?;
        // RFC 7523 §3: the client speaks of itself, and says so.
        assertion.claims().text("sub").map_err(|error| refused(AssertionRefused::Claim(error)))?;
        request.note_use(text, &assertion, principal.app_id).await?;
        let detail = json!({ "key": key.x5t(), "assertionHash": token_hash(text) });
        Ok(Self { principal, strength: "2", detail, certificate: None })
    }

    /// By a certificate in the TLS handshake that is registered for the application:
    /// `self_signed_tls_client_auth` (RFC 8705 §2.2). Who signed it counts for nothing.
    async fn by_certificate(request: &Request<'_>, client_id: &str, der: &[u8]) -> Result<Self, Refused> {
        let principal = enabled(request.sts, request.tenant, client_id).await?;
        let own = credentials(request.sts, &principal).await?;
        let registered =
            |key: &&KeyCredential| key.is_live(request.now) && verify_slices_are_equal(&key.key, der).is_ok();
        let thumbprint = key::x5t_s256(der);
        let Some(credential) = own.keys.iter().find(registered) else {
            return Err(Refused::unregistered_certificate(&thumbprint));
        };
        let detail = json!({ "certificate": thumbprint, "keyId": credential.key_id.to_string() });
        Ok(Self { principal, strength: "2", detail, certificate: Some(thumbprint) })
    }
}

/// The enabled application of that id.
pub(super) async fn enabled(sts: &Sts, tenant: &Tenant, client_id: &str) -> Result<ServicePrincipal, Refused> {
    let app_id = Uuid::try_parse(client_id).map_err(|_| Refused::not_an_application_id(client_id))?;
    let client = sts
        .0
        .directory
        .principal_by_app(tenant.id, app_id)
        .await
        .map_err(|error| Refused::unavailable(&error))?
        .ok_or_else(|| Refused::unknown_application(client_id))?;
    if client.enabled { Ok(client) } else { Err(Refused::disabled_application(client_id)) }
}

/// What proves a client's identity, be it stored with the application or the principal.
async fn credentials(sts: &Sts, client: &ServicePrincipal) -> Result<Credentials, Refused> {
    sts.0.directory.credentials(client).await.map_err(|error| Refused::unavailable(&error))
}

/// The keys that a client can sign with at this moment.
pub(super) async fn live_keys(
    sts: &Sts,
    client: &ServicePrincipal,
    now: Timestamp,
) -> Result<Vec<VerifyingKey>, Refused> {
    Ok(credentials(sts, client).await?.live_keys(now))
}

/// The live credential whose secret this is.
///
/// Hashing a secret takes a while, so it happens off the async threads. A client without
/// secrets takes as long as one with a secret, so that the time tells nobody which it is.
async fn by_secret(own: Credentials, secrets: Vec<String>, now: Timestamp) -> Result<Uuid, Refused> {
    let begun: Vec<PasswordCredential> =
        own.passwords.into_iter().filter(|credential| credential.start <= now).collect();
    let check = move || find(begun, &secrets, secret::verifies, secret::verify_in_vain);
    let found = tokio::task::spawn_blocking(check).await.map_err(|error| Refused::unavailable(&error))?;
    match found {
        Some(credential) if now < credential.end => Ok(credential.key_id),
        Some(_) => Err(Refused::ended_secret()),
        None => Err(Refused::wrong_secret()),
    }
}

/// The credential that one of these spellings fits. Each spelling costs as many hashes as
/// there are credentials, and one where there is none.
fn find(
    begun: Vec<PasswordCredential>,
    secrets: &[String],
    verifies: impl Fn(&str, &str) -> bool,
    verify_in_vain: impl Fn(&str),
) -> Option<PasswordCredential> {
    let fits = |secret: &&String| secret.len() <= secret::SECRET_BYTES_MAX;
    if begun.is_empty() {
        secrets.iter().filter(fits).for_each(|secret| verify_in_vain(secret));
    }
    let known = |hash: &str| secrets.iter().filter(fits).any(|secret| verifies(secret, hash));
    begun.into_iter().find(|credential| known(&credential.hash))
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use actas_directory::password::PasswordRequest;

    use super::*;

    #[test]
    fn a_client_without_secrets_costs_as_much_as_one_with() {
        let now: Timestamp = "2026-12-01T09:00:00Z".parse().unwrap();
        let stored = |hash: &str| {
            PasswordCredential::new(&PasswordRequest::default(), Uuid::new_v4(), ("abc", hash.to_owned()), 0, now)
        };
        let one = vec![stored("hash of right").unwrap()];
        // The hashes that are computed, real or in vain.
        let cost = |credentials: &[PasswordCredential], secrets: &[&str]| {
            let hashes = Cell::new(0);
            let count = || hashes.set(hashes.get() + 1);
            let secrets: Vec<String> = secrets.iter().map(|secret| (*secret).to_owned()).collect();
            let verifies = |secret: &str, hash: &str| {
                count();
                hash == format!("hash of {secret}")
            };
            let found = find(credentials.to_vec(), &secrets, verifies, |_| count());
            (found.is_some(), hashes.get())
        };
        assert_eq!(cost(&one, &["right"]), (true, 1));
        assert_eq!(cost(&one, &["wrong"]), (false, 1));
        assert_eq!(cost(&[], &["wrong"]), (false, 1), "a hash in vain");
        assert_eq!(cost(&one, &["wr%6Fng", "wrong"]), (false, 2));
        assert_eq!(cost(&[], &["wr%6Fng", "wrong"]), (false, 2));
        let endless = "x".repeat(secret::SECRET_BYTES_MAX + 1);
        assert_eq!(cost(&one, &[&endless]), (false, 0), "nobody makes us hash a book");
    }
}
