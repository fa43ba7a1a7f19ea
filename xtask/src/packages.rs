//! Programs that a task needs and the machine lacks.

use std::process::Command;

use anyhow::{Result, bail};

use crate::step;
use crate::workspace::command;

/// Installs `packages`, which are `what`, as Debian and its kin name them.
pub(crate) fn install(packages: &[&str], what: &str) -> Result<()> {
    let steps = [
        ("Package lists", vec!["apt-get", "update"]),
        ("Packages", [&["apt-get", "install", "--yes", "--no-install-recommends"], packages].concat()),
    ];
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|answer| answer.stdout.trim_ascii() == b"0");
    for (title, words) in steps {
        let words = if is_root { words } else { [vec!["sudo"], words].concat() };
        let mut install = command(words[0]);
        install.args(&words[1..]).env("DEBIAN_FRONTEND", "noninteractive");
        if !step::run(title, &mut install)?.success {
            bail!("`{}` fails; install {what}", words.join(" "));
        }
    }
    Ok(())
}
