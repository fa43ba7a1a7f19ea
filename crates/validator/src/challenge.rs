//! What a refused caller is told: the challenge (MS-XOAUTH 3.2.5.4) and
//! `x-ms-diagnostics`.

use actas_token::authorization::Scheme;
use actas_token::{Refusal, dpop};

use crate::issuer::{ConfiguredIssuer, IssuerKind};

/// The value of `WWW-Authenticate`.
pub(crate) fn challenge(
    client_id: &str,
    issuers: &[ConfiguredIssuer],
    authorization_uri: Option<&str>,
    error: Option<&'static str>,
) -> String {
    let mut parameters = vec![
        format!("client_id=\"{client_id}\""),
        format!("trusted_issuers=\"{}\"", trusted_issuers(issuers).join(",")),
        "token_types=\"app_asserted_user_v1 service_asserted_app_v1\"".to_owned(),
    ];
    parameters.extend(authorization_uri.map(|uri| format!("authorization_uri=\"{uri}\"")));
    parameters.extend(error.map(|error| format!("error=\"{error}\"")));
    format!("Bearer {}", parameters.join(", "))
}

/// The challenge of the scheme `DPoP` for a refused token or proof, if one is due.
///
/// Who came with a proof is told about proofs alone. Who came as `Bearer` with a token
/// that is bound to a key learns that there is another scheme (RFC 9449 §7.1, §7.2).
pub fn dpop_challenge(scheme: Option<Scheme>, refusal: &Refusal, error: Option<&'static str>) -> Option<String> {
    match (refusal, scheme) {
        (Refusal::Proof(why), _) => Some(dpop::challenge(Some(why.code()))),
        (_, Some(Scheme::Dpop)) => Some(dpop::challenge(error)),
        (Refusal::Possession(_), _) => Some(dpop::challenge(None)),
        _ => None,
    }
}

/// `appid@realm` of each issuer. A token service that is trusted for several tenants is
/// named once, for any realm: who the tenants are is nobody's business.
fn trusted_issuers(issuers: &[ConfiguredIssuer]) -> Vec<String> {
    let mut named: Vec<(String, String)> = Vec::new();
    for issuer in issuers {
        let (app_id, realm) = match &issuer.kind {
            IssuerKind::TokenService { app_id, realm } | IssuerKind::Partner { app_id, realm, .. } => {
                (app_id.to_string(), realm.clone())
            }
            IssuerKind::OpenId { .. } => continue,
        };
        match named.iter_mut().find(|(known, _)| *known == app_id) {
            Some((_, known)) if *known != realm => "*".clone_into(known),
            Some(_) => {}
            None => named.push((app_id, realm)),
        }
    }
    named.into_iter().map(|(app_id, realm)| format!("{app_id}@{realm}")).collect()
}

/// The value of `x-ms-diagnostics`: code, reason and category, in the form that Exchange
/// uses. It tells nothing that would help to find a better token.
pub fn diagnostics_header(refusal: &Refusal) -> String {
    let diagnostics = refusal.diagnostics();
    format!("{};reason=\"{}\";error_category=\"{}\"", diagnostics.code, diagnostics.reason, diagnostics.category)
}
