//! The style of the management shells, translated before clap reads it.
//!
//! Administrators type `New-CsOAuthServer microsoft.sts -MetadataUrl …`, in any
//! case, with any unique beginning of a parameter's name, with `:` before a
//! value, and often with the quotes and dashes of the web page it was copied
//! from. All of it becomes what clap declares. The names are read from the
//! tree of commands itself, so nothing is declared twice.

mod names;
mod typography;

#[cfg(test)]
mod tests;

pub(crate) use names::{Spelling, kebab, respell};

use std::{collections::VecDeque, ffi::OsString};

use clap::{Arg, ArgAction, Command};

use crate::{arguments::value, problem::Problem};

/// What was typed, in the form that clap reads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Translation {
    /// The words for clap, without the name of the program.
    pub(crate) words: Vec<OsString>,
    /// The command, with the commands above it.
    pub(crate) path: Vec<String>,
    /// How names are shown to whoever typed this.
    pub(crate) spelling: Spelling,
}

/// Translates what was typed after the name of the program.
///
/// `tree` must have been built, since that is when global options reach the
/// commands below.
pub(crate) fn translate(tree: &Command, words: Vec<OsString>) -> Result<Translation, Problem> {
    let mut translator = Translator {
        scope: tree,
        path: Vec::new(),
        command_spelling: None,
        parameter_spelling: None,
        input: typography::plain(words).into(),
        output: Vec::new(),
    };
    translator.run()?;
    let spelling = translator.spelling();
    Ok(Translation { words: translator.output, path: translator.path, spelling })
}

/// Finds a command by its path, in any style.
pub(crate) fn find_command<'a>(tree: &'a Command, path: &[String]) -> Result<&'a Command, Problem> {
    path.iter().try_fold(tree, |scope, word| names::subcommand(scope, word).ok_or_else(|| no_such_command(scope, word)))
}

struct Translator<'a> {
    /// The command that the words are for.
    scope: &'a Command,
    path: Vec<String>,
    command_spelling: Option<Spelling>,
    /// How the first parameter of the command's own was spelled.
    parameter_spelling: Option<Spelling>,
    input: VecDeque<OsString>,
    output: Vec<OsString>,
}

