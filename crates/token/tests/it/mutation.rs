//! Every mutation of one field of the frozen vector, and the rule that stops it.
//!
//! The envelope is unsigned: who has an actor token writes it at will, so each mutation is
//! sent as it is. The actor token is signed, and each mutation of it comes four times: with
//! the signature that it had; signed with a good key of another issuer; and signed by the
//! issuer itself, inside the envelope and alone, which shows the rule behind the signature.
//!
//! The tables are whole: a mutation that is not in them fails the test, and so does a row
//! without its mutation. What they call `accepted` is harmless: the token still means the
//! same application, and the same user where there is one.

use std::collections::BTreeMap;

use actas_token::accept::accept;
use actas_token::{Accepted, How, KeySource, Refusal, Trust, UserKey, well_known};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::signing::Signer;
use crate::vector;

const OTHER_USER: &str = "omar@fabrikam.example";
const OTHER_TENANT: &str = "99992222-3333-4444-5555-666677778888";

// === fields and what is done to them ===

/// A JSON object of texts, in the order in which it was written.
#[derive(Clone)]
struct Members(Vec<(String, String)>);

impl Members {
    fn read(segment: &str) -> Self {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(segment).unwrap()).unwrap();
        let inside = text.strip_prefix("{\"").and_then(|rest| rest.strip_suffix("\"}")).unwrap();
        let member = |member: &str| {
            let (name, value) = member.split_once("\":\"").unwrap();
            (name.to_owned(), value.to_owned())
        };
        let members = Self(inside.split("\",\"").map(member).collect());
        assert_eq!(members.write(None), text, "nothing is lost in reading");
        members
    }

    /// The object, with other text in the place of one member: none removes it.
    fn write(&self, changed: Option<(&str, &str)>) -> String {
        let member = |(name, value): &(String, String)| match changed {
            Some((field, text)) if field == name => text.to_owned(),
            _ => format!("\"{name}\":\"{value}\""),
        };
        let members: Vec<String> = self.0.iter().map(member).filter(|text| !text.is_empty()).collect();
        format!("{{{}}}", members.join(","))
    }

    fn set(mut self, field: &str, value: &str) -> Self {
        let member = self.0.iter_mut().find(|(name, _)| name == field).unwrap();
        value.clone_into(&mut member.1);
        self
    }

    /// Every mutation: field, name of the mutation, the object.
    fn mutations(&self, others: &[(&str, &str)]) -> Vec<(String, &'static str, String)> {
        let mut all = Vec::new();
        for (name, value) in &self.0 {
            let (_, other) = others.iter().find(|(field, _)| field == name).expect("another value for each field");
            for (kind, text) in changes(name, value, other) {
                all.push((name.clone(), kind, self.write(Some((name, &text)))));
            }
        }
        all
    }
}

