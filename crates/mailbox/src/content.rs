//! Files on their way out: read part by part while they are sent, so that none is ever whole in
//! memory.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use actas_exchange::ews::sieve::Marks;
use actas_store::Error;
use actas_store::mailbox::{Content, Mailboxes, Upload};
use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use uuid::Uuid;

/// Base64 digits on one line of a MIME part.
const LINE_DIGITS: usize = 76;

/// A piece of what is sent.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Text(Bytes),
    File(Upload, Form),
    /// Other pieces, in Base64.
    Encoded(Vec<Self>),
}

/// How a file is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// As it is.
    Bytes,
    /// Base64.
    Digits,
    /// Base64 in lines (RFC 2045 §6.8).
    Lines,
}

impl Piece {
    /// A content as it is.
    pub(crate) fn of(content: Content) -> Self {
        match content {
            Content::Bytes(bytes) => Self::Text(bytes.into()),
            Content::Upload(upload) => Self::File(upload, Form::Bytes),
        }
    }

    fn length(&self) -> u64 {
        let digits = |size: u64| size.div_ceil(3) * 4;
        match self {
            Self::Text(text) => text.len() as u64,
            Self::File(upload, Form::Bytes) => upload.size,
            Self::File(upload, Form::Digits) => digits(upload.size),
            Self::File(upload, Form::Lines) => {
                let digits = digits(upload.size);
                digits + 2 * digits.div_ceil(LINE_DIGITS as u64)
            }
            Self::Encoded(pieces) => digits(pieces.iter().map(Self::length).sum()),
        }
    }
}

/// Pieces one after another.
#[derive(Debug)]
pub(crate) struct Reel {
    mailboxes: Mailboxes,
    pieces: VecDeque<Piece>,
    /// The next part of the file that comes first.
    part: i64,
    /// What comes first is read in here, if it is encoded, with what is too short for a digit.
    inner: Option<(Box<Self>, Vec<u8>)>,
}

type Next<'a> = Pin<Box<dyn Future<Output = Result<Option<Bytes>, Error>> + Send + 'a>>;

impl Reel {
    pub(crate) fn new(mailboxes: Mailboxes, pieces: impl IntoIterator<Item = Piece>) -> Self {
        Self { mailboxes, pieces: pieces.into_iter().collect(), part: 0, inner: None }
    }

    fn length(&self) -> u64 {
        self.pieces.iter().map(Piece::length).sum()
    }

    /// The next bytes; none at the end.
    pub(crate) fn next(&mut self) -> Next<'_> {
        Box::pin(async move {
            loop {
                let Some(first) = self.pieces.front() else { return Ok(None) };
                let read = match first {
                    Piece::Text(text) => {
                        let text = text.clone();
                        self.pieces.pop_front();
                        Some(text)
                    }
                    Piece::File(upload, form) => {
                        let (upload, form) = (*upload, *form);
                        self.file(upload, form).await?
                    }
                    Piece::Encoded(pieces) => {
                        if self.inner.is_none() {
                            let inner = Self::new(self.mailboxes.clone(), pieces.iter().cloned());
                            self.inner = Some((Box::new(inner), Vec::new()));
                        }
                        self.encoded().await?
                    }
                };
                if let Some(read) = read.filter(|read| !read.is_empty()) {
                    return Ok(Some(read));
                }
            }
        })
    }

    async fn file(&mut self, upload: Upload, form: Form) -> Result<Option<Bytes>, Error> {
        let Some(bytes) = self.mailboxes.upload_part(upload.id, self.part).await? else {
            self.pieces.pop_front();
            self.part = 0;
            return Ok(None);
        };
        self.part += 1;
        Ok(Some(match form {
            Form::Bytes => bytes.into(),
            Form::Digits => STANDARD.encode(bytes).into(),
            Form::Lines => lines(&bytes).into(),
        }))
    }

    async fn encoded(&mut self) -> Result<Option<Bytes>, Error> {
        let Some((inner, carried)) = &mut self.inner else { return Ok(None) };
        let digits = if let Some(bytes) = inner.next().await? {
            carried.extend_from_slice(&bytes);
            let rest = carried.split_off(carried.len() / 3 * 3);
            STANDARD.encode(std::mem::replace(carried, rest))
        } else {
            let last = STANDARD.encode(carried);
            self.inner = None;
            self.pieces.pop_front();
            last
        };
        Ok(Some(digits.into()))
    }

    /// All bytes at once.
    pub(crate) async fn collect(mut self) -> Result<Vec<u8>, Error> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next().await? {
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }

    /// The body of an answer. If a file goes away while it is read, the connection ends before the
    /// length that was announced is reached.
    pub(crate) fn into_body(self) -> (HeaderValue, Body) {
        let length = self.length();
        let stream = futures_util::stream::try_unfold((self, length), |(mut reel, left)| async move {
            match reel.next().await {
                Ok(Some(bytes)) => {
                    let left = left.saturating_sub(bytes.len() as u64);
                    Ok(Some((bytes, (reel, left))))
                }
                Ok(None) if left == 0 => Ok(None),
                Ok(None) => Err(std::io::Error::other("a file went away while it was sent")),
                Err(error) => {
                    tracing::error!(%error, "a file cannot be read");
                    Err(std::io::Error::other("a file cannot be read"))
                }
            }
        });
        (HeaderValue::from(length), Body::from_stream(stream))
    }
}

