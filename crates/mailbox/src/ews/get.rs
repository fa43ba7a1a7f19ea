//! `GetItem` and `GetFolder`

use actas_exchange::ews::{
    BaseShape, Failure, Field, Folder, FolderId, FolderShape, GetFolder, GetFolderResponse, GetItem, GetItemResponse,
    ItemId, ItemShape, Message, MimeContent, PropertyPath,
};
use actas_store::mailbox::Item;

use super::OpenMailbox;
use super::failures::{item_not_found, malformed, storage};
use crate::body;
use crate::content::Piece;
use crate::document::StoredMime;
use crate::ids::{self, NoId, Of};
use crate::mime;

impl OpenMailbox<'_> {
    // === items ===

    pub(super) async fn get_items(&self, request: &GetItem) -> GetItemResponse {
        let mut messages = Vec::with_capacity(request.items.len());
        for id in &request.items {
            messages.push(self.get_item(id, &request.shape).await.into());
        }
        GetItemResponse { messages }
    }

    async fn get_item(&self, id: &ItemId, shape: &ItemShape) -> Result<Message, Failure> {
        let item = self.item(id).await?;
        let (mut message, mime) = self.message(&item)?;
        if wants_mime(shape) {
            message.mime_content = Some(self.mime(&item, mime.as_ref(), &message).await?);
        }
        message.body = message.body.map(|stored| body::wanted(stored, shape.body_type));
        Ok(message)
    }

    /// The stored item that a request names; whatever version it names, too.
    pub(crate) async fn item(&self, id: &ItemId) -> Result<Item, Failure> {
        let id = match ids::read(Of::Item, self.owner, &id.id) {
            Ok(id) => id,
            Err(NoId::Foreign) => return Err(item_not_found()),
            Err(NoId::Malformed) => return Err(malformed()),
        };
        let found = self.server.mailboxes.item(self.owner, id).await.map_err(|error| storage(&error))?;
        found.ok_or_else(item_not_found)
    }

    /// The MIME stream that the item came as, or else one made of what is known.
    async fn mime(&self, item: &Item, stored: Option<&StoredMime>, message: &Message) -> Result<MimeContent, Failure> {
        let stream = mime::of_item(&self.server.mailboxes, item, stored, message).await;
        let stream = stream.map_err(|error| storage(&error))?;
        let content = match stream.pieces.as_slice() {
            [Piece::Text(text)] => text.to_vec(),
            _ => self.splices.mark(Piece::Encoded(stream.pieces)),
        };
        Ok(MimeContent { character_set: stream.character_set, content })
    }

    // === folders ===

    pub(super) async fn get_folders(&self, request: &GetFolder) -> GetFolderResponse {
        let mut messages = Vec::with_capacity(request.folders.len());
        for id in &request.folders {
            messages.push(self.get_folder(id, &request.shape).await.into());
        }
        GetFolderResponse { messages }
    }

    async fn get_folder(&self, id: &FolderId, shape: &FolderShape) -> Result<Folder, Failure> {
        let folder = self.folder(id)?;
        self.tell_folder(folder, wants_counts(shape)).await
    }

    /// A folder as a response tells of it. Its items are counted only if somebody asks.
    pub(crate) async fn tell_folder(
        &self,
        folder: &actas_store::mailbox::Folder,
        counted: bool,
    ) -> Result<Folder, Failure> {
        let counts = if counted {
            let counts = self.server.mailboxes.counts(self.owner, folder.id).await;
            Some(counts.map_err(|error| storage(&error))?)
        } else {
            None
        };
        Ok(self.tree.tell(folder, counts))
    }
}

/// Whether a shape asks for the number of items in a folder.
pub(super) fn wants_counts(shape: &FolderShape) -> bool {
    let counts =
        |path: &PropertyPath| matches!(path, PropertyPath::Field(Field::FolderTotalCount | Field::FolderUnreadCount));
    shape.base != BaseShape::IdOnly || shape.additional.iter().any(counts)
}

fn wants_mime(shape: &ItemShape) -> bool {
    let mime = |path: &PropertyPath| matches!(path, PropertyPath::Field(Field::MimeContent));
    shape.include_mime_content || shape.additional.iter().any(mime)
}
