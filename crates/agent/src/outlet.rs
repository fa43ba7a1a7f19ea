//! Events on their way out of the event log, to the machine's log, a stream, a web server.
//!
//! The log is the queue: a task for each outlet reads behind what it has told, so nothing
//! waits for an outlet, and events of commands beside the server are told as well. What
//! happened before the server started is not told again.

use std::time::Duration;

use actas_runtime::Event;
use actas_runtime::event::{SharedSink, Webhook};
use actas_store::events::EventRow;
use tokio::sync::watch;
use uuid::Uuid;

use crate::Agent;
use crate::error::Error;

/// How often the log is looked at for what was appended.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long the log is left alone after it could not be read.
const PAUSE: Duration = Duration::from_secs(5);
/// Events of one look.
const EVENTS_MAX: i64 = 100;
/// Events that may wait for one outlet; of more the oldest are passed over, and counted.
const BACKLOG_MAX: i64 = 10_000;

/// Where events go.
#[derive(Clone)]
pub enum Outlet {
    /// To something that takes them at once.
    Sink(SharedSink),
    /// To a web server.
    Webhook(Webhook),
}

// === impl Agent ===

impl Agent {
    /// The place behind which an outlet tells: the end of the log now.
    pub async fn end_of_events(&self) -> Result<i64, Error> {
        Ok(self.events().end().await?)
    }

    /// Tells events behind a place, until told to stop.
    pub async fn tell_events(self, outlet: Outlet, mut behind: i64, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let told = tokio::select! {
                told = self.tell_some(&outlet, &mut behind) => told,
                _ = stop.changed() => break,
            };
            let wait = match told {
                // There may be more.
                Ok(count) if count == usize::try_from(EVENTS_MAX).unwrap_or(0) => continue,
                Ok(_) => LOOK_EVERY,
                Err(error) => {
                    tracing::error!(%error, "the event log cannot be read, so nobody is told");
                    PAUSE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = stop.changed() => {}
            }
        }
        // What the end itself said. A web server may take long, and is not waited for.
        if matches!(outlet, Outlet::Sink(_))
            && let Err(error) = self.tell_some(&outlet, &mut behind).await
        {
            tracing::error!(%error, "the last events are told to nobody");
        }
    }

    async fn tell_some(&self, outlet: &Outlet, behind: &mut i64) -> Result<usize, Error> {
        let end = self.end_of_events().await?;
        if end - *behind > BACKLOG_MAX {
            let passed = end - *behind - BACKLOG_MAX;
            tracing::warn!(passed, "events are passed over, since an outlet does not keep up; the event log has them");
            *behind += passed;
        }
        let rows = self.events().page(*behind, EVENTS_MAX).await?;
        for row in &rows {
            outlet.tell(row).await;
            *behind = row.number;
        }
        Ok(rows.len())
    }
}

// === impl Outlet ===

impl Outlet {
    async fn tell(&self, row: &EventRow) {
        match self {
            Self::Sink(sink) => match serde_json::from_str::<Event>(&row.document) {
                Ok(event) => sink.record(event),
                Err(error) => tracing::error!(%error, number = row.number, "an event cannot be read"),
            },
            Self::Webhook(webhook) => {
                let spread = f64::from(Uuid::new_v4().as_bytes()[0]) / 255.0;
                if let Err(error) = webhook.send(&row.document, spread).await {
                    tracing::warn!(%error, number = row.number, "an event is told to no web server; the event log has it");
                }
            }
        }
    }
}
