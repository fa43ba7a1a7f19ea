//! Conversations of an XMPP server, each whole, as `mod_actas_conversations` of `examples/`
//! posts them: what one user wrote and was written, by partner and thread.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::call::clean;
use super::owner::{Owners, plain};
use crate::error::Error;
use crate::item::{Component, Property, StorageItem, sha256_hex};

const MESSAGES_MAX: usize = 10_000;
const ADDRESS_CHARS_MAX: usize = 300;
const ID_BYTES_MAX: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    id: String,
    owner: String,
    with: String,
    #[serde(default)]
    thread: String,
    messages: Vec<WireMessage>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireMessage {
    time: Timestamp,
    from: String,
    body: String,
}

/// What a user and somebody else wrote each other.
pub(super) struct Conversation {
    /// Stands for it, of this owner.
    pub(super) id: String,
    pub(super) owner: String,
    pub(super) with: String,
    thread: String,
    start: Timestamp,
    lines: Vec<(Timestamp, String, String)>,
}

/// Reads a conversation, or says what is wrong with it.
pub(super) fn read(record: &Value) -> Result<Conversation, String> {
    let wire = Wire::deserialize(record).map_err(|error| format!("the conversation cannot be read: {error}"))?;
    if wire.id.is_empty() || wire.id.len() > ID_BYTES_MAX {
        return Err(format!("the `id` is empty, or has more than {ID_BYTES_MAX} bytes"));
    }
    if wire.messages.len() > MESSAGES_MAX {
        return Err(format!("there are {} messages, more than {MESSAGES_MAX}", wire.messages.len()));
    }
    let start = wire.messages.iter().map(|message| message.time).min();
    let mut lines: Vec<_> =
        wire.messages.into_iter().map(|message| (message.time, plain(&message.from), message.body)).collect();
    // Those of one second stay in the order in which they came.
    lines.sort_by_key(|(time, ..)| *time);
    Ok(Conversation {
        id: wire.id,
        owner: plain(&clean(&wire.owner, ADDRESS_CHARS_MAX)),
        with: plain(&clean(&wire.with, ADDRESS_CHARS_MAX)),
        thread: clean(&wire.thread, ADDRESS_CHARS_MAX),
        start: start.ok_or("there is no message in it")?,
        lines,
    })
}

// === impl Conversation ===

impl Conversation {
    /// The item of the user whose conversation it is, if they have a mailbox here.
    pub(super) fn items(&self, owners: &Owners) -> Result<Vec<StorageItem>, Error> {
        let Some(owner) = owners.mailbox_of(&self.owner) else { return Ok(Vec::new()) };
        let mut body = String::new();
        for (time, from, text) in &self.lines {
            let text: String = text.chars().filter(|letter| may_be_text(*letter)).collect();
            // Writing to a text does not fail.
            let _ = write!(body, "{} {from}\r\n{text}\r\n\r\n", time.strftime("%Y-%m-%d %H:%M:%S UTC"));
        }
        let key = format!("xmpp/{}", sha256_hex(format!("{}\0{}", self.owner, self.id).as_bytes()));
        let subject = format!("Conversation with {}", self.with);
        let first = self.lines.first().and_then(|(_, from, _)| owners.mailbox_of(from));
        let mut properties = vec![
            Property { name: "ConversationWith".to_owned(), value: self.with.clone() },
            Property { name: "ConversationMessages".to_owned(), value: self.lines.len().to_string() },
        ];
        if !self.thread.is_empty() {
            properties.push(Property { name: "ConversationThread".to_owned(), value: self.thread.clone() });
        }
        properties.retain(|property| !property.value.is_empty());
        let item = StorageItem::new(&owner, Component::ConversationHistory, &subject, &body, Some(key), self.start)?;
        Ok(vec![item.with_from(first.as_deref())?.with_properties(properties)?])
    }
}

/// As an item may have it; the rest is dropped rather than the conversation refused.
fn may_be_text(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r') || (letter >= ' ' && !matches!(letter, '\u{fffe}' | '\u{ffff}'))
}
