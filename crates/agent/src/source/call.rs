//! A call, whoever told of it, as items of those who took part.

use jiff::{SignedDuration, Timestamp};

use super::owner::Owners;
use super::xmpp::Conversation;
use crate::error::Error;
use crate::item::{Component, Property, StorageItem, sha256_hex};

/// The class of an answered call among conversations.
const CALL_CLASS: &str = "IPM.Note.Microsoft.Conversation.Voice";
/// A longer id of a call is shown by its hash.
const ID_BYTES_MAX: usize = 120;
const NAME_CHARS_MAX: usize = 100;
const PROPERTY_CHARS_MAX: usize = 300;

/// What a record says.
pub(super) enum Reading {
    /// A call that is over.
    Call(Call),
    /// A conversation that is over.
    Conversation(Conversation),
    /// Nothing to keep, for this reason.
    Nothing(&'static str),
}

/// A call that is over.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    /// The system that told, as in the configuration.
    pub(super) source: &'static str,
    /// The system's own id of the call.
    pub(super) id: String,
    pub(super) caller: Party,
    pub(super) callee: Party,
    pub(super) start: Timestamp,
    /// How long they spoke; nothing if nobody answered.
    pub(super) spoke: Option<SignedDuration>,
    /// How it ended, in the system's words.
    pub(super) end: String,
}

/// Who took part.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Party {
    /// `user@domain`, or a bare user or number.
    pub(super) address: String,
    pub(super) name: Option<String>,
}

// === impl Call ===

impl Call {
    /// Items for those who took part and have a mailbox here: the call for both, or a
    /// missed call for who was called. None if nobody has one.
    pub(super) fn items(&self, owners: &Owners) -> Result<Vec<StorageItem>, Error> {
        let calling = owners.mailbox_of(&self.caller.address);
        let called = owners.mailbox_of(&self.callee.address);
        let mut items = Vec::new();
        if let Some(owner) = &called {
            let shown = self.caller.shown();
            let (component, subject) = match self.spoke {
                Some(_) => (Component::ConversationHistory, format!("Call from {shown}")),
                None => (Component::MissedCall, format!("Missed call from {shown}")),
            };
            items.push(self.item(owner, component, &subject, "callee", calling.as_deref())?);
        }
        if let Some(owner) = &calling {
            let shown = self.callee.shown();
            let subject = match self.spoke {
                Some(_) => format!("Call to {shown}"),
                None => format!("Call to {shown}, not answered"),
            };
            items.push(self.item(owner, Component::ConversationHistory, &subject, "caller", Some(owner))?);
        }
        Ok(items)
    }

    fn item(
        &self,
        owner: &str,
        component: Component,
        subject: &str,
        role: &str,
        from: Option<&str>,
    ) -> Result<StorageItem, Error> {
        let key = format!("{}/{}/{role}", self.source, short(&self.id));
        let property = |name: &str, value: String| Property { name: name.to_owned(), value };
        let seconds = self.spoke.map_or(0, |spoke| spoke.as_secs());
        let spoken = match self.spoke {
            Some(_) => format!("Duration: {}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
            None => "Not answered".to_owned(),
        };
        let body = format!(
            "From: {}\r\nTo: {}\r\nStarted: {}\r\n{spoken}\r\n",
            self.caller.shown(),
            self.callee.shown(),
            self.start.strftime("%Y-%m-%d %H:%M:%S UTC"),
        );
        let mut properties = vec![
            property("CallSource", self.source.to_owned()),
            property("CallId", clean(&self.id, PROPERTY_CHARS_MAX)),
            property("CallDirection", if role == "caller" { "Outgoing" } else { "Incoming" }.to_owned()),
            property("CallDurationSeconds", seconds.to_string()),
        ];
        let end = clean(&self.end, PROPERTY_CHARS_MAX);
        if !end.is_empty() {
            properties.push(property("CallEnd", end));
        }
        let class = (component == Component::ConversationHistory).then(|| CALL_CLASS.to_owned());
        StorageItem::new(owner, component, subject, &body, Some(key), self.start)?
            .with_item_class(class)?
            .with_from(from)?
            .with_properties(properties)
    }
}

// === impl Party ===

impl Party {
    /// Somebody by address, with a name if it says more.
    pub(super) fn new(address: &str, name: Option<&str>) -> Self {
        let address = super::owner::plain(&clean(address, NAME_CHARS_MAX * 3));
        let name = name.map(|name| clean(name, NAME_CHARS_MAX)).filter(|name| {
            let user = address.split('@').next().unwrap_or_default();
            !name.is_empty() && name != user && *name != address
        });
        Self { address, name }
    }

    fn shown(&self) -> String {
        match &self.name {
            Some(name) => format!("{name} <{}>", self.address),
            None if self.address.is_empty() => "an unknown number".to_owned(),
            None => self.address.clone(),
        }
    }
}

/// An id that fits into a key and a file name.
pub(super) fn short(id: &str) -> String {
    if id.len() <= ID_BYTES_MAX && !id.chars().any(char::is_control) {
        return id.to_owned();
    }
    sha256_hex(id.as_bytes())
}

/// Foreign text on one line, cut to a bound.
pub(super) fn clean(text: &str, chars_max: usize) -> String {
    let one_line = |letter: char| if letter.is_control() || letter >= '\u{fffe}' { ' ' } else { letter };
    text.trim().trim_matches('"').chars().map(one_line).take(chars_max).collect::<String>().trim().to_owned()
}
