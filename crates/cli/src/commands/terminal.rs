//! What is asked at a terminal, and read from standard input.

use std::io::{self, BufRead, IsTerminal, Read};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::{output::Console, problem::Problem};

/// The most bytes of a token or secret on standard input.
const BYTES_MAX: u64 = 64 * 1024;

/// Reads standard input to its end.
pub(super) fn standard_input() -> Result<String, Problem> {
    let mut text = String::new();
    io::stdin()
        .take(BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| Problem::failed("standard input cannot be read").because(&error))?;
    Ok(text)
}

/// Returns whether there is a terminal to ask at.
pub(super) fn is_there() -> bool {
    io::stdin().is_terminal()
}

/// Asks for a secret at the terminal, which does not show it. `otherwise` is what to do where
/// there is none.
pub(super) fn prompted(console: &Console, question: &str, otherwise: &str) -> Result<String, Problem> {
    let failed = |error: &io::Error| Problem::failed("the secret cannot be asked for").because(error);
    if !is_there() {
        return Err(Problem::failed("the secret is to be asked for, and standard input is no terminal").hint(otherwise));
    }
    console.note(question);
    let silent = Silent::begin().map_err(|error| failed(&error))?;
    let mut line = String::new();
    let read = io::stdin().lock().take(BYTES_MAX).read_line(&mut line);
    drop(silent);
    read.map_err(|error| failed(&error))?;
    Ok(line)
}

/// A terminal that shows nothing of what is typed, until this is dropped.
struct Silent(Termios);

// === impl Silent ===

impl Silent {
    fn begin() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // The process ends soon after; a terminal that is gone needs no echo.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
