//! Written and read again, every value is what it was; and no text makes the reader panic

use actas_exchange::autodiscover::{GetUserSettingsRequest, GetUserSettingsResponse};
use actas_exchange::ews::{
    BaseShape, Call, ConvertIdResponse, CreateItemResponse, DeleteItemResponse, ExtendedFieldUri, FindFolderResponse,
    FindItemResponse, FolderShape, GetFolderResponse, GetItemResponse, ItemShape, Message, PropertyPath,
    ResponseMessage,
};
use actas_exchange::redirect::AllowedDomains;
use actas_exchange::soap::{Reply, Service};
use actas_exchange::{Result, SmtpAddress};
use proptest::prelude::*;

use crate::ENVELOPE_BYTES_MAX;
use crate::strategies as any_of;

fn read<T>(parse: impl Fn(&[u8], usize) -> Result<Reply<T>>, text: &str) -> T {
    parse(text.as_bytes(), ENVELOPE_BYTES_MAX).unwrap().answer().unwrap()
}

/// A shape that asks for everything that the messages have.
fn everything<'a>(messages: impl Iterator<Item = &'a Message>) -> ItemShape {
    let mut shape = ItemShape::new(BaseShape::AllProperties);
    shape.include_mime_content = true;
    let extended = messages.flat_map(|message| &message.extended);
    shape.with(extended.map(|property| PropertyPath::Extended(property.uri().clone())))
}

/// Of properties with one identity a response tells the first, in the order of the shape.
fn told(mut message: Message, shape: &ItemShape) -> Message {
    let mut told: Vec<actas_exchange::ews::ExtendedProperty> = Vec::new();
    for path in &shape.additional {
        let PropertyPath::Extended(uri) = path else {
            continue;
        };
        let first = message.extended.iter().find(|property| property.uri() == uri);
        if let Some(property) = first.filter(|_| told.iter().all(|told| told.uri() != uri)) {
            told.push(property.clone());
        }
    }
    message.extended = told;
    message
}

/// What a search does not tell.
fn found(message: Message, shape: &ItemShape) -> Message {
    Message {
        mime_content: None,
        body: None,
        attachments: Vec::new(),
        to: Vec::new(),
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: Vec::new(),
        ..told(message, shape)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn calls(call in any_of::call()) {
        let written = call.write();
        prop_assert_eq!(Call::parse(written.as_bytes(), ENVELOPE_BYTES_MAX), Ok(call));
    }

    #[test]
    fn user_settings_requests(request in any_of::user_settings_request()) {
        let written = request.write();
        let read = GetUserSettingsRequest::parse(written.as_bytes(), ENVELOPE_BYTES_MAX);
        prop_assert_eq!(read, Ok(request));
    }

    #[test]
    fn user_settings_responses(response in any_of::user_settings_response()) {
        let written = response.write();
        prop_assert_eq!(read(GetUserSettingsResponse::parse, &written), response);
    }

    #[test]
    fn created(messages in any_of::messages(any_of::created())) {
        let response = CreateItemResponse { messages };
        prop_assert_eq!(read(CreateItemResponse::parse, &response.write()), response);
    }

    #[test]
    fn deleted(messages in any_of::messages(Just(()))) {
        let response = DeleteItemResponse { messages };
        prop_assert_eq!(read(DeleteItemResponse::parse, &response.write()), response);
    }

    #[test]
    fn converted(messages in any_of::messages(any_of::converted())) {
        let response = ConvertIdResponse { messages };
        prop_assert_eq!(read(ConvertIdResponse::parse, &response.write()), response);
    }

    #[test]
    fn got_items(messages in any_of::messages(any_of::message())) {
        let items = messages.iter().filter_map(|message| match message {
            ResponseMessage::Success(item) => Some(item),
            _ => None,
        });
        let shape = everything(items);
        let response = GetItemResponse { messages };
        let read = read(GetItemResponse::parse, &response.write(&shape));
        let expected = response.messages.into_iter();
        let expected: Vec<_> = expected.map(|message| message.map(|item| told(item, &shape))).collect();
        prop_assert_eq!(read.messages, expected);
    }

    #[test]
    fn found_items(messages in any_of::messages(any_of::page(any_of::message()))) {
        let items = messages.iter().flat_map(|message| match message {
            ResponseMessage::Success(page) => page.entries.iter(),
            _ => [].iter(),
        });
        let shape = everything(items);
        let response = FindItemResponse { messages };
        let read = read(FindItemResponse::parse, &response.write(&shape));
        let expected = response.messages.into_iter();
        let expected: Vec<_> = expected
            .map(|message| message.map(|mut page| {
                let entries = page.entries.into_iter();
                page.entries = entries.map(|item| found(item, &shape)).collect();
                page
            }))
            .collect();
        prop_assert_eq!(read.messages, expected);
    }

    #[test]
    fn got_folders(messages in any_of::messages(any_of::folder())) {
        let response = GetFolderResponse { messages };
        let written = response.write(&FolderShape::new(BaseShape::AllProperties));
        prop_assert_eq!(read(GetFolderResponse::parse, &written), response);
    }

    #[test]
    fn found_folders(messages in any_of::messages(any_of::page(any_of::folder()))) {
        let response = FindFolderResponse { messages };
        let written = response.write(&FolderShape::new(BaseShape::AllProperties));
        prop_assert_eq!(read(FindFolderResponse::parse, &written), response);
    }

    #[test]
    fn faults(fault in any_of::fault(), ews in any::<bool>()) {
        let service = if ews { Service::Ews } else { Service::Autodiscover };
        let written = fault.write(service);
        let read = DeleteItemResponse::parse(written.as_bytes(), ENVELOPE_BYTES_MAX);
        prop_assert_eq!(read, Ok(Reply::Fault(fault)));
    }

    #[test]
    fn keys_of_properties(uri in any_of::uri()) {
        prop_assert_eq!(uri.to_string().parse::<ExtendedFieldUri>(), Ok(uri));
    }

    /// Whatever a text holds, what is written is XML.
    #[test]
    fn any_text_can_be_written(subject in any::<String>()) {
        let response = GetItemResponse {
            messages: vec![ResponseMessage::Success(Message {
                subject: Some(subject),
                ..Message::default()
            })],
        };
        let written = response.write(&ItemShape::new(BaseShape::AllProperties));
        prop_assert!(GetItemResponse::parse(written.as_bytes(), ENVELOPE_BYTES_MAX).is_ok());
    }

    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,60}") {
        let _ = Call::parse(&bytes, ENVELOPE_BYTES_MAX);
        let _ = Call::parse(text.as_bytes(), ENVELOPE_BYTES_MAX);
        let _ = text.parse::<SmtpAddress>();
        let _ = text.parse::<AllowedDomains>();
        let _ = text.parse::<ExtendedFieldUri>();
    }

    /// A good text with one byte changed.
    #[test]
    fn nothing_panics_on_a_slip(call in any_of::call(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = call.write().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = Call::parse(&bytes, ENVELOPE_BYTES_MAX);
    }
}
