//! What call records have in common: fields that are texts or numbers, and times in the
//! spellings of different systems.

use actas_runtime::config::CallRecords;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::call::Reading;
use super::{asterisk, freeswitch, kamailio, xmpp};

/// A system that hands in records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum System {
    /// One that tells of calls.
    Calls(CallRecords),
    /// One that tells of conversations.
    Xmpp,
}

// === impl System ===

impl System {
    /// The system of a name in a path or a file.
    pub(super) fn named(name: &str) -> Option<Self> {
        let calls = || CallRecords::ALL.into_iter().find(|known| known.as_str() == name).map(Self::Calls);
        if name == "xmpp" { Some(Self::Xmpp) } else { calls() }
    }

    /// Its name.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Calls(calls) => calls.as_str(),
            Self::Xmpp => "xmpp",
        }
    }
}

/// Reads a record of that system, or says what is wrong with it.
pub(super) fn read(from: System, record: &Value) -> Result<Reading, String> {
    if !record.is_object() {
        return Err("a record is a JSON object".to_owned());
    }
    match from {
        System::Calls(CallRecords::Asterisk) => asterisk::read(record),
        System::Calls(CallRecords::Freeswitch) => freeswitch::read(record),
        System::Calls(CallRecords::Kamailio) => kamailio::read(record),
        System::Xmpp => xmpp::read(record).map(Reading::Conversation),
    }
}

/// A field's text. Numbers are texts too, and what is empty or `<null>` is absent.
pub(super) fn text(record: &Value, name: &str) -> Option<String> {
    let text = match record.get(name)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    // Kamailio writes pseudo-variables without a value so.
    (!text.is_empty() && text != "<null>").then_some(text)
}

/// A field that has to be there.
pub(super) fn required(record: &Value, name: &str) -> Result<String, String> {
    text(record, name).ok_or_else(|| format!("the record has no `{name}`"))
}

/// A count of seconds.
pub(super) fn seconds(record: &Value, name: &str) -> Result<Option<i64>, String> {
    let Some(text) = text(record, name) else { return Ok(None) };
    let whole = text.split('.').next().unwrap_or_default();
    match whole.parse::<i64>() {
        Ok(seconds) if (0..=SECONDS_MAX).contains(&seconds) => Ok(Some(seconds)),
        _ => Err(format!("`{name}` is `{text}`, which is no number of seconds")),
    }
}

/// A call of more than a year is a mistake.
const SECONDS_MAX: i64 = 366 * 24 * 3600;

/// A time: seconds since 1970, with a fraction or without; RFC 3339; or a date and time,
/// which is then UTC.
pub(super) fn time(record: &Value, name: &str) -> Result<Option<Timestamp>, String> {
    let Some(text) = text(record, name) else { return Ok(None) };
    let whole = text.split('.').next().unwrap_or_default();
    if let Ok(seconds) = whole.parse::<i64>() {
        if seconds == 0 {
            return Ok(None);
        }
        return Timestamp::from_second(seconds)
            .map(Some)
            .map_err(|_| format!("`{name}` is `{text}`, which is no time"));
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(Some(time));
    }
    let civil = text.parse::<DateTime>().ok().and_then(|civil| TimeZone::UTC.to_timestamp(civil).ok());
    civil.map(Some).ok_or_else(|| format!("`{name}` is `{text}`, which is no time"))
}
