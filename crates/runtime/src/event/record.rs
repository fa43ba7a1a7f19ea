//! Builders: from what is known to the event that says it.

use jiff::Timestamp;

use super::Event;
use super::catalogue::{
    AUTODISCOVER_FAILED, CERTIFICATE_ROLLED, CREDENTIAL_PUBLISHED, CREDENTIAL_RETIRED, DELIVERY_GIVEN_UP, Entry,
    FULL_FLUSH_COMPLETED, FULL_FLUSH_STARTED, MAINTENANCE_FLUSH_COMPLETED, MAINTENANCE_FLUSH_STARTED, OAUTH_CONFIGURED,
    OAUTH_FAILED, SOURCE_REFUSED, SOURCE_UNCLAIMED, SPACE_CRITICAL, SPACE_ERROR, SPACE_FLUSH, SPACE_NORMAL,
    TARGET_RECOVERED, TARGET_UNAVAILABLE, TOKEN_ISSUED, TOKEN_REFUSED, TRUST_SETTINGS_CHANGED,
};

/// How the search for a mailbox's server failed.
#[derive(Clone, Copy, Debug)]
pub struct AutodiscoverFailure<'a> {
    /// The kind of failure, as `ExchangeAutodiscoverException`.
    pub exception: &'a str,
    /// Its code, as `ErrorEwsAutodiscover`.
    pub code: &'a str,
    /// The step that failed.
    pub reason: &'a str,
    /// The mailbox.
    pub smtp_address: &'a str,
    /// The URL that was asked.
    pub uri: &'a str,
    /// The proxy on the way, if there is one.
    pub web_proxy: Option<&'a str>,
    /// The kind of network failure, as `ProtocolError` or `TrustFailure`.
    pub web_exception_status: Option<&'a str>,
    /// The causes, outermost first: a type's name and its message.
    pub inner: &'a [(&'a str, &'a str)],
}

impl<'a> AutodiscoverFailure<'a> {
    /// The usual failure: the settings of `smtp_address` could not be got at `uri`.
    pub fn new(smtp_address: &'a str, uri: &'a str) -> Self {
        Self {
            exception: "ExchangeAutodiscoverException",
            code: "ErrorEwsAutodiscover",
            reason: "GetUserSettings failed",
            smtp_address,
            uri,
            web_proxy: None,
            web_exception_status: None,
            inner: &[],
        }
    }
}

/// 32053: the mailbox's server was not found.
pub fn autodiscover_failed(now: Timestamp, failure: &AutodiscoverFailure<'_>) -> Event {
    let causes: Vec<String> = failure.inner.iter().map(|(kind, message)| format!("{kind}: {message}")).collect();
    let inner = causes.join(" ---> ");
    AUTODISCOVER_FAILED.event(
        now,
        [
            ("exception", Some(failure.exception)),
            ("code", Some(failure.code)),
            ("reason", Some(failure.reason)),
            ("smtpAddress", Some(failure.smtp_address)),
            ("uri", Some(failure.uri)),
            ("webProxy", Some(failure.web_proxy.unwrap_or("<NULL>"))),
            ("webExceptionStatus", failure.web_exception_status),
            ("inner", Some(inner.as_str()).filter(|inner| !inner.is_empty())),
        ],
    )
}

/// How a token was not got.
#[derive(Clone, Copy, Debug)]
pub struct OAuthFailure<'a> {
    /// The code, as `ErrorOAuthSts` or `ErrorOAuthConfig`.
    pub code: &'a str,
    /// The step that failed.
    pub reason: &'a str,
    /// The token service's URL.
    pub sts: &'a str,
    /// What the token was wanted for.
    pub resource: &'a str,
    /// The cause.
    pub inner: &'a str,
}

impl<'a> OAuthFailure<'a> {
    /// The usual failure: the token service's answer was an error.
    pub fn new(sts: &'a str, resource: &'a str, inner: &'a str) -> Self {
        Self { code: "ErrorOAuthSts", reason: "Recv RST response, failed", sts, resource, inner }
    }
}

/// 32054: no token was got.
pub fn oauth_failed(now: Timestamp, failure: &OAuthFailure<'_>) -> Event {
    OAUTH_FAILED.event(
        now,
        [
            ("code", Some(failure.code)),
            ("reason", Some(failure.reason)),
            ("sts", Some(failure.sts)),
            ("resource", Some(failure.resource)),
            ("inner", Some(failure.inner)),
        ],
    )
}

