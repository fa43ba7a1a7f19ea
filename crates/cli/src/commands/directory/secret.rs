//! Secrets and tokens that are given to a command, and never on its command line.

use std::env;

use secrecy::{ExposeSecret, SecretString};

use crate::{
    arguments::connect::SecretSource,
    commands::terminal::{prompted, standard_input},
    output::Console,
    problem::Problem,
};

/// The variable that a secret may stand in.
const SECRET_VARIABLE: &str = "ACTAS_CLIENT_SECRET";
const QUESTION: &str = "Secret of the application, which is not shown:";
const OTHERWISE: &str = "`-ClientSecret -` reads it from standard input, `-ClientSecret env` from ACTAS_CLIENT_SECRET";

/// Returns the secret of an application, from where it was said to be.
pub(super) fn from(source: SecretSource, console: &Console) -> Result<SecretString, Problem> {
    let (text, place) = match source {
        SecretSource::Prompt => (prompted(console, QUESTION, OTHERWISE)?, "what was typed"),
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
