//! The token service's signing keys (public halves) and what the Exchange-like server
//! trusts.

use actas_directory::exchange_side::{AuthServer, PartnerApplication};
use jiff::Timestamp;

use crate::database::{Database, Unit};
use crate::error::Error;
use crate::value::to_document;

/// A signing key's place in the roll.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyState {
    /// It signs.
    Current,
    /// Published, not yet used.
    Next,
    /// Published until its last token ends.
    Previous,
    /// Published no longer. Its name stays taken.
    Retired,
}

impl KeyState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Next => "next",
            Self::Previous => "previous",
            Self::Retired => "retired",
        }
    }
}

/// A signing key's public half.
#[derive(Clone, Debug)]
pub struct SigningKeyRecord {
    /// SHA-1 of the certificate, 40 hexadecimal digits; also the name of its file.
    pub thumbprint: String,
    /// Its place in the roll.
    pub state: KeyState,
    /// Since when it has that place.
    pub since: Timestamp,
    /// DER.
    pub certificate: Vec<u8>,
}

/// A key's move from one place in the roll to another.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyMove {
    /// Which key.
    pub thumbprint: String,
    /// Where it has to be.
    pub from: KeyState,
    /// Where it goes.
    pub to: KeyState,
    /// When.
    pub at: Timestamp,
}

/// The token service's tables.
#[derive(Clone, Debug)]
pub struct SigningKeys {
    database: Database,
}

// === impl SigningKeys ===

impl SigningKeys {
    /// The keys in a cloud database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// All keys, the signing one first.
    pub async fn all(&self) -> Result<Vec<SigningKeyRecord>, Error> {
        const SQL: &str = "SELECT thumbprint, state, since, certificate FROM signing_key ORDER BY state, thumbprint";
        let rows = self.database.read(SQL, Vec::new()).await?;
        rows.iter()
            .map(|row| {
                Ok(SigningKeyRecord {
                    thumbprint: row.text(0)?.to_owned(),
                    state: match row.text(1)? {
                        "current" => KeyState::Current,
                        "next" => KeyState::Next,
                        "previous" => KeyState::Previous,
                        _ => KeyState::Retired,
                    },
                    since: row.time(2)?,
                    certificate: row.bytes(3)?.to_vec(),
                })
            })
            .collect()
    }

    /// Adds keys together. A name that was ever used is refused.
    pub async fn add(&self, keys: &[SigningKeyRecord]) -> Result<(), Error> {
        self.change(&[], keys).await
    }

    /// Moves keys on and adds others, all or nothing. A key that is not where its move
    /// begins fails the whole as stale: somebody else was faster.
    pub async fn change(&self, moves: &[KeyMove], keys: &[SigningKeyRecord]) -> Result<(), Error> {
        let unit = moves.iter().fold(Unit::new(), |unit, step| {
            unit.then_one(
                "UPDATE signing_key SET state = ?1, since = ?2 WHERE thumbprint = ?3 AND state = ?4",
                vec![
                    step.to.as_str().into(),
                    step.at.into(),
                    step.thumbprint.clone().into(),
                    step.from.as_str().into(),
                ],
            )
        });
        let unit = keys.iter().fold(unit, |unit, key| {
            unit.then_one(
                "INSERT INTO signing_key (thumbprint, state, since, certificate) VALUES (?1, ?2, ?3, ?4)",
                vec![
                    key.thumbprint.clone().into(),
                    key.state.as_str().into(),
                    key.since.into(),
                    key.certificate.clone().into(),
                ],
            )
        });
        self.database.write(unit).await.map(drop)
    }
}

/// The Exchange-like server's trust, tenant by tenant.
#[derive(Clone, Debug)]
pub struct ExchangeTrust {
    pub(crate) database: Database,
}

// === impl ExchangeTrust ===

impl ExchangeTrust {
    /// The trust in a cloud database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// All auth servers of all tenants.
    pub async fn auth_servers(&self) -> Result<Vec<AuthServer>, Error> {
        let rows = self.database.read("SELECT document FROM auth_server ORDER BY tenant, name", Vec::new()).await?;
        rows.iter().map(|row| row.document(0)).collect()
    }

    /// All partner applications of all tenants.
    pub async fn partners(&self) -> Result<Vec<PartnerApplication>, Error> {
        let rows =
            self.database.read("SELECT document FROM exchange_partner ORDER BY tenant, name", Vec::new()).await?;
        rows.iter().map(|row| row.document(0)).collect()
    }

    /// Adds or replaces an auth server.
    pub async fn put_auth_server(&self, server: &AuthServer) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO auth_server (tenant, name, document) VALUES (?1, ?2, ?3)
            ON CONFLICT (tenant, name) DO UPDATE SET document = excluded.document, version = auth_server.version + 1";
        let values = vec![server.tenant.0.into(), server.name.to_lowercase().into(), to_document(server)?];
        self.database.write(Unit::new().then_one(SQL, values)).await.map(drop)
    }

    /// Adds or replaces a partner application.
    pub async fn put_partner(&self, partner: &PartnerApplication) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO exchange_partner (tenant, name, document) VALUES (?1, ?2, ?3)
            ON CONFLICT (tenant, name) DO UPDATE SET document = excluded.document, version = exchange_partner.version + 1";
        let values = vec![partner.tenant.0.into(), partner.name.to_lowercase().into(), to_document(partner)?];
        self.database.write(Unit::new().then_one(SQL, values)).await.map(drop)
    }
}
