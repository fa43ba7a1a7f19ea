//! A year of rolls in virtual time, in whatever order an administrator and the clock have it.

use std::collections::HashSet;

use actas_certificate::slots::{Ends, Slot, Slots};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::at;

/// A certificate of that number, with its end.
#[derive(Clone, Debug, PartialEq)]
struct Numbered(usize, Timestamp);

impl Ends for Numbered {
    fn ends(&self) -> Timestamp {
        self.1
    }
}

/// What an administrator does, or time.
#[derive(Clone, Debug)]
enum Step {
    /// That many hours pass.
    Pass(i64),
    /// A new certificate of that many days is staged, that many hours ahead.
    Stage {
        days: i64,
        ahead: i64,
    },
    /// A new certificate of that many days is set at once.
    Set {
        days: i64,
    },
    Unstage,
    Roll,
    RemovePrevious,
    Remove,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1_i64..24 * 30).prop_map(Step::Pass),
        4 => (1_i64..400, -24_i64..24 * 60).prop_map(|(days, ahead)| Step::Stage { days, ahead }),
        2 => (1_i64..400).prop_map(|days| Step::Set { days }),
        1 => Just(Step::Unstage),
        1 => Just(Step::Roll),
        2 => Just(Step::RemovePrevious),
        1 => Just(Step::Remove),
    ]
}

fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

fn number(slot: Option<&Slot<Numbered>>) -> Option<usize> {
    slot.map(|slot| slot.item.0)
}

fn numbers(slots: &Slots<Numbered>) -> [Option<usize>; 3] {
    [number(slots.current()), number(slots.next()), number(slots.previous())]
}

