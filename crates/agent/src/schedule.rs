//! When a failed delivery is tried again: a pure function.

use std::time::Duration;

use jiff::SignedDuration;

/// The first delay unless the configuration says otherwise, and what no delay exceeds.
pub(crate) const FIRST: Duration = Duration::from_secs(1);
pub(crate) const LONGEST: Duration = Duration::from_mins(15);
/// What waits for an operator: quota, permissions, configuration.
const HOLD: Duration = Duration::from_mins(15);
/// No due time lies further ahead than this: one that does is of a clock set back.
pub(crate) const HORIZON: SignedDuration = SignedDuration::from_mins(20);
/// An item that could not be delivered for this long is set aside.
pub(crate) const ITEM_AGE_MAX: SignedDuration = SignedDuration::from_hours(24 * 14);
/// Attempts after which an item that the server does not explain is set aside, so that
/// one poisonous item does not hold up its mailbox for a fortnight.
pub(crate) const FEW: i64 = 8;

/// How a failure wants to be treated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Patience {
    /// Exponential back-off.
    BackOff,
    /// Exponential back-off, and set aside after [`FEW`] attempts.
    Few,
    /// Somebody has to do something first.
    Hold,
    /// The peer said how long.
    Told(Duration),
}

/// The delay before attempt number `attempt` (1 is the second try), varied by up to a
/// fifth either way by `seed`, so that many mailboxes do not come back at once.
pub(crate) fn delay(patience: Patience, attempt: u32, first: Duration, seed: u64) -> Duration {
    let plain = match patience {
        Patience::BackOff | Patience::Few => {
            first.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX)).min(LONGEST)
        }
        Patience::Hold => HOLD,
        Patience::Told(told) => return told.min(LONGEST) + spread(told.min(LONGEST) / 5, seed),
    };
    plain / 5 * 4 + spread(plain / 5 * 2, seed)
}

/// Up to `most`, by the seed.
pub(crate) fn spread(most: Duration, seed: u64) -> Duration {
    // A seed's high bits are as good as any; 1024 steps are enough.
    let step = u32::try_from(seed % 1024).unwrap_or(0);
    most / 1024 * step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_and_ends() {
        let plain = |attempt| delay(Patience::BackOff, attempt, FIRST, 512).as_millis();
        assert_eq!([plain(1), plain(2), plain(3), plain(4)].map(|ms| (ms + 50) / 100 * 100), [1000, 2000, 4000, 8000]);
        for attempt in [11, 32, 33, u32::MAX] {
            assert!(delay(Patience::BackOff, attempt, FIRST, 1023) <= LONGEST + LONGEST / 5, "{attempt}");
        }
    }

    #[test]
    fn seeds_spread_it() {
        let all: Vec<_> = (0..1024).map(|seed| delay(Patience::BackOff, 5, FIRST, seed)).collect();
        let (least, most) = (all.iter().min().unwrap(), all.iter().max().unwrap());
        assert!(
            *least >= Duration::from_millis(12_800) && *most <= Duration::from_millis(19_200),
            "{least:?} {most:?}"
        );
        assert!(*most > *least + Duration::from_secs(6));
    }

    #[test]
    fn what_was_told_is_kept_and_bounded() {
        assert!(delay(Patience::Told(Duration::from_secs(30)), 1, FIRST, 0) >= Duration::from_secs(30));
        assert!(delay(Patience::Told(Duration::from_hours(90)), 1, FIRST, 1023) <= LONGEST + LONGEST / 5);
    }

    #[test]
    fn nothing_is_due_beyond_the_horizon() {
        for patience in [Patience::BackOff, Patience::Few, Patience::Hold, Patience::Told(Duration::MAX)] {
            let longest = SignedDuration::try_from(delay(patience, u32::MAX, LONGEST, 1023)).unwrap();
            assert!(longest < HORIZON, "{patience:?}");
        }
    }
}
