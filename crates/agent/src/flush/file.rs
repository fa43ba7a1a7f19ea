//! A file of flushed items: lines of JSON, a header first, and last a count with a hash
//! of all before it, so that a file that is cut short or changed is told from a whole one.

use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use actas_store::queue::{ItemState, Part, QueuedItem};
use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fs_err::os::unix::fs::OpenOptionsExt;
use fs_err::{self as fs, File};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::file_name;
use crate::error::Error;
use crate::item::hex;

const VERSION: u32 = 1;
/// The longest line: a text of 8 MiB, every letter of it escaped.
const LINE_BYTES_MAX: usize = 64 * 1024 * 1024;

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// What the file is, and in which version.
    ActasStorageItems(u32),
    Item(Box<Item>),
    Part {
        file: i64,
        part: i64,
        content: String,
    },
    End {
        items: usize,
        sha256: String,
    },
}

#[derive(Deserialize, Serialize)]
struct Item {
    key: String,
    owner: String,
    component: String,
    created: Timestamp,
    attempts: i64,
    uncertain: bool,
    reason: Option<String>,
    digest: Option<String>,
    /// Whether parts of files follow.
    files: bool,
    document: String,
}

/// A file that is being written. Under its name it is there only when it is whole.
pub(super) struct Writer {
    folder: PathBuf,
    path: PathBuf,
    part_path: PathBuf,
    out: BufWriter<File>,
    hash: Context,
    items: usize,
}

// === impl Writer ===

impl Writer {
    pub(super) fn create(folder: &Path, now: Timestamp) -> Result<Self, Error> {
        let create = || -> io::Result<Self> {
            fs::create_dir_all(folder)?;
            let path = folder.join(file_name(now));
            let part_path = path.with_extension("part");
            // Other people's mail: for the owner's eyes alone.
            let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part_path)?;
            Ok(Self {
                folder: folder.to_owned(),
                path,
                part_path,
                out: BufWriter::new(file),
                hash: Context::new(&SHA256),
                items: 0,
            })
        };
        let mut writer = create().map_err(failed)?;
        writer.line(&Line::ActasStorageItems(VERSION))?;
        Ok(writer)
    }

    pub(super) fn item(&mut self, item: &QueuedItem) -> Result<(), Error> {
        self.items += 1;
        self.line(&Line::Item(Box::new(Item {
            key: item.id.clone(),
            owner: item.owner.clone(),
            component: item.component.clone(),
            created: item.created,
            attempts: item.attempts,
            uncertain: item.uncertain,
            reason: item.reason.clone(),
            digest: item.digest.clone(),
            files: item.upload.is_some(),
            document: item.document.clone(),
        })))
    }

    pub(super) fn part(&mut self, file: i64, part: i64, content: &[u8]) -> Result<(), Error> {
        self.line(&Line::Part { file, part, content: STANDARD.encode(content) })
    }

    fn line(&mut self, line: &Line) -> Result<(), Error> {
        let mut text = serde_json::to_vec(line).map_err(|error| Error::machine(error.to_string()))?;
        text.push(b'\n');
        self.hash.update(&text);
        self.out.write_all(&text).map_err(failed)
    }

    /// Ends the file. When this returns it is whole, on disk, under its name.
    pub(super) fn finish(mut self) -> Result<PathBuf, Error> {
        let sha256 = hex(self.hash.clone().finish().as_ref());
        let items = self.items;
        self.line(&Line::End { items, sha256 })?;
        let Self { folder, path, part_path, out, .. } = self;
        let finish = move || -> io::Result<PathBuf> {
            let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.sync_all()?;
            fs::rename(&part_path, &path)?;
            // The name is on disk only when its folder is.
            File::open(folder)?.sync_all()?;
            Ok(path)
        };
        finish().map_err(failed)
    }
}

/// A file that is being read.
pub(super) struct Reader {
    path: PathBuf,
    lines: BufReader<File>,
    ahead: Option<Line>,
    hash: Context,
    begun: bool,
}

