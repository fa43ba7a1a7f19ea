use actas_certificate::slots::{Ends, Slot, SlotError, Slots};
use jiff::Timestamp;

use crate::at;

/// A letter and the year at whose beginning it ends: `A` ends in 2027, `B` in 2028, and so on.
#[derive(Clone, Debug, PartialEq)]
struct Letter(char);

impl Ends for Letter {
    fn ends(&self) -> Timestamp {
        let year = 2027 + (u32::from(self.0) - u32::from('A'));
        at(&format!("{year}-01-01T00:00:00Z"))
    }
}

const NOW: &str = "2026-06-01T00:00:00Z";
const SOON: &str = "2026-07-01T00:00:00Z";

/// "A B -": current A, next B (effective SOON), no previous.
fn slots(text: &str) -> Slots<Letter> {
    let mut letters = text.split(' ').map(|word| {
        let letter = word.chars().next().unwrap();
        (letter != '-').then_some(Letter(letter))
    });
    let mut slot = |effective| letters.next().flatten().map(|item| Slot { item, effective: at(effective) });
    Slots::restore(slot(NOW), slot(SOON), slot(NOW)).unwrap()
}

fn text(slots: &Slots<Letter>) -> String {
    [slots.current(), slots.next(), slots.previous()]
        .map(|slot| slot.map_or('-', |slot| slot.item.0).to_string())
        .join(" ")
}

/// The only place that touches the API. An action is a verb, perhaps a letter, perhaps a time.
#[track_caller]
fn check(before: &str, action: &str, after: &str) {
    let mut slots = slots(before);
    let words: Vec<&str> = action.split(' ').collect();
    let now = at(NOW);
    let mut warning = None;
    let result = match words[..] {
        ["set", letter] => slots.set(Letter(letter.chars().next().unwrap()), now),
        ["stage", letter, effective] => slots
            .stage(Letter(letter.chars().next().unwrap()), at(effective), now)
            .map(|warned| warning = warned.map(|warned| warned.to_string())),
        ["advance", time] => {
            slots.advance(at(time));
            Ok(())
        }
        ["roll"] => slots.roll(now),
        ["unstage"] => slots.unstage().map(drop),
        ["remove-previous"] => slots.remove_previous().map(drop),
        ["remove"] => slots.remove(),
        _ => panic!("unknown action {action}"),
    };
    let observed = match (result, warning) {
        (Ok(()), None) => text(&slots),
        (Ok(()), Some(warning)) => format!("{}: {warning}", text(&slots)),
        (Err(error), _) => {
            assert_eq!(text(&slots), before, "a refusal changes nothing");
            assert!(!error.hint().is_empty());
            error.to_string()
        }
    };
    assert!(observed.contains(after), "{before} → {action} → {observed}, not {after}");
}

#[test]
fn next_becomes_current() {
    check("A B -", "advance 2026-07-01T00:00:00Z", "B - A");
    check("A B -", "roll", "B - A");
}

#[test]
fn not_before_its_time() {
    check("A B -", "advance 2026-06-30T23:59:59Z", "A B -");
    check("A - -", "advance 2026-07-01T00:00:00Z", "A - -");
    check("- - -", "advance 2026-07-01T00:00:00Z", "- - -");
}

#[test]
fn a_second_roll_forgets_the_oldest() {
    check("B C A", "roll", "C - B");
    check("B C A", "advance 2026-07-01T00:00:00Z", "C - B");
}

#[test]
fn without_next_there_is_nothing_to_roll() {
    check("A - -", "roll", "nothing to roll");
    check("A - -", "unstage", "nothing to roll");
}

#[test]
fn a_set_one_is_current_at_once() {
    check("- - -", "set A", "A - -");
    check("A - -", "set B", "B - A");
    check("A B -", "set C", "C B A");
    check("A B -", "set B", "B - A");
    check("B - A", "set A", "A - B");
    check("A - -", "set A", "current one already");
}

#[test]
fn staging_waits_for_its_time() {
    check("A - -", "stage B 2026-07-01T00:00:00Z", "A B -");
    check("A B -", "stage C 2026-07-01T00:00:00Z", "A C -");
    check("B - A", "stage C 2026-07-01T00:00:00Z", "B C A");
    check("- - -", "stage B 2026-07-01T00:00:00Z", "no current");
    check("A - -", "stage A 2026-07-01T00:00:00Z", "current one already");
    check("A - -", "stage B 2026-06-01T00:00:00Z", "is not in the future");
    check("A - -", "stage B 2026-05-01T00:00:00Z", "is not in the future");
    check("A - -", "stage B 2028-01-01T00:00:00Z", "ends at 2028-01-01T00:00:00Z, before");
}

#[test]
fn a_late_successor_is_staged_with_a_warning() {
    check("A - -", "stage B 2026-12-31T00:00:00Z", "A B -");
    check("A - -", "stage B 2026-12-31T00:00:01Z", "A B -: the successor takes over at");
    check("A - -", "stage B 2027-02-01T00:00:00Z", "A B -: the current certificate ends at");
}

#[test]
fn a_day_is_enough() {
    let mut slots = slots("A - -");
    assert_eq!(slots.stage(Letter('B'), at("2026-12-31T00:00:00Z"), at(NOW)), Ok(None));
}

#[test]
fn slots_are_emptied() {
    check("B - A", "remove-previous", "B - -");
    check("B C A", "remove-previous", "B C -");
    check("B - -", "remove-previous", "no previous");
    check("B C A", "unstage", "B - A");
    check("B C A", "remove", "- - -");
    check("- - -", "remove", "no current");
}

#[test]
fn signing_does_not_wait_for_the_roll_to_be_written_down() {
    let slots = slots("A B -");
    assert_eq!(slots.signing(at(NOW)), Some(&Letter('A')));
    assert_eq!(slots.signing(at(SOON)), Some(&Letter('B')));
    assert_eq!(slots.all().count(), 2);
}

#[test]
fn a_rolled_one_keeps_its_effective_date() {
    let mut slots = slots("A B -");
    assert!(slots.advance(at("2026-09-01T00:00:00Z")));
    assert_eq!(slots.current().unwrap().effective, at(SOON));
}

#[test]
fn impossible_slots_are_not_restored() {
    let slot = |letter| Some(Slot { item: Letter(letter), effective: at(NOW) });
    assert_eq!(Slots::restore(None, slot('A'), None), Err(SlotError::NothingCurrent));
    assert_eq!(Slots::restore(None, None, slot('A')), Err(SlotError::NothingCurrent));
    assert_eq!(Slots::restore(slot('A'), slot('A'), None), Err(SlotError::AlreadyCurrent));
}
