//! Tokens whose signature was checked before.
//!
//! What is remembered is what a signed token says and which key verified it, under a
//! keyed hash of its whole text; never a verdict, and never the token. So whoever
//! presents the same text again skips reading it and its signature, and nothing else:
//! issuer, key, realm, audience, times, binding and the partner's rights are judged anew,
//! by the trust of that moment. A key that its issuer no longer has verifies nothing,
//! remembered or not.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use jiff::Timestamp;

use super::actor::ActorClaims;
use crate::claims::Claims;

/// Callers of different tokens seldom wait for each other.
const SHARDS: usize = 16;

/// The longest token that is remembered, in bytes, so that the memory is bounded in bytes
/// as well. One with 2048-bit keys has a third of that.
const REMEMBERED_BYTES_MAX: usize = 4096;

type Name = u128;

type Shard = HashMap<Name, Entry, BuildHasherDefault<Half>>;

/// Half of a name, which is as good as any hash of it; the other half chooses the shard.
#[derive(Default)]
struct Half(u64);

/// A memory of verified tokens, bounded in number. Only tokens that were accepted enter.
///
/// ```
/// use actas_token::accept::{Judge, Memory};
/// use actas_token::{Limits, Possession, Resource, Trust, well_known};
/// let (memory, limits) = (Memory::new(4096), Limits::default());
/// let resource = Resource { app_id: well_known::EXCHANGE, hosts: vec![], app_role: None, port: None };
/// let trust = Trust::default();
/// let judge = Judge::new(&resource, &trust, &limits).with_memory(&memory);
/// assert!(judge.accept("a.b.c", Possession::default(), jiff::Timestamp::UNIX_EPOCH).is_err());
/// assert_eq!(memory.len(), 0);
/// ```
pub struct Memory {
    /// Missing only if the system had no random bytes; then nothing is remembered.
    namer: Option<Namer>,
    shards: [Mutex<Shard>; SHARDS],
    per_shard: usize,
}

struct Entry {
    known: Known,
    ends: Timestamp,
}

/// A verified token. Cheap to clone.
#[derive(Clone)]
pub(super) struct Known(Arc<Fact>);

struct Fact {
    what: Remembered,
    verified_by: Box<str>,
}

/// What is known of a token, by its kind.
#[derive(Debug)]
pub(super) enum Remembered {
    AccessToken(Claims),
    ActAs(Claims),
    Actor(Box<ActorClaims>),
}

/// Names texts by AES-GMAC under a key of this process that nobody sees, and neither does
/// anybody see a name. So one nonce serves: what is left is a universal hash, for which
/// two texts have one name with a probability below 2^-110, whoever chooses them. It
/// costs a third of SHA-256.
struct Namer(LessSafeKey);

// === impl Memory ===

impl Memory {
    /// A memory of at most `capacity` tokens, rounded up to a multiple of 16.
    pub fn new(capacity: usize) -> Self {
        Self {
            namer: Namer::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
            per_shard: capacity.div_ceil(SHARDS),
        }
    }

    /// How many tokens are remembered, those included that ended meanwhile.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| locked(shard).len()).sum()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything. Nothing needs it for safety; a change of configuration that
    /// drops an issuer leaves entries behind which only take up room.
    pub fn clear(&self) {
        self.shards.iter().for_each(|shard| locked(shard).clear());
    }

    pub(super) fn get(&self, token: &str) -> Option<Known> {
        let name = self.namer.as_ref()?.name(token)?;
        locked(self.shard(name)).get(&name).map(|entry| entry.known.clone())
    }

    /// Remembers until `ends`. A full shard lets go of what has ended, else of what ends
    /// first.
    pub(super) fn put(&self, token: &str, what: Remembered, verified_by: &str, ends: Timestamp, now: Timestamp) {
        let Some(name) = self.namer.as_ref().and_then(|namer| namer.name(token)) else { return };
        let mut shard = locked(self.shard(name));
        if shard.len() >= self.per_shard {
            shard.retain(|_, entry| entry.ends > now);
        }
        if shard.len() >= self.per_shard {
            let first = shard.iter().min_by_key(|(_, entry)| entry.ends).map(|(name, _)| *name);
            let Some(first) = first else { return };
            shard.remove(&first);
        }
        let known = Known(Arc::new(Fact { what, verified_by: verified_by.into() }));
        shard.insert(name, Entry { known, ends });
    }

