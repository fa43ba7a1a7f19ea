//! Keeping fresh what other servers' metadata documents said when they were declared: where
//! tokens are issued, by which audiences, with which keys.

use std::time::Duration;

use actas_directory::onprem::{AuthToken, OAuthServer};
use actas_store::settings::{Kind, Versioned};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use uuid::Uuid;

use crate::Agent;
use crate::error::Error;
use crate::schedule::spread;
use crate::settings::check_pinned;

/// A document that was read this long ago is read again.
pub const METADATA_AGE_MAX: SignedDuration = SignedDuration::from_hours(8);
/// How often is looked for such documents, and with how much variation: many servers that
/// were started together shall not ask together.
const EVERY: Duration = Duration::from_mins(54);
const VARIATION: Duration = Duration::from_mins(12);

/// What came of reading documents again, by the names of the objects.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Refreshed {
    /// Those whose documents were as before.
    pub unchanged: Vec<String>,
    /// Those that are stored as their documents say now.
    pub changed: Vec<String>,
    /// Those that stay as they were, each with the reason: the document cannot be had, or
    /// speaks for somebody else.
    pub kept: Vec<(String, String)>,
}

impl Refreshed {
    fn keep(&mut self, name: String, error: &Error) {
        tracing::warn!(name, %error, "what was read of this metadata document before stays in use");
        self.kept.push((name, error.to_string()));
    }
}

// === impl Agent ===

impl Agent {
    /// Reads the metadata documents again that were read longer than `age` ago, or never by
    /// this process. What changed is stored, if the document still speaks for the same issuer
    /// and realm; else everything stays as it is.
    pub async fn refresh_metadata(&self, age: SignedDuration) -> Result<Refreshed, Error> {
        let mut refreshed = Refreshed::default();
        let stored: Vec<Versioned<OAuthServer>> = self.0.settings.all(Kind::OAuthServer).await?;
        for server in stored {
            let name = server.value.name.clone();
            if !self.is_due(&server.value.metadata_url, Some(server.value.refreshed), age) {
                continue;
            }
            match self.refresh_server(server).await {
                Ok(true) => refreshed.changed.push(name),
                Ok(false) => refreshed.unchanged.push(name),
                Err(error) => refreshed.keep(name, &error),
            }
        }
        // Of a partner nothing is kept that could grow old; that its document is somebody
        // else's by now is worth knowing before its certificate is what fails.
        for partner in self.partners().await? {
            let AuthToken::MetadataUrl(url) = &partner.auth_token else { continue };
            if !self.is_due(url, None, age) {
                continue;
            }
            let read = self.fetch_metadata(url).await.and_then(|metadata| check_pinned(&partner, &metadata));
            match read {
                Ok(()) => {
                    self.was_read(url);
                    refreshed.unchanged.push(partner.name);
                }
                Err(error) => refreshed.keep(partner.name, &error),
            }
        }
        Ok(refreshed)
    }

    /// Refreshes now and then, until `stop` becomes true. What fails is tried again with the
    /// next look.
    pub async fn keep_metadata_fresh(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            // A server that hangs is not waited for when this one is to stop.
            let done = tokio::select! {
                done = self.refresh_metadata(METADATA_AGE_MAX) => done,
                _ = stop.changed() => continue,
            };
            if let Err(error) = done {
                tracing::error!(%error, "the metadata of the trust could not be refreshed");
            }
            let seed = Uuid::new_v4().as_u64_pair().0;
            tokio::select! {
                () = tokio::time::sleep(EVERY + spread(VARIATION, seed)) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Tells whether anything but the time of reading changed.
    async fn refresh_server(&self, stored: Versioned<OAuthServer>) -> Result<bool, Error> {
        let before = stored.value;
        let url = before.metadata_url.clone();
        let document = self.fetch_document(&url).await?;
        let fresh = self.reread(before.clone(), &url, &document)?;
        let same = OAuthServer { refreshed: before.refreshed, ..fresh.clone() } == before;
        if !same {
            // Whoever changed it meanwhile has read the document as well.
            self.0.settings.update(Kind::OAuthServer, &before.name, stored.version, &fresh).await?;
            self.changed("actas serve", "OAuthServer", &before.name).await?;
        }
        self.was_read(&url);
        Ok(!same)
    }

    fn is_due(&self, url: &str, stored: Option<Timestamp>, age: SignedDuration) -> bool {
        let now = self.0.clock.now();
        let read = self.0.metadata_read.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(url).copied();
        // A time in the future is of a clock that was set back.
        read.max(stored).is_none_or(|read| now.duration_since(read) >= age || read > now)
    }

    fn was_read(&self, url: &str) {
        let mut read = self.0.metadata_read.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if read.len() >= URLS_MAX {
            read.clear();
        }
        read.insert(url.to_owned(), self.0.clock.now());
    }
}

/// Addresses that are remembered.
const URLS_MAX: usize = 1_000;
