//! The files of an export: written beside their place, and put there once they are whole.

use std::collections::HashSet;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use actas_mailbox::{ExportedItem, write_mbox};
use fs_err as fs;
use tempfile::{NamedTempFile, TempDir};

use crate::arguments::mailbox::Format;
use crate::problem::Problem;

/// Bytes of a part of a file's name; no file system takes more than 255.
const NAME_BYTES_MAX: usize = 200;

/// What is made in the end.
pub(super) struct Target {
    to: PathBuf,
    made: Made,
    /// Places below it that are taken, lower case: some file systems know no other.
    taken: std::cell::RefCell<HashSet<String>>,
}

enum Made {
    File(NamedTempFile),
    Folder(TempDir),
}

/// Where a folder's files go.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The names of the folders that lead there, and its own.
    pub(super) path: &'a [String],
    /// Whether it is all that is exported.
    pub(super) is_alone: bool,
}

/// The files of one folder.
pub(super) struct Files {
    to: PathBuf,
    form: Form,
    items: u64,
    bytes: u64,
}

enum Form {
    Mbox(BufWriter<std::fs::File>),
    Eml(PathBuf),
}

// === impl Target ===

impl Target {
    /// One file, or a folder of files. What is there is not touched.
    pub(super) fn new(to: &Path, is_file: bool) -> Result<Self, Problem> {
        if to.symlink_metadata().is_ok() {
            return Err(Problem::failed(format!("`{}` is there already", to.display()))
                .hint("name another with `--to PATH`, or remove it first"));
        }
        let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Only the owner may read them, from the start.
        let mut builder = tempfile::Builder::new();
        builder.prefix(".actas-export-");
        let made = if is_file {
            builder.tempfile_in(parent).map(Made::File)
        } else {
            builder.tempdir_in(parent).map(Made::Folder)
        };
        let made =
            made.map_err(|error| not_written(to, &error).hint("give `--to` a path in a folder that is there"))?;
        Ok(Self { to: to.to_owned(), made, taken: std::cell::RefCell::default() })
    }

    /// Begins the files of a folder.
    pub(super) fn folder(&self, place: Place<'_>, format: Format) -> Result<Files, Problem> {
        let begin = || -> io::Result<Form> {
            match (&self.made, format) {
                (Made::File(file), _) => Ok(Form::Mbox(BufWriter::new(file.as_file().try_clone()?))),
                (Made::Folder(folder), Format::Eml) if place.is_alone => Ok(Form::Eml(folder.path().to_owned())),
                (Made::Folder(folder), format) => {
                    let path = self.free(place.path);
                    let (parent, name) = path.split_at(path.len().saturating_sub(1));
                    let parent = parent.iter().fold(folder.path().to_owned(), |path, name| path.join(name));
                    fs::create_dir_all(&parent)?;
                    let name = name.first().map_or("_", String::as_str);
                    if format == Format::Eml {
                        let own = parent.join(name);
                        fs::create_dir_all(&own)?;
                        return Ok(Form::Eml(own));
                    }
                    let file = new_file(&parent.join(format!("{name}.mbox")))?;
                    Ok(Form::Mbox(BufWriter::new(file)))
                }
            }
        };
        let form = begin().map_err(|error| not_written(&self.to, &error))?;
        Ok(Files { to: self.to.clone(), form, items: 0, bytes: 0 })
    }

    /// A path of names that a file system takes, and that no other folder has.
    fn free(&self, path: &[String]) -> Vec<String> {
        let mut path: Vec<String> = path.iter().map(|name| file_name(name)).collect();
        let mut taken = self.taken.borrow_mut();
        let last = path.pop().unwrap_or_default();
        let way = path.join("/").to_lowercase();
        let numbered = (1_u32..).map(|n| if n == 1 { last.clone() } else { format!("{last} ({n})") });
        // There are fewer folders than numbers.
        let mut free = numbered.skip_while(|name| !taken.insert(format!("{way}/{}", name.to_lowercase())));
        path.extend(free.next());
        path
    }

    /// Puts what was written in its place.
    pub(super) fn finish(self) -> Result<(), Problem> {
        let to = &self.to;
        let put = || -> io::Result<()> {
            match self.made {
                Made::File(file) => {
                    file.as_file().sync_all()?;
                    file.persist_noclobber(to).map_err(|error| error.error)?;
                }
                Made::Folder(folder) => {
                    fs::rename(folder.path(), to)?;
                    // It is no longer where it would be removed.
                    let _ = folder.keep();
                }
            }
            let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            fs::File::open(parent)?.sync_all()
        };
        put().map_err(|error| not_written(to, &error))
    }
}

// === impl Files ===

impl Files {
    pub(super) fn add(&mut self, item: &ExportedItem) -> Result<(), Problem> {
        self.items += 1;
        self.bytes += u64::try_from(item.mime.len()).unwrap_or(u64::MAX);
        let number = self.items;
        let written = match &mut self.form {
            Form::Mbox(file) => write_mbox(file, item),
            Form::Eml(folder) => {
                let name = format!("{number:06}-{}.eml", item.id);
                new_file(&folder.join(name)).and_then(|mut file| {
                    file.write_all(&item.mime)?;
                    file.sync_all()
                })
            }
        };
        written.map_err(|error| not_written(&self.to, &error))
    }

    /// Has all of it on disk; how many items and how many of their bytes.
    pub(super) fn finish(mut self) -> Result<(u64, u64), Problem> {
        let done = match &mut self.form {
            Form::Mbox(file) => file.flush().and_then(|()| file.get_ref().sync_all()),
            Form::Eml(_) => Ok(()),
        };
        done.map_err(|error| not_written(&self.to, &error))?;
        Ok((self.items, self.bytes))
    }
}

/// A file that is not there yet, and that only its owner reads.
fn new_file(path: &Path) -> io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// A folder's name as a file system takes it: it leads nowhere else, and is not hidden.
fn file_name(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_control() || "/\\:".contains(c) { '_' } else { c }).collect();
    let mut plain = plain.trim().to_owned();
    while plain.len() > NAME_BYTES_MAX {
        plain.pop();
    }
    if plain.is_empty() || plain.starts_with('.') { format!("_{plain}") } else { plain }
}

fn not_written(to: &Path, error: &io::Error) -> Problem {
    Problem::failed(format!("`{}` cannot be written, so nothing was", to.display())).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_nowhere_else() {
        for (name, expected) in [
            ("Inbox", "Inbox"),
            ("..", "_.."),
            ("../../etc", "_.._.._etc"),
            ("a/b", "a_b"),
            ("a\u{0}b\n", "a_b_"),
            ("", "_"),
            (".hidden", "_.hidden"),
        ] {
            assert_eq!(file_name(name), expected, "{name:?}");
        }
        assert_eq!(file_name(&"é".repeat(255)).len(), 200);
    }

    #[test]
    fn two_folders_have_two_places() {
        let place = tempfile::tempdir().unwrap();
        let target = Target::new(&place.path().join("out"), false).unwrap();
        let free = |name: &str| target.free(&["Inbox".to_owned(), name.to_owned()]).join("/");
        assert_eq!([free("A/B"), free("a_b"), free("A_B")], ["Inbox/A_B", "Inbox/a_b (2)", "Inbox/A_B (3)"]);
    }
}
