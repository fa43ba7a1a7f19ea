//! What clap says about wrong usage, in our words and in the spelling that was
//! typed.

use std::error::Error as _;
use std::ffi::OsString;
use std::fmt::Write as _;

use clap::{
    Arg, Command,
    error::{ContextKind, ContextValue, Error, ErrorKind},
};

use crate::{
    arguments::value::Refusal,
    powershell::{Spelling, Translation, respell},
    problem::Problem,
};

/// Says what is wrong with the words of `translation`, given what clap found.
///
/// `scope` is the command that they were for.
pub(crate) fn problem(error: &Error, scope: &Command, translation: &Translation) -> Problem {
    let asked = Asked { scope, spelling: translation.spelling, path: &translation.path, words: &translation.words };
    let found = match error.kind() {
        ErrorKind::ArgumentConflict => asked.conflict(error),
        ErrorKind::MissingRequiredArgument => asked.missing(error),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => asked.missing_command(),
        ErrorKind::InvalidValue => asked.not_one_of(error),
        ErrorKind::ValueValidation => asked.refused(error),
        ErrorKind::UnknownArgument | ErrorKind::TooManyValues => asked.unexpected(error),
        ErrorKind::InvalidUtf8 => Problem::usage("a word is not valid UTF-8"),
        _ => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            Problem::usage(first.trim_start_matches("error: "))
        }
    };
    let hint = found.hint.unwrap_or_else(|| {
        let command = asked.command();
        format!("`actas help {command}` shows parameters, defaults and examples")
    });
    Problem {
        what: asked.respelled(&found.what),
        details: found.details.iter().map(|d| asked.respelled(d)).collect(),
        hint: Some(asked.respelled(&hint)),
        exit: found.exit,
    }
}

struct Asked<'a> {
    scope: &'a Command,
    spelling: Spelling,
    path: &'a [String],
    /// The words as clap read them.
    words: &'a [OsString],
}

