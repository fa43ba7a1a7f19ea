//! Running a command to its end, or beside the test.

use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::wait_for;

/// What a command printed and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl fmt::Display for Finished {
    /// Writes it as the snapshots of the cli crate do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => writeln!(f, "exit code: {code}")?,
            None => writeln!(f, "exit code: none")?,
        }
        write!(f, "----- stdout -----\n{}----- stderr -----\n{}", self.stdout, self.stderr)
    }
}

/// Runs `command` with nothing on its standard input, and ends it when it has
/// not ended by itself within `deadline`, which fails the test.
#[track_caller]
pub fn run(command: &mut Command, deadline: Duration) -> Finished {
    // Files, not pipes: a pipe is full at some point, and a grandchild may keep it open.
    let (mut stdout, mut stderr) = (scratch_file(), scratch_file());
    command.stdin(Stdio::null()).stdout(share(&stdout)).stderr(share(&stderr));
    let mut child = Running::start(command);
    let status = wait_for(deadline, || child.ended());
    let code = status.and_then(|status| status.code());
    let finished = Finished { code, stdout: content(&mut stdout), stderr: content(&mut stderr) };
    assert!(status.is_some(), "{} has not ended within {deadline:?}\n{finished}", shown(command));
    finished
}

/// A process that runs beside the test and is killed when this is dropped.
#[derive(Debug)]
pub struct Background {
    shown: String,
    child: Running,
    output: PathBuf,
}

impl Background {
    /// Starts `command`; both of its streams go to the file `output`.
    #[track_caller]
    pub fn start(command: &mut Command, output: &Path) -> Self {
        let file = match File::create(output) {
            Ok(file) => file,
            Err(error) => panic!("{} cannot be made: {error}", output.display()),
        };
        command.stdin(Stdio::null()).stdout(share(&file)).stderr(share(&file));
        Self { shown: shown(command), child: Running::start(command), output: output.to_owned() }
    }

    /// Asks `probe` until it has an answer. Fails the test when the process ends
    /// first or when `deadline` is over, with what the process printed.
    #[track_caller]
    pub fn wait_for<T>(&mut self, what: &str, deadline: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
        let found = wait_for(deadline, || {
            // In this order: what it did before it ended counts.
            let ended = self.child.ended();
            probe().map(Ok).or_else(|| ended.map(Err))
        });
        let problem = match found {
            Some(Ok(answer)) => return answer,
            Some(Err(status)) => format!("ended with {status} before {what}"),
            None => format!("has been running for {deadline:?} without {what}"),
        };
        panic!("{} {problem}; it printed:\n{}", self.shown, self.output());
    }

    /// Waits until the process ends by itself; returns its exit code, `None` when a signal ended it.
    #[track_caller]
    pub fn wait(&mut self, deadline: Duration) -> Option<i32> {
        match wait_for(deadline, || self.child.ended()) {
            Some(status) => status.code(),
            None => panic!("{} has not ended within {deadline:?}; it printed:\n{}", self.shown, self.output()),
        }
    }

    /// Kills the process at once, as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill();
    }

    /// Returns the number by which the system knows the process.
    pub fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Returns what both streams printed so far.
    pub fn output(&self) -> String {
        fs::read(&self.output).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

/// A child that is killed and reaped when it is dropped.
#[derive(Debug)]
struct Running(Child);

impl Running {
    #[track_caller]
    fn start(command: &mut Command) -> Self {
        match command.spawn() {
            Ok(child) => Self(child),
            Err(error) => panic!("{} does not start: {error}", shown(command)),
        }
    }

    #[track_caller]
    fn ended(&mut self) -> Option<ExitStatus> {
        match self.0.try_wait() {
            Ok(status) => status,
            Err(error) => panic!("the state of a child cannot be read: {error}"),
        }
    }

    fn kill(&mut self) {
        // Both fail only for a child that has ended and is reaped.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

#[track_caller]
fn scratch_file() -> File {
    match tempfile::tempfile() {
        Ok(file) => file,
        Err(error) => panic!("no temporary file can be made: {error}"),
    }
}

#[track_caller]
fn share(file: &File) -> Stdio {
    match file.try_clone() {
        Ok(file) => file.into(),
        Err(error) => panic!("a file cannot be shared with a child: {error}"),
    }
}

#[track_caller]
fn content(file: &mut File) -> String {
    let read = |file: &mut File| -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0))?;
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read(file) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => panic!("what a child printed cannot be read: {error}"),
    }
}

fn shown(command: &Command) -> String {
    let mut shown = format!("`{}", command.get_program().display());
    for word in command.get_args() {
        let _ = write!(shown, " {}", word.display());
    }
    shown + "`"
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(30);

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_command_is_captured() {
        let finished = run(&mut shell("echo out; echo err >&2; exit 3"), SOON);
        assert_eq!(finished.to_string(), "exit code: 3\n----- stdout -----\nout\n----- stderr -----\nerr\n");
    }

    #[test]
    fn more_than_a_pipe_holds_is_captured() {
        let finished = run(&mut shell("head -c 300000 /dev/zero | tr '\\0' x"), SOON);
        assert_eq!(finished.stdout.len(), 300_000);
    }

    #[test]
    #[should_panic(expected = "has not ended within 50ms\nexit code: none\n----- stdout -----\n")]
    fn a_command_that_hangs_fails_the_test() {
        run(&mut shell("echo begun; exec sleep 600"), Duration::from_millis(50));
    }

    #[test]
    #[should_panic(expected = "ended with exit status: 4 before it was ready; it printed:\nno such option\n")]
    fn an_early_end_is_told_with_what_was_printed() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = Background::start(&mut shell("echo no such option >&2; exit 4"), &folder.path().join("out"));
        process.wait_for("it was ready", SOON, || None::<()>);
    }

    #[test]
    fn nothing_outlives_its_test() {
        let folder = tempfile::tempdir().unwrap();
        let process = Background::start(&mut shell("exec sleep 600"), &folder.path().join("out"));
        let id = process.id().to_string();
        let alive = || run(Command::new("kill").args(["-0", &id]), SOON).code == Some(0);
        assert!(alive());
        drop(process);
        assert!(!alive());
    }
}
