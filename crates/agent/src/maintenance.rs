//! What the Storage Service does for itself: watching its size, sweeping what was
//! abandoned, forgetting what was delivered, bringing flushed items back.

use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use actas_runtime::event::{self, Space};
use jiff::SignedDuration;
use tokio::sync::watch;

use crate::Agent;
use crate::error::Error;
use crate::flush::FlushKind;

/// How often it looks.
const EVERY: Duration = Duration::from_secs(15);
/// For how long the size is believed.
const SPACE_AGE_MAX: Duration = Duration::from_secs(1);
/// An upload that no item names by then was abandoned.
const ABANDONED: SignedDuration = SignedDuration::from_hours(2);
/// For how long a delivered item's key is remembered, and for how long when room is short.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24 * 7);
const REMEMBERED_SHORT: SignedDuration = SignedDuration::from_hours(1);
/// Hundredths from which a flush is made, and what is told.
const FLUSH: u64 = 60;
const ERROR: u64 = 80;
const CRITICAL: u64 = 90;
/// How often it flushes while it stays that full: more may be stuck by then.
const FLUSH_EVERY: Duration = Duration::from_mins(10);
/// Hundredths below which flushed items are brought back: well below those at which they
/// left, or they would go to and fro.
const IMPORT: u64 = 40;

/// How full it is.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
enum Level {
    #[default]
    Normal,
    Flush,
    Error,
    Critical,
}

impl Level {
    fn of(space: Space) -> Self {
        match space.percent() {
            CRITICAL.. => Self::Critical,
            ERROR.. => Self::Error,
            FLUSH.. => Self::Flush,
            _ => Self::Normal,
        }
    }
}

/// Looks after the queue of an agent.
pub struct Maintenance {
    agent: Agent,
    level: Level,
    flushed: Option<Instant>,
}

// === impl Maintenance ===

impl Maintenance {
    /// For an agent's queue.
    pub fn new(agent: Agent) -> Self {
        Self { agent, level: Level::Normal, flushed: None }
    }

    /// Looks every now and then, until `stop` becomes true.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            if let Err(error) = self.look().await {
                tracing::error!(%error, "the queue could not be looked after");
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Looks once.
    pub async fn look(&mut self) -> Result<(), Error> {
        let now = self.agent.0.clock.now();
        let queue = self.agent.queue();
        while queue.sweep_uploads(now - ABANDONED).await? > 0 {}
        let remembered = if self.level == Level::Normal { REMEMBERED } else { REMEMBERED_SHORT };
        while queue.forget_delivered(now - remembered).await? > 0 {}
        let space = self.agent.measure().await?;
        let level = Level::of(space);
        let before = std::mem::replace(&mut self.level, level);
        if level > before {
            let events = [
                (Level::Flush, event::space_flush(now, space)),
                (Level::Error, event::space_error(now, space)),
                (Level::Critical, event::space_critical(now, space)),
            ];
            for (at, event) in events {
                if at > before && at <= level {
                    self.agent.tell(event).await;
                }
            }
        } else if level == Level::Normal && before > Level::Normal {
            self.agent.tell(event::space_normal(now, space)).await;
        }
        let is_due = self.flushed.is_none_or(|flushed| flushed.elapsed() >= FLUSH_EVERY);
        if level > Level::Normal && (level > before || is_due) {
            self.flushed = Some(Instant::now());
            self.agent.flush(&FlushKind::Space, &self.folder(), Duration::ZERO).await?;
        }
        if space.percent() < IMPORT {
            self.bring_back().await?;
        }
        Ok(())
    }

    /// Where a flush for room writes, apart from those that somebody asked for.
    fn folder(&self) -> PathBuf {
        self.agent.flush_folder().join("space")
    }

    /// Brings one file back, the oldest; the next one comes with the next look.
    async fn bring_back(&self) -> Result<(), Error> {
        if !self.agent.storage_configuration().await?.enable_auto_import_flushed_data {
            return Ok(());
        }
        let Ok(entries) = std::fs::read_dir(self.folder()) else { return Ok(()) };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let oldest = paths.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).min();
        let Some(oldest) = oldest else { return Ok(()) };
        let imported = self.agent.import(&oldest, false).await?;
        tracing::info!(file = %oldest.display(), items = imported.items, restored = imported.restored, "flushed items are back");
        Ok(())
    }
}

// === impl Agent ===

impl Agent {
    /// How full the queue is, as of a moment ago.
    pub async fn space(&self) -> Result<Space, Error> {
        let known = *self.0.space.lock().unwrap_or_else(PoisonError::into_inner);
        match known {
            Some((measured, space)) if measured.elapsed() < SPACE_AGE_MAX => Ok(space),
            _ => self.measure().await,
        }
    }

    async fn measure(&self) -> Result<Space, Error> {
        let used = u64::try_from(self.0.queue.used_bytes().await?).unwrap_or(0);
        let space = Space { used, capacity: self.storage_settings_cached().await?.capacity_bytes };
        *self.0.space.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), space));
        Ok(space)
    }
}