// === impl Reader ===

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(failed)?;
        let mut reader = Self {
            path: path.to_owned(),
            lines: BufReader::new(file),
            ahead: None,
            hash: Context::new(&SHA256),
            begun: false,
        };
        match reader.next()? {
            Some(Line::ActasStorageItems(VERSION)) => {
                reader.begun = true;
                Ok(reader)
            }
            Some(Line::ActasStorageItems(other)) => {
                Err(reader.unfit(&format!("it has the version {other}; this program reads {VERSION}")))
            }
            _ => Err(reader.unfit("it is no file of flushed items")),
        }
    }

    /// The next item; none at the end. Its `upload` says whether parts follow.
    pub(super) fn next_item(&mut self) -> Result<Option<QueuedItem>, Error> {
        loop {
            match self.next()? {
                Some(Line::Item(item)) => return Ok(Some(to_queued(*item))),
                Some(Line::Part { .. }) => {}
                Some(Line::ActasStorageItems(_) | Line::End { .. }) | None => return Ok(None),
            }
        }
    }

    /// The next part of the item that was read last.
    pub(super) fn next_part(&mut self) -> Result<Option<Part>, Error> {
        match self.next()? {
            Some(Line::Part { file, part, content }) => {
                let content = STANDARD.decode(content).map_err(|error| self.unfit(&error.to_string()))?;
                Ok(Some(Part { file, part, content }))
            }
            other => {
                self.ahead = other;
                Ok(None)
            }
        }
    }

    fn next(&mut self) -> Result<Option<Line>, Error> {
        if self.ahead.is_some() {
            return Ok(self.ahead.take());
        }
        let mut text = Vec::new();
        let most = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
        let read = io::Read::take(&mut self.lines, most).read_until(b'\n', &mut text).map_err(failed)?;
        if read == 0 {
            return Ok(None);
        }
        let line = serde_json::from_slice(&text).map_err(|error| {
            let why = if self.begun { error.to_string() } else { "it is no file of flushed items".to_owned() };
            self.unfit(&why)
        })?;
        if !matches!(line, Line::End { .. }) {
            self.hash.update(&text);
        }
        Ok(Some(line))
    }

    fn unfit(&self, why: &str) -> Error {
        Error::invalid(format!("`{}` cannot be imported: {why}", self.path.display()))
            .with_hint("nothing of it was imported; name a file that `Invoke-CsStorageServiceFlush` or `actas storage export` wrote")
    }
}

/// Reads a file to its end. Gives how many items it has, if it is whole.
pub(super) fn verify(path: &Path) -> Result<usize, Error> {
    let mut reader = Reader::open(path)?;
    let mut items = 0;
    loop {
        match reader.next()? {
            Some(Line::Item(_)) => items += 1,
            Some(Line::Part { .. }) => {}
            Some(Line::End { items: told, sha256 }) => {
                let own = hex(reader.hash.clone().finish().as_ref());
                if told == items && own == sha256 {
                    return Ok(items);
                }
                return Err(reader.unfit("it was changed after it was written"));
            }
            Some(Line::ActasStorageItems(_)) => return Err(reader.unfit("it has two beginnings")),
            None => return Err(reader.unfit("it is cut short")),
        }
    }
}

fn to_queued(item: Item) -> QueuedItem {
    QueuedItem {
        number: 0,
        id: item.key,
        owner: item.owner,
        component: item.component,
        state: ItemState::Flushed,
        created: item.created,
        due: item.created,
        attempts: item.attempts,
        uncertain: item.uncertain,
        reason: item.reason,
        delivered_as: None,
        document: item.document,
        digest: item.digest,
        upload: item.files.then(String::new),
        tried: None,
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn failed(error: io::Error) -> Error {
    Error::machine(error.to_string()).with_hint("check that the folder exists, can be written and has room")
}
