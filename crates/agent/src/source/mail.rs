//! A message of a voice-mail system as an item: its text, its caller, its sound.

use jiff::Timestamp;
use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders};

use super::call::clean;
use crate::Agent;
use crate::error::Error;
use crate::intake::{Prepared, Refusal, Upload};
use crate::item::{Component, Property, StorageItem, sha256_hex};

const SUBJECT_CHARS_MAX: usize = 250;
const TEXT_CHARS_MAX: usize = 256 * 1024;
const NAME_CHARS_MAX: usize = 60;
/// Endings of files that are sound, for systems that send them as octets.
const SOUND: [&str; 8] = [".wav", ".mp3", ".ogg", ".opus", ".gsm", ".wma", ".m4a", ".amr"];

/// A message that was read.
pub(super) struct Mail<'a> {
    message: Message<'a>,
    /// Stands for the message: a sender that heard nothing sends the same again.
    digest: String,
}

/// Reads a message. Nothing if there is no header in it.
pub(super) fn read(bytes: &[u8]) -> Option<Mail<'_>> {
    let message = MessageParser::default().parse(bytes)?;
    Some(Mail { message, digest: sha256_hex(bytes) })
}

// === impl Mail ===

impl Mail<'_> {
    /// The item for a mailbox, with its files stored.
    pub(super) async fn item(&self, agent: &Agent, owner: &str, now: Timestamp) -> Result<Prepared, Refusal> {
        let item = self.without_files(owner, now).map_err(|error| Refusal::invalid(error.to_string()))?;
        let mut upload = Upload::new(agent);
        for (index, part) in self.message.attachments().enumerate() {
            if let Err(refusal) = upload.whole(&name_of(part, index), &type_of(part), part.contents()).await {
                upload.abandon().await;
                return Err(refusal);
            }
        }
        Ok(upload.finish(item).await)
    }

    fn without_files(&self, owner: &str, now: Timestamp) -> Result<StorageItem, Error> {
        let is_voice = self.message.attachments().enumerate().any(|(index, part)| is_sound(part, index));
        let component = if is_voice { Component::Voicemail } else { Component::Other };
        let subject = clean(self.message.subject().unwrap_or_default(), SUBJECT_CHARS_MAX);
        let subject = if subject.is_empty() { "Voice message".to_owned() } else { subject };
        let text = self.message.body_text(0).unwrap_or_default();
        let text: String = text.chars().filter(|letter| may_be_text(*letter)).take(TEXT_CHARS_MAX).collect();
        let key = format!("smtp/{}", sha256_hex(format!("{}\0{owner}", self.digest).as_bytes()));
        let sent = self.message.date().and_then(|date| Timestamp::from_second(date.to_timestamp()).ok());
        let item = StorageItem::new(owner, component, &subject, &text, Some(key), sent.unwrap_or(now))?;
        let item = if sent.is_none() { item.with_assumed_time() } else { item };
        let from = self.message.from().and_then(|from| from.first());
        let address = from.and_then(|from| from.address()).unwrap_or_default();
        let mut properties = Vec::new();
        let mut property = |name: &str, value: &str| {
            let value = clean(value, SUBJECT_CHARS_MAX);
            if !value.is_empty() {
                properties.push(Property { name: name.to_owned(), value });
            }
        };
        property("MailFrom", address);
        property("MailFromName", from.and_then(|from| from.name()).unwrap_or_default());
        property("MailMessageId", self.message.message_id().unwrap_or_default());
        // An address that is none is in the properties all the same.
        let item = item.clone().with_from(Some(address)).unwrap_or(item);
        item.with_properties(properties)
    }
}

fn type_of(part: &MessagePart<'_>) -> String {
    let kind = part.content_type();
    let text = kind.map(|kind| match kind.subtype() {
        Some(sub) => format!("{}/{sub}", kind.ctype()),
        None => kind.ctype().to_owned(),
    });
    let text = clean(&text.unwrap_or_default(), NAME_CHARS_MAX).to_lowercase();
    if text.contains('/') { text } else { "application/octet-stream".to_owned() }
}

/// The file's name without folders.
fn name_of(part: &MessagePart<'_>, index: usize) -> String {
    let told = part.attachment_name().unwrap_or_default();
    let name = clean(told.rsplit(['/', '\\']).next().unwrap_or_default(), NAME_CHARS_MAX);
    if name.is_empty() { format!("file-{}", index + 1) } else { name }
}

fn is_sound(part: &MessagePart<'_>, index: usize) -> bool {
    let name = name_of(part, index).to_lowercase();
    type_of(part).starts_with("audio/") || SOUND.iter().any(|ending| name.ends_with(ending))
}

/// As an item may have it; the rest is dropped rather than the message refused.
fn may_be_text(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r') || (letter >= ' ' && !matches!(letter, '\u{fffe}' | '\u{ffff}'))
}
