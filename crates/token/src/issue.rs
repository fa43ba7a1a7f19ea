//! Making tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;

use crate::key::{KeyError, SigningKey};
use crate::principal::Principal;
use crate::sign::{Signer, Unsigned};

/// How far `nbf` is dated back, so that a resource whose clock is behind accepts the
/// token at once.
pub const BACKDATE: SignedDuration = SignedDuration::from_mins(5);

/// The user of an act-as token, as far as our own session knows them: every id that is
/// sent must name the same user at the resource.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct ActAsUser {
    /// User principal name; also sent as `nameid`.
    pub upn: Option<String>,
    /// Primary SMTP address.
    pub smtp: Option<String>,
    /// SIP address without scheme.
    pub sip: Option<String>,
}

/// What an actor token says (MS-XOAUTH, actor token).
#[derive(Clone, Debug)]
pub struct ActorToken<'a> {
    /// The resource, as requested.
    pub audience: &'a str,
    /// Who vouches.
    pub issuer: &'a Principal,
    /// The calling application in its realm.
    pub caller: &'a Principal,
    /// Object id of the caller's service principal, when a directory knows it.
    pub object_id: Option<String>,
    /// Whether the caller may act as users.
    pub trusted_for_delegation: bool,
    /// Seconds of life from `now`.
    pub lifetime: SignedDuration,
    /// `cnf`: the key that the token is bound to, if it is (RFC 7800).
    pub confirmation: Option<serde_json::Value>,
}

/// Signs an actor token: named by `x5t`, times as strings.
pub fn actor_token<S: Signer>(key: &S, token: &ActorToken<'_>, now: Timestamp) -> S::Signed {
    let mut claims = json!({
        "aud": token.audience,
        "iss": token.issuer.to_string(),
        "nbf": seconds(now - BACKDATE),
        "exp": seconds(now + token.lifetime),
        "nameid": token.caller.to_string(),
        "trustedfordelegation": if token.trusted_for_delegation { "true" } else { "false" },
        "identityprovider": token.issuer.to_string(),
    });
    if let (Some(bound), Some(members)) = (&token.confirmation, claims.as_object_mut()) {
        members.insert("cnf".into(), bound.clone());
    }
    if let (Some(id), Some(members)) = (&token.object_id, claims.as_object_mut()) {
        members.insert("oid".into(), id.clone().into());
        members.insert("sub".into(), id.clone().into());
    }
    let name = key.name();
    let header = json!({"typ": "JWT", "alg": name.algorithm().name(), "x5t": name.x5t()});
    sign(key, &header, &claims)
}

/// Wraps an actor token for a user: the unsigned envelope (MS-XOAUTH 3.2.5.6).
///
/// `issuer` is the actor's `nameid`, to the letter.
pub fn act_as_token(
    issuer: &Principal,
    audience: &str,
    user: &ActAsUser,
    actor_token: &str,
    lifetime: SignedDuration,
    now: Timestamp,
) -> String {
    let mut claims = json!({
        "aud": audience,
        "iss": issuer.to_string(),
        "nbf": seconds(now),
        "exp": seconds(now + lifetime),
        "actortoken": actor_token,
    });
    let nii = user.upn.as_ref().map(|_| "urn:office:idp:activedirectory".to_owned());
    let ids = [("nameid", &user.upn), ("nii", &nii), ("upn", &user.upn), ("smtp", &user.smtp), ("sip", &user.sip)];
    for (name, value) in ids {
        if let (Some(value), Some(members)) = (value, claims.as_object_mut()) {
            members.insert(name.to_owned(), value.clone().into());
        }
    }
    format!("{}.{}.", encode(&json!({"typ": "JWT", "alg": "none"})), encode(&claims))
}

/// The assertion with which an on-premises server asks for an actor token
/// (MS-XOAUTH 3.2.5.2).
pub fn assertion(
    key: &SigningKey,
    caller: &Principal,
    audience: &str,
    lifetime: SignedDuration,
    now: Timestamp,
) -> Result<String, KeyError> {
    let caller = caller.to_string();
    let claims = json!({
        "aud": audience,
        "iss": caller,
        "nameid": caller,
        "nbf": seconds(now),
        "exp": seconds(now + lifetime),
    });
    let header = json!({"typ": "JWT", "alg": key.algorithm().name(), "x5t": key.x5t()});
    sign(key, &header, &claims)
}

/// The assertion with which a client authenticates at an OpenID-style token endpoint
/// (RFC 7523 §3).
pub fn client_assertion(
    key: &SigningKey,
    client_id: &str,
    token_endpoint: &str,
    jti: &str,
    lifetime: SignedDuration,
    now: Timestamp,
) -> Result<String, KeyError> {
    let algorithm = key.assertion_algorithm();
    let header = json!({"typ": "JWT", "alg": algorithm.name(), "x5t#S256": key.x5t_s256()});
    let claims = json!({
        "aud": token_endpoint,
        "iss": client_id,
        "sub": client_id,
        "jti": jti,
        "nbf": now.as_second(),
        "iat": now.as_second(),
        "exp": (now + lifetime).as_second(),
    });
    key.sign_with(algorithm, format!("{}.{}", encode(&header), encode(&claims)))
}

/// Signs the claims of an act-as token: as an access token, with explicit type
/// (RFC 9068 §2.1).
pub fn typed_access_token<S: Signer, T: Serialize>(key: &S, claims: &T) -> S::Signed {
    let name = key.name();
    let header = json!({"typ": "at+jwt", "alg": name.algorithm().name(), "x5t": name.x5t(), "kid": name.x5t()});
    sign(key, &header, claims)
}

/// The assertion with which an application names the user as whom it wants to act
/// (the `subject_token` of RFC 8693 §2.1): signed by the application itself.
pub fn subject_assertion(
    key: &SigningKey,
    client_id: &str,
    user: &str,
    token_endpoint: &str,
    jti: &str,
    lifetime: SignedDuration,
    now: Timestamp,
) -> Result<String, KeyError> {
    let algorithm = key.algorithm();
    let header = json!({"typ": "JWT", "alg": algorithm.name(), "x5t": key.x5t(), "x5t#S256": key.x5t_s256()});
    let claims = json!({
        "aud": token_endpoint,
        "iss": client_id,
        "sub": user,
        "jti": jti,
        "nbf": now.as_second(),
        "iat": now.as_second(),
        "exp": (now + lifetime).as_second(),
    });
    key.sign_with(algorithm, format!("{}.{}", encode(&header), encode(&claims)))
}

/// Signs any claims as an access token does: with `x5t` and `kid`.
pub fn access_token<S: Signer, T: Serialize>(key: &S, claims: &T) -> S::Signed {
    let name = key.name();
    let header = json!({"typ": "JWT", "alg": name.algorithm().name(), "x5t": name.x5t(), "kid": name.x5t()});
    sign(key, &header, claims)
}

fn sign<S: Signer, T: Serialize>(key: &S, header: &serde_json::Value, claims: &T) -> S::Signed {
    key.sign(Unsigned::new(key.name().algorithm(), format!("{}.{}", encode(header), encode(claims))))
}

/// Writers of this family serialise times as strings; legacy readers expect it.
fn seconds(time: Timestamp) -> String {
    time.as_second().to_string()
}

fn encode<T: Serialize>(value: &T) -> String {
    // Values built here are maps of strings and numbers, which always serialise.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap_or_default())
}
