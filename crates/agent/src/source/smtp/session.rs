//! The commands of a mail session and their order, without the connection (RFC 5321 §4).

use std::fmt::Write as _;

use crate::intake::Refusal;

/// The most recipients of a message (§4.5.3.1.8 has 100; here each costs a copy).
const RECIPIENTS_MAX: usize = 20;
/// Commands that are wrong, after which a session ends.
const MISTAKES_MAX: u32 = 10;
/// Messages of one session.
const MESSAGES_MAX: u32 = 100;

/// An answer: a code and its text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Reply(String);

/// What to do after a command.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// Answer, and go on.
    Answer(Reply),
    /// Answer, and end.
    End(Reply),
    /// Read a message for these mailboxes.
    Data(Vec<String>),
}

/// Where a session is.
#[derive(Debug)]
pub(super) struct Session {
    bytes_max: usize,
    greeted: bool,
    sender: bool,
    owners: Vec<String>,
    mistakes: u32,
    messages: u32,
}

// === impl Session ===

impl Session {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, greeted: false, sender: false, owners: Vec::new(), mistakes: 0, messages: 0 }
    }

    /// Takes a command. `mailbox_of` leads a recipient to a mailbox, if there is one.
    pub(super) fn command(&mut self, line: &[u8], mailbox_of: impl FnMut(&str) -> Option<String>) -> Step {
        let Some(text) = std::str::from_utf8(line).ok().filter(|text| !text.chars().any(char::is_control)) else {
            return self.mistake("500 5.5.2 that is no command");
        };
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => self.greet(rest, true),
            "HELO" => self.greet(rest, false),
            "MAIL" => self.mail(rest),
            "RCPT" => self.recipient(rest, mailbox_of),
            "DATA" if rest.is_empty() => self.data(),
            "RSET" => {
                self.reset();
                Step::Answer(Reply::of("250 2.0.0 forgotten"))
            }
            "NOOP" => Step::Answer(Reply::of("250 2.0.0 still here")),
            "QUIT" => Step::End(Reply::of("221 2.0.0 good-bye")),
            "VRFY" => Step::Answer(Reply::of("252 2.5.0 send the mail and see")),
            "AUTH" | "STARTTLS" | "EXPN" | "HELP" | "BDAT" => self.mistake("502 5.5.1 this is not offered here"),
            _ => self.mistake("500 5.5.1 that is no command"),
        }
    }

    fn greet(&mut self, name: &str, extended: bool) -> Step {
        if name.trim().is_empty() {
            return self.mistake("501 5.5.4 say who you are behind it");
        }
        self.greeted = true;
        self.reset();
        Step::Answer(if extended {
            Reply(format!(
                "250-localhost\r\n250-SIZE {}\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n",
                self.bytes_max
            ))
        } else {
            Reply::of("250 localhost")
        })
    }

    fn mail(&mut self, rest: &str) -> Step {
        if !self.greeted {
            return self.mistake("503 5.5.1 say EHLO first");
        }
        if self.sender {
            return self.mistake("503 5.5.1 a message is under way; RSET forgets it");
        }
        if self.messages == MESSAGES_MAX {
            return Step::End(Reply::of("421 4.7.0 that were many; connect again for more"));
        }
        let Some((_, parameters)) = path(rest, "FROM:") else {
            return self.mistake("501 5.5.4 write MAIL FROM:<address>");
        };
        for parameter in parameters.split_ascii_whitespace() {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name.to_ascii_uppercase().as_str() {
                "SIZE" => match value.parse::<usize>() {
                    Ok(size) if size <= self.bytes_max => {}
                    Ok(_) => return Step::Answer(Reply::too_large(self.bytes_max)),
                    Err(_) => return self.mistake("501 5.5.4 SIZE is a number"),
                },
                "BODY" if ["7BIT", "8BITMIME"].iter().any(|known| value.eq_ignore_ascii_case(known)) => {}
                _ => return self.mistake("555 5.5.4 a parameter is not known"),
            }
        }
        self.sender = true;
        Step::Answer(Reply::of("250 2.1.0 go on"))
    }

    fn recipient(&mut self, rest: &str, mut mailbox_of: impl FnMut(&str) -> Option<String>) -> Step {
        if !self.sender {
            return self.mistake("503 5.5.1 say MAIL FROM first");
        }
        let Some((address, "")) = path(rest, "TO:") else {
            return self.mistake("501 5.5.4 write RCPT TO:<address>");
        };
        let Some(owner) = mailbox_of(address) else {
            return self.mistake(
                "550 5.1.1 nobody of this address has a mailbox here, and nothing is relayed; see [onprem.sources] of the configuration",
            );
        };
        if !self.owners.contains(&owner) {
            if self.owners.len() == RECIPIENTS_MAX {
                return Step::Answer(Reply::of("452 4.5.3 too many recipients"));
            }
            self.owners.push(owner);
        }
        Step::Answer(Reply::of("250 2.1.5 has a mailbox"))
    }

    fn data(&mut self) -> Step {
        if self.owners.is_empty() {
            return self.mistake("503 5.5.1 there is no recipient");
        }
        let owners = std::mem::take(&mut self.owners);
        self.messages += 1;
        self.reset();
        Step::Data(owners)
    }

    fn reset(&mut self) {
        self.sender = false;
        self.owners.clear();
    }

    fn mistake(&mut self, text: &str) -> Step {
        self.mistakes += 1;
        if self.mistakes >= MISTAKES_MAX {
            return Step::End(Reply::of("421 4.7.0 too much of that was wrong"));
        }
        Step::Answer(Reply::of(text))
    }
}

