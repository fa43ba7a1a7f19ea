//! Call records of FreeSWITCH, as `mod_json_cdr` posts them.
//!
//! The record of the calling leg tells the whole call. Values of `variables` are
//! percent-encoded unless `encode-values` is off.

use jiff::SignedDuration;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::call::{Call, Party, Reading};
use super::record;

pub(super) fn read(record: &Value) -> Result<Reading, String> {
    let variables = record.get("variables").filter(|found| found.is_object());
    let variables = decoded(variables.ok_or("the record has no `variables`; is it from mod_json_cdr?")?);
    let flow = record.get("callflow");
    // Newer ones write an array, older ones a single object.
    let flow = flow.and_then(|flow| if flow.is_array() { flow.get(0) } else { Some(flow) });
    let profile = flow.and_then(|flow| flow.get("caller_profile")).unwrap_or(&Value::Null);
    if profile.get("originator").is_some() || record::text(&variables, "originating_leg_uuid").is_some() {
        return Ok(Reading::Nothing("it is the called leg; the calling one tells the call"));
    }
    let variable = |name: &str| record::text(&variables, name);
    let profiled = |name: &str| record::text(profile, name).map(|value| percent_decode(&value));
    let id = record::required(&variables, "uuid")?;
    let calling =
        variable("sip_from_uri").or_else(|| profiled("caller_id_number")).or_else(|| variable("sip_from_user"));
    let dialed =
        variable("dialed_user").zip(variable("dialed_domain")).map(|(user, domain)| format!("{user}@{domain}"));
    let called = dialed.or_else(|| variable("sip_to_uri")).or_else(|| profiled("destination_number"));
    let start = record::time(&variables, "start_epoch")?.ok_or("the record has no `start_epoch`")?;
    let answered = record::time(&variables, "answer_epoch")?;
    let billed = record::seconds(&variables, "billsec")?.unwrap_or(0);
    // The mailbox of the switch picked up, nobody else did.
    let voice_mail = variable("last_app").is_some_and(|app| app.eq_ignore_ascii_case("voicemail"))
        && variable("bridge_uuid").is_none();
    Ok(Reading::Call(Call {
        source: "freeswitch",
        id,
        caller: Party::new(
            &calling.ok_or("the record names no caller: neither `sip_from_uri` nor `caller_id_number`")?,
            profiled("caller_id_name").as_deref(),
        ),
        callee: Party::new(
            &called.ok_or("the record names nobody called: neither `sip_to_uri` nor `destination_number`")?,
            None,
        ),
        start,
        spoke: answered.filter(|_| !voice_mail).map(|_| SignedDuration::from_secs(billed)),
        end: variable("hangup_cause").unwrap_or_default(),
    }))
}

/// The variables that are read, without percent-encoding.
fn decoded(variables: &Value) -> Value {
    let used = [
        "uuid",
        "originating_leg_uuid",
        "sip_from_uri",
        "sip_from_user",
        "sip_to_uri",
        "dialed_user",
        "dialed_domain",
        "start_epoch",
        "answer_epoch",
        "billsec",
        "last_app",
        "bridge_uuid",
        "hangup_cause",
    ];
    let mut plain = json!({});
    for name in used {
        if let Some(value) = record::text(variables, name) {
            plain[name] = percent_decode(&value).into();
        }
    }
    plain
}

fn percent_decode(value: &str) -> String {
    percent_decode_str(value).decode_utf8_lossy().into_owned()
}
