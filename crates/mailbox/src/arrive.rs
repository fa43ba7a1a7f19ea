//! A request on its way in: what is short stays in memory, and long contents go to the store as they
//! arrive. They are there before the item is, and removed again if no item names them in the end.

use actas_exchange::ews::sieve::{Marks, Sieve, Taken};
use actas_runtime::SharedClock;
use actas_store::Error;
use actas_store::mailbox::{Content, Mailboxes, Upload};
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use jiff::SignedDuration;
use uuid::Uuid;

use crate::MailboxServer;
use crate::answer::Answer;
use crate::config::MailboxConfig;

/// Requests up to this size are read as they are.
const WHOLE_BYTES_MAX: usize = 256 * 1024;
/// How long an upload may lie around that no item names: longer than any request takes.
const LOOSE_FOR: SignedDuration = SignedDuration::from_mins(10);

/// A request that is here.
#[derive(Debug)]
pub(crate) struct Arrived {
    /// The request without its long contents.
    pub(crate) body: Bytes,
    pub(crate) contents: Contents,
}

/// The long contents of a request, which marks stand for.
#[derive(Debug)]
pub(crate) struct Contents {
    marks: Marks,
    uploads: Vec<Upload>,
}

// === impl Contents ===

impl Contents {
    /// A request without long contents.
    pub(crate) fn none() -> Self {
        Self { marks: Marks::new(Uuid::new_v4()), uploads: Vec::new() }
    }

    /// What a request calls a content: the bytes themselves, or those that they stand for.
    pub(crate) fn of(&self, bytes: Vec<u8>) -> Content {
        match self.marks.number(&bytes).and_then(|number| self.uploads.get(number)) {
            Some(upload) => Content::Upload(*upload),
            None => Content::Bytes(bytes),
        }
    }

    /// How many bytes a content has.
    pub(crate) fn size(&self, bytes: &[u8]) -> u64 {
        let upload = self.marks.number(bytes).and_then(|number| self.uploads.get(number));
        upload.map_or(bytes.len() as u64, |upload| upload.size)
    }

    /// Removes what no item names. What fails here is swept later.
    pub(crate) async fn drop_loose(self, mailboxes: &Mailboxes) {
        for upload in self.uploads {
            if let Err(error) = mailboxes.drop_upload(upload.id).await {
                tracing::warn!(%error, "an upload that no item names stays for a while");
            }
        }
    }
}

/// The most bytes of a request on the wire: Base64 with line breaks takes less than half as much
/// again as the bytes.
fn wire_bytes_max(config: &MailboxConfig) -> usize {
    let contents = config.item_bytes_max.saturating_add(config.item_bytes_max / 2);
    config.request_bytes_max.saturating_add(usize::try_from(contents).unwrap_or(usize::MAX))
}

/// Reads an EWS request of a caller who is admitted.
pub(crate) async fn read(
    config: &MailboxConfig,
    mailboxes: &Mailboxes,
    clock: &SharedClock,
    headers: &HeaderMap,
    body: Body,
) -> Result<Arrived, Answer> {
    let bytes_max = wire_bytes_max(config);
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > bytes_max) {
        return Err(Answer::TooLarge);
    }
    let mut body = Limited::new(body, bytes_max);
    let mut whole = BytesMut::new();
    let whole_max = WHOLE_BYTES_MAX.min(config.request_bytes_max);
    while whole.len() <= whole_max {
        match next(&mut body).await? {
            Some(piece) => whole.extend_from_slice(&piece),
            None => return Ok(Arrived { body: whole.freeze(), contents: Contents::none() }),
        }
    }
    let mut arriving = Arriving {
        mailboxes,
        clock,
        item_bytes_max: u64::try_from(config.item_bytes_max).unwrap_or(0),
        marks: Marks::new(Uuid::new_v4()),
        uploads: Vec::new(),
    };
    let mut sieve = Sieve::new(arriving.marks, config.request_bytes_max);
    let mut piece = Some(whole.freeze());
    let outcome = loop {
        let Some(bytes) = piece else { break Ok(()) };
        if sieve.push(&bytes).is_err() {
            break Err(Answer::TooLarge);
        }
        if let Err(error) = arriving.store(sieve.taken()).await {
            tracing::error!(%error, "a content cannot be stored");
            break Err(Answer::Unavailable);
        }
        piece = match next(&mut body).await {
            Ok(piece) => piece,
            Err(refused) => break Err(refused),
        };
    };
    let contents = arriving.contents();
    match outcome {
        Ok(()) => Ok(Arrived { body: sieve.finish().into(), contents }),
        Err(refused) => {
            contents.drop_loose(mailboxes).await;
            Err(refused)
        }
    }
}

async fn next(body: &mut Limited<Body>) -> Result<Option<Bytes>, Answer> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            // What is no data is a trailer, and says nothing.
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Some(Err(error)) if error.is::<LengthLimitError>() => return Err(Answer::TooLarge),
            Some(Err(_)) => return Err(Answer::BadRequest),
        }
    }
}

/// Contents that are being stored.
struct Arriving<'a> {
    mailboxes: &'a Mailboxes,
    clock: &'a SharedClock,
    item_bytes_max: u64,
    marks: Marks,
    /// By number; of a size that grows with each part.
    uploads: Vec<Upload>,
}

impl Arriving<'_> {
    /// Of a content that no item may hold only the size is kept, by which it will be refused.
    async fn store(&mut self, taken: Vec<Taken>) -> Result<(), Error> {
        for taken in taken {
            let Taken::Part { number, bytes } = taken else { continue };
            while self.uploads.len() <= number {
                self.uploads.push(Upload { id: Uuid::new_v4(), size: 0 });
            }
            let Some(upload) = self.uploads.get_mut(number) else { continue };
            let part = upload.size / actas_exchange::ews::sieve::PART_BYTES as u64;
            upload.size += bytes.len() as u64;
            if upload.size <= self.item_bytes_max {
                let part = i64::try_from(part).unwrap_or(i64::MAX);
                self.mailboxes.add_upload_part(upload.id, part, bytes, self.clock.now()).await?;
            }
        }
        Ok(())
    }

    fn contents(self) -> Contents {
        Contents { marks: self.marks, uploads: self.uploads }
    }
}

// === impl MailboxServer ===

impl MailboxServer {
    /// Removes a part of what was uploaded for items that never came, or are gone: all of it, if it is
    /// called now and then. Gives how many files it removed.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn sweep(&self) -> Result<usize, Error> {
        let before = self.0.clock.now().saturating_sub(LOOSE_FOR).unwrap_or(jiff::Timestamp::MIN);
        self.0.mailboxes.sweep_uploads(before).await
    }
}
