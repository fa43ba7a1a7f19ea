//! `storage`: items on their way to mailboxes.

use std::{io::Read, path::Path};

use actas_agent::{Agent, Component, StorageItem};
use actas_store::queue::QueuedItem;
use jiff::Timestamp;

use super::shown;
use crate::{
    app::Context,
    arguments::storage::{self, List, Put, Show, Storage},
    output::Record,
    problem::Problem,
    workplace::Workplace,
};

/// Items that a list shows.
const LISTED_MAX: i64 = 50;
/// The most bytes of a body that are read.
const BODY_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Runs one of the commands on items.
pub(super) async fn run(command: Storage, context: &Context) -> Result<(), Problem> {
    let workplace = Workplace::open(&context.global)?;
    match command {
        Storage::Put(asked) => put(asked, &workplace, context).await,
        Storage::List(List {}) => list(&workplace, context).await,
        Storage::Show(asked) => show(asked, &workplace, context).await,
    }
}

async fn put(asked: Put, workplace: &Workplace, context: &Context) -> Result<(), Problem> {
    let body = match (asked.body, asked.body_file) {
        (Some(text), _) => text,
        (None, Some(path)) => body_of(&path).await?,
        (None, None) => String::new(),
    };
    let agent = workplace.agent()?;
    let time = match asked.time {
        Some(date) => date.timestamp(),
        None => time_of(&agent, asked.key.as_deref()).await?,
    };
    let owner = asked.owner.bare();
    let item = StorageItem::new(owner, component(asked.component), &asked.subject, &body, asked.key, time)?
        .with_item_class(asked.item_class)
        .with_from(Some(asked.from.as_ref().map_or(owner, |from| from.bare())))?;
    let put = agent.put(std::slice::from_ref(&item)).await;
    let put = put.map_err(|error| shown::failed(error, "a key stands for one item: give this one another `--key`"))?;
    let is_new = put.contains(&true);
    let state = agent.queue().get(item.key()).await?.map(|queued| queued.state.as_str());
    let record =
        Record::new().with("Key", item.key()).with("Owner", item.owner()).with("State", state).with("New", is_new);
    context.console.records(&[record])?;
    context.console.note("\nThe item is on disk. `actas serve onprem` delivers it, if it is not running already.");
    Ok(())
}

async fn list(workplace: &Workplace, context: &Context) -> Result<(), Problem> {
    let items = workplace.agent()?.queue().newest(LISTED_MAX).await?;
    let records = items.iter().map(|item| {
        Record::new()
            .with("Number", item.number)
            .with("Key", item.id.clone())
            .with("Owner", item.owner.clone())
            .with("Component", item.component.clone())
            .with("State", item.state.as_str())
            .with("Attempts", item.attempts)
            .with("Due", shown::time(item.due))
            .with("Reason", item.reason.clone())
    });
    context.console.records(&records.collect::<Vec<_>>())
}

async fn show(asked: Show, workplace: &Workplace, context: &Context) -> Result<(), Problem> {
    let found = workplace.agent()?.queue().get(&asked.id).await?;
    let item = found.ok_or_else(|| {
        Problem::failed(format!("there is no item with the key `{}`", asked.id))
            .hint("`actas storage list` shows the keys of the newest items")
    })?;
    if !asked.in_mailbox {
        return context.console.records(&[whole(&item)]);
    }
    let item: StorageItem = serde_json::from_str(&item.document)
        .map_err(|error| Problem::failed("the item cannot be read").because(&error))?;
    let found = workplace.agent()?.read_back(&item).await?.ok_or_else(|| {
        Problem::failed(format!("the mailbox of {} does not hold `{}`", item.owner(), item.key()))
            .hint(format!("`actas storage show {}` tells whether it was delivered", item.key()))
    })?;
    let (subject, body) = found;
    let record = Record::new().with("Key", item.key()).with("Mailbox", item.owner());
    context.console.records(&[record.with("Subject", subject).with("Body", body)])
}

/// Returns all that is known of an item, but for its body.
fn whole(item: &QueuedItem) -> Record {
    let document: serde_json::Value = serde_json::from_str(&item.document).unwrap_or_default();
    Record::new()
        .with("Number", item.number)
        .with("Key", item.id.clone())
        .with("Owner", item.owner.clone())
        .with("Component", item.component.clone())
        .with("State", item.state.as_str())
        .with("Attempts", item.attempts)
        .with("Due", shown::time(item.due))
        .with("Reason", item.reason.clone())
        .with("Created", shown::time(item.created))
        .with("Uncertain", item.uncertain)
        .with("DeliveredAs", item.delivered_as.clone())
        .with("ItemClass", document["item_class"].clone())
        .with("From", document["from"].clone())
        .with("Time", document["time"].clone())
        .with("Subject", document["subject"].clone())
}

/// Returns when an item happened if nobody said: now, or when it did the first
/// time it was handed in, since the same item again is to be the same.
async fn time_of(agent: &Agent, key: Option<&str>) -> Result<Timestamp, Problem> {
    let earlier = match key {
        Some(key) => agent.queue().get(key).await?,
        None => None,
    };
    let time = earlier.and_then(|item| {
        let document: serde_json::Value = serde_json::from_str(&item.document).ok()?;
        document["time"].as_str()?.parse().ok()
    });
    Ok(time.unwrap_or_else(|| agent.clock().now()))
}

/// Reads the body of an item from a file, or from standard input.
async fn body_of(path: &Path) -> Result<String, Problem> {
    let (shown, path) = (path.display().to_string(), path.to_owned());
    let read = move || {
        let source: Box<dyn Read> =
            if path == Path::new("-") { Box::new(std::io::stdin()) } else { Box::new(fs_err::File::open(path)?) };
        let mut text = String::new();
        source.take(BODY_BYTES_MAX).read_to_string(&mut text).map(|_| text)
    };
    let text = tokio::task::spawn_blocking(read).await.map_err(std::io::Error::other).flatten();
    text.map_err(|error| {
        Problem::failed(format!("the body cannot be read from `{shown}`"))
            .because(&error)
            .hint("name a file of text in UTF-8, or `-` for standard input")
    })
}

fn component(asked: storage::Component) -> Component {
    match asked {
        storage::Component::ConversationHistory => Component::ConversationHistory,
        storage::Component::ExchangeArchiving => Component::ExchangeArchiving,
        storage::Component::Voicemail => Component::Voicemail,
        storage::Component::MissedCall => Component::MissedCall,
        storage::Component::Other => Component::Other,
    }
}
