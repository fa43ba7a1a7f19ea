//! The MIME stream of a stored item.

use actas_exchange::ews::{FileAttachment, Message, MimeContent, mime};
use actas_store::Error;
use actas_store::mailbox::{Item, Mailboxes};

use crate::document::StoredMime;
use crate::ews::get::to_be_sent;

/// The stream that an item came as, or else one made of what is known.
pub(crate) async fn of_item(
    mailboxes: &Mailboxes,
    item: &Item,
    stored: Option<&StoredMime>,
    message: &Message,
) -> Result<MimeContent, Error> {
    let mut files = mailboxes.attachments(item.id).await?;
    if let Some(stored) = stored
        && let Some(at) = files.iter().position(|file| file.id == stored.id)
    {
        let content = files.swap_remove(at).content;
        return Ok(MimeContent { character_set: stored.character_set.clone(), content });
    }
    let files: Vec<FileAttachment> = files.into_iter().map(to_be_sent).collect();
    Ok(MimeContent { character_set: Some("UTF-8".to_owned()), content: mime::render(message, &files) })
}
