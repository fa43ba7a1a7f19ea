//! The wire, seen from outside

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod autodiscover;
mod changes;
mod graph;
mod hostile;
mod property;
mod shapes;
mod strategies;

/// What a caller of the crate might allow for an envelope.
const ENVELOPE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What stands around a body in a request.
fn request(body: &str) -> String {
    request_with("", body)
}

fn request_with(header: &str, body: &str) -> String {
    format!(
        "<?xml version='1.0' encoding='utf-8'?>\
         <s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' \
         xmlns:m='http://schemas.microsoft.com/exchange/services/2006/messages' \
         xmlns:t='http://schemas.microsoft.com/exchange/services/2006/types'>\
         <s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    )
}
