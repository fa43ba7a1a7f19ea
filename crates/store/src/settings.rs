//! On-premises settings: named documents of a kind.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::database::{Database, Unit};
use crate::error::{Error, ErrorKind};
use crate::value::{Row, to_document};

/// What a document is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// The certificate slots of one use.
    Certificates,
    /// How to reach the cloud's directory.
    Connection,
    /// A marker that something was observed once.
    Observed,
    /// The OAuth configuration.
    OAuthConfiguration,
    /// A trusted token service.
    OAuthServer,
    /// A token that opens the intake of the Storage Service, as a hash.
    IntakeToken,
    /// The other server product.
    PartnerApplication,
    /// A renewal under way.
    Renewal,
    /// The configuration of the Storage Service.
    StorageService,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Certificates => "certificates",
            Self::Connection => "connection",
            Self::IntakeToken => "intake token",
            Self::Observed => "observed",
            Self::OAuthConfiguration => "oauth configuration",
            Self::OAuthServer => "oauth server",
            Self::PartnerApplication => "partner application",
            Self::Renewal => "renewal",
            Self::StorageService => "storage service",
        }
    }
}

/// A document with the version that a later change must still find.
#[derive(Clone, Debug)]
pub struct Versioned<T> {
    /// The document.
    pub value: T,
    /// Its version.
    pub version: i64,
}

/// The settings in an on-premises database.
#[derive(Clone, Debug)]
pub struct Settings {
    database: Database,
}

const REMOVE: &str = "DELETE FROM setting WHERE kind = ?1 AND name = ?2";

// === impl Settings ===

impl Settings {
    /// The settings in an on-premises database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// One document, by name without regard to case.
    pub async fn get<T: DeserializeOwned>(&self, kind: Kind, name: &str) -> Result<Option<Versioned<T>>, Error> {
        const SQL: &str = "SELECT document, version FROM setting WHERE kind = ?1 AND name = ?2";
        let row = self.database.read_one(SQL, vec![kind.as_str().into(), name.to_lowercase().into()]).await?;
        row.map(|row| versioned(&row)).transpose()
    }

    /// All documents of a kind, by name.
    pub async fn all<T: DeserializeOwned>(&self, kind: Kind) -> Result<Vec<Versioned<T>>, Error> {
        const SQL: &str = "SELECT document, version FROM setting WHERE kind = ?1 ORDER BY name";
        let rows = self.database.read(SQL, vec![kind.as_str().into()]).await?;
        rows.iter().map(versioned).collect()
    }

    /// Adds a document; fails if the name is taken.
    pub async fn add<T: Serialize>(&self, kind: Kind, name: &str, value: &T) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO setting (kind, name, version, document) VALUES (?1, ?2, 1, ?3)";
        let values = vec![kind.as_str().into(), name.to_lowercase().into(), to_document(value)?];
        let outcome = self.database.write(Unit::new().then_one(SQL, values)).await;
        outcome
            .map(drop)
            .map_err(|error| if error.is_exists() { Error::new(ErrorKind::Exists(format!("`{name}`"))) } else { error })
    }

    /// Adds or replaces a document.
    pub async fn put<T: Serialize>(&self, kind: Kind, name: &str, value: &T) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO setting (kind, name, version, document) VALUES (?1, ?2, 1, ?3)
            ON CONFLICT (kind, name) DO UPDATE SET document = excluded.document, version = setting.version + 1";
        let values = vec![kind.as_str().into(), name.to_lowercase().into(), to_document(value)?];
        self.database.write(Unit::new().then_one(SQL, values)).await.map(drop)
    }

    /// Replaces a document, if nobody changed it since `version` was read; otherwise it
    /// fails as stale.
    pub async fn update<T: Serialize>(&self, kind: Kind, name: &str, version: i64, value: &T) -> Result<(), Error> {
        const SQL: &str =
            "UPDATE setting SET document = ?1, version = version + 1 WHERE kind = ?2 AND name = ?3 AND version = ?4";
        let values = vec![to_document(value)?, kind.as_str().into(), name.to_lowercase().into(), version.into()];
        self.database.write(Unit::new().then_one(SQL, values)).await.map(drop)
    }

    /// Removes a document. Whether there was one.
    pub async fn remove(&self, kind: Kind, name: &str) -> Result<bool, Error> {
        let outcome = self
            .database
            .write(Unit::new().then(REMOVE, vec![kind.as_str().into(), name.to_lowercase().into()]))
            .await?;
        Ok(outcome.iter().any(|(_, touched)| *touched > 0))
    }

    /// A number that changes whenever any setting does: what a cache compares. What was
    /// merely observed is no setting.
    pub async fn revision(&self) -> Result<i64, Error> {
        const SQL: &str = "SELECT COALESCE(SUM(version), 0) * 1000003 + COUNT(*) FROM setting WHERE kind <> 'observed'";
        self.database.read_one(SQL, Vec::new()).await?.map_or(Ok(0), |row| row.integer(0))
    }
}

fn versioned<T: DeserializeOwned>(row: &Row) -> Result<Versioned<T>, Error> {
    Ok(Versioned { value: row.document(0)?, version: row.integer(1)? })
}
