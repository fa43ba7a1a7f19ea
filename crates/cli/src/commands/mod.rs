//! What the commands do.

use crate::{app::Context, arguments::Command, problem::Problem};

/// Runs a command.
#[expect(clippy::unused_async, reason = "the commands wait for files and connections")]
pub(crate) async fn run(command: Command, context: &Context) -> Result<(), Problem> {
    drop(command);
    Err(Problem::failed(format!("`{}` is not available yet", context.name)))
}
