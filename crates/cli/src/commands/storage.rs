//! `storage`: items on their way to mailboxes.

pub(super) mod files;
mod token;

use std::{io::Read, path::Path};

use actas_agent::{Agent, Component, StorageItem};
use actas_store::queue::{Filter, ItemState, QueuedItem};
use jiff::Timestamp;

use super::shown;
use crate::{
    app::Context,
    arguments::storage::{self, List, Put, Retry, Show, State, Status, Storage},
    output::Record,
    problem::Problem,
    workplace::Workplace,
};

/// Items that are read at once when all are tried again.
const RETRIED_AT_ONCE: i64 = 500;
/// The most bytes of a body that are read.
const BODY_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Runs one of the commands on items.
pub(super) async fn run(command: Storage, context: &Context) -> Result<(), Problem> {
    let workplace = Workplace::open(&context.global)?;
    match command {
        Storage::Put(asked) => put(asked, &workplace, context).await,
        Storage::List(asked) => list(asked, &workplace, context).await,
        Storage::Show(asked) => show(asked, &workplace, context).await,
        Storage::Status(Status {}) => status(&workplace, context).await,
        Storage::Retry(asked) => retry(asked, &workplace, context).await,
        Storage::Export(asked) => files::export(asked, &workplace, context).await,
        Storage::Import(asked) => files::import(asked, &workplace, context).await,
        Storage::Token(asked) => token::run(asked, &workplace, context).await,
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
        .with_item_class(asked.item_class)?
        .with_from(Some(asked.from.as_ref().map_or(owner, |from| from.bare())))?;
    let put = agent.put_with_files(item.clone(), &asked.attachment).await;
    let is_new =
        put.map_err(|error| shown::failed(error, "a key stands for one item: give this one another `--key`"))?;
    let state = agent.queue().get(item.key()).await?.map(|queued| queued.state.as_str());
    let record =
        Record::new().with("Key", item.key()).with("Owner", item.owner()).with("State", state).with("New", is_new);
    context.console.records(&[record])?;
    context.console.note("\nThe item is on disk. `actas serve onprem` delivers it, if it is not running already.");
    Ok(())
}

async fn list(asked: List, workplace: &Workplace, context: &Context) -> Result<(), Problem> {
    let agent = workplace.agent()?;
    let queue = agent.queue();
    let count = i64::from(asked.count);
    let filter = Filter {
        owner: asked.owner.map(|owner| owner.bare().to_lowercase()),
        failing: asked.failing,
        ..Filter::default()
    };
    let state = match asked.state {
        Some(State::Delivered) => Some(ItemState::Delivered),
        Some(State::Flushed) => Some(ItemState::Flushed),
        Some(State::GivenUp) => Some(ItemState::GivenUp),
        Some(State::Queued) => Some(ItemState::Queued),
        None if asked.failing => Some(ItemState::Queued),
        None => None,
    };
    let items = match state {
        Some(state) => queue.page(state, &filter, 0, count).await?,
        None if filter.owner.is_none() => queue.newest(count).await?,
        None => {
            let mut items = Vec::new();
            for state in ItemState::ALL {
                items.extend(queue.page(state, &filter, 0, count).await?);
            }
            items.sort_by_key(|item| item.number);
            items.split_off(items.len().saturating_sub(usize::try_from(asked.count).unwrap_or(usize::MAX)))
        }
    };
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

async fn status(workplace: &Workplace, context: &Context) -> Result<(), Problem> {
    let agent = workplace.agent()?;
    let (queue, space) = (agent.queue(), agent.space().await?);
    let counts = queue.counts().await?;
    let failing = Filter { failing: true, ..Filter::default() };
    let first = queue.page(ItemState::Queued, &failing, 0, 1).await?.pop();
    let record = Record::new()
        .with("Queued", counts.queued)
        .with("Delivered", counts.delivered)
        .with("GivenUp", counts.given_up)
        .with("Flushed", counts.flushed)
        .with("Mailboxes", queue.owners().await?)
        .with("OldestQueued", queue.oldest().await?.map(shown::time))
        .with("UsedBytes", i64::try_from(space.used).unwrap_or(i64::MAX))
        .with("CapacityBytes", i64::try_from(space.capacity).unwrap_or(i64::MAX))
        .with("PercentUsed", i64::try_from(space.percent()).unwrap_or(i64::MAX))
        .with("FailingMailbox", first.as_ref().map(|item| item.owner.clone()))
        .with("FailingReason", first.and_then(|item| item.reason));
    context.console.records(&[record])
}

async fn retry(asked: Retry, workplace: &Workplace, context: &Context) -> Result<(), Problem> {
    let agent = workplace.agent()?;
    let mut revived = 0;
    if asked.all {
        let filter = Filter { owner: asked.owner.map(|owner| owner.bare().to_lowercase()), ..Filter::default() };
        let mut after = 0;
        loop {
            let items = agent.queue().page(ItemState::GivenUp, &filter, after, RETRIED_AT_ONCE).await?;
            let Some(last) = items.last() else { break };
            after = last.number;
            let ids: Vec<String> = items.into_iter().map(|item| item.id).collect();
            revived += agent.retry(&ids).await?;
        }
    } else {
        for id in &asked.ids {
            let item = agent.queue().get(id).await?;
            let state = item.map(|item| item.state);
            if state != Some(ItemState::GivenUp) {
                let what = state.map_or("there is no such item", ItemState::as_str);
                return Err(Problem::failed(format!("`{id}` was not set aside: {what}"))
                    .hint("`actas storage list --state GivenUp` shows those that were"));
            }
        }
        revived = agent.retry(&asked.ids).await?;
    }
    context.console.records(&[Record::new().with("Retried", i64::try_from(revived).unwrap_or(i64::MAX))])
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
