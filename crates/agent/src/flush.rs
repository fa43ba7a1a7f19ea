//! Flushing: items leave the queue for files, and come back from them, here or on another
//! server, with nothing lost and nothing twice.
//!
//! A mailbox is held while its items are written. They leave the queue in one write,
//! after the file is whole and on disk; a crash before that leaves them in both, and
//! reading the file then finds them here already.

mod file;

use std::path::{Path, PathBuf};
use std::time::Duration;

use actas_runtime::event;
use actas_store::queue::{ItemState, QueuedItem};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use uuid::Uuid;

use self::file::{Reader, Writer};
use crate::Agent;
use crate::error::Error;
use crate::item::StorageItem;

/// Items that are read at once, and that leave the queue in one write.
const PAGE: i64 = 20;
const WRITE_ITEMS: usize = 500;
/// Items of one file.
const FILE_ITEMS_MAX: usize = 10_000;
const OWNERS_PAGE: i64 = 500;
/// Mailboxes that are held at once.
const HELD_MAX: usize = 500;
/// How long a mailbox is held without being extended.
const HELD: SignedDuration = SignedDuration::from_secs(60);
/// How often a mailbox that is being delivered to is asked for.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// Since when the first item of a mailbox has to be failing for the mailbox to be stuck.
const STUCK: SignedDuration = SignedDuration::from_hours(24);

/// What a flush takes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FlushKind {
    /// Everything that waits or was set aside (`FullFlush`).
    Full,
    /// What was set aside, and mailboxes that have been failing for a day
    /// (`SteadyState`).
    SteadyState,
    /// As the steady state, but however short mailboxes have been failing: there is no
    /// room.
    Space,
    /// Everything of one mailbox.
    Mailbox(String),
}

/// What a flush did.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Flushed {
    /// Items that are in the files and no longer in the queue.
    pub items: usize,
    /// The files.
    pub files: Vec<PathBuf>,
    /// Mailboxes that were being delivered to all the time, and were left.
    pub busy: Vec<String>,
}

/// What an import did.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Imported {
    /// Items of the file.
    pub items: usize,
    /// Those that came back; the others are here already.
    pub restored: usize,
}

/// One flush under way.
struct Flush<'a> {
    agent: &'a Agent,
    kind: &'a FlushKind,
    folder: &'a Path,
    holder: String,
    until: Instant,
    /// Mailboxes that are held until what was written of them has left the queue.
    held: Vec<String>,
    extended: Instant,
    writer: Option<Writer>,
    written: Vec<(QueuedItem, String)>,
    done: Flushed,
}

// === impl Agent ===

impl Agent {
    /// The folder of flushed files.
    pub fn flush_folder(&self) -> PathBuf {
        self.0.folder.join("flushed")
    }

    /// Writes items to files in a folder, and takes them from the queue. A mailbox that
    /// is being delivered to is waited for, `patience` altogether.
    pub async fn flush(&self, kind: &FlushKind, folder: &Path, patience: Duration) -> Result<Flushed, Error> {
        let (now, shown) = (self.0.clock.now(), folder.display().to_string());
        let full = matches!(kind, FlushKind::Full);
        self.tell(event::flush_started(now, full, &shown)).await;
        let begun = Instant::now();
        let mut flush = Flush {
            agent: self,
            kind,
            folder,
            holder: format!("flush {}", Uuid::new_v4()),
            until: begun + patience,
            held: Vec::new(),
            extended: begun,
            writer: None,
            written: Vec::new(),
            done: Flushed::default(),
        };
        let outcome = flush.run().await;
        flush.release().await;
        let done = flush.done;
        outcome?;
        let now = self.0.clock.now();
        self.tell(event::flush_completed(now, full, &shown, done.items, done.files.len())).await;
        Ok(done)
    }

    /// Brings the items of a file back. The file goes when all of them are here, unless
    /// it is to be kept. One that is cut short or was changed is refused whole.
    pub async fn import(&self, path: &Path, keep: bool) -> Result<Imported, Error> {
        let mut imported = Imported { items: file::verify(path)?, restored: 0 };
        let mut reader = Reader::open(path)?;
        let mut batch = Vec::new();
        while let Some(mut item) = reader.next_item()? {
            if item.upload.take().is_some() {
                let upload = Uuid::new_v4().to_string();
                while let Some(part) = reader.next_part()? {
                    self.0.queue.add_part(&upload, part, self.0.clock.now()).await?;
                }
                item.upload = Some(upload);
            }
            batch.push(item);
            if batch.len() >= 100 {
                imported.restored += self.restore(std::mem::take(&mut batch)).await?;
            }
        }
        imported.restored += self.restore(batch).await?;
        self.0.wake.notify_one();
        if !keep {
            fs_err::remove_file(path).map_err(|error| Error::machine(error.to_string()))?;
        }
        Ok(imported)
    }

    async fn restore(&self, items: Vec<QueuedItem>) -> Result<usize, Error> {
        Ok(self.0.queue.restore(&items, self.0.clock.now()).await?)
    }
}

// === impl Flush ===

