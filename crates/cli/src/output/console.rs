//! The two streams of the process. Nothing else in the product prints.

use std::{
    env,
    ffi::OsString,
    io::{self, ErrorKind, IsTerminal, Write},
    ops::ControlFlow,
};

use clap::builder::styling::{AnsiColor, Style};

use super::{Canvas, Record, render, text};
use crate::{
    arguments::global::{Format, Global},
    problem::Problem,
};

/// Where a command says what it has to say.
///
/// Results go to standard output, everything else to standard error, which
/// never fails a command.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    format: Format,
    verbose: bool,
    output: Canvas,
    notes: Canvas,
}

impl Console {
    /// Returns the console that the global options ask for.
    pub(crate) fn new(global: &Global) -> Self {
        let colors = !global.no_color && env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        let stdout = io::stdout().is_terminal();
        let stderr = io::stderr().is_terminal();
        let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        Self {
            format: global.output,
            verbose: global.verbose,
            output: Canvas { width: width.filter(|_| stdout), color: colors && stdout },
            notes: Canvas { width: width.filter(|_| stderr), color: colors && stderr },
        }
    }

    /// Returns a console for words that may turn out not to be understood.
    pub(crate) fn before_parsing(words: &[OsString]) -> Self {
        let no_color = words.iter().any(|word| {
            word.to_str()
                .is_some_and(|word| word.eq_ignore_ascii_case("--no-color") || word.eq_ignore_ascii_case("-NoColor"))
        });
        Self::new(&Global { no_color, ..Global::default() })
    }

    /// Prints objects as `-Output` asks for.
    pub(crate) fn records(&self, records: &[Record]) -> Result<(), Problem> {
        self.text(&render(records, self.format, self.output))
    }

    /// Prints objects as JSON, whatever form is the default.
    pub(crate) fn json(&self, records: &[Record]) -> Result<(), Problem> {
        self.text(&render(records, Format::Json, Canvas::default()))
    }

    /// Prints objects one a line, whatever form is the default.
    pub(crate) fn table(&self, records: &[Record]) -> Result<(), Problem> {
        self.text(&render(records, Format::Table, self.output))
    }

    /// Prints a line of a result for a person.
    pub(crate) fn line(&self, text: &str) -> Result<(), Problem> {
        self.text(&format!("{}\n", text::visible(text)))
    }

    /// Prints a text that is the result, as it is.
    ///
    /// A reader that has gone away is no problem: it has what it wanted.
    pub(crate) fn text(&self, text: &str) -> Result<(), Problem> {
        self.stream(text).map(|_| ())
    }

    /// Prints a part of a result that goes on, and says whether anyone still
    /// reads.
    ///
    /// A command whose result is what it prints stops at `Break`; one that has
    /// other work to do, such as `demo`, goes on.
    #[expect(clippy::unused_self, reason = "only who has the console prints")]
    pub(crate) fn stream(&self, text: &str) -> Result<ControlFlow<()>, Problem> {
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        match written {
            Ok(()) => Ok(ControlFlow::Continue(())),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
            Err(error) => Err(Problem::failed("the result could not be written").detail(format!("caused by: {error}"))),
        }
    }

    /// Says something on standard error.
    pub(crate) fn note(&self, text: &str) {
        self.say("", None, text);
    }

    /// Says what is being done, if `-Verbose` asks for it.
    pub(crate) fn verbose(&self, text: &str) {
        if self.verbose {
            self.say("VERBOSE: ", Some(VERBOSE_STYLE), text);
        }
    }

    /// Says that something was done but deserves a look.
    pub(crate) fn warning(&self, text: &str) {
        self.say("warning: ", Some(WARNING_STYLE), text);
    }

    /// Says why a command stopped.
    pub(crate) fn problem(&self, problem: &Problem) {
        self.say("error: ", Some(ERROR_STYLE), &problem.what);
        for line in &problem.details {
            self.say("  ", None, line);
        }
        if let Some(hint) = &problem.hint {
            self.say("\n", None, "");
            self.say("hint: ", Some(HINT_STYLE), hint);
        }
    }

    /// Returns how results are printed.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Returns whether results are printed in colour.
    pub(crate) fn colors_output(&self) -> bool {
        self.output.color
    }

    /// Returns whether standard error has colour.
    pub(crate) fn colors_notes(&self) -> bool {
        self.notes.color
    }

    fn say(&self, label: &str, style: Option<Style>, said: &str) {
        let style = style.filter(|_| self.notes.color).unwrap_or_default();
        let said = text::visible(said);
        let line = format!("{style}{label}{style:#}{said}");
        let end = if line.ends_with('\n') { "" } else { "\n" };
        // There is no one left to tell that standard error is gone.
        let _ = write!(io::stderr().lock(), "{line}{end}");
    }
}

/// How the names of properties stand out.
pub(super) const NAME_STYLE: Style = AnsiColor::Green.on_default().bold();

const ERROR_STYLE: Style = AnsiColor::Red.on_default().bold();
const WARNING_STYLE: Style = AnsiColor::Yellow.on_default().bold();
const HINT_STYLE: Style = AnsiColor::Cyan.on_default().bold();
const VERBOSE_STYLE: Style = AnsiColor::Yellow.on_default();
