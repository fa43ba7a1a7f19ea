//! Keys of applications and service principals, and the rules about their dates.

use actas_certificate::{Certificate, CertificateError};
use actas_token::VerifyingKey;
use jiff::{SignedDuration, Timestamp, ToSpan, tz::TimeZone};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::password::PasswordCredential;

/// The most credentials of one kind on one object.
pub const CREDENTIALS_MAX: usize = 256;
/// The longest key, in bytes: certificates with many names stay well below.
pub const KEY_BYTES_MAX: usize = 16 * 1024;
/// The longest `customKeyIdentifier`, in bytes.
pub const CUSTOM_KEY_IDENTIFIER_BYTES_MAX: usize = 128;

/// What kind of key.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum KeyKind {
    /// A certificate.
    AsymmetricX509Cert,
    /// A shared key. Kept for what administrators stored by mistake; proves nothing here.
    Symmetric,
    /// A private key under a password, for a directory that signs in the application's name.
    /// Nothing is signed so here: the entry is kept, and neither the key nor its password.
    X509CertAndPassword,
}

impl KeyKind {
    /// Graph's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AsymmetricX509Cert => "AsymmetricX509Cert",
            Self::Symmetric => "Symmetric",
            Self::X509CertAndPassword => "X509CertAndPassword",
        }
    }
}

/// What a key is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum KeyUsage {
    /// Signing on the principal's behalf.
    Sign,
    /// Verifying what the principal signed.
    Verify,
}

impl KeyUsage {
    /// Graph's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sign => "Sign",
            Self::Verify => "Verify",
        }
    }
}

/// A key of an application or a service principal (Graph `keyCredential`).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct KeyCredential {
    /// Its id.
    pub key_id: Uuid,
    /// Certificate or shared key.
    pub kind: KeyKind,
    /// What it is for.
    pub usage: KeyUsage,
    /// DER of the certificate, or the key's bytes.
    #[serde(with = "base64_bytes")]
    pub key: Vec<u8>,
    /// From when it counts.
    pub start: Timestamp,
    /// Until when it counts.
    pub end: Timestamp,
    /// As the client sent it; the SHA-1 thumbprint in hexadecimal when it sent none.
    pub custom_key_identifier: String,
    /// For people.
    pub display_name: String,
}

/// Why a key credential is not taken.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialRefused {
    /// The bytes are no certificate.
    #[error("the key is not a DER certificate: {0}")]
    NotACertificate(String),
    /// A key nobody should sign with.
    #[error("the certificate cannot sign tokens: {0}")]
    Weak(String),
    /// The bytes are no PKCS#12 file.
    #[error("the key of type X509CertAndPassword is not a PKCS#12 file (.pfx)")]
    NotAPfx,
    /// What a key of this kind is not for.
    #[error("the usage '{}' does not go with the type '{}'", .1.as_str(), .0.as_str())]
    Usage(KeyKind, KeyUsage),
    /// Start on or after end.
    #[error("the start date {0} is not before the end date {1}")]
    Inverted(Timestamp, Timestamp),
    /// It would never count.
    #[error("the end date {0} has passed")]
    Ended(Timestamp),
    /// A start date further back than a day.
    #[error("the start date {0} lies more than a day in the past")]
    StartInPast(Timestamp),
    /// A kept credential was changed.
    #[error("Update to existing credential with KeyId '{0}' is not allowed.")]
    NotUpdatable(Uuid),
    /// A new credential without key.
    #[error("a new key credential needs a key")]
    NoKey,
    /// A field beyond its length.
    #[error("the {0} is longer than {1} bytes")]
    TooLong(&'static str, usize),
    /// Two entries with one id.
    #[error("the key id '{0}' appears twice")]
    DuplicateId(Uuid),
    /// Too many.
    #[error("an object holds at most {CREDENTIALS_MAX} key credentials")]
    TooMany,
}

/// What an administrator should know about a credential that was taken.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialWarning {
    /// Before the certificate's own start.
    #[error("the start date {0} is before the certificate's own, {1}: no token will be issued for this credential")]
    BeforeCertificate(Timestamp, Timestamp),
    /// After the certificate's own end.
    #[error("the end date {0} is after the certificate's own, {1}: no token will be issued for this credential")]
    AfterCertificate(Timestamp, Timestamp),
    /// Over a year.
    #[error("the credential lives longer than one year; some directories refuse that")]
    OverOneYear,
}

/// A credential as a client asks for it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyCredentialRequest {
    /// Keeps the stored credential of this id, or names a new one.
    pub key_id: Option<Uuid>,
    /// Absent when a stored credential is kept.
    pub key: Option<Vec<u8>>,
    /// Defaults to a certificate.
    pub kind: Option<KeyKind>,
    /// Defaults to `Verify`.
    pub usage: Option<KeyUsage>,
    /// Defaults to now, or to the certificate's start if that is later.
    pub start: Option<Timestamp>,
    /// Defaults to one year after start, or to the certificate's end if that is earlier.
    pub end: Option<Timestamp>,
    /// Echoed verbatim.
    pub custom_key_identifier: Option<String>,
    /// For people.
    pub display_name: Option<String>,
}