/// What is done to one member, by name. What would leave it as it is, is left out.
fn changes(name: &str, value: &str, other: &str) -> Vec<(&'static str, String)> {
    let json = |value: &str| serde_json::to_string(value).unwrap();
    let with = |value: &str| format!("{}:{}", json(name), json(value));
    let raw = |value: &str| format!("{}:{value}", json(name));
    let named = |name: &str| format!("{}:{}", json(name), json(value));
    let escaped = value.bytes().fold(String::new(), |text, byte| format!("{text}\\u{byte:04x}"));
    let mut all = vec![
        ("removed", String::new()),
        ("null", raw("null")),
        ("number", raw("7")),
        ("boolean", raw("true")),
        ("array", raw(&format!("[{}]", json(value)))),
        ("object", raw(&format!("{{\"value\":{}}}", json(value)))),
        ("empty", with("")),
        ("other", with(other)),
        ("more", with(&format!("{value}x"))),
        ("less", with(&value[..value.len() - 1])),
        ("padded", with(&format!("{value}="))),
        ("space-before", with(&format!(" {value}"))),
        ("space-after", with(&format!("{value} "))),
        ("newline-after", with(&format!("{value}\n"))),
        ("nul-after", with(&format!("{value}\0"))),
        ("look-alike", with(&look_alike(value))),
        ("twice", format!("{},{}", with(value), with(value))),
        ("twice-other-first", format!("{},{}", with(other), with(value))),
        ("twice-other-last", format!("{},{}", with(value), with(other))),
        ("name-upper", named(&name.to_uppercase())),
        ("name-space", named(&format!("{name} "))),
        ("name-look-alike", named(&look_alike(name))),
        ("json-escapes", raw(&format!("\"{escaped}\""))),
        ("json-spaces", format!(" {} : {}\n", json(name), json(value))),
    ];
    if value.bytes().all(|b| b.is_ascii_digit()) {
        all.extend([
            ("as-number", raw(value)),
            ("fraction", raw(&format!("{value}.5"))),
            ("exponent", raw(&format!("{}e9", &value[..1]))),
            ("negative", with(&format!("-{value}"))),
            ("signed", with(&format!("+{value}"))),
            ("zero-before", with(&format!("0{value}"))),
        ]);
    }
    if value != value.to_uppercase() {
        all.push(("upper", with(&value.to_uppercase())));
    }
    if value != value.to_lowercase() {
        all.push(("lower", with(&value.to_lowercase())));
    }
    if value.contains("fabrikam") {
        // In a name that the vector spells out: the Kelvin sign, whose small letter is an ASCII one.
        all.push(("folds-to-ascii", with(&value.replacen('k', "\u{212a}", 1))));
    }
    all
}

/// One character replaced by a letter of another script, or by a digit of another width.
fn look_alike(text: &str) -> String {
    const PAIRS: [(char, char); 12] = [
        ('a', '\u{430}'),
        ('e', '\u{435}'),
        ('i', '\u{456}'),
        ('o', '\u{43e}'),
        ('p', '\u{440}'),
        ('s', '\u{455}'),
        ('x', '\u{445}'),
        ('J', '\u{408}'),
        ('S', '\u{405}'),
        ('0', '\u{ff10}'),
        ('1', '\u{ff11}'),
        ('7', '\u{ff17}'),
    ];
    let found = text.chars().find_map(|c| PAIRS.iter().find(|(plain, _)| *plain == c));
    found.map_or_else(|| format!("{text}\u{200b}"), |(plain, other)| text.replacen(*plain, &other.to_string(), 1))
}

// === verdicts ===

/// The rule that stopped it, or `accepted`, which has to mean the same as before.
fn verdict(token: &str, trust: &Trust) -> &'static str {
    let accepted = accept(token, &vector::resource(), trust, &vector::generous(), vector::now());
    match accepted.and_then(|accepted| user(&accepted).map(|user| (accepted, user))) {
        Ok((accepted, user)) => {
            assert_eq!((accepted.tenant, accepted.app_id), (vector::tenant(), well_known::LYNC));
            assert!(user.is_none_or(|user| user == vector::USER), "as {user:?}");
            "accepted"
        }
        Err(refusal) => refusal.rule().name(),
    }
}

/// The user, looked up in a directory of two by every id of the token.
fn user(accepted: &Accepted) -> Result<Option<&'static str>, Refusal> {
    let How::ActAs(claims) = &accepted.how else { return Ok(None) };
    let named = |key: UserKey<&'_ str>| match key {
        UserKey::Upn(name) | UserKey::Smtp(name) | UserKey::Sip(name) => {
            [vector::USER, OTHER_USER].into_iter().filter(|user| *user == name).collect()
        }
        _ => Vec::new(),
    };
    claims.agree(&claims.keys().map(named).collect::<Vec<_>>()).map(Some)
}

