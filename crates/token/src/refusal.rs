//! Every reason for which a resource refuses a token.

use crate::claims::ClaimError;
use crate::dpop::ProofRefused;
use crate::jws::Malformed;

/// The rules of validation, in the order in which they are applied.
///
/// The names are those of this product's documentation of the protocol; a refusal
/// always carries the first rule that failed.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Rule {
    /// One `Authorization` header, scheme Bearer or DPoP, one space, bounded.
    V1,
    /// No token: a challenge is due.
    V2,
    /// Compact shape, strict base64url, JSON without duplicate members.
    V3,
    /// Header parameters.
    V4,
    /// Unsigned if and only if it carries an actor token.
    V5,
    /// Act-as tokens only where switched on, nested exactly once.
    V6,
    /// Required claims, of the right type.
    V7,
    /// The issuer is configured and enabled.
    V8,
    /// The key is one of that issuer's.
    V9,
    /// The signature.
    V10,
    /// Every realm names the one tenant.
    V11,
    /// The audience is this resource.
    V12,
    /// Times and lifetimes.
    V13,
    /// The act-as token is bound to the actor.
    V14,
    /// The caller is an enabled partner, vouched for by the right key.
    V15,
    /// The partner may act as itself.
    V16,
    /// The partner may act as a user.
    V17,
    /// The user exists and every user id agrees.
    V18,
    /// The user or application may do this.
    V19,
    /// Anything else.
    V20,
    /// The caller holds the key that the token is bound to.
    V21,
}

impl Rule {
    /// Every rule, in order.
    pub const ALL: [Self; 21] = [
        Self::V1,
        Self::V2,
        Self::V3,
        Self::V4,
        Self::V5,
        Self::V6,
        Self::V7,
        Self::V8,
        Self::V9,
        Self::V10,
        Self::V11,
        Self::V12,
        Self::V13,
        Self::V14,
        Self::V15,
        Self::V16,
        Self::V17,
        Self::V18,
        Self::V19,
        Self::V20,
        Self::V21,
    ];

    /// What it asks, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::V1 => "one token of bounded length",
            Self::V2 => "a token was sent",
            Self::V3 => "three base64url segments of strict JSON",
            Self::V4 => "type and header parameters",
            Self::V5 => "unsigned if and only if it carries an actor token",
            Self::V6 => "nested exactly once, around a signed actor token",
            Self::V7 => "required claims, of the right type",
            Self::V8 => "the issuer is configured",
            Self::V9 => "the key is one of that issuer's",
            Self::V10 => "the signature verifies",
            Self::V11 => "every realm names the one tenant",
            Self::V12 => "the audience is this resource",
            Self::V13 => "times and lifetimes",
            Self::V14 => "the act-as token is the actor's own",
            Self::V15 => "the caller is an enabled partner, vouched for by the right key",
            Self::V16 => "the partner may act as itself",
            Self::V17 => "the partner may act as a user",
            Self::V18 => "user ids of kinds that are accepted",
            Self::V19 => "the user or application may do this",
            Self::V20 => "nothing unexpected happened",
            Self::V21 => "the caller holds the key that the token is bound to",
        }
    }

    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::V1 => "V1",
            Self::V2 => "V2",
            Self::V3 => "V3",
            Self::V4 => "V4",
            Self::V5 => "V5",
            Self::V6 => "V6",
            Self::V7 => "V7",
            Self::V8 => "V8",
            Self::V9 => "V9",
            Self::V10 => "V10",
            Self::V11 => "V11",
            Self::V12 => "V12",
            Self::V13 => "V13",
            Self::V14 => "V14",
            Self::V15 => "V15",
            Self::V16 => "V16",
            Self::V17 => "V17",
            Self::V18 => "V18",
            Self::V19 => "V19",
            Self::V20 => "V20",
            Self::V21 => "V21",
        }
    }
}

/// What goes into `x-ms-diagnostics`: code, category and a reason that tells an
/// attacker nothing that the code does not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Diagnostics {
    /// The number, as Exchange uses it.
    pub code: u32,
    /// `error_category`.
    pub category: &'static str,
    /// The public text.
    pub reason: &'static str,
}

