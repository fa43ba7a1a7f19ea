//! Making certificates: a small private authority, self-signed ones, and requests.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyUsagePurpose, SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use crate::certificate::Certificate;
use crate::key::{KeyError, KeyPair, PrivateKey};
use crate::name::Name;
use crate::remote::{PublicHalf, RemoteSigner};

/// How long before `now` a TLS certificate begins, for peers whose clocks are behind.
pub const TLS_BACKDATED: Duration = Duration::from_mins(5);

/// A private certificate authority for TLS between machines that trust it.
///
/// Its certificates hold what strict verifiers ask for: critical basic constraints and key usage
/// and a subject key identifier in the authority's own, an authority key identifier in each leaf.
///
/// ```
/// use actas_certificate::Authority;
/// use std::time::Duration;
///
/// let now: jiff::Timestamp = "2026-12-01T00:00:00Z".parse()?;
/// let day = Duration::from_secs(24 * 60 * 60);
/// let authority = Authority::create("Fabrikam lab CA", now, day * 365)?;
/// let server = authority.issue_server(&["localhost".parse()?, "127.0.0.1".parse()?], now, day * 90)?;
/// assert_eq!(server.certificate().issuer(), "CN=Fabrikam lab CA");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Authority {
    pair: KeyPair,
}

impl Authority {
    /// Makes an authority with a new ECDSA key.
    pub fn create(common_name: &str, now: Timestamp, lifetime: Duration) -> Result<Self, IssueError> {
        let key = PrivateKey::generate_p256()?;
        let mut params = params(&common_name.into(), backdated(now), end(now, lifetime)?)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let signer = key.signer()?;
        finish(&params.self_signed(&signer)?, key).map(|pair| Self { pair })
    }

    /// Takes up an authority that was made before.
    pub fn from_key_pair(pair: KeyPair) -> Result<Self, IssueError> {
        if pair.certificate().is_ca() {
            Ok(Self { pair })
        } else {
            Err(IssueError::NotAnAuthority { subject: pair.certificate().subject().to_owned() })
        }
    }

    /// The authority's own certificate: what its peers have to trust.
    pub fn certificate(&self) -> &Certificate {
        self.pair.certificate()
    }

    /// Certificate and key, to be kept for [`from_key_pair`](Self::from_key_pair).
    pub fn key_pair(&self) -> &KeyPair {
        &self.pair
    }

    /// Issues a server's certificate with a new ECDSA key.
    ///
    /// It ends when the authority's own certificate does, if `lifetime` would reach beyond.
    pub fn issue_server(&self, names: &[Name], now: Timestamp, lifetime: Duration) -> Result<KeyPair, IssueError> {
        let first = names.first().ok_or(IssueError::NoNames)?.to_string();
        let common_name = if first.len() <= COMMON_NAME_LETTERS_MAX { &first } else { "server" };
        let until = end(now, lifetime)?.min(self.certificate().not_after());
        if until <= now {
            return Err(IssueError::AuthorityEnded { not_after: until, now });
        }
        let from = backdated(now).max(self.certificate().not_before());
        let mut params = params(&common_name.into(), from, until)?;
        params.subject_alt_names = alternative_names(names)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let issuer =
            Issuer::from_ca_cert_der(&CertificateDer::from(self.certificate().der()), self.pair.key().signer()?)?;
        let key = PrivateKey::generate_p256()?;
        let signed = params.signed_by(&key.signer()?, &issuer)?;
        finish(&signed, key)
    }
}

/// Whom a certificate is about: a common name, and what else an authority may ask for.
///
/// ```
/// use actas_certificate::issue::Subject;
///
/// let plain = Subject::from("fabrikam.example");
/// let full = Subject { organization: Some("Fabrikam".to_owned()), country: Some("IE".to_owned()), ..plain };
/// # let _ = full;
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Subject {
    /// `CN`, 1 to 64 characters.
    pub common_name: String,
    /// `O`, up to 64 characters, as the following ones.
    pub organization: Option<String>,
    /// `OU`.
    pub organizational_unit: Option<String>,
    /// `L`: the city.
    pub locality: Option<String>,
    /// `ST`: the state or province.
    pub state: Option<String>,
    /// `C`: two letters (ISO 3166).
    pub country: Option<String>,
}

