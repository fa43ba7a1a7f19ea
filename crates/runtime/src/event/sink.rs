//! Where events go.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

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

/// Writes each event as a line of JSON, from a thread of its own: who does not read the
/// stream loses lines, and holds nothing up.
pub struct LinesSink {
    lines: Option<mpsc::SyncSender<Event>>,
    ended: Mutex<mpsc::Receiver<()>>,
}

/// Lines that wait for the stream, and how long its end waits for them.
const LINES_MAX: usize = 1_000;
const LAST_LINES: Duration = Duration::from_secs(1);

impl LinesSink {
    /// A sink that writes to a stream.
    pub fn new(stream: Box<dyn Write + Send>) -> io::Result<Self> {
        let (lines, waiting) = mpsc::sync_channel(LINES_MAX);
        let (end, ended) = mpsc::channel();
        std::thread::Builder::new().name("event lines".to_owned()).spawn(move || {
            write_lines(stream, &waiting);
            // Nobody may listen any more.
            let _ = end.send(());
        })?;
        Ok(Self { lines: Some(lines), ended: Mutex::new(ended) })
    }
}

fn write_lines(mut stream: Box<dyn Write + Send>, waiting: &mpsc::Receiver<Event>) {
    while let Ok(event) = waiting.recv() {
        let written = serde_json::to_string(&event).map_err(io::Error::other).and_then(|line| {
            writeln!(stream, "{line}")?;
            stream.flush()
        });
        if let Err(error) = written {
            tracing::warn!(%error, id = event.id, "an event could not be written as a line");
        }
    }
}

impl EventSink for LinesSink {
    fn record(&self, event: Event) {
        let id = event.id;
        if self.lines.as_ref().is_some_and(|lines| lines.try_send(event).is_err()) {
            tracing::warn!(id, "an event is no line, since nobody reads them");
        }
    }
}

impl Drop for LinesSink {
    fn drop(&mut self) {
        self.lines.take();
        // A stream that stands still does not hold up the end.
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(LAST_LINES);
    }
}

impl fmt::Debug for LinesSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinesSink")
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
