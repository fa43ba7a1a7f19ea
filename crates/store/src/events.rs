//! The event log.

use jiff::Timestamp;

use crate::database::{Database, Unit};
use crate::error::Error;
use crate::value::{Row, Value};

/// One record, with its place in the log.
#[derive(Clone, Debug)]
pub struct EventRow {
    /// Its place; grows.
    pub number: i64,
    /// The event as JSON.
    pub document: String,
}

/// What to look for.
#[derive(Clone, Debug, Default)]
pub struct EventQuery {
    /// Only these ids; empty: all.
    pub ids: Vec<i64>,
    /// Only this source, without regard to case.
    pub source: Option<String>,
    /// Only later than this.
    pub after: Option<Timestamp>,
    /// Only behind this place in the log.
    pub after_number: i64,
}

/// The event log of an on-premises database.
#[derive(Clone, Debug)]
pub struct EventLog {
    database: Database,
}

/// Records that one read looks at.
const PAGE_ROWS: i64 = 1000;

// === impl EventLog ===

impl EventLog {
    /// The log in an on-premises database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }

    /// Appends a record.
    pub async fn append(&self, time: Timestamp, id: i64, source: &str, document: String) -> Result<(), Error> {
        const SQL: &str = "INSERT INTO event (time, id, source, document) VALUES (?1, ?2, ?3, ?4)";
        let values = vec![time.into(), id.into(), source.into(), document.into()];
        self.database.write(Unit::new().then_one(SQL, values)).await.map(drop)
    }

    /// The place of the newest record; 0 if there is none.
    pub async fn end(&self) -> Result<i64, Error> {
        const SQL: &str = "SELECT COALESCE(MAX(number), 0) FROM event";
        let rows = self.database.read(SQL, Vec::new()).await?;
        rows.first().map_or(Ok(0), |row| row.integer(0))
    }

    /// The first `count` records behind a place.
    pub async fn page(&self, after_number: i64, count: i64) -> Result<Vec<EventRow>, Error> {
        const SQL: &str = "SELECT number, document FROM event WHERE number > ?1 ORDER BY number LIMIT ?2";
        let rows = self.database.read(SQL, vec![after_number.into(), count.into()]).await?;
        let row = |row: &Row| Ok(EventRow { number: row.integer(0)?, document: row.text(1)?.to_owned() });
        rows.iter().map(row).collect()
    }

    /// Records in the order in which they were appended.
    pub async fn read(&self, query: &EventQuery) -> Result<Vec<EventRow>, Error> {
        const SQL: &str = "SELECT number, time, id, source, document FROM event WHERE number > ?1 AND time > ?2 ORDER BY number LIMIT ?3";
        let mut found = Vec::new();
        let mut from = query.after_number;
        loop {
            let after = query.after.map_or(Value::Integer(i64::MIN), Value::from);
            let rows = self.database.read(SQL, vec![from.into(), after, PAGE_ROWS.into()]).await?;
            for row in &rows {
                from = row.integer(0)?;
                let id_fits = query.ids.is_empty() || query.ids.contains(&row.integer(2)?);
                let source = row.text(3)?;
                if id_fits && query.source.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(source)) {
                    found.push(EventRow { number: from, document: row.text(4)?.to_owned() });
                }
            }
            if rows.len() < usize::try_from(PAGE_ROWS).unwrap_or(0) {
                return Ok(found);
            }
        }
    }
}
