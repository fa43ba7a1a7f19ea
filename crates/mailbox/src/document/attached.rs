//! Items in items: kept whole, with their own attachments, as the text that they came as.

use actas_exchange::ews::Message;

use super::new::DEFAULT_CLASS;

/// The media type under which attached items are kept: no file has it that somebody reads.
pub(crate) const ITEM_TYPE: &str = "application/x-attached-item+xml";

/// The text of an attached item, with what is left to the server.
pub(super) fn write(item: Message) -> Vec<u8> {
    completed(item).to_xml().into_bytes()
}

/// Reads what [`write`] wrote; nothing, if it is none.
pub(crate) fn read(bytes: &[u8]) -> Option<Message> {
    Message::from_xml(bytes, bytes.len()).ok()
}

fn completed(item: Message) -> Message {
    let mut item = item.normalised();
    item.item_class.get_or_insert_with(|| DEFAULT_CLASS.to_owned());
    item.has_attachments = Some(!item.attachments.is_empty());
    for attachment in &mut item.attachments {
        attachment.size = attachment.content.as_ref().map(|content| content.len() as u64);
        attachment.item = attachment.item.take().map(|inner| Box::new(completed(*inner)));
    }
    item
}
