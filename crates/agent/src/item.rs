//! What is delivered: conversations, voice mail, call notices.

use actas_exchange::SmtpAddress;
use actas_exchange::ews::{
    Body, DistinguishedFolder, ExtendedFieldUri, ExtendedProperty, FolderId, Mailbox, Message, PropertyTag,
    PropertyType,
};
use actas_store::queue::NewItem;
use aws_lc_rs::digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::Error;

/// The named property that carries an item's own key, so that it is found again before
/// it is sent again.
pub(crate) const DELIVERY_KEY: &str = "ActasDeliveryKey";
/// The longest key, subject or body that is taken, in bytes.
const KEY_BYTES_MAX: usize = 200;
const SUBJECT_BYTES_MAX: usize = 1_000;
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The longest class, file name, media type or property, in bytes.
const NAME_BYTES_MAX: usize = 255;
const PROPERTY_BYTES_MAX: usize = 4 * 1024;
const PROPERTIES_MAX: usize = 50;
/// The most files of an item, and the most bytes of one.
const ATTACHMENTS_MAX: usize = 20;
/// The most bytes of a file.
pub const ATTACHMENT_BYTES_MAX: u64 = 25 * 1024 * 1024;

/// Who made an item (`Component`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Component {
    /// Instant messages and conferences.
    ConversationHistory,
    /// Copies for the archive.
    ExchangeArchiving,
    /// A call that was not answered.
    MissedCall,
    /// Anything else.
    Other,
    /// A voice message.
    Voicemail,
}

impl Component {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConversationHistory => "ConversationHistory",
            Self::ExchangeArchiving => "ExchangeArchiving",
            Self::MissedCall => "MissedCall",
            Self::Other => "Other",
            Self::Voicemail => "Voicemail",
        }
    }

    fn folder(self) -> TargetFolder {
        match self {
            Self::ConversationHistory => TargetFolder::ConversationHistory,
            Self::ExchangeArchiving => TargetFolder::Dumpster,
            Self::MissedCall | Self::Other | Self::Voicemail => TargetFolder::Inbox,
        }
    }

    fn item_class(self) -> &'static str {
        match self {
            Self::ConversationHistory | Self::ExchangeArchiving => "IPM.Note.Microsoft.Conversation",
            Self::MissedCall => "IPM.Note.Microsoft.Missed.Voice",
            Self::Other => "IPM.Note",
            Self::Voicemail => "IPM.Note.Microsoft.Voicemail.UM.CA",
        }
    }
}

/// Where an item goes (`ExchFolder`).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum TargetFolder {
    /// Where conversations are kept.
    ConversationHistory,
    /// The purge folder of Recoverable Items, the archive of instant messages.
    Dumpster,
    /// The inbox.
    Inbox,
}

impl TargetFolder {
    /// The vendor's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConversationHistory => "ConversationHistory",
            Self::Dumpster => "Dumpster",
            Self::Inbox => "Inbox",
        }
    }

    fn distinguished(self) -> DistinguishedFolder {
        match self {
            Self::ConversationHistory => DistinguishedFolder::ConversationHistory,
            Self::Dumpster => DistinguishedFolder::RecoverableItemsPurges,
            Self::Inbox => DistinguishedFolder::Inbox,
        }
    }
}

/// A file of an item. Its bytes are apart: they may be many.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Attachment {
    /// Its name, without folders.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// How many bytes it has.
    pub size: u64,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// A property of an item beside its fields: a name in the public strings, and a text.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Property {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// An item to deliver, checked.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct StorageItem {
    key: String,
    owner: String,
    component: Component,
    folder: TargetFolder,
    item_class: String,
    subject: String,
    body: String,
    from: Option<String>,
    time: Timestamp,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment>,
    /// The time is that of acceptance, since nobody named one: the same item handed in
    /// again later is still the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    time_assumed: bool,
    /// Whether the text was dropped, since the item is elsewhere.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    stripped: bool,
}

// === impl StorageItem ===

