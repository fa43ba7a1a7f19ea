//! Where a token may stand: in one `Authorization` header (rules V1 and V2).

use crate::jws::TOKEN_BYTES_MAX;
use crate::refusal::Refusal;

/// The authentication scheme under which a token came.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scheme {
    /// Whoever has the token may use it (RFC 6750).
    Bearer,
    /// The token comes with a proof of the key that it is bound to (RFC 9449 §7.1).
    Dpop,
}

/// What an `Authorization` header says.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Authorization<'h> {
    /// The scheme.
    pub scheme: Scheme,
    /// The token, not read yet.
    pub token: &'h str,
}

// === impl Authorization ===

impl<'h> Authorization<'h> {
    /// Reads the values of every `Authorization` header of a request.
    ///
    /// No header, an empty token and any other scheme ask for the challenge
    /// ([`Refusal::NoToken`]): an empty `Bearer` is how a server says that it speaks OAuth
    /// (MS-XOAUTH 3.2.5.4).
    ///
    /// ```
    /// use actas_token::authorization::{Authorization, Scheme};
    ///
    /// let read = Authorization::read([&b"DPoP a.b.c"[..]])?;
    /// assert_eq!((read.scheme, read.token), (Scheme::Dpop, "a.b.c"));
    /// # Ok::<(), actas_token::Refusal>(())
    /// ```
    pub fn read(values: impl IntoIterator<Item = &'h [u8]>) -> Result<Self, Refusal> {
        let mut all = values.into_iter();
        let value = all.next().ok_or(Refusal::NoToken)?;
        if all.next().is_some() {
            return Err(Refusal::AuthorizationHeader);
        }
        let text = std::str::from_utf8(value).ok().filter(|text| text.is_ascii());
        let text = text.ok_or(Refusal::AuthorizationHeader)?;
        let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
        let scheme = Scheme::named(scheme).filter(|_| !token.is_empty()).ok_or(Refusal::NoToken)?;
        if token.len() > TOKEN_BYTES_MAX || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Refusal::AuthorizationHeader);
        }
        Ok(Self { scheme, token })
    }
}

/// Names no token.
impl std::fmt::Debug for Authorization<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authorization({:?})", self.scheme)
    }
}

// === impl Scheme ===

impl Scheme {
    fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("bearer") {
            Some(Self::Bearer)
        } else if name.eq_ignore_ascii_case("dpop") {
            Some(Self::Dpop)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[&str], expected: &Result<(Scheme, &str), Refusal>) {
        let read = Authorization::read(values.iter().map(|value| value.as_bytes()));
        assert_eq!(read.map(|read| (read.scheme, read.token)), *expected, "{values:?}");
    }

    #[test]
    fn one_header_one_space() {
        check(&["Bearer a.b.c"], &Ok((Scheme::Bearer, "a.b.c")));
        check(&["bearer a.b.c"], &Ok((Scheme::Bearer, "a.b.c")));
        check(&["dpop a.b.c"], &Ok((Scheme::Dpop, "a.b.c")));
        check(&[], &Err(Refusal::NoToken));
        for nothing in ["Bearer", "Bearer ", "DPoP", "DPoP ", "Basic YTpi", "DPoPs a.b.c"] {
            check(&[nothing], &Err(Refusal::NoToken));
        }
        for wrong in ["Bearer  a.b.c", "DPoP a.b.c d", "Bearer a.b.\u{e9}"] {
            check(&[wrong], &Err(Refusal::AuthorizationHeader));
        }
        check(&["Bearer a.b.c", "Bearer a.b.c"], &Err(Refusal::AuthorizationHeader));
        check(&["Bearer a.b.c", "DPoP a.b.c"], &Err(Refusal::AuthorizationHeader));
    }

    #[test]
    fn a_token_is_bounded_and_never_shown() {
        let longest = format!("Bearer {}", "a".repeat(TOKEN_BYTES_MAX));
        check(&[&longest], &Ok((Scheme::Bearer, &longest["Bearer ".len()..])));
        check(&[&format!("{longest}a")], &Err(Refusal::AuthorizationHeader));
        let read = Authorization::read([&b"DPoP a.b.c"[..]]).unwrap();
        assert_eq!(format!("{read:?}"), "Authorization(Dpop)");
    }
}
