//! Signals: SIGTERM and SIGINT ask to stop, SIGHUP asks to read the configuration again.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::problem::Problem;

/// Becomes true when the process is asked to stop.
pub(crate) struct Stop(watch::Receiver<bool>);

/// Listens for the signals that end a server. From now on they no longer end the process
/// by themselves.
pub(crate) fn stop() -> Result<Stop, Problem> {
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let (told, asked) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        // Nobody may be waiting any more.
        let _ = told.send(true);
    });
    Ok(Stop(asked))
}

/// Listens for SIGHUP.
pub(crate) fn reload() -> Result<Signal, Problem> {
    listen(SignalKind::hangup())
}

fn listen(kind: SignalKind) -> Result<Signal, Problem> {
    signal(kind).map_err(|error| Problem::failed("signals cannot be received").because(&error))
}

// === impl Stop ===

impl Stop {
    /// Waits until the process is asked to stop.
    pub(crate) async fn wait(mut self) {
        // The sender lives as long as the task above; if that is gone, so are we.
        let _ = self.0.wait_for(|asked| *asked).await;
    }
}
