//! The on-premises side: settings, tokens, discovery, the Storage Service, renewal.
//!
//! **Invariant:** never calls cloud code. Everything it wants of a cloud it asks over
//! HTTPS, so the same code works against the real one.

mod acquire;
mod adaptor;
mod breaker;
mod certificates;
mod connectivity;
mod deliver;
mod discover;
mod error;
mod ews;
mod files;
mod flush;
mod graph;
mod graph_mail;
mod health;
pub mod intake;
mod item;
mod maintenance;
mod metadata;
mod metrics;
mod notification;
mod oauth_test;
mod outlet;
mod publish;
mod refresh;
mod renew;
mod schedule;
mod session;
mod settings;
mod sign_in;
mod sign_in_server;
pub mod source;
mod storage;
mod storage_settings;
mod trace;
mod upload;
mod verdict;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Instant;

use actas_runtime::config::IdProfile;
use actas_runtime::event::Space;
use actas_runtime::{HttpClient, SharedClock};
use actas_store::events::EventLog;
use actas_store::queue::Queue;
use actas_store::settings::Settings;
use actas_store::{Database, Schema};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex, Notify};

pub use acquire::{ActorToken, TokenFailure};
pub use certificates::{AssignedCertificate, CertificateStore, PendingRequest, Use, certificate_in};
pub use connectivity::{ConnectivityReport, ConnectivityTest, Phase};
pub use discover::DiscoverFailure;
pub use error::{Error, ErrorKind};
pub use flush::{FlushKind, Flushed, Imported};
pub use graph::{GraphClient, MadePassword, Organization, PrincipalKey};

pub use item::{ATTACHMENT_BYTES_MAX, Attachment, Component, Property, StorageItem, TargetFolder};
pub use maintenance::Maintenance;
pub use notification::NotificationTest;
pub use oauth_test::{OAuthService, OAuthTest, OAuthVerdict};
pub use outlet::Outlet;
pub use refresh::{METADATA_AGE_MAX, Refreshed};
pub use renew::{RenewOptions, RenewStage, RenewState};

pub use settings::{
    ConfigurationChange, NewOAuthServer, NewPartner, OAuthServerChange, Outcome, PartnerChange, PartnerProof,
};
pub use sign_in::{Begin, Connected, Connection, DevicePrompt, Discovered, Proof, Shown};
pub use sign_in_server::SignInServer;
pub use storage::{Deliverer, DeliveryOptions};
pub use storage_settings::{Channel, StorageConfiguration, StorageConfigurationChange};

/// The file of the on-premises database in its folder.
pub const DATABASE_FILE: &str = "onprem.db";

/// The on-premises side over one data folder. Cheap to clone.
#[derive(Clone)]
pub struct Agent(Arc<Inner>);

struct Inner {
    settings: Settings,
    queue: Queue,
    events: EventLog,
    certificates: CertificateStore,
    session: session::SessionFile,
    http: HttpClient,
    clock: SharedClock,
    tokens: acquire::TokenCache,
    discoveries: discover::Discoveries,
    mail_token: Mutex<Option<graph_mail::MailToken>>,
    storage_configuration: Mutex<Option<(i64, StorageConfiguration)>>,
    breakers: Arc<std::sync::Mutex<breaker::Breakers>>,
    metrics: Arc<metrics::Metrics>,
    /// The revision of the settings under which a success was noted.
    noted_success: AtomicI64,
    space: std::sync::Mutex<Option<(Instant, Space)>>,
    folder: PathBuf,
    /// When this process read which metadata document.
    metadata_read: std::sync::Mutex<HashMap<String, Timestamp>>,
    limiter: std::sync::Mutex<actas_runtime::event::RateLimiter>,
    wake: Arc<Notify>,
    /// Whether events have the ids of the vendor's article.
    ids_of_the_article: Arc<AtomicBool>,
}

/// Repeats of one failure within this time are counted, not written.
const REPEAT_WINDOW: SignedDuration = SignedDuration::from_mins(5);
const REPEAT_KEYS_MAX: usize = 10_000;

// === impl Inner ===

impl Inner {
    /// Over what is stored, with nothing in memory yet.
    fn over(
        settings: Settings,
        queue: Queue,
        events: EventLog,
        folder: &Path,
        http: HttpClient,
        clock: SharedClock,
    ) -> Self {
        Self {
            session: session::SessionFile::of(folder),
            certificates: CertificateStore::new(folder.join("certificates"), settings.clone()),
            settings,
            queue,
            events,
            http,
            clock,
            tokens: acquire::TokenCache::default(),
            discoveries: discover::Discoveries::default(),
            mail_token: Mutex::default(),
            storage_configuration: Mutex::default(),
            breakers: Arc::default(),
            metrics: Arc::default(),
            noted_success: AtomicI64::new(-1),
            space: std::sync::Mutex::default(),
            folder: folder.to_owned(),
            metadata_read: std::sync::Mutex::default(),
            limiter: std::sync::Mutex::new(actas_runtime::event::RateLimiter::new(REPEAT_WINDOW, REPEAT_KEYS_MAX)),
            wake: Arc::default(),
            ids_of_the_article: Arc::default(),
        }
    }
}

// === impl Agent ===

impl Agent {
    /// Opens, or makes, the on-premises side in a folder.
    pub fn open(folder: &Path, http: HttpClient, clock: SharedClock) -> Result<Self, Error> {
        let database = Database::open(&folder.join(DATABASE_FILE), Schema::OnPremises)?;
        let (settings, queue) = (Settings::new(database.clone()), Queue::new(database.clone()));
        Ok(Self(Arc::new(Inner::over(settings, queue, EventLog::new(database), folder, http, clock))))
    }

    /// The same side with another client. Tokens, addresses and circuits, which came of the
    /// old one, are forgotten; who still holds the old one, such as an intake, wakes the
    /// deliveries of this one and tells of them in its metrics.
    #[must_use]
    pub fn with_client(&self, http: HttpClient) -> Self {
        let old = &*self.0;
        *old.breakers.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = breaker::Breakers::default();
        let (settings, queue, events) = (old.settings.clone(), old.queue.clone(), old.events.clone());
        Self(Arc::new(Inner {
            certificates: old.certificates.clone(),
            breakers: Arc::clone(&old.breakers),
            metrics: Arc::clone(&old.metrics),
            wake: Arc::clone(&old.wake),
            ids_of_the_article: Arc::clone(&old.ids_of_the_article),
            ..Inner::over(settings, queue, events, &old.folder, http, old.clock.clone())
        }))
    }

    /// The event log.
    pub fn events(&self) -> &EventLog {
        &self.0.events
    }

    /// Under which ids events are written from now on.
    pub fn set_id_profile(&self, profile: IdProfile) {
        self.0.ids_of_the_article.store(profile == IdProfile::Article, Ordering::Relaxed);
    }

    /// The queue of the Storage Service.
    pub fn queue(&self) -> &Queue {
        &self.0.queue
    }

    /// Certificates and their slots.
    pub fn certificates(&self) -> &CertificateStore {
        &self.0.certificates
    }

    /// Where the on-premises side keeps its data.
    pub(crate) fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// The clock that everything here goes by.
    pub fn clock(&self) -> &SharedClock {
        &self.0.clock
    }
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Agent")
    }
}