impl From<&str> for Subject {
    fn from(common_name: &str) -> Self {
        Self { common_name: common_name.to_owned(), ..Self::default() }
    }
}

impl Subject {
    /// The name in the order of X.500: from the country down.
    fn distinguished_name(&self) -> Result<DistinguishedName, IssueError> {
        let refused = |text: &str| IssueError::Subject { subject_cn: text.escape_debug().to_string() };
        let mut name = DistinguishedName::new();
        if let Some(country) = &self.country {
            let letters = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_alphabetic());
            let code = country.to_ascii_uppercase().try_into().ok().filter(|_| letters);
            let code = code.ok_or_else(|| IssueError::Country { country: country.escape_debug().to_string() })?;
            name.push(DnType::CountryName, DnValue::PrintableString(code));
        }
        let parts = [
            (DnType::StateOrProvinceName, self.state.as_deref()),
            (DnType::LocalityName, self.locality.as_deref()),
            (DnType::OrganizationName, self.organization.as_deref()),
            (DnType::OrganizationalUnitName, self.organizational_unit.as_deref()),
            (DnType::CommonName, Some(self.common_name.as_str())),
        ];
        for (kind, text) in parts {
            let Some(text) = text else { continue };
            let letters = text.chars().count();
            if !(1..=COMMON_NAME_LETTERS_MAX).contains(&letters) || text.chars().any(char::is_control) {
                return Err(refused(text));
            }
            name.push(kind, text);
        }
        Ok(name)
    }
}

/// Makes a self-signed certificate with a new RSA key, as a server signs its tokens with.
///
/// The subject is the default SIP domain by custom; `dns_names` holds the further ones. 2048
/// `bits` are the usual choice.
pub fn self_signed(
    subject: impl Into<Subject>,
    dns_names: &[Name],
    now: Timestamp,
    lifetime: Duration,
    bits: usize,
) -> Result<KeyPair, IssueError> {
    self_signed_with(PrivateKey::generate_rsa(bits)?, subject, dns_names, now, lifetime)
}

/// Makes a self-signed certificate for a key that exists.
pub fn self_signed_with(
    key: PrivateKey,
    subject: impl Into<Subject>,
    dns_names: &[Name],
    now: Timestamp,
    lifetime: Duration,
) -> Result<KeyPair, IssueError> {
    let params = self_signed_params(&subject.into(), dns_names, now, lifetime)?;
    let signed = params.self_signed(&key.signer()?)?;
    finish(&signed, key)
}

/// Makes a self-signed certificate for a key that is not here, such as one in a PKCS#11
/// token. `sign` is given the bytes to be signed and returns an RSA signature
/// (RSASSA-PKCS1-v1_5 with SHA-256) or an ECDSA one (`r` and `s` of 32 bytes each, with
/// SHA-256), or says why there is none.
pub fn self_signed_elsewhere<E: fmt::Display>(
    public: &PublicHalf,
    sign: impl Fn(&[u8]) -> Result<Vec<u8>, E>,
    subject_cn: &str,
    dns_names: &[Name],
    now: Timestamp,
    lifetime: Duration,
) -> Result<Certificate, IssueError> {
    let params = self_signed_params(&subject_cn.into(), dns_names, now, lifetime)?;
    let remote = RemoteSigner::new(public, sign)?;
    let signed = params.self_signed(&remote).map_err(|error| match remote.refusal() {
        Some(why) => IssueError::Refused { why },
        None => error.into(),
    })?;
    Certificate::from_der(signed.der()).map_err(|error| IssueError::Refused { why: error.to_string() })
}

fn self_signed_params(
    subject: &Subject,
    dns_names: &[Name],
    now: Timestamp,
    lifetime: Duration,
) -> Result<CertificateParams, IssueError> {
    let mut params = params(subject, now, end(now, lifetime)?)?;
    params.subject_alt_names = alternative_names(dns_names)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    Ok(params)
}

/// Makes a certificate request (PKCS#10) as PEM, for an authority elsewhere.
///
/// `client_tls` asks for a certificate that a client of TLS may use as well.
pub fn certificate_request(
    subject: &Subject,
    dns_names: &[Name],
    client_tls: bool,
    key: &PrivateKey,
) -> Result<String, IssueError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject.distinguished_name()?;
    if client_tls {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    }
    params.subject_alt_names = alternative_names(dns_names)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let request = params.serialize_request(&key.signer()?)?;
    Ok(crate::certificate::pem("CERTIFICATE REQUEST", request.der()))
}

