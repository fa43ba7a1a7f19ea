//! What a monitoring system is told: the queue, the circuits, the certificate and the events,
//! in the text format of OpenMetrics 1.0, which Prometheus reads.
//!
//! No label holds a mailbox, a host or anything else that others choose: the number of series
//! is fixed.

use std::time::{Duration, Instant};

use actas_runtime::event::Event;
use actas_store::queue::{Counts, Put, Settled};
use prometheus_client::encoding::EncodeLabelValue;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::Mutex;

use crate::Agent;
use crate::certificates::Use;
use crate::error::Error;

/// OpenMetrics 1.0, "Overall Structure".
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// For how long a count of the queue is believed: counting a long one takes a while.
const COUNTS_AGE_MAX: Duration = Duration::from_secs(5);

/// What is counted as it happens, from the start of the process on.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    accepted: Counter,
    delivered: Counter,
    failed: Counter,
    given_up: Counter,
    events: Family<[(&'static str, u32); 1], Counter>,
    counts: Mutex<Option<(Instant, Counts)>>,
}

// === impl Metrics ===

impl Metrics {
    /// Items were put: those that are new are accepted.
    pub(crate) fn accepted(&self, put: &[Put]) {
        self.accepted.inc_by(put.iter().filter(|put| **put == Put::New).count() as u64);
    }

    /// A turn of a mailbox was noted.
    pub(crate) fn settled(&self, settled: &[Settled]) {
        for outcome in settled {
            match outcome {
                Settled::Delivered { .. } => self.delivered.inc(),
                Settled::GivenUp { .. } => self.given_up.inc(),
                Settled::Retry { .. } => self.failed.inc(),
            };
        }
    }

    /// An event is written.
    pub(crate) fn event(&self, event: &Event) {
        self.events.get_or_create(&[("id", event.id)]).inc();
    }
}

// === impl Agent ===

impl Agent {
    /// Everything that is told, as of now.
    pub(crate) async fn metrics(&self) -> Result<String, Error> {
        let mut told = Registry::with_prefix("actas");
        self.tell_queue(&mut told).await?;
        self.tell_certificate(&mut told).await?;
        let Metrics { accepted, delivered, failed, given_up, events, .. } = &*self.0.metrics;
        told.register("storage_accepted_items", "Items that were accepted", accepted.clone());
        told.register("storage_delivered_items", "Items that were delivered", delivered.clone());
        told.register("storage_failed_attempts", "Deliveries that will be tried again", failed.clone());
        told.register("storage_given_up_items", "Items that were set aside", given_up.clone());
        told.register("events", "Events that were written, by their id", events.clone());
        let mut text = String::new();
        encode(&mut text, &told).map_err(|error| Error::machine(error.to_string()))?;
        Ok(text)
    }

    async fn tell_queue(&self, told: &mut Registry) -> Result<(), Error> {
        let (queue, now) = (self.queue(), self.0.clock.now());
        let counts = self.counts().await?;
        let by_state = [
            ("queued", counts.queued),
            ("delivered", counts.delivered),
            ("given_up", counts.given_up),
            ("flushed", counts.flushed),
        ];
        told.register("storage_items", "Items by what became of them", by("state", by_state));
        let (waiting, delayed) = (queue.owners().await?, queue.owners_held(now).await?);
        let mailboxes = by("state", [("due", (waiting - delayed).max(0)), ("held", delayed)]);
        told.register(
            "storage_mailboxes",
            "Mailboxes with queued items; held until a failure is tried again",
            mailboxes,
        );
        let age = queue.oldest().await?.map_or(0, |oldest| now.duration_since(oldest).as_secs().max(0));
        let help = "Age of the item that is queued for longest";
        told.register_with_unit("storage_oldest_item_age", help, Unit::Seconds, gauge(age));
        let space = self.space().await?;
        told.register_with_unit("storage_used", "Size of the queue", Unit::Bytes, gauge(bounded(space.used)));
        let help = "Size at which the queue takes no more";
        told.register_with_unit("storage_capacity", help, Unit::Bytes, gauge(bounded(space.capacity)));
        let open = bounded(self.unavailable_targets().len() as u64);
        told.register("storage_open_circuits", "Targets that are left alone since they do not answer", gauge(open));
        Ok(())
    }

    /// When the certificates end that tokens are, were and will be asked for with.
    async fn tell_certificate(&self, told: &mut Registry) -> Result<(), Error> {
        let assigned = self.0.certificates.assigned(Use::OAuthTokenIssuer, self.0.clock.now()).await?;
        let ends = assigned.iter().map(|one| (one.slot, one.certificate.not_after().as_second()));
        let help = "When a certificate of the use OAuthTokenIssuer ends, in seconds of Unix time";
        told.register_with_unit("certificate_end_timestamp", help, Unit::Seconds, by("slot", ends));
        Ok(())
    }

    async fn counts(&self) -> Result<Counts, Error> {
        let mut known = self.0.metrics.counts.lock().await;
        if let Some((_, counts)) = known.as_ref().filter(|(since, _)| since.elapsed() < COUNTS_AGE_MAX) {
            return Ok(*counts);
        }
        let counts = self.queue().counts().await?;
        *known = Some((Instant::now(), counts));
        Ok(counts)
    }
}

fn gauge(value: i64) -> Gauge {
    let gauge = Gauge::default();
    gauge.set(value);
    gauge
}

fn by<V>(label: &'static str, values: impl IntoIterator<Item = (V, i64)>) -> Family<[(&'static str, V); 1], Gauge>
where
    V: Clone + Eq + std::hash::Hash + EncodeLabelValue,
{
    let family = Family::<[(&'static str, V); 1], Gauge>::default();
    for (value, number) in values {
        family.get_or_create(&[(label, value)]).set(number);
    }
    family
}

fn bounded(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