/// Base64 in lines. Parts hold whole lines, but for the last.
fn lines(bytes: &[u8]) -> String {
    let mut lines = String::with_capacity(bytes.len() / 54 * LINE_DIGITS);
    for line in bytes.chunks(LINE_DIGITS / 4 * 3) {
        STANDARD.encode_string(line, &mut lines);
        lines.push_str("\r\n");
    }
    lines
}

/// Files that go into an answer in place of marks, once it is written.
#[derive(Debug)]
pub(crate) struct Splices {
    marks: Marks,
    /// By number.
    pieces: Mutex<Vec<Piece>>,
}

// === impl Splices ===

impl Splices {
    pub(crate) fn new() -> Self {
        Self { marks: Marks::new(Uuid::new_v4()), pieces: Mutex::default() }
    }

    /// What is written in place of a piece: nothing else contains it.
    pub(crate) fn mark(&self, piece: Piece) -> Vec<u8> {
        let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.push(piece);
        self.marks.mark(pieces.len() - 1)
    }

    /// What an answer calls a content: its bytes, or a mark for those of a large file.
    pub(crate) fn content(&self, content: Content) -> Vec<u8> {
        match content {
            Content::Bytes(bytes) => bytes,
            Content::Upload(upload) => self.mark(Piece::File(upload, Form::Digits)),
        }
    }

    /// The pieces of a text in which marks stand in Base64, in the order in which they were made; what
    /// was not written after all is left out. `after` follows each mark, and goes with it.
    pub(crate) fn pieces(self, text: &[u8], after: &str) -> Vec<Piece> {
        let mut all = Vec::new();
        let mut rest = text;
        for (number, piece) in self.pieces.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().enumerate()
        {
            let mark = STANDARD.encode(self.marks.mark(number)) + after;
            if let Some(at) = find(rest, mark.as_bytes()) {
                all.push(Piece::Text(Bytes::copy_from_slice(&rest[..at])));
                all.push(piece);
                rest = &rest[at + mark.len()..];
            }
        }
        all.push(Piece::Text(Bytes::copy_from_slice(rest)));
        all
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// An answer with the files in it.
    pub(crate) async fn into_response(self, response: Response, mailboxes: &Mailboxes) -> Response {
        if self.is_empty() {
            return response;
        }
        let (mut parts, body) = response.into_parts();
        // What is in memory can be read.
        let text = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let (length, body) = Reel::new(mailboxes.clone(), self.pieces(&text, "")).into_body();
        parts.headers.insert(CONTENT_LENGTH, length);
        Response::from_parts(parts, body)
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = wanted.first()?;
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|byte| byte == first) {
        if text[from + at..].starts_with(wanted) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}
