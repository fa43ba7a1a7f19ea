//! What can go wrong on premises, with what to do about it.

use std::fmt;

/// Whose move it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was asked for exists already.
    Exists,
    /// What was asked is not possible as asked.
    Invalid,
    /// What was named does not exist.
    NotFound,
    /// The other side refused or did not answer.
    Peer,
    /// This machine: disk, database, keys.
    Machine,
}

/// Anything that can go wrong on premises: what failed, with the value that was wrong,
/// and what to do.
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    what: String,
    hint: Option<String>,
}

// === impl Error ===

impl Error {
    pub(crate) fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), hint: None }
    }

    pub(crate) fn invalid(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, what)
    }

    pub(crate) fn not_found(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, what)
    }

    pub(crate) fn peer(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Peer, what)
    }

    pub(crate) fn machine(what: impl Into<String>) -> Self {
        Self::new(ErrorKind::Machine, what)
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whose move it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What to do.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Error {}

impl From<actas_store::Error> for Error {
    fn from(error: actas_store::Error) -> Self {
        let kind = if error.is_exists() { ErrorKind::Exists } else { ErrorKind::Machine };
        Self { kind, what: error.to_string(), hint: error.hint() }
    }
}

impl From<actas_certificate::file::FileError> for Error {
    fn from(error: actas_certificate::file::FileError) -> Self {
        Self::machine(error.to_string()).with_hint(error.hint())
    }
}

impl From<actas_certificate::CertificateError> for Error {
    fn from(error: actas_certificate::CertificateError) -> Self {
        Self::invalid(error.to_string()).with_hint(error.hint())
    }
}

impl From<actas_certificate::Unusable> for Error {
    fn from(error: actas_certificate::Unusable) -> Self {
        Self::invalid(error.to_string()).with_hint(error.hint())
    }
}

impl From<actas_certificate::KeyError> for Error {
    fn from(error: actas_certificate::KeyError) -> Self {
        Self::invalid(error.to_string()).with_hint(error.hint())
    }
}

impl From<actas_certificate::IssueError> for Error {
    fn from(error: actas_certificate::IssueError) -> Self {
        Self::invalid(error.to_string()).with_hint(error.hint())
    }
}

impl From<actas_certificate::SlotError> for Error {
    fn from(error: actas_certificate::SlotError) -> Self {
        Self::invalid(error.to_string()).with_hint(error.hint())
    }
}

impl From<actas_runtime::ClientError> for Error {
    fn from(error: actas_runtime::ClientError) -> Self {
        let hint = error.hint().to_owned();
        Self::peer(error.to_string()).with_hint(hint)
    }
}
