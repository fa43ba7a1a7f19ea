//! Every event there is. The texts of the storage service are those that its administrators know
//! and that their alerting rules look for.
//!
//! In a text, `{field}` is replaced by the field's value, and a part in square brackets is left
//! out when one of its fields has none.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Event, Level};

/// One kind of event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Its number.
    pub id: u32,
    /// How bad it is.
    pub level: Level,
    /// Who notices it.
    pub source: &'static str,
    /// A name for programs.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
    /// Why it may have happened and what to do, for the event reference.
    pub remedy: &'static str,
    /// The doctor's checks that find its causes, the likeliest first; an error has one at least.
    pub checks: &'static [&'static str],
}

/// The catalogue, in the order of the numbers.
pub const CATALOGUE: &[Entry] = &[
    OAUTH_CONFIGURED,
    AUTODISCOVER_FAILED,
    OAUTH_FAILED,
    SPACE_ERROR,
    SPACE_CRITICAL,
    FULL_FLUSH_STARTED,
    FULL_FLUSH_COMPLETED,
    MAINTENANCE_FLUSH_STARTED,
    MAINTENANCE_FLUSH_COMPLETED,
    SPACE_FLUSH,
    TRUST_SETTINGS_CHANGED,
    CERTIFICATE_ROLLED,
    CREDENTIAL_PUBLISHED,
    CREDENTIAL_RETIRED,
    DELIVERY_GIVEN_UP,
    TARGET_UNAVAILABLE,
    TARGET_RECOVERED,
    SPACE_NORMAL,
    TOKEN_REFUSED,
    TOKEN_ISSUED,
    SOURCE_UNCLAIMED,
    SOURCE_REFUSED,
];

/// The entry with that number.
pub fn find(id: u32) -> Option<&'static Entry> {
    CATALOGUE.iter().find(|entry| entry.id == id)
}

pub(super) const OAUTH_CONFIGURED: Entry = Entry {
    id: 32048,
    level: Level::Information,
    source: STORAGE_SERVICE,
    name: "OAuthConfigured",
    text: "OAuth was properly configured for Storage Service.\n\nCsOAuthConfiguration validly configured",
    remedy: "The trust works: settings were loaded that are complete, and a token was got with \
             them. It is written once after each change of the settings. There is nothing to do.",
    checks: &[],
};

pub(super) const AUTODISCOVER_FAILED: Entry = Entry {
    id: 32053,
    level: Level::Error,
    source: STORAGE_SERVICE,
    name: "AutodiscoverFailed",
    text: "Storage Service had an EWS Autodiscovery failure.\n\n\
           {exception}: code={code}, reason={reason}, smtpAddress={smtpAddress}, \
           Autodiscover Uri={uri}, Autodiscover WebProxy={webProxy}\
           [, WebExceptionStatus={webExceptionStatus}][ ---> {inner}]",
    remedy: "The mailbox's server could not be found. The Autodiscover URL may be empty or end in \
             something other than /autodiscover/autodiscover.svc, its host may not resolve, its \
             certificate may be for another name, or the server there may not know the mailbox. \
             Compare the URL of `Get-CsOAuthConfiguration`, correct it with \
             `Set-CsOAuthConfiguration -ExchangeAutodiscoverUrl`, and run \
             `Test-CsExStorageConnectivity`.",
    checks: &["autod-url", "autod-redirect", "autod-dns", "mailbox"],
};

pub(super) const OAUTH_FAILED: Entry = Entry {
    id: 32054,
    level: Level::Error,
    source: STORAGE_SERVICE,
    name: "OAuthFailed",
    text: "Storage Service had an OAuth authentication failure.\n\n\
           CreateAppActAsToken failed, ex=OAuthConfigException: code={code}, reason={reason}, \
           sts={sts}, resource={resource}, ex={inner}",
    remedy: "The token service gave no token. After the trust was declared and before the \
             certificate was published this is expected. Otherwise the certificate that signs may \
             be another than the published one, a credential or certificate may have ended, or \
             the token service may not be reachable. Compare `Get-CsCertificate -Type \
             OAuthTokenIssuer` with `Get-MsolServicePrincipalCredential`, publish with \
             `New-MsolServicePrincipalCredential`, and run \
             `Test-CsExStorageConnectivity`.",
    checks: &[
        "cred-expired",
        "cert-expired",
        "key-mismatch",
        "cred-window",
        "metadata-url",
        "tenant-mismatch",
        "clock-skew",
    ],
};

