//! Requests of EWS: what is read and written is read again as the same.

#![no_main]

use actas_exchange::ews::{Call, Request};
use actas_exchange::soap::{Fault, Service};
use libfuzzer_sys::fuzz_target;

const BYTES_MAX: usize = 1024 * 1024;

fuzz_target!(|bytes: &[u8]| {
    match Call::parse(bytes, BYTES_MAX) {
        Ok(call) => {
            let written = call.write();
            let again = Call::parse(written.as_bytes(), BYTES_MAX).unwrap_or_else(|error| panic!("{error}: {written}"));
            match &call.request {
                // Of a name that is none of EWS, only letters and digits are written.
                Request::Unsupported(name) if !name.bytes().all(|b| b.is_ascii_alphanumeric()) => {
                    assert_eq!(again.header, call.header);
                }
                _ => assert_eq!(again, call, "{written}"),
            }
        }
        Err(error) => {
            let whose = [error.is_malformed(), error.is_unexpected(), error.is_too_large()];
            assert_eq!(whose.iter().filter(|is| **is).count(), 1, "{error}");
            let fault = Fault::from(&error).write(Service::Ews);
            assert!(fault.len() < 8192, "a long fault: {fault}");
        }
    }
});
