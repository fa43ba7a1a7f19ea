//! What can go wrong with a database.

use std::fmt;
use std::path::{Path, PathBuf};

/// Anything that can go wrong with a database.
#[derive(Debug)]
pub struct Error {
    kind: Box<ErrorKind>,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A row that must be unique exists: the caller's move.
    #[error("{0} exists already")]
    Exists(String),
    /// A row changed since it was read, or is gone: read again.
    #[error("it was changed or removed by somebody else in the meantime")]
    Stale,
    /// The file is no database of ours: the operator's move.
    #[error("`{}` is not a database of actas{}", path.display(), if *sqlite { " (it belongs to another program)" } else { "" })]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// Whether it is a database at all.
        sqlite: bool,
    },
    /// A database of the other side.
    #[error("`{}` holds the {found} database, not the {wanted} one", path.display())]
    OtherSide {
        /// The file.
        path: PathBuf,
        /// What it is.
        found: &'static str,
        /// What was asked for.
        wanted: &'static str,
    },
    /// Written by a newer version of the product.
    #[error("`{}` was written by a newer version of actas (schema {found}, this version knows {known}); it was left untouched", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The file is damaged.
    #[error("`{}` is damaged ({why}); it was left untouched", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What the check says.
        why: String,
    },
    /// Somebody else holds it for too long.
    #[error("the database is in use by another process")]
    Busy,
    /// The disk is full or the file may not grow.
    #[error("the disk is full")]
    Full,
    /// The disk does not read or write.
    #[error("the disk failed: {0}")]
    Disk(String),
    /// The operating system said no.
    #[error("cannot open `{}`: {why}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A row does not hold what its table says.
    #[error("a stored value cannot be read: {0}")]
    Unreadable(String),
    /// Anything else.
    #[error("the database failed: {0}")]
    Engine(String),
}

impl Error {
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Self { kind: Box::new(kind) }
    }

    pub(crate) fn unreadable(why: String) -> Self {
        Self::new(ErrorKind::Unreadable(why))
    }

    /// What went wrong.
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// Whether a row that must be unique exists.
    pub fn is_exists(&self) -> bool {
        matches!(*self.kind, ErrorKind::Exists(_))
    }

    /// Whether a row changed since it was read.
    pub fn is_stale(&self) -> bool {
        matches!(*self.kind, ErrorKind::Stale)
    }

    /// What an operator can do.
    pub fn hint(&self) -> Option<String> {
        Some(match &*self.kind {
            ErrorKind::Corrupt { path, .. } => {
                format!("restore `{}` from a backup, or move it away to start with an empty one", path.display())
            }
            ErrorKind::NotOurs { path, .. } => {
                format!("name another folder with `--data`, or move `{}` away", path.display())
            }
            ErrorKind::OtherSide { .. } => "name another folder with `--data`".to_owned(),
            ErrorKind::Newer { .. } => "run the version of actas that wrote it, or a later one".to_owned(),
            ErrorKind::Busy => "find the other process with `fuser`, and try again when it is done".to_owned(),
            ErrorKind::Full => "free space on that disk and try again; nothing was half written".to_owned(),
            ErrorKind::Open { path, .. } => {
                format!("check that `{}` and its folder exist and can be written", path.display())
            }
            ErrorKind::Disk(_) => {
                "see whether the disk is healthy, has room and may be written; nothing was half written".to_owned()
            }
            ErrorKind::Stale => "try again".to_owned(),
            _ => return None,
        })
    }

    pub(crate) fn from_engine(error: &rusqlite::Error, path: &Path) -> Self {
        use rusqlite::ffi::ErrorCode;
        let code = error.sqlite_error_code();
        Self::new(match code {
            Some(ErrorCode::ConstraintViolation) => ErrorKind::Exists(unique_columns(&error.to_string())),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => ErrorKind::Busy,
            Some(ErrorCode::DiskFull) => ErrorKind::Full,
            Some(ErrorCode::SystemIoFailure) => ErrorKind::Disk(error.to_string()),
            Some(ErrorCode::NotADatabase) => ErrorKind::NotOurs { path: path.to_owned(), sqlite: false },
            Some(ErrorCode::DatabaseCorrupt) => ErrorKind::Corrupt { path: path.to_owned(), why: error.to_string() },
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
                ErrorKind::Open { path: path.to_owned(), why: error.to_string() }
            }
            _ => ErrorKind::Engine(error.to_string()),
        })
    }
}

/// `UNIQUE constraint failed: tenant.name` names the columns; people want a word.
fn unique_columns(message: &str) -> String {
    message.rsplit_once(": ").map_or_else(|| message.to_owned(), |(_, columns)| columns.to_owned())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl std::error::Error for Error {}
