//! Secrets and tokens that are given to a command, and never on its command line.

use std::env;
use std::io::{self, BufRead, IsTerminal, Read};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::{ExposeSecret, SecretString};

use crate::{arguments::connect::SecretSource, output::Console, problem::Problem};

/// The variable that a secret may stand in.
const SECRET_VARIABLE: &str = "ACTAS_CLIENT_SECRET";
/// The most bytes of a token or secret on standard input.
const BYTES_MAX: u64 = 64 * 1024;

/// Returns the secret of an application, from where it was said to be.
pub(super) fn from(source: SecretSource, console: &Console) -> Result<SecretString, Problem> {
    let (text, place) = match source {
        SecretSource::Prompt => (prompted(console)?, "what was typed"),
        SecretSource::Variable => (env::var(SECRET_VARIABLE).unwrap_or_default(), "the variable ACTAS_CLIENT_SECRET"),
        SecretSource::StandardInput => (standard_input()?, "standard input"),
    };
    let secret = text.trim();
    if secret.is_empty() {
        return Err(Problem::failed(format!("{place} holds no secret"))
            .hint("`-ClientSecret prompt` asks for it, `-ClientSecretFile FILE` reads a file"));
    }
    Ok(SecretString::from(secret))
}

/// Returns a token, from standard input if it is `-`.
pub(super) fn token(given: &SecretString) -> Result<String, Problem> {
    let text = given.expose_secret();
    let text = if text == "-" { standard_input()? } else { text.to_owned() };
    let text = text.trim();
    if text.is_empty() {
        return Err(Problem::failed("the token is empty")
            .hint("give one that was fetched for the directory's Graph API: `-AccessToken - < token.txt`"));
    }
    Ok(text.to_owned())
}

fn standard_input() -> Result<String, Problem> {
    let mut text = String::new();
    io::stdin()
        .take(BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| Problem::failed("standard input cannot be read").because(&error))?;
    Ok(text)
}

/// Asks for the secret at the terminal, which does not show it.
fn prompted(console: &Console) -> Result<String, Problem> {
    let failed = |error: &io::Error| Problem::failed("the secret cannot be asked for").because(error);
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Err(Problem::failed("the secret is to be asked for, and standard input is no terminal")
            .hint("`-ClientSecret -` reads it from standard input, `-ClientSecret env` from ACTAS_CLIENT_SECRET"));
    }
    console.note("Secret of the application, which is not shown:");
    let silent = Silent::begin().map_err(|error| failed(&error))?;
    let mut line = String::new();
    let read = stdin.lock().take(BYTES_MAX).read_line(&mut line);
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
