//! A parsed view of one X.509 certificate.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

use crate::decode::{self, CertificateError, Keys};

/// The shortest RSA key that may sign tokens.
pub const TOKEN_KEY_BITS_MIN: usize = 2048;

/// One X.509 certificate, read once. Cloning is cheap.
///
/// Two certificates are equal when their DER is.
#[derive(Clone)]
pub struct Certificate(Arc<Parsed>);

impl Certificate {
    /// Reads one certificate from DER.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.is_empty() {
            return Err(CertificateError::Empty);
        }
        if der.first() != Some(&0x30) {
            return Err(CertificateError::NotACertificate { why: "it is not DER".to_owned() });
        }
        Self::from_pem_or_der(der)
    }

    /// Reads one certificate from whatever administrators have: DER, PEM, or base64 of DER with
    /// or without line breaks.
    ///
    /// ```
    /// use actas_certificate::{Certificate, CertificateError};
    ///
    /// let refused = Certificate::from_pem_or_der(b"  \r\n").unwrap_err();
    /// assert_eq!(refused, CertificateError::Empty);
    /// ```
    pub fn from_pem_or_der(bytes: &[u8]) -> Result<Self, CertificateError> {
        Self::parse(decode::one(bytes)?)
    }

    /// Reads one certificate from base64 of its DER; PEM armour is accepted too.
    pub fn from_base64(text: &str) -> Result<Self, CertificateError> {
        if text.as_bytes().first() == Some(&0x30) {
            return Err(CertificateError::NotACertificate { why: "it is not base64 of a certificate".to_owned() });
        }
        Self::from_pem_or_der(text.as_bytes())
    }

    /// Reads every certificate of a bundle: PEM sections or DER, one after another.
    pub fn several_from_pem_or_der(bytes: &[u8]) -> Result<Vec<Self>, CertificateError> {
        decode::several(bytes, Keys::Refused)?.into_iter().map(Self::parse).collect()
    }

    /// The first certificate of a bundle with private keys in it, which are passed over.
    pub(crate) fn first_beside_keys(bytes: &[u8]) -> Result<Self, CertificateError> {
        let all = decode::several(bytes, Keys::PassedOver)?;
        Self::parse(all.into_iter().next().ok_or(CertificateError::Empty)?)
    }

    /// The certificate as it is signed.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// The certificate in the type that TLS libraries take.
    pub fn to_tls(&self) -> CertificateDer<'static> {
        CertificateDer::from(self.0.der.clone())
    }

    /// Base64 with armour and 64 columns: "Base-64 encoded X.509".
    pub fn to_pem(&self) -> String {
        pem("CERTIFICATE", &self.0.der)
    }

    /// Base64 of the DER on one line, as a credential's value is given.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.0.der)
    }

    /// Whom it is about, most specific part first: `CN=sts, DC=fabrikam, DC=example`.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Who signed it, in the form of [`subject`](Self::subject).
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// The serial number as upper-case hex.
    pub fn serial_hex(&self) -> &str {
        &self.0.serial_hex
    }

    /// The DNS names of the subject alternative names.
    pub fn dns_names(&self) -> &[String] {
        &self.0.dns_names
    }

    /// The addresses of the subject alternative names.
    pub fn ip_addresses(&self) -> &[IpAddr] {
        &self.0.ip_addresses
    }

    /// The first instant at which it is valid.
    pub fn not_before(&self) -> Timestamp {
        self.0.not_before
    }

    /// The last instant at which it is valid.
    pub fn not_after(&self) -> Timestamp {
        self.0.not_after
    }

    /// SHA-1 of the DER as 40 upper-case hex digits, as administrators know it.
    pub fn thumbprint(&self) -> &str {
        &self.0.thumbprint
    }

    /// SHA-1 of the DER in base64url: the `x5t` of a token's header.
    pub fn x5t(&self) -> String {
        let sha1 = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &self.0.der);
        URL_SAFE_NO_PAD.encode(sha1)
    }

    /// SHA-256 of the DER in base64url: the `x5t#S256` of a token's header.
    pub fn x5t_s256(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &self.0.der))
    }

    /// The public key as a `SubjectPublicKeyInfo`.
    pub fn spki_der(&self) -> &[u8] {
        &self.0.spki_der
    }

    /// The key's size: of RSA the bits of the modulus, of a curve the bits of its field.
    pub fn key_bits(&self) -> usize {
        self.0.key_bits
    }

    /// The kind of the public key.
    pub fn key_algorithm(&self) -> &KeyAlgorithm {
        &self.0.key_algorithm
    }

    /// Whether it may sign certificates.
    pub fn is_ca(&self) -> bool {
        self.0.is_ca
    }

    /// Whether its key may sign tokens at `now`.
    pub fn check_usable_for_tokens(&self, now: Timestamp) -> Result<(), Unusable> {
        if self.0.key_algorithm != KeyAlgorithm::Rsa {
            return Err(Unusable::NotRsa { algorithm: self.0.key_algorithm.clone() });
        }
        if self.0.key_bits < TOKEN_KEY_BITS_MIN {
            return Err(Unusable::KeyTooShort { bits: self.0.key_bits });
        }
        if now < self.0.not_before {
            return Err(Unusable::NotYetValid { not_before: self.0.not_before, now });
        }
        if now > self.0.not_after {
            return Err(Unusable::Expired { not_after: self.0.not_after, now });
        }
        Ok(())
    }

    fn parse(der: Vec<u8>) -> Result<Self, CertificateError> {
        let broken = |why: String| CertificateError::NotACertificate { why };
        let (_, x509) = x509_parser::parse_x509_certificate(&der).map_err(|error| broken(decode::explain(error)))?;
        let (key_algorithm, key_bits) = key_kind(x509.public_key());
        let (dns_names, ip_addresses) = alternative_names(&x509).map_err(broken)?;
        let parsed = Parsed {
            subject: name_text(x509.subject()),
            issuer: name_text(x509.issuer()),
            serial_hex: upper_hex(x509.raw_serial()),
            dns_names,
            ip_addresses,
            not_before: timestamp(x509.validity().not_before.timestamp()),
            not_after: timestamp(x509.validity().not_after.timestamp()),
            thumbprint: upper_hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &der).as_ref()),
            spki_der: x509.public_key().raw.to_vec(),
            key_algorithm,
            key_bits,
            is_ca: x509.is_ca(),
            der: Vec::new(),
        };
        drop(x509);
        Ok(Self(Arc::new(Parsed { der, ..parsed })))
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl std::hash::Hash for Certificate {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.der.hash(state);
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.0.subject)
            .field("thumbprint", &self.0.thumbprint)
            .field("not_after", &self.0.not_after)
            .finish_non_exhaustive()
    }
}