impl StorageItem {
    /// An item for an owner's mailbox at a time. Without a key it gets one, and can then
    /// not be told from a second submission.
    pub fn new(
        owner: &str,
        component: Component,
        subject: &str,
        body: &str,
        key: Option<String>,
        time: Timestamp,
    ) -> Result<Self, Error> {
        let owner: SmtpAddress =
            owner.parse().map_err(|_| Error::invalid(format!("`{owner}` is not a mailbox address")))?;
        let key = key.unwrap_or_else(|| Uuid::new_v4().to_string());
        let bounded = |what: &str, text: &str, bytes_max: usize| {
            if text.len() > bytes_max {
                return Err(Error::invalid(format!("the {what} has {} bytes, more than {bytes_max}", text.len())));
            }
            Ok(())
        };
        if key.trim().is_empty() || key.chars().any(char::is_control) {
            return Err(Error::invalid("the item's key is empty or has control characters"));
        }
        bounded("key", &key, KEY_BYTES_MAX)?;
        bounded("subject", subject, SUBJECT_BYTES_MAX)?;
        bounded("body", body, BODY_BYTES_MAX)?;
        for (what, text) in [("subject", subject), ("body", body)] {
            if let Some(bad) = text.chars().find(|letter| !can_be_written(*letter)) {
                return Err(Error::invalid(format!(
                    "the {what} has the character U+{:04X}, which no mailbox takes",
                    u32::from(bad)
                )));
            }
        }
        Ok(Self {
            key,
            owner: owner.lower().to_owned(),
            component,
            folder: component.folder(),
            item_class: component.item_class().to_owned(),
            subject: subject.to_owned(),
            body: body.to_owned(),
            from: None,
            time,
            properties: Vec::new(),
            attachments: Vec::new(),
            time_assumed: false,
            stripped: false,
        })
    }

    /// Another class than the component's own.
    pub fn with_item_class(mut self, class: Option<String>) -> Result<Self, Error> {
        if let Some(class) = class {
            check_name("item class", &class, NAME_BYTES_MAX)?;
            self.item_class = class;
        }
        Ok(self)
    }

    /// Properties beside the fields.
    pub fn with_properties(mut self, properties: Vec<Property>) -> Result<Self, Error> {
        if properties.len() > PROPERTIES_MAX {
            return Err(Error::invalid(format!("it has {} properties, more than {PROPERTIES_MAX}", properties.len())));
        }
        for property in &properties {
            check_name("name of a property", &property.name, NAME_BYTES_MAX)?;
            check_name(&format!("property `{}`", property.name), &property.value, PROPERTY_BYTES_MAX)?;
            if property.name == DELIVERY_KEY {
                return Err(Error::invalid(format!("the property `{DELIVERY_KEY}` is the item's key")));
            }
        }
        self.properties = properties;
        Ok(self)
    }

    /// Its files, in order.
    pub fn with_attachments(mut self, attachments: Vec<Attachment>) -> Result<Self, Error> {
        if attachments.len() > ATTACHMENTS_MAX {
            return Err(Error::invalid(format!("it has {} files, more than {ATTACHMENTS_MAX}", attachments.len())));
        }
        for file in &attachments {
            check_name("name of a file", &file.name, NAME_BYTES_MAX)?;
            check_name("media type of a file", &file.content_type, NAME_BYTES_MAX)?;
            if file.size > ATTACHMENT_BYTES_MAX {
                return Err(Error::invalid(format!(
                    "the file `{}` has {} bytes, more than {ATTACHMENT_BYTES_MAX}",
                    file.name, file.size
                )));
            }
        }
        self.attachments = attachments;
        Ok(self)
    }

    /// Says that nobody named its time.
    #[must_use]
    pub fn with_assumed_time(mut self) -> Self {
        self.time_assumed = true;
        self
    }

    /// Whom it is from.
    pub fn with_from(mut self, from: Option<&str>) -> Result<Self, Error> {
        if let Some(from) = from {
            let address: SmtpAddress =
                from.parse().map_err(|_| Error::invalid(format!("`{from}` is not an address")))?;
            self.from = Some(address.as_str().to_owned());
        }
        Ok(self)
    }

    /// Another folder than the component's own.
    #[must_use]
    pub fn with_folder(mut self, folder: TargetFolder) -> Self {
        self.folder = folder;
        self
    }

    /// Its key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The SMTP address of its mailbox.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Its subject.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Its text, empty once it is elsewhere.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Whom it is from, if that was said.
    pub fn from(&self) -> Option<&str> {
        self.from.as_deref()
    }

    /// When it happened.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Its class, such as `IPM.Note.Microsoft.Conversation`.
    pub fn item_class(&self) -> &str {
        &self.item_class
    }

