//! A message as a MIME stream and back (RFC 5322, RFC 2045), for items that have the one form and not
//! the other.

mod read;

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::message::{Body, BodyType, FileAttachment, Mailbox, Message};

pub use read::read;

/// Bytes of a text in one encoded word (RFC 2047 §2: the word has at most 75 characters).
const WORD_BYTES_MAX: usize = 45;
/// Base64 digits on one line (RFC 2045 §6.8).
const LINE_DIGITS: usize = 76;
/// The end of what stands between the parts, after how deep they are. No line of Base64 looks like it.
const BOUNDARY: &str = "_mailbox_part";

/// The type of a file that has none, or none that can be one.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// Writes a message with its files; those of the message itself are left out, since it tells of
/// them without their content. Attached items become messages in it, with their own files.
///
/// Every text of the message is encoded where it must be, so that none of them adds a header or a
/// part.
pub fn render(message: &Message, files: &[FileAttachment]) -> Vec<u8> {
    let mut text = String::new();
    entity(&mut text, message, files, 0);
    text.into_bytes()
}

fn entity(text: &mut String, message: &Message, files: &[FileAttachment], depth: usize) {
    headers(text, message);
    let empty = Body::text("");
    let body = message.body.as_ref().unwrap_or(&empty);
    if files.is_empty() {
        return body_part(text, body);
    }
    let boundary = format!("=_{depth}{BOUNDARY}");
    line(text, "Content-Type", &format!("multipart/mixed; boundary=\"{boundary}\""));
    let _ = write!(text, "\r\n--{boundary}\r\n");
    body_part(text, body);
    for file in files {
        let _ = write!(text, "--{boundary}\r\n");
        match &file.item {
            Some(item) => item_part(text, file, item, depth + 1),
            None => file_part(text, file),
        }
    }
    let _ = write!(text, "--{boundary}--\r\n");
}

/// A message in a message, which is in lines of letters as it is (RFC 2046 §5.2.1).
fn item_part(text: &mut String, file: &FileAttachment, item: &Message, depth: usize) {
    line(text, "Content-Type", "message/rfc822");
    disposition(text, file);
    text.push_str("\r\n");
    entity(text, item, &item.attachments, depth);
    text.push_str("\r\n");
}

fn headers(text: &mut String, message: &Message) {
    addresses(text, "From", message.from.as_slice());
    addresses(text, "Sender", message.sender.as_slice());
    addresses(text, "Reply-To", &message.reply_to);
    addresses(text, "To", &message.to);
    addresses(text, "Cc", &message.cc);
    addresses(text, "Bcc", &message.bcc);
    if let Some(sent) = message.sent.or(message.received) {
        line(text, "Date", &sent.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string());
    }
    for (name, value) in [
        ("Subject", &message.subject),
        ("Message-ID", &message.internet_message_id),
        ("In-Reply-To", &message.in_reply_to),
        ("References", &message.references),
        ("Thread-Topic", &message.conversation_topic),
    ] {
        if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
            line(text, name, &encoded(value));
        }
    }
    line(text, "MIME-Version", "1.0");
}

fn body_part(text: &mut String, body: &Body) {
    let kind = match body.kind {
        BodyType::Html => "html",
        BodyType::Text => "plain",
    };
    line(text, "Content-Type", &format!("text/{kind}; charset=utf-8"));
    base64_part(text, body.content.as_bytes());
}

fn file_part(text: &mut String, file: &FileAttachment) {
    let kind = file.content_type.as_deref().filter(|kind| is_media_type(kind)).unwrap_or(UNKNOWN_TYPE);
    line(text, "Content-Type", kind);
    disposition(text, file);
    base64_part(text, file.content.as_deref().unwrap_or_default());
}

fn disposition(text: &mut String, file: &FileAttachment) {
    let own = file.name.as_deref().unwrap_or_default();
    // A quoted string holds what is plain; anything else goes as RFC 2231 has it.
    let name = if own.bytes().all(|b| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\')) {
        format!("filename=\"{own}\"")
    } else {
        let percent = own.bytes().fold(String::new(), |mut name, byte| {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
                name.push(char::from(byte));
            } else {
                let _ = write!(name, "%{byte:02X}");
            }
            name
        });
        format!("filename*=utf-8''{percent}")
    };
    line(text, "Content-Disposition", &format!("attachment; {name}"));
}

