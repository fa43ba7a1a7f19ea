//! What was accepted and what was refused: never a token, always its hash.

use actas_directory::TenantId;
use actas_directory::refusal::{RefusalLimiter, short};
use actas_store::Error;
use actas_store::directory::{Audit, Directory};
use actas_token::jws::{Compact, Reading};
use actas_token::{Claims, Principal, Refusal, token_hash};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::admission::Caller;

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
    /// Whose mailbox it is about, where that is not the user who acts.
    pub(crate) mailbox: Option<&'a str>,
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
        let mut details = json!({
            "actor": caller.app_id.to_string(),
            "user": user,
            "resource": subject.resource,
            "audience": Claimed::read(subject.token).audience,
            "operation": operation,
            "token": token_hash(subject.token),
            "request": subject.request_id.to_string(),
        });
        if let Some(mailbox) = subject.mailbox {
            details["mailbox"] = mailbox.into();
        }
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

    /// Records that an accepted token's caller may not do what it asked for at Graph.
    pub(crate) async fn access_refused(
        &self,
        subject: Subject<'_>,
        caller: &Caller,
        named: &str,
        operation: &str,
        code: &str,
    ) {
        let actor = caller.app_id.to_string();
        let Some(unrecorded) = self.refusals.admit(code, Some(&actor), subject.now) else {
            return;
        };
        let details = json!({
            "actor": actor,
            "user": caller.asserted_user(),
            "mailbox": short(named),
            "operation": operation,
            "resource": subject.resource,
            "rule": "V19",
            "reason": code,
            "unrecorded": unrecorded,
            "token": token_hash(subject.token),
            "request": subject.request_id.to_string(),
        });
        self.write(subject, Some(caller.tenant), "access refused", details).await;
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

/// Answers, with a record that the token was accepted.
///
/// The record is queued before the first write of the answer, so that it is on disk
/// no later; without it there is no answer.
pub(crate) async fn recorded<T>(
    record: impl Future<Output = Result<(), Error>>,
    answer: impl Future<Output = T>,
) -> Option<T> {
    let (recorded, answer) = tokio::join!(biased; record, answer);
    match recorded {
        Ok(()) => Some(answer),
        Err(error) => {
            tracing::error!(%error, "an acceptance could not be recorded");
            None
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