pub(super) const SPACE_ERROR: Entry = Entry {
    id: 32058,
    level: Level::Error,
    source: STORAGE_SERVICE,
    name: "DatabaseSpaceError",
    text: "The database of Storage Service is filling up.\n\n\
           LYSS_DB_SPACE_USED_ERROR: used={used}, capacity={capacity}, percent={percent}",
    remedy: "Four fifths of the room for waiting items are used: items come faster than they are \
             delivered. `actas storage status` shows what waits and why; remove what keeps \
             mailboxes from being delivered to, or give more room with \
             `Set-CsStorageServiceConfiguration -CapacityBytes`.",
    checks: &["lyss-size"],
};

pub(super) const SPACE_CRITICAL: Entry = Entry {
    id: 32059,
    level: Level::Error,
    source: STORAGE_SERVICE,
    name: "DatabaseSpaceCritical",
    text: "The database of Storage Service is nearly full.\n\n\
           LYSS_DB_SPACE_USED_CRITICAL: used={used}, capacity={capacity}, percent={percent}",
    remedy: "Nine tenths of the room for waiting items are used. When all of it is, no further \
             item is accepted until there is room again; nothing that was accepted is lost. \
             Flush with `Invoke-CsStorageServiceFlush -FlushType SteadyState -PoolFqdn <pool>`, \
             or give more room with `Set-CsStorageServiceConfiguration -CapacityBytes`.",
    checks: &["lyss-size"],
};

pub(super) const FULL_FLUSH_STARTED: Entry = Entry {
    id: 32075,
    level: Level::Information,
    source: STORAGE_SERVICE,
    name: "FullFlushStarted",
    text: "A full flush of Storage Service was started.\n\nfolder={folder}",
    remedy: "Every waiting item is being written to files. There is nothing to do.",
    checks: &[],
};

pub(super) const FULL_FLUSH_COMPLETED: Entry = Entry {
    id: 32076,
    level: Level::Information,
    source: STORAGE_SERVICE,
    name: "FullFlushCompleted",
    text: "A full flush of Storage Service was completed.\n\nfolder={folder}, items={items}, files={files}",
    remedy: "The items are in the files and no longer in the queue. Bring them back, here or on \
             another server, with `actas storage import <file>`.",
    checks: &[],
};

pub(super) const MAINTENANCE_FLUSH_STARTED: Entry = Entry {
    id: 32082,
    level: Level::Information,
    source: STORAGE_SERVICE,
    name: "MaintenanceFlushStarted",
    text: "A maintenance flush of Storage Service was started.\n\nfolder={folder}",
    remedy: "Items that were set aside or have been failing are being written to files. There is \
             nothing to do.",
    checks: &[],
};

pub(super) const MAINTENANCE_FLUSH_COMPLETED: Entry = Entry {
    id: 32083,
    level: Level::Information,
    source: STORAGE_SERVICE,
    name: "MaintenanceFlushCompleted",
    text: "A maintenance flush of Storage Service was completed.\n\nfolder={folder}, items={items}, files={files}",
    remedy: "The items are in the files and no longer in the queue. When what kept them is mended, \
             bring them back with `actas storage import <file>`.",
    checks: &[],
};

pub(super) const SPACE_FLUSH: Entry = Entry {
    id: 32089,
    level: Level::Warning,
    source: STORAGE_SERVICE,
    name: "FlushForSpace",
    text: "A flush of Storage Service was caused by the database filling up.\n\n\
           used={used}, capacity={capacity}, percent={percent}",
    remedy: "Three fifths of the room for waiting items are used; items that were set aside or have \
             been failing are written to files. They are brought back by themselves when there is \
             room, unless `Set-CsStorageServiceConfiguration -EnableAutoImportFlushedData $false` \
             was said.",
    checks: &[],
};

