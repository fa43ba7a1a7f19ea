//! How much one caller may ask for: by address before anything is looked at, by client
//! once it is known.
//!
//! A bucket for each key in the form of the generic cell rate algorithm: one instant says
//! all. It goes by the service's own clock, so that a test can let hours pass, and its
//! memory is bounded whoever invents keys.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{HeaderName, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use crate::Sts;
use crate::token::answer::{Refused, retry_after};

/// Keys that are told apart at once; beyond them, newcomers share one bucket.
const KEYS_MAX: usize = 50_000;

/// A steady rate, and how much may come at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// Requests a second, in the long run; none switches the limit off.
    pub per_second: u32,
    /// Requests at once after a pause.
    pub burst: u32,
}

/// The limits of the service, generous beside what real clients do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rates {
    /// Requests for tokens from one address.
    pub token_by_address: Rate,
    /// Tokens for one client of one tenant.
    pub token_by_client: Rate,
    /// Refusals of credentials that one address may cause; one more and it waits.
    pub refusals_by_address: Rate,
    /// Graph requests from one address.
    pub graph_by_address: Rate,
    /// Codes for devices that one address may ask for.
    pub device_codes_by_address: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            token_by_address: Rate { per_second: 1_000, burst: 10_000 },
            token_by_client: Rate { per_second: 1_000, burst: 10_000 },
            refusals_by_address: Rate { per_second: 5, burst: 500 },
            graph_by_address: Rate { per_second: 500, burst: 5_000 },
            device_codes_by_address: Rate { per_second: 1, burst: 60 },
        }
    }
}

/// The limits at work.
pub(crate) struct Limits {
    pub(crate) token_by_address: Limiter<IpAddr>,
    pub(crate) token_by_client: Limiter<Uuid>,
    pub(crate) refusals_by_address: Limiter<IpAddr>,
    pub(crate) graph_by_address: Limiter<IpAddr>,
    pub(crate) device_codes_by_address: Limiter<IpAddr>,
    /// Wrong passwords for one name from one address, and from all together: slower than
    /// anybody guesses, and no reason for others to lock a user out at once.
    pub(crate) passwords_by_name_and_address: Limiter<(NameKey, Option<IpAddr>)>,
    pub(crate) passwords_by_name: Limiter<NameKey>,
}

/// A name that somebody typed, as a hash: what it counts for may not be a user at all.
pub(crate) type NameKey = [u8; 32];

impl Limits {
    pub(crate) fn new(rates: &Rates) -> Self {
        Self {
            token_by_address: Limiter::new(rates.token_by_address),
            token_by_client: Limiter::new(rates.token_by_client),
            refusals_by_address: Limiter::new(rates.refusals_by_address),
            graph_by_address: Limiter::new(rates.graph_by_address),
            device_codes_by_address: Limiter::new(rates.device_codes_by_address),
            passwords_by_name_and_address: Limiter::slow(SignedDuration::from_mins(1), 10),
            passwords_by_name: Limiter::slow(SignedDuration::from_secs(10), 100),
        }
    }
}

/// Who is counted as one: of IPv6 the /64 that a site is given.
pub(crate) fn address_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Buckets by key.
pub(crate) struct Limiter<K> {
    /// How long one takes to be forgotten; without it nothing is limited.
    each: Option<SignedDuration>,
    burst: u32,
    keys_max: usize,
    buckets: Mutex<Buckets<K>>,
}

struct Buckets<K> {
    /// When each bucket will be empty again.
    empty_at: HashMap<K, Timestamp>,
    /// The bucket of all for whom there is no room.
    others: Timestamp,
}

// === impl Limiter ===

impl<K: Eq + Hash> Limiter<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        Self::of(rate, KEYS_MAX)
    }

    /// One in so long, and so many at once.
    pub(crate) fn slow(each: SignedDuration, burst: u32) -> Self {
        Self::with(Some(each), burst, KEYS_MAX)
    }

    fn of(rate: Rate, keys_max: usize) -> Self {
        let each = match rate.per_second {
            0 => None,
            per_second => Some(SignedDuration::from_nanos(NANOS_PER_SECOND / i64::from(per_second))),
        };
        Self::with(each, rate.burst, keys_max)
    }

    fn with(each: Option<SignedDuration>, burst: u32, keys_max: usize) -> Self {
        let buckets = Buckets { empty_at: HashMap::new(), others: Timestamp::MIN };
        Self { each, burst, keys_max, buckets: Mutex::new(buckets) }
    }

    /// Takes one from the key's bucket, or says how long to wait.
    pub(crate) fn take(&self, key: K, now: Timestamp) -> Result<(), SignedDuration> {
        self.consider(key, now, true)
    }

    /// Whether there is one left, without taking it.
    pub(crate) fn has(&self, key: K, now: Timestamp) -> Result<(), SignedDuration> {
        self.consider(key, now, false)
    }

    fn consider(&self, key: K, now: Timestamp, take: bool) -> Result<(), SignedDuration> {
        let Some(each) = self.each else { return Ok(()) };
        let capacity = each.saturating_mul(i32::try_from(self.burst.max(1)).unwrap_or(i32::MAX));
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if !buckets.empty_at.contains_key(&key) && buckets.empty_at.len() >= self.keys_max {
            buckets.empty_at.retain(|_, empty_at| *empty_at > now);
        }
        let room = buckets.empty_at.len() < self.keys_max;
        let known = buckets.empty_at.get(&key).copied();
        let stored = known.unwrap_or(if room { Timestamp::MIN } else { buckets.others });
        // A clock that went back must not lock anybody out for longer than a full bucket.
        let full_at = now.saturating_add(capacity).unwrap_or(Timestamp::MAX);
        let filled = stored.clamp(now, full_at);
        let filled_to = filled.saturating_add(each).unwrap_or(Timestamp::MAX);
        let refused = filled_to > full_at;
        let keep = if take && !refused { filled_to } else { filled };
        if known.is_some() || (room && take) {
            buckets.empty_at.insert(key, keep);
        } else if !room {
            buckets.others = keep;
        }
        if refused { Err(filled_to.duration_since(full_at)) } else { Ok(()) }
    }
}

