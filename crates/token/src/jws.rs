//! The compact form (RFC 7515 §7.1): three base64url segments, read with limits and
//! verified over the bytes as they were received.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use memchr::memchr_iter;
use serde_json::Value;

use crate::claims::Claims;
use crate::json::{Flat, Members};

/// The longest token that is looked at, in bytes. A nested token with 2048-bit keys
/// takes less than 2 KiB.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Signature algorithms that may be verified: a closed list. There is no `none` here
/// and no `HS*`; an unsigned act-as token is a shape of its own, see
/// [`crate::accept`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256 (RFC 7518 §3.4).
    Es256,
    /// RSASSA-PSS with SHA-256 (RFC 7518 §3.5).
    Ps256,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3).
    Rs256,
}

impl Algorithm {
    /// The name in a header.
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Ps256 => "PS256",
            Self::Rs256 => "RS256",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        match name {
            "ES256" => Some(Self::Es256),
            "PS256" => Some(Self::Ps256),
            "RS256" => Some(Self::Rs256),
            _ => None,
        }
    }
}

/// What a header says about the signature.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SignedBy {
    /// Exactly `none`, in this spelling.
    Nothing,
    /// One of the algorithms we verify.
    Algorithm(Algorithm),
    /// Anything else, `None` and `HS256` included.
    Unknown(String),
}

/// Who the base64url is read from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reading {
    /// RFC 7515: no padding, and no header that names a key by value or by address.
    Strict,
    /// Client assertions only. Some clients keep the `=` padding and sign over it,
    /// send their certificate chain along, and write times as fractions.
    Lenient,
    /// Proofs of possession only (RFC 9449 §4.2): as strict, and the header holds the
    /// key, which is then good for that one proof.
    Proof,
}

/// Why a text is no compact JWS.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Malformed {
    /// Longer than [`TOKEN_BYTES_MAX`].
    #[error("the token has {0} bytes, more than {TOKEN_BYTES_MAX}")]
    TooLong(usize),
    /// Not three segments of the base64url alphabet.
    #[error("not three base64url segments separated by dots")]
    Shape,
    /// A segment does not decode.
    #[error("the {0} is not base64url")]
    Base64(&'static str),
    /// A segment is not a JSON object without duplicate members.
    #[error("the {0} is not a JSON object: {1}")]
    Json(&'static str, String),
    /// A header parameter that may not be there, or is of the wrong type.
    #[error("the header parameter `{0}` is not accepted")]
    Header(String),
}

/// Header parameters by which a token would choose its own key or change its own
/// meaning (RFC 8725 §3.10; RFC 7515 §4.1.11).
const HEADERS_REFUSED: [&str; 8] = ["crit", "jku", "x5u", "jwk", "x5c", "enc", "zip", "b64"];
const HEADERS_REFUSED_PROOF: [&str; 7] = ["crit", "jku", "x5u", "x5c", "enc", "zip", "b64"];
const HEADERS_REFUSED_LENIENT: [&str; 4] = ["crit", "enc", "zip", "b64"];

/// A decoded header: hints for finding the key, never the key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    /// `alg`.
    pub signed_by: SignedBy,
    /// `typ`, as written.
    pub typ: Option<String>,
    /// `kid`.
    pub kid: Option<String>,
    /// `x5t` without padding: base64url of the certificate's SHA-1.
    pub x5t: Option<String>,
    /// `x5t#S256` without padding.
    pub x5t_s256: Option<String>,
    /// `jwk`, of a proof alone.
    pub jwk: Option<serde_json::Map<String, Value>>,
}

/// A token taken apart, nothing verified.
#[derive(Clone, Debug)]
pub struct Compact<'a> {
    /// What was signed: the first two segments as received.
    pub signing_input: &'a str,
    /// The header.
    pub header: Header,
    /// The payload.
    pub claims: Claims,
    /// The signature; empty in an unsigned token.
    pub signature: Vec<u8>,
}