/// 32048: the trust works.
pub fn oauth_configured(now: Timestamp) -> Event {
    OAUTH_CONFIGURED.event(now, [])
}

/// A change of whom this server trusts.
#[derive(Clone, Copy, Debug)]
pub struct TrustChange<'a> {
    /// The command, as `Set-CsOAuthServer`.
    pub command: &'a str,
    /// The kind of object, as `OAuthServer`.
    pub object: &'a str,
    /// Its name.
    pub identity: &'a str,
    /// Who made it, if that is known.
    pub by: Option<&'a str>,
}

/// 45001: the trust settings were changed.
pub fn trust_settings_changed(now: Timestamp, change: &TrustChange<'_>) -> Event {
    TRUST_SETTINGS_CHANGED.event(
        now,
        [
            ("command", Some(change.command)),
            ("object", Some(change.object)),
            ("identity", Some(change.identity)),
            ("by", change.by),
        ],
    )
}

/// A roll of the certificate that signs tokens.
#[derive(Clone, Copy, Debug)]
pub struct CertificateRolled<'a> {
    /// The thumbprint of the one that signs now.
    pub thumbprint: &'a str,
    /// When it ends.
    pub not_after: Timestamp,
    /// The thumbprint of the one that signed before.
    pub previous: Option<&'a str>,
}

/// 45002: another certificate signs the tokens.
pub fn certificate_rolled(now: Timestamp, rolled: &CertificateRolled<'_>) -> Event {
    CERTIFICATE_ROLLED.event(
        now,
        [
            ("thumbprint", Some(rolled.thumbprint)),
            ("notAfter", Some(&rolled.not_after.to_string())),
            ("previous", rolled.previous),
        ],
    )
}

/// A credential that came into the directory or left it.
#[derive(Clone, Copy, Debug)]
pub struct CredentialChange<'a> {
    /// The application's identifier.
    pub application: &'a str,
    /// The credential's identifier.
    pub key_id: &'a str,
    /// The thumbprint of its certificate, if it has one.
    pub thumbprint: Option<&'a str>,
    /// When it ends.
    pub end_date: Timestamp,
}

/// 45003: a credential was published.
pub fn credential_published(now: Timestamp, change: &CredentialChange<'_>) -> Event {
    let end_date = change.end_date.to_string();
    CREDENTIAL_PUBLISHED.event(now, change.fields(&end_date))
}

/// 45004: a credential was retired.
pub fn credential_retired(now: Timestamp, change: &CredentialChange<'_>) -> Event {
    let end_date = change.end_date.to_string();
    CREDENTIAL_RETIRED.event(now, change.fields(&end_date))
}

impl<'a> CredentialChange<'a> {
    fn fields(&self, end_date: &'a str) -> [(&'static str, Option<&'a str>); 4] {
        [
            ("application", Some(self.application)),
            ("keyId", Some(self.key_id)),
            ("endDate", Some(end_date)),
            ("thumbprint", self.thumbprint),
        ]
    }
}

/// An item that could not be delivered.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryGivenUp<'a> {
    /// The item's key.
    pub item: &'a str,
    /// The component it came from, as `ConversationHistory`.
    pub component: &'a str,
    /// The mailbox it was for.
    pub mailbox: &'a str,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it failed the last time.
    pub reason: &'a str,
}

/// 45005: an item was set aside.
pub fn delivery_given_up(now: Timestamp, item: &DeliveryGivenUp<'_>) -> Event {
    DELIVERY_GIVEN_UP.event(
        now,
        [
            ("item", Some(item.item)),
            ("component", Some(item.component)),
            ("mailbox", Some(item.mailbox)),
            ("attempts", Some(&item.attempts.to_string())),
            ("reason", Some(item.reason)),
        ],
    )
}

/// 45006: a server is left alone for a while.
pub fn target_unavailable(now: Timestamp, target: &str) -> Event {
    TARGET_UNAVAILABLE.event(now, [("target", Some(target))])
}