/// Why no certificate was made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The authority's certificate has ended.
    #[error("the authority's certificate ended at {not_after}; it is {now}")]
    AuthorityEnded {
        /// When it ended.
        not_after: Timestamp,
        /// The time of the attempt.
        now: Timestamp,
    },
    /// The country is no code.
    #[error("a country has two letters, as in `IE`; `{country}` does not fit")]
    Country {
        /// What was given.
        country: String,
    },
    /// The key would not do.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The lifetime is nothing, or reaches beyond what a certificate can say.
    #[error("a certificate cannot live {seconds} seconds from {now}")]
    Lifetime {
        /// The lifetime asked for.
        seconds: u64,
        /// Its beginning.
        now: Timestamp,
    },
    /// A server's certificate needs a name.
    #[error("a server's certificate needs at least one name")]
    NoNames,
    /// The certificate may not sign others.
    #[error("`{subject}` is not a certificate authority")]
    NotAnAuthority {
        /// Whom the certificate is about.
        subject: String,
    },
    /// The library refused.
    #[error("the certificate could not be made: {why}")]
    Refused {
        /// Its reason.
        why: String,
    },
    /// A part of the subject's name is empty or too long.
    #[error("a name in a subject has 1 to 64 characters and no control characters; `{subject_cn}` does not fit")]
    Subject {
        /// The name.
        subject_cn: String,
    },
}

impl IssueError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::AuthorityEnded { .. } => "make a new authority, and have its peers trust it",
            Self::Country { .. } => "give the code of ISO 3166, such as `US`",
            Self::Key(error) => error.hint(),
            Self::Lifetime { .. } => "choose a lifetime between a second and some years",
            Self::NoNames => "name the host that clients connect to, such as `localhost`",
            Self::NotAnAuthority { .. } => "give the authority's certificate, not a server's",
            Self::Refused { .. } => "use an RSA or ECDSA key",
            Self::Subject { .. } => "use the default SIP domain as the common name, and put longer names beside it",
        }
    }
}

impl From<rcgen::Error> for IssueError {
    fn from(error: rcgen::Error) -> Self {
        Self::Refused { why: error.to_string() }
    }
}

fn params(subject: &Subject, from: Timestamp, until: Timestamp) -> Result<CertificateParams, IssueError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject.distinguished_name()?;
    params.not_before = date(from)?;
    params.not_after = date(until)?;
    params.serial_number = Some(serial()?);
    Ok(params)
}

fn alternative_names(names: &[Name]) -> Result<Vec<SanType>, IssueError> {
    names
        .iter()
        .map(|name| match (name.dns(), name.ip()) {
            (_, Some(address)) => Ok(SanType::IpAddress(address)),
            (dns, None) => Ok(SanType::DnsName(dns.unwrap_or_default().try_into()?)),
        })
        .collect()
}

/// 126 random bits in 16 bytes, positive in DER.
fn serial() -> Result<SerialNumber, IssueError> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| KeyError::Generation)?;
    bytes[0] = (bytes[0] & 0x7F) | 0x40;
    Ok(SerialNumber::from_slice(&bytes))
}

fn finish(signed: &rcgen::Certificate, key: PrivateKey) -> Result<KeyPair, IssueError> {
    let certificate =
        Certificate::from_der(signed.der()).map_err(|error| IssueError::Refused { why: error.to_string() })?;
    Ok(KeyPair::new(certificate, key)?)
}

fn backdated(now: Timestamp) -> Timestamp {
    now.checked_sub(TLS_BACKDATED).unwrap_or(now)
}

fn end(now: Timestamp, lifetime: Duration) -> Result<Timestamp, IssueError> {
    now.checked_add(lifetime)
        .ok()
        .filter(|_| lifetime >= Duration::from_secs(1))
        .ok_or(IssueError::Lifetime { seconds: lifetime.as_secs(), now })
}

/// Certificates count whole seconds.
fn date(timestamp: Timestamp) -> Result<OffsetDateTime, IssueError> {
    OffsetDateTime::from_unix_timestamp(timestamp.as_second())
        .map_err(|_| IssueError::Lifetime { seconds: 0, now: timestamp })
}

const COMMON_NAME_LETTERS_MAX: usize = 64;
