//! The spool folder: whatever can write a file can hand in an item.
//!
//! An entry is a file `<name>.json`, or a folder with `item.json` and the item's files. It
//! comes into being under another name and is renamed, so that it is never seen half
//! written. It is moved aside first, handed in, and removed when the item is on disk: after
//! a crash it is found again, and its key makes that harmless. What is wrong goes to `bad`
//! with the reason beside it.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use actas_runtime::event;
use actas_store::queue::Put;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

use super::Sources;
use super::record::System;
use super::unclaimed::write_durably;
use crate::error::Error;
use crate::intake::{Prepared, Refusal, Submitted, Upload};
use crate::item::sha256_hex;

/// How often the folder is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long an entry is left alone when this machine could not take it.
const PAUSE: Duration = Duration::from_secs(5);
/// Entries of one look.
const ENTRIES_MAX: usize = 1_000;
/// The most bytes of an item's JSON, files in it included.
const JSON_BYTES_MAX: u64 = 16 * 1024 * 1024;
const PIECE_BYTES: usize = 128 * 1024;
/// The most entries that are set aside; then wrong ones stay where they are.
const BAD_MAX: usize = 10_000;
/// Where entries are while they are read: whoever put them there no longer changes them.
const WORK: &str = ".work";
const BAD: &str = "bad";
const ITEM: &str = "item.json";

/// The folder and what is done with it.
pub(super) struct Spool {
    sources: Sources,
    folder: PathBuf,
    work: PathBuf,
    bad: PathBuf,
}

/// Why an entry was not taken.
enum Failure {
    /// It will never be: what is wrong with it.
    Wrong(String),
    /// This machine could not.
    Later(String),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        if refusal.is_temporary() { Self::Later(refusal.to_string()) } else { Self::Wrong(refusal.to_string()) }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::from(Refusal::of_agent(&error))
    }
}

// === impl Spool ===

