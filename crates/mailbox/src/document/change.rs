//! A stored item with changes, made ready for the store.

use actas_exchange::ews::{FileAttachment, Message};
use actas_store::mailbox::{Attachment, Item, ItemProperty, ItemUpdate};
use jiff::Timestamp;
use uuid::Uuid;

use crate::arrive::Contents;

use super::{Corrupt, Document, StoredFile, StoredMime, new};

/// An item as it shall be.
#[derive(Debug)]
pub(crate) struct ChangedItem {
    pub(crate) item: Item,
    properties: Vec<ItemProperty>,
    added: Vec<Attachment>,
    removed: Vec<Uuid>,
}

impl ChangedItem {
    /// The item with another message in it. `keeps_mime` says that nothing changed which its MIME
    /// stream tells, too; a stream that the message brings replaces the old one.
    pub(crate) fn with_message(
        before: &Item,
        old: Document,
        mut message: Message,
        contents: &Contents,
        keeps_mime: bool,
        now: Timestamp,
    ) -> Result<Self, Corrupt> {
        let mut added = Vec::new();
        let mime = message.mime_content.take().map(|mime| StoredMime::split(mime, contents, &mut added));
        let replaced = mime.is_some() || !keeps_mime;
        let removed: Vec<Uuid> = old.mime.iter().filter(|_| replaced).map(|mime| mime.id).collect();
        let (is_read, received) = (message.is_read.unwrap_or(false), message.received.unwrap_or(before.received));
        let document = Document {
            attachments: old.attachments,
            mime: if replaced { mime } else { old.mime },
            changed: old.changed,
            ..Document::of(message, now)
        };
        let mut changed = Self::written(before, &document, added, removed)?;
        changed.item.is_read = is_read;
        changed.item.received = received;
        Ok(changed)
    }

    /// The item with more attachments; their ids in order, and whether each is an item.
    pub(crate) fn with_files(
        before: &Item,
        mut document: Document,
        files: Vec<FileAttachment>,
        contents: &Contents,
        now: Timestamp,
    ) -> Result<(Self, Vec<(Uuid, bool)>), Corrupt> {
        let mut added = Vec::with_capacity(files.len());
        let files: Vec<_> = files.into_iter().map(|file| StoredFile::split(file, contents, &mut added)).collect();
        let ids = files.iter().map(|file| (file.id, file.is_item)).collect();
        document.attachments.extend(files);
        document.last_modified = Some(now);
        Ok((Self::written(before, &document, added, Vec::new())?, ids))
    }

    /// The item without one of its files, if it has it.
    pub(crate) fn without_file(
        before: &Item,
        mut document: Document,
        file: Uuid,
        now: Timestamp,
    ) -> Result<Option<Self>, Corrupt> {
        let count = document.attachments.len();
        document.attachments.retain(|stored| stored.id != file);
        if document.attachments.len() == count {
            return Ok(None);
        }
        document.last_modified = Some(now);
        Self::written(before, &document, Vec::new(), vec![file]).map(Some)
    }

    fn written(
        before: &Item,
        document: &Document,
        added: Vec<Attachment>,
        removed: Vec<Uuid>,
    ) -> Result<Self, Corrupt> {
        let text = serde_json::to_string(document).map_err(|error| Corrupt(error.to_string()))?;
        let old_files = before.size - i64::try_from(before.document.len()).unwrap_or(i64::MAX);
        let size = new::size(&text, &added).saturating_add(old_files.max(0));
        let item = Item { size, document: text, ..before.clone() };
        Ok(Self { item, properties: document.properties()?, added, removed })
    }

    /// Counts out the bytes of a removed file.
    pub(crate) fn less(&mut self, bytes: i64) {
        self.item.size = (self.item.size - bytes).max(0);
    }

    /// The ids of what goes: a file, or the MIME stream.
    pub(crate) fn removed(&self) -> &[Uuid] {
        &self.removed
    }

    /// As the store wants it.
    pub(crate) fn update<'a>(&'a self, before: &'a Item, read_only: bool) -> ItemUpdate<'a> {
        ItemUpdate {
            before,
            after: &self.item,
            properties: &self.properties,
            added: &self.added,
            removed: &self.removed,
            read_only,
        }
    }
}
