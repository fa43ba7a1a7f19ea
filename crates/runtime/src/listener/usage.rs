//! What a connection is used for, as those see it who answer: bytes alone do not tell, since
//! a peer can send pings for ever.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::Extension;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// The most bytes that are handed over at once. What was handed over is out of sight: a peer
/// that takes less than this much within the time that is allowed seems not to read at all.
const PART_BYTES_MAX: usize = 64 * 1024;

/// What happens on one connection.
#[derive(Debug, Default)]
pub(super) struct Usage {
    /// Requests that came and parts of answers that were taken.
    moves: AtomicU64,
    /// Requests and answers on which we work, so that the peer can only wait.
    ours: AtomicUsize,
}

impl Usage {
    /// How much has happened, or none while the peer waits for us.
    pub(super) fn moves(&self) -> Option<u64> {
        // The order matters not: whoever ends work of ours counts a move first.
        (self.ours.load(Ordering::Acquire) == 0).then(|| self.moves.load(Ordering::Acquire))
    }
}

/// Work of ours on a connection, until it is dropped.
#[derive(Debug)]
struct Work(Arc<Usage>);

impl Work {
    fn begin(usage: &Arc<Usage>) -> Self {
        usage.ours.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(usage))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.0.moves.fetch_add(1, Ordering::AcqRel);
        self.0.ours.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Counts a request and its answer as use of the connection that they are on.
pub(super) async fn count(Extension(usage): Extension<Arc<Usage>>, request: Request, next: Next) -> Response {
    let _work = Work::begin(&usage);
    next.run(request).await.map(|body| Body::new(Counted { body, rest: Bytes::new(), usage, work: None }))
}

/// The body of an answer, in parts whose taking counts.
#[derive(Debug)]
struct Counted {
    body: Body,
    /// What is left of the last part that was made.
    rest: Bytes,
    usage: Arc<Usage>,
    /// While the next part is being made.
    work: Option<Work>,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            let made = Pin::new(&mut self.body).poll_frame(context);
            if made.is_pending() {
                self.work = self.work.take().or_else(|| Some(Work::begin(&self.usage)));
                return Poll::Pending;
            }
            self.work = None;
            match made {
                Poll::Ready(Some(Ok(frame))) if frame.is_data() => {
                    self.rest = frame.into_data().unwrap_or_default();
                }
                other => return other,
            }
        }
        self.usage.moves.fetch_add(1, Ordering::AcqRel);
        let bytes = self.rest.len().min(PART_BYTES_MAX);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, mut hint) = (self.rest.len() as u64, self.body.size_hint());
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(hint.lower().saturating_add(rest));
        hint
    }
}
