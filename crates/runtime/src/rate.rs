//! How much one caller may ask for.
//!
//! A bucket for each key in the form of the generic cell rate algorithm: one instant says
//! all. It goes by its server's own clock, so that a test can let hours pass, and its
//! memory is bounded whoever invents keys.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

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

impl Rate {
    /// How long one takes to be forgotten, if there is a limit at all.
    fn each(self) -> Option<SignedDuration> {
        (self.per_second > 0).then(|| SignedDuration::from_nanos(NANOS_PER_SECOND / i64::from(self.per_second)))
    }
}

/// Who is counted as one: of IPv6 the /64 that a site is given.
pub fn address_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Buckets by key.
pub struct Limiter<K> {
    keys_max: usize,
    buckets: Mutex<Buckets<K>>,
}

struct Buckets<K> {
    /// How long one takes to be forgotten; without it nothing is limited.
    each: Option<SignedDuration>,
    burst: u32,
    /// When each bucket will be empty again.
    empty_at: HashMap<K, Timestamp>,
    /// The bucket of all for whom there is no room.
    others: Timestamp,
}

// === impl Limiter ===

impl<K> std::fmt::Debug for Limiter<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter").field("keys_max", &self.keys_max).finish_non_exhaustive()
    }
}

impl<K: Eq + Hash> Limiter<K> {
    /// Buckets of this rate, all of them empty.
    pub fn new(rate: Rate) -> Self {
        Self::of(rate, KEYS_MAX)
    }

    /// One in so long, and so many at once.
    pub fn slow(each: SignedDuration, burst: u32) -> Self {
        Self::with(Some(each), burst, KEYS_MAX)
    }

    fn of(rate: Rate, keys_max: usize) -> Self {
        Self::with(rate.each(), rate.burst, keys_max)
    }

    fn with(each: Option<SignedDuration>, burst: u32, keys_max: usize) -> Self {
        let buckets = Buckets { each, burst, empty_at: HashMap::new(), others: Timestamp::MIN };
        Self { keys_max, buckets: Mutex::new(buckets) }
    }

    /// Another rate from now on; what was taken stays taken.
    pub fn set_rate(&self, rate: Rate) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        (buckets.each, buckets.burst) = (rate.each(), rate.burst);
    }

    /// Takes one from the key's bucket, or says how long to wait.
    pub fn take(&self, key: K, now: Timestamp) -> Result<(), SignedDuration> {
        self.consider(key, now, true)
    }

    /// Whether there is one left, without taking it.
    pub fn has(&self, key: K, now: Timestamp) -> Result<(), SignedDuration> {
        self.consider(key, now, false)
    }

    fn consider(&self, key: K, now: Timestamp, take: bool) -> Result<(), SignedDuration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(each) = buckets.each else { return Ok(()) };
        let capacity = each.saturating_mul(i32::try_from(buckets.burst.max(1)).unwrap_or(i32::MAX));
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

/// A wait in whole seconds, for `Retry-After`: never too short, never none.
pub fn retry_after(wait: SignedDuration) -> i64 {
    wait.as_secs().saturating_add(i64::from(wait.subsec_nanos() > 0)).max(1)
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
    fn another_rate_forgets_nobody() {
        let limiter = limiter(10);
        assert_eq!([0; 4].map(|_| limiter.take(1, at(0)).is_ok()), [true, true, true, false]);
        limiter.set_rate(Rate { per_second: 2, burst: 4 });
        assert_eq!([0; 2].map(|_| limiter.take(1, at(0)).is_ok()), [true, false], "one more at once");
        limiter.set_rate(Rate { per_second: 0, burst: 0 });
        assert!(limiter.take(1, at(0)).is_ok(), "switched off");
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
