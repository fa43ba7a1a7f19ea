//! The slots a token-signing certificate is rolled through: current, next and previous.
//!
//! `{current}` → [`stage`](Slots::stage) → `{current, next at t}` → t passes
//! ([`advance`](Slots::advance)) → `{current = next, previous = old}` →
//! [`remove_previous`](Slots::remove_previous) → `{current}`. A certificate put in place by
//! [`set`](Slots::set) is current at once, and whoever does not know it yet refuses its tokens.

use jiff::{SignedDuration, Timestamp};

use crate::certificate::Certificate;
use crate::key::KeyPair;

/// How long before the current certificate ends its successor should take over.
pub const LEAD_WANTED: SignedDuration = SignedDuration::from_hours(24);

/// What has an end after which it is of no use.
pub trait Ends {
    /// The last instant at which it is valid.
    fn ends(&self) -> Timestamp;
}

impl Ends for Certificate {
    fn ends(&self) -> Timestamp {
        self.not_after()
    }
}

impl Ends for KeyPair {
    fn ends(&self) -> Timestamp {
        self.certificate().not_after()
    }
}

/// One occupied slot.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Slot<T> {
    /// What is in it.
    pub item: T,
    /// When it became current, or will.
    pub effective: Timestamp,
}

/// The three slots.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Slots<T> {
    current: Option<Slot<T>>,
    next: Option<Slot<T>>,
    previous: Option<Slot<T>>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { current: None, next: None, previous: None }
    }
}

impl<T: Clone + Ends + PartialEq> Slots<T> {
    /// Takes up slots as they were stored.
    pub fn restore(
        current: Option<Slot<T>>,
        next: Option<Slot<T>>,
        previous: Option<Slot<T>>,
    ) -> Result<Self, SlotError> {
        if current.is_none() && (next.is_some() || previous.is_some()) {
            return Err(SlotError::NothingCurrent);
        }
        let item = |slot: &Option<Slot<T>>| slot.as_ref().map(|slot| slot.item.clone());
        if next.is_some() && item(&current) == item(&next) {
            return Err(SlotError::AlreadyCurrent);
        }
        Ok(Self { current, next, previous })
    }

    /// What signs, as of the last [`advance`](Self::advance).
    pub fn current(&self) -> Option<&Slot<T>> {
        self.current.as_ref()
    }

    /// What is staged.
    pub fn next(&self) -> Option<&Slot<T>> {
        self.next.as_ref()
    }

    /// What is kept so that tokens it signed still validate.
    pub fn previous(&self) -> Option<&Slot<T>> {
        self.previous.as_ref()
    }

    /// What signs at `now`, whether or not the roll has been made.
    pub fn signing(&self, now: Timestamp) -> Option<&T> {
        let due = self.next.as_ref().filter(|next| next.effective <= now);
        due.or(self.current.as_ref()).map(|slot| &slot.item)
    }

    /// Everything a peer should accept: current, then next, then previous.
    pub fn all(&self) -> impl Iterator<Item = &Slot<T>> {
        [&self.current, &self.next, &self.previous].into_iter().flatten()
    }

    /// Makes `new` current at once; the old one is kept as previous.
    pub fn set(&mut self, new: T, now: Timestamp) -> Result<(), SlotError> {
        if self.holds_current(&new) {
            return Err(SlotError::AlreadyCurrent);
        }
        if self.next.as_ref().is_some_and(|next| next.item == new) {
            self.next = None;
        }
        self.put(Slot { item: new, effective: now });
        Ok(())
    }

    /// Stages `new` to become current at `effective`, in the place of what was staged before.
    pub fn stage(&mut self, new: T, effective: Timestamp, now: Timestamp) -> Result<Option<StageWarning>, SlotError> {
        let current = self.current.as_ref().ok_or(SlotError::NothingCurrent)?;
        if current.item == new {
            return Err(SlotError::AlreadyCurrent);
        }
        if effective <= now {
            return Err(SlotError::EffectiveInThePast { effective, now });
        }
        let ends = new.ends();
        if ends <= effective {
            return Err(SlotError::EndsBeforeEffective { ends, effective });
        }
        let ends = current.item.ends();
        let lead = effective.duration_until(ends);
        let warning = (lead < LEAD_WANTED).then_some(StageWarning { effective, current_ends: ends });
        self.next = Some(Slot { item: new, effective });
        Ok(warning)
    }

