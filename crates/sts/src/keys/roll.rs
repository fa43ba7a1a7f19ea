//! The roll of signing keys as a pure state machine: next is published before it signs,
//! current signs, previous stays published until its last token has ended.

use actas_store::sts::{KeyMove, KeyState};
use jiff::{SignedDuration, Timestamp};

/// How long a key is published before it signs: the longest that a careful verifier keeps
/// an old key set.
pub(crate) const PUBLISHED_BEFORE: SignedDuration = SignedDuration::from_hours(24);
/// How long a key stays published after the last token that it signed has ended: the
/// same, and an hour for clocks and delays.
pub(crate) const KEPT_AFTER: SignedDuration = SignedDuration::from_hours(25);

/// A key's place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Slot {
    pub(crate) thumbprint: String,
    pub(crate) state: KeyState,
    pub(crate) since: Timestamp,
}

/// When keys move.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// How old the current key gets.
    pub(crate) age_max: SignedDuration,
    /// The longest life of a token.
    pub(crate) token_lifetime: SignedDuration,
}

/// What is to be done: all of it, at once.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Change {
    pub(crate) moves: Vec<KeyMove>,
    /// New keys are made, and published, in these places.
    pub(crate) make: Vec<KeyState>,
}

/// What a stranger may know in an emergency.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Emergency {
    /// The current key and those before it.
    Current,
    /// The next key too, as when it lay in the same folder.
    All,
}

/// Why the keys cannot be rolled.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RollError {
    /// No next key.
    #[error("there is no next signing key yet; it is made by the maintenance that runs every hour")]
    NoNext,
    /// Verifiers may not know it.
    #[error("the next signing key is published since {0} only; until {1} there are verifiers that do not know it")]
    TooFresh(Timestamp, Timestamp),
}

impl Change {
    pub(crate) fn is_nothing(&self) -> bool {
        self.moves.is_empty() && self.make.is_empty()
    }
}

/// What is due by age: previous keys whose last token has ended retire, a missing next
/// key is made, and a current key that is old makes way.
pub(crate) fn due(keys: &[Slot], times: Times, now: Timestamp) -> Change {
    let missing = in_state(keys, KeyState::Next).is_none().then_some(KeyState::Next);
    let mut change = Change { moves: retired(keys, times, now), make: missing.into_iter().collect() };
    let old =
        in_state(keys, KeyState::Current).is_some_and(|current| now.duration_since(current.since) >= times.age_max);
    if old && let Ok(rotation) = rotate(keys, now) {
        change.moves.extend(rotation.moves);
        change.make = rotation.make;
    }
    change
}

/// Next becomes current, current previous, and a new next is made. Refused while there
/// may be verifiers that do not know the next key.
pub(crate) fn rotate(keys: &[Slot], now: Timestamp) -> Result<Change, RollError> {
    let next = in_state(keys, KeyState::Next).ok_or(RollError::NoNext)?;
    if now.duration_since(next.since) < PUBLISHED_BEFORE {
        return Err(RollError::TooFresh(next.since, next.since + PUBLISHED_BEFORE));
    }
    Ok(promote(keys, next, KeyState::Previous, now))
}

/// A stranger may know the current key: it and all previous ones are taken out of
/// publication at once, and next signs however fresh it is; or, if the stranger may know
/// that too, a key that no verifier has seen. Verifiers that keep an old key set believe
/// the stranger until they look again.
pub(crate) fn emergency(keys: &[Slot], emergency: Emergency, now: Timestamp) -> Result<Change, RollError> {
    match emergency {
        Emergency::Current => {
            let next = in_state(keys, KeyState::Next).ok_or(RollError::NoNext)?;
            let mut change = promote(keys, next, KeyState::Retired, now);
            let previous = keys.iter().filter(|key| key.state == KeyState::Previous);
            change.moves.extend(previous.map(|key| to(key, KeyState::Retired, now)));
            Ok(change)
        }
        Emergency::All => {
            let known = keys.iter().filter(|key| key.state != KeyState::Retired);
            let moves = known.map(|key| to(key, KeyState::Retired, now)).collect();
            Ok(Change { moves, make: vec![KeyState::Current, KeyState::Next] })
        }
    }
}

fn promote(keys: &[Slot], next: &Slot, current_becomes: KeyState, now: Timestamp) -> Change {
    let current = keys.iter().filter(|key| key.state == KeyState::Current);
    let mut moves: Vec<KeyMove> = current.map(|key| to(key, current_becomes, now)).collect();
    moves.push(to(next, KeyState::Current, now));
    Change { moves, make: vec![KeyState::Next] }
}

fn retired(keys: &[Slot], times: Times, now: Timestamp) -> Vec<KeyMove> {
    let kept = times.token_lifetime + KEPT_AFTER;
    let ended = |key: &&Slot| key.state == KeyState::Previous && now.duration_since(key.since) >= kept;
    keys.iter().filter(ended).map(|key| to(key, KeyState::Retired, now)).collect()
}

fn in_state(keys: &[Slot], state: KeyState) -> Option<&Slot> {
    keys.iter().find(|key| key.state == state)
}

