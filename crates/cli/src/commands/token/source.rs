//! A token from where it is: the command line, a file, standard input.

use std::io::Read;

use actas_token::jws::TOKEN_BYTES_MAX;
use secrecy::{ExposeSecret, SecretString};

use crate::{arguments::token::Source, problem::Problem};

/// Room for what stands around a token that is just short enough.
const BYTES_MAX: u64 = TOKEN_BYTES_MAX as u64 + 1024;

/// Reads a token, without what stands before it in a header field.
pub(super) async fn read(source: Source) -> Result<SecretString, Problem> {
    let text = match (source.file, source.token) {
        (Some(file), _) => {
            let shown = file.display().to_string();
            let text = blocking(move || bounded(&mut fs_err::File::open(&file)?)).await;
            text.map_err(|error| {
                Problem::failed(format!("`{shown}` cannot be read"))
                    .because(&error)
                    .hint("name a file with the token, or `-` for standard input")
            })?
        }
        (None, Some(token)) if token.expose_secret() != "-" => token.expose_secret().to_owned(),
        (None, _) => blocking(|| bounded(&mut std::io::stdin()))
            .await
            .map_err(|error| Problem::failed("standard input cannot be read").because(&error))?,
    };
    let text = text.trim();
    let text = text.strip_prefix("Authorization:").unwrap_or(text).trim();
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let is_scheme = ["Bearer", "DPoP"].iter().any(|scheme| word.eq_ignore_ascii_case(scheme));
    let bare = if is_scheme { rest.trim() } else { text };
    if bare.is_empty() {
        return Err(Problem::failed("there is no token: what was given is empty")
            .hint("give the token as an argument, `--file FILE`, or pipe it to standard input"));
    }
    Ok(bare.to_owned().into())
}

fn bounded(from: &mut impl Read) -> std::io::Result<String> {
    let mut text = String::new();
    from.take(BYTES_MAX).read_to_string(&mut text).map(|_| text)
}

async fn blocking(read: impl FnOnce() -> std::io::Result<String> + Send + 'static) -> std::io::Result<String> {
    tokio::task::spawn_blocking(read).await.map_err(std::io::Error::other).flatten()
}