impl Translator<'_> {
    fn run(&mut self) -> Result<(), Problem> {
        while let Some(word) = self.input.pop_front() {
            if word == "--" {
                self.output.push(word);
                self.output.extend(self.input.drain(..));
            } else if let Some(parameter) = word.to_str().and_then(Typed::read) {
                self.parameter(&parameter)?;
            } else if self.scope.has_subcommands() {
                self.command(&word)?;
            } else {
                self.output.push(word);
            }
        }
        Ok(())
    }

    /// Steps into the command that a word names.
    fn command(&mut self, word: &OsString) -> Result<(), Problem> {
        let text = word.to_string_lossy();
        let Some(command) = names::subcommand(self.scope, &text) else {
            return Err(no_such_command(self.scope, &text));
        };
        if self.path.is_empty() && names::is_cmdlet(command.get_name()) {
            self.command_spelling = Some(Spelling::of_command(&text));
        }
        self.scope = command;
        self.path.push(command.get_name().to_owned());
        self.output.push(command.get_name().into());
        Ok(())
    }

    /// Translates one parameter, and takes its value from the words after it.
    fn parameter(&mut self, typed: &Typed<'_>) -> Result<(), Problem> {
        let scope = self.scope;
        if let Some(host) = host_alias(scope, typed, self.input.front()) {
            let value = typed.value.map(OsString::from).or_else(|| self.next_value());
            self.emit(host, value);
            return Ok(());
        }
        if typed.is_help() {
            self.output.push("--help".into());
            return Ok(());
        }
        if typed.is_version() {
            self.output.push("--version".into());
            return Ok(());
        }
        let arg = match names::parameter(scope, typed.name, typed.double) {
            names::Found::One(arg) => arg,
            names::Found::Many(args) => return Err(Self::ambiguous(typed, &args)),
            names::Found::None => return Err(self.no_such_parameter(typed)),
        };
        let spelling = typed.spelling();
        // A global option says nothing of how the rest is spelled.
        if typed.name.len() > 1 && !arg.is_global_set() {
            self.parameter_spelling.get_or_insert(spelling);
        }
        match (takes_value(arg), typed.value) {
            (Takes::Nothing | Takes::Optional, None) => self.emit(arg, None),
            (Takes::Nothing, Some(value)) => {
                if self.switch_value(arg, spelling, value)? {
                    self.emit(arg, None);
                }
            }
            (Takes::Optional, Some(value)) => {
                let value = self.switch_value(arg, spelling, value)?;
                self.emit(arg, Some(value.to_string().into()));
            }
            (Takes::Value, Some(value)) if !value.is_empty() => {
                let value = self.joined(arg, value.into());
                self.emit(arg, Some(value));
            }
            (Takes::Value, Some(_) | None) => {
                let Some(value) = self.next_value() else {
                    return Err(missing_value(arg, &spelling.parameter(arg)));
                };
                let value = self.joined(arg, value);
                self.emit(arg, Some(value));
            }
        }
        Ok(())
    }

    /// Reads the Boolean that stands after the colon of a switch.
    fn switch_value(&mut self, arg: &Arg, spelling: Spelling, value: &str) -> Result<bool, Problem> {
        let name = spelling.parameter(arg);
        let boolean = if value.is_empty() {
            // `-Force: $false` has its value in the next word.
            let next = self.input.front().and_then(|word| word.to_str());
            let boolean = next.and_then(value::read_boolean);
            if boolean.is_none() {
                return Err(missing_value(arg, &name));
            }
            self.input.pop_front();
            boolean
        } else {
            value::read_boolean(value)
        };
        boolean.ok_or_else(|| Problem::usage(format!("`{name}` cannot be `{value}`: it takes `$true` or `$false`")))
    }

    /// Takes the next word, if it is a value.
    fn next_value(&mut self) -> Option<OsString> {
        let next = self.input.front()?;
        let other = next == "--" || next.to_str().is_some_and(|word| Typed::read(word).is_some());
        if other { None } else { self.input.pop_front() }
    }

    /// Joins a list whose commas were followed by spaces: `-KeyIds a, b`.
    fn joined(&mut self, arg: &Arg, mut value: OsString) -> OsString {
        let text_ends = |text: &OsString| text.to_str().is_some_and(|text| text.ends_with(','));
        let text_starts = |text: &OsString| text.to_str().is_some_and(|text| text.starts_with(','));
        while arg.get_value_delimiter().is_some() && (text_ends(&value) || self.input.front().is_some_and(text_starts))
        {
            let Some(next) = self.next_value() else {
                break;
            };
            value.push(next);
        }
        value
    }

    fn emit(&mut self, arg: &Arg, value: Option<OsString>) {
        match (arg.get_long(), value) {
            (Some(long), None) => self.output.push(format!("--{long}").into()),
            (Some(long), Some(value)) => {
                let mut word = OsString::from(format!("--{long}="));
                word.push(value);
                self.output.push(word);
            }
            // A positional parameter that was named.
            (None, value) => self.output.extend(value),
        }
    }

    fn spelling(&self) -> Spelling {
        self.parameter_spelling.or(self.command_spelling).unwrap_or(Spelling::Kebab)
    }

    fn ambiguous(typed: &Typed<'_>, args: &[&Arg]) -> Problem {
        let spelling = typed.spelling();
        let names: Vec<_> = args.iter().map(|arg| format!("`{}`", spelling.parameter(arg))).collect();
        Problem::usage(format!("`{}` could be {}", typed.shown(), names.join(" or ")))
            .hint("type as much of the name as makes it unique")
    }

    fn no_such_parameter(&self, typed: &Typed<'_>) -> Problem {
        let spelling = typed.spelling();
        let owner = if self.path.is_empty() {
            "actas".to_owned()
        } else {
            self.command_spelling.unwrap_or(Spelling::Kebab).command(&self.path)
        };
        let problem = Problem::usage(format!("`{owner}` has no parameter `{}`", typed.shown()));
        if let Some(reason) = names::of_the_shell_only(typed.name) {
            return problem.hint(reason);
        }
        match names::nearest_parameter(self.scope, typed.name) {
            Some(arg) => problem.hint(format!("did you mean `{}`?", spelling.parameter(arg))),
            None if self.path.is_empty() => problem.hint("`actas help` shows the commands and global options"),
            None => problem.hint(format!("`actas help {owner}` shows its parameters")),
        }
    }
}

