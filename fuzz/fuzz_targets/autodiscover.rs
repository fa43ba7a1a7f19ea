//! Autodiscover over SOAP and without: requests and responses.

#![no_main]

use actas_exchange::autodiscover::{GetUserSettingsRequest, GetUserSettingsResponse, PoxRequest, PoxResponse};
use actas_exchange::soap::Reply;
use libfuzzer_sys::fuzz_target;

const BYTES_MAX: usize = 256 * 1024;

macro_rules! exact {
    ($bytes:ident, $($kind:ty),*) => {
        $(if let Ok(read) = <$kind>::parse($bytes, BYTES_MAX) {
            let written = read.write();
            let again = <$kind>::parse(written.as_bytes(), BYTES_MAX);
            assert_eq!(again, Ok(read), "{written}");
        })*
    };
}

fuzz_target!(|bytes: &[u8]| {
    exact!(bytes, GetUserSettingsRequest, PoxRequest, PoxResponse);
    if let Ok(Reply::Answer(answer)) = GetUserSettingsResponse::parse(bytes, BYTES_MAX) {
        let written = answer.write();
        let again = GetUserSettingsResponse::parse(written.as_bytes(), BYTES_MAX);
        assert_eq!(again, Ok(Reply::Answer(answer)), "{written}");
    }
});
