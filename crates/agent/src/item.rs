//! What is delivered: conversations, voice mail, call notices.

use actas_exchange::SmtpAddress;
use actas_exchange::ews::{
    Body, DistinguishedFolder, ExtendedFieldUri, ExtendedProperty, FolderId, Mailbox, Message, PropertyTag,
    PropertyType,
};
use actas_store::queue::NewItem;
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
        })
    }

    /// Another class than the component's own.
    #[must_use]
    pub fn with_item_class(mut self, class: Option<String>) -> Self {
        self.item_class = class.unwrap_or(self.item_class);
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

    /// Where it goes.
    pub fn folder(&self) -> TargetFolder {
        self.folder
    }

    pub(crate) fn to_queue(&self) -> Result<NewItem, Error> {
        let document = serde_json::to_string(self).map_err(|error| Error::machine(error.to_string()))?;
        Ok(NewItem {
            id: self.key.clone(),
            owner: self.owner.clone(),
            component: self.component.as_str().to_owned(),
            document,
        })
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
            ],
            to: vec![mailbox(&self.owner)],
            from: self.from.as_deref().map(mailbox),
            is_read: Some(true),
            ..Message::default()
        })
    }
}

/// The property that [`DELIVERY_KEY`] names.
pub(crate) fn delivery_key_uri() -> ExtendedFieldUri {
    ExtendedFieldUri::public_string(DELIVERY_KEY, PropertyType::STRING)
}