impl Spool {
    /// Opens the folder, and makes it for its owner alone if it is not there.
    pub(super) fn open(sources: Sources, folder: &Path) -> Result<Self, Error> {
        let unusable = |error: io::Error| {
            Error::invalid(format!("the spool folder `{}` cannot be used: {error}", folder.display()))
                .with_hint("`spool` of `[onprem.sources]` names a folder that this user may write")
        };
        let spool = Self { sources, folder: folder.to_owned(), work: folder.join(WORK), bad: folder.join(BAD) };
        for folder in [&spool.folder, &spool.work, &spool.bad] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unusable)?;
        }
        let mode = fs::metadata(folder).map_err(unusable)?.permissions().mode();
        if mode & 0o002 != 0 {
            return Err(Error::invalid(format!("everybody may write into the spool folder `{}`", folder.display()))
                .with_hint(format!(
                    "whoever may write there may fill mailboxes: `chmod o-w {}`, and give a group the right instead",
                    folder.display()
                )));
        }
        Ok(spool)
    }

    /// Takes what is in the folder, until told to stop.
    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let wait = match self.look(&stop).await {
                Ok(()) => LOOK_EVERY,
                Err(why) => {
                    tracing::error!(folder = %self.folder.display(), why, "the spool folder waits");
                    PAUSE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// What a crash left first, then what is new. Why it has to wait, if it has to.
    async fn look(&self, stop: &watch::Receiver<bool>) -> Result<(), String> {
        let failed = |error: io::Error| error.to_string();
        for name in names(&self.work).map_err(failed)? {
            self.take(&name).await?;
        }
        for name in names(&self.folder).map_err(failed)? {
            if *stop.borrow() {
                break;
            }
            if fs::symlink_metadata(self.work.join(&name)).is_ok() {
                continue;
            }
            match fs::rename(self.folder.join(&name), self.work.join(&name)) {
                Ok(()) => self.take(&name).await?,
                // Another process that serves the same folder was there first.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(format!("`{name}` cannot be moved: {error}")),
            }
        }
        Ok(())
    }

    async fn take(&self, name: &str) -> Result<(), String> {
        let path = self.work.join(name);
        match self.hand_in(name, &path).await {
            Ok(()) => remove(&path).map_err(|error| format!("`{}` cannot be removed: {error}", path.display())),
            Err(Failure::Later(why)) => Err(why),
            Err(Failure::Wrong(why)) => self.set_aside(name, &path, &why).await,
        }
    }

    async fn hand_in(&self, name: &str, path: &Path) -> Result<(), Failure> {
        let metadata = fs::symlink_metadata(path).map_err(later)?;
        let (text, files) = if metadata.is_dir() {
            (read_text(&path.join(ITEM))?, files_of(path)?)
        } else {
            (read_text(path)?, Vec::new())
        };
        let value: Value =
            serde_json::from_slice(&text).map_err(|error| Failure::Wrong(format!("the item is not JSON: {error}")))?;
        if let Some((from, record)) = foreign(&value)? {
            self.sources.hand_in_record(from, record).await?;
            return Ok(());
        }
        self.sources.agent.check_room().await?;
        // The same name with the same contents is the same item, as after a crash.
        let key = format!("spool/{}", sha256_hex(&[name.as_bytes(), b"\0", text.as_slice()].concat()));
        let submitted = Submitted::read(value, Some(key), written(&metadata, self.sources.agent.clock().now()));
        let prepared = self.with_files(submitted, path, files).await?;
        let put = self.sources.agent.take_in(&[Ok(prepared?)]).await?;
        match put.first() {
            Some(Put::New | Put::Same) => Ok(()),
            _ => Err(Failure::Wrong("another item was accepted with this key; give this one another".to_owned())),
        }
    }

    /// Stores the files beside the item that it names, which are all there are.
    async fn with_files(
        &self,
        submitted: Submitted,
        folder: &Path,
        mut beside: Vec<String>,
    ) -> Result<Prepared, Failure> {
        let item = submitted.item?;
        if submitted.files.is_empty() && beside.is_empty() {
            return Ok(Ok((item, None)));
        }
        let mut upload = Upload::new(&self.sources.agent);
        let mut stored = Ok(());
        for file in &submitted.files {
            stored = match (&file.content, &file.part) {
                (Some(content), _) => upload.whole(&file.name, &file.content_type, content).await.map_err(Into::into),
                (None, part) => {
                    let part = part.as_deref().unwrap_or_default();
                    match beside.iter().position(|name| name == part) {
                        Some(at) => {
                            beside.swap_remove(at);
                            store(&mut upload, &folder.join(part), &file.name, &file.content_type).await
                        }
                        None => Err(Failure::Wrong(format!(
                            "the file `{}` is to be in `{part}`, which is not beside `{ITEM}`, or was named before",
                            file.name
                        ))),
                    }
                }
            };
            if stored.is_err() {
                break;
            }
        }
        if stored.is_ok()
            && let Some(more) = beside.first()
        {
            stored =
                Err(Failure::Wrong(format!("`{more}` is beside `{ITEM}` and no attachment names it as its `part`")));
        }
        if let Err(failure) = stored {
            upload.abandon().await;
            return Err(failure);
        }
        Ok(upload.finish(item).await)
    }

    /// Moves an entry aside, with the reason.
    async fn set_aside(&self, name: &str, path: &Path, why: &str) -> Result<(), String> {
        let failed = |error: io::Error| format!("`{name}`, which is wrong ({why}), cannot be moved aside: {error}");
        if fs::read_dir(&self.bad).map_err(failed)?.take(BAD_MAX).count() == BAD_MAX {
            return Err(format!("`{}` has {BAD_MAX} entries; look at them and remove them", self.bad.display()));
        }
        let taken = |name: &String| fs::symlink_metadata(self.bad.join(name)).is_ok();
        let free = (1..).map(|number| if number == 1 { name.to_owned() } else { format!("{name}.{number}") });
        let free = free.take(BAD_MAX).find(|name| !taken(name)).unwrap_or_else(|| name.to_owned());
        // The reason first: an entry in `bad` has one, whenever it is looked at.
        let reason = self.bad.join(format!("{free}.reason.txt"));
        write_durably(&reason, format!("{why}\n").as_bytes()).map_err(failed)?;
        fs::rename(path, self.bad.join(&free)).map_err(failed)?;
        let shown = self.bad.join(&free).display().to_string();
        let event = event::source_refused(self.sources.agent.clock().now(), "spool", &shown, why);
        self.sources.agent.tell_limited(event, why).await;
        Ok(())
    }
}

/// Entries that are ready: not hidden, not being written.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let Ok(name) = entry?.file_name().into_string() else { continue };
        let ready = !name.starts_with('.') && ![".tmp", ".part"].iter().any(|end| name.ends_with(end)) && name != BAD;
        if ready {
            names.push(name);
        }
        if names.len() == ENTRIES_MAX {
            break;
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// A record of another system that was put aside, to be read again.
fn foreign(value: &Value) -> Result<Option<(System, &Value)>, Failure> {
    let (Some(source), Some(record)) = (value.get("source"), value.get("record")) else { return Ok(None) };
    let known = source.as_str().and_then(System::named);
    let known = known.ok_or_else(|| Failure::Wrong(format!("the source {source} is not known")))?;
    Ok(Some((known, record)))
}

fn files_of(folder: &Path) -> Result<Vec<String>, Failure> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(later)? {
        let name = entry.map_err(later)?.file_name().into_string();
        let name = name.map_err(|name| Failure::Wrong(format!("the file name {} is not UTF-8", name.display())))?;
        if name != ITEM {
            files.push(name);
        }
        if files.len() > ENTRIES_MAX {
            return Err(Failure::Wrong(format!("there are more than {ENTRIES_MAX} files in it")));
        }
    }
    Ok(files)
}

/// Opens a plain file, which is the one that was looked at: no link leads elsewhere, and
/// none is put in its place meanwhile.
fn open_plain(path: &Path) -> Result<(File, Metadata), Failure> {
    let shown = path.file_name().unwrap_or_default().display().to_string();
    let seen = match fs::symlink_metadata(path) {
        Ok(seen) => seen,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Failure::Wrong(format!("there is no `{shown}` in it")));
        }
        Err(error) => return Err(later(error)),
    };
    if !seen.is_file() {
        return Err(Failure::Wrong(format!("`{shown}` is not a plain file")));
    }
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => Failure::Wrong(format!("`{shown}` cannot be read: {error}")),
        _ => later(error),
    })?;
    let opened = file.metadata().map_err(later)?;
    if (opened.dev(), opened.ino()) != (seen.dev(), seen.ino()) {
        return Err(Failure::Wrong(format!("`{shown}` was exchanged while it was read")));
    }
    Ok((file, opened))
}