/// Rows of `field`, `mutations`, and a verdict for each way in which they were sent.
type Table<const N: usize> = &'static [(&'static str, &'static [&'static str], [&'static str; N])];

const TWICE: &str = "twice twice-other-first twice-other-last";
const TYPES: &str = "null number boolean array object";
const NAMES: &str = "name-upper name-space name-look-alike";
const EDGES: &str = "space-before space-after newline-after nul-after look-alike";
const LENGTHS: &str = "more less padded";
const JSON: &str = "json-escapes json-spaces";
const DIGITS: &str = "fraction exponent negative signed";

fn check<const N: usize>(table: Table<N>, found: &[(String, &'static str, [&'static str; N])]) {
    let mut expected = BTreeMap::new();
    for (field, kinds, verdicts) in table {
        for kind in kinds.iter().flat_map(|kinds| kinds.split_ascii_whitespace()) {
            assert!(expected.insert((*field, kind), *verdicts).is_none(), "{field} {kind} stands there twice");
        }
    }
    let mut wrong: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    for (field, kind, verdicts) in found {
        if expected.remove(&(field.as_str(), *kind)) != Some(*verdicts) {
            wrong.entry((field, format!("{verdicts:?}"))).or_default().push(kind);
        }
    }
    assert!(wrong.is_empty(), "not as the table has it, or not in it: {wrong:#?}");
    assert!(expected.is_empty(), "in the table, and not there: {:?}", expected.keys());
}

// === the envelope ===

/// The header of the envelope, and the payload around the frozen actor token.
const ENVELOPE: Table<1> = &[
    ("typ", &[JSON, "lower"], ["accepted"]),
    ("typ", &[TWICE], ["V3"]),
    ("typ", &[TYPES, NAMES, EDGES, LENGTHS, "removed empty"], ["V4"]),
    ("typ", &["other"], ["V5"]),
    ("alg", &[JSON], ["accepted"]),
    ("alg", &[TWICE], ["V3"]),
    ("alg", &[TYPES, NAMES, "removed"], ["V4"]),
    ("alg", &[EDGES, LENGTHS, "empty other upper"], ["V5"]),
    ("aud", &[JSON], ["accepted"]),
    ("aud", &[TWICE], ["V3"]),
    ("aud", &[TYPES, NAMES, "removed"], ["V7"]),
    ("aud", &[LENGTHS], ["V11"]),
    ("aud", &[EDGES, "empty other upper folds-to-ascii"], ["V12"]),
    ("iss", &[JSON], ["accepted"]),
    ("iss", &[TWICE], ["V3"]),
    ("iss", &[TYPES, NAMES, EDGES, "removed empty upper"], ["V7"]),
    ("iss", &[LENGTHS], ["V11"]),
    ("iss", &["other"], ["V14"]),
    ("nbf", &[JSON, "as-number zero-before"], ["accepted"]),
    ("nbf", &[TWICE], ["V3"]),
    ("nbf", &[NAMES, EDGES, DIGITS, "removed null boolean array object empty more padded"], ["V7"]),
    ("nbf", &["number other less"], ["V13"]),
    ("exp", &[JSON, "as-number zero-before"], ["accepted"]),
    ("exp", &[TWICE], ["V3"]),
    ("exp", &[NAMES, EDGES, DIGITS, "removed null boolean array object empty more padded"], ["V7"]),
    ("exp", &["number other less"], ["V13"]),
    ("nameid", &[JSON, "upper"], ["accepted"]),
    ("nameid", &[TWICE], ["V3"]),
    ("nameid", &[TYPES, NAMES, "removed"], ["V7"]),
    ("nameid", &[EDGES, LENGTHS, "empty other folds-to-ascii"], ["V18"]),
    ("nii", &[JSON, "upper"], ["accepted"]),
    ("nii", &[TWICE], ["V3"]),
    ("nii", &[TYPES], ["V7"]),
    ("nii", &[NAMES, EDGES, LENGTHS, "removed empty other"], ["V18"]),
    ("upn", &[NAMES, JSON, "removed upper"], ["accepted"]),
    ("upn", &[TWICE], ["V3"]),
    ("upn", &[TYPES], ["V7"]),
    ("upn", &[EDGES, LENGTHS, "empty other folds-to-ascii"], ["V18"]),
    ("smtp", &[NAMES, JSON, "removed upper"], ["accepted"]),
    ("smtp", &[TWICE], ["V3"]),
    ("smtp", &[TYPES], ["V7"]),
    ("smtp", &[EDGES, LENGTHS, "empty other folds-to-ascii"], ["V18"]),
    ("sip", &[NAMES, JSON, "removed upper"], ["accepted"]),
    ("sip", &[TWICE], ["V3"]),
    ("sip", &[TYPES], ["V7"]),
    ("sip", &[EDGES, LENGTHS, "empty other folds-to-ascii"], ["V18"]),
    ("actortoken", &[JSON], ["accepted"]),
    ("actortoken", &[TWICE, EDGES, LENGTHS, "empty upper lower"], ["V3"]),
    ("actortoken", &[TYPES, NAMES, "removed"], ["V5"]),
    ("actortoken", &["other"], ["V9"]),
];

