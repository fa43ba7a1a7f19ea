//! Mail of voice-mail systems: whatever comes over a connection, in small pieces or large. Exactly
//! those messages are items that ended in a dot between two CR LF and were told `250`.

#![no_main]

use std::cell::RefCell;
use std::collections::HashSet;
use std::pin::Pin;
use std::task::{Context, Poll};

use actas_fuzz::agent::{Office, USERS};
use actas_fuzz::block_on;
use aws_lc_rs::digest;
use libfuzzer_sys::{Corpus, fuzz_target};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// RFC 5321 §4.5.3.1.5.
const REPLY_LINE_BYTES_MAX: usize = 512;
const COMMAND_BYTES_MAX: usize = 1024;
const LINE_BYTES_MAX: usize = 16 * 1024;
/// After so many items another database is begun.
const ITEMS_MAX: usize = 1_000;

struct State {
    office: Office,
    /// The keys of all items that there may be.
    keys: HashSet<String>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::new(State { office: Office::open(), keys: HashSet::new() });
}

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let [piece, input @ ..] = bytes else { return Corpus::Reject };
    STATE.with_borrow_mut(|state| {
        let mut connection = Connection { rest: input, piece: usize::from(*piece).max(1), told: Vec::new() };
        block_on(state.office.sources.take_mail(&mut connection));
        let accepted = follow(input, &replies(&connection.told));
        block_on(state.check(&accepted));
        if state.keys.len() > ITEMS_MAX {
            *state = State { office: Office::open(), keys: HashSet::new() };
        }
    });
    Corpus::Keep
});

impl State {
    /// Each message that was accepted is an item of as many mailboxes, and there is no other item.
    async fn check(&mut self, accepted: &[(Vec<u8>, usize)]) {
        let queue = self.office.agent.queue();
        for (message, count) in accepted {
            let mut found = 0;
            for (_, owner) in USERS {
                let key = format!("smtp/{}", sha256(format!("{}\0{owner}", sha256(message)).as_bytes()));
                if queue.get(&key).await.expect("the queue is read").is_some() {
                    found += 1;
                    self.keys.insert(key);
                }
            }
            // The same message may have been sent to the other mailbox before.
            assert!((1..=found).contains(count), "{count} items were told, and {found} are there");
        }
        let counts = queue.counts().await.expect("the queue is read");
        assert_eq!(usize::try_from(counts.queued).ok(), Some(self.keys.len()), "items that nobody was told of");
    }
}

/// What was answered, each answer with its lines.
fn replies(told: &[u8]) -> Vec<String> {
    let text = str::from_utf8(told).expect("it is ASCII");
    let lines = text.strip_suffix("\r\n").expect("the last line has an end").split("\r\n");
    let mut replies = vec![String::new()];
    for line in lines {
        assert!(line.len() + 2 <= REPLY_LINE_BYTES_MAX, "a line of {} bytes: {line}", line.len());
        assert!(line.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{line}");
        let (code, mark) = (line.get(..3).unwrap_or_default(), line.as_bytes().get(3));
        assert!(code.bytes().all(|digit| digit.is_ascii_digit()), "{line}");
        replies.last_mut().expect("there is one").push_str(&format!("{line}\n"));
        match mark {
            Some(b' ') => replies.push(String::new()),
            Some(b'-') => {}
            _ => panic!("no reply: {line}"),
        }
    }
    assert_eq!(replies.pop().as_deref(), Some(""), "a reply without a last line");
    replies
}

/// Follows what was sent line by line beside what was answered: one answer to each command, and
/// no line ends but in CR LF. The messages that were accepted, and of how many mailboxes.
fn follow(input: &[u8], replies: &[String]) -> Vec<(Vec<u8>, usize)> {
    let mut replies = replies.iter().map(String::as_str);
    let mut next = |what: &str| replies.next().unwrap_or_else(|| panic!("no answer to {what}"));
    assert!(next("the connection").starts_with("220 "));
    let (mut rest, mut accepted, mut recipients) = (input, Vec::new(), 0);
    loop {
        let line = match line(&mut rest, COMMAND_BYTES_MAX) {
            Line::Whole(line) => line,
            Line::End => break,
            Line::Wrong => {
                assert!(next("a wrong line").starts_with("500 "));
                break;
            }
        };
        let reply = next("a command");
        let verb = line.split(|byte| *byte == b' ').next().unwrap_or_default().to_ascii_uppercase();
        match (verb.as_slice(), reply.get(..3)) {
            (_, Some("221" | "421")) => break,
            (b"RCPT", Some("250")) => recipients += 1,
            (b"EHLO" | b"HELO" | b"MAIL" | b"RSET", Some("250")) => recipients = 0,
            (b"DATA", Some("354")) => {
                let Some(message) = message(&mut rest) else {
                    assert!(next("half a message").starts_with(['4', '5']));
                    break;
                };
                let reply = next("a message");
                if let Some(count) = reply.strip_prefix("250 2.0.0 on disk, items: ") {
                    let count = count.trim().parse().expect("a number");
                    assert!(count <= recipients, "{count} items for {recipients} recipients");
                    accepted.push((message, count));
                } else {
                    assert!(reply.starts_with(['4', '5']), "{reply}");
                }
                recipients = 0;
            }
            (_, Some("354")) => panic!("{verb:?} begins a message"),
            _ => {}
        }
    }
    assert_eq!(replies.next(), None, "an answer to nothing");
    accepted
}

/// A message up to its dot, without those that were put before others.
fn message(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        match line(rest, LINE_BYTES_MAX) {
            Line::Whole(b".") => return Some(message),
            Line::Whole(line) => {
                message.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
                message.extend_from_slice(b"\r\n");
            }
            Line::End | Line::Wrong => return None,
        }
    }
}

enum Line<'a> {
    Whole(&'a [u8]),
    End,
    Wrong,
}

fn line<'a>(rest: &mut &'a [u8], bytes_max: usize) -> Line<'a> {
    let Some(end) = rest.iter().take(bytes_max + 2).position(|byte| *byte == b'\n') else {
        return if rest.len() < bytes_max + 2 { Line::End } else { Line::Wrong };
    };
    let line = &rest[..end];
    *rest = &rest[end + 1..];
    match line.strip_suffix(b"\r") {
        Some(line) if !line.contains(&b'\r') => Line::Whole(line),
        _ => Line::Wrong,
    }
}

fn sha256(bytes: &[u8]) -> String {
    digest::digest(&digest::SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A connection of which everything that will come is known.
struct Connection<'a> {
    rest: &'a [u8],
    /// The most bytes that come at once.
    piece: usize,
    told: Vec<u8>,
}

impl AsyncRead for Connection<'_> {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        let (piece, rest) = this.rest.split_at(this.piece.min(this.rest.len()).min(into.remaining()));
        into.put_slice(piece);
        this.rest = rest;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection<'_> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.get_mut().told.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