/// Says that a parameter stands without its value, and how that comes about.
fn missing_value(arg: &Arg, parameter: &str) -> Problem {
    let boolean = takes_value(arg) != Takes::Value
        || arg.get_value_names().is_some_and(|names| names.iter().any(|name| name == BOOLEAN));
    Problem::usage(format!("`{parameter}` needs a value")).hint(if boolean {
        "many shells replace an unquoted `$false` by nothing: write `false`, or quote it as `'$false'`".to_owned()
    } else {
        format!(
            "many shells replace a variable that is not set by nothing; a value that begins with a dash is joined \
             as `{parameter}:VALUE`"
        )
    })
}

fn no_such_command(scope: &Command, word: &str) -> Problem {
    let above = scope.get_bin_name().unwrap_or("actas");
    let problem = Problem::usage(if above == "actas" {
        format!("there is no command `{word}`")
    } else {
        format!("`{above}` has no command `{word}`")
    });
    match names::nearest_subcommand(scope, word) {
        Some(name) => {
            let spelled = Spelling::of_command(word).command(&[name.to_owned()]);
            problem.hint(format!("did you mean `{spelled}`?"))
        }
        None => problem.hint("`actas help` shows the commands"),
    }
}

/// The name that the values of Booleans have in help.
const BOOLEAN: &str = "true|false";

/// Whether a value follows a parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// A switch.
    Nothing,
    /// A switch that can also be set to false.
    Optional,
    Value,
}

/// The vendor's `-h` for `-HostNameStorageService`, where a value follows; alone it is the
/// help that it is everywhere.
fn host_alias<'a>(scope: &'a Command, typed: &Typed<'_>, next: Option<&OsString>) -> Option<&'a Arg> {
    let follows = || next.is_some_and(|word| word.to_str().and_then(Typed::read).is_none());
    let given = typed.value.map_or_else(follows, |value| !value.is_empty());
    if typed.double || typed.name != "h" || !given {
        return None;
    }
    scope.get_arguments().find(|arg| arg.get_id() == "host_name_storage_service")
}

fn takes_value(arg: &Arg) -> Takes {
    let switch = matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::SetFalse | ArgAction::Count);
    if switch {
        Takes::Nothing
    } else if arg.get_num_args().is_some_and(|range| range.min_values() == 0) && arg.is_require_equals_set() {
        Takes::Optional
    } else {
        Takes::Value
    }
}

/// A word that names a parameter.
struct Typed<'a> {
    name: &'a str,
    /// Whether it has two dashes.
    double: bool,
    /// What follows its colon or equals sign.
    value: Option<&'a str>,
}

impl<'a> Typed<'a> {
    /// Reads `-Name`, `-Name:value`, `--name` or `--name=value`; numbers and a
    /// lone dash are none of them.
    fn read(word: &'a str) -> Option<Self> {
        let (double, rest) = match word.strip_prefix("--") {
            Some(rest) => (true, rest),
            None => (false, word.strip_prefix('-')?),
        };
        if rest != "?" && !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return None;
        }
        let (name, value) = match rest.split_once([':', '=']) {
            Some((name, value)) => (name, Some(typography::unquoted(value))),
            None => (rest, None),
        };
        Some(Self { name, double, value })
    }

    fn is_help(&self) -> bool {
        (!self.double && matches!(self.name, "h" | "?")) || names::squash(self.name) == "help"
    }

    fn is_version(&self) -> bool {
        (!self.double && self.name == "V") || names::squash(self.name) == "version"
    }

    fn spelling(&self) -> Spelling {
        if self.double { Spelling::Kebab } else { Spelling::PowerShell }
    }

    /// Returns the parameter as it was typed, without its value.
    fn shown(&self) -> String {
        let dashes = if self.double { "--" } else { "-" };
        format!("{dashes}{}", self.name)
    }
}
