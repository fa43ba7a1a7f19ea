//! Every failure of a delivery, and what is done about it: the one table.
//!
//! `docs/storage-service.md` shows it to administrators.

use std::time::Duration;

use actas_exchange::ews::{DeliveryClass, Failure};
use actas_exchange::soap::Fault;
use http::StatusCode;
use jiff::Timestamp;

use crate::acquire::TokenFailure;
use crate::discover::DiscoverFailure;
use crate::ews::CallFailure;
use crate::schedule::Patience;

/// Whom a failure concerns: who waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scope {
    /// The item alone; those behind it wait for their order.
    Item,
    /// Every item of the mailbox.
    Mailbox,
    /// Everything at that host: its circuit counts it.
    Target,
}

/// What is forgotten, because it may be what was wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Forget {
    Nothing,
    /// Where the mailbox is.
    Place,
    /// Where the mailbox is, and the tokens.
    PlaceAndTokens,
}

/// What happens next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Next {
    /// Try again, with that patience.
    Retry(Patience),
    /// Set aside: it will never be accepted.
    GiveUp,
    /// The circuit is open: ask again then. This is no attempt.
    Wait(Timestamp),
    /// One of several is at fault and it is not known which: send them one by one; one
    /// that fails alone is set aside.
    Isolate,
}

/// One row of the table.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) next: Next,
    pub(crate) scope: Scope,
    /// Whether it may be in the mailbox all the same: look before sending again.
    pub(crate) uncertain: bool,
    pub(crate) forget: Forget,
}

impl Verdict {
    fn retry(patience: Patience, scope: Scope) -> Self {
        Self { next: Next::Retry(patience), scope, uncertain: false, forget: Forget::Nothing }
    }

    fn wait(until: Timestamp) -> Self {
        Self { next: Next::Wait(until), scope: Scope::Mailbox, uncertain: false, forget: Forget::Nothing }
    }

    fn uncertain(self) -> Self {
        Self { uncertain: true, ..self }
    }

    fn forgetting(self, forget: Forget) -> Self {
        Self { forget, ..self }
    }
}

/// A call that failed as a whole.
pub(crate) fn of_call(failure: &CallFailure) -> Verdict {
    match failure {
        CallFailure::Token(failure) => of_token(failure),
        // Nothing left this machine: not there, not resolvable, not the right name.
        CallFailure::NotSent(_) => Verdict::retry(Patience::BackOff, Scope::Target).forgetting(Forget::Place),
        CallFailure::Lost(_) => Verdict::retry(Patience::BackOff, Scope::Target).uncertain(),
        // A sign-in page of a proxy, an answer of nobody's shape.
        CallFailure::NotEws(_) => Verdict::retry(Patience::BackOff, Scope::Mailbox).uncertain(),
        CallFailure::Waiting { until, .. } => Verdict::wait(*until),
        CallFailure::Local(_) => Verdict::retry(Patience::BackOff, Scope::Item),
        CallFailure::Refused { status, retry_after, .. } => of_status(*status, *retry_after),
        CallFailure::Fault(fault) => of_fault(fault),
    }
}

/// A token that could not be had.
pub(crate) fn of_token(failure: &TokenFailure) -> Verdict {
    match failure {
        TokenFailure::Waiting { until, .. } => Verdict::wait(*until),
        // The circuit of the token service: nothing can be delivered without it.
        TokenFailure::Unreachable { .. } => Verdict::retry(Patience::BackOff, Scope::Target),
        TokenFailure::Refused { status, .. } if status.is_server_error() => {
            Verdict::retry(Patience::BackOff, Scope::Target)
        }
        // Settings or credentials: they change by a command, and are then taken up at once.
        TokenFailure::NoTrust | TokenFailure::Configuration(_) | TokenFailure::Refused { .. } => {
            Verdict::retry(Patience::BackOff, Scope::Mailbox)
        }
    }
}

/// A mailbox that was not found.
pub(crate) fn of_discovery(failure: &DiscoverFailure) -> Verdict {
    match failure {
        DiscoverFailure::Token(failure) => of_token(failure),
        DiscoverFailure::Waiting { until, .. } => Verdict::wait(*until),
        DiscoverFailure::Unreachable(_) => Verdict::retry(Patience::BackOff, Scope::Target),
        DiscoverFailure::Refused { status, .. } => match DeliveryClass::of_http_status(status.as_u16()) {
            DeliveryClass::NewToken => {
                Verdict::retry(Patience::BackOff, Scope::Mailbox).forgetting(Forget::PlaceAndTokens)
            }
            DeliveryClass::Wait => Verdict::retry(Patience::BackOff, Scope::Target),
            _ => Verdict::retry(Patience::BackOff, Scope::Mailbox),
        },
        DiscoverFailure::Answer(..) if failure.is_permanent() => {
            Verdict { next: Next::GiveUp, ..Verdict::retry(Patience::BackOff, Scope::Mailbox) }
        }
        DiscoverFailure::Answer(..)
        | DiscoverFailure::Configuration(_)
        | DiscoverFailure::NotAutodiscover(_)
        | DiscoverFailure::Redirect { .. } => Verdict::retry(Patience::BackOff, Scope::Mailbox),
    }
}

