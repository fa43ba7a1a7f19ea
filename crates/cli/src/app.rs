//! From the words that were typed to the command that runs.

use std::{ffi::OsString, process::ExitCode, time::Duration};

use clap::{FromArgMatches, error::ErrorKind};

use crate::{
    arguments::{self, Cli, Command, Ours, global::Global},
    commands, completions, help, logging,
    output::Console,
    powershell::{self, Spelling, Translation},
    problem::Problem,
    usage,
};

/// What every command is given beside its own parameters.
pub(crate) struct Context {
    /// The global options.
    pub(crate) global: Global,
    /// Where results, warnings and progress go.
    pub(crate) console: Console,
    /// The command as it is shown to whoever typed it.
    pub(crate) name: String,
}

/// Does what the words say, and returns how the process ends.
pub(crate) fn run(words: Vec<OsString>) -> ExitCode {
    let mut console = Console::before_parsing(&words);
    match parse_and_run(words, &mut console) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            console.problem(&problem);
            problem.exit.into()
        }
    }
}

fn parse_and_run(words: Vec<OsString>, console: &mut Console) -> Result<(), Problem> {
    let tree = arguments::tree();
    let translation = powershell::translate(&tree, words)?;
    let scope = powershell::find_command(&tree, &translation.path)?;
    let parsed = arguments::matcher()
        .no_binary_name(true)
        .try_get_matches_from(&translation.words)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return refused_by_clap(&error, scope, &translation, console),
    };

    *console = Console::new(&cli.global);
    match cli.command {
        Command::Ours(Ours::Help(asked)) => show_help(&tree, &asked.topic, console),
        Command::Ours(Ours::Completions(asked)) => console.text(&completions::script(asked.shell)),
        command => {
            logging::start(&command, cli.global.no_color)?;
            let context = Context {
                name: translation.spelling.command(&translation.path),
                console: console.clone(),
                global: cli.global,
            };
            block_on(commands::run(command, &context))
        }
    }
}

/// Shows the page or the version that clap was asked for, or says what is
/// wrong with the words.
fn refused_by_clap(
    error: &clap::Error,
    scope: &clap::Command,
    translation: &Translation,
    console: &Console,
) -> Result<(), Problem> {
    match error.kind() {
        ErrorKind::DisplayHelp if translation.path.is_empty() => console.text(&help::overview(console.colors_output())),
        ErrorKind::DisplayHelp => console.text(&help::page(scope, translation.spelling, console.colors_output())),
        ErrorKind::DisplayVersion => console.text(concat!("actas ", env!("CARGO_PKG_VERSION"), "\n")),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if translation.path.is_empty() => {
            console.note(&format!("{}\n", help::overview(console.colors_notes())));
            Err(Problem::usage("no command was given").hint("`actas demo` shows on this machine what actas does"))
        }
        _ => Err(usage::problem(error, scope, translation)),
    }
}

fn show_help(tree: &clap::Command, topic: &[String], console: &Console) -> Result<(), Problem> {
    let Some(first) = topic.first() else {
        return console.text(&help::overview(console.colors_output()));
    };
    let command = powershell::find_command(tree, topic)?;
    let spelling = Spelling::of_help(first, command);
    console.text(&help::page(command, spelling, console.colors_output()))
}

/// Runs a command on the runtime that its connections and timers need.
fn block_on(command: impl Future<Output = Result<(), Problem>>) -> Result<(), Problem> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::failed("the runtime did not start").because(&error))?;
    let done = runtime.block_on(command);
    // A read of standard input that nobody waits for must not hold the process.
    runtime.shutdown_timeout(SHUTDOWN_MAX);
    done
}

/// How long what a command left running may hold the process.
const SHUTDOWN_MAX: Duration = Duration::from_secs(2);
