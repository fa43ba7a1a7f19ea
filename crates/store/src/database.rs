//! What every engine offers: a read, and a unit of writes.

use std::path::Path;

use crate::error::Error;
use crate::migration::Schema;
use crate::sqlite::Sqlite;
use crate::value::{Row, Value};

/// How many rows a statement of a unit must touch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expect {
    /// Any number.
    Any,
    /// Exactly one: a compare-and-set that must win, or the unit fails as stale.
    One,
}

/// One statement of the catalogue with its values, numbered `?1`, `?2`, …
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) sql: &'static str,
    pub(crate) values: Vec<Value>,
    pub(crate) expect: Expect,
}

/// Writes that happen together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Unit(pub(crate) Vec<Statement>);

impl Unit {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a statement that may touch any number of rows.
    #[must_use]
    pub fn then(self, sql: &'static str, values: Vec<Value>) -> Self {
        self.push(sql, values, Expect::Any)
    }

    /// Adds a statement that must touch exactly one row.
    #[must_use]
    pub fn then_one(self, sql: &'static str, values: Vec<Value>) -> Self {
        self.push(sql, values, Expect::One)
    }

    fn push(mut self, sql: &'static str, values: Vec<Value>, expect: Expect) -> Self {
        self.0.push(Statement { sql, values, expect });
        self
    }
}

/// An open database. Cheap to clone; all clones share one writer.
#[derive(Clone, Debug)]
pub struct Database(Sqlite);

impl Database {
    /// Opens or makes the SQLite file of one side.
    ///
    /// A file that is damaged, belongs to another program or was written by a newer
    /// version is refused and left as it was.
    pub fn open(path: &Path, schema: Schema) -> Result<Self, Error> {
        Sqlite::open(path, schema).map(Self)
    }

    /// Runs a query.
    ///
    /// Asynchronous for the sake of engines behind a socket; SQLite answers inline.
    #[allow(clippy::unused_async)]
    pub async fn read(&self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Row>, Error> {
        self.0.read(sql, &values)
    }

    /// As [`Database::read`], for the one row that there may be.
    pub async fn read_one(&self, sql: &'static str, values: Vec<Value>) -> Result<Option<Row>, Error> {
        Ok(self.read(sql, values).await?.into_iter().next())
    }

    /// Performs a unit. When this returns, it is on disk. Gives the rows that each
    /// statement returned, and how many rows it touched.
    pub async fn write(&self, unit: Unit) -> Result<Vec<(Vec<Row>, usize)>, Error> {
        self.0.write(unit).await
    }

    /// Bytes that hold something: what a size limit is held against. Room that removed
    /// rows left behind is not counted, since it is used again.
    pub async fn used_bytes(&self) -> Result<i64, Error> {
        const SQL: &str = "SELECT (page_count - freelist_count) * page_size
            FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()";
        self.read_one(SQL, Vec::new()).await?.map_or(Ok(0), |row| row.integer(0))
    }
}
