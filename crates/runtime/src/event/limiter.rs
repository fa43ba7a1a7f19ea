//! Repeats, held back and counted.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

/// Lets the first event of a kind pass, holds repeats back for a window, and tells with the next
/// one that passes how many there were.
///
/// ```
/// use actas_runtime::event::RateLimiter;
/// use jiff::{SignedDuration, Timestamp};
///
/// let mut limiter = RateLimiter::new(SignedDuration::from_mins(5), 1000);
/// let at = |minute| Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute);
/// assert_eq!(limiter.admit(32053, "kim@fabrikam.example", at(0)), Some(0));
/// assert_eq!(limiter.admit(32053, "kim@fabrikam.example", at(1)), None);
/// assert_eq!(limiter.admit(32053, "kim@fabrikam.example", at(4)), None);
/// assert_eq!(limiter.admit(32053, "kim@fabrikam.example", at(5)), Some(2));
/// ```
#[derive(Clone, Debug)]
pub struct RateLimiter {
    window: SignedDuration,
    keys_max: usize,
    seen: HashMap<(u32, String), Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    passed: Timestamp,
    held_back: u64,
}

impl RateLimiter {
    /// A limiter that remembers `keys_max` kinds at most; the one that passed longest ago is
    /// forgotten for a new one.
    pub fn new(window: SignedDuration, keys_max: usize) -> Self {
        Self { window, keys_max: keys_max.max(1), seen: HashMap::new() }
    }

    /// Whether an event passes, and how many were held back before it.
    pub fn admit(&mut self, id: u32, key: &str, now: Timestamp) -> Option<u64> {
        if let Some(seen) = self.seen.get_mut(&(id, key.to_owned())) {
            let age = now.duration_since(seen.passed);
            // A clock that was set back must not silence anything.
            if age < self.window && !age.is_negative() {
                seen.held_back += 1;
                return None;
            }
            let held_back = std::mem::replace(seen, Seen { passed: now, held_back: 0 }).held_back;
            return Some(held_back);
        }
        if self.seen.len() >= self.keys_max {
            self.make_room(now);
        }
        self.seen.insert((id, key.to_owned()), Seen { passed: now, held_back: 0 });
        Some(0)
    }

    /// Forgets a kind, so that its next event passes: the trouble is over.
    pub fn forget(&mut self, id: u32, key: &str) {
        self.seen.remove(&(id, key.to_owned()));
    }

    fn make_room(&mut self, now: Timestamp) {
        let window = self.window;
        self.seen.retain(|_, seen| now.duration_since(seen.passed) < window || seen.held_back > 0);
        while self.seen.len() >= self.keys_max {
            let oldest = self.seen.iter().min_by_key(|(_, seen)| seen.passed);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            self.seen.remove(&oldest);
        }
    }
}