/// 45007: a server that was left alone answers again.
pub fn target_recovered(now: Timestamp, target: &str) -> Event {
    TARGET_RECOVERED.event(now, [("target", Some(target))])
}

/// How full the queue's database is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Space {
    /// Bytes in use.
    pub used: u64,
    /// Bytes that may be in use.
    pub capacity: u64,
}

impl Space {
    /// Hundredths in use.
    pub fn percent(self) -> u64 {
        self.used.saturating_mul(100) / self.capacity.max(1)
    }

    fn event(self, entry: &Entry, now: Timestamp) -> Event {
        let (used, capacity) = (self.used.to_string(), self.capacity.to_string());
        let percent = self.percent().to_string();
        entry.event(now, [("used", Some(used.as_str())), ("capacity", Some(&capacity)), ("percent", Some(&percent))])
    }
}

/// 32089: the database's filling caused a flush.
pub fn space_flush(now: Timestamp, space: Space) -> Event {
    space.event(&SPACE_FLUSH, now)
}

/// 32058: the database is filling up.
pub fn space_error(now: Timestamp, space: Space) -> Event {
    space.event(&SPACE_ERROR, now)
}

/// 32059: the database is nearly full.
pub fn space_critical(now: Timestamp, space: Space) -> Event {
    space.event(&SPACE_CRITICAL, now)
}

/// 45008: the database has room again.
pub fn space_normal(now: Timestamp, space: Space) -> Event {
    space.event(&SPACE_NORMAL, now)
}

/// 32075 or 32082: a flush begins.
pub fn flush_started(now: Timestamp, full: bool, folder: &str) -> Event {
    let entry = if full { &FULL_FLUSH_STARTED } else { &MAINTENANCE_FLUSH_STARTED };
    entry.event(now, [("folder", Some(folder))])
}

/// 32076 or 32083: a flush is over.
pub fn flush_completed(now: Timestamp, full: bool, folder: &str, items: usize, files: usize) -> Event {
    let entry = if full { &FULL_FLUSH_COMPLETED } else { &MAINTENANCE_FLUSH_COMPLETED };
    let (items, files) = (items.to_string(), files.to_string());
    entry.event(now, [("folder", Some(folder)), ("items", Some(items.as_str())), ("files", Some(files.as_str()))])
}

/// What an audit wants to know of a token. The token itself is not among it.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokenAudit<'a> {
    /// The tenant.
    pub tenant: &'a str,
    /// The application that acts.
    pub actor: Option<&'a str>,
    /// The user it acts as.
    pub subject: Option<&'a str>,
    /// What the token is for.
    pub resource: Option<&'a str>,
    /// A hash of the token.
    pub token_hash: Option<&'a str>,
    /// When it ends.
    pub expires: Option<Timestamp>,
}

/// 45010: a token or a request for one was refused under `rule`.
pub fn token_refused(now: Timestamp, audit: &TokenAudit<'_>, rule: &str, reason: Option<&str>) -> Event {
    let own = [("rule", Some(rule)), ("reason", reason)];
    TOKEN_REFUSED.event(now, audit.fields().into_iter().chain(own))
}

/// 45011: a token was issued.
pub fn token_issued(now: Timestamp, audit: &TokenAudit<'_>) -> Event {
    let expires = audit.expires.map(|expires| expires.to_string());
    let own = [("expires", expires.as_deref())];
    TOKEN_ISSUED.event(now, audit.fields().into_iter().chain(own))
}

impl<'a> TokenAudit<'a> {
    fn fields(&self) -> [(&'static str, Option<&'a str>); 5] {
        [
            ("tenant", Some(self.tenant)),
            ("actor", self.actor),
            ("subject", self.subject),
            ("resource", self.resource),
            ("tokenHash", self.token_hash),
        ]
    }
}

/// 45020: a call record of a system belongs to nobody here.
pub fn source_unclaimed(now: Timestamp, system: &str, users: &str, file: &str) -> Event {
    SOURCE_UNCLAIMED.event(now, [("system", Some(system)), ("users", Some(users)), ("file", Some(file))])
}

/// 45021: what a source was given is no item.
pub fn source_refused(now: Timestamp, system: &str, what: &str, reason: &str) -> Event {
    SOURCE_REFUSED.event(now, [("system", Some(system)), ("what", Some(what)), ("reason", Some(reason))])
}
