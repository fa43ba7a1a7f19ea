//! Senders and recipients (`recipient`, `emailAddress`)

use serde_json::{Map, Value, json};

use super::{each, invalid, optional};
use crate::error::Result;
use crate::ews::Mailbox;

/// Graph knows no routing types.
pub(super) fn write(mailbox: &Mailbox) -> Value {
    json!({ "emailAddress": { "name": mailbox.name, "address": mailbox.address } })
}

pub(super) fn write_all(mailboxes: &[Mailbox]) -> Value {
    mailboxes.iter().map(write).collect()
}

pub(super) fn read_all(name: &str, value: &Value) -> Result<Vec<Mailbox>> {
    each(name, value, |recipient| read(name, recipient))
}

pub(super) fn read(name: &str, recipient: &Map<String, Value>) -> Result<Mailbox> {
    let address = recipient.get("emailAddress").and_then(Value::as_object);
    let address = address.ok_or_else(|| invalid(name, "has no `emailAddress`"))?;
    Ok(Mailbox { name: optional(address, "name")?, address: optional(address, "address")?, routing_type: None })
}
