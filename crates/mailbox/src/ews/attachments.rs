//! `GetAttachment`, `CreateAttachment`, `DeleteAttachment`

use actas_exchange::ews::{
    CreateAttachment, CreateAttachmentResponse, CreatedAttachment, DeleteAttachment, DeleteAttachmentResponse, Failure,
    FileAttachment, GetAttachment, GetAttachmentResponse, ItemId, Message, ResponseCode, mime,
};
use actas_store::mailbox::{Attachment, Content, Item};
use uuid::Uuid;

use super::OpenMailbox;
use super::create::check_depth;
use super::failures::{corrupt, malformed, storage, too_large};
use super::update::stale;
use crate::document::{ChangedItem, Corrupt, Document, attached};
use crate::ids::{self, NoId, Of};

/// Files of one item.
const FILES_MAX: usize = 1000;
/// Bytes of all files of one answer.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How often a change is tried when others change the item at the same time.
const TRIES: usize = 8;

impl OpenMailbox<'_> {
    /// Files come as long as the answer is not too large: the rest has to be asked for again.
    pub(super) async fn get_attachments(&self, request: &GetAttachment) -> GetAttachmentResponse {
        let mut messages = Vec::with_capacity(request.ids.len());
        let mut bytes = 0_usize;
        for id in &request.ids {
            let got = match self.get_attachment(id).await {
                Ok(file) => {
                    let size = match &file.item {
                        Some(_) => file.size.and_then(|size| usize::try_from(size).ok()),
                        None => file.content.as_ref().map(Vec::len),
                    };
                    bytes = bytes.saturating_add(size.unwrap_or(0));
                    if bytes > ANSWER_BYTES_MAX && !messages.is_empty() { Err(too_large()) } else { Ok(file) }
                }
                Err(failure) => Err(failure),
            };
            messages.push(got.into());
        }
        GetAttachmentResponse { messages }
    }

    /// With its content, or a mark for a large one.
    pub(crate) async fn get_attachment(&self, id: &str) -> Result<FileAttachment, Failure> {
        let (file, content) = self.told_attachment(id).await?;
        if file.item.is_some() {
            let item = read_item(id, &content)?;
            return Ok(FileAttachment { item: Some(Box::new(item)), ..file });
        }
        Ok(FileAttachment { content: Some(self.splices.content(content)), ..file })
    }

    /// What is told of a file, and its content.
    pub(crate) async fn told_attachment(&self, id: &str) -> Result<(FileAttachment, Content), Failure> {
        let (item, file) = self.attachment(id).await?;
        let document = Document::read(&item).map_err(|why| corrupt(&why))?;
        // The item's own MIME stream is beside its files, but none of them.
        let stored = document.attachments.into_iter().find(|stored| stored.id == file.id).ok_or_else(not_found)?;
        Ok((stored.restore(self.owner), file.content))
    }

    /// A file as it is, or an attached item as a MIME stream.
    pub(crate) async fn attachment_bytes(&self, id: &str) -> Result<(FileAttachment, Content), Failure> {
        let (file, content) = self.told_attachment(id).await?;
        if file.item.is_none() {
            return Ok((file, content));
        }
        let item = read_item(id, &content)?;
        let stream = mime::render(&item, &item.attachments);
        Ok((FileAttachment { content_type: Some("message/rfc822".to_owned()), ..file }, Content::Bytes(stream)))
    }

    async fn attachment(&self, id: &str) -> Result<(Item, Attachment), Failure> {
        let id = match ids::read(Of::Attachment, self.owner, id) {
            Ok(id) => id,
            Err(NoId::Foreign) => return Err(not_found()),
            Err(NoId::Malformed) => return Err(malformed()),
        };
        let found = self.server.mailboxes.attachment(self.owner, id).await.map_err(|error| storage(&error))?;
        found.ok_or_else(not_found)
    }

    /// All files of a request come into the item at once, or none.
    pub(super) async fn create_attachments(&self, request: CreateAttachment) -> CreateAttachmentResponse {
        let count = request.attachments.len();
        let messages = match self.add_files(&request.parent, &request.attachments).await {
            Ok((root, files)) => {
                let made = |(id, is_item): (Uuid, bool)| CreatedAttachment {
                    key: self.attachment_key(id, is_item),
                    root: root.clone(),
                };
                files.into_iter().map(|file| Ok(made(file)).into()).collect()
            }
            Err(failure) => (0..count).map(|_| Err(failure.clone()).into()).collect(),
        };
        CreateAttachmentResponse { messages }
    }

    pub(crate) async fn add_files(
        &self,
        parent: &ItemId,
        files: &[FileAttachment],
    ) -> Result<(ItemId, Vec<(Uuid, bool)>), Failure> {
        let size = |file: &FileAttachment| self.contents.size(file.content.as_deref().unwrap_or_default());
        if files.iter().any(|file| i64::try_from(size(file)).is_ok_and(|size| size > self.server.config.item_bytes_max))
        {
            return Err(attachment_too_large());
        }
        check_depth(files)?;
        for _ in 0..TRIES {
            let item = self.item(parent).await?;
            let document = Document::read(&item).map_err(|why| corrupt(&why))?;
            if document.attachments.len() + files.len() > FILES_MAX {
                return Err(too_large());
            }
            let changed = ChangedItem::with_files(&item, document, files.to_vec(), self.contents, self.now);
            let (changed, ids) = changed.map_err(|why| corrupt(&why))?;
            if self.write(&item, &changed, false).await? {
                return Ok((ids::item(self.owner, item.id, item.version + 1), ids));
            }
        }
        Err(stale())
    }

    pub(super) async fn delete_attachments(&self, request: &DeleteAttachment) -> DeleteAttachmentResponse {
        let mut messages = Vec::with_capacity(request.ids.len());
        for id in &request.ids {
            messages.push(self.delete_attachment(id).await.into());
        }
        DeleteAttachmentResponse { messages }
    }

    pub(crate) async fn delete_attachment(&self, id: &str) -> Result<ItemId, Failure> {
        for _ in 0..TRIES {
            let (item, file) = self.attachment(id).await?;
            let document = Document::read(&item).map_err(|why| corrupt(&why))?;
            let changed = ChangedItem::without_file(&item, document, file.id, self.now);
            let mut changed = changed.map_err(|why| corrupt(&why))?.ok_or_else(not_found)?;
            changed.less(i64::try_from(file.content.size()).unwrap_or(i64::MAX));
            if self.write(&item, &changed, false).await? {
                return Ok(ids::item(self.owner, item.id, item.version + 1));
            }
        }
        Err(stale())
    }
}

fn read_item(id: &str, content: &Content) -> Result<Message, Failure> {
    let read = match content {
        Content::Bytes(bytes) => attached::read(bytes),
        Content::Upload(_) => None,
    };
    read.ok_or_else(|| corrupt(&Corrupt(format!("attachment {id} is no item"))))
}

fn attachment_too_large() -> Failure {
    Failure::new(
        ResponseCode::from_name("ErrorAttachmentSizeLimitExceeded"),
        "The attachment exceeds the maximum supported size.",
    )
}

fn not_found() -> Failure {
    Failure::new(
        ResponseCode::from_name("ErrorInvalidAttachmentId"),
        "The attachment was not found within the attachments of an item in the store.",
    )
}
