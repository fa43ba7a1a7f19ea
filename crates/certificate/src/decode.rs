//! From the bytes of a file or a parameter to the DER of exactly one certificate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::error::X509Error;
use x509_parser::nom::error::ErrorKind;
use zeroize::Zeroizing;

/// The most bytes accepted as one certificate, in whatever wrapping.
pub const CERTIFICATE_BYTES_MAX: usize = 256 * 1024;

/// Why bytes are not the one certificate that was wanted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// A PKCS#7 bundle (`.p7b`).
    #[error("this is a PKCS#7 bundle, not a single certificate")]
    Bundle,
    /// There is nothing in it.
    #[error("the certificate is empty")]
    Empty,
    /// It carries a private key, which does not belong where a certificate is wanted.
    #[error("this file holds a private key")]
    HoldsPrivateKey,
    /// It is neither DER nor PEM nor base64 of a certificate.
    #[error("this is not a certificate: {why}")]
    NotACertificate {
        /// What was wrong with it.
        why: String,
    },
    /// A PKCS#12 file (`.pfx`, `.p12`).
    #[error("this is a PKCS#12 file (.pfx or .p12), which holds a private key")]
    Pkcs12,
    /// A certificate signing request.
    #[error("this is a certificate request, not a certificate")]
    Request,
    /// More than one certificate where one is wanted.
    #[error("this holds {count} certificates where one is wanted")]
    Several {
        /// How many there are.
        count: usize,
    },
    /// More bytes than any certificate needs.
    #[error("{bytes} bytes are too many for a certificate; the limit is {CERTIFICATE_BYTES_MAX}")]
    TooLarge {
        /// How many there are.
        bytes: usize,
    },
}

impl CertificateError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Bundle => {
                "write the certificate you mean to a file of its own: `openssl pkcs7 -print_certs -in FILE`"
            }
            Self::Empty => "give a certificate as DER, as PEM or as one line of base64",
            Self::HoldsPrivateKey => "give the certificate alone: `Export-CsCertificate` writes it without its key",
            Self::NotACertificate { .. } => {
                "give an X.509 certificate as DER (.cer), as PEM or as base64 of the DER; it may have been cut short in copying"
            }
            Self::Pkcs12 => {
                "take the certificate out of it: `openssl pkcs12 -in FILE -clcerts -nokeys -out certificate.pem`"
            }
            Self::Request => "send the request to your authority and use the certificate it returns",
            Self::Several { .. } => {
                "keep only the certificate you mean; the authority's own certificates are not needed"
            }
            Self::TooLarge { .. } => "check that the file is a certificate",
        }
    }
}

/// The DER of the one certificate in `bytes`: DER, PEM, or base64 of DER.
pub(crate) fn one(bytes: &[u8]) -> Result<Vec<u8>, CertificateError> {
    let mut all = several(bytes, Keys::Refused)?;
    match all.pop() {
        Some(only) if all.is_empty() => Ok(only),
        Some(_) => Err(CertificateError::Several { count: all.len() + 1 }),
        None => Err(CertificateError::Empty),
    }
}

/// What is done about private keys among certificates.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Keys {
    /// Who wants a certificate alone is told that this is more.
    Refused,
    /// The file is of both.
    PassedOver,
}

/// The DER of every certificate in `bytes`, at least one.
pub(crate) fn several(bytes: &[u8], keys: Keys) -> Result<Vec<Vec<u8>>, CertificateError> {
    if bytes.len() > CERTIFICATE_BYTES_MAX {
        return Err(CertificateError::TooLarge { bytes: bytes.len() });
    }
    if bytes.first() == Some(&DER_SEQUENCE) {
        return der(bytes);
    }
    // What is read here may turn out to hold a private key.
    let text = Zeroizing::new(text_of(bytes)?);
    let text = text.trim();
    if text.is_empty() {
        Err(CertificateError::Empty)
    } else if text.contains("-----BEGIN") {
        pem(text, keys)
    } else {
        der(&base64(text)?)
    }
}

/// A PEM section: its label and its bytes.
pub(crate) struct Section<'a> {
    pub(crate) label: &'a str,
    pub(crate) der: Zeroizing<Vec<u8>>,
}

/// The sections of a PEM text, in order.
pub(crate) fn sections(text: &str) -> Result<Vec<Section<'_>>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("-----BEGIN ") {
        let (label, body) = after
            .split_once("-----")
            .filter(|(label, _)| !label.contains('\n'))
            .ok_or("a PEM begin line is not closed")?;
        let end = format!("-----END {label}-----");
        let (body, after) = body.split_once(&end).ok_or_else(|| format!("the line `{end}` is missing"))?;
        // RFC 1421 headers, as in "Proc-Type: 4,ENCRYPTED", say that the body is encrypted.
        if body.contains(':') {
            found.push(Section { label: "ENCRYPTED PRIVATE KEY", der: Zeroizing::default() });
        } else {
            let der = Zeroizing::new(base64_bytes(body)?);
            found.push(Section { label, der });
        }
        rest = after;
    }
    Ok(found)
}

