//! A lab of its own for a test.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::{Background, Finished, run};

/// A running `actas lab`, killed when it is dropped, with its folder.
#[derive(Debug)]
pub struct Lab {
    binary: PathBuf,
    process: Background,
    values: BTreeMap<String, String>,
    // After the process, which writes into it.
    folder: TempDir,
}

/// What a lab is started with beside its address, its data and its files.
#[derive(Clone, Debug, Default)]
pub struct LabOptions {
    arguments: Vec<OsString>,
}

impl LabOptions {
    /// Adds an argument such as `--fault` or its value.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }
}

impl Lab {
    /// Starts a lab on a free port of loopback and waits until everything answers.
    #[track_caller]
    pub fn start(binary: &Path) -> Self {
        Self::start_with(binary, &LabOptions::default())
    }

    /// Starts a lab with further arguments.
    #[track_caller]
    pub fn start_with(binary: &Path, options: &LabOptions) -> Self {
        Self::launch(Command::new(binary), binary, options)
    }

    /// Returns what the ready file says under `key`, such as `BASE_URL`.
    #[track_caller]
    pub fn value(&self, key: &str) -> &str {
        let Some(value) = self.values.get(key) else {
            panic!("the ready file has no {key}; it has {:?}", self.values.keys())
        };
        value
    }

    /// Returns every key of the ready file with its value.
    pub fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// Returns the folder that the lab was given, which goes when the lab does.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the process, to look at its output or to kill it.
    pub fn process(&mut self) -> &mut Background {
        &mut self.process
    }

    /// Runs a command of the same binary on the data of this lab.
    #[track_caller]
    pub fn actas(&self, arguments: &[&str]) -> Finished {
        let mut command = Command::new(&self.binary);
        run(command.arg("--data").arg(self.value("DATA_DIR")).args(arguments), COMMAND_DEADLINE)
    }

    #[track_caller]
    fn launch(mut command: Command, binary: &Path, options: &LabOptions) -> Self {
        let folder = match TempDir::with_prefix("actas-lab-") {
            Ok(folder) => folder,
            Err(error) => panic!("no temporary folder can be made: {error}"),
        };
        let ready_file = folder.path().join("ready.json");
        command.arg("lab").args(["--listen", "127.0.0.1:0", "--ready-file"]).arg(&ready_file);
        command.arg("--data").arg(folder.path().join("data")).args(&options.arguments);
        let mut process = Background::start(&mut command, &folder.path().join("output.txt"));
        // The file is moved into place, so what can be read is whole.
        let written = process.wait_for("its ready file was there", READY_DEADLINE, || fs::read(&ready_file).ok());
        let values = match serde_json::from_slice(&written) {
            Ok(values) => values,
            Err(error) => panic!("the ready file is no object of strings: {error}\n{}", written.escape_ascii()),
        };
        Self { binary: binary.to_owned(), process, values, folder }
    }
}

/// Within it a lab that was built without optimisation has made its keys, on a busy machine.
const READY_DEADLINE: Duration = Duration::from_mins(1);
const COMMAND_DEADLINE: Duration = Duration::from_mins(1);

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// Starts a lab that is a shell script, with `$ready` the path of its ready file.
    #[track_caller]
    fn start(script: &str) -> Lab {
        let script =
            format!("[ \"$1 $2 $3 $4\" = 'lab --listen 127.0.0.1:0 --ready-file' ] || exit 9; ready=$5; {script}");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, "actas"]);
        Lab::launch(shell, Path::new("actas"), &LabOptions::default().argument("--fault").argument("x"))
    }

    #[test]
    fn the_ready_file_is_read() {
        let lab = start(
            "[ \"$8 $9\" = '--fault x' ] && echo '{\"BASE_URL\": \"https://localhost:1\"}' >\"$ready.new\" \
             && mv \"$ready.new\" \"$ready\" && exec sleep 600",
        );
        assert_eq!(lab.value("BASE_URL"), "https://localhost:1");
        assert!(lab.folder().join("ready.json").exists());
    }

    #[test]
    #[should_panic(expected = "before its ready file was there; it printed:\nthe port is taken\n")]
    fn a_lab_that_ends_tells_why() {
        start("echo the port is taken >&2; exit 1");
    }

    #[test]
    #[should_panic(expected = "the ready file is no object of strings")]
    fn a_ready_file_of_another_shape_is_refused() {
        start("echo '[1]' >\"$ready.new\" && mv \"$ready.new\" \"$ready\" && exec sleep 600");
    }
}