impl Flush<'_> {
    async fn run(&mut self) -> Result<(), Error> {
        if let FlushKind::Mailbox(owner) = self.kind {
            let owner = owner.clone();
            self.mailbox(&owner).await?;
            return self.close().await;
        }
        for state in [ItemState::Queued, ItemState::GivenUp] {
            let mut after = String::new();
            loop {
                let owners = self.agent.0.queue.owners_of(state, &after, OWNERS_PAGE).await?;
                let Some(last) = owners.last() else { break };
                after.clone_from(last);
                for owner in owners {
                    if state == ItemState::GivenUp || self.is_wanted(&owner).await? {
                        self.mailbox(&owner).await?;
                    }
                }
            }
        }
        self.close().await
    }

    /// Whether what waits for a mailbox leaves: all of it, so that its order is kept.
    async fn is_wanted(&self, owner: &str) -> Result<bool, Error> {
        let stuck_since = match self.kind {
            FlushKind::Full | FlushKind::Mailbox(_) => return Ok(true),
            FlushKind::SteadyState => STUCK,
            FlushKind::Space => SignedDuration::ZERO,
        };
        let head = self.agent.0.queue.waiting(owner, 1, i64::MAX).await?.pop();
        let now = self.agent.0.clock.now();
        Ok(head.is_some_and(|head| head.attempts > 0 && now.duration_since(head.created) >= stuck_since))
    }

    async fn mailbox(&mut self, owner: &str) -> Result<(), Error> {
        if !self.held.iter().any(|held| held == owner) && !self.hold(owner).await? {
            self.done.busy.push(owner.to_owned());
            return Ok(());
        }
        // Asked again: it may have been delivered in the meantime.
        let waiting = self.is_wanted(owner).await?;
        for state in [ItemState::GivenUp, ItemState::Queued] {
            if state == ItemState::Queued && !waiting {
                continue;
            }
            let mut after = 0;
            loop {
                let items = self.agent.0.queue.of_owner(state, owner, after, PAGE).await?;
                let Some(last) = items.last() else { break };
                after = last.number;
                for item in items {
                    self.write(item).await?;
                }
                self.extend().await?;
            }
        }
        if self.held.len() >= HELD_MAX {
            self.close().await?;
            self.release().await;
        }
        Ok(())
    }

    async fn hold(&mut self, owner: &str) -> Result<bool, Error> {
        loop {
            let now = self.agent.0.clock.now();
            if self.agent.0.queue.lease(owner, &self.holder, HELD, now).await? {
                self.held.push(owner.to_owned());
                return Ok(true);
            }
            if Instant::now() >= self.until {
                return Ok(false);
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Extends what is held. One that was lost fails the flush: its items may be on their
    /// way into a mailbox.
    async fn extend(&mut self) -> Result<(), Error> {
        if self.extended.elapsed() < Duration::from_secs(10) {
            return Ok(());
        }
        self.extended = Instant::now();
        for owner in &self.held {
            let now = self.agent.0.clock.now();
            if !self.agent.0.queue.extend(owner, &self.holder, HELD, now).await? {
                return Err(Error::machine(format!("the mailbox {owner} was taken by a deliverer"))
                    .with_hint("nothing is lost; run the flush again"));
            }
        }
        Ok(())
    }

    async fn write(&mut self, mut item: QueuedItem) -> Result<(), Error> {
        // An item that cannot be read leaves as it is, for somebody to look at.
        let read = StorageItem::from_queue(&item.document).ok();
        let remembered = match &read {
            Some(read) => read.remembered()?,
            None => item.document.clone(),
        };
        if item.digest.is_none() {
            item.digest = read.as_ref().map(StorageItem::digest).transpose()?;
        }
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => Writer::create(self.folder, self.agent.0.clock.now())?,
        };
        writer.item(&item)?;
        if let Some(upload) = &item.upload {
            for file in 0..read.as_ref().map_or(0, |read| read.attachments().len()) {
                let file = i64::try_from(file).unwrap_or(i64::MAX);
                for part in 0.. {
                    let Some(content) = self.agent.0.queue.part(upload, file, part).await? else { break };
                    writer.part(file, part, &content)?;
                }
            }
        }
        self.writer = Some(writer);
        item.document = String::new();
        self.written.push((item, remembered));
        if self.written.len() >= FILE_ITEMS_MAX { self.close().await } else { Ok(()) }
    }

    /// Ends the file, and takes what is in it from the queue.
    async fn close(&mut self) -> Result<(), Error> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        self.extend().await?;
        let path = writer.finish()?;
        let (shown, now) = (path.display().to_string(), self.agent.0.clock.now());
        for page in std::mem::take(&mut self.written).chunks(WRITE_ITEMS) {
            self.done.items += self.agent.0.queue.flushed(page, &shown, now).await?;
        }
        self.done.files.push(path);
        Ok(())
    }

    async fn release(&mut self) {
        for owner in std::mem::take(&mut self.held) {
            if let Err(error) = self.agent.0.queue.release(&owner, &self.holder).await {
                tracing::warn!(%error, owner, "a mailbox could not be given back");
            }
        }
    }
}

/// A name by which files sort in the order in which they were written.
fn file_name(now: Timestamp) -> String {
    format!("{}-{}.jsonl", now.strftime("%Y%m%dT%H%M%S%.6f"), Uuid::new_v4().simple())
}
