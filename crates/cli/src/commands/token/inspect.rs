//! `token inspect`: what a token says, without believing it.

use std::fmt::Write;

use actas_token::jws::{Compact, Header, Reading, SignedBy};
use actas_token::{Principal, PublicKey, well_known};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::source;
use crate::{
    app::Context,
    arguments::token::Inspect,
    commands::shown,
    output::{self, Record},
    problem::Problem,
};

/// The claims that hold a token inside of a token.
const INNER: [&str; 2] = ["actortoken", "actor_token"];
/// The claims that hold a moment.
const TIMES: [&str; 4] = ["auth_time", "exp", "iat", "nbf"];

/// Shows the header and the claims of a token, and of the actor's token in it.
pub(super) async fn run(asked: Inspect, context: &Context) -> Result<(), Problem> {
    let token = source::read(asked.source).await?;
    let text = token.expose_secret();
    let outer = parse(text, "the token")?;
    let inner = inner(&outer).map(|text| parse(text, "the actor token inside of it")).transpose()?;

    let mut records = vec![record(&outer, kind(&outer))];
    if let Some(key) = proof_key(text) {
        records[0].push("header.jwk", Value::Object(key.to_jwk()));
        records[0].push("KeyThumbprint", key.thumbprint());
    }
    records.extend(inner.map(|inner| record(&inner, "actor token")));
    context
        .console
        .warning("NOT VERIFIED: this is what the token says; nothing was checked, least of all its signature");
    if asked.json { context.console.json(&records) } else { context.console.records(&records) }
}

/// What a token looks like. Nothing is believed, and a forged one looks like it as well.
fn kind(token: &Compact<'_>) -> &'static str {
    let text = |name| token.claims.optional_text(name).ok().flatten();
    let typ = token.header.typ.as_deref().unwrap_or_default().to_ascii_lowercase();
    let principal = |name| text(name).and_then(|text| text.parse::<Principal>().ok());
    let about_itself = text("iss").is_some() && (text("sub") == text("iss") || text("nameid") == text("iss"));
    let for_token_service = principal("aud").is_some_and(|audience| audience.app_id == well_known::STS);
    if typ == "dpop+jwt" {
        "proof of possession (DPoP)"
    } else if INNER.iter().any(|name| token.claims.has(name)) {
        "act-as token"
    } else if typ.ends_with("at+jwt") && token.claims.has("act") {
        "act-as token of a token service"
    } else if about_itself && (for_token_service || principal("aud").is_none()) {
        "assertion"
    } else if principal("iss").is_some() && principal("nameid").is_some() {
        "actor token"
    } else if text("iss").is_some_and(|issuer| issuer.starts_with("https://")) && text("tid").is_some() {
        "access token"
    } else {
        "token"
    }
}

/// The key that a proof brings along.
fn proof_key(text: &str) -> Option<PublicKey> {
    let proof = Compact::parse(text, Reading::Proof).ok()?;
    PublicKey::from_jwk(proof.header.jwk.as_ref()?).ok()
}

fn parse<'a>(text: &'a str, what: &str) -> Result<Compact<'a>, Problem> {
    Compact::parse(text, Reading::Lenient).map_err(|error| {
        Problem::failed(format!("{what} cannot be read: {error}"))
            .hint("a token is three parts in Base64 with dots between them, of which the last may be empty")
    })
}

fn inner<'a>(outer: &'a Compact<'_>) -> Option<&'a str> {
    INNER.iter().find_map(|name| outer.claims.get(name)).and_then(Value::as_str)
}

/// Returns a token with its parts as properties.
fn record(token: &Compact<'_>, what: &str) -> Record {
    let mut record = Record::new().with("Token", what).with("Verified", "NOT VERIFIED");
    header(&token.header, &mut record);
    for (name, value) in token.claims.iter() {
        let shown = match moment(name, value) {
            Some(time) => output::Value::from(time),
            None if INNER.contains(&name) && value.is_string() => "(the actor token)".into(),
            None => value.clone().into(),
        };
        record.push(format!("claims.{name}"), shown);
    }
    let signature = match token.signature.len() {
        0 => "none".to_owned(),
        bytes => format!("{bytes} bytes"),
    };
    record.with("Signature", signature)
}

fn header(header: &Header, record: &mut Record) {
    let algorithm = match &header.signed_by {
        SignedBy::Nothing => "none",
        SignedBy::Algorithm(algorithm) => algorithm.name(),
        SignedBy::Unknown(name) => name,
    };
    record.push("header.alg", algorithm);
    let members = [
        ("header.typ", &header.typ),
        ("header.kid", &header.kid),
        ("header.x5t", &header.x5t),
        ("header.x5t#S256", &header.x5t_s256),
    ];
    for (name, value) in members {
        if let Some(value) = value {
            record.push(name, value.clone());
        }
    }
    // The form in which `Get-CsCertificate` shows it.
    if let Some(thumbprint) = header.x5t.as_deref().and_then(hex) {
        record.push("Thumbprint", thumbprint);
    }
}

/// Returns a moment in words, if a claim is one.
fn moment(name: &str, value: &Value) -> Option<String> {
    if !TIMES.contains(&name) {
        return None;
    }
    let whole = |text: &str| text.split('.').next().unwrap_or_default().parse::<i64>().ok();
    let seconds = match value {
        Value::Number(number) => number.as_i64().or_else(|| whole(&number.to_string())),
        Value::String(text) => whole(text),
        _ => None,
    };
    Timestamp::from_second(seconds?).ok().map(shown::time)
}

fn hex(x5t: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(x5t).ok()?;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02X}");
    }
    Some(text)
}
