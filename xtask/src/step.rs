//! One command of a task: told before, shown while it runs, timed after.

use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result};

/// What a command said and how it ended.
pub(crate) struct Finished {
    pub(crate) success: bool,
    /// Every line of both streams, those of standard output first.
    pub(crate) lines: Vec<String>,
}

/// Runs `command`, passing on what it prints and keeping a copy.
pub(crate) fn run(title: &str, command: &mut Command) -> Result<Finished> {
    println!("\n==> {title}\n    $ {}", shown(command));
    if io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always").env("FORCE_COLOR", "1");
    }
    let begun = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("`{}` does not start", shown(command)))?;
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    let lines = thread::scope(|scope| {
        let errors = scope.spawn(|| errors.map_or(Ok(Vec::new()), |stream| copy(stream, io::stderr())));
        let output = output.map_or(Ok(Vec::new()), |stream| copy(stream, io::stdout()));
        let errors = errors.join().unwrap_or_else(|_| Err(io::Error::other("the thread that reads them ended")));
        output.and_then(|output| Ok([output, errors?].concat()))
    })
    .with_context(|| format!("what `{}` prints cannot be read", shown(command)))?;
    let success = child.wait().with_context(|| format!("`{}` cannot be waited for", shown(command)))?.success();
    let outcome = if success { "done" } else { "FAILED" };
    println!("    {outcome} in {:.1} s: {title}", begun.elapsed().as_secs_f64());
    Ok(Finished { success, lines })
}

/// Returns whether `command` runs and succeeds, showing nothing of it.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn copy(from: impl Read, mut to: impl Write) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        to.flush()?;
        lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
    Ok(lines)
}

/// Returns the command as one would type it, the program without its folder.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let words = [program.file_name().unwrap_or_default()].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
