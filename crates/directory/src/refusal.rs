//! Which refusals go on record: all that tell something new, and of a flood the number.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// One refusal of a kind is recorded in this time; the others are counted.
const WINDOW: SignedDuration = SignedDuration::from_mins(1);
/// Kinds of refusals that are told apart in a window. A caller chooses what its token
/// claims, so beyond these only the rule tells them apart.
const KINDS_MAX: usize = 64;
/// Characters of a reason or claim that are recorded.
const TEXT_CHARS_MAX: usize = 200;

/// Lets the first refusal of a kind through in each window, so that a flood costs memory
/// and not disk.
#[derive(Debug, Default)]
pub struct RefusalLimiter(Mutex<HashMap<(String, String), Seen>>);

#[derive(Debug)]
struct Seen {
    since: Timestamp,
    unrecorded: u64,
}

/// `text` as a record may hold it: on one line and not endless.
pub fn short(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

// === impl RefusalLimiter ===

impl RefusalLimiter {
    /// Whether a refusal by a rule, of whoever calls itself `actor`, is to be recorded, and
    /// then how many of its kind were not.
    pub fn admit(&self, rule: &str, actor: Option<&str>, now: Timestamp) -> Option<u64> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kind = (rule.to_owned(), actor.unwrap_or_default().to_owned());
        if !kinds.contains_key(&kind) && kinds.len() >= KINDS_MAX {
            kinds.retain(|_, seen| !seen.is_over(now));
            if kinds.len() >= KINDS_MAX {
                "*".clone_into(&mut kind.1);
            }
        }
        match kinds.get_mut(&kind) {
            Some(seen) if !seen.is_over(now) => {
                seen.unrecorded += 1;
                None
            }
            Some(seen) => Some(std::mem::replace(seen, Seen { since: now, unrecorded: 0 }).unrecorded),
            None => {
                kinds.insert(kind, Seen { since: now, unrecorded: 0 });
                Some(0)
            }
        }
    }
}

impl Seen {
    /// A clock that went back ends the window, too.
    fn is_over(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.since);
        age.is_negative() || age >= WINDOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn one_of_a_kind_in_a_window() {
        let limiter = RefusalLimiter::default();
        assert_eq!(limiter.admit("V10", Some("a"), at(0)), Some(0));
        assert_eq!(limiter.admit("V10", Some("a"), at(1)), None);
        assert_eq!(limiter.admit("V10", Some("a"), at(59)), None);
        assert_eq!(limiter.admit("V10", Some("b"), at(1)), Some(0));
        assert_eq!(limiter.admit("V12", Some("a"), at(1)), Some(0));
        assert_eq!(limiter.admit("V10", Some("a"), at(60)), Some(2));
        assert_eq!(limiter.admit("V10", Some("a"), at(0)), Some(0), "the clock went back");
    }

    #[test]
    fn inventing_names_does_not_help() {
        let limiter = RefusalLimiter::default();
        let recorded = (0..10_000).filter(|n| limiter.admit("V10", Some(&n.to_string()), at(0)).is_some()).count();
        assert_eq!(recorded, KINDS_MAX + 1);
        assert_eq!(limiter.admit("V10", Some("new"), at(61)), Some(0), "old kinds make room");
    }
}