/// The kind of a public key.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// ECDSA on a curve, named as NIST does: `P-256`.
    Ecdsa(String),
    /// Ed25519.
    Ed25519,
    /// Another one, by its object identifier.
    Other(String),
    /// RSA.
    Rsa,
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ecdsa(curve) => write!(f, "ECDSA {curve}"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Other(oid) => f.write_str(oid),
            Self::Rsa => f.write_str("RSA"),
        }
    }
}

/// Why a certificate's key may not sign tokens.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// It has ended.
    #[error("the certificate expired at {not_after}; it is {now}")]
    Expired {
        /// When it ended.
        not_after: Timestamp,
        /// The time of the check.
        now: Timestamp,
    },
    /// Its RSA key is too short.
    #[error("the certificate's key has {bits} bits; tokens need {TOKEN_KEY_BITS_MIN} or more")]
    KeyTooShort {
        /// The bits of its modulus.
        bits: usize,
    },
    /// Its key is not RSA.
    #[error("the certificate's key is {algorithm}; tokens are signed with RSA")]
    NotRsa {
        /// What it is.
        algorithm: KeyAlgorithm,
    },
    /// It has not begun.
    #[error("the certificate is not valid before {not_before}; it is {now}")]
    NotYetValid {
        /// When it begins.
        not_before: Timestamp,
        /// The time of the check.
        now: Timestamp,
    },
}

impl Unusable {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "run `actas renew`, or import another certificate",
            Self::KeyTooShort { .. } | Self::NotRsa { .. } => {
                "make one with `Request-CsCertificate -New -Type OAuthTokenIssuer -KeySize 2048`"
            }
            Self::NotYetValid { .. } => {
                "check this machine's clock, or stage the certificate with `-Roll -EffectiveDate`"
            }
        }
    }
}

struct Parsed {
    der: Vec<u8>,
    subject: String,
    issuer: String,
    serial_hex: String,
    dns_names: Vec<String>,
    ip_addresses: Vec<IpAddr>,
    not_before: Timestamp,
    not_after: Timestamp,
    thumbprint: String,
    spki_der: Vec<u8>,
    key_algorithm: KeyAlgorithm,
    key_bits: usize,
    is_ca: bool,
}

