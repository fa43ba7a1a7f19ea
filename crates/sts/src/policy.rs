//! What the token service allows, and for how long.

use std::collections::BTreeSet;

use actas_directory::TenantId;
use actas_token::AssertionLimits;
use jiff::SignedDuration;

use crate::limit::Rates;

/// Which tenants a policy is switched on for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Tenants {
    /// None.
    #[default]
    None,
    /// Every tenant.
    All,
    /// These.
    These(BTreeSet<TenantId>),
}

impl Tenants {
    /// Whether this tenant is one of them.
    pub fn contains(&self, tenant: TenantId) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::These(tenants) => tenants.contains(&tenant),
        }
    }
}

/// Policy of the token service.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How long actor and access tokens live.
    pub token_lifetime: SignedDuration,
    /// How long act-as tokens of token exchange live; never longer than the others.
    pub act_as_lifetime: SignedDuration,
    /// Whether clients may authenticate with a secret.
    pub allow_secrets: bool,
    /// Whether client assertions must name their key by thumbprint, as the original wants
    /// it. Off, since widespread libraries name none.
    pub require_key_hint: bool,
    /// How far clocks of clients may be off. At most [`SKEW_MAX`] counts.
    pub skew: SignedDuration,
    /// The longest life of an assertion that is a grant: S2S, and of a user.
    pub assertion_lifetime_max: SignedDuration,
    /// The longest life of an assertion that authenticates a client.
    pub client_assertion_lifetime_max: SignedDuration,
    /// Where an assertion is good for one token only. Off, since widespread clients send
    /// one again and again while it lives.
    pub single_use_assertions: Tenants,
    /// Whether proofs of possession must carry a nonce of ours (RFC 9449 §8).
    pub require_dpop_nonce: bool,
    /// How old the signing key gets before the next takes over.
    pub signing_key_age_max: SignedDuration,
    /// The kind of signing keys that are made from now on.
    pub signing_key_kind: SigningKeyKind,
    /// How much a client may ask for.
    pub rates: Rates,
}

/// A kind of signing key.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum SigningKeyKind {
    /// EC on P-256: ES256. For resources that are known to read it.
    P256,
    /// RSA of 2048 bits: RS256, which everybody reads.
    #[default]
    Rsa,
}

/// The most that clocks may disagree, whatever the policy says.
pub const SKEW_MAX: SignedDuration = SignedDuration::from_mins(5);

impl Default for Policy {
    /// Tokens of an hour, act-as tokens of half an hour; certificates only; assertions of
    /// an hour where they are grants and of a day, as the original has it, where they
    /// authenticate; keys of 90 days.
    fn default() -> Self {
        Self {
            token_lifetime: SignedDuration::from_hours(1),
            act_as_lifetime: SignedDuration::from_mins(30),
            allow_secrets: false,
            require_key_hint: false,
            skew: SKEW_MAX,
            assertion_lifetime_max: SignedDuration::from_hours(1),
            client_assertion_lifetime_max: SignedDuration::from_hours(24),
            single_use_assertions: Tenants::None,
            require_dpop_nonce: false,
            signing_key_age_max: SignedDuration::from_hours(24 * 90),
            signing_key_kind: SigningKeyKind::Rsa,
            rates: Rates::default(),
        }
    }
}

impl Policy {
    /// Bounds on assertions that authenticate a client.
    pub(crate) fn client_assertions(&self) -> AssertionLimits {
        AssertionLimits { skew: self.skew(), lifetime_max: self.client_assertion_lifetime_max }
    }

    /// Bounds on assertions that are grants.
    pub(crate) fn grant_assertions(&self) -> AssertionLimits {
        AssertionLimits { skew: self.skew(), lifetime_max: self.assertion_lifetime_max }
    }

    /// Between nothing and [`SKEW_MAX`].
    pub(crate) fn skew(&self) -> SignedDuration {
        self.skew.clamp(SignedDuration::ZERO, SKEW_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_policy_stretches_the_skew() {
        let skew = |skew| Policy { skew, ..Policy::default() }.skew();
        assert_eq!(skew(SignedDuration::from_hours(9)), SKEW_MAX);
        assert_eq!(skew(SignedDuration::from_secs(-9)), SignedDuration::ZERO);
        assert_eq!(skew(SignedDuration::from_secs(9)), SignedDuration::from_secs(9));
    }
}
