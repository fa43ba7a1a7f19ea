//! What a refused caller is told: the challenge (MS-XOAUTH 3.2.5.4) and
//! `x-ms-diagnostics`.

use actas_token::authorization::Scheme;
use actas_token::{Refusal, Rule, dpop};
use http::header::WWW_AUTHENTICATE;
use http::{HeaderName, HeaderValue, StatusCode};

use crate::issuer::{ConfiguredIssuer, IssuerKind};

/// The value of `WWW-Authenticate`.
pub(crate) fn challenge(
    client_id: &str,
    realm: Option<&str>,
    issuers: &[ConfiguredIssuer],
    authorization_uri: Option<&str>,
    error: Option<&'static str>,
) -> String {
    let mut parameters = vec![format!("client_id=\"{client_id}\"")];
    parameters.extend(realm.map(|realm| format!("realm=\"{realm}\"")));
    parameters.extend([
        format!("trusted_issuers=\"{}\"", trusted_issuers(issuers).join(",")),
        "token_types=\"app_asserted_user_v1 service_asserted_app_v1\"".to_owned(),
    ]);
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

/// What a refused caller is told of the reason.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Details {
    /// The code and its category.
    #[default]
    Terse,
    /// The rule and what it found as well: for finding out, not for leaving on. It tells
    /// an attacker what to change.
    Verbose,
}

/// What a server says of itself in its challenges.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wording<'w> {
    /// Its realm. A caller that knows no issuer of the challenge has nowhere else to learn
    /// it from.
    pub realm: Option<&'w str>,
    /// Where users sign in.
    pub authorization_uri: Option<&'w str>,
    /// Whether it takes tokens under the scheme `DPoP`: then callers are told where one is due.
    pub takes_proofs: bool,
}

/// An answer to a caller without a good token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denial {
    /// 401; 400 for what no correct client sends; 403 for a caller who is known.
    pub status: StatusCode,
    /// The values of `WWW-Authenticate`.
    pub authenticate: Vec<String>,
    /// `x-ms-diagnostics`; none where no token was sent.
    pub diagnostics: Option<String>,
}

/// The name of the header field that holds the diagnostics of a [`Denial`].
pub const DIAGNOSTICS: HeaderName = HeaderName::from_static("x-ms-diagnostics");

impl Denial {
    /// `bearer` makes the challenge of that scheme, which is due to all but those who came
    /// with a proof.
    pub(crate) fn new(
        scheme: Option<Scheme>,
        refusal: &Refusal,
        wording: Wording<'_>,
        details: Details,
        bearer: impl FnOnce(Option<&'static str>) -> String,
    ) -> Self {
        let (status, error) = Self::error(refusal);
        let came_with_proof = wording.takes_proofs && scheme == Some(Scheme::Dpop);
        let bearer = (!came_with_proof).then(|| bearer(error));
        let dpop = wording.takes_proofs.then(|| dpop_challenge(scheme, refusal, error)).flatten();
        Self {
            status,
            authenticate: bearer.into_iter().chain(dpop).collect(),
            diagnostics: Self::diagnostics(refusal, details),
        }
    }

    fn error(refusal: &Refusal) -> (StatusCode, Option<&'static str>) {
        match refusal.rule() {
            Rule::V1 => (StatusCode::BAD_REQUEST, Some("invalid_request")),
            // RFC 6750 §3.1: no error where there was no token.
            Rule::V2 => (StatusCode::UNAUTHORIZED, None),
            Rule::V19 => (StatusCode::FORBIDDEN, Some("insufficient_scope")),
            _ => (StatusCode::UNAUTHORIZED, Some("invalid_token")),
        }
    }

    fn diagnostics(refusal: &Refusal, details: Details) -> Option<String> {
        if refusal.rule() == Rule::V2 {
            return None;
        }
        let terse = diagnostics_header(refusal);
        Some(match details {
            Details::Terse => terse,
            Details::Verbose => {
                // What a token says must not end the quotation, nor the header field.
                let plain = |c: char| if c == '"' || c == '\\' || !(' '..='~').contains(&c) { '\'' } else { c };
                let found: String = refusal.to_string().chars().take(400).map(plain).collect();
                format!("{terse};rule=\"{}\";found=\"{found}\"", refusal.rule().name())
            }
        })
    }

    /// The header fields. What no field can hold is left out.
    pub fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let challenges = self.authenticate.iter().map(|value| (WWW_AUTHENTICATE, value));
        let diagnostics = self.diagnostics.iter().map(|value| (DIAGNOSTICS, value));
        challenges
            .chain(diagnostics)
            .filter_map(|(name, value)| HeaderValue::from_str(value).ok().map(|value| (name, value)))
    }
}