impl Asked<'_> {
    fn command(&self) -> String {
        self.spelling.command(self.path)
    }

    fn respelled(&self, text: &str) -> String {
        respell(text, self.scope, self.spelling)
    }

    fn conflict(&self, error: &Error) -> Problem {
        let one = self.parameters(error, ContextKind::InvalidArg);
        let others = self.parameters(error, ContextKind::PriorArg);
        if others.is_empty() || one == others {
            return Problem::usage(format!("{} is given twice", in_words(&one, "and")));
        }
        Problem::usage(format!("{} cannot be used with {}", in_words(&one, "and"), in_words(&others, "and")))
    }

    fn missing(&self, error: &Error) -> Problem {
        let needed: Vec<String> =
            texts(error, ContextKind::InvalidArg).iter().map(|usage| self.alternatives(usage)).collect();
        let command = self.command();
        if needed.is_empty() {
            return Problem::usage(format!("`{command}` needs more parameters"));
        }
        if needed == ["`--return-key-values`"] || needed == ["`-ReturnKeyValues`"] {
            return Problem::usage(format!("`{command}` needs `--return-key-values`"))
                .detail(
                    "it says whether the values of the keys are shown, and takes `true` or `false`; where guides type \
                     a type of key at a prompt for it, the prompt takes that for true",
                )
                .hint(format!("`{} --return-key-values true`, or `false` without the values", self.typed()));
        }
        Problem::usage(format!("`{command}` needs {}", needed.join(", and ")))
    }

    /// Returns the command as it was typed, its parameters in one style.
    fn typed(&self) -> String {
        let mut line = format!("actas {}", self.command());
        for word in self.words.iter().map(|word| word.to_string_lossy()) {
            if self.path.iter().any(|name| *name == *word) {
                continue;
            }
            let (name, value) = word.split_once('=').map_or((&*word, None), |(name, value)| (name, Some(value)));
            let _ = write!(line, " {name}");
            if let Some(value) = value {
                let plain =
                    !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:@".contains(c));
                let _ = if plain { write!(line, " {value}") } else { write!(line, " '{value}'") };
            }
        }
        line
    }

    fn missing_command(&self) -> Problem {
        let command = self.command();
        let below: Vec<_> = self.scope.get_subcommands().map(|sub| format!("`{}`", sub.get_name())).collect();
        Problem::usage(format!("`{command}` needs a command: {}", in_words(&below, "or")))
    }

    fn not_one_of(&self, error: &Error) -> Problem {
        let name = in_words(&self.parameters(error, ContextKind::InvalidArg), "and");
        let value = shown(&text(error, ContextKind::InvalidValue));
        let allowed = texts(error, ContextKind::ValidValue);
        if value.is_empty() && allowed.is_empty() {
            return Problem::usage(format!("{name} needs a value"));
        }
        let quoted: Vec<_> = allowed.iter().map(|value| format!("`{value}`")).collect();
        let problem = Problem::usage(format!("{name} cannot be `{value}`: it takes {}", in_words(&quoted, "or")));
        let csr = self.path.first().is_some_and(|name| name == "Request-CsCertificate")
            && name.to_ascii_lowercase().ends_with("-output`");
        if csr {
            return problem.hint(
                "`--output` chooses how objects are printed; the file of a request is named by \
                 `--output-file`",
            );
        }
        let of_a_key = self.path.first().is_some_and(|name| name.starts_with("New-MsolServicePrincipal"));
        if of_a_key && name.to_ascii_lowercase().ends_with("-type`") {
            return problem.hint(
                "a certificate is `--type Asymmetric` (Graph calls it AsymmetricX509Cert), a key that both sides have is \
                 `--type Symmetric`, a secret that the directory makes is `--type Password`",
            );
        }
        if of_a_key && name.to_ascii_lowercase().ends_with("-usage`") {
            return problem.hint(
                "`--usage Verify` checks signatures of the principal, which is what a certificate is for; `--usage Sign` \
                 goes with symmetric keys alone",
            );
        }
        match text(error, ContextKind::SuggestedValue).as_str() {
            "" => problem,
            suggested => problem.hint(format!("did you mean `{suggested}`?")),
        }
    }

    fn refused(&self, error: &Error) -> Problem {
        let (what, refusal) = if let Some(refusal) = Refusal::from_clap(error) {
            (refusal.reason.clone(), Some(refusal))
        } else {
            let name = in_words(&self.parameters(error, ContextKind::InvalidArg), "and");
            let value = shown(&text(error, ContextKind::InvalidValue));
            let source = error.source();
            let refusal = source.and_then(|source| source.downcast_ref::<Refusal>());
            let reason = source.map_or_else(String::new, |source| format!(": {source}"));
            let value = if refusal.is_some_and(|refusal| refusal.hides_value) {
                "what was given".to_owned()
            } else {
                format!("`{value}`")
            };
            (format!("{name} cannot be {value}{reason}"), refusal.cloned())
        };
        let problem = Problem::usage(what);
        let Some(refusal) = refusal else {
            return problem;
        };
        let problem = refusal.details.into_iter().fold(problem, Problem::detail);
        match refusal.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }

    fn unexpected(&self, error: &Error) -> Problem {
        let command = self.command();
        let value = match text(error, ContextKind::InvalidArg) {
            arg if arg.is_empty() => text(error, ContextKind::InvalidValue),
            arg => arg,
        };
        Problem::usage(format!("`{command}` does not know what to do with `{}`", shown(&value)))
    }

    /// Returns the parameters that clap names, each in backticks.
    fn parameters(&self, error: &Error, kind: ContextKind) -> Vec<String> {
        let mut names: Vec<_> = texts(error, kind).iter().map(|usage| format!("`{}`", self.parameter(usage))).collect();
        names.dedup();
        names
    }

    /// Reads the usage of a parameter or, between bars, of one among many.
    fn alternatives(&self, usage: &str) -> String {
        let inner = usage.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
        let names: Vec<_> = inner
            .and_then(|inner| inner.strip_prefix("--"))
            .into_iter()
            .flat_map(|inner| inner.split("|--"))
            .map(|long| format!("`{}`", self.parameter(&format!("--{long}"))))
            .collect();
        match names.as_slice() {
            [_, _, ..] => format!("one of {}", in_words(&names, "or")),
            _ => format!("`{}`", self.parameter(usage)),
        }
    }

    /// Reads the usage of a parameter: `--metadata-url <URL>` or `[IDENTITY]`.
    fn parameter(&self, usage: &str) -> String {
        let word = usage.split([' ', '=', '[']).find(|word| !word.is_empty());
        let word = word.unwrap_or(usage);
        let long = word.strip_prefix("--");
        let positional = usage.trim_matches(|c| matches!(c, '<' | '>' | '[' | ']' | '.'));
        let arg = self.scope.get_arguments().find(|arg| match long {
            Some(long) => arg.get_long() == Some(long),
            None => is_shown_as(arg, positional),
        });
        arg.map_or_else(|| usage.to_owned(), |arg| self.spelling.parameter(arg))
    }
}

fn is_shown_as(arg: &Arg, positional: &str) -> bool {
    arg.is_positional()
        && (arg.get_id().as_str().eq_ignore_ascii_case(positional)
            || arg.get_value_names().is_some_and(|names| names.iter().any(|name| name == positional)))
}

fn texts(error: &Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

fn text(error: &Error, kind: ContextKind) -> String {
    texts(error, kind).into_iter().next().unwrap_or_default()
}

/// Cuts a value that is too long for a message.
fn shown(value: &str) -> String {
    if value.chars().count() <= SHOWN_CHARS_MAX {
        return value.to_owned();
    }
    let cut: String = value.chars().take(SHOWN_CHARS_MAX).collect();
    format!("{cut}…")
}

fn in_words(items: &[String], and: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {and} {last}", first.join(", ")),
    }
}

const SHOWN_CHARS_MAX: usize = 80;