impl KeyCredential {
    /// Makes a credential under the rules, with what there is to warn of.
    pub fn new(
        request: &KeyCredentialRequest,
        new_id: Uuid,
        now: Timestamp,
    ) -> Result<(Self, Vec<CredentialWarning>), CredentialRefused> {
        let key = request.key.clone().ok_or(CredentialRefused::NoKey)?;
        if key.len() > KEY_BYTES_MAX {
            return Err(CredentialRefused::TooLong("key", KEY_BYTES_MAX));
        }
        if request.custom_key_identifier.as_ref().is_some_and(|id| id.len() > CUSTOM_KEY_IDENTIFIER_BYTES_MAX) {
            return Err(CredentialRefused::TooLong("customKeyIdentifier", CUSTOM_KEY_IDENTIFIER_BYTES_MAX));
        }
        let kind = request.kind.unwrap_or(KeyKind::AsymmetricX509Cert);
        let usage = request.usage.unwrap_or(KeyUsage::Verify);
        check_usage(kind, usage)?;
        let (certificate, key) = match kind {
            KeyKind::AsymmetricX509Cert => (Some(read_certificate(&key)?), key),
            KeyKind::Symmetric => (None, key),
            KeyKind::X509CertAndPassword if is_pfx(&key) => (None, Vec::new()),
            KeyKind::X509CertAndPassword => return Err(CredentialRefused::NotAPfx),
        };
        let (mut start, mut end) = (request.start.unwrap_or(now), request.end);
        if let Some(certificate) = &certificate {
            if request.start.is_none() {
                start = start.max(certificate.not_before());
            }
            if end.is_none() {
                end = Some(one_year_after(start).min(certificate.not_after()));
            }
        }
        let end = end.unwrap_or_else(|| one_year_after(start));
        check_dates(start, end, now)?;
        let warnings = certificate.as_ref().map_or_else(Vec::new, |c| warnings(c, start, end));
        let thumbprint = certificate.as_ref().map_or_else(String::new, |c| c.thumbprint().to_string());
        let subject = certificate.as_ref().map_or_else(String::new, |c| c.subject().to_string());
        let credential = Self {
            key_id: request.key_id.unwrap_or(new_id),
            kind,
            usage,
            key,
            start,
            end,
            custom_key_identifier: request.custom_key_identifier.clone().unwrap_or(thumbprint),
            display_name: request.display_name.clone().unwrap_or(subject).chars().take(90).collect(),
        };
        Ok((credential, warnings))
    }

    /// Whether it proves the principal's identity now: a certificate for verifying, now
    /// inside its window, and that window inside the certificate's own. A credential
    /// whose window exceeds its certificate's is stored and never counts, as the
    /// original directory has it.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.kind == KeyKind::AsymmetricX509Cert
            && self.usage == KeyUsage::Verify
            && self.start <= now
            && now < self.end
            && self
                .certificate()
                .is_some_and(|certificate| is_inside(&certificate, self.start, self.end) == (true, true))
    }

    /// The certificate, if it is one.
    pub fn certificate(&self) -> Option<Certificate> {
        Certificate::from_der(&self.key).ok()
    }

    /// The key as the token service verifies with it.
    pub fn verifying_key(&self) -> Option<VerifyingKey> {
        VerifyingKey::from_certificate(&self.key).ok()
    }

    fn is_kept_by(&self, request: &KeyCredentialRequest) -> bool {
        let same = |wanted: Option<Timestamp>, own: Timestamp| {
            wanted.is_none_or(|wanted| wanted.as_second() == own.as_second())
        };
        request.key.as_ref().is_none_or(|key| *key == self.key)
            && request.kind.is_none_or(|kind| kind == self.kind)
            && request.usage.is_none_or(|usage| usage == self.usage)
            && same(request.start, self.start)
            && same(request.end, self.end)
    }
}

/// Everything that proves an application's identity in a tenant: the keys and secrets of
/// its service principal, then those of its application, if that is registered here too.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Certificates.
    pub keys: Vec<KeyCredential>,
    /// Secrets, hashed.
    pub passwords: Vec<PasswordCredential>,
}

impl Credentials {
    /// Keys that count at this moment, ready to verify with.
    pub fn live_keys(&self, now: Timestamp) -> Vec<VerifyingKey> {
        self.keys.iter().filter(|key| key.is_live(now)).filter_map(KeyCredential::verifying_key).collect()
    }

    /// Secrets that count at this moment.
    pub fn live_passwords(&self, now: Timestamp) -> impl Iterator<Item = &PasswordCredential> {
        self.passwords.iter().filter(move |password| password.is_live(now))
    }
}