#[cfg(test)]
mod tests {
    use actas_token::dpop::ProofRefused;
    use actas_token::well_known;

    use super::*;

    fn denial(scheme: Option<Scheme>, refusal: &Refusal, takes_proofs: bool) -> Denial {
        let wording = Wording { takes_proofs, ..Wording::default() };
        Denial::new(scheme, refusal, wording, Details::Terse, |error| format!("Bearer {}", error.unwrap_or("none")))
    }

    #[test]
    fn each_scheme_is_challenged_where_it_helps() {
        let schemes = |scheme, refusal: &Refusal, takes_proofs| {
            let challenges = denial(scheme, refusal, takes_proofs).authenticate;
            challenges.iter().map(|text| text.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let (bound, proof) = (Refusal::Possession("it is bound"), Refusal::Proof(ProofRefused::Absent));
        for scheme in [None, Some(Scheme::Bearer), Some(Scheme::Dpop)] {
            assert_eq!(schemes(scheme, &bound, false), ["Bearer"]);
        }
        assert_eq!(schemes(Some(Scheme::Bearer), &Refusal::Signature, true), ["Bearer"]);
        assert_eq!(schemes(Some(Scheme::Bearer), &bound, true), ["Bearer", "DPoP"]);
        assert_eq!(schemes(Some(Scheme::Dpop), &Refusal::Signature, true), ["DPoP"]);
        assert_eq!(schemes(Some(Scheme::Dpop), &proof, true), ["DPoP"]);
        let told = &denial(Some(Scheme::Dpop), &Refusal::Signature, true).authenticate[0];
        assert!(told.contains("error=\"invalid_token\""), "{told}");
        let told = &denial(Some(Scheme::Dpop), &proof, true).authenticate[0];
        assert!(told.contains("error=\"invalid_dpop_proof\""), "{told}");
    }

    #[test]
    fn what_a_token_says_does_not_end_the_quotation() {
        let refusal = Refusal::UnknownIssuer("a\"b\\c\ndé~ e".to_owned());
        let told = Denial::diagnostics(&refusal, Details::Verbose).unwrap();
        assert!(told.contains("rule=\"V8\"") && told.contains("a'b'c'd'~ e"), "{told}");
        assert!(!Denial::diagnostics(&refusal, Details::Terse).unwrap().contains("rule="));
        assert_eq!(Denial::diagnostics(&Refusal::NoToken, Details::Verbose), None);
    }

    #[test]
    fn who_is_at_fault_is_in_the_status() {
        let of = |refusal: &Refusal| {
            let denial = denial(Some(Scheme::Bearer), refusal, false);
            (denial.status.as_u16(), denial.authenticate[0].clone(), denial.diagnostics.is_some())
        };
        assert_eq!(of(&Refusal::AuthorizationHeader), (400, "Bearer invalid_request".to_owned(), true));
        assert_eq!(of(&Refusal::NoToken), (401, "Bearer none".to_owned(), false));
        assert_eq!(of(&Refusal::Denied("it may not")), (403, "Bearer insufficient_scope".to_owned(), true));
        assert_eq!(of(&Refusal::Signature), (401, "Bearer invalid_token".to_owned(), true));
    }

    #[test]
    fn a_token_service_of_several_tenants_is_named_once_for_any_realm() {
        let issuer = |realm: &str| ConfiguredIssuer {
            kind: IssuerKind::TokenService { app_id: well_known::STS, realm: realm.to_owned() },
            metadata_url: "https://sts.example/".to_owned(),
        };
        let named = |realms: &[&str]| trusted_issuers(&realms.iter().map(|realm| issuer(realm)).collect::<Vec<_>>());
        assert_eq!(named(&["a.example", "a.example"]), [format!("{}@a.example", well_known::STS)]);
        assert_eq!(named(&["a.example", "b.example", "a.example"]), [format!("{}@*", well_known::STS)]);
    }
}