/// Armour around base64 in 64 columns.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    use std::fmt::Write as _;

    let body = zeroize::Zeroizing::new(STANDARD.encode(der));
    let lines = body.len() / PEM_COLUMNS + 1;
    // Sized beforehand: a key's text must not be left behind by a growing buffer.
    let mut text = String::with_capacity(body.len() + lines + 2 * label.len() + 64);
    let _ = writeln!(text, "-----BEGIN {label}-----");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(PEM_COLUMNS));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    let _ = writeln!(text, "-----END {label}-----");
    text
}

fn upper_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;

    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02X}");
        text
    })
}

/// The end of year 9999, which stands for "no end", lies just behind what a timestamp can hold.
fn timestamp(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(if second < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

fn key_kind(spki: &SubjectPublicKeyInfo<'_>) -> (KeyAlgorithm, usize) {
    let oid = spki.algorithm.algorithm.to_id_string();
    match spki.parsed() {
        Ok(PublicKey::RSA(rsa)) => {
            let modulus = rsa.modulus;
            let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
            let top = modulus.get(zeros).map_or(0, |byte| byte.leading_zeros() as usize);
            (KeyAlgorithm::Rsa, (modulus.len() - zeros) * 8 - top)
        }
        Ok(PublicKey::EC(_)) => {
            let curve = spki
                .algorithm
                .parameters
                .as_ref()
                .and_then(|parameters| parameters.as_oid().ok())
                .map(|oid| oid.to_id_string());
            let (name, bits) = match curve.as_deref() {
                Some("1.2.840.10045.3.1.7") => ("P-256", 256),
                Some("1.3.132.0.34") => ("P-384", 384),
                Some("1.3.132.0.35") => ("P-521", 521),
                Some(other) => (other, 0),
                None => ("unnamed curve", 0),
            };
            (KeyAlgorithm::Ecdsa(name.to_owned()), bits)
        }
        _ if oid == "1.3.101.112" => (KeyAlgorithm::Ed25519, 256),
        _ => (KeyAlgorithm::Other(oid), 0),
    }
}

fn alternative_names(x509: &X509Certificate<'_>) -> Result<(Vec<String>, Vec<IpAddr>), String> {
    let (mut names, mut addresses) = (Vec::new(), Vec::new());
    let extension = x509
        .subject_alternative_name()
        .map_err(|error| format!("its subject alternative names are unreadable: {error}"))?;
    for name in extension.iter().flat_map(|extension| &extension.value.general_names) {
        match name {
            GeneralName::DNSName(name) => names.push((*name).to_owned()),
            GeneralName::IPAddress(bytes) => {
                if let Ok(four) = <[u8; 4]>::try_from(*bytes) {
                    addresses.push(IpAddr::from(four));
                } else if let Ok(sixteen) = <[u8; 16]>::try_from(*bytes) {
                    addresses.push(IpAddr::from(sixteen));
                }
            }
            _ => {}
        }
    }
    Ok((names, addresses))
}

/// RFC 4514 order and escapes, with a space behind each comma as Windows prints it.
fn name_text(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> = name
        .iter_rdn()
        .map(|rdn| {
            let attributes: Vec<String> = rdn
                .iter()
                .map(|attribute| {
                    let oid = attribute.attr_type().to_id_string();
                    let value = attribute.attr_value();
                    let value = attribute
                        .as_str()
                        .map(escape)
                        .or_else(|_| value.as_bmpstring().map(|text| escape(&text.string())))
                        .unwrap_or_else(|_| format!("#{}", upper_hex(attribute.as_slice())));
                    format!("{}={value}", short_name(&oid))
                })
                .collect();
            attributes.join("+")
        })
        .collect();
    parts.reverse();
    parts.join(", ")
}

fn short_name(oid: &str) -> &str {
    match oid {
        "2.5.4.3" => "CN",
        "2.5.4.5" => "SERIALNUMBER",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "E",
        other => other,
    }
}

fn escape(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let mut text = String::with_capacity(value.len());
    for (place, letter) in value.chars().enumerate() {
        match letter {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => text.extend(['\\', letter]),
            '#' if place == 0 => text.push_str("\\#"),
            ' ' if place == 0 || place == last => text.push_str("\\ "),
            // A name is printed on terminals and in logs.
            control if control.is_control() => {
                let mut bytes = [0; 4];
                for byte in control.encode_utf8(&mut bytes).bytes() {
                    text.extend(['\\', hex_digit(byte >> 4), hex_digit(byte & 15)]);
                }
            }
            other => text.push(other),
        }
    }
    text
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase()
}

const PEM_COLUMNS: usize = 64;
