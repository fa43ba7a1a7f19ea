//! The session that a sign-in leaves behind where nothing on disk could sign in again: a
//! token in a file of its owner's, and until when it counts.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;

const FILE: &str = "session.json";
const BYTES_MAX: u64 = 128 * 1024;
/// The bits of the group and of others.
const OTHERS: u32 = 0o077;

/// A token, and until when it counts.
#[derive(Deserialize, Serialize)]
pub(crate) struct Session {
    /// For whoever opens the file.
    about: String,
    pub(crate) expires: Timestamp,
    pub(crate) access_token: String,
}

/// Where the session of a data folder lies.
#[derive(Clone, Debug)]
pub(crate) struct SessionFile(PathBuf);

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session(until {})", self.expires)
    }
}

// === impl Session ===

impl Session {
    pub(crate) fn new(access_token: String, expires: Timestamp) -> Self {
        let about =
            "session of `actas Connect-MsolService`: whoever has the token acts as the account until it expires";
        Self { about: about.to_owned(), expires, access_token }
    }
}

// === impl SessionFile ===

impl SessionFile {
    pub(crate) fn of(folder: &Path) -> Self {
        Self(folder.join(FILE))
    }

    /// The session, if there is one. One that others can read is refused: they may have it.
    pub(crate) fn read(&self) -> Result<Option<Session>, Error> {
        let file = match File::open(&self.0) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("read", &error)),
        };
        let mode = file.metadata().map_err(|error| self.failed("read", &error))?.permissions().mode();
        if mode & OTHERS != 0 {
            return Err(Error::invalid(format!(
                "others can read the session in `{}`: its mode is {:04o}",
                self.0.display(),
                mode & 0o7777
            ))
            .with_hint("sign out and in again: `actas Connect-MsolService -SignOut`"));
        }
        let mut text = String::new();
        file.take(BYTES_MAX).read_to_string(&mut text).map_err(|error| self.failed("read", &error))?;
        // What cannot be read as a session is none; its text stays out of the error.
        Ok(serde_json::from_str(&text).ok())
    }

    /// Puts a session in the place of the one before, whole or not at all.
    pub(crate) fn write(&self, session: &Session) -> Result<(), Error> {
        let text = serde_json::to_vec_pretty(session).map_err(|error| Error::machine(error.to_string()))?;
        let fresh = self.0.with_extension(format!("{}.new", Uuid::new_v4().simple()));
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
            file.set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(&fresh, &self.0)
        };
        write().map_err(|error| {
            let _ = std::fs::remove_file(&fresh);
            self.failed("written", &error)
        })
    }

    /// Removes the session.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed("removed", &error)),
            _ => Ok(()),
        }
    }

    fn failed(&self, done: &str, error: &io::Error) -> Error {
        Error::machine(format!("the session in `{}` cannot be {done}: {error}", self.0.display()))
            .with_hint("run as the user that owns the data folder")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_its_owners_and_shows_no_token() {
        let folder = tempfile::tempdir().unwrap();
        let file = SessionFile::of(folder.path());
        assert!(file.read().unwrap().is_none());
        let session = Session::new("secret".into(), "2026-12-02T00:00:00Z".parse().unwrap());
        assert!(!format!("{session:?}").contains("secret"));
        file.write(&session).unwrap();
        file.write(&session).unwrap();
        let mode = std::fs::metadata(&file.0).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(file.read().unwrap().unwrap().access_token, "secret");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");

        std::fs::set_permissions(&file.0, Permissions::from_mode(0o640)).unwrap();
        let refused = file.read().unwrap_err();
        assert!(refused.to_string().contains("mode is 0640") && !refused.to_string().contains("secret"));
        file.remove().unwrap();
        file.remove().unwrap();
        assert!(file.read().unwrap().is_none());
    }
}
