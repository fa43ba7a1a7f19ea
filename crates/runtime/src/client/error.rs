//! What went wrong between here and a peer, told apart so that a person knows whose move it is.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use rustls::CertificateError;
use rustls_pki_types::UnixTime;

use super::resolve::Unresolved;

/// Why there is no answer. Header values and bodies are in none of the texts.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The answer's body is larger than the request allows.
    #[error("the answer is larger than {limit} bytes")]
    BodyTooLarge {
        /// The bytes allowed.
        limit: usize,
    },
    /// No connection came about.
    #[error("no connection to {address}: {why}")]
    Connect {
        /// Host and port, with the mapped address if the host table has one.
        address: String,
        /// The system's reason.
        why: String,
    },
    /// What was given is not a URL that can be asked.
    #[error("`{url}` cannot be asked: {why}")]
    InvalidUrl {
        /// The URL, without what may be secret in it.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The host name has no address.
    #[error("the name `{host}` does not resolve: {why}")]
    NameResolution {
        /// The name.
        host: String,
        /// The resolver's reason.
        why: String,
    },
    /// Anything else, with the chain of its causes.
    #[error("the exchange with {host} failed: {why}")]
    Other {
        /// The host.
        host: String,
        /// The chain of causes.
        why: String,
    },
    /// The exchange took longer than it may.
    #[error("no complete answer within {} s", after.as_secs_f32())]
    Timeout {
        /// The time allowed.
        after: Duration,
    },
    /// The TLS handshake failed for a reason other than the certificate.
    #[error("the TLS handshake with {host} failed: {why}")]
    Tls {
        /// The host.
        host: String,
        /// The reason.
        why: String,
    },
    /// The certificate is for other names.
    #[error("the certificate of {host} is not for that name but for {}", listed(presented))]
    TlsName {
        /// The host asked.
        host: String,
        /// The names in the certificate.
        presented: Vec<String>,
    },
    /// The certificate is not believed.
    #[error("the certificate of {host} is not trusted: {why}")]
    TlsUntrusted {
        /// The host.
        host: String,
        /// The reason.
        why: String,
    },
}

impl ClientError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::BodyTooLarge { .. } => "check that the URL is the right one",
            Self::Connect { .. } => "check that the server runs, and that no firewall or proxy stands in between",
            Self::InvalidUrl { .. } => "give an absolute URL such as `https://sts.contoso.example/`",
            Self::NameResolution { .. } => {
                "check the name, and the DNS servers of this machine; `[client] hosts` can map it"
            }
            Self::Other { .. } => "try again; if it stays, look at the server's own log",
            Self::Timeout { .. } => "check that the server is not overloaded, and that nothing swallows the connection",
            Self::Tls { .. } => "check that TLS 1.2 or 1.3 is spoken on that port",
            Self::TlsName { .. } => {
                "use a URL with one of the certificate's names, or have the server's certificate reissued"
            }
            Self::TlsUntrusted { .. } => {
                "if you know its authority, name the authority's certificate in `[client] ca_files`"
            }
        }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::NameResolution { .. } | Self::Other { .. } | Self::Timeout { .. } => true,
            Self::BodyTooLarge { .. }
            | Self::InvalidUrl { .. }
            | Self::Tls { .. }
            | Self::TlsName { .. }
            | Self::TlsUntrusted { .. } => false,
        }
    }
}

/// Why no client could be made.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientBuildError {
    /// There is no authority to trust.
    #[error("there is no certificate authority to trust")]
    NoRoots,
    /// The library refused.
    #[error("the HTTP client cannot be set up: {why}")]
    Refused {
        /// Its reason.
        why: String,
    },
    /// A certificate cannot serve as an authority.
    #[error("certificate {place} of the additional authorities cannot be used: {why}")]
    Root {
        /// Its place, from 0.
        place: usize,
        /// The reason.
        why: String,
    },
}

