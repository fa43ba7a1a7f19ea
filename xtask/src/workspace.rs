//! Where things are: the sources, the tools and what was built.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

/// Returns the folder that holds the workspace's `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// Returns the folder for everything that is built: this program lies in a profile's folder in it.
pub(crate) fn target() -> Result<PathBuf> {
    let own = env::current_exe().context("this program does not know its own path")?;
    let target = own.ancestors().nth(2).context("this program lies in no target folder")?;
    Ok(target.to_owned())
}

/// Returns the path of the product's binary as the dev profile builds it.
pub(crate) fn actas() -> Result<PathBuf> {
    Ok(target()?.join("debug").join(format!("actas{}", env::consts::EXE_SUFFIX)))
}

/// Returns a command that runs `program` at the root.
pub(crate) fn command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    command.current_dir(root());
    command
}

/// Returns a command that runs the cargo which runs us, with these words.
pub(crate) fn cargo(words: &[&str]) -> Command {
    let mut command = command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(words);
    command
}