/// The address between angle brackets behind a word, and what follows.
fn path<'a>(rest: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let behind = rest.trim_start();
    let behind =
        behind.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word)).map(|_| &behind[word.len()..])?;
    let (address, parameters) = behind.trim_start().strip_prefix('<')?.split_once('>')?;
    // A source route is ignored (§4.1.1.3).
    let address = address.rsplit_once(':').filter(|(route, _)| route.starts_with('@')).map_or(address, |(_, own)| own);
    Some((address, parameters.trim()))
}

// === impl Reply ===

impl Reply {
    fn of(text: &str) -> Self {
        Self(format!("{text}\r\n"))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(super) fn greeting() -> Self {
        Self::of("220 localhost ESMTP actas, for voice mail")
    }

    pub(super) fn busy() -> Self {
        Self::of("421 4.3.2 too many at once; come again")
    }

    pub(super) fn too_slow() -> Self {
        Self::of("421 4.4.2 that took too long")
    }

    pub(super) fn malformed() -> Self {
        Self::of("500 5.5.2 a line is too long, or ends in something other than CR LF")
    }

    pub(super) fn go_on() -> Self {
        Self::of("354 end with a dot alone")
    }

    pub(super) fn too_large(bytes_max: usize) -> Self {
        Self(format!("552 5.3.4 a message has {bytes_max} bytes at most\r\n"))
    }

    pub(super) fn accepted(count: usize) -> Self {
        Self(format!("250 2.0.0 on disk, items: {count}\r\n"))
    }

    /// What the intake said, on one line.
    pub(super) fn refused(refusal: &Refusal) -> Self {
        let code = if refusal.is_temporary() { "451 4.3.0" } else { "554 5.6.0" };
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = write!(text, "{refusal}");
        let text: String =
            text.chars().map(|letter| if letter.is_ascii_graphic() { letter } else { ' ' }).take(400).collect();
        Self(format!("{code} {text}\r\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(session: &mut Session, line: &str) -> String {
        let known = |address: &str| address.strip_suffix("@pbx.example").map(|user| format!("{user}@fabrikam.example"));
        match session.command(line.as_bytes(), known) {
            Step::Answer(reply) | Step::End(reply) => reply.0,
            Step::Data(owners) => format!("data for {}", owners.join(" ")),
        }
    }

    fn check(lines: &[(&str, &str)]) {
        let mut session = Session::new(1000);
        for (line, begin) in lines {
            let reply = told(&mut session, line);
            assert!(reply.starts_with(begin), "{line}: {reply}");
        }
    }

    #[test]
    fn a_message_is_for_those_who_have_a_mailbox() {
        check(&[
            ("ehlo pbx", "250-localhost\r\n250-SIZE 1000\r\n"),
            ("MAIL FROM:<pbx@pbx.example> SIZE=1000 BODY=8BITMIME", "250 "),
            ("RCPT TO:<1001@pbx.example>", "250 "),
            ("rcpt to: <1001@pbx.example>", "250 "),
            ("RCPT TO:<@route.example:1002@pbx.example>", "250 "),
            ("RCPT TO:<somebody@elsewhere.example>", "550 5.1.1"),
            ("DATA", "data for 1001@fabrikam.example 1002@fabrikam.example"),
            ("DATA", "503"),
            ("MAIL FROM:<>", "250 "),
            ("QUIT", "221"),
        ]);
    }

    #[test]
    fn commands_out_of_order_or_not_of_this_world_are_refused() {
        check(&[
            ("MAIL FROM:<a@b>", "503"),
            ("EHLO", "501"),
            ("HELO pbx", "250 localhost"),
            ("RCPT TO:<1001@pbx.example>", "503"),
            ("MAIL FROM:a@b", "501"),
            ("MAIL FROM:<a@b> SIZE=1001", "552"),
            ("MAIL FROM:<a@b> RELAY=yes", "555"),
            ("MAIL FROM:<a@b>", "250"),
            ("MAIL FROM:<a@b>", "503"),
            ("DATA", "503"),
            ("AUTH PLAIN AAAA", "502"),
            ("GET / HTTP/1.1", "500"),
            ("Host: mail", "421"),
        ]);
    }

    #[test]
    fn recipients_and_messages_are_counted() {
        let mut session = Session::new(1000);
        told(&mut session, "EHLO pbx");
        for _ in 0..MESSAGES_MAX {
            assert!(told(&mut session, "MAIL FROM:<>").starts_with("250"));
            assert!(told(&mut session, "RCPT TO:<1@pbx.example>").starts_with("250"));
            assert!(told(&mut session, "DATA").starts_with("data"));
        }
        assert!(told(&mut session, "MAIL FROM:<>").starts_with("421"));
        let mut session = Session::new(1000);
        told(&mut session, "EHLO pbx");
        told(&mut session, "MAIL FROM:<>");
        for user in 0..RECIPIENTS_MAX {
            assert!(told(&mut session, &format!("RCPT TO:<{user}@pbx.example>")).starts_with("250"));
        }
        assert!(told(&mut session, "RCPT TO:<more@pbx.example>").starts_with("452"));
    }
}
