//! What the demonstration says: for a person, or one JSON object a line.

use std::time::Instant;

use serde::Serialize;

use crate::output::Console;
use crate::problem::Problem;

/// One step, as a script reads it.
#[derive(Serialize)]
struct Line<'a> {
    step: &'a str,
    command: &'a str,
    ok: bool,
    observed: &'a str,
}

/// Collects and shows the steps.
pub(super) struct Report {
    console: Console,
    json: bool,
    steps: usize,
    started: Instant,
}

// === impl Report ===

impl Report {
    pub(super) fn new(console: Console, json: bool) -> Self {
        Self { console, json, steps: 0, started: Instant::now() }
    }

    /// A step is about to be made.
    pub(super) fn begin(&mut self, step: &str, why: &str) {
        self.steps += 1;
        if !self.json {
            self.show(&format!("\n{:>2}. {step}: {why}\n", self.steps));
        }
    }

    /// What was typed and what came back.
    pub(super) fn transcript(&self, command: &str, output: &str) {
        if self.json {
            return;
        }
        self.show(&format!("    $ {command}\n"));
        // Header fields are for who looks for a fault; here they would hide the walk.
        let is_field = |line: &str| line.starts_with("VERBOSE: HTTP: ");
        let mut left_out = 0;
        for line in output.lines().filter(|line| {
            left_out += usize::from(is_field(line));
            !is_field(line)
        }) {
            self.show(&format!("      {line}\n"));
        }
        if left_out > 0 {
            self.show(&format!("      ({left_out} lines with header fields are left out)\n"));
        }
    }

    /// A step was made and observed.
    pub(super) fn done(&self, step: &str, command: &str, observed: &str) {
        if self.json {
            self.line(&Line { step, command, ok: true, observed });
        } else {
            self.show(&format!("    ok: {observed}\n"));
        }
    }

    /// A step failed.
    fn failed(&self, step: &str, command: &str, observed: &str) {
        if self.json {
            self.line(&Line { step, command, ok: false, observed });
        }
    }

    /// The last line. The demonstration succeeds only if every step was observed.
    pub(super) fn summary(&self, outcome: Result<(), Failure>) -> Result<(), Problem> {
        let seconds = self.started.elapsed().as_secs_f64();
        let (ok, observed) = match &outcome {
            Ok(()) => (true, format!("all {} steps were observed in {seconds:.1} s", self.steps)),
            Err(failure) => {
                self.failed(failure.step, &failure.command, &failure.why);
                (false, format!("step {} of the walk, {}, was not observed", self.steps, failure.step))
            }
        };
        if self.json {
            self.line(&Line { step: "summary", command: "actas demo", ok, observed: &observed });
        } else {
            self.show(&format!("\n{observed}\n"));
        }
        outcome.map_err(|failure| Problem::failed(format!("{}: {}", failure.step, failure.why)).detail(failure.command))
    }

    pub(super) fn note(&self, text: &str) {
        self.console.note(text);
    }

    fn line(&self, line: &Line<'_>) {
        let text = serde_json::to_string(line).unwrap_or_default();
        self.show(&format!("{text}\n"));
    }

    fn show(&self, text: &str) {
        // A reader that went away does not stop the walk: its end is the exit code.
        let _ = self.console.stream(text);
    }
}

/// A step that was not observed.
pub(super) struct Failure {
    pub(super) step: &'static str,
    pub(super) command: String,
    pub(super) why: String,
}