pub(super) const TRUST_SETTINGS_CHANGED: Entry = Entry {
    id: 45001,
    level: Level::Information,
    source: TRUST,
    name: "TrustSettingsChanged",
    text: "The trust settings were changed.\n\n\
           command={command}, object={object}, identity={identity}[, by={by}]",
    remedy: "Somebody changed whom this server trusts or how. If nobody of yours did, undo it \
             with the same command and find out who had access.",
    checks: &[],
};

pub(super) const CERTIFICATE_ROLLED: Entry = Entry {
    id: 45002,
    level: Level::Information,
    source: CERTIFICATES,
    name: "CertificateRolled",
    text: "Another certificate signs the tokens now.\n\n\
           thumbprint={thumbprint}, notAfter={notAfter}[, previous={previous}]",
    remedy: "The staged certificate took over. The previous one is kept so that tokens it signed \
             still validate; remove it with `Remove-CsCertificate -Type OAuthTokenIssuer \
             -Identity Global -Previous` when they have ended. `actas renew` does so by itself.",
    checks: &[],
};

pub(super) const CREDENTIAL_PUBLISHED: Entry = Entry {
    id: 45003,
    level: Level::Information,
    source: CERTIFICATES,
    name: "CredentialPublished",
    text: "A credential was published in the directory.\n\n\
           application={application}, keyId={keyId}, endDate={endDate}[, thumbprint={thumbprint}]",
    remedy: "The directory accepts tokens signed with this certificate from now on. If nobody of \
             yours published it, remove it at once with `Remove-MsolServicePrincipalCredential`: \
             a foreign credential is a way in.",
    checks: &[],
};

pub(super) const CREDENTIAL_RETIRED: Entry = Entry {
    id: 45004,
    level: Level::Information,
    source: CERTIFICATES,
    name: "CredentialRetired",
    text: "A credential was removed from the directory.\n\n\
           application={application}, keyId={keyId}, endDate={endDate}[, thumbprint={thumbprint}]",
    remedy: "The directory refuses tokens signed with this certificate from now on. If it is the \
             one that signs, publish it again with `New-MsolServicePrincipalCredential`.",
    checks: &[],
};

pub(super) const DELIVERY_GIVEN_UP: Entry = Entry {
    id: 45005,
    level: Level::Error,
    source: STORAGE_SERVICE,
    name: "DeliveryGivenUp",
    text: "An item was set aside and will not be delivered by itself.\n\n\
           item={item}, component={component}, mailbox={mailbox}, attempts={attempts}, \
           reason={reason}",
    remedy: "The mailbox's server refused the item for a reason that does not pass, or for too \
             long. `actas storage show` shows the item and its reason; when the cause is gone, \
             `actas storage retry` delivers it.",
    checks: &["lyss-stuck", "mailbox"],
};

pub(super) const TARGET_UNAVAILABLE: Entry = Entry {
    id: 45006,
    level: Level::Warning,
    source: STORAGE_SERVICE,
    name: "TargetUnavailable",
    text: "A server does not answer and is left alone for a while.\n\ntarget={target}",
    remedy: "Several calls in a row came to nothing, or the server asked to be left alone. Items for \
             it wait; one call at a time tries whether it is back. If it stays, see whether the \
             server runs, and whether its name resolves from here.",
    checks: &["autod-dns", "proxy"],
};

pub(super) const TARGET_RECOVERED: Entry = Entry {
    id: 45007,
    level: Level::Information,
    source: STORAGE_SERVICE,
    name: "TargetRecovered",
    text: "A server that did not answer is back.\n\ntarget={target}",
    remedy: "Deliveries to it go on by themselves. There is nothing to do.",
    checks: &[],
};

pub(super) const SPACE_NORMAL: Entry = Entry {
    id: 45008,
    level: Level::Information,
    source: STORAGE_SERVICE,
    name: "DatabaseSpaceNormal",
    text: "The size of the database of Storage Service is back to normal.\n\n\
           used={used}, capacity={capacity}, percent={percent}",
    remedy: "Items that were flushed for lack of room come back by themselves. There is nothing to do.",
    checks: &[],
};

