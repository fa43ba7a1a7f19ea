//! `ConvertId`: ids in the forms in which other protocols write them.
//!
//! Nothing is looked up: an id is as good in the other form as it was in the one. exchangelib sends
//! one that is none, to learn the server's version from the header of the answer.

use actas_exchange::SmtpAddress;
use actas_exchange::ews::{AlternateId, ConvertId, ConvertIdResponse, Failure, ResponseCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::failures::malformed;
use crate::ids;

/// What a MAPI entry id begins with: its flags.
const ENTRY_FLAGS: [u8; 4] = [0; 4];
/// Characters of the longest form.
const ID_CHARS_MAX: usize = 256;

/// A form of id.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Format {
    Entry,
    Ews,
    HexEntry,
    Owa,
}

impl Format {
    fn of(name: &str) -> Option<Self> {
        match name {
            "EwsId" | "EwsLegacyId" => Some(Self::Ews),
            "EntryId" => Some(Self::Entry),
            "HexEntryId" => Some(Self::HexEntry),
            "OwaId" => Some(Self::Owa),
            _ => None,
        }
    }

    /// The bytes of one of our ids.
    fn read(self, text: &str) -> Option<Vec<u8>> {
        if text.len() > ID_CHARS_MAX {
            return None;
        }
        let entry = |bytes: Vec<u8>| {
            let id = bytes.strip_prefix(&ENTRY_FLAGS)?.to_vec();
            ids::is_id(&id).then_some(id)
        };
        match self {
            Self::Ews => ids::bytes(text),
            Self::Owa => ids::bytes(&text.replace('-', "/").replace('_', "+")),
            Self::Entry => entry(STANDARD.decode(text).ok()?),
            Self::HexEntry => entry(from_hex(text)?),
        }
    }

    fn write(self, id: &[u8]) -> String {
        let entry = || [&ENTRY_FLAGS, id].concat();
        match self {
            Self::Ews => STANDARD.encode(id),
            Self::Owa => STANDARD.encode(id).replace('/', "-").replace('+', "_"),
            Self::Entry => STANDARD.encode(entry()),
            Self::HexEntry => to_hex(&entry()),
        }
    }
}

pub(super) fn ids(request: &ConvertId) -> ConvertIdResponse {
    let to = Format::of(&request.destination_format);
    let convert = |id| convert(id, to, &request.destination_format);
    ConvertIdResponse { messages: request.ids.iter().map(|id| convert(id).into()).collect() }
}

fn convert(id: &AlternateId, to: Option<Format>, name: &str) -> Result<AlternateId, Failure> {
    let from = Format::of(&id.format);
    let (Some(from), Some(to)) = (from, to) else {
        return Err(Failure::new(
            ResponseCode::from_name("ErrorUnsupportedTypeForConversion"),
            "Ids are converted between EwsId, EwsLegacyId, EntryId, HexEntryId and OwaId.",
        ));
    };
    let bytes = from.read(&id.id).ok_or_else(malformed)?;
    if id.mailbox.parse::<SmtpAddress>().is_err() {
        return Err(malformed());
    }
    Ok(AlternateId { format: name.to_owned(), id: to.write(&bytes), mailbox: id.mailbox.clone() })
}

fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |half: u8| char::from(DIGITS[usize::from(half & 0xF)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