    /// Properties beside its fields.
    pub fn properties(&self) -> &[Property] {
        &self.properties
    }

    /// Where it goes.
    pub fn folder(&self) -> TargetFolder {
        self.folder
    }

    /// Its files.
    pub fn attachments(&self) -> &[Attachment] {
        &self.attachments
    }

    pub(crate) fn to_queue(&self, upload: Option<String>) -> Result<NewItem, Error> {
        let document = self.to_document()?;
        Ok(NewItem {
            id: self.key.clone(),
            owner: self.owner.clone(),
            component: self.component.as_str().to_owned(),
            digest: self.digest_of(&document)?,
            document,
            upload,
        })
    }

    fn to_document(&self) -> Result<String, Error> {
        serde_json::to_string(self).map_err(|error| Error::machine(error.to_string()))
    }

    /// What tells the same item from another of the same key.
    pub(crate) fn digest(&self) -> Result<String, Error> {
        self.digest_of(&self.to_document()?)
    }

    fn digest_of(&self, document: &str) -> Result<String, Error> {
        if self.time_assumed {
            let timeless = Self { time: Timestamp::UNIX_EPOCH, ..self.clone() };
            return Ok(sha256_hex(timeless.to_document()?.as_bytes()));
        }
        Ok(sha256_hex(document.as_bytes()))
    }

    /// What is remembered of it once it is elsewhere: everything but its text.
    pub(crate) fn remembered(&self) -> Result<String, Error> {
        Self { body: String::new(), properties: Vec::new(), stripped: true, ..self.clone() }.to_document()
    }

    pub(crate) fn from_queue(document: &str) -> Result<Self, Error> {
        serde_json::from_str(document).map_err(|error| Error::machine(format!("a queued item cannot be read: {error}")))
    }

    pub(crate) fn folder_id(&self) -> Result<FolderId, Error> {
        let owner: SmtpAddress =
            self.owner.parse().map_err(|_| Error::invalid(format!("`{}` is not a mailbox address", self.owner)))?;
        Ok(FolderId::of(owner, self.folder.distinguished()))
    }

    pub(crate) fn to_message(&self) -> Result<Message, Error> {
        let property = |tag: PropertyTag, kind: PropertyType, value: String| {
            ExtendedProperty::one(ExtendedFieldUri::tag(tag, kind), value)
                .map_err(|error| Error::machine(error.to_string()))
        };
        let mailbox = |address: &str| Mailbox { address: Some(address.to_owned()), ..Mailbox::default() };
        let own = self
            .properties
            .iter()
            .map(|property| ExtendedProperty::public_string(property.name.clone(), property.value.clone()));
        Ok(Message {
            item_class: Some(self.item_class.clone()),
            subject: Some(self.subject.clone()),
            body: Some(Body::text(self.body.clone())),
            extended: vec![
                // Read and not unsent: without it the item is a draft for ever.
                property(PropertyTag::MESSAGE_FLAGS, PropertyType::INTEGER, "1".to_owned())?,
                property(
                    PropertyTag::DELIVERY_TIME,
                    PropertyType::SYSTEM_TIME,
                    self.time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                )?,
                ExtendedProperty::public_string(DELIVERY_KEY, self.key.clone()),
            ]
            .into_iter()
            .chain(own)
            .collect(),
            to: vec![mailbox(&self.owner)],
            from: self.from.as_deref().map(mailbox),
            is_read: Some(true),
            ..Message::default()
        })
    }
}

fn check_name(what: &str, text: &str, bytes_max: usize) -> Result<(), Error> {
    if text.is_empty() || text.len() > bytes_max || text.chars().any(char::is_control) {
        return Err(Error::invalid(format!(
            "the {what} is empty, longer than {bytes_max} bytes, or has control characters"
        )));
    }
    Ok(())
}

/// XML 1.0 has no way to write the others, so an item with one could never be delivered.
fn can_be_written(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r') || (letter >= ' ' && !matches!(letter, '\u{fffe}' | '\u{ffff}'))
}

/// A hash as text.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}

/// The property that [`DELIVERY_KEY`] names.
pub(crate) fn delivery_key_uri() -> ExtendedFieldUri {
    ExtendedFieldUri::public_string(DELIVERY_KEY, PropertyType::STRING)
}
