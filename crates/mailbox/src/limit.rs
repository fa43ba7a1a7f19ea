//! How much one caller may ask for: by address before its token is looked at, by
//! application once that is known, and of each mailbox once the user is.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actas_directory::{TenantId, User};
use actas_runtime::rate::{Limiter, address_key};
use axum::extract::ConnectInfo;
use http::Extensions;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::admission::Caller;
use crate::config::Rates;

/// The limits at work.
pub(crate) struct Limits {
    by_address: Limiter<IpAddr>,
    anonymous_by_address: Limiter<IpAddr>,
    refusals_by_address: Limiter<IpAddr>,
    by_client: Limiter<(TenantId, Uuid)>,
    by_mailbox: Limiter<(TenantId, Uuid, Uuid)>,
}

/// Who is counted as one. Without a listener, as in a test or behind another kind of
/// server, nobody is told apart and nobody limited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(Option<IpAddr>);

impl Peer {
    pub(crate) fn of(extensions: &Extensions) -> Self {
        Self(extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| address_key(peer.ip())))
    }
}

// === impl Limits ===

impl Limits {
    pub(crate) fn new(rates: &Rates, anonymous_a_minute: u32) -> Self {
        let a_minute = SignedDuration::from_mins(1);
        let each = a_minute.checked_div(i32::try_from(anonymous_a_minute).unwrap_or(i32::MAX)).unwrap_or(a_minute);
        Self {
            by_address: Limiter::new(rates.by_address),
            anonymous_by_address: Limiter::slow(each, anonymous_a_minute),
            refusals_by_address: Limiter::new(rates.refusals_by_address),
            by_client: Limiter::new(rates.by_client),
            by_mailbox: Limiter::new(rates.by_mailbox),
        }
    }

    /// Whether an address may ask now, or how long it has to wait. One whose tokens were
    /// refused too often waits as well.
    pub(crate) fn admit(&self, peer: Peer, now: Timestamp) -> Result<(), SignedDuration> {
        let Some(address) = peer.0 else { return Ok(()) };
        self.refusals_by_address.has(address, now)?;
        self.by_address.take(address, now)
    }

    /// Whether an address may ask without a token now: how busy it is takes nothing from others.
    /// Those of whom no address is known are one.
    pub(crate) fn admit_anonymous(&self, peer: Peer, now: Timestamp) -> Result<(), SignedDuration> {
        self.anonymous_by_address.take(peer.0.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), now)
    }

    /// Counts a token that was refused.
    pub(crate) fn note_refusal(&self, peer: Peer, now: Timestamp) {
        if let Some(address) = peer.0 {
            // The next request finds out whether it was one too many.
            let _ = self.refusals_by_address.take(address, now);
        }
    }

    /// Whether an application may ask now, wherever it asks from.
    pub(crate) fn admit_client(&self, caller: &Caller, now: Timestamp) -> Result<(), SignedDuration> {
        self.by_client.take((caller.tenant, caller.app_id), now)
    }

    /// Whether an application may ask a mailbox now, or the milliseconds that it has to wait: its
    /// other mailboxes, and other applications at this one, have budgets of their own.
    pub(crate) fn admit_to_mailbox(&self, caller: &Caller, user: &User, now: Timestamp) -> Result<(), u64> {
        self.by_mailbox.take((caller.tenant, caller.app_id, user.id), now).map_err(back_off_ms)
    }
}

/// A wait in whole milliseconds, as EWS tells it: never too short, never none.
pub(crate) fn back_off_ms(wait: SignedDuration) -> u64 {
    let part = u128::from(wait.subsec_nanos() % 1_000_000 > 0);
    u64::try_from(wait.as_millis().unsigned_abs() + part).unwrap_or(u64::MAX).max(1)
}
