//! Writing a message: what was asked for, in the order of the schema

use super::{FileAttachment, Mailbox, Message};
use crate::ews::property::{ExtendedFieldUri, Field, PropertyPath};
use crate::ews::shape::{BaseShape, ItemShape};
use crate::xml::Writer;

/// Characters of a text that a search tells ("FindItem operation").
const FOUND_CHARS_MAX: usize = 255;

/// What of a message is written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum View<'a> {
    /// All that there is: for a request.
    Everything,
    /// What `GetItem` was asked for.
    Got(&'a Asked<'a>),
    /// What `FindItem` was asked for, which tells no bodies and no lists of recipients, and long
    /// texts only in part.
    Found(&'a Asked<'a>),
}

/// A shape, sorted out once for all items: exchangelib names hundreds of fields that no message has.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    base: BaseShape,
    include_mime_content: bool,
    fields: Vec<&'a Field>,
    /// Each once, spelled as it was asked for first.
    extended: Vec<&'a ExtendedFieldUri>,
}

impl View<'_> {
    fn wants(self, field: &Field) -> bool {
        match self {
            Self::Everything => true,
            Self::Got(asked) => asked.wants(field),
            Self::Found(asked) => !is_withheld_from_searches(field) && asked.wants(field),
        }
    }

    /// The text, as long as it may be.
    fn cut(self, text: &str) -> &str {
        match self {
            Self::Everything | Self::Got(_) => text,
            Self::Found(_) => match text.char_indices().nth(FOUND_CHARS_MAX) {
                Some((end, _)) => &text[..end],
                None => text,
            },
        }
    }
}

fn is_withheld_from_searches(field: &Field) -> bool {
    matches!(
        field,
        Field::Attachments
            | Field::BccRecipients
            | Field::Body
            | Field::CcRecipients
            | Field::MimeContent
            | Field::ReplyTo
            | Field::ToRecipients
    )
}

impl<'a> Asked<'a> {
    pub(crate) fn of(shape: &'a ItemShape) -> Self {
        let mut asked = Self {
            base: shape.base,
            include_mime_content: shape.include_mime_content,
            fields: Vec::new(),
            extended: Vec::new(),
        };
        for path in &shape.additional {
            match path {
                PropertyPath::Field(Field::Other(_)) | PropertyPath::Indexed { .. } => {}
                PropertyPath::Field(field) => asked.fields.push(field),
                PropertyPath::Extended(uri) if asked.extended.contains(&uri) => {}
                PropertyPath::Extended(uri) => asked.extended.push(uri),
            }
        }
        asked
    }

    fn wants(&self, field: &Field) -> bool {
        let in_base = match (self.base, field) {
            (_, Field::ItemId) => true,
            (_, Field::MimeContent) => self.include_mime_content,
            (BaseShape::IdOnly, _) => false,
            (BaseShape::AllProperties, _) => true,
            (BaseShape::Default, field) => matches!(
                field,
                Field::Attachments
                    | Field::BccRecipients
                    | Field::Body
                    | Field::CcRecipients
                    | Field::DateTimeCreated
                    | Field::DateTimeSent
                    | Field::From
                    | Field::HasAttachments
                    | Field::IsRead
                    | Field::Sensitivity
                    | Field::Size
                    | Field::Subject
                    | Field::ToRecipients
            ),
        };
        in_base || self.fields.contains(&field)
    }
}

/// Writes `t:Message`.
pub(crate) fn write_message(w: &mut Writer, message: &Message, view: View<'_>) {
    w.element("t:Message", &[], |w| {
        let mut item = ItemWriter { w, view };
        item.identity(message);
        item.content(message);
        item.state(message);
        item.extended(message);
        item.time(&Field::LastModifiedTime, "t:LastModifiedTime", message.last_modified);
        item.message_part(message);
    });
}

struct ItemWriter<'a> {
    w: &'a mut Writer,
    view: View<'a>,
}

