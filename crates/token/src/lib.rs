//! What a server-to-server token says, and whether to believe it.
//!
//! The protocol is the bearer-token profile that on-premises Lync, Exchange and
//! SharePoint servers speak with a cloud's security token service (MS-XOAUTH,
//! MS-SPS2SAUTH). Its only signature is on the *actor token*, which names the
//! calling application; the *act-as token* around it is unsigned and names the
//! user. Everything that makes such a pair believable is in [`accept`].
//!
//! **Invariant:** no I/O and no clock. `now` is an argument, keys are values, so a
//! fuzzer, the replay of yesterday's failure and a live server call the same
//! function.
//!
//! **Invariant:** no key is parsed twice. A [`VerifyingKey`] is made when a key set
//! is read; verification never sees PEM, DER or a modulus.

#![warn(missing_docs)]

pub mod accept;
pub mod assertion;
pub mod authorization;
pub mod claims;
pub mod dpop;
pub mod issue;
mod json;
pub mod jws;
pub mod key;
pub mod metadata;
pub mod possession;
pub mod principal;
pub mod refusal;
pub mod replay;
pub mod sign;
pub mod trust;
pub mod user;

pub use accept::{Accepted, How, Judge, Memory, Trace};
pub use assertion::AssertionLimits;
pub use claims::Claims;
pub use jws::Algorithm;
pub use key::{KeyError, PublicKey, SigningKey, VerifyingKey};
pub use possession::Possession;
pub use principal::{Principal, TenantId, well_known};
pub use refusal::{Refusal, Rule};
pub use sign::{KeyName, Signer, Unsigned};
pub use trust::{
    Issuer, IssuerKeys, KeySource, Limits, Partner, RealmRule, Resource, Trust, TrustIndex, TrustLevel, Voice,
};
pub use user::{UserClaims, UserKey};

/// A token, as SHA-256 of its text: what audit records carry in its place.
pub fn token_hash(token: &str) -> String {
    hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