    fn shard(&self, name: Name) -> &Mutex<Shard> {
        &self.shards[usize::from(name.to_ne_bytes()[0]) % SHARDS]
    }
}

/// A shard is whole between any two statements, so a panic elsewhere does not spoil it.
fn locked(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} of {})", self.len(), self.per_shard * SHARDS)
    }
}

// === impl Half ===

impl Hasher for Half {
    fn write(&mut self, name: &[u8]) {
        if let Some(half) = name.last_chunk() {
            self.0 = u64::from_ne_bytes(*half);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

// === impl Known ===

impl Known {
    /// The key that verified it, as SHA-256 of its certificate.
    pub(super) fn verified_by(&self) -> &str {
        &self.0.verified_by
    }
}

impl Deref for Known {
    type Target = Remembered;

    fn deref(&self) -> &Remembered {
        &self.0.what
    }
}

// === impl Namer ===

impl Namer {
    fn new() -> Option<Self> {
        let mut key = [0; 16];
        rand::fill(&mut key).ok()?;
        UnboundKey::new(&AES_128_GCM, &key).ok().map(LessSafeKey::new).map(Self)
    }

    /// The name of a text, of one that is not too long to be remembered.
    fn name(&self, text: &str) -> Option<Name> {
        if text.len() > REMEMBERED_BYTES_MAX {
            return None;
        }
        let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(text.as_bytes()), &mut []).ok()?;
        tag.as_ref().try_into().ok().map(Name::from_ne_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Members;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn seconds(count: i64) -> Timestamp {
        Timestamp::from_second(count).unwrap()
    }

    fn put(memory: &Memory, token: &str, ends: i64, now: Timestamp) {
        let what = Remembered::AccessToken(Claims::new(Members::read(b"{}".to_vec()).unwrap()));
        memory.put(token, what, "key", seconds(ends), now);
    }

    #[test]
    fn a_text_is_known_by_all_of_it_with_the_key_that_verified_it() {
        let memory = Memory::new(64);
        put(&memory, "token", 10, NOW);
        assert_eq!(memory.get("token").unwrap().verified_by(), "key");
        for other in ["", "toke", "token ", "Token", "tokem"] {
            assert!(memory.get(other).is_none(), "{other}");
        }
        assert!(Memory::new(64).get("token").is_none());
        assert_eq!((memory.len(), memory.is_empty()), (1, false));
        assert_eq!(format!("{memory:?}"), "Memory(1 of 64)");
        memory.clear();
        assert_eq!((memory.len(), memory.is_empty()), (0, true));
    }

    #[test]
    fn a_long_text_is_not_remembered() {
        let memory = Memory::new(64);
        put(&memory, &"a".repeat(REMEMBERED_BYTES_MAX), 10, NOW);
        assert_eq!(memory.len(), 1);
        put(&memory, &"a".repeat(REMEMBERED_BYTES_MAX + 1), 10, NOW);
        assert_eq!(memory.len(), 1);
    }

    #[test]
    fn what_ends_first_makes_room() {
        let memory = Memory::new(2 * SHARDS);
        put(&memory, "lasting", 1000, NOW);
        for number in 0..200 {
            let token = format!("token {number}");
            put(&memory, &token, 500 - number, NOW);
            assert!(memory.get(&token).is_some() && memory.get("lasting").is_some(), "{number}");
        }
        assert_eq!(memory.len(), 2 * SHARDS);
    }

    #[test]
    fn what_has_ended_makes_room_altogether() {
        let memory = Memory::new(2 * SHARDS);
        (0..200).for_each(|number| put(&memory, &format!("token {number}"), 10, NOW));
        // A moment before, one goes; then both of the shard, and the new one is there.
        put(&memory, "before", 20, seconds(9));
        assert_eq!(memory.len(), 2 * SHARDS);
        let other = (0..1000).map(|number| format!("other {number}")).find(|other| {
            let of = |text: &str| memory.namer.as_ref().unwrap().name(text).unwrap().to_ne_bytes()[0] % 16;
            of(other) != of("before")
        });
        put(&memory, &other.unwrap(), 20, seconds(10));
        assert_eq!(memory.len(), 2 * SHARDS - 1);
    }

    #[test]
    fn a_memory_of_nothing_remembers_nothing() {
        let memory = Memory::new(0);
        put(&memory, "token", 10, NOW);
        assert!(memory.is_empty() && memory.get("token").is_none());
    }
}
