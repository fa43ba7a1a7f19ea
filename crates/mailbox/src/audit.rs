//! What was accepted and what was refused: never a token, always its hash.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use actas_directory::TenantId;
use actas_store::Error;
use actas_store::directory::{Audit, Directory};
use actas_token::jws::{Compact, Reading};
use actas_token::{Claims, Principal, Refusal, token_hash};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use crate::admission::Caller;

/// One refusal of a kind is recorded in this time; the others are counted.
const WINDOW: SignedDuration = SignedDuration::from_mins(1);
/// Kinds of refusals that are told apart in a window. A caller chooses what its token
/// claims, so beyond these only the rule tells them apart.
const KINDS_MAX: usize = 64;
/// Characters of a reason or claim that are recorded.
const TEXT_CHARS_MAX: usize = 200;

/// Writes audit records.
pub(crate) struct AuditLog {
    directory: Directory,
    refusals: RefusalLimiter,
}

/// A request, as every record names it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) token: &'a str,
    /// The URL of the service that was asked.
    pub(crate) resource: &'a str,
    pub(crate) request_id: Uuid,
    pub(crate) now: Timestamp,
}

// === impl AuditLog ===

impl AuditLog {
    pub(crate) fn new(directory: Directory) -> Self {
        Self { directory, refusals: RefusalLimiter::default() }
    }

    /// Records that a token was accepted, for an operation in the name of a user.
    ///
    /// The first time that the future is polled the record is queued: whatever is written
    /// afterwards is on disk no earlier.
    pub(crate) async fn accepted(
        &self,
        subject: Subject<'_>,
        caller: &Caller,
        user: Option<&str>,
        operation: &str,
    ) -> Result<(), Error> {
        let details = json!({
            "actor": caller.app_id.to_string(),
            "user": user,
            "resource": subject.resource,
            "audience": Claimed::read(subject.token).audience,
            "operation": operation,
            "token": token_hash(subject.token),
            "request": subject.request_id.to_string(),
        });
        self.directory.record(Audit { time: subject.now, tenant: caller.tenant, kind: "token accepted", details }).await
    }

    /// Records that a token was refused, unless the same happened just now. The tenant is
    /// nil when it is not known whose the token is: what a refused token claims is
    /// recorded as a claim.
    pub(crate) async fn refused(&self, subject: Subject<'_>, refusal: &Refusal, tenant: Option<TenantId>) {
        let claimed = Claimed::read(subject.token);
        let rule = refusal.rule().name();
        let Some(unrecorded) = self.refusals.admit(rule, claimed.actor.as_deref(), subject.now) else {
            return;
        };
        let details = json!({
            "actor": claimed.actor,
            "realm": claimed.realm,
            "user": null,
            "resource": subject.resource,
            "audience": claimed.audience,
            "rule": rule,
            "reason": short(&refusal.to_string()),
            "unrecorded": unrecorded,
            "token": token_hash(subject.token),
            "request": subject.request_id.to_string(),
        });
        self.write(subject, tenant, "token refused", details).await;
    }

    /// Records that an accepted token's caller may not act as the user whom it named.
    pub(crate) async fn impersonation_refused(
        &self,
        subject: Subject<'_>,
        caller: &Caller,
        named: Option<&str>,
        code: &str,
    ) {
        let actor = caller.app_id.to_string();
        let Some(unrecorded) = self.refusals.admit(code, Some(&actor), subject.now) else {
            return;
        };
        let details = json!({
            "actor": actor,
            "user": caller.asserted_user(),
            "impersonated": named.map(short),
            "resource": subject.resource,
            "rule": "V19",
            "reason": code,
            "unrecorded": unrecorded,
            "token": token_hash(subject.token),
            "request": subject.request_id.to_string(),
        });
        self.write(subject, Some(caller.tenant), "impersonation refused", details).await;
    }

    /// The caller is refused whether this can be recorded or not.
    async fn write(
        &self,
        subject: Subject<'_>,
        tenant: Option<TenantId>,
        kind: &'static str,
        details: serde_json::Value,
    ) {
        let tenant = tenant.unwrap_or(TenantId(Uuid::nil()));
        if let Err(error) = self.directory.record(Audit { time: subject.now, tenant, kind, details }).await {
            tracing::error!(%error, "a refusal could not be recorded");
        }
    }
}