/// The address that a request came from, as the listener saw it. Without a listener, as
/// in a test or behind another kind of server, nobody is told apart and nobody limited.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Peer(Option<IpAddr>);

// === impl Peer ===

impl Peer {
    pub(crate) fn address(self) -> Option<IpAddr> {
        self.0
    }

    pub(crate) fn key(self) -> Option<IpAddr> {
        self.0.map(address_key)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())))
    }
}

// === impl Sts ===

impl Sts {
    /// Whether an address may ask for a token now, or how long it has to wait. One that
    /// guessed credentials too often waits as well.
    pub(crate) fn admit(&self, peer: Peer, now: Timestamp) -> Result<(), SignedDuration> {
        let Some(key) = peer.key() else { return Ok(()) };
        self.0.limits.refusals_by_address.has(key, now)?;
        self.0.limits.token_by_address.take(key, now)
    }

    /// Counts what may be guessing.
    pub(crate) fn note_refusal(&self, peer: Peer, refused: &Refused, now: Timestamp) {
        if let Some(key) = peer.key().filter(|_| refused.is_of_credentials()) {
            // The next request finds out whether it was one too many.
            let _ = self.0.limits.refusals_by_address.take(key, now);
        }
    }
}

/// Limits Graph by address, before a token is looked at.
pub(crate) async fn graph(State(sts): State<Sts>, peer: Peer, request: Request, next: Next) -> Response {
    let now = sts.0.clock.now();
    match peer.key().map_or(Ok(()), |key| sts.0.limits.graph_by_address.take(key, now)) {
        Ok(()) => next.run(request).await,
        Err(wait) => too_many(wait, now),
    }
}

/// Graph's answer to too much.
fn too_many(wait: SignedDuration, now: Timestamp) -> Response {
    let request_id = Uuid::new_v4().to_string();
    let body = json!({ "error": {
        "code": "TooManyRequests",
        "message": "Too many requests. Wait as long as Retry-After says.",
        "innerError": {
            "date": now.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            "request-id": request_id,
            "client-request-id": request_id,
        },
    }});
    let headers = [(RETRY_AFTER, retry_after(wait).to_string()), (HeaderName::from_static("request-id"), request_id)];
    (StatusCode::TOO_MANY_REQUESTS, headers, axum::Json(body)).into_response()
}

const NANOS_PER_SECOND: i64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
    }

    fn limiter(keys_max: usize) -> Limiter<u32> {
        Limiter::of(Rate { per_second: 2, burst: 3 }, keys_max)
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let limiter = limiter(10);
        let outcomes = [0; 5].map(|_| limiter.take(1, at(0)).is_ok());
        assert_eq!(outcomes, [true, true, true, false, false]);
        assert_eq!(limiter.take(1, at(0)), Err(SignedDuration::from_millis(500)), "how long to wait");
        assert!(limiter.take(2, at(0)).is_ok(), "another's bucket");
        assert!(limiter.take(1, at(499)).is_err());
        assert!(limiter.take(1, at(500)).is_ok());
        assert!(limiter.take(1, at(501)).is_err());
        assert_eq!([0; 4].map(|_| limiter.take(1, at(60_000)).is_ok()), [true, true, true, false]);
    }

    #[test]
    fn looking_takes_nothing() {
        let limiter = limiter(10);
        assert_eq!([0; 9].map(|_| limiter.has(1, at(0)).is_ok()), [true; 9]);
        assert_eq!([0; 4].map(|_| limiter.take(1, at(0)).is_ok()), [true, true, true, false]);
        assert!(limiter.has(1, at(0)).is_err());
    }

    #[test]
    fn inventing_keys_neither_fills_memory_nor_helps() {
        let limiter = limiter(4);
        let granted = (0..1_000).filter(|key| limiter.take(*key, at(0)).is_ok()).count();
        assert_eq!(granted, 4 + 3, "four of their own, and one bucket for all others");
        assert_eq!(limiter.buckets.lock().unwrap().empty_at.len(), 4);
        assert!(limiter.take(5_000, at(10_000)).is_ok(), "old keys make room");
    }

    #[test]
    fn a_clock_that_goes_back_locks_nobody_out() {
        let limiter = limiter(4);
        assert!(limiter.take(1, at(3_600_000)).is_ok());
        assert_eq!(limiter.take(1, at(0)), Err(SignedDuration::from_millis(500)));
        assert!(limiter.take(1, at(500)).is_ok(), "and it runs on from there");
    }

    #[test]
    fn a_site_is_one() {
        let key = |text: &str| address_key(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), key("2001:db8:1:2:ffff::1"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}
