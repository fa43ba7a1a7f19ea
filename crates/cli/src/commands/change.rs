//! Whether a change is made: `-WhatIf`, `-Confirm` and `-Force`.

use std::io::{self, IsTerminal};

use crate::{app::Context, arguments::change::Change, problem::Problem};

/// What happens when nothing was said about `-Confirm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Default {
    /// The change is made.
    Go,
    /// The change is asked about, since it takes away what others rely on.
    Ask,
}

/// Returns whether a change is made.
///
/// The operation is named as the cmdlet is, whatever was typed, since that is
/// what scripts look for in the line of `-WhatIf`.
pub(super) async fn may(
    context: &Context,
    change: Change,
    default: Default,
    operation: &str,
    target: &str,
) -> Result<bool, Problem> {
    if change.what_if {
        context.console.note(&format!("What if: Performing the operation \"{operation}\" on target \"{target}\"."));
        return Ok(false);
    }
    let asks = change.confirm.unwrap_or(default == Default::Ask && !change.force);
    if !asks {
        return Ok(true);
    }
    if !io::stdin().is_terminal() {
        return if change.force { Ok(true) } else { Err(nobody_to_ask(operation, target)) };
    }
    context.console.note(&format!("Performing the operation \"{operation}\" on target \"{target}\". Go on? [y/N]"));
    let yes = matches!(line_of_stdin().await?.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if !yes {
        context.console.note("Nothing was changed.");
    }
    Ok(yes)
}

fn nobody_to_ask(operation: &str, target: &str) -> Problem {
    Problem::failed(format!(
        "`{operation}` on `{target}` has to be confirmed, and standard input is no terminal to ask at"
    ))
    .hint("`-Force` goes on without asking, `-WhatIf` shows what would be done")
}

async fn line_of_stdin() -> Result<String, Problem> {
    let read = || {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    };
    let line = tokio::task::spawn_blocking(read).await.map_err(io::Error::other).flatten();
    line.map_err(|error| Problem::failed("standard input cannot be read").because(&error))
}
