//! A bounded memory of what was used: assertions and proofs, by hash, until they end.
//!
//! It is the memory of one process, and it never grows beyond its bound: who would have it
//! forget by filling it gets [`Seen::Full`] instead.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest;
use jiff::Timestamp;

/// Uses that are remembered at once: eight hundred a second for as long as the assertions
/// of real clients live (ten minutes), in less than a hundred megabytes.
const USES_MAX: usize = 500_000;

type Hash = [u8; 32];

/// Remembers what was used, and from where first.
///
/// ```
/// use actas_token::replay::{Memory, Seen};
///
/// let now: jiff::Timestamp = "2026-12-01T09:00:00Z".parse()?;
/// let until = now + jiff::SignedDuration::from_mins(5);
/// let memory = Memory::default();
/// assert_eq!(memory.note(&["jti-1"], until, None, now), Seen::First);
/// assert_eq!(memory.note(&["jti-1"], until, None, now), Seen::Before(None));
/// # Ok::<(), jiff::Error>(())
/// ```
pub struct Memory {
    uses_max: usize,
    uses: Mutex<Uses>,
}

#[derive(Default)]
struct Uses {
    by_hash: HashMap<Hash, Use>,
    by_end: BTreeSet<(Timestamp, Hash)>,
}

struct Use {
    until: Timestamp,
    from: Option<IpAddr>,
}

/// What the memory has to say about a use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Seen {
    /// It is the first.
    First,
    /// It was used before, from there.
    Before(Option<IpAddr>),
    /// Nothing more can be remembered until something ends.
    Full,
}

// === impl Memory ===

impl Default for Memory {
    fn default() -> Self {
        Self::of(USES_MAX)
    }
}

impl Memory {
    /// A memory of at most `uses_max` uses.
    pub fn of(uses_max: usize) -> Self {
        Self { uses_max, uses: Mutex::default() }
    }

    /// Notes a use of `parts`, which is worth remembering until `until`.
    pub fn note(&self, parts: &[&str], until: Timestamp, from: Option<IpAddr>, now: Timestamp) -> Seen {
        let hash = hash(parts);
        let mut uses = self.uses.lock().unwrap_or_else(PoisonError::into_inner);
        uses.forget(now);
        if let Some(seen) = uses.by_hash.get(&hash) {
            return Seen::Before(seen.from);
        }
        if uses.by_hash.len() >= self.uses_max {
            return Seen::Full;
        }
        uses.by_end.insert((until, hash));
        uses.by_hash.insert(hash, Use { until, from });
        Seen::First
    }
}

// === impl Uses ===

impl Uses {
    /// Forgets what has ended: each is looked at once. What ends at this very moment may
    /// still be believed, so it is still remembered.
    fn forget(&mut self, now: Timestamp) {
        while let Some((until, hash)) = self.by_end.first().copied().filter(|(until, _)| *until < now) {
            self.by_end.pop_first();
            if self.by_hash.get(&hash).is_some_and(|seen| seen.until == until) {
                self.by_hash.remove(&hash);
            }
        }
    }
}

/// Each part with its length before it, so that no two lists of parts are one.
fn hash(parts: &[&str]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&part.len().to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn once_until_it_ends() {
        let memory = Memory::of(10);
        let (here, there) = (Some([192, 0, 2, 1].into()), Some([192, 0, 2, 2].into()));
        assert_eq!(memory.note(&["a"], at(60), here, at(0)), Seen::First);
        assert_eq!(memory.note(&["a"], at(60), there, at(59)), Seen::Before(here));
        assert_eq!(memory.note(&["b"], at(60), there, at(59)), Seen::First);
        assert_eq!(memory.note(&["a"], at(60), there, at(60)), Seen::Before(here), "to the last moment");
        assert_eq!(memory.note(&["a"], at(120), there, at(61)), Seen::First, "forgotten");
        assert_eq!(memory.note(&["ab", "c"], at(120), None, at(61)), Seen::First);
        assert_eq!(memory.note(&["a", "bc"], at(120), None, at(61)), Seen::First);
    }

    #[test]
    fn it_never_grows_beyond_its_bound() {
        let memory = Memory::of(3);
        let note = |name: &str, second| memory.note(&[name], at(second + 60), None, at(second));
        assert_eq!(["a", "b", "c"].map(|name| note(name, 0)), [Seen::First; 3]);
        assert_eq!(note("d", 1), Seen::Full);
        assert_eq!(note("a", 1), Seen::Before(None), "what is remembered stays so");
        assert_eq!(note("d", 61), Seen::First);
        let uses = memory.uses.lock().unwrap();
        assert_eq!((uses.by_hash.len(), uses.by_end.len()), (1, 1));
    }
}
