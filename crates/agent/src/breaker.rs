//! A circuit breaker for each target: while one does not answer, nothing is sent to it
//! but one probe at a time, and mailboxes wait without an attempt being counted. A pure
//! state machine: the time is an argument.

use std::collections::HashMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Failures in a row that open a circuit.
const FAILURES_MAX: u32 = 5;
/// How long a circuit stays open first, and at most.
const OPEN_FIRST: Duration = Duration::from_secs(2);
const OPEN_LONGEST: Duration = Duration::from_mins(2);
/// How long a probe may take before another is let through.
const PROBE: SignedDuration = SignedDuration::from_secs(90);
const TARGETS_MAX: usize = 1_000;

/// What a change of a circuit tells an operator.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Change {
    /// It opened: the target is left alone.
    Opened,
    /// It closed: the target answers again.
    Closed,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        since: Timestamp,
        until: Timestamp,
        times: u32,
    },
    /// A probe is under way since then.
    HalfOpen {
        since: Timestamp,
        times: u32,
    },
}

/// The circuits of all targets.
#[derive(Debug, Default)]
pub(crate) struct Breakers(HashMap<String, State>);

// === impl Breakers ===

impl Breakers {
    /// Whether a target may be called; if not, when to ask again. Who is let through an
    /// open circuit is its probe, and has to tell what became of it.
    pub(crate) fn admit(&mut self, target: &str, now: Timestamp) -> Result<(), Timestamp> {
        let Some(state) = self.0.get_mut(target) else { return Ok(()) };
        match *state {
            State::Closed { .. } => Ok(()),
            // A clock that was set back must not keep a circuit open.
            State::Open { since, until, times } if now >= until || now < since => {
                *state = State::HalfOpen { since: now, times };
                Ok(())
            }
            State::Open { until, .. } => Err(until),
            State::HalfOpen { since, times } => {
                let age = now.duration_since(since);
                if age > PROBE || age.is_negative() {
                    *state = State::HalfOpen { since: now, times };
                    return Ok(());
                }
                Err(now + OPEN_FIRST)
            }
        }
    }

    /// The target answered, whatever it said.
    pub(crate) fn answered(&mut self, target: &str) -> Option<Change> {
        match self.0.remove(target) {
            Some(State::Open { .. } | State::HalfOpen { .. }) => Some(Change::Closed),
            _ => None,
        }
    }

    /// The target did not answer, or said that it cannot; `told` is for how long.
    pub(crate) fn failed(&mut self, target: &str, told: Option<Duration>, now: Timestamp) -> Option<Change> {
        if self.0.len() >= TARGETS_MAX && !self.0.contains_key(target) {
            // Rather too many calls than too much memory.
            self.0.clear();
        }
        let state = self.0.entry(target.to_owned()).or_insert(State::Closed { failures: 0 });
        let (times, opened) = match state {
            State::Closed { failures } => {
                *failures += 1;
                if *failures < FAILURES_MAX && told.is_none() {
                    return None;
                }
                (0, Some(Change::Opened))
            }
            // Calls that were under way when it opened say nothing new.
            State::Open { .. } if told.is_none() => return None,
            State::Open { times, .. } => (*times, None),
            State::HalfOpen { times, .. } => (*times + 1, None),
        };
        let own = OPEN_FIRST.saturating_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX)).min(OPEN_LONGEST);
        let lasting = told.map_or(own, |told| told.min(crate::schedule::LONGEST));
        *state = State::Open { since: now, until: now + lasting, times };
        opened
    }

    /// Forgets all: the settings changed, and with them perhaps what was wrong.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Targets that are left alone now.
    pub(crate) fn open(&self) -> Vec<String> {
        let is_open = |state: &State| !matches!(state, State::Closed { .. });
        self.0.iter().filter(|(_, state)| is_open(state)).map(|(target, _)| target.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: &str = "ews.cloud.example";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn opened() -> Breakers {
        let mut breakers = Breakers::default();
        for failure in 1..FAILURES_MAX {
            assert_eq!(breakers.failed(TARGET, None, at(0)), None, "{failure}");
            assert!(breakers.admit(TARGET, at(0)).is_ok());
        }
        assert_eq!(breakers.failed(TARGET, None, at(0)), Some(Change::Opened));
        breakers
    }

    #[test]
    fn failures_in_a_row_open_it() {
        let mut breakers = opened();
        assert_eq!(breakers.admit(TARGET, at(1)), Err(at(2)));
        assert!(breakers.admit("other.example", at(1)).is_ok());
        assert_eq!(breakers.open(), [TARGET]);
    }

    #[test]
    fn an_answer_between_keeps_it_closed() {
        let mut breakers = Breakers::default();
        for _ in 0..10 {
            for _ in 1..FAILURES_MAX {
                breakers.failed(TARGET, None, at(0));
            }
            assert_eq!(breakers.answered(TARGET), None);
        }
        assert!(breakers.admit(TARGET, at(0)).is_ok());
    }

    #[test]
    fn one_probe_decides() {
        let mut breakers = opened();
        assert!(breakers.admit(TARGET, at(2)).is_ok(), "the probe");
        assert!(breakers.admit(TARGET, at(2)).is_err(), "nobody beside it");
        assert_eq!(breakers.failed(TARGET, None, at(3)), None, "it was open already");
        assert_eq!(breakers.admit(TARGET, at(6)), Err(at(7)), "and stays so for twice as long");
        assert!(breakers.admit(TARGET, at(7)).is_ok());
        assert_eq!(breakers.answered(TARGET), Some(Change::Closed));
        assert!(breakers.admit(TARGET, at(7)).is_ok() && breakers.admit(TARGET, at(7)).is_ok());
    }

    #[test]
    fn a_probe_that_never_reports_is_followed_by_another() {
        let mut breakers = opened();
        assert!(breakers.admit(TARGET, at(2)).is_ok());
        assert!(breakers.admit(TARGET, at(92)).is_err());
        assert!(breakers.admit(TARGET, at(93)).is_ok());
    }

    #[test]
    fn a_target_that_says_when_is_believed_at_once() {
        let mut breakers = Breakers::default();
        assert_eq!(breakers.failed(TARGET, Some(Duration::from_secs(30)), at(0)), Some(Change::Opened));
        assert_eq!(breakers.admit(TARGET, at(29)), Err(at(30)));
        assert!(breakers.admit(TARGET, at(30)).is_ok());
    }

    #[test]
    fn it_never_stays_open_for_long() {
        let mut breakers = opened();
        let mut now = at(0);
        for _ in 0..40 {
            while breakers.admit(TARGET, now).is_err() {
                now += SignedDuration::from_secs(1);
                assert!(now < at(40 * 125), "it ends");
            }
            breakers.failed(TARGET, None, now);
        }
    }

    #[test]
    fn a_clock_that_jumps_keeps_nothing_shut() {
        let mut breakers = opened();
        assert!(breakers.admit(TARGET, at(-86_400)).is_ok());
        let mut breakers = opened();
        assert!(breakers.admit(TARGET, at(86_400)).is_ok());
        assert!(breakers.admit(TARGET, at(0)).is_ok(), "a probe of tomorrow");
    }
}
