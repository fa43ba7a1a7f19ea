//! MIME streams: what is read of one, and that no text of an item adds a header or a part to its own.

#![no_main]

use actas_exchange::ews::{Call, Message, Request, mime};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 16] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Date",
    "Subject",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Thread-Topic",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Disposition",
];
/// RFC 5322 §2.1.1.
const LINE_BYTES_MAX: usize = 998;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Call { request: Request::CreateItem(create), .. }) = Call::parse(bytes, 256 * 1024) {
        create.items.iter().for_each(check);
    }
    let _ = mime::read(bytes.to_vec());
});

/// What is written of a message is that message and no other.
fn check(message: &Message) {
    let stream = mime::render(message, &message.attachments);
    let text = str::from_utf8(&stream).expect("it is ASCII");
    assert!(text.is_ascii() && !text.replace("\r\n", "").contains(['\r', '\n']), "{text}");
    check_entity(text, message, 0);
}

/// A message, which is so deep in others.
fn check_entity(text: &str, message: &Message, depth: usize) {
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    check_head(head);
    if message.attachments.is_empty() {
        return check_base64(body);
    }
    // One part for the body and one for each attachment, whatever they hold.
    let body = format!("\r\n{body}");
    let parts: Vec<&str> = body.split(&format!("\r\n--=_{depth}_mailbox_part")).collect();
    assert_eq!(parts.len(), message.attachments.len() + 3, "{text}");
    let items = std::iter::once(None).chain(message.attachments.iter().map(|attachment| attachment.item.as_ref()));
    for (part, item) in parts[1..parts.len() - 1].iter().zip(items) {
        let (head, body) = part.trim_start().split_once("\r\n\r\n").expect("a head and a body");
        check_head(head);
        match item {
            Some(item) => check_entity(body, item, depth + 1),
            None => check_base64(body),
        }
    }
}

fn check_head(head: &str) {
    let unfolded = head.replace("\r\n ", " ");
    for line in unfolded.split("\r\n") {
        let name = line.split(": ").next().unwrap_or_default();
        assert!(NAMES.contains(&name), "a header of the message's own: {line}");
    }
    for line in head.split("\r\n") {
        assert!(line.len() <= LINE_BYTES_MAX, "a line of {} bytes: {line}", line.len());
    }
}

fn check_base64(body: &str) {
    assert!(body.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=\r\n".contains(&b)), "{body}");
}