/// The text of a file: UTF-8, or UTF-16 with a byte order mark as some shells write it.
pub(crate) fn text_of(bytes: &[u8]) -> Result<String, CertificateError> {
    let text = match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => str::from_utf8(rest).ok().map(str::to_owned),
        _ => str::from_utf8(bytes).ok().map(str::to_owned),
    };
    text.ok_or_else(|| not_a_certificate("it is neither DER nor text"))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    rest.is_empty().then(|| String::from_utf16(&units).ok()).flatten()
}

fn pem(text: &str, keys: Keys) -> Result<Vec<Vec<u8>>, CertificateError> {
    let sections = sections(text).map_err(not_a_certificate)?;
    let holds_key = sections.iter().any(|section| section.label.ends_with("PRIVATE KEY"));
    if holds_key && keys == Keys::Refused {
        return Err(CertificateError::HoldsPrivateKey);
    }
    let mut found = Vec::new();
    for section in &sections {
        match section.label {
            "CERTIFICATE" | "X509 CERTIFICATE" => {
                found.extend(der(&section.der)?);
            }
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
                return Err(CertificateError::Request);
            }
            "PKCS7" => return Err(CertificateError::Bundle),
            _ => {}
        }
    }
    if found.is_empty() && holds_key {
        return Err(CertificateError::HoldsPrivateKey);
    }
    if found.is_empty() {
        let labels: Vec<&str> = sections.iter().map(|section| section.label).collect();
        return Err(not_a_certificate(format!("it holds `{}` and no `CERTIFICATE`", labels.join("`, `"))));
    }
    Ok(found)
}

fn base64(text: &str) -> Result<Zeroizing<Vec<u8>>, CertificateError> {
    base64_bytes(text).map(Zeroizing::new).map_err(not_a_certificate)
}

fn base64_bytes(text: &str) -> Result<Vec<u8>, String> {
    let packed: Zeroizing<Vec<u8>> = Zeroizing::new(text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect());
    STANDARD.decode(packed.as_slice()).map_err(|_| "it is neither DER nor PEM, and not base64 either".to_owned())
}

/// Certificates that stand one after another as DER.
fn der(bytes: &[u8]) -> Result<Vec<Vec<u8>>, CertificateError> {
    refuse_what_is_known(bytes)?;
    let mut found = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (after, _) =
            x509_parser::parse_x509_certificate(rest).map_err(|error| not_a_certificate(explain(error)))?;
        found.push(rest[..rest.len() - after.len()].to_vec());
        rest = after;
    }
    if found.is_empty() {
        return Err(CertificateError::Empty);
    }
    Ok(found)
}

/// The parser's reason in words.
pub(crate) fn explain(error: x509_parser::nom::Err<X509Error>) -> String {
    match error {
        x509_parser::nom::Err::Incomplete(_)
        | x509_parser::nom::Err::Error(X509Error::NomError(ErrorKind::Eof))
        | x509_parser::nom::Err::Failure(X509Error::NomError(ErrorKind::Eof)) => "it is cut short".to_owned(),
        x509_parser::nom::Err::Error(inner) | x509_parser::nom::Err::Failure(inner) => inner.to_string(),
    }
}

/// The other things people take for a certificate, told apart by how their DER begins.
fn refuse_what_is_known(bytes: &[u8]) -> Result<(), CertificateError> {
    match inside(bytes).unwrap_or_default() {
        // PKCS#12: version 3
        [0x02, 0x01, 0x03, ..] => Err(CertificateError::Pkcs12),
        // PKCS#8 and PKCS#1: version 0; SEC1 and PKCS#8 with attributes: version 1
        [0x02, 0x01, 0x00 | 0x01, ..] => Err(CertificateError::HoldsPrivateKey),
        // PKCS#7: begins with its content type
        [0x06, ..] => Err(CertificateError::Bundle),
        // a request: its inner sequence begins with version 0, untagged
        inner => match inside(inner).unwrap_or_default() {
            [0x02, 0x01, 0x00, ..] => Err(CertificateError::Request),
            // an encrypted PKCS#8 key: an algorithm identifier and nothing signed
            [0x06, ..] => Err(CertificateError::HoldsPrivateKey),
            _ => Ok(()),
        },
    }
}

/// What stands behind the header of a DER sequence.
fn inside(bytes: &[u8]) -> Option<&[u8]> {
    let [DER_SEQUENCE, length, rest @ ..] = bytes else {
        return None;
    };
    match length {
        0..0x80 => Some(rest),
        0x80..=0xFF => rest.get(usize::from(length & 0x7F)..),
    }
}

fn not_a_certificate(why: impl Into<String>) -> CertificateError {
    CertificateError::NotACertificate { why: why.into() }
}

const DER_SEQUENCE: u8 = 0x30;
