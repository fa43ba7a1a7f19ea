//! `token inspect`: what a token says, without believing it.

use std::{fmt::Write, io::Read};

use actas_token::jws::{Compact, Header, Reading, SignedBy, TOKEN_BYTES_MAX};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::Value;

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
    let text = match asked.token.expose_secret() {
        "-" => stdin().await?,
        given => given.to_owned(),
    };
    let text = text.trim();
    let text = text.strip_prefix("Bearer ").unwrap_or(text).trim();
    let outer = parse(text, "the token")?;
    let inner = inner(&outer).map(|text| parse(text, "the actor token inside of it")).transpose()?;

    let mut records = vec![record(&outer, if inner.is_some() { "act-as token" } else { "token" })];
    records.extend(inner.map(|inner| record(&inner, "actor token")));
    context
        .console
        .warning("NOT VERIFIED: this is what the token says; nothing was checked, least of all its signature");
    context.console.records(&records)
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

async fn stdin() -> Result<String, Problem> {
    let read = || {
        let mut text = String::new();
        // Room for what stands around a token that is just short enough.
        let bytes_max = TOKEN_BYTES_MAX as u64 + 1024;
        std::io::stdin().take(bytes_max).read_to_string(&mut text).map(|_| text)
    };
    let text = tokio::task::spawn_blocking(read).await.map_err(std::io::Error::other).flatten();
    text.map_err(|error| Problem::failed("standard input cannot be read").because(&error))
}
