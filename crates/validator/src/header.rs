//! Where a token may stand: in one `Authorization` header (rules V1 and V2).

use actas_token::Refusal;
use actas_token::jws::TOKEN_BYTES_MAX;
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// The token of a request.
///
/// An absent header and an empty `Bearer` both ask for the challenge: the latter is how
/// a server says that it speaks OAuth (MS-XOAUTH 3.2.5.4). So does any other scheme.
pub fn bearer_token(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let Some(header) = all.next() else { return Err(Refusal::NoToken) };
    if all.next().is_some() {
        return Err(Refusal::AuthorizationHeader);
    }
    let text = header.to_str().map_err(|_| Refusal::AuthorizationHeader)?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(Refusal::NoToken);
    }
    if token.len() > TOKEN_BYTES_MAX || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refusal::AuthorizationHeader);
    }
    Ok(token)
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
        check(&["Bearer  a.b.c"], &Err(Refusal::AuthorizationHeader));
        check(&["Bearer a.b.c d"], &Err(Refusal::AuthorizationHeader));
        check(&["Bearer a.b.c", "Bearer a.b.c"], &Err(Refusal::AuthorizationHeader));
    }
}
