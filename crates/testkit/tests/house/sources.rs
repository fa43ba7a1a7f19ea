//! The files of the repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A text file that is, or is about to be, under version control.
pub(crate) struct Source {
    /// Its path from the root, with `/` between the parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn is_rust(&self) -> bool {
        self.has_extension("rs")
    }

    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|own| own == extension)
    }

    pub(crate) fn is_in(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.path.starts_with(folder))
    }

    /// Returns the lines that are neither empty nor comments, with their numbers.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_code = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with("//");
        self.lines().filter(move |(_, line)| is_code(line))
    }

    /// Returns every line with its number.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }
}

/// Returns every text file that git knows or would add.
pub(crate) fn sources() -> Vec<Source> {
    let answer = Command::new("git")
        // The checkout may belong to someone else, as in a container.
        .args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git runs");
    assert!(answer.status.success(), "git does not list the files: {}", answer.stderr.escape_ascii());
    let paths = String::from_utf8(answer.stdout).expect("paths are UTF-8");
    let read = |path: &str| {
        // What was deleted is listed until that is committed; what is no text has no lines.
        let text = fs::read_to_string(root().join(path)).ok()?;
        Some(Source { path: path.to_owned(), text })
    };
    let sources: Vec<Source> = paths.split_terminator('\0').filter_map(read).collect();
    assert!(sources.iter().any(Source::is_rust), "git lists no source");
    sources
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