    /// Rolls if the staged one's time has come; tells whether it did.
    pub fn advance(&mut self, now: Timestamp) -> bool {
        match self.next.take_if(|next| next.effective <= now) {
            Some(next) => {
                self.put(next);
                true
            }
            None => false,
        }
    }

    /// Rolls now, before the staged one's time.
    ///
    /// The caller has seen to it that those who validate know the staged one.
    pub fn roll(&mut self, now: Timestamp) -> Result<(), SlotError> {
        let next = self.next.take().ok_or(SlotError::NothingToRoll)?;
        let effective = next.effective.min(now);
        self.put(Slot { effective, ..next });
        Ok(())
    }

    /// Gives up what is staged.
    pub fn unstage(&mut self) -> Result<Slot<T>, SlotError> {
        self.next.take().ok_or(SlotError::NothingToRoll)
    }

    /// Forgets the previous one.
    pub fn remove_previous(&mut self) -> Result<Slot<T>, SlotError> {
        self.previous.take().ok_or(SlotError::NothingPrevious)
    }

    /// Empties all three slots.
    pub fn remove(&mut self) -> Result<(), SlotError> {
        if self.current.is_none() {
            return Err(SlotError::NothingCurrent);
        }
        *self = Self::default();
        Ok(())
    }

    fn holds_current(&self, item: &T) -> bool {
        self.current.as_ref().is_some_and(|current| current.item == *item)
    }

    fn put(&mut self, new: Slot<T>) {
        if let Some(old) = self.current.replace(new) {
            self.previous = Some(old);
        }
    }
}

/// A certificate was staged, but late.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StageWarning {
    /// When the staged one takes over.
    pub effective: Timestamp,
    /// When the current one ends.
    pub current_ends: Timestamp,
}

impl std::fmt::Display for StageWarning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { effective, current_ends } = self;
        if effective > current_ends {
            write!(f, "the current certificate ends at {current_ends}, before its successor takes over at {effective}")
        } else {
            write!(
                f,
                "the successor takes over at {effective}, less than 24 hours before the current certificate ends at {current_ends}"
            )
        }
    }
}

/// Why the slots stay as they are.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SlotError {
    /// It is current already.
    #[error("this certificate is the current one already")]
    AlreadyCurrent,
    /// The effective date lies in the past.
    #[error("the effective date {effective} is not in the future; it is {now}")]
    EffectiveInThePast {
        /// The date.
        effective: Timestamp,
        /// The time of the attempt.
        now: Timestamp,
    },
    /// The staged one would have ended before it begins.
    #[error("this certificate ends at {ends}, before the effective date {effective}")]
    EndsBeforeEffective {
        /// When it ends.
        ends: Timestamp,
        /// When it would begin.
        effective: Timestamp,
    },
    /// There is no current one.
    #[error("there is no current certificate")]
    NothingCurrent,
    /// There is no previous one.
    #[error("there is no previous certificate")]
    NothingPrevious,
    /// Nothing is staged.
    #[error("nothing to roll: no certificate is staged")]
    NothingToRoll,
}

impl SlotError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::AlreadyCurrent => "make or import another certificate first",
            Self::EffectiveInThePast { .. } => "give a later `-EffectiveDate`, or leave out `-Roll` to use it at once",
            Self::EndsBeforeEffective { .. } => "give an earlier `-EffectiveDate`, or a certificate that lives longer",
            Self::NothingCurrent => {
                "assign one without `-Roll`: `Set-CsCertificate -Type OAuthTokenIssuer -Identity Global -Thumbprint …`"
            }
            Self::NothingPrevious => "`Get-CsCertificate -Type OAuthTokenIssuer` shows what there is",
            Self::NothingToRoll => "stage one with `Set-CsCertificate … -Roll -EffectiveDate …`",
        }
    }
}