impl ClientBuildError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoRoots => "install the package `ca-certificates`, or name authorities in `[client] ca_files`",
            Self::Refused { .. } => "check the host table and the user agent's name",
            Self::Root { .. } => "give certificates of authorities in `[client] ca_files`",
        }
    }
}

/// Finds the reason in a chain of errors.
pub(super) fn classify(
    error: &reqwest::Error,
    host: &str,
    port: u16,
    mapped: Option<SocketAddr>,
    connect_timeout: Duration,
) -> ClientError {
    let host = host.to_owned();
    if let Some(unresolved) = find::<Unresolved>(error) {
        return ClientError::NameResolution { host: unresolved.host.clone(), why: unresolved.why.clone() };
    }
    if let Some(tls) = find::<rustls::Error>(error) {
        return of_tls(tls, host);
    }
    if error.is_connect() {
        let address = match mapped {
            Some(mapped) => format!("{host}:{port} ({mapped})"),
            None => format!("{host}:{port}"),
        };
        let why = if error.is_timeout() {
            format!("no connection within {} s", connect_timeout.as_secs_f32())
        } else if let Some(system) = find::<io::Error>(error) {
            of_system(system)
        } else {
            chain_text(error)
        };
        return ClientError::Connect { address, why };
    }
    ClientError::Other { host, why: chain_text(error) }
}

/// Every cause, outermost first, each once and without the URL.
pub(super) fn chain_text(error: &reqwest::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
        next = cause.source();
    }
    if texts.is_empty() {
        texts.push("no further reason is known".to_owned());
    }
    texts.join(": ")
}

fn of_tls(error: &rustls::Error, host: String) -> ClientError {
    let rustls::Error::InvalidCertificate(reason) = error else {
        let why = match error {
            rustls::Error::InvalidMessage(_) => "what answers there does not speak TLS".to_owned(),
            rustls::Error::AlertReceived(alert) => format!("the server sent the alert {alert:?}"),
            other => other.to_string(),
        };
        return ClientError::Tls { host, why };
    };
    let why = match reason {
        CertificateError::NotValidForNameContext { presented, .. } => {
            let presented = presented.iter().map(|name| bare_name(name)).collect();
            return ClientError::TlsName { host, presented };
        }
        CertificateError::NotValidForName => {
            return ClientError::TlsName { host, presented: Vec::new() };
        }
        CertificateError::UnknownIssuer => "its authority is not known here".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("it expired at {}", date(*not_after))
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("it is not valid before {}; perhaps a clock is wrong", date(*not_before))
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "it is not a server's certificate".to_owned()
        }
        CertificateError::BadSignature => "its signature is wrong".to_owned(),
        CertificateError::Revoked => "it was revoked".to_owned(),
        CertificateError::Other(other) => other.to_string(),
        other => other.to_string(),
    };
    ClientError::TlsUntrusted { host, why }
}

/// The library writes `DnsName("a.example")` and `IpAddress(127.0.0.1)`.
fn bare_name(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(name).trim_matches('"').to_owned()
}

fn of_system(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof => {
            "the connection was closed by the other side".to_owned()
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "there is no route to it".to_owned(),
        io::ErrorKind::TimedOut => "it did not answer".to_owned(),
        _ => error.to_string(),
    }
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "no name at all".to_owned(),
        names => {
            let shown = names.iter().take(NAMES_SHOWN_MAX).cloned().collect::<Vec<_>>();
            let more = names.len() - shown.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{more}", shown.join(", "))
        }
    }
}

fn date(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX).to_string()
}

/// The first error of a type in a chain. An `io::Error` hides what it carries from the chain.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    for _ in 0..CHAIN_MAX {
        let cause = next?;
        if let Some(found) = cause.downcast_ref::<T>() {
            return Some(found);
        }
        let carried = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match carried {
            Some(carried) => Some(carried),
            None => cause.source(),
        };
    }
    None
}

const CHAIN_MAX: usize = 32;
const NAMES_SHOWN_MAX: usize = 8;
