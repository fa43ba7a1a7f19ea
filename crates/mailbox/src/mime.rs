//! The MIME stream of a stored item.

use actas_exchange::ews::{FileAttachment, Message, mime};
use actas_store::Error;
use actas_store::mailbox::{Attachment, Content, Item, Mailboxes};

use crate::content::{Form, Piece, Splices};
use crate::document::{StoredMime, attached};

/// A MIME stream, large files not read yet.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) character_set: Option<String>,
    pub(crate) pieces: Vec<Piece>,
}

/// The stream that an item came as, or else one made of what is known.
pub(crate) async fn of_item(
    mailboxes: &Mailboxes,
    item: &Item,
    stored: Option<&StoredMime>,
    message: &Message,
) -> Result<Stream, Error> {
    let mut files = mailboxes.attachments(item.id).await?;
    if let Some(stored) = stored
        && let Some(at) = files.iter().position(|file| file.id == stored.id)
    {
        let content = files.swap_remove(at).content;
        return Ok(Stream { character_set: stored.character_set.clone(), pieces: vec![Piece::of(content)] });
    }
    let splices = Splices::new();
    let files: Vec<FileAttachment> = files.into_iter().map(|file| to_be_sent(file, &splices)).collect();
    let text = mime::render(message, &files);
    // A mark is a line of its own, and so are the lines of its file.
    Ok(Stream { character_set: Some("UTF-8".to_owned()), pieces: splices.pieces(&text, "\r\n") })
}

fn to_be_sent(file: Attachment, splices: &Splices) -> FileAttachment {
    if file.content_type == attached::ITEM_TYPE
        && let Content::Bytes(bytes) = &file.content
        && let Some(item) = attached::read(bytes)
    {
        return FileAttachment { name: Some(file.name), item: Some(Box::new(item)), ..FileAttachment::default() };
    }
    let content = match file.content {
        Content::Bytes(bytes) => bytes,
        Content::Upload(upload) => splices.mark(Piece::File(upload, Form::Lines)),
    };
    FileAttachment {
        name: Some(file.name),
        content_type: Some(file.content_type),
        content: Some(content),
        ..FileAttachment::default()
    }
}
