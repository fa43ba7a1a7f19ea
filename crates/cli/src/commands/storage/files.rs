//! `storage export` and `storage import`: items that leave for files and come back.

use actas_agent::{FlushKind, Flushed};

use crate::{
    app::Context,
    arguments::storage::{Export, Import},
    output::Record,
    problem::Problem,
    workplace::Workplace,
};

pub(super) async fn export(asked: Export, workplace: &Workplace, context: &Context) -> Result<(), Problem> {
    let kind = asked.owner.map_or(FlushKind::Full, |owner| FlushKind::Mailbox(owner.bare().to_lowercase()));
    let agent = workplace.agent()?;
    let folder = std::path::absolute(&asked.folder)
        .map_err(|error| Problem::failed(format!("`{}` is no folder", asked.folder.display())).because(&error))?;
    let flushed = agent.flush(&kind, &folder, asked.wait).await?;
    tell(&flushed, context)
}

/// Prints what a flush did. Mailboxes that were busy are a failure: not all was written.
pub(in crate::commands) fn tell(flushed: &Flushed, context: &Context) -> Result<(), Problem> {
    let files: Vec<String> = flushed.files.iter().map(|file| file.display().to_string()).collect();
    let record = Record::new()
        .with("Items", i64::try_from(flushed.items).unwrap_or(i64::MAX))
        .with("Files", files.join(", "))
        .with("BusyMailboxes", flushed.busy.join(", "));
    context.console.records(&[record])?;
    if flushed.busy.is_empty() {
        return Ok(());
    }
    Err(Problem::failed(format!("{} mailboxes were being delivered to, and were left", flushed.busy.len()))
        .hint("run the command again, with a longer wait"))
}

pub(super) async fn import(asked: Import, workplace: &Workplace, context: &Context) -> Result<(), Problem> {
    let agent = workplace.agent()?;
    let mut records = Vec::with_capacity(asked.files.len());
    for file in &asked.files {
        let imported = agent.import(file, asked.keep).await?;
        records.push(
            Record::new()
                .with("File", file.display().to_string())
                .with("Items", i64::try_from(imported.items).unwrap_or(i64::MAX))
                .with("Restored", i64::try_from(imported.restored).unwrap_or(i64::MAX)),
        );
    }
    context.console.records(&records)
}