/// An HTTP status with no SOAP in it, of EWS and of Graph.
pub(crate) fn of_status(status: StatusCode, retry_after: Option<Duration>) -> Verdict {
    let told = retry_after.map_or(Patience::BackOff, Patience::Told);
    match DeliveryClass::of_http_status(status.as_u16()) {
        DeliveryClass::NewToken => Verdict::retry(Patience::BackOff, Scope::Mailbox).forgetting(Forget::PlaceAndTokens),
        DeliveryClass::Rediscover => Verdict::retry(Patience::Few, Scope::Mailbox).forgetting(Forget::Place),
        DeliveryClass::Configuration => Verdict::retry(Patience::Hold, Scope::Mailbox),
        // 429 is about who sends how much to one mailbox, 503 about the server.
        DeliveryClass::Wait if status == StatusCode::TOO_MANY_REQUESTS => Verdict::retry(told, Scope::Mailbox),
        DeliveryClass::Wait | DeliveryClass::Retry => Verdict::retry(told, Scope::Target).uncertain(),
        DeliveryClass::Permanent | DeliveryClass::OurBug => {
            Verdict { next: Next::Isolate, ..Verdict::retry(Patience::BackOff, Scope::Item) }
        }
        // 500 and what nobody foresaw: perhaps the server, perhaps what it was sent.
        _ => Verdict::retry(Patience::Few, Scope::Item).uncertain(),
    }
}

fn of_fault(fault: &Fault) -> Verdict {
    let told = fault.back_off_ms.map(Duration::from_millis);
    of_class(fault.code.delivery_class(), told).uncertain()
}

/// An item that was accepted without a name: it may be there.
pub(crate) fn nameless() -> Verdict {
    Verdict::retry(Patience::Few, Scope::Item).uncertain()
}

/// One item that the server refused, others of its request being accepted.
pub(crate) fn of_item(failure: &Failure) -> Verdict {
    of_class(failure.delivery_class(), failure.back_off_ms.map(Duration::from_millis))
}

fn of_class(class: DeliveryClass, told: Option<Duration>) -> Verdict {
    let patience = told.map_or(Patience::BackOff, Patience::Told);
    match class {
        DeliveryClass::Permanent | DeliveryClass::OurBug => {
            Verdict { next: Next::Isolate, ..Verdict::retry(patience, Scope::Item) }
        }
        DeliveryClass::Configuration | DeliveryClass::LongHold => Verdict::retry(Patience::Hold, Scope::Mailbox),
        DeliveryClass::NewToken => Verdict::retry(patience, Scope::Mailbox).forgetting(Forget::PlaceAndTokens),
        DeliveryClass::Rediscover => Verdict::retry(Patience::Few, Scope::Mailbox).forgetting(Forget::Place),
        // Throttling goes by mailbox and application, not by server.
        DeliveryClass::Wait | DeliveryClass::SlowDown | DeliveryClass::Retry => {
            Verdict::retry(patience, Scope::Mailbox)
        }
        // A success is no failure; one that calls itself so is looked into like any other.
        DeliveryClass::Done | DeliveryClass::PerCase | DeliveryClass::Reread | DeliveryClass::RetryFew => {
            Verdict::retry(told.map_or(Patience::Few, Patience::Told), Scope::Item)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, expected: &str) {
        let verdict = of_status(StatusCode::from_u16(status).unwrap(), Some(Duration::from_secs(7)));
        let uncertain = if verdict.uncertain { " uncertain" } else { "" };
        assert_eq!(
            format!("{:?} {:?} {:?}{uncertain}", verdict.next, verdict.scope, verdict.forget),
            expected,
            "{status}"
        );
    }

    #[test]
    fn every_status_has_its_row() {
        check(400, "Isolate Item Nothing");
        check(401, "Retry(BackOff) Mailbox PlaceAndTokens");
        check(403, "Retry(Hold) Mailbox Nothing");
        check(404, "Retry(Few) Mailbox Place");
        check(408, "Retry(Told(7s)) Target Nothing uncertain");
        check(413, "Isolate Item Nothing");
        check(429, "Retry(Told(7s)) Mailbox Nothing");
        check(500, "Retry(Few) Item Nothing uncertain");
        check(502, "Retry(Told(7s)) Target Nothing uncertain");
        check(503, "Retry(Told(7s)) Target Nothing uncertain");
        check(302, "Retry(Few) Mailbox Place");
        check(418, "Isolate Item Nothing");
    }

    #[test]
    fn what_may_have_arrived_is_uncertain() {
        for status in 100..600 {
            let Ok(status) = StatusCode::from_u16(status) else { continue };
            if status.is_server_error() {
                assert!(of_status(status, None).uncertain, "{status}");
            }
        }
    }
}
