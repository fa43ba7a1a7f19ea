//! A MIME stream as a message (RFC 5322, RFC 2045), for items that come as nothing else.

use std::borrow::Cow;

use jiff::Timestamp;
use mail_parser::{Address, HeaderValue, MessageParser, MessagePart, MimeHeaders};

use crate::ews::{Body, FileAttachment, Mailbox, Message, MimeContent};

/// Files of one stream.
const FILES_MAX: usize = 1000;
/// Recipients of one kind.
const RECIPIENTS_MAX: usize = 1000;

/// Reads a stream; nothing, if it is none. The message keeps the stream as it came.
pub fn read(content: Vec<u8>) -> Option<Message> {
    let parsed = MessageParser::default().parse(&content)?;
    if parsed.headers().is_empty() || parsed.attachment_count() > FILES_MAX {
        return None;
    }
    // A part that stands for the text in both forms is no HTML of its own.
    let html = parsed.html_part(0).filter(|part| part.is_text_html());
    let body = match html {
        Some(part) => part.text_contents().map(Body::html),
        None => parsed.body_text(0).map(Body::text),
    };
    let texts = |value: &HeaderValue<'_>| {
        let ids = value.as_text_list().map(|all| all.iter().map(|id| format!("<{id}>")).collect::<Vec<_>>().join(" "));
        ids.or_else(|| value.as_text().map(|id| format!("<{id}>")))
    };
    let mut message = Message {
        subject: parsed.subject().map(str::to_owned),
        body,
        from: mailboxes(parsed.from()).into_iter().next(),
        sender: mailboxes(parsed.sender()).into_iter().next(),
        to: mailboxes(parsed.to()),
        cc: mailboxes(parsed.cc()),
        bcc: mailboxes(parsed.bcc()),
        reply_to: mailboxes(parsed.reply_to()),
        sent: parsed.date().and_then(|date| Timestamp::from_second(date.to_timestamp()).ok()),
        internet_message_id: parsed.message_id().map(|id| format!("<{id}>")),
        in_reply_to: texts(parsed.in_reply_to()),
        references: texts(parsed.references()),
        attachments: parsed.attachments().map(file).collect(),
        ..Message::default()
    };
    drop(parsed);
    message.mime_content = Some(MimeContent { character_set: Some("UTF-8".to_owned()), content });
    Some(message)
}

fn mailboxes(addresses: Option<&Address<'_>>) -> Vec<Mailbox> {
    let all = addresses.into_iter().flat_map(Address::iter).take(RECIPIENTS_MAX);
    let text = |text: &Option<Cow<'_, str>>| text.as_deref().map(str::to_owned);
    all.map(|one| Mailbox { name: text(&one.name), address: text(&one.address), routing_type: None }).collect()
}

fn file(part: &MessagePart<'_>) -> FileAttachment {
    let kind = part.content_type().map(|kind| match kind.subtype() {
        Some(subtype) => format!("{}/{subtype}", kind.ctype()),
        None => kind.ctype().to_owned(),
    });
    FileAttachment {
        name: Some(part.attachment_name().unwrap_or("attachment").to_owned()),
        content_type: kind,
        content_id: part.content_id().map(str::to_owned),
        is_inline: part.content_disposition().map(mail_parser::ContentType::is_inline),
        content: Some(part.contents().to_vec()),
        ..FileAttachment::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::render;
    use super::*;

    #[test]
    fn what_was_rendered_is_read() {
        let mailbox = |name: &str, address: &str| Mailbox {
            name: Some(name.to_owned()),
            address: Some(address.to_owned()),
            routing_type: None,
        };
        let message = Message {
            subject: Some("Zoë & Omar".to_owned()),
            body: Some(Body::html("<p>10:02 Omar: lunch?</p>")),
            from: Some(mailbox("Omar, H.", "omar@fabrikam.example")),
            to: vec![mailbox("Lena", "lena@fabrikam.example"), mailbox("Zoë", "zoe@fabrikam.example")],
            sent: "2026-11-20T10:02:00Z".parse().ok(),
            internet_message_id: Some("<1@fabrikam.example>".to_owned()),
            in_reply_to: Some("<0@fabrikam.example>".to_owned()),
            ..Message::default()
        };
        let file = FileAttachment {
            name: Some("naïve.txt".to_owned()),
            content_type: Some("text/plain".to_owned()),
            content: Some(b"bytes".to_vec()),
            ..FileAttachment::default()
        };
        let read = read(render(&message, std::slice::from_ref(&file))).unwrap();
        assert!(read.mime_content.is_some());
        assert_eq!(read.attachments.len(), 1);
        assert_eq!(read.attachments[0].name.as_deref(), Some("naïve.txt"));
        assert_eq!(read.attachments[0].content.as_deref(), Some(&b"bytes"[..]));
        let bare = Message { mime_content: None, attachments: Vec::new(), ..read };
        assert_eq!(bare, message);
    }

    #[test]
    fn texts_stay_texts_and_nonsense_is_none() {
        let plain = read(b"Subject: x\r\n\r\nhello\r\n".to_vec()).unwrap();
        assert_eq!(plain.body, Some(Body::text("hello\r\n")));
        for nothing in ["", "\r\n", "\r\nonly a body"] {
            assert_eq!(read(nothing.as_bytes().to_vec()), None, "{nothing:?}");
        }
    }
}
