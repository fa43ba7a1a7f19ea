//! A user's sign-in on another device (RFC 8628): what is remembered of it, and the rules
//! by which a device that asks is answered. Codes are kept as hashes alone.

use actas_token::TenantId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How long a user has.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(15);
/// How long a device waits between two questions at first (RFC 8628 §3.2).
pub const INTERVAL: SignedDuration = SignedDuration::from_secs(5);
/// What asking too soon adds to it (RFC 8628 §3.5).
const SLOWER: SignedDuration = SignedDuration::from_secs(5);
/// The longest that a device is made to wait.
const INTERVAL_MAX: SignedDuration = SignedDuration::from_mins(1);
/// Clocks and networks are not exact: this much too soon is in time.
const EARLY: SignedDuration = SignedDuration::from_millis(500);

/// A sign-in that was begun.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct DeviceSignIn {
    /// Hash of the code that the device shows to the token service.
    pub device_hash: String,
    /// Hash of the code that the user types.
    pub code_hash: String,
    /// In which tenant.
    pub tenant: TenantId,
    /// The application that asks.
    pub app_id: Uuid,
    /// For which resource, as it was named.
    pub resource: String,
    /// What the application may do there as the user.
    pub scopes: Vec<String>,
    /// Until when.
    pub expires: Timestamp,
    /// How far it is.
    pub state: DeviceState,
    /// When the device asked last.
    pub asked: Option<Timestamp>,
    /// How long it has to wait before it asks again, in seconds.
    pub interval: i64,
    /// Grows with every change.
    pub version: i64,
}

/// How far a sign-in is.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub enum DeviceState {
    /// Nobody typed the code yet.
    Waiting,
    /// A user proved who they are, and is asked whether to go on.
    SignedIn {
        /// Who.
        user: Uuid,
        /// Hash of what the page answers with.
        ticket_hash: String,
    },
    /// The user went on.
    Approved {
        /// Who.
        user: Uuid,
    },
    /// The user did not.
    Denied,
}

/// What a device is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DeviceAnswer {
    /// A token, as this user.
    Approved(Uuid),
    /// The user did not want it.
    Denied,
    /// It is too late.
    Expired,
    /// Ask again.
    Pending,
    /// Ask again, and less often.
    SlowDown,
}

impl DeviceSignIn {
    /// Whether it can still be used at this moment.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires
    }

    /// Hash of what the page answers with, while it is asked.
    pub fn ticket_hash(&self) -> Option<&str> {
        match &self.state {
            DeviceState::SignedIn { ticket_hash, .. } => Some(ticket_hash),
            _ => None,
        }
    }

    /// Answers a device that asks, and notes that it did.
    pub fn ask(&mut self, now: Timestamp) -> DeviceAnswer {
        if !self.is_live(now) {
            return DeviceAnswer::Expired;
        }
        match self.state {
            DeviceState::Approved { user } => return DeviceAnswer::Approved(user),
            DeviceState::Denied => return DeviceAnswer::Denied,
            DeviceState::Waiting | DeviceState::SignedIn { .. } => {}
        }
        let interval = SignedDuration::from_secs(self.interval);
        let too_soon = self.asked.is_some_and(|asked| now.duration_since(asked) < interval - EARLY);
        self.asked = Some(now);
        if too_soon {
            self.interval = (interval + SLOWER).min(INTERVAL_MAX).as_secs();
            return DeviceAnswer::SlowDown;
        }
        DeviceAnswer::Pending
    }

    /// Notes that a user proved who they are. Not where somebody decided already.
    pub fn sign_in(&mut self, user: Uuid, ticket_hash: String, now: Timestamp) -> bool {
        let open = matches!(self.state, DeviceState::Waiting | DeviceState::SignedIn { .. }) && self.is_live(now);
        if open {
            self.state = DeviceState::SignedIn { user, ticket_hash };
        }
        open
    }

    /// Notes what the user who signed in decided; nobody else decides.
    pub fn decide(&mut self, approves: bool, now: Timestamp) -> Option<Uuid> {
        let DeviceState::SignedIn { user, .. } = self.state else { return None };
        if !self.is_live(now) {
            return None;
        }
        self.state = if approves { DeviceState::Approved { user } } else { DeviceState::Denied };
        Some(user)
    }
}

#[cfg(test)]
mod tests {
    use super::DeviceAnswer::{Pending, SlowDown};
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn begun() -> DeviceSignIn {
        DeviceSignIn {
            device_hash: "d".into(),
            code_hash: "c".into(),
            tenant: TenantId(Uuid::nil()),
            app_id: Uuid::nil(),
            resource: "r".into(),
            scopes: Vec::new(),
            expires: at(0) + LIFETIME,
            state: DeviceState::Waiting,
            asked: None,
            interval: INTERVAL.as_secs(),
            version: 1,
        }
    }

    #[test]
    fn a_device_that_asks_too_often_waits_longer() {
        let mut sign_in = begun();
        let asked = [0, 5, 10, 12, 22, 32].map(|second| sign_in.ask(at(second)));
        assert_eq!(asked, [Pending, Pending, Pending, SlowDown, Pending, Pending]);
        assert_eq!(sign_in.interval, 10);
        for second in 33..80 {
            sign_in.ask(at(second));
        }
        assert_eq!(sign_in.interval, 60, "and no longer than that");
    }

    #[test]
    fn only_who_signed_in_decides() {
        let user = Uuid::from_u128(7);
        for (approves, answer) in [(true, DeviceAnswer::Approved(user)), (false, DeviceAnswer::Denied)] {
            let mut sign_in = begun();
            assert_eq!(sign_in.decide(approves, at(1)), None, "nobody signed in");
            assert!(sign_in.sign_in(Uuid::from_u128(6), "t".into(), at(1)));
            assert!(sign_in.sign_in(user, "u".into(), at(2)), "another takes over");
            assert_eq!(sign_in.ticket_hash(), Some("u"));
            assert_eq!(sign_in.decide(approves, at(3)), Some(user));
            assert_eq!(sign_in.decide(!approves, at(4)), None, "once");
            assert!(!sign_in.sign_in(Uuid::from_u128(6), "t".into(), at(5)));
            assert_eq!(sign_in.ask(at(6)), answer);
        }
    }

    #[test]
    fn nothing_is_done_after_its_time() {
        let end = LIFETIME.as_secs();
        let mut sign_in = begun();
        assert!(sign_in.sign_in(Uuid::nil(), "t".into(), at(end - 1)));
        assert!(!sign_in.sign_in(Uuid::nil(), "t".into(), at(end)));
        assert_eq!(sign_in.decide(true, at(end)), None);
        assert_eq!(sign_in.ask(at(end)), DeviceAnswer::Expired);
        sign_in.state = DeviceState::Approved { user: Uuid::nil() };
        assert_eq!(sign_in.ask(at(end)), DeviceAnswer::Expired);
    }
}
