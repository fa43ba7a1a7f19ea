//! What a token service checks of an assertion: the S2S grant (MS-XOAUTH 3.2.5.2) and
//! client authentication (RFC 7523).

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::claims::{ClaimError, Claims};
use crate::jws::{Algorithm, Compact, Header, Malformed, Reading, SignedBy};
use crate::key::VerifyingKey;

/// Bounds on an assertion's times.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AssertionLimits {
    /// How far clocks may disagree.
    pub skew: SignedDuration,
    /// The longest life: `exp - nbf`, or `exp - now` where there is no `nbf`.
    pub lifetime_max: SignedDuration,
}

impl AssertionLimits {
    /// Five minutes of skew, as this family of servers has it.
    pub const fn lifetime_max(lifetime_max: SignedDuration) -> Self {
        Self { skew: SignedDuration::from_mins(5), lifetime_max }
    }
}

/// An assertion, read and not yet believed.
#[derive(Clone, Debug)]
pub struct Assertion<'a> {
    token: Compact<'a>,
    algorithm: Algorithm,
}

/// Why an assertion is not believed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AssertionRefused {
    /// Not a JWT.
    #[error("{0}")]
    Malformed(Malformed),
    /// Unsigned, or an algorithm outside ES256, PS256 and RS256.
    #[error("the algorithm `{0}` is not accepted; ES256, PS256 and RS256 are")]
    Algorithm(String),
    /// A claim is missing or of the wrong type.
    #[error("{0}")]
    Claim(ClaimError),
    /// None of the client's live keys has that name.
    #[error("the key was not found, thumbprint of the key used by the client: '{0}'")]
    UnknownKey(String),
    /// The signature is wrong.
    #[error("the signature does not verify with the key that the header names")]
    Signature,
    /// Another server's assertion.
    #[error("the audience `{0}` is not this token service")]
    Audience(String),
    /// Too early, too late, or for too long.
    #[error("the assertion is outside its time: {0}")]
    Time(&'static str),
    /// `sub` or `nameid` is not the issuer, or, of an assertion about somebody else, is.
    #[error("`{0}` does not fit `iss`")]
    Subject(&'static str),
}

impl<'a> Assertion<'a> {
    /// Takes an assertion apart.
    pub fn parse(text: &'a str) -> Result<Self, AssertionRefused> {
        let token = Compact::parse(text, Reading::Lenient).map_err(AssertionRefused::Malformed)?;
        let algorithm = match &token.header.signed_by {
            SignedBy::Algorithm(algorithm) => *algorithm,
            SignedBy::Nothing => return Err(AssertionRefused::Algorithm("none".to_owned())),
            SignedBy::Unknown(name) => return Err(AssertionRefused::Algorithm(name.chars().take(16).collect())),
        };
        Ok(Self { token, algorithm })
    }

    /// The header, for diagnosis.
    pub fn header(&self) -> &Header {
        &self.token.header
    }

    /// The claims; not believed before [`Assertion::verify`].
    pub fn claims(&self) -> &Claims {
        &self.token.claims
    }

    /// `iss`.
    pub fn issuer(&self) -> Result<&str, AssertionRefused> {
        self.token.claims.text("iss").map_err(AssertionRefused::Claim)
    }

    /// Checks key, signature, audience, times and subject, in that order: a caller
    /// without the key learns nothing about the rest. `sub` and `nameid`, as far as they
    /// are there, must be the issuer: the client speaks of itself.
    ///
    /// `keys` are the client's own live keys and nobody else's. `audience` says
    /// whether one audience is ours.
    pub fn verify<'k>(
        &self,
        keys: impl Iterator<Item = &'k VerifyingKey>,
        audience: impl Fn(&str) -> bool,
        limits: AssertionLimits,
        now: Timestamp,
    ) -> Result<&'k VerifyingKey, AssertionRefused> {
        let key = self.verify_all_but_subject(keys, audience, limits, now)?;
        self.verify_subject()?;
        Ok(key)
    }

    /// As [`Assertion::verify`], of an assertion about somebody else: `sub` must be there
    /// and must not be the issuer. So it is of no use to authenticate the client, nor is
    /// an assertion that authenticates the client of any use here.
    pub fn verify_about_another<'k>(
        &self,
        keys: impl Iterator<Item = &'k VerifyingKey>,
        audience: impl Fn(&str) -> bool,
        limits: AssertionLimits,
        now: Timestamp,
    ) -> Result<(&'k VerifyingKey, &str), AssertionRefused> {
        let key = self.verify_all_but_subject(keys, audience, limits, now)?;
        let subject = self.token.claims.text("sub").map_err(AssertionRefused::Claim)?;
        if subject == self.issuer()? || self.token.claims.has("nameid") {
            return Err(AssertionRefused::Subject("sub"));
        }
        Ok((key, subject))
    }

    /// When it ends.
    pub fn expires(&self) -> Result<Timestamp, AssertionRefused> {
        let exp = self.token.claims.optional_time_lenient("exp").map_err(AssertionRefused::Claim)?;
        exp.ok_or(AssertionRefused::Claim(ClaimError::Missing("exp")))
    }

    fn verify_all_but_subject<'k>(
        &self,
        keys: impl Iterator<Item = &'k VerifyingKey>,
        audience: impl Fn(&str) -> bool,
        limits: AssertionLimits,
        now: Timestamp,
    ) -> Result<&'k VerifyingKey, AssertionRefused> {
        let key = self.verify_signature(keys)?;
        self.verify_audience(audience)?;
        self.verify_times(limits, now)?;
        Ok(key)
    }

    fn verify_signature<'k>(
        &self,
        keys: impl Iterator<Item = &'k VerifyingKey>,
    ) -> Result<&'k VerifyingKey, AssertionRefused> {
        let input = self.token.signing_input.as_bytes();
        let mut named_any = false;
        for key in keys.filter(|key| key.named_by(&self.token.header)) {
            named_any = true;
            if key.verifies(self.algorithm, input, &self.token.signature) {
                return Ok(key);
            }
        }
        if named_any { Err(AssertionRefused::Signature) } else { Err(AssertionRefused::UnknownKey(self.thumbprint())) }
    }

    /// The key's name as an operator knows it: hexadecimal where it can be read.
    pub fn thumbprint(&self) -> String {
        use base64::Engine;
        let header = &self.token.header;
        let hint = header.x5t.as_ref().or(header.x5t_s256.as_ref()).or(header.kid.as_ref());
        let Some(hint) = hint else { return String::new() };
        match base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(hint) {
            Ok(bytes) if bytes.len() == 20 || bytes.len() == 32 => crate::hex(&bytes).to_uppercase(),
            _ => hint.chars().filter(char::is_ascii_graphic).take(64).collect(),
        }
    }

    fn verify_audience(&self, audience: impl Fn(&str) -> bool) -> Result<(), AssertionRefused> {
        let shown = |value: &Value| AssertionRefused::Audience(value.to_string().chars().take(160).collect());
        match self.token.claims.get("aud") {
            None => Err(AssertionRefused::Claim(ClaimError::Missing("aud"))),
            Some(Value::String(aud)) if audience(aud) => Ok(()),
            Some(Value::Array(all)) if all.iter().filter_map(Value::as_str).any(&audience) => Ok(()),
            Some(other) => Err(shown(other)),
        }
    }

    fn verify_times(&self, limits: AssertionLimits, now: Timestamp) -> Result<(), AssertionRefused> {
        let read = |name| self.token.claims.optional_time_lenient(name).map_err(AssertionRefused::Claim);
        let exp = self.expires()?;
        let nbf = read("nbf")?;
        let early = |time: Option<Timestamp>| time.is_some_and(|time| time.duration_since(now) > limits.skew);
        if early(nbf) || early(read("iat")?) {
            return Err(AssertionRefused::Time("it is not valid yet"));
        }
        if now.duration_since(exp) >= limits.skew {
            return Err(AssertionRefused::Time("it has expired"));
        }
        if exp.duration_since(nbf.unwrap_or(now)) > limits.lifetime_max {
            return Err(AssertionRefused::Time("it lives longer than allowed here"));
        }
        Ok(())
    }

    fn verify_subject(&self) -> Result<(), AssertionRefused> {
        let issuer = self.issuer()?;
        for name in ["nameid", "sub"] {
            let other = self.token.claims.optional_text(name).map_err(AssertionRefused::Claim)?;
            if other.is_some_and(|other| other != issuer) {
                return Err(AssertionRefused::Subject(name));
            }
        }
        Ok(())
    }
}