/// Adds one key to those that are stored.
pub fn add(
    stored: &[KeyCredential],
    request: &KeyCredentialRequest,
    new_id: Uuid,
    now: Timestamp,
) -> Result<(KeyCredential, Vec<CredentialWarning>), CredentialRefused> {
    if stored.len() >= CREDENTIALS_MAX {
        return Err(CredentialRefused::TooMany);
    }
    let (new, warnings) = KeyCredential::new(request, new_id, now)?;
    if stored.iter().any(|own| own.key_id == new.key_id) {
        return Err(CredentialRefused::DuplicateId(new.key_id));
    }
    Ok((new, warnings))
}

/// Replaces a whole collection, as Graph's PATCH does: what is left out is deleted, an
/// entry with a known id or a known key is kept as it is stored, the rest is new. All
/// or nothing.
pub fn replace(
    stored: &[KeyCredential],
    wanted: &[KeyCredentialRequest],
    mut new_id: impl FnMut() -> Uuid,
    now: Timestamp,
) -> Result<(Vec<KeyCredential>, Vec<CredentialWarning>), CredentialRefused> {
    if wanted.len() > CREDENTIALS_MAX {
        return Err(CredentialRefused::TooMany);
    }
    let (mut all, mut warnings) = (Vec::<KeyCredential>::with_capacity(wanted.len()), Vec::new());
    for request in wanted {
        let by_id = request.key_id.and_then(|id| stored.iter().find(|own| own.key_id == id));
        let by_key = || {
            // A re-sent entry may carry only key, type and usage.
            let usage = request.usage.unwrap_or(KeyUsage::Verify);
            let key = request
                .key
                .as_ref()
                .filter(|_| request.key_id.is_none() && request.start.is_none() && request.end.is_none())?;
            stored.iter().find(|own| own.key == *key && own.usage == usage)
        };
        let credential = match by_id.or_else(by_key) {
            Some(kept) if kept.is_kept_by(request) => kept.clone(),
            Some(changed) => return Err(CredentialRefused::NotUpdatable(changed.key_id)),
            None => {
                let (new, mut more) = KeyCredential::new(request, new_id(), now)?;
                warnings.append(&mut more);
                new
            }
        };
        if all.iter().any(|other| other.key_id == credential.key_id) {
            return Err(CredentialRefused::DuplicateId(credential.key_id));
        }
        all.push(credential);
    }
    Ok((all, warnings))
}

/// As Graph has it: certificates verify what others sign, private keys sign.
fn check_usage(kind: KeyKind, usage: KeyUsage) -> Result<(), CredentialRefused> {
    match (kind, usage) {
        (KeyKind::AsymmetricX509Cert, KeyUsage::Verify)
        | (KeyKind::X509CertAndPassword, KeyUsage::Sign)
        | (KeyKind::Symmetric, _) => Ok(()),
        _ => Err(CredentialRefused::Usage(kind, usage)),
    }
}

fn is_pfx(bytes: &[u8]) -> bool {
    matches!(Certificate::from_pem_or_der(bytes), Err(CertificateError::Pkcs12))
}

fn read_certificate(der: &[u8]) -> Result<Certificate, CredentialRefused> {
    let certificate =
        Certificate::from_der(der).map_err(|error| CredentialRefused::NotACertificate(error.to_string()))?;
    VerifyingKey::from_certificate(der).map_err(|error| CredentialRefused::Weak(error.to_string()))?;
    Ok(certificate)
}

fn check_dates(start: Timestamp, end: Timestamp, now: Timestamp) -> Result<(), CredentialRefused> {
    if start >= end {
        return Err(CredentialRefused::Inverted(start, end));
    }
    if end <= now {
        return Err(CredentialRefused::Ended(end));
    }
    if now.duration_since(start) > SignedDuration::from_hours(24) {
        return Err(CredentialRefused::StartInPast(start));
    }
    Ok(())
}

/// Dates are compared in whole seconds: certificates know no fractions.
fn is_inside(certificate: &Certificate, start: Timestamp, end: Timestamp) -> (bool, bool) {
    let starts_inside = start.as_second() >= certificate.not_before().as_second();
    (starts_inside, end.as_second() <= certificate.not_after().as_second())
}

fn warnings(certificate: &Certificate, start: Timestamp, end: Timestamp) -> Vec<CredentialWarning> {
    let mut all = Vec::new();
    let (starts_inside, ends_inside) = is_inside(certificate, start, end);
    if !starts_inside {
        all.push(CredentialWarning::BeforeCertificate(start, certificate.not_before()));
    }
    if !ends_inside {
        all.push(CredentialWarning::AfterCertificate(end, certificate.not_after()));
    }
    if end > one_year_after(start) {
        all.push(CredentialWarning::OverOneYear);
    }
    all
}

/// The same instant of the next year.
pub fn one_year_after(start: Timestamp) -> Timestamp {
    let next_year = start.to_zoned_datetime(TimeZone::UTC).checked_add(1.year());
    // Only in the year 9998 is there no next one.
    next_year.map_or(Timestamp::MAX, |zoned| zoned.timestamp())
}

mod base64_bytes {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], writer: S) -> Result<S::Ok, S::Error> {
        writer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(reader: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(reader)?).map_err(D::Error::custom)
    }
}