/// Why a token was refused: the first rule that failed, and what was found.
///
/// The text is for the audit log and for [`crate::accept`]'s callers on the same
/// machine; only [`Refusal::diagnostics`] may travel.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The caller sent something that no correct client produces: the header.
    #[error("the Authorization header is not one token")]
    AuthorizationHeader,
    /// No token was sent.
    #[error("no token was sent")]
    NoToken,
    /// The text is no token.
    #[error("{0}")]
    Malformed(Malformed),
    /// `typ` is not `JWT`.
    #[error("the header says typ `{0}`, not `JWT`")]
    Type(String),
    /// An algorithm outside the list.
    #[error("the algorithm `{0}` is not accepted")]
    Algorithm(String),
    /// `none` without an actor token, or an actor token under a signature, or a
    /// signature on `none`.
    #[error("signature and actor token contradict each other: {0}")]
    Shape(&'static str),
    /// Act-as tokens are off, or nested twice.
    #[error("act-as token not accepted: {0}")]
    Nesting(&'static str),
    /// A claim is missing or of the wrong type.
    #[error("{0} in the {1} token")]
    Claim(ClaimError, Layer),
    /// An issuer or caller that is no principal in a realm.
    #[error("the claim `{0}` of the {1} token does not name an application in a realm")]
    NotAPrincipal(&'static str, Layer),
    /// We trust no such issuer.
    #[error("the issuer `{0}` is not configured here")]
    UnknownIssuer(String),
    /// The issuer publishes no key of that name.
    #[error("the issuer has no key named {0}")]
    UnknownKey(String),
    /// The signature is wrong.
    #[error("the signature does not verify")]
    Signature,
    /// A realm we do not host.
    #[error("the realm `{0}` is no tenant here")]
    UnknownRealm(String),
    /// Two realms.
    #[error("the realms of the token name different tenants: `{0}` and `{1}`")]
    RealmsDiffer(String, String),
    /// Another resource's token.
    #[error("the audience `{0}` is not this resource: {1}")]
    Audience(String, &'static str),
    /// Too early, too late, or for too long.
    #[error("the {0} token is outside its time: {1}")]
    Time(Layer, &'static str),
    /// The act-as token's issuer is not the actor.
    #[error("the act-as token was issued by `{0}`, the actor is `{1}`")]
    NotBound(String, String),
    /// The caller is no partner application, or disabled.
    #[error("the application `{0}` is not an enabled partner application")]
    UnknownCaller(String),
    /// The wrong key vouched for the caller.
    #[error("`{0}` may not vouch for the application `{1}`")]
    WrongVoucher(String, String),
    /// The partner may not act as itself.
    #[error("the partner application may not act as itself: {0}")]
    AppOnly(&'static str),
    /// The partner may not act as a user.
    #[error("the partner application may not act as a user: {0}")]
    ActAs(&'static str),
    /// No user, several users, or a kind of user id that is not accepted.
    #[error("the user of the token: {0}")]
    User(&'static str),
    /// Authenticated, and not allowed.
    #[error("not allowed: {0}")]
    Denied(&'static str),
    /// Bound to a key that the caller did not show, or a proof for nothing.
    #[error("the token's sender: {0}")]
    Possession(&'static str),
    /// The proof of possession that the scheme wants.
    #[error("the proof of possession: {0}")]
    Proof(ProofRefused),
    /// Something of ours failed; closed, not open.
    #[error("the token could not be checked: {0}")]
    Unavailable(String),
}

/// Which token of a nested pair.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Layer {
    /// The signed one: the application.
    Actor,
    /// The unsigned one: the user.
    ActAs,
}

impl std::fmt::Display for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Actor => "actor",
            Self::ActAs => "act-as",
        })
    }
}

impl Refusal {
    /// The first rule that failed.
    pub fn rule(&self) -> Rule {
        match self {
            Self::AuthorizationHeader | Self::Malformed(Malformed::TooLong(_)) => Rule::V1,
            Self::NoToken => Rule::V2,
            Self::Malformed(Malformed::Header(_)) | Self::Type(_) => Rule::V4,
            Self::Malformed(_) => Rule::V3,
            Self::Algorithm(_) | Self::Shape(_) => Rule::V5,
            Self::Nesting(_) => Rule::V6,
            Self::Claim(..) | Self::NotAPrincipal(..) => Rule::V7,
            Self::UnknownIssuer(_) => Rule::V8,
            Self::UnknownKey(_) => Rule::V9,
            Self::Signature => Rule::V10,
            Self::UnknownRealm(_) | Self::RealmsDiffer(..) => Rule::V11,
            Self::Audience(..) => Rule::V12,
            Self::Time(..) => Rule::V13,
            Self::NotBound(..) => Rule::V14,
            Self::UnknownCaller(_) | Self::WrongVoucher(..) => Rule::V15,
            Self::AppOnly(_) => Rule::V16,
            Self::ActAs(_) => Rule::V17,
            Self::User(_) => Rule::V18,
            Self::Denied(_) => Rule::V19,
            Self::Proof(ProofRefused::Full) | Self::Unavailable(_) => Rule::V20,
            Self::Possession(_) | Self::Proof(_) => Rule::V21,
        }
    }

    /// What may travel: the codes that Exchange uses, where the condition matches.
    pub fn diagnostics(&self) -> Diagnostics {
        let (code, category, reason) = match self.rule() {
            Rule::V9 | Rule::V10 => (2_000_000, "invalid_signature", "The token has an invalid signature."),
            Rule::V11 => (2_000_004, "invalid_tenant", "The tenant of the token is not hosted here."),
            Rule::V12 => (2_000_003, "invalid_resource", "The audience claim value is invalid 'aud'."),
            Rule::V15 | Rule::V16 | Rule::V17 => (
                2_000_008,
                "invalid_grant",
                "The token should have valid permissions or linked account for the partner application.",
            ),
            Rule::V18 => {
                (2_000_005, "invalid_user", "The user specified by the user-context in the token is not valid.")
            }
            Rule::V13 => (2_000_001, "invalid_token", "The token is expired or not yet valid."),
            _ => (2_000_001, "invalid_token", "The token is invalid."),
        };
        Diagnostics { code, category, reason }
    }
}
