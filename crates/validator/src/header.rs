//! A request's headers, as far as its token goes.

use actas_token::Refusal;
use actas_token::authorization::{Authorization, Scheme};
use actas_token::possession::ResourceRequest;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, Method};

/// The field that holds a proof of possession.
pub(crate) const DPOP: HeaderName = HeaderName::from_static("dpop");

/// The token of a request to a server that admits `Bearer` alone (rules V1 and V2).
///
/// An absent header and an empty `Bearer` both ask for the challenge: the latter is how
/// a server says that it speaks OAuth (MS-XOAUTH 3.2.5.4). So does any other scheme.
pub fn bearer_token(headers: &HeaderMap) -> Result<&str, Refusal> {
    let read = authorization(headers)?;
    if read.scheme == Scheme::Bearer { Ok(read.token) } else { Err(Refusal::NoToken) }
}

/// The token of a request, under whichever scheme.
pub fn authorization(headers: &HeaderMap) -> Result<Authorization<'_>, Refusal> {
    Authorization::read(headers.get_all(AUTHORIZATION).iter().map(http::HeaderValue::as_bytes))
}

/// A request as [`crate::Validator::admit`] wants it. `path` is the one that was asked,
/// `certificate` the one (DER) whose key the client proved to hold in the TLS handshake.
pub fn resource_request<'r>(
    method: &'r Method,
    path: &'r str,
    headers: &'r HeaderMap,
    certificate: Option<&'r [u8]>,
) -> ResourceRequest<'r> {
    let values = |name: &HeaderName| headers.get_all(name).iter().map(http::HeaderValue::as_bytes).collect();
    ResourceRequest {
        method: method.as_str(),
        path,
        authorization: values(&AUTHORIZATION),
        proofs: values(&DPOP),
        certificate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[&str], expected: &Result<&str, Refusal>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        assert_eq!(bearer_token(&headers), *expected, "{values:?}");
    }

    #[test]
    fn one_header_one_space() {
        check(&["Bearer a.b.c"], &Ok("a.b.c"));
        check(&["bearer a.b.c"], &Ok("a.b.c"));
        check(&[], &Err(Refusal::NoToken));
        check(&["Bearer"], &Err(Refusal::NoToken));
        check(&["Bearer "], &Err(Refusal::NoToken));
        check(&["Basic YTpi"], &Err(Refusal::NoToken));
        check(&["DPoP a.b.c"], &Err(Refusal::NoToken));
        check(&["Bearer  a.b.c"], &Err(Refusal::AuthorizationHeader));
        check(&["Bearer a.b.c d"], &Err(Refusal::AuthorizationHeader));
        check(&["Bearer a.b.c", "Bearer a.b.c"], &Err(Refusal::AuthorizationHeader));
    }
}
