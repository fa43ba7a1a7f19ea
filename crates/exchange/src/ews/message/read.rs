//! Reading a message: elements in any order, unknown ones read over

use super::{Body, FileAttachment, Mailbox, Message, MimeContent};
use crate::error::Result;
use crate::ews::ids::{FolderKey, ItemId};
use crate::ews::property::ExtendedProperty;
use crate::xml::{self, Node};

/// Recipients of one list.
const RECIPIENTS_MAX: usize = 10_000;
/// Attachments of one item.
const ATTACHMENTS_MAX: usize = 1000;
/// Categories of one item.
const CATEGORIES_MAX: usize = 1000;
/// Extended properties of one item.
const EXTENDED_MAX: usize = 1000;

/// What can be attached and is no message.
const OTHER_ITEMS: [&str; 8] = [
    "CalendarItem",
    "Contact",
    "MeetingCancellation",
    "MeetingMessage",
    "MeetingRequest",
    "MeetingResponse",
    "PostItem",
    "Task",
];

impl Message {
    pub(crate) fn read(node: Node<'_>) -> Result<Self> {
        let mut message = Self::default();
        for child in node.elements() {
            if child.namespace() == Some(xml::TYPES) {
                message.read_property(child)?;
            }
        }
        Ok(message)
    }

    fn read_property(&mut self, node: Node<'_>) -> Result<()> {
        match node.name() {
            "MimeContent" => self.mime_content = Some(MimeContent::read(node)?),
            "ItemId" => self.item_id = Some(ItemId::read(node)?),
            "ParentFolderId" => self.parent_folder_id = Some(FolderKey::read(node)?),
            "ItemClass" => self.item_class = Some(node.text()?),
            "Subject" => self.subject = Some(node.text()?),
            "Sensitivity" => self.sensitivity = Some(node.named()?),
            "Body" => self.body = Some(Body::read(node)?),
            "Attachments" => {
                let attachments = node.each("attachments", ATTACHMENTS_MAX, FileAttachment::read)?;
                self.attachments = attachments;
            }
            "DateTimeReceived" => self.received = Some(node.time()?),
            "Size" => self.size = Some(node.number()?),
            "Categories" => {
                self.categories = node.each("categories", CATEGORIES_MAX, Node::text)?;
            }
            "Importance" => self.importance = Some(node.named()?),
            "InReplyTo" => self.in_reply_to = Some(node.text()?),
            "IsDraft" => self.is_draft = Some(node.bool()?),
            "DateTimeSent" => self.sent = Some(node.time()?),
            "DateTimeCreated" => self.created = Some(node.time()?),
            "HasAttachments" => self.has_attachments = Some(node.bool()?),
            "ExtendedProperty" => {
                if self.extended.len() == EXTENDED_MAX {
                    let error = crate::Error::too_large("extended properties", EXTENDED_MAX);
                    return Err(error.at(node.position()));
                }
                self.extended.push(ExtendedProperty::read(node)?);
            }
            "LastModifiedTime" => self.last_modified = Some(node.time()?),
            "Sender" => self.sender = read_mailboxes(node)?.into_iter().next(),
            "ToRecipients" => self.to = read_mailboxes(node)?,
            "CcRecipients" => self.cc = read_mailboxes(node)?,
            "BccRecipients" => self.bcc = read_mailboxes(node)?,
            "ConversationTopic" => self.conversation_topic = Some(node.text()?),
            "From" => self.from = read_mailboxes(node)?.into_iter().next(),
            "InternetMessageId" => self.internet_message_id = Some(node.text()?),
            "IsRead" => self.is_read = Some(node.bool()?),
            "References" => self.references = Some(node.text()?),
            "ReplyTo" => self.reply_to = read_mailboxes(node)?,
            _ => {}
        }
        Ok(())
    }
}

impl MimeContent {
    fn read(node: Node<'_>) -> Result<Self> {
        Ok(Self { character_set: node.attribute("CharacterSet").map(str::to_owned), content: node.base64()? })
    }
}

impl Body {
    fn read(node: Node<'_>) -> Result<Self> {
        Ok(Self { kind: node.required_named_attribute("BodyType")?, content: node.text()? })
    }
}

impl FileAttachment {
    pub(crate) fn read(node: Node<'_>) -> Result<Self> {
        let is_item = node.is(xml::TYPES, "ItemAttachment");
        if !is_item && !node.is(xml::TYPES, "FileAttachment") {
            return Err(node.not_supported());
        }
        let mut file = Self { item: is_item.then(Box::default), ..Self::default() };
        for child in node.elements() {
            if child.namespace() != Some(xml::TYPES) {
                continue;
            }
            match child.name() {
                "AttachmentId" => file.id = Some(child.required_attribute("Id")?.to_owned()),
                "Name" => file.name = Some(child.text()?),
                "ContentType" => file.content_type = Some(child.text()?),
                "ContentId" => file.content_id = Some(child.text()?),
                "Size" => file.size = Some(child.number()?),
                "IsInline" => file.is_inline = Some(child.bool()?),
                "Content" if !is_item => file.content = Some(child.base64()?),
                "Message" | "Item" if is_item => file.item = Some(Box::new(Message::read(child)?)),
                kind if is_item && OTHER_ITEMS.contains(&kind) => return Err(child.not_supported()),
                _ => {}
            }
        }
        Ok(file)
    }
}

fn read_mailboxes(node: Node<'_>) -> Result<Vec<Mailbox>> {
    node.each("recipients", RECIPIENTS_MAX, |mailbox| {
        let child = |name| match mailbox.child(xml::TYPES, name) {
            Some(child) => child.token().map(Some),
            None => Ok(None),
        };
        Ok(Mailbox { name: child("Name")?, address: child("EmailAddress")?, routing_type: child("RoutingType")? })
    })
}
