//! The crate as its users see it.
#![allow(clippy::panic, clippy::unwrap_used, reason = "helpers of tests stand outside of test functions")]

mod certificate;
mod file;
mod issue;
mod key;
mod pkcs12;
mod remote;
mod slots;
mod year;

use jiff::Timestamp;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
