//! The one way in: whoever hands items in, over HTTP or as a source, comes through here.

use actas_store::queue::Put;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};

use super::Prepared;
use super::answer::Refusal;
use crate::Agent;

// === impl Agent ===

impl Agent {
    /// Checks the bearer token of a request.
    pub(crate) async fn check_bearer(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let presented = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let presented = presented.and_then(|text| {
            let (scheme, token) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        self.check_token(presented.ok_or_else(Refusal::no_token)?).await
    }

    /// Checks a token that was presented.
    pub(crate) async fn check_token(&self, presented: &str) -> Result<(), Refusal> {
        match self.intake_token_of(presented).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(Refusal::wrong_token()),
            Err(error) => Err(Refusal::of_agent(&error)),
        }
    }

    /// A queue that is full takes nothing, and loses nothing.
    pub(crate) async fn check_room(&self) -> Result<(), Refusal> {
        let space = self.space().await.map_err(|error| Refusal::of_agent(&error))?;
        if space.used < space.capacity {
            return Ok(());
        }
        Err(Refusal::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "Full",
            format!("the queue is full: {} of {} bytes are used", space.used, space.capacity),
        )
        .hint("`actas storage status` shows what waits; `Set-CsStorageServiceConfiguration -CapacityBytes` gives more room")
        .retry_after(60))
    }

    /// Accepts those that are items, in one write. When this returns they are on disk. What
    /// became of each of them, in order.
    pub(crate) async fn take_in(&self, prepared: &[Prepared]) -> Result<Vec<Put>, Refusal> {
        let (mut items, mut uploads) = (Vec::new(), Vec::new());
        for (item, upload) in prepared.iter().flatten() {
            items.push(item.clone());
            uploads.push(upload.clone());
        }
        let put = self.accept(&items, uploads.clone()).await.map_err(|error| Refusal::of_agent(&error))?;
        // What came a second time is there already, with its own files.
        for (upload, put) in uploads.iter().zip(&put) {
            if let (Some(upload), Put::Same | Put::Other) = (upload, put)
                && let Err(error) = self.queue().drop_upload(upload).await
            {
                tracing::warn!(%error, "an upload is left for the sweeper");
            }
        }
        Ok(put)
    }
}