#[test]
fn every_field_of_the_envelope_counts() {
    let token = vector::act_as();
    let parts: Vec<&str> = token.split('.').collect();
    let (header, payload) = (Members::read(parts[0]), Members::read(parts[1]));
    let forged = Signer::new("stranger").actor(well_known::STS, vector::TENANT, well_known::LYNC, |_| ());
    let others = [
        ("typ", "at+jwt"),
        ("alg", "HS256"),
        ("aud", "00000002-0000-0ff1-ce00-000000000000/mail.contoso.example@11112222-3333-4444-5555-666677778888"),
        ("iss", "00000003-0000-0ff1-ce00-000000000000@11112222-3333-4444-5555-666677778888"),
        ("nbf", "1600000000"),
        ("exp", "1800000000"),
        ("nameid", OTHER_USER),
        ("nii", "urn:federation:MicrosoftOnline"),
        ("upn", OTHER_USER),
        ("smtp", OTHER_USER),
        ("sip", OTHER_USER),
        ("actortoken", &forged),
    ];
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let trust = vector::trust();
    assert_eq!(verdict(&token, &trust), "accepted", "the twin");
    let mut found = Vec::new();
    for (field, kind, header) in header.mutations(&others) {
        found.push((field, kind, [verdict(&format!("{}.{}.", encode(&header), parts[1]), &trust)]));
    }
    for (field, kind, payload) in payload.mutations(&others) {
        found.push((field, kind, [verdict(&format!("{}.{}.", parts[0], encode(&payload)), &trust)]));
    }
    check(ENVELOPE, &found);
}

// === the actor token ===

