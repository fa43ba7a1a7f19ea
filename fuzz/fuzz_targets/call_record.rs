//! Records of telephone systems and conversations, as they are posted: a byte that says of which
//! system and in which form, and the body.

#![no_main]

use std::sync::LazyLock;

use actas_agent::{Component, Error, StorageItem};
use actas_fuzz::agent::{Office, USERS};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::Value;

const SYSTEMS: [&str; 4] = ["asterisk", "freeswitch", "kamailio", "xmpp"];
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
const BASE64_FORM: &str = "application/x-www-form-base64-encoded";
const REASON_BYTES_MAX: usize = 4096;
const KEY_BYTES_MAX: usize = 200;

static OFFICE: LazyLock<Office> = LazyLock::new(Office::open);

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let [how, body @ ..] = bytes else { return Corpus::Reject };
    let how = usize::from(*how);
    let system = SYSTEMS[how % SYSTEMS.len()];
    let kind = [JSON, FORM, BASE64_FORM][how / SYSTEMS.len() % 3];
    let outcome = read(system, kind, body);
    assert_eq!(outcome, read(system, kind, body), "the same body");
    if kind == JSON {
        let percent: String = body.iter().map(|byte| format!("%{byte:02x}")).collect();
        assert_eq!(outcome, read(system, FORM, format!("uuid=a&cdr={percent}").as_bytes()), "as a form");
        let base64 = format!("cdr={}&uuid=a", STANDARD.encode(body));
        assert_eq!(outcome, read(system, BASE64_FORM, base64.as_bytes()), "as a form in Base64");
    }
    match outcome {
        Ok(items) => {
            check(system, &items);
            if let Ok(record) = serde_json::from_slice(body)
                && kind == JSON
            {
                check_keys(system, &record, &items);
            }
        }
        Err(why) => assert!(why.len() <= REASON_BYTES_MAX, "{} bytes: {why}", why.len()),
    }
    Corpus::Keep
});

fn read(system: &str, kind: &str, body: &[u8]) -> Result<Vec<StorageItem>, String> {
    OFFICE.sources.items_of(system, kind, body).map_err(|error: Error| error.to_string())
}

/// One item each for those who took part, of which an intake would take each.
fn check(system: &str, items: &[StorageItem]) {
    assert!(items.len() <= if system == "xmpp" { 1 } else { 2 });
    for item in items {
        assert!(USERS.iter().any(|(_, mailbox)| *mailbox == item.owner()), "{}", item.owner());
        assert!(item.key().starts_with(&format!("{system}/")) && item.key().len() <= KEY_BYTES_MAX, "{}", item.key());
        assert!(!item.subject().chars().any(char::is_control), "{}", item.subject());
        let key = Some(item.key().to_owned());
        let again = StorageItem::new(item.owner(), Component::Other, item.subject(), item.body(), key, item.time())
            .and_then(|again| again.with_item_class(Some(item.item_class().to_owned())))
            .and_then(|again| again.with_from(item.from()))
            .and_then(|again| again.with_properties(item.properties().to_vec()));
        assert!(again.is_ok(), "{again:?}");
    }
    if let [one, other] = items {
        assert_ne!(one.key(), other.key());
    }
}

/// A record that says something else of the same call has the same keys; one of another call has
/// others.
fn check_keys(system: &str, record: &Value, items: &[StorageItem]) {
    let (id, other): (&[&str], &str) = match system {
        "asterisk" => (&["/uniqueid"], "/clid"),
        "freeswitch" => (&["/variables/uuid"], "/variables/hangup_cause"),
        "kamailio" => (&["/call_id", "/callid"], "/caller_name"),
        _ => (&["/id"], "/thread"),
    };
    let keys = |items: &[StorageItem]| items.iter().map(|item| item.key().to_owned()).collect::<Vec<_>>();
    let told = keys(items);
    if let Some(changed) = changed(record, &[other], |_| "else".to_owned())
        && let Ok(items) = read(system, JSON, changed.to_string().as_bytes())
    {
        assert_eq!(keys(&items), told, "the key hangs on {other}");
    }
    // What is no text, or empty, is as if it were not there.
    if let Some(changed) = changed(record, id, |id| format!("x{id}"))
        && let Ok(items) = read(system, JSON, changed.to_string().as_bytes())
    {
        assert!(keys(&items).iter().all(|key| !told.contains(key)), "two calls of one key: {told:?}");
    }
}

/// The record with other texts in some of its fields.
fn changed(record: &Value, fields: &[&str], change: impl Fn(&str) -> String) -> Option<Value> {
    let mut changed = record.clone();
    let mut any = false;
    for field in fields {
        if let Some(value) = changed.pointer_mut(field)
            && let Some(text) = value.as_str()
        {
            *value = Value::String(change(text));
            any = true;
        }
    }
    any.then_some(changed)
}