pub(super) const TOKEN_REFUSED: Entry = Entry {
    id: 45010,
    level: Level::Warning,
    source: TOKEN_SERVICE,
    name: "TokenRefused",
    text: "A token or a request for one was refused.\n\n\
           rule={rule}, tenant={tenant}[, actor={actor}][, subject={subject}]\
           [, resource={resource}][, tokenHash={tokenHash}][, reason={reason}]",
    remedy: "Somebody presented what breaks the named rule. From a partner of yours this is a \
             fault of its configuration; `actas token inspect` explains a token. From anybody \
             else it is an attempt to get in: count the events by actor and address.",
    checks: &[],
};

pub(super) const TOKEN_ISSUED: Entry = Entry {
    id: 45011,
    level: Level::Information,
    source: TOKEN_SERVICE,
    name: "TokenIssued",
    text: "A token was issued.\n\n\
           tenant={tenant}[, actor={actor}][, subject={subject}][, resource={resource}]\
           [, tokenHash={tokenHash}][, expires={expires}]",
    remedy: "A record for audits. There is nothing to do.",
    checks: &[],
};

pub(super) const SOURCE_UNCLAIMED: Entry = Entry {
    id: 45020,
    level: Level::Warning,
    source: STORAGE_SERVICE,
    name: "SourceUnclaimed",
    text: "A record of another system is of nobody who has a mailbox here, and was put aside.\n\n\
           system={system}, users={users}, file={file}",
    remedy: "Nobody whom the record names is led to a mailbox. If one of them has one, add the user \
             to `[onprem.sources]` of the configuration, have the server read it again (SIGHUP), and \
             move the file into the spool folder. What is between strangers need not be posted; \
             remove its files.",
    checks: &[],
};

pub(super) const SOURCE_REFUSED: Entry = Entry {
    id: 45021,
    level: Level::Warning,
    source: STORAGE_SERVICE,
    name: "SourceRefused",
    text: "Something that a source was given is no item, and was set aside.\n\n\
           system={system}, what={what}, reason={reason}",
    remedy: "What was handed in cannot be read, or breaks a bound, as the reason says. Correct it \
             where it is made; an entry of the spool folder is corrected in `bad` and moved back.",
    checks: &[],
};

impl Entry {
    /// An event of this kind. Values from outside are cut to a bound and put on one line.
    pub(super) fn event<'a>(
        &self,
        now: Timestamp,
        fields: impl IntoIterator<Item = (&'static str, Option<&'a str>)>,
    ) -> Event {
        let fields: BTreeMap<String, String> =
            fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), one_line(value?)))).collect();
        Event {
            id: self.id,
            level: self.level,
            source: self.source.to_owned(),
            time: now,
            message: fill(self.text, &fields),
            fields,
            checks: self.checks.iter().map(|check| (*check).to_owned()).collect(),
        }
    }
}

/// Replaces `{field}` and decides on the parts in brackets, in one pass: values are not read
/// as templates.
fn fill(template: &str, fields: &BTreeMap<String, String>) -> String {
    let mut message = String::with_capacity(template.len() * 2);
    for part in template.split('[') {
        match part.split_once(']') {
            Some((optional, rest)) => {
                message.push_str(&replace(optional, fields).unwrap_or_default());
                message.push_str(&replace(rest, fields).unwrap_or_else(|| rest.to_owned()));
            }
            None => message.push_str(&replace(part, fields).unwrap_or_else(|| part.to_owned())),
        }
    }
    message
}

/// None if a field has no value.
fn replace(template: &str, fields: &BTreeMap<String, String>) -> Option<String> {
    let mut text = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}')?;
        text.push_str(before);
        text.push_str(fields.get(name)?);
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

fn one_line(value: &str) -> String {
    let mut line: String =
        value.chars().take(VALUE_LETTERS_MAX).map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if value.chars().nth(VALUE_LETTERS_MAX).is_some() {
        line.push('…');
    }
    line
}

const STORAGE_SERVICE: &str = "LS Storage Service";
const TRUST: &str = "Actas Trust";
const CERTIFICATES: &str = "Actas Certificates";
const TOKEN_SERVICE: &str = "Actas Token Service";

const VALUE_LETTERS_MAX: usize = 2048;