/// With the signature that it had, in the envelope and alone; signed by the issuer, in the
/// envelope and alone.
const ACTOR: Table<4> = &[
    ("typ", &[TWICE], ["V3", "V3", "V3", "V3"]),
    ("typ", &[TYPES, NAMES, EDGES, LENGTHS, "removed empty"], ["V4", "V4", "V4", "V4"]),
    ("typ", &["other"], ["V4", "V7", "V4", "V7"]),
    ("typ", &[JSON, "lower"], ["V10", "V10", "accepted", "accepted"]),
    ("alg", &[TWICE], ["V3", "V3", "V3", "V3"]),
    ("alg", &[TYPES, NAMES, "removed"], ["V4", "V4", "V4", "V4"]),
    ("alg", &[EDGES, LENGTHS, "empty lower"], ["V5", "V5", "V5", "V5"]),
    ("alg", &[JSON], ["V10", "V10", "accepted", "accepted"]),
    ("alg", &["other"], ["V10", "V10", "V10", "V10"]),
    ("x5t", &[TWICE], ["V3", "V3", "V3", "V3"]),
    ("x5t", &[TYPES], ["V4", "V4", "V4", "V4"]),
    ("x5t", &[EDGES, "empty other more less upper lower"], ["V9", "V9", "V9", "V9"]),
    ("x5t", &[NAMES, JSON, "removed padded"], ["V10", "V10", "accepted", "accepted"]),
    ("aud", &[TWICE], ["V3", "V3", "V3", "V3"]),
    ("aud", &[TYPES, NAMES, "removed"], ["V7", "V7", "V7", "V7"]),
    ("aud", &[JSON], ["V10", "V10", "accepted", "accepted"]),
    ("aud", &[LENGTHS], ["V10", "V10", "V11", "V11"]),
    ("aud", &["other"], ["V10", "V10", "V12", "V12"]),
    ("aud", &[EDGES, "empty upper folds-to-ascii"], ["V12", "V12", "V12", "V12"]),
    ("iss", &[TWICE], ["V3", "V3", "V3", "V3"]),
    ("iss", &[TYPES, NAMES, EDGES, "removed empty upper"], ["V7", "V7", "V7", "V7"]),
    ("iss", &[LENGTHS], ["V8", "V8", "V8", "V8"]),
    ("iss", &["other"], ["V8", "V8", "V9", "V9"]),
    ("iss", &[JSON], ["V10", "V10", "accepted", "accepted"]),
    ("nbf", &[TWICE], ["V3", "V3", "V3", "V3"]),
    ("nbf", &[NAMES, EDGES, DIGITS, "removed null boolean array object empty more padded"], ["V7", "V7", "V7", "V7"]),
    ("nbf", &[JSON, "as-number zero-before"], ["V10", "V10", "accepted", "accepted"]),
    ("nbf", &["number other less"], ["V10", "V10", "V13", "V13"]),
    ("exp", &[TWICE], ["V3", "V3", "V3", "V3"]),
    ("exp", &[NAMES, EDGES, DIGITS, "removed null boolean array object empty more padded"], ["V7", "V7", "V7", "V7"]),
    ("exp", &[JSON, "as-number zero-before"], ["V10", "V10", "accepted", "accepted"]),
    ("exp", &["number other less"], ["V10", "V10", "V13", "V13"]),
    ("nameid", &[TWICE], ["V3", "V3", "V3", "V3"]),
    ("nameid", &[TYPES, NAMES, EDGES, "removed empty upper"], ["V7", "V7", "V7", "V7"]),
    ("nameid", &[JSON], ["V10", "V10", "accepted", "accepted"]),
    ("nameid", &[LENGTHS], ["V10", "V10", "V11", "V11"]),
    ("nameid", &["other"], ["V10", "V10", "V14", "V15"]),
    ("trustedfordelegation", &[TWICE], ["V3", "V3", "V3", "V3"]),
    ("trustedfordelegation", &[JSON, "boolean"], ["V10", "V10", "accepted", "accepted"]),
    (
        "trustedfordelegation",
        &[NAMES, EDGES, LENGTHS, "removed null number array object empty other upper"],
        ["V10", "V10", "V17", "accepted"],
    ),
];

/// The vector's trust, with a key that exists in the place of the destroyed one, and a
/// partner that has a key of its own.
fn trust(sts: &Signer, partner: &Signer) -> Trust {
    let mut trust = vector::trust();
    trust.issuers[0].keys = vec![sts.verifying()].into();
    trust.issuers.push(partner.as_partner(well_known::SHAREPOINT, vector::tenant(), vector::TENANT));
    let mut own = vector::partner();
    own.app_id = well_known::SHAREPOINT;
    own.key_source = KeySource::Own { realm: vector::TENANT.into() };
    trust.partners.push(own);
    trust
}

fn wrapped(actor: &str) -> String {
    vector::unsigned(&vector::act_as_payload().replace(vector::ACTOR, actor))
}