// === what a token claims ===

/// What a token claims, without regard to whether it is true.
#[derive(Debug, Default)]
struct Claimed {
    actor: Option<String>,
    realm: Option<String>,
    audience: Option<String>,
}

impl Claimed {
    fn read(token: &str) -> Self {
        let Ok(outer) = Compact::parse(token, Reading::Lenient) else {
            return Self::default();
        };
        let inner = outer.claims.optional_text("actortoken").ok().flatten();
        let inner = inner.and_then(|inner| Compact::parse(inner, Reading::Lenient).ok());
        let signed = inner.as_ref().map_or(&outer.claims, |inner| &inner.claims);
        let text = |claims: &Claims, name| claims.optional_text(name).ok().flatten().map(short);
        let actor = ["nameid", "appid", "azp", "client_id", "iss"].into_iter().find_map(|name| text(signed, name));
        let realm = text(signed, "tid");
        let audience = text(&outer.claims, "aud");
        let host = |text: String| match text.parse::<Principal>() {
            Ok(Principal { host: Some(host), .. }) => host,
            _ => text,
        };
        match actor.as_deref().map(str::parse::<Principal>) {
            Some(Ok(principal)) => Self {
                actor: Some(principal.app_id.to_string()),
                realm: principal.realm.or(realm),
                audience: audience.map(host),
            },
            _ => Self { actor, realm, audience: audience.map(host) },
        }
    }
}

/// `text` as a record may hold it: on one line and not endless.
fn short(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

// === impl RefusalLimiter ===

/// Lets the first refusal of a kind through in each window, so that a flood costs memory
/// and not disk.
#[derive(Default)]
struct RefusalLimiter(Mutex<HashMap<(String, String), Seen>>);

struct Seen {
    since: Timestamp,
    unrecorded: u64,
}

impl RefusalLimiter {
    /// Whether to record it, and then how many of its kind were not.
    fn admit(&self, rule: &str, actor: Option<&str>, now: Timestamp) -> Option<u64> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kind = (rule.to_owned(), actor.unwrap_or_default().to_owned());
        if !kinds.contains_key(&kind) && kinds.len() >= KINDS_MAX {
            kinds.retain(|_, seen| !seen.is_over(now));
            if kinds.len() >= KINDS_MAX {
                "*".clone_into(&mut kind.1);
            }
        }
        match kinds.get_mut(&kind) {
            Some(seen) if !seen.is_over(now) => {
                seen.unrecorded += 1;
                None
            }
            Some(seen) => Some(std::mem::replace(seen, Seen { since: now, unrecorded: 0 }).unrecorded),
            None => {
                kinds.insert(kind, Seen { since: now, unrecorded: 0 });
                Some(0)
            }
        }
    }
}

impl Seen {
    /// A clock that went back ends the window, too.
    fn is_over(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.since);
        age.is_negative() || age >= WINDOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn one_of_a_kind_in_a_window() {
        let limiter = RefusalLimiter::default();
        assert_eq!(limiter.admit("V10", Some("a"), at(0)), Some(0));
        assert_eq!(limiter.admit("V10", Some("a"), at(1)), None);
        assert_eq!(limiter.admit("V10", Some("a"), at(59)), None);
        assert_eq!(limiter.admit("V10", Some("b"), at(1)), Some(0));
        assert_eq!(limiter.admit("V12", Some("a"), at(1)), Some(0));
        assert_eq!(limiter.admit("V10", Some("a"), at(60)), Some(2));
        assert_eq!(limiter.admit("V10", Some("a"), at(0)), Some(0), "the clock went back");
    }

    #[test]
    fn inventing_names_does_not_help() {
        let limiter = RefusalLimiter::default();
        let recorded = (0..10_000).filter(|n| limiter.admit("V10", Some(&n.to_string()), at(0)).is_some()).count();
        assert_eq!(recorded, KINDS_MAX + 1);
        assert_eq!(limiter.admit("V10", Some("new"), at(61)), Some(0), "old kinds make room");
    }
}
