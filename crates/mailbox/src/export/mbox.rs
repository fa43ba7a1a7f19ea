//! The file that holds many messages (RFC 4155), in its reversible form: each line of a message
//! that begins with `From `, after any number of `>`, gets one `>` more.

use std::io::{self, Write};

use super::ExportedItem;

/// Stands where a message has no sender whom a line can name.
const NO_SENDER: &str = "MAILER-DAEMON";

/// Adds a message to such a file. Lines end with a line feed alone, as is custom in these files;
/// beside that nothing is lost.
///
/// # Errors
///
/// When the file cannot be written.
pub fn write_mbox(file: &mut impl Write, item: &ExportedItem) -> io::Result<()> {
    let plain = |sender: &&str| !sender.is_empty() && sender.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
    let sender = item.sender.as_deref().filter(plain).unwrap_or(NO_SENDER);
    writeln!(file, "From {sender} {}", item.received.strftime("%a %b %e %H:%M:%S %Y"))?;
    let text = item.mime.strip_suffix(b"\n").unwrap_or(&item.mime);
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let quotes = line.iter().take_while(|byte| **byte == b'>').count();
        if line[quotes..].starts_with(b"From ") {
            file.write_all(b">")?;
        }
        file.write_all(line)?;
        file.write_all(b"\n")?;
    }
    file.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn written(sender: Option<&str>, mime: &[u8]) -> Vec<u8> {
        let item = ExportedItem {
            id: Uuid::nil(),
            received: "2026-11-05T10:02:00Z".parse().unwrap(),
            sender: sender.map(str::to_owned),
            mime: mime.to_vec(),
        };
        let mut file = Vec::new();
        write_mbox(&mut file, &item).unwrap();
        file
    }

    /// What a reader makes of it: the first line and the empty one at the end go, one `>` each too.
    fn read(file: &[u8]) -> Vec<u8> {
        let body = file.splitn(2, |byte| *byte == b'\n').nth(1).unwrap();
        let mut text = Vec::new();
        for line in body.strip_suffix(b"\n").unwrap().split_inclusive(|byte| *byte == b'\n') {
            let quotes = line.iter().take_while(|byte| **byte == b'>').count();
            text.extend_from_slice(if quotes > 0 && line[quotes..].starts_with(b"From ") { &line[1..] } else { line });
        }
        text
    }

    #[test]
    fn a_message_begins_with_its_sender_and_time() {
        let begins = |sender, line: &str| assert!(written(sender, b"A: b\r\n").starts_with(line.as_bytes()), "{line}");
        begins(Some("omar@fabrikam.example"), "From omar@fabrikam.example Thu Nov  5 10:02:00 2026\nA: b\n\n");
        for none in [None, Some(""), Some("a b@c.example"), Some("a\nFrom x"), Some("zoë@c.example")] {
            begins(none, "From MAILER-DAEMON Thu Nov  5 10:02:00 2026\n");
        }
    }

    #[test]
    fn no_line_of_a_message_begins_another() {
        let mime = b"Subject: x\r\n\r\nFrom here\r\n>From there\r\n>>From afar\r\nFromage\r\n> From\r\n\r\nend";
        let file = written(None, mime);
        let begins = file.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"From ")).count();
        assert_eq!(begins, 1);
        let expected = String::from_utf8(mime.to_vec()).unwrap().replace("\r\n", "\n") + "\n";
        assert_eq!(String::from_utf8(read(&file)).unwrap(), expected);
    }

    #[test]
    fn anything_comes_back() {
        proptest::proptest!(|(lines in proptest::collection::vec("[>From a\r]{0,8}", 0..8))| {
            let text = lines.join("\n") + "\n";
            let expected = text.replace("\r\n", "\n");
            proptest::prop_assert_eq!(read(&written(None, text.as_bytes())), expected.into_bytes());
        });
    }
}
