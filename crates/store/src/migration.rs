//! Schemas: numbered, forward only, and refused untouched when newer than this version.

use std::path::Path;

use fs_err as fs;
use rusqlite::Connection;

use crate::error::{Error, ErrorKind};

/// Which side's database.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Schema {
    /// Directory, token service and mailboxes.
    Cloud,
    /// Settings, certificates, queue and events.
    OnPremises,
}

const CLOUD: &[&str] = &[
    include_str!("schema/cloud-1.sql"),
    include_str!("schema/cloud-2.sql"),
    include_str!("schema/cloud-3.sql"),
    include_str!("schema/cloud-4.sql"),
    include_str!("schema/cloud-5.sql"),
    include_str!("schema/cloud-6.sql"),
];
const ON_PREMISES: &[&str] = &[include_str!("schema/onprem-1.sql"), include_str!("schema/onprem-2.sql")];

/// The first 100 bytes of a database file (SQLite file format, §1.3).
const HEADER_BYTES: usize = 100;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Larger files are not read whole at every start.
const CHECKED_BYTES_MAX: u64 = 256 * 1024 * 1024;

impl Schema {
    fn migrations(self) -> &'static [&'static str] {
        match self {
            Self::Cloud => CLOUD,
            Self::OnPremises => ON_PREMISES,
        }
    }

    /// Stands in the file's header, so that no database is taken for another.
    fn application_id(self) -> i32 {
        match self {
            Self::Cloud => 0x4143_5443,
            Self::OnPremises => 0x4143_5450,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::OnPremises => "on-premises",
        }
    }

    fn known(self) -> i64 {
        i64::try_from(self.migrations().len()).unwrap_or(i64::MAX)
    }
}

/// Looks at a file before the engine may touch it.
pub(crate) fn check_file(path: &Path, schema: Schema) -> Result<(), Error> {
    let length = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::new(ErrorKind::Open { path: path.to_owned(), why: error.to_string() })),
    };
    if length == 0 {
        return Ok(());
    }
    let not_ours = |sqlite| Error::new(ErrorKind::NotOurs { path: path.to_owned(), sqlite });
    let mut header = [0; HEADER_BYTES];
    let read = fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut header));
    match read {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Err(not_ours(false)),
        Err(error) => return Err(Error::new(ErrorKind::Open { path: path.to_owned(), why: error.to_string() })),
        Ok(()) => {}
    }
    if &header[..16] != MAGIC {
        return Err(not_ours(false));
    }
    let number = |at: usize| i32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    check_identity(path, schema, number(68), i64::from(number(60)))
}

fn check_identity(path: &Path, schema: Schema, application_id: i32, version: i64) -> Result<(), Error> {
    let other = [Schema::Cloud, Schema::OnPremises].into_iter().find(|other| other.application_id() == application_id);
    match other {
        // A file whose first commit never came has no identity yet.
        None if application_id == 0 && version == 0 => Ok(()),
        None => Err(Error::new(ErrorKind::NotOurs { path: path.to_owned(), sqlite: true })),
        Some(other) if other != schema => {
            Err(Error::new(ErrorKind::OtherSide { path: path.to_owned(), found: other.name(), wanted: schema.name() }))
        }
        Some(_) if version > schema.known() => {
            Err(Error::new(ErrorKind::Newer { path: path.to_owned(), found: version, known: schema.known() }))
        }
        Some(_) => Ok(()),
    }
}

/// Brings an open database to the newest schema.
pub(crate) fn run(connection: &mut Connection, path: &Path, schema: Schema) -> Result<(), Error> {
    let engine = |error: rusqlite::Error| Error::from_engine(&error, path);
    check_contents(connection, path)?;
    let pragma =
        |connection: &Connection, name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let application_id = i32::try_from(pragma(connection, "application_id").map_err(engine)?).unwrap_or(-1);
    let version = pragma(connection, "user_version").map_err(engine)?;
    check_identity(path, schema, application_id, version)?;

    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000;")
        .map_err(engine)?;
    // Two processes may start at once: the version is read again under the lock.
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(engine)?;
    let applied = pragma(&transaction, "user_version").map_err(engine)?;
    for (index, text) in schema.migrations().iter().enumerate().skip(usize::try_from(applied).unwrap_or(0)) {
        transaction.execute_batch(&in_dialect(text)).map_err(engine)?;
        transaction
            .pragma_update(None, "user_version", i64::try_from(index + 1).unwrap_or(i64::MAX))
            .map_err(engine)?;
    }
    transaction.pragma_update(None, "application_id", schema.application_id()).map_err(engine)?;
    transaction.commit().map_err(engine)
}

/// The placeholders that stand for what engines spell differently.
fn in_dialect(text: &str) -> String {
    [
        ("{sequence}", "INTEGER PRIMARY KEY"),
        ("{text}", "TEXT"),
        ("{i64}", "INTEGER"),
        ("{bytes}", "BLOB"),
        ("{strict}", "STRICT"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (placeholder, spelling)| text.replace(placeholder, spelling))
}

fn check_contents(connection: &Connection, path: &Path) -> Result<(), Error> {
    let corrupt = |why: String| Error::new(ErrorKind::Corrupt { path: path.to_owned(), why });
    if fs::metadata(path).map_or(0, |metadata| metadata.len()) > CHECKED_BYTES_MAX {
        return Ok(());
    }
    match connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0)) {
        Ok(verdict) if verdict == "ok" => Ok(()),
        Ok(verdict) => Err(corrupt(verdict.lines().next().unwrap_or_default().to_owned())),
        Err(error) => {
            let mapped = Error::from_engine(&error, path);
            Err(match mapped.kind() {
                ErrorKind::Engine(why) => corrupt(why.clone()),
                _ => mapped,
            })
        }
    }
}