impl ItemWriter<'_> {
    fn identity(&mut self, message: &Message) {
        if let Some(mime) = &message.mime_content
            && self.view.wants(&Field::MimeContent)
        {
            let set = mime.character_set.as_deref();
            let attributes: Vec<_> = set.map(|set| ("CharacterSet", set)).into_iter().collect();
            self.w.base64_with("t:MimeContent", &attributes, &mime.content);
        }
        if let Some(id) = &message.item_id {
            id.write(self.w);
        }
        if let Some(parent) = &message.parent_folder_id
            && self.view.wants(&Field::ParentFolderId)
        {
            parent.write(self.w, "t:ParentFolderId");
        }
    }

    fn content(&mut self, message: &Message) {
        self.text(&Field::ItemClass, "t:ItemClass", message.item_class.as_deref());
        self.text(&Field::Subject, "t:Subject", message.subject.as_deref());
        let sensitivity = message.sensitivity.map(super::Sensitivity::as_str);
        self.text(&Field::Sensitivity, "t:Sensitivity", sensitivity);
        if let Some(body) = &message.body
            && self.view.wants(&Field::Body)
        {
            let kind = [("BodyType", body.kind.as_str())];
            self.w.text_with("t:Body", &kind, &body.content);
        }
        if !message.attachments.is_empty() && self.view.wants(&Field::Attachments) {
            self.w.element("t:Attachments", &[], |w| {
                for file in &message.attachments {
                    file.write(w);
                }
            });
        }
    }

    fn state(&mut self, message: &Message) {
        self.time(&Field::DateTimeReceived, "t:DateTimeReceived", message.received);
        if self.view.wants(&Field::Size) {
            self.w.number_opt("t:Size", message.size);
        }
        if !message.categories.is_empty() && self.view.wants(&Field::Categories) {
            self.w.element("t:Categories", &[], |w| {
                for category in &message.categories {
                    w.text("t:String", category);
                }
            });
        }
        let importance = message.importance.map(super::Importance::as_str);
        self.text(&Field::Importance, "t:Importance", importance);
        self.text(&Field::InReplyTo, "t:InReplyTo", message.in_reply_to.as_deref());
        self.bool(&Field::IsDraft, "t:IsDraft", message.is_draft);
        self.time(&Field::DateTimeSent, "t:DateTimeSent", message.sent);
        self.time(&Field::DateTimeCreated, "t:DateTimeCreated", message.created);
        self.bool(&Field::HasAttachments, "t:HasAttachments", message.has_attachments);
    }

    /// For a request all that are set; for a response those that were asked for, each spelled as
    /// it was asked for.
    fn extended(&mut self, message: &Message) {
        let asked = match self.view {
            View::Everything => {
                for property in &message.extended {
                    property.write(self.w);
                }
                return;
            }
            View::Got(asked) | View::Found(asked) => asked,
        };
        for uri in &asked.extended {
            if let Some(property) = message.extended_property(uri) {
                let view = self.view;
                property.cut(|text| view.cut(text)).write(self.w);
            }
        }
    }

    fn message_part(&mut self, message: &Message) {
        self.mailbox(&Field::Sender, "t:Sender", message.sender.as_ref());
        self.mailboxes(&Field::ToRecipients, "t:ToRecipients", &message.to);
        self.mailboxes(&Field::CcRecipients, "t:CcRecipients", &message.cc);
        self.mailboxes(&Field::BccRecipients, "t:BccRecipients", &message.bcc);
        let topic = message.conversation_topic.as_deref();
        self.text(&Field::ConversationTopic, "t:ConversationTopic", topic);
        self.mailbox(&Field::From, "t:From", message.from.as_ref());
        let internet_id = message.internet_message_id.as_deref();
        self.text(&Field::InternetMessageId, "t:InternetMessageId", internet_id);
        self.bool(&Field::IsRead, "t:IsRead", message.is_read);
        self.text(&Field::References, "t:References", message.references.as_deref());
        self.mailboxes(&Field::ReplyTo, "t:ReplyTo", &message.reply_to);
    }

    fn text(&mut self, field: &Field, name: &str, text: Option<&str>) {
        if self.view.wants(field) {
            self.w.text_opt(name, text.map(|text| self.view.cut(text)));
        }
    }

    fn bool(&mut self, field: &Field, name: &str, value: Option<bool>) {
        if self.view.wants(field) {
            self.w.bool_opt(name, value);
        }
    }

    fn time(&mut self, field: &Field, name: &str, time: Option<jiff::Timestamp>) {
        if self.view.wants(field) {
            self.w.time_opt(name, time);
        }
    }

    fn mailbox(&mut self, field: &Field, name: &str, mailbox: Option<&Mailbox>) {
        if let Some(mailbox) = mailbox {
            self.mailboxes(field, name, std::slice::from_ref(mailbox));
        }
    }

    fn mailboxes(&mut self, field: &Field, name: &str, mailboxes: &[Mailbox]) {
        if mailboxes.is_empty() || !self.view.wants(field) {
            return;
        }
        self.w.element(name, &[], |w| {
            for mailbox in mailboxes {
                mailbox.write(w);
            }
        });
    }
}

impl Mailbox {
    fn write(&self, w: &mut Writer) {
        w.element("t:Mailbox", &[], |w| {
            w.text_opt("t:Name", self.name.as_ref());
            w.text_opt("t:EmailAddress", self.address.as_ref());
            w.text_opt("t:RoutingType", self.routing_type.as_ref());
        });
    }
}

impl FileAttachment {
    pub(crate) fn write(&self, w: &mut Writer) {
        w.element(self.element_name(), &[], |w| {
            if let Some(id) = &self.id {
                w.empty("t:AttachmentId", &[("Id", id)]);
            }
            w.text_opt("t:Name", self.name.as_ref());
            w.text_opt("t:ContentType", self.content_type.as_ref());
            w.text_opt("t:ContentId", self.content_id.as_ref());
            w.number_opt("t:Size", self.size);
            w.bool_opt("t:IsInline", self.is_inline);
            if let Some(item) = &self.item {
                if **item != Message::default() {
                    write_message(w, item, View::Everything);
                }
            } else if let Some(content) = &self.content {
                w.base64_with("t:Content", &[], content);
            }
        });
    }

    fn element_name(&self) -> &'static str {
        attachment_name(self.item.is_some())
    }
}

/// What an attachment is called.
pub(crate) fn attachment_name(is_item: bool) -> &'static str {
    if is_item { "t:ItemAttachment" } else { "t:FileAttachment" }
}
