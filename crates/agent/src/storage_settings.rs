//! The configuration of the Storage Service (`CsStorageServiceConfiguration`): the one
//! object `global`. A running server takes a change up at its next look at the queue.

use actas_store::settings::Kind;
use serde::{Deserialize, Serialize};

use crate::Agent;
use crate::error::Error;

const GLOBAL: &str = "global";
/// The least room that the queue can be given.
const CAPACITY_BYTES_MIN: u64 = 1024 * 1024;

/// The way into mailboxes.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum Channel {
    /// Exchange Web Services, as the user.
    #[default]
    Ews,
    /// Graph mail, as the application that `Connect-MsolService` named.
    Graph,
}

impl Channel {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ews => "Ews",
            Self::Graph => "Graph",
        }
    }
}

/// The configuration of the Storage Service.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct StorageConfiguration {
    /// Whether files of a flush that fullness caused are brought back when there is room.
    pub enable_auto_import_flushed_data: bool,
    /// Kept for scripts; has no effect.
    pub enable_fabric_replication_set_reduction: bool,
    /// Kept for scripts; has no effect.
    pub enable_async_adaptor_task_abort: bool,
    /// Kept for scripts; has no effect.
    pub fabric_invalid_state_timeout_duration: u64,
    /// The way into mailboxes.
    pub delivery: Channel,
    /// The most bytes of the on-premises database; fullness is measured against it.
    pub capacity_bytes: u64,
}

impl Default for StorageConfiguration {
    fn default() -> Self {
        Self {
            enable_auto_import_flushed_data: true,
            enable_fabric_replication_set_reduction: false,
            enable_async_adaptor_task_abort: false,
            fabric_invalid_state_timeout_duration: 0,
            delivery: Channel::Ews,
            // The limit of the database that the original keeps its queue in.
            capacity_bytes: 10 * 1024 * 1024 * 1024,
        }
    }
}

/// What to change; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct StorageConfigurationChange {
    /// See [`StorageConfiguration::enable_auto_import_flushed_data`].
    pub enable_auto_import_flushed_data: Option<bool>,
    /// See [`StorageConfiguration::enable_fabric_replication_set_reduction`].
    pub enable_fabric_replication_set_reduction: Option<bool>,
    /// See [`StorageConfiguration::enable_async_adaptor_task_abort`].
    pub enable_async_adaptor_task_abort: Option<bool>,
    /// See [`StorageConfiguration::fabric_invalid_state_timeout_duration`].
    pub fabric_invalid_state_timeout_duration: Option<u64>,
    /// See [`StorageConfiguration::delivery`].
    pub delivery: Option<Channel>,
    /// See [`StorageConfiguration::capacity_bytes`].
    pub capacity_bytes: Option<u64>,
}

// === impl Agent ===

impl Agent {
    /// The configuration of the Storage Service.
    pub async fn storage_configuration(&self) -> Result<StorageConfiguration, Error> {
        let stored = self.0.settings.get(Kind::StorageService, GLOBAL).await?;
        Ok(stored.map(|stored| stored.value).unwrap_or_default())
    }

    /// Changes the configuration of the Storage Service.
    pub async fn set_storage_configuration(&self, change: &StorageConfigurationChange) -> Result<(), Error> {
        if let Some(bytes) = change.capacity_bytes.filter(|bytes| *bytes < CAPACITY_BYTES_MIN) {
            return Err(Error::invalid(format!(
                "a capacity of {bytes} bytes holds nothing; give {CAPACITY_BYTES_MIN} or more"
            )));
        }
        let now = self.storage_configuration().await?;
        let new = StorageConfiguration {
            enable_auto_import_flushed_data: change
                .enable_auto_import_flushed_data
                .unwrap_or(now.enable_auto_import_flushed_data),
            enable_fabric_replication_set_reduction: change
                .enable_fabric_replication_set_reduction
                .unwrap_or(now.enable_fabric_replication_set_reduction),
            enable_async_adaptor_task_abort: change
                .enable_async_adaptor_task_abort
                .unwrap_or(now.enable_async_adaptor_task_abort),
            fabric_invalid_state_timeout_duration: change
                .fabric_invalid_state_timeout_duration
                .unwrap_or(now.fabric_invalid_state_timeout_duration),
            delivery: change.delivery.unwrap_or(now.delivery),
            capacity_bytes: change.capacity_bytes.unwrap_or(now.capacity_bytes),
        };
        Ok(self.0.settings.put(Kind::StorageService, GLOBAL, &new).await?)
    }

    /// As last read; a change is noticed by the settings' revision.
    pub(crate) async fn storage_settings_cached(&self) -> Result<StorageConfiguration, Error> {
        let revision = self.0.settings.revision().await?;
        let mut cached = self.0.storage_configuration.lock().await;
        if let Some((known, configuration)) = cached.as_ref()
            && *known == revision
        {
            return Ok(configuration.clone());
        }
        let configuration = self.storage_configuration().await?;
        *cached = Some((revision, configuration.clone()));
        Ok(configuration)
    }

    /// Forgets what was learnt under earlier settings, and has everything tried at once.
    pub(crate) async fn take_up_settings(&self) -> Result<(), Error> {
        tracing::info!("the settings changed and are taken up");
        self.0.tokens.clear().await;
        self.0.discoveries.clear().await;
        self.0.mail_token.lock().await.take();
        self.0.breakers.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
        Ok(self.0.queue.all_due(self.0.clock.now()).await?)
    }
}