fn to(key: &Slot, state: KeyState, at: Timestamp) -> KeyMove {
    KeyMove { thumbprint: key.thumbprint.clone(), from: key.state, to: state, at }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);
    const TIMES: Times = Times { age_max: SignedDuration::from_hours(24 * 90), token_lifetime: HOUR };

    struct Ring {
        keys: Vec<Slot>,
        made: usize,
        now: Timestamp,
    }

    impl Ring {
        fn new() -> Self {
            let now = Timestamp::from_second(1_800_000_000).unwrap();
            let mut ring = Self { keys: Vec::new(), made: 0, now };
            ring.make(KeyState::Current);
            ring.make(KeyState::Next);
            ring
        }

        fn make(&mut self, state: KeyState) {
            self.made += 1;
            self.keys.push(Slot { thumbprint: format!("k{}", self.made), state, since: self.now });
        }

        fn apply(&mut self, change: &Change) {
            for step in &change.moves {
                let key = self.keys.iter_mut().find(|key| key.thumbprint == step.thumbprint).unwrap();
                assert_eq!(key.state, step.from);
                (key.state, key.since) = (step.to, step.at);
            }
            change.make.iter().for_each(|state| self.make(*state));
        }

        fn in_state(&self, state: KeyState) -> Vec<&str> {
            self.keys.iter().filter(|key| key.state == state).map(|key| key.thumbprint.as_str()).collect()
        }

        fn published(&self) -> Vec<String> {
            let published = self.keys.iter().filter(|key| key.state != KeyState::Retired);
            published.map(|key| key.thumbprint.clone()).collect()
        }
    }

    /// A year, hour by hour. Verifiers fetch the key set once a day; every token of every
    /// hour has to verify with whatever set a verifier holds, until it ends.
    #[test]
    fn a_year() {
        let mut ring = Ring::new();
        let (mut first_published, mut sets) = (HashMap::new(), Vec::<Vec<String>>::new());
        let mut signers = Vec::<String>::new();
        for hour in 0..24 * 365 {
            ring.now += HOUR;
            let change = due(&ring.keys, TIMES, ring.now);
            ring.apply(&change);
            assert_eq!((ring.in_state(KeyState::Current).len(), ring.in_state(KeyState::Next).len()), (1, 1));
            assert!(ring.in_state(KeyState::Previous).len() <= 1);
            let set = ring.published();
            for key in &set {
                first_published.entry(key.clone()).or_insert(hour);
            }
            let signer = ring.in_state(KeyState::Current)[0].to_owned();
            assert!(signer == "k1" || hour - first_published[&signer] >= 24, "{signer} signs unannounced");
            // A verifier with a set of up to a day ago meets a token of this hour.
            for old in sets.iter().rev().take(24) {
                assert!(old.contains(&signer), "hour {hour}: {signer} is not in {old:?}");
            }
            // And one that looks only now meets the tokens that have not ended.
            for signer in signers.iter().rev().take(2) {
                assert!(set.contains(signer), "hour {hour}: {signer} was withdrawn too early");
            }
            signers.push(signer);
            sets.push(set);
        }
        signers.dedup();
        assert_eq!(signers, ["k1", "k2", "k3", "k4", "k5"], "every 90 days, none twice");
        assert_eq!(ring.in_state(KeyState::Retired), ["k1", "k2", "k3", "k4"]);
    }

    #[test]
    fn previous_goes_when_its_last_token_has_ended() {
        let mut ring = Ring::new();
        ring.now += PUBLISHED_BEFORE;
        ring.apply(&rotate(&ring.keys, ring.now).unwrap());
        let rotated = ring.now;
        for (hours, retires) in [(0, false), (25, false), (26, true)] {
            let change = due(&ring.keys, TIMES, rotated + SignedDuration::from_hours(hours));
            assert_eq!(!change.is_nothing(), retires, "{hours}");
        }
    }

    #[test]
    fn a_fresh_next_key_does_not_sign() {
        let mut ring = Ring::new();
        ring.now += PUBLISHED_BEFORE - HOUR;
        assert!(matches!(rotate(&ring.keys, ring.now), Err(RollError::TooFresh(..))));
        let eager = Times { age_max: HOUR, ..TIMES };
        assert!(due(&ring.keys, eager, ring.now).is_nothing(), "not by age either");
        ring.now += HOUR;
        assert_eq!(due(&ring.keys, eager, ring.now).moves.len(), 2);
        ring.keys.retain(|key| key.state != KeyState::Next);
        assert_eq!(rotate(&ring.keys, ring.now), Err(RollError::NoNext));
        assert_eq!(due(&ring.keys, TIMES, ring.now), Change { moves: Vec::new(), make: vec![KeyState::Next] });
    }

    #[test]
    fn an_emergency_withdraws_at_once() {
        let mut ring = Ring::new();
        ring.now += PUBLISHED_BEFORE;
        ring.apply(&rotate(&ring.keys, ring.now).unwrap());
        ring.apply(&emergency(&ring.keys, Emergency::Current, ring.now).unwrap());
        assert_eq!(ring.published(), ["k3", "k4"]);
        assert_eq!(ring.in_state(KeyState::Current), ["k3"]);
        ring.apply(&emergency(&ring.keys, Emergency::All, ring.now).unwrap());
        assert_eq!(ring.published(), ["k5", "k6"]);
        assert_eq!((ring.in_state(KeyState::Current), ring.in_state(KeyState::Next)), (vec!["k5"], vec!["k6"]));
        ring.keys.retain(|key| key.state != KeyState::Next);
        assert_eq!(emergency(&ring.keys, Emergency::Current, ring.now), Err(RollError::NoNext));
        assert!(emergency(&ring.keys, Emergency::All, ring.now).is_ok(), "it needs no next");
    }
}
