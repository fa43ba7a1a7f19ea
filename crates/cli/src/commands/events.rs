//! `events`: the event log.

use std::{ops::ControlFlow, path::Path, time::Duration};

use actas_agent::DATABASE_FILE;
use actas_runtime::Event;
use actas_store::{
    Database, Schema,
    events::{EventLog, EventQuery, EventRow},
};

use super::shown;
use crate::{
    app::Context,
    arguments::{date::Date, events::Events, global::Format},
    output::{Canvas, Console, Record, render},
    problem::Problem,
    signals,
    workplace::Workplace,
};

/// How often the log is looked at for what was appended.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Prints the event log, and goes on with `--follow`.
pub(super) async fn run(asked: Events, context: &Context) -> Result<(), Problem> {
    let database = Workplace::open(&context.global)?.onprem_folder().join(DATABASE_FILE);
    let mut query = EventQuery {
        ids: asked.id.iter().copied().map(i64::from).collect(),
        source: asked.source,
        after: asked.after.map(Date::timestamp),
        after_number: 0,
    };
    let mut log = open(&database)?;
    let rows = match &log {
        Some(log) => log.read(&query).await?,
        None => Vec::new(),
    };
    let shown = asked.max_events.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    let newest = rows.get(rows.len().saturating_sub(shown)..).unwrap_or_default();
    let events = read(newest)?;
    if !asked.follow {
        return context.console.records(&records(&events, context.console.format()));
    }

    let stopped = signals::stop()?.wait();
    tokio::pin!(stopped);
    let mut out = Follower { console: &context.console, first: true };
    query.after_number = rows.last().map_or(0, |row| row.number);
    let mut gone = out.print(&events)?.is_break();
    while !gone {
        tokio::select! {
            () = &mut stopped => return Ok(()),
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if log.is_none() {
            log = open(&database)?;
        }
        let Some(log) = &log else { continue };
        let rows = log.read(&query).await?;
        query.after_number = rows.last().map_or(query.after_number, |row| row.number);
        gone = out.print(&read(&rows)?)?.is_break();
    }
    Ok(())
}

/// Opens the log if there is one: looking at it makes no database.
fn open(database: &Path) -> Result<Option<EventLog>, Problem> {
    if !database.exists() {
        return Ok(None);
    }
    Ok(Some(EventLog::new(Database::open(database, Schema::OnPremises)?)))
}

fn read(rows: &[EventRow]) -> Result<Vec<Event>, Problem> {
    let parse = |row: &EventRow| {
        serde_json::from_str(&row.document)
            .map_err(|error| Problem::failed(format!("event {} of the log cannot be read", row.number)).because(&error))
    };
    rows.iter().map(parse).collect()
}

/// Returns events with the vendor's properties; their fields are for programs.
fn records(events: &[Event], format: Format) -> Vec<Record> {
    let record = |event: &Event| {
        let mut record = Record::new()
            .with("Id", event.id)
            .with("Level", event.level.to_string())
            .with("Source", event.source.clone())
            .with("TimeCreated", shown::time(event.time))
            .with("Message", event.message.clone());
        if format == Format::Json {
            let mut fields = Record::new();
            for (name, value) in &event.fields {
                fields.push(name.clone(), value.clone());
            }
            record.push("Fields", fields);
        }
        record
    };
    events.iter().map(record).collect()
}

/// Prints events as they come: an array has no end here, so that JSON is one object a line.
struct Follower<'a> {
    console: &'a Console,
    first: bool,
}

impl Follower<'_> {
    fn print(&mut self, events: &[Event]) -> Result<ControlFlow<()>, Problem> {
        if events.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let format = self.console.format();
        let records = records(events, format);
        let text = match format {
            Format::Json => records
                .iter()
                .fold(String::new(), |lines, record| lines + &serde_json::to_string(record).unwrap_or_default() + "\n"),
            Format::List | Format::Table => {
                let canvas = Canvas { width: None, color: self.console.colors_output() };
                let space = if self.first { "" } else { "\n" };
                format!("{space}{}", render(&records, format, canvas))
            }
        };
        self.first = false;
        self.console.stream(&text)
    }
}
