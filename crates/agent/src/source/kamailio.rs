//! Accounting records of Kamailio, as its `acc_json` writes them: one a transaction.
//!
//! An INVITE that was refused is a call that nobody answered, and a BYE ends one that was:
//! with what `dialog` knows in `acc_extra` (`caller`, `callee`, `start`, `duration`) it tells
//! the whole call, so nothing has to be remembered from one record to the next.

use jiff::SignedDuration;
use serde_json::Value;

use super::call::{Call, Party, Reading};
use super::record;

/// An INVITE that is sent again with credentials was not refused.
const CHALLENGES: [u16; 2] = [401, 407];

pub(super) fn read(record: &Value) -> Result<Reading, String> {
    let method = record::required(record, "method")?.to_ascii_uppercase();
    let code = record::text(record, "sip_code").or_else(|| record::text(record, "code"));
    let code = code.ok_or("the record has no `sip_code`")?;
    let code: u16 = code.parse().map_err(|_| format!("`sip_code` is `{code}`, which is no status of SIP"))?;
    match (method.as_str(), code) {
        ("INVITE", 100..=299) => Ok(Reading::Nothing("the call goes on; the record of its BYE tells it")),
        ("INVITE", code) if CHALLENGES.contains(&code) => Ok(Reading::Nothing("the caller was asked for credentials")),
        ("INVITE", _) => call(record, None),
        ("BYE", 200..=299) => {
            let spoke = record::seconds(record, "duration")?;
            let spoke =
                spoke.ok_or("the record of a BYE has no `duration`; add `duration=$DLG_lifetime` to `acc_extra`")?;
            call(record, Some(SignedDuration::from_secs(spoke)))
        }
        _ => Ok(Reading::Nothing("it is neither the end of a call nor a call that was not answered")),
    }
}

fn call(record: &Value, spoke: Option<SignedDuration>) -> Result<Reading, String> {
    let party = |dialog: &str, request: &str| {
        let found = record::text(record, dialog).or_else(|| record::text(record, request).filter(|_| spoke.is_none()));
        found.ok_or_else(|| format!("the record has no `{dialog}`; add it to `acc_extra` as `docs/sources.md` shows"))
    };
    let told = record::time(record, "time")?;
    let start = record::time(record, "start")?.or(told);
    let start = start.ok_or("the record has neither `start` nor `time`")?;
    let code = record::text(record, "sip_code").or_else(|| record::text(record, "code")).unwrap_or_default();
    let reason = record::text(record, "sip_reason").or_else(|| record::text(record, "reason")).unwrap_or_default();
    let end = if spoke.is_some() { "BYE".to_owned() } else { format!("{code} {reason}") };
    Ok(Reading::Call(Call {
        source: "kamailio",
        id: record::text(record, "call_id")
            .or_else(|| record::text(record, "callid"))
            .ok_or("the record has no `call_id`")?,
        caller: Party::new(&party("caller", "from_uri")?, record::text(record, "caller_name").as_deref()),
        callee: Party::new(&party("callee", "to_uri")?, None),
        start,
        spoke,
        end,
    }))
}