fn is_media_type(text: &str) -> bool {
    let token =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    text.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}

fn base64_part(text: &mut String, bytes: &[u8]) {
    line(text, "Content-Transfer-Encoding", "base64");
    text.push_str("\r\n");
    let digits = STANDARD.encode(bytes);
    let mut rest = digits.as_str();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rest.len().min(LINE_DIGITS));
        text.push_str(now);
        text.push_str("\r\n");
        rest = later;
    }
}

fn addresses(text: &mut String, name: &str, mailboxes: &[Mailbox]) {
    let written: Vec<String> = mailboxes.iter().filter_map(address).collect();
    if !written.is_empty() {
        line(text, name, &written.join(",\r\n "));
    }
}

fn address(mailbox: &Mailbox) -> Option<String> {
    let plain = |address: &&str| address.bytes().all(|b| matches!(b, b'!'..=b'~') && !matches!(b, b'<' | b'>' | b','));
    let address = mailbox.address.as_deref().filter(plain)?;
    Some(match mailbox.name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => format!("{} <{address}>", phrase(name)),
        None => address.to_owned(),
    })
}

/// A name before an address: letters and spaces as they are, anything else encoded.
fn phrase(name: &str) -> String {
    if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ') && name.len() <= LINE_DIGITS {
        return name.to_owned();
    }
    words(name)
}

/// A text in a header: as it is, or in encoded words. No line ends within it, so that
/// nobody adds headers through a subject.
fn encoded(text: &str) -> String {
    let plain = text.bytes().all(|b| matches!(b, b' '..=b'~')) && !text.contains("=?") && text.trim() == text;
    if plain { text.to_owned() } else { words(text) }
}

fn words(text: &str) -> String {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = rest.len().min(WORD_BYTES_MAX);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (word, later) = rest.split_at(end);
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
        rest = later;
    }
    words.join("\r\n ")
}

fn line(text: &mut String, name: &str, value: &str) {
    // Writing to a `String` cannot fail.
    let _ = write!(text, "{name}: {value}\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(message: &Message, files: &[FileAttachment]) -> String {
        String::from_utf8(render(message, files)).unwrap()
    }

    #[test]
    fn a_conversation() {
        let message = Message {
            subject: Some("Conversation with Omar".to_owned()),
            body: Some(Body::html("<p>10:02 Omar: lunch?</p>")),
            from: Some(Mailbox {
                name: Some("Omar, H.".into()),
                address: Some("omar@fabrikam.example".into()),
                routing_type: None,
            }),
            to: vec![Mailbox {
                name: Some("Lena".into()),
                address: Some("lena@fabrikam.example".into()),
                routing_type: None,
            }],
            sent: "2026-11-20T10:02:00Z".parse().ok(),
            ..Message::default()
        };
        assert_eq!(
            rendered(&message, &[]),
            "From: =?utf-8?B?T21hciwgSC4=?= <omar@fabrikam.example>\r\n\
             To: Lena <lena@fabrikam.example>\r\n\
             Date: Fri, 20 Nov 2026 10:02:00 +0000\r\n\
             Subject: Conversation with Omar\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: text/html; charset=utf-8\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n\
             PHA+MTA6MDIgT21hcjogbHVuY2g/PC9wPg==\r\n"
        );
    }

    #[test]
    fn nobody_adds_headers() {
        let message = Message {
            subject: Some("x\r\nX-Evil: 1".to_owned()),
            to: vec![Mailbox {
                name: Some("a\r\nX-Evil: 2".into()),
                address: Some("a@b\r\nX-Evil: 3".into()),
                routing_type: None,
            }],
            cc: vec![Mailbox {
                name: Some("a\r\nX-Evil: 4".into()),
                address: Some("a@b.example".into()),
                routing_type: None,
            }],
            ..Message::default()
        };
        let file = FileAttachment {
            name: Some("a\"\r\nX-Evil: 5".into()),
            content_type: Some("text/plain\r\nX-Evil: 6".into()),
            content: Some(b"x".to_vec()),
            ..FileAttachment::default()
        };
        let text = rendered(&message, &[file]);
        assert!(text.lines().all(|line| !line.trim_start().starts_with("X-Evil")), "{text}");
        assert!(text.lines().all(|line| line.len() <= 120), "{text}");
    }
}
