//! What the commands do.

mod lab;
mod serve;

use crate::{
    app::Context,
    arguments::{Command, Ours},
    problem::Problem,
};

/// Runs a command.
pub(crate) async fn run(command: Command, context: &Context) -> Result<(), Problem> {
    match command {
        Command::Ours(Ours::Lab(lab)) => lab::run(lab, context).await,
        Command::Ours(Ours::Serve(serve)) => serve::run(serve, context).await,
        _ => Err(Problem::failed(format!("`{}` is not available yet", context.name))),
    }
}