fn read_text(path: &Path) -> Result<Vec<u8>, Failure> {
    let (file, metadata) = open_plain(path)?;
    let too_long = || Failure::Wrong(format!("the item has more than {JSON_BYTES_MAX} bytes; put files beside it"));
    if metadata.len() > JSON_BYTES_MAX {
        return Err(too_long());
    }
    let mut text = Vec::new();
    file.take(JSON_BYTES_MAX + 1).read_to_end(&mut text).map_err(later)?;
    if text.len() as u64 > JSON_BYTES_MAX { Err(too_long()) } else { Ok(text) }
}

async fn store(upload: &mut Upload<'_>, path: &Path, name: &str, content_type: &str) -> Result<(), Failure> {
    let (mut file, _) = open_plain(path)?;
    let mut writer = upload.begin(name);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let count = file.read(&mut piece).map_err(later)?;
        if count == 0 {
            break;
        }
        writer.push(&piece[..count]).await?;
    }
    upload.add(writer.end(content_type).await?);
    Ok(())
}

/// When an entry was written, which is when it happened unless it says so itself.
fn written(metadata: &Metadata, now: Timestamp) -> Timestamp {
    Timestamp::from_second(metadata.mtime()).map_or(now, |written| written.min(now))
}

fn remove(path: &Path) -> io::Result<()> {
    let is_folder = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn later(error: io::Error) -> Failure {
    Failure::Later(error.to_string())
}