const PADDED: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl<'a> Compact<'a> {
    /// Takes a token apart.
    ///
    /// ```
    /// use actas_token::jws::{Compact, Reading, SignedBy};
    /// let token = Compact::parse("eyJhbGciOiJub25lIn0.eyJpc3MiOiJhIn0.", Reading::Strict)?;
    /// assert_eq!(token.header.signed_by, SignedBy::Nothing);
    /// # Ok::<(), actas_token::jws::Malformed>(())
    /// ```
    pub fn parse(token: &'a str, reading: Reading) -> Result<Self, Malformed> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Malformed::TooLong(token.len()));
        }
        let mut dots = memchr_iter(b'.', token.as_bytes());
        let (Some(first), Some(second), None) = (dots.next(), dots.next(), dots.next()) else {
            return Err(Malformed::Shape);
        };
        let (header, payload, signature) = (&token[..first], &token[first + 1..second], &token[second + 1..]);
        if header.is_empty() || payload.is_empty() {
            return Err(Malformed::Shape);
        }
        let object = |name, segment| {
            let bytes = decode(segment, reading).ok_or(Malformed::Base64(name))?;
            Members::read(bytes).map_err(|error| Malformed::Json(name, error.to_string()))
        };
        let signing_input = &token[..second];
        let header = object("header", header)?;
        let claims = Claims::new(object("payload", payload)?);
        let signature = decode(signature, reading).ok_or(Malformed::Base64("signature"))?;
        Ok(Self { signing_input, header: read_header(&header, reading)?, claims, signature })
    }
}

/// The header of an unsigned token as nearly everybody writes it, in either order.
const UNSIGNED_HEADERS: [&str; 2] = ["eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.", "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0."];

/// The claims of an unsigned token with one of the headers that need no reading, strictly
/// read. `None` says nothing; [`Compact::parse`] has the answer. How long it may be, the
/// caller has seen to.
pub(crate) fn unsigned_claims(token: &str) -> Option<Claims> {
    let payload = UNSIGNED_HEADERS.iter().find_map(|header| token.strip_prefix(header))?.strip_suffix('.')?;
    // A dot inside is none of the alphabet's signs.
    Some(Claims::new(Members::read(decode(payload, Reading::Strict)?).ok()?))
}

fn decode(segment: &str, reading: Reading) -> Option<Vec<u8>> {
    match reading {
        Reading::Strict | Reading::Proof => base64_simd::URL_SAFE_NO_PAD.decode_to_vec(segment).ok(),
        Reading::Lenient => PADDED.decode(segment).ok(),
    }
}

