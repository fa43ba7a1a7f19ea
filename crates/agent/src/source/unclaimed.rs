//! Records that concern nobody who has a mailbox here: each a file of its own, in the form
//! that the spool folder takes, so that it is moved there once the mapping was mended.

use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use http::StatusCode;
use serde_json::{Value, json};

use super::record::System;
use crate::intake::Refusal;
use crate::item::sha256_hex;

/// The most files that are kept; then the systems keep their records themselves.
const FILES_MAX: usize = 10_000;

/// The folder of such records.
#[derive(Debug)]
pub(super) struct Unclaimed {
    folder: PathBuf,
}

// === impl Unclaimed ===

impl Unclaimed {
    /// The folder in the data folder of an agent.
    pub(super) fn under(data: &Path) -> Self {
        Self { folder: data.join("unclaimed") }
    }

    /// Keeps a record, which is on disk then. The same event has the same file.
    pub(super) fn keep(&self, from: System, id: &str, record: &Value) -> Result<PathBuf, Refusal> {
        let name = format!("{}-{}.json", from.as_str(), &sha256_hex(id.as_bytes())[..32]);
        let path = self.folder.join(&name);
        let document = json!({"source": from.as_str(), "record": record}).to_string();
        let kept = || -> io::Result<bool> {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
            if !path.exists() && std::fs::read_dir(&self.folder)?.take(FILES_MAX).count() == FILES_MAX {
                return Ok(false);
            }
            write_durably(&path, document.as_bytes())?;
            Ok(true)
        };
        match kept() {
            Ok(true) => Ok(path),
            Ok(false) => Err(Refusal::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "Full",
                format!("{FILES_MAX} records of strangers are in `{}`", self.folder.display()),
            )
            .hint("add their users to `[onprem.sources]` and move the files into the spool folder, or remove them")
            .retry_after(600)),
            Err(error) => Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "NotStored",
                format!("`{}` cannot be written: {error}", path.display()),
            )
            .retry_after(5)),
        }
    }
}

/// Writes a file whole or not at all, and returns when it is on disk.
pub(super) fn write_durably(path: &Path, contents: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(contents)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    sync_folder_of(path)
}

/// Makes changes of names in the folder of `path` last.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}
