//! Options that every command takes, before its name or after it.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};

use crate::problem::Problem;

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Folder of settings, certificates and queues [env: ACTAS_DATA] [default: `actas` in the
    /// platform's folder for data, such as ~/.local/share/actas]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// Configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// How objects are printed
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t)]
    pub(crate) output: Format,

    /// Tell on standard error what is being done
    #[arg(long, global = true)]
    pub(crate) verbose: bool,

    /// Print without colour, as with the variable NO_COLOR
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

impl Global {
    /// Returns the folder that holds the data of this installation.
    pub(crate) fn data_dir(&self) -> Result<PathBuf, Problem> {
        data_dir(self.data.as_deref(), |name| env::var_os(name)).ok_or_else(|| {
            Problem::usage("there is no folder for data")
                .hint("name one with `--data DIR` or in the variable `ACTAS_DATA`")
        })
    }

    /// Returns the folder that was typed, leaving the environment out.
    pub(crate) fn typed_data_dir(&self) -> Option<&Path> {
        self.data.as_deref()
    }
}

/// How objects are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One property a line, as `Format-List` does
    #[default]
    List,
    /// One object a line, as `Format-Table` does
    Table,
    /// An array of objects, `[]` for none
    Json,
}

fn data_dir(typed: Option<&Path>, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    if let Some(typed) = typed {
        return Some(typed.to_owned());
    }
    if let Some(named) = set("ACTAS_DATA") {
        return Some(PathBuf::from(named));
    }
    let platform = if cfg!(windows) {
        set("LOCALAPPDATA").map(PathBuf::from)
    } else if cfg!(target_os = "macos") {
        set("HOME").map(|home| PathBuf::from(home).join("Library/Application Support"))
    } else {
        // The specification of the variable has relative paths ignored.
        set("XDG_DATA_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".local/share")))
    };
    platform.map(|folder| folder.join("actas"))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_names_the_folder() {
        let check = |typed: Option<&str>, variables: &[(&str, &str)], expected: Option<&str>| {
            let found = data_dir(typed.map(Path::new), |name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
            });
            assert_eq!(found.as_deref(), expected.map(Path::new), "{variables:?}");
        };
        check(Some("here"), &[("ACTAS_DATA", "/there")], Some("here"));
        check(None, &[("ACTAS_DATA", "/there"), ("HOME", "/h")], Some("/there"));
        check(None, &[("ACTAS_DATA", ""), ("XDG_DATA_HOME", "/x"), ("HOME", "/h")], Some("/x/actas"));
        check(None, &[("XDG_DATA_HOME", "relative"), ("HOME", "/h")], Some("/h/.local/share/actas"));
        check(None, &[], None);
    }
}
