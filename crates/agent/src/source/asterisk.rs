//! Call detail records of Asterisk as JSON: the fields of its CDRs under their own names,
//! as `cdr_beanstalkd` writes them or a hangup handler posts them.

use jiff::SignedDuration;
use serde_json::Value;

use super::call::{Call, Party, Reading};
use super::record;

pub(super) fn read(record: &Value) -> Result<Reading, String> {
    let unique = record::required(record, "uniqueid")?;
    // A call that rings several phones has records of one id, told apart by their sequence.
    let id = match record::text(record, "sequence") {
        Some(sequence) => format!("{unique}/{sequence}"),
        None => unique,
    };
    let disposition = record::required(record, "disposition")?.to_ascii_uppercase();
    let start = record::time(record, "start")?.ok_or("the record has no `start`")?;
    let voice_mail = record::text(record, "lastapp").is_some_and(|app| app.eq_ignore_ascii_case("VoiceMail"));
    let answered = match disposition.as_str() {
        "ANSWERED" => !voice_mail,
        "NO ANSWER" | "NOANSWER" | "BUSY" | "FAILED" | "CONGESTION" => false,
        other => return Err(format!("`disposition` is `{other}`, which no record of Asterisk has")),
    };
    let spoke = record::seconds(record, "billsec")?.unwrap_or(0);
    let caller_id = record::text(record, "clid");
    let name = caller_id.as_deref().and_then(|text| text.split_once('<')).map(|(name, _)| name.trim());
    Ok(Reading::Call(Call {
        source: "asterisk",
        id,
        caller: Party::new(&record::text(record, "src").unwrap_or_default(), name),
        callee: Party::new(&record::required(record, "dst")?, None),
        start,
        spoke: answered.then(|| SignedDuration::from_secs(spoke)),
        end: disposition,
    }))
}
