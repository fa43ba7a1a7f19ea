//! `actas demo`: both sides on loopback, and the whole procedure walked for real.
//!
//! The servers run in this process; every command is a process of its own, just as one
//! would type it. A walk that was cut off goes on where it stopped when it is started
//! again on the same folder.

mod report;
mod stage;
mod walk;

use crate::app::Context;
use crate::arguments::demo::Demo;
use crate::problem::Problem;
use crate::signals;
use crate::workplace::make_folder;
use report::Report;
use stage::Stage;

/// Walks the procedure.
pub(crate) async fn run(demo: Demo, context: &Context) -> Result<(), Problem> {
    // A folder of its own, unless one was typed: a demonstration must not land in real
    // data.
    let temporary;
    let data = if let Some(typed) = context.global.typed_data_dir() {
        make_folder(typed)?;
        std::path::absolute(typed)
            .map_err(|error| Problem::failed("the data folder has no absolute path").because(&error))?
    } else {
        temporary = tempfile::Builder::new().prefix("actas-demo-").tempdir();
        let temporary =
            temporary.as_ref().map_err(|error| Problem::failed("no temporary folder can be made").because(error))?;
        temporary.path().to_owned()
    };
    let stop = demo.keep.then(signals::stop).transpose()?;
    let mut report = Report::new(context.console.clone(), demo.json);
    let stage = Stage::set(&data).await?;
    let outcome = walk::walk(&stage, &mut report).await;
    let outcome = report.summary(outcome);
    if let (Some(stop), Ok(())) = (stop, &outcome) {
        report.note(&format!("both sides go on running on `--data {}`; ctrl-c stops them", data.display()));
        stop.wait().await;
    }
    stage.strike().await?;
    outcome
}