fn read_header(object: &Members, reading: Reading) -> Result<Header, Malformed> {
    let refused = match reading {
        Reading::Strict => &HEADERS_REFUSED[..],
        Reading::Lenient => &HEADERS_REFUSED_LENIENT[..],
        Reading::Proof => &HEADERS_REFUSED_PROOF[..],
    };
    if let Some(name) = refused.iter().find(|name| object.has(name)) {
        return Err(Malformed::Header((*name).to_owned()));
    }
    let jwk = match (reading, object.get("jwk")) {
        (Reading::Proof, Some(Flat::Other(Value::Object(jwk)))) => Some(jwk.clone()),
        (Reading::Proof, Some(_)) => return Err(Malformed::Header("jwk".to_owned())),
        _ => None,
    };
    let text = |name: &str| match object.get(name) {
        None => Ok(None),
        Some(Flat::Text(value)) => Ok(Some(value)),
        Some(_) => Err(Malformed::Header(name.to_owned())),
    };
    let owned = |value: Option<&str>| value.map(str::to_owned);
    let unpadded = |value: Option<&str>| value.map(|v| v.trim_end_matches('=').to_owned());
    let alg = text("alg")?.ok_or_else(|| Malformed::Header("alg".to_owned()))?;
    Ok(Header {
        signed_by: match Algorithm::from_name(alg) {
            Some(algorithm) => SignedBy::Algorithm(algorithm),
            None if alg == "none" => SignedBy::Nothing,
            None => SignedBy::Unknown(alg.to_owned()),
        },
        typ: owned(text("typ")?),
        kid: owned(text("kid")?),
        x5t: unpadded(text("x5t")?),
        x5t_s256: unpadded(text("x5t#S256")?),
        jwk,
    })
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    use super::*;

    fn token(header: &str, payload: &str, signature: &str) -> String {
        format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
    }

    #[track_caller]
    fn refused(token: &str, expected: &Malformed) {
        assert_eq!(Compact::parse(token, Reading::Strict).unwrap_err(), *expected);
    }

    #[test]
    fn shapes() {
        for text in ["", "a", "a.b", "a.b.c.d", ".b.", "a..", "e30.e30"] {
            assert!(Compact::parse(text, Reading::Strict).is_err(), "{text}");
        }
        refused("e30..", &Malformed::Shape);
        refused(".e30.", &Malformed::Shape);
        refused(&"a".repeat(TOKEN_BYTES_MAX), &Malformed::Shape);
        refused(&"a".repeat(TOKEN_BYTES_MAX + 1), &Malformed::TooLong(TOKEN_BYTES_MAX + 1));
        refused(&format!("{}=.e30.", URL_SAFE_NO_PAD.encode("{\"alg\":\"none\"} ")), &Malformed::Base64("header"));
    }

    #[test]
    fn a_key_inside_the_token_is_refused() {
        for name in HEADERS_REFUSED {
            let header = format!("{{\"alg\":\"RS256\",\"{name}\":\"x\"}}");
            refused(&token(&header, "{}", "AAAA"), &Malformed::Header(name.to_owned()));
        }
        refused(&token("{\"alg\":\"RS256\",\"kid\":1}", "{}", ""), &Malformed::Header("kid".to_owned()));
        refused(&token("{}", "{}", ""), &Malformed::Header("alg".to_owned()));
    }

    #[test]
    fn none_has_one_spelling() {
        for (alg, expected) in [
            ("none", SignedBy::Nothing),
            ("None", SignedBy::Unknown("None".into())),
            ("nOnE", SignedBy::Unknown("nOnE".into())),
            ("HS256", SignedBy::Unknown("HS256".into())),
            ("rs256", SignedBy::Unknown("rs256".into())),
            ("RS256", SignedBy::Algorithm(Algorithm::Rs256)),
        ] {
            let text = token(&format!("{{\"alg\":\"{alg}\"}}"), "{}", "");
            assert_eq!(Compact::parse(&text, Reading::Strict).unwrap().header.signed_by, expected);
        }
    }

    #[test]
    fn padding_is_for_client_assertions_only() {
        let padded = "eyJhbGciOiJSUzI1NiJ9.e30=.AAA=";
        assert!(Compact::parse(padded, Reading::Strict).is_err());
        assert_eq!(Compact::parse(padded, Reading::Lenient).unwrap().signing_input, "eyJhbGciOiJSUzI1NiJ9.e30=");
    }

    /// Strictly as the plain decoder: no padding, no other alphabet, no bits left over.
    #[track_caller]
    fn same_as_the_plain_decoder(segment: &str) {
        assert_eq!(decode(segment, Reading::Strict), URL_SAFE_NO_PAD.decode(segment).ok(), "{segment}");
    }

    #[test]
    fn an_unsigned_header_that_is_not_read_is_what_it_is_taken_for() {
        for header in UNSIGNED_HEADERS {
            let token = format!("{header}eyJpc3MiOiJhIn0.");
            let read = Compact::parse(&token, Reading::Strict).unwrap();
            assert_eq!((read.header.signed_by, read.header.typ.as_deref()), (SignedBy::Nothing, Some("JWT")));
            assert_eq!((read.header.kid, read.header.x5t, read.header.x5t_s256), (None, None, None));
            assert_eq!(unsigned_claims(&token).unwrap().text("iss"), Ok("a"));
            for other in ["", "AAAA", "."] {
                assert!(unsigned_claims(&format!("{header}eyJpc3MiOiJhIn0{other}")).is_none() || other == ".");
            }
            assert!(
                unsigned_claims(&format!("{header}.")).is_none()
                    && unsigned_claims(&format!("{header}e30..")).is_none()
            );
        }
    }

    #[test]
    fn base64url_has_one_spelling() {
        for tail in ["", "A", "AA", "AB", "AAA", "AAB", "AA==", "AAA=", "A+/A", "AA\n", " AA", "AÄ"] {
            for before in [0, 4, 28, 32, 60, 64, 128] {
                same_as_the_plain_decoder(&format!("{}{tail}", "-_a9".repeat(before / 4)));
            }
        }
        assert_eq!(decode("AB", Reading::Strict), None, "four bits left over");
        assert_eq!(decode("AA", Reading::Strict), Some(vec![0]));
    }

    proptest! {
        #[test]
        fn base64url_is_decoded_as_ever(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            same_as_the_plain_decoder(&URL_SAFE_NO_PAD.encode(bytes));
        }

        #[test]
        fn what_is_no_base64url_is_refused_as_ever(
            before in "[A-Za-z0-9_-]{0,99}", wrong in "[A-Za-z0-9_+/= -]{1,3}", after in "[A-Za-z0-9_-]{0,99}"
        ) {
            same_as_the_plain_decoder(&format!("{before}{wrong}{after}"));
        }
    }
}
