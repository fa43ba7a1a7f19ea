//! The SQLite engine: one writer thread that lets waiting units share a commit, and a
//! few connections that read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, ToSql, params_from_iter};
use tokio::sync::oneshot;

use crate::database::{Expect, Statement, Unit};
use crate::error::{Error, ErrorKind};
use crate::migration::{self, Schema};
use crate::value::{Row, Value};

/// How long another process may hold the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Units that may wait for the writer before callers wait to queue.
const QUEUE_UNITS_MAX: usize = 1024;
/// Units that share one commit.
const GROUP_UNITS_MAX: usize = 256;
/// Reading connections that are kept.
const READERS_MAX: usize = 4;
/// Statements that a connection keeps prepared.
const STATEMENTS_CACHED: usize = 128;

type Outcome = Result<Vec<(Vec<Row>, usize)>, Error>;

struct Job {
    unit: Unit,
    answer: oneshot::Sender<Outcome>,
}

#[derive(Clone)]
pub(crate) struct Sqlite(Arc<Inner>);

struct Inner {
    path: PathBuf,
    jobs: mpsc::SyncSender<Job>,
    readers: Mutex<Vec<Connection>>,
}

impl std::fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sqlite({})", self.0.path.display())
    }
}

// === impl Sqlite ===

impl Sqlite {
    pub(crate) fn open(path: &Path, schema: Schema) -> Result<Self, Error> {
        migration::check_file(path, schema)?;
        let mut writer = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        migration::run(&mut writer, path, schema)?;
        let (jobs, waiting) = mpsc::sync_channel(QUEUE_UNITS_MAX);
        let owned = path.to_owned();
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_until_closed(&mut writer, &waiting, &owned))
            .map_err(|error| Error::new(ErrorKind::Engine(format!("no thread for the writer: {error}"))))?;
        Ok(Self(Arc::new(Inner { path: path.to_owned(), jobs, readers: Mutex::new(Vec::new()) })))
    }

    pub(crate) fn read(&self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, Error> {
        let idle = self.0.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.0.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
        };
        let rows = query(&connection, sql, values).map(|(rows, _)| rows);
        let mut idle = self.0.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < READERS_MAX {
            idle.push(connection);
        }
        rows.map_err(|error| Error::from_engine(&error, &self.0.path))
    }

    pub(crate) async fn write(&self, unit: Unit) -> Outcome {
        let gone = || Error::new(ErrorKind::Engine("the writer has stopped".to_owned()));
        let (answer, outcome) = oneshot::channel();
        match self.0.jobs.try_send(Job { unit, answer }) {
            Ok(()) => {}
            Err(mpsc::TrySendError::Full(job)) => {
                // A full queue makes callers wait rather than fail.
                let jobs = self.0.jobs.clone();
                let queued = tokio::task::spawn_blocking(move || jobs.send(job)).await;
                if !matches!(queued, Ok(Ok(()))) {
                    return Err(gone());
                }
            }
            Err(mpsc::TrySendError::Disconnected(_)) => return Err(gone()),
        }
        outcome.await.unwrap_or_else(|_| Err(gone()))
    }
}

pub(crate) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
        connection
            .execute_batch("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;")?;
        Ok(connection)
    };
    open().map_err(|error| Error::from_engine(&error, path))
}

fn write_until_closed(connection: &mut Connection, waiting: &mpsc::Receiver<Job>, path: &Path) {
    while let Ok(first) = waiting.recv() {
        let mut group = vec![first];
        while group.len() < GROUP_UNITS_MAX {
            let Ok(next) = waiting.try_recv() else { break };
            group.push(next);
        }
        let outcomes = write_group(connection, &group, path);
        for (job, outcome) in group.into_iter().zip(outcomes) {
            // A caller that went away no longer needs the answer.
            let _ = job.answer.send(outcome);
        }
    }
}

/// Performs a group in one transaction, each unit behind a savepoint of its own, and
/// answers only once the commit is on disk.
fn write_group(connection: &mut Connection, group: &[Job], path: &Path) -> Vec<Outcome> {
    let fail_all = |error: &rusqlite::Error| group.iter().map(|_| Err(Error::from_engine(error, path))).collect();
    let mut transaction = match connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate) {
        Ok(transaction) => transaction,
        Err(error) => return fail_all(&error),
    };
    let mut outcomes = Vec::with_capacity(group.len());
    for job in group {
        match perform(&mut transaction, &job.unit, path) {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) => return fail_all(&error),
        }
    }
    match transaction.commit() {
        Ok(()) => outcomes,
        Err(error) => fail_all(&error),
    }
}

/// The outer error is the transaction's, the inner one the unit's.
fn perform(transaction: &mut rusqlite::Transaction<'_>, unit: &Unit, path: &Path) -> rusqlite::Result<Outcome> {
    let savepoint = transaction.savepoint()?;
    let mut all = Vec::with_capacity(unit.0.len());
    for Statement { sql, values, expect } in &unit.0 {
        let failed = match query(&savepoint, sql, values) {
            Ok((_, touched)) if *expect == Expect::One && touched != 1 => Error::new(ErrorKind::Stale),
            Ok(done) => {
                all.push(done);
                continue;
            }
            Err(error) => Error::from_engine(&error, path),
        };
        // Dropping a savepoint rolls it back.
        savepoint.finish()?;
        return Ok(Err(failed));
    }
    savepoint.commit()?;
    Ok(Ok(all))
}

/// Runs one statement: the rows it returns, and how many it touched.
fn query(connection: &Connection, sql: &str, values: &[Value]) -> rusqlite::Result<(Vec<Row>, usize)> {
    let mut statement = connection.prepare_cached(sql)?;
    let writes = !statement.readonly();
    let columns = statement.column_count();
    if columns == 0 {
        let touched = statement.execute(params_from_iter(values))?;
        return Ok((Vec::new(), touched));
    }
    let mut found = statement.query(params_from_iter(values))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let read = |index| row.get_ref(index).map(to_value);
        rows.push(Row((0..columns).map(read).collect::<rusqlite::Result<_>>()?));
    }
    let touched = if writes { rows.len() } else { 0 };
    Ok((rows, touched))
}

fn to_value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null | ValueRef::Real(_) => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Borrowed(match self {
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Null => ValueRef::Null,
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}