#[test]
fn every_field_of_the_actor_token_counts() {
    let (sts, partner) = (Signer::new("sts"), Signer::new("partner"));
    let (frozen, living) = (vector::trust(), trust(&sts, &partner));
    let parts: Vec<&str> = vector::ACTOR.split('.').collect();
    let (header, payload) = (Members::read(parts[0]), Members::read(parts[1]));
    let (header_text, payload_text) = (header.write(None), payload.write(None));
    let own_header = header.clone().set("x5t", sts.key.x5t());
    let partner_x5t = partner.key.x5t().to_owned();
    let others = [
        ("typ", "at+jwt"),
        ("alg", "PS256"),
        ("x5t", partner_x5t.as_str()),
        ("aud", "00000002-0000-0ff1-ce00-000000000000/mail.contoso.example@11112222-3333-4444-5555-666677778888"),
        ("iss", "00000003-0000-0ff1-ce00-000000000000@11112222-3333-4444-5555-666677778888"),
        ("nbf", "1600000000"),
        ("exp", "1800000000"),
        ("nameid", "00000003-0000-0ff1-ce00-000000000000@11112222-3333-4444-5555-666677778888"),
        ("trustedfordelegation", "false"),
    ];
    let signed_again = sts.sign_text(&own_header.write(None), &payload_text);
    assert_eq!(verdict(vector::ACTOR, &frozen), "accepted", "the twin, frozen");
    assert_eq!(verdict(&signed_again, &living), "accepted", "the twin, signed again");
    assert_eq!(verdict(&wrapped(&signed_again), &living), "accepted", "and in its envelope");

    let kept = |header: &str, payload: &str| {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let token = format!("{}.{}.{}", encode(header), encode(payload), parts[2]);
        // A good signature of somebody else's makes no difference.
        let forged = partner.sign_text(header, payload);
        let verdicts = [wrapped(&token), token].map(|token| verdict(&token, &frozen));
        let forged = [wrapped(&forged), forged].map(|token| verdict(&token, &frozen));
        assert_eq!(forged, verdicts, "{header} {payload}");
        verdicts
    };
    let issued = |header: &str, payload: &str| {
        let token = sts.sign_text(header, payload);
        [verdict(&wrapped(&token), &living), verdict(&token, &living)]
    };
    let mut found = Vec::new();
    for ((field, kind, frozen), (_, _, own)) in header.mutations(&others).into_iter().zip(own_header.mutations(&others))
    {
        let ([a, b], [c, d]) = (kept(&frozen, &payload_text), issued(&own, &payload_text));
        found.push((field, kind, [a, b, c, d]));
    }
    let partner_header = header.set("x5t", &partner_x5t).write(None);
    for (field, kind, payload) in payload.mutations(&others) {
        let ([a, b], [c, d]) = (kept(&header_text, &payload), issued(&own_header.write(None), &payload));
        // A partner's key that is named is not among the issuer's.
        let named = verdict(&partner.sign_text(&partner_header, &payload), &frozen);
        assert_eq!(named, if b == "V10" { "V9" } else { b }, "{field} {kind}");
        found.push((field, kind, [a, b, c, d]));
    }
    check(ACTOR, &found);
}

#[test]
fn a_tenant_is_not_changed_by_one_name() {
    // The realm of each name alone, and of all of one token.
    let sts = Signer::new("sts");
    let living = trust(&sts, &Signer::new("partner"));
    let parts: Vec<&str> = vector::ACTOR.split('.').collect();
    let header = Members::read(parts[0]).set("x5t", sts.key.x5t()).write(None);
    let payload = Members::read(parts[1]).write(None);
    let moved = payload.replace(vector::TENANT, OTHER_TENANT);
    assert_eq!(verdict(&sts.sign_text(&header, &moved), &living), "V8", "the issuer is of one realm");
    let envelope = vector::act_as_payload().replace(vector::ACTOR, &sts.sign_text(&header, &payload));
    assert_eq!(verdict(&vector::unsigned(&envelope), &living), "accepted", "the twin");
    for name in ["aud", "iss"] {
        let (before, after) = envelope.split_once(&format!("\"{name}\":")).unwrap();
        let moved = format!("{before}\"{name}\":{}", after.replacen(vector::TENANT, OTHER_TENANT, 1));
        assert_eq!(verdict(&vector::unsigned(&moved), &living), "V11", "{name}");
    }
}
