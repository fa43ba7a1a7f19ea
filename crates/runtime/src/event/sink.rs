//! Where events go.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Event, Level};

/// Takes events. It must neither block for long nor fail loudly.
pub trait EventSink: Send + Sync {
    /// Takes one.
    fn record(&self, event: Event);
}

/// A sink that many hold.
pub type SharedSink = Arc<dyn EventSink>;

/// Keeps events in memory, for tests and demonstrations.
#[derive(Debug, Default)]
pub struct MemorySink(Mutex<Vec<Event>>);

impl MemorySink {
    /// What was recorded, in order.
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl EventSink for MemorySink {
    fn record(&self, event: Event) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}

/// Writes events to the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingSink;

impl EventSink for TracingSink {
    fn record(&self, event: Event) {
        let Event { id, source, message, .. } = event;
        match event.level {
            Level::Information => tracing::info!(id, source, "{message}"),
            Level::Warning => tracing::warn!(id, source, "{message}"),
            Level::Error => tracing::error!(id, source, "{message}"),
        }
    }
}