/// What has to hold at every moment, whatever happened before.
fn check(slots: &Slots<Numbered>, now: Timestamp) {
    let [current, next, previous] = numbers(slots);
    assert!(current.is_some() || (next.is_none() && previous.is_none()), "nothing hangs in the air: {slots:?}");
    let all: Vec<usize> = [current, next, previous].into_iter().flatten().collect();
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len(), "one certificate in two slots: {slots:?}");
    if let Some(next) = slots.next() {
        assert!(next.effective > now, "what is due has taken its place: {slots:?}, {now}");
        assert!(next.item.ends() > next.effective, "none is staged that would have ended: {slots:?}");
    }
    if let Some(current) = slots.current() {
        assert!(current.effective <= now, "{slots:?}");
        assert_eq!(slots.signing(now), Some(&current.item));
    }
    let stored = Slots::restore(slots.current().cloned(), slots.next().cloned(), slots.previous().cloned());
    assert_eq!(stored.as_ref(), Ok(slots), "what is stored comes back as it was");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_slots_hold_together_whatever_is_done_to_them(steps in prop::collection::vec(step(), 1..60)) {
        let (mut now, mut slots, mut made) = (at("2026-01-01T00:00:00Z"), Slots::default(), 0);
        for step in steps {
            let before = slots.clone();
            let [current, next, previous] = numbers(&before);
            let mut fresh = |days: i64| {
                made += 1;
                Numbered(made, now + hours(24 * days))
            };
            let refused = match step {
                Step::Pass(count) => {
                    now += hours(count);
                    // Who reads without the roll being written down sees the same signer.
                    let signing = before.signing(now).cloned();
                    let rolled = slots.advance(now);
                    assert_eq!(slots.current().map(|slot| slot.item.clone()), signing);
                    assert_eq!(numbers(&slots), if rolled { [next, None, current] } else { [current, next, previous] });
                    assert!(!slots.advance(now), "time that stands still changes nothing more");
                    false
                }
                Step::Stage { days, ahead } => {
                    let new = fresh(days);
                    let staged = slots.stage(new.clone(), now + hours(ahead), now);
                    if staged.is_ok() {
                        assert_eq!(numbers(&slots), [current, Some(new.0), previous], "who signs goes on");
                    }
                    assert_eq!(staged.is_ok(), current.is_some() && ahead > 0 && 24 * days > ahead);
                    staged.is_err()
                }
                Step::Set { days } => {
                    let new = fresh(days);
                    slots.set(new.clone(), now).unwrap();
                    assert_eq!(numbers(&slots), [Some(new.0), next, current]);
                    false
                }
                Step::Unstage => {
                    let taken = slots.unstage();
                    assert_eq!(taken.is_ok(), next.is_some());
                    assert_eq!(numbers(&slots), [current, None, previous]);
                    taken.is_err()
                }
                Step::Roll => {
                    let rolled = slots.roll(now);
                    assert_eq!(rolled.is_ok(), next.is_some());
                    if rolled.is_ok() {
                        assert_eq!(numbers(&slots), [next, None, current]);
                    }
                    rolled.is_err()
                }
                Step::RemovePrevious => {
                    let removed = slots.remove_previous();
                    assert_eq!(removed.is_ok(), previous.is_some());
                    assert_eq!(numbers(&slots), [current, next, None]);
                    removed.is_err()
                }
                Step::Remove => {
                    let removed = slots.remove();
                    assert_eq!(removed.is_ok(), current.is_some());
                    assert_eq!(numbers(&slots), [None; 3]);
                    removed.is_err()
                }
            };
            if refused {
                assert_eq!(slots, before, "a refusal changes nothing");
            }
            check(&slots, now);
        }
    }

    /// The whole point of it: a peer that reads what is published every `reads` hours, and
    /// believes what it read, never meets a signature that it does not know, as long as each
    /// successor is staged further ahead than that; and what was signed before a roll is still
    /// known for as long as the previous certificate is kept.
    #[test]
    fn a_peer_that_reads_now_and_then_knows_every_signer_for_a_year(
        reads in 1_i64..48,
        leads in prop::collection::vec(49_i64..24 * 20, 20),
        gaps in prop::collection::vec(24_i64..24 * 25, 20),
        kept in 8_i64..24 * 5,
    ) {
        let begin = at("2026-01-01T00:00:00Z");
        let end = begin + hours(24 * 365);
        let mut slots = Slots::default();
        slots.set(Numbered(0, end), begin).unwrap();
        let (mut now, mut read_at, mut known) = (begin, begin, vec![0]);
        let (mut made, mut rolls, mut stage_at) = (0, 0, begin + hours(gaps[0]));
        // Signed by whom, to be looked at by when: tokens live for eight hours.
        let mut tokens: Vec<(usize, Timestamp)> = Vec::new();
        while now < end {
            let before = number(slots.current());
            slots.advance(now);
            rolls += usize::from(number(slots.current()) != before);
            if slots.next().is_none() && now >= stage_at {
                made += 1;
                let turn = made % leads.len();
                slots.stage(Numbered(made, end + hours(24 * 30)), now + hours(leads[turn]), now).unwrap();
                stage_at = now + hours(leads[turn] + gaps[turn]);
            }
            let rolled = slots.current().unwrap().effective;
            if slots.previous().is_some() && now >= rolled + hours(kept) {
                slots.remove_previous().unwrap();
            }
            if now >= read_at {
                known = slots.all().map(|slot| slot.item.0).collect();
                read_at = now + hours(reads);
            }
            let signer = slots.signing(now).unwrap().0;
            prop_assert!(known.contains(&signer), "{signer} signs, and the peer knows {known:?}");
            tokens.push((signer, now + hours(8)));
            tokens.retain(|(_, ends)| *ends >= now);
            let published: Vec<usize> = slots.all().map(|slot| slot.item.0).collect();
            for (signer, _) in &tokens {
                prop_assert!(published.contains(signer), "a token of {signer} is still about, published: {published:?}");
            }
            now += hours(1);
        }
        prop_assert!(rolls >= 5, "{rolls} rolls in a year");
    }
}
