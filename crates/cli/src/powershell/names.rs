//! Names of commands and parameters in both styles, and the look-up of what
//! was typed among them.

use clap::{Arg, Command};

/// How names are shown: as they were typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// `New-CsOAuthServer -MetadataUrl`
    PowerShell,
    /// `new-cs-oauth-server --metadata-url`
    Kebab,
}

impl Spelling {
    /// Returns the style of a command that was typed.
    ///
    /// Kebab style has a dash between all words, so that `new-csoauthserver`
    /// is a cmdlet in lower case.
    pub(super) fn of_command(word: &str) -> Self {
        let lower = !word.contains(|c: char| c.is_ascii_uppercase());
        if lower && word.matches('-').count() != 1 { Self::Kebab } else { Self::PowerShell }
    }

    /// Returns the style for the help page of a command that was named so.
    pub(crate) fn of_help(word: &str, command: &Command) -> Self {
        if is_cmdlet(command.get_name()) { Self::of_command(word) } else { Self::Kebab }
    }

    /// Returns a command, given its declared path, in this style.
    pub(crate) fn command(self, path: &[String]) -> String {
        match self {
            Self::PowerShell => path.join(" "),
            Self::Kebab => path.iter().map(|name| kebab(name)).collect::<Vec<_>>().join(" "),
        }
    }

    /// Returns a parameter in this style.
    pub(crate) fn parameter(self, arg: &Arg) -> String {
        match (self, arg.get_long()) {
            (Self::PowerShell, Some(long)) => format!("-{}", pascal(long)),
            (Self::PowerShell, None) => format!("-{}", pascal(&arg.get_id().as_str().replace('_', "-"))),
            (Self::Kebab, Some(long)) => format!("--{long}"),
            (Self::Kebab, None) => format!("<{}>", arg.get_id().as_str().to_uppercase()),
        }
    }
}

/// Writes every parameter of `scope` that stands in `text` as `--name` in the
/// given style.
pub(crate) fn respell(text: &str, scope: &Command, spelling: Spelling) -> String {
    if spelling == Spelling::Kebab {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("--") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let end = from[2..]
            .find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'))
            .map_or(from.len(), |end| end + 2);
        let (word, after) = from.split_at(end);
        let known = &word[2..];
        let known = scope.get_arguments().any(|arg| {
            let alias = arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&known));
            (alias || arg.get_long() == Some(known)) && arg.get_id() != "help" && arg.get_id() != "version"
        });
        let own_word = !out.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-') || ends_in_style(&out);
        if known && own_word {
            out.push('-');
            out.push_str(&pascal(&word[2..]));
        } else {
            out.push_str(word);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Returns whether the last thing written is a terminal's code for a style.
fn ends_in_style(text: &str) -> bool {
    text.strip_suffix('m')
        .map(|text| text.trim_end_matches(|c: char| c.is_ascii_digit() || c == ';'))
        .is_some_and(|text| text.ends_with("\u{1b}["))
}

/// Returns whether a declared name is that of a cmdlet.
pub(super) fn is_cmdlet(name: &str) -> bool {
    name.contains(|c: char| c.is_ascii_uppercase())
}

/// Takes from a name what differs between the styles.
pub(super) fn squash(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect()
}

/// Finds the command that a word names.
pub(super) fn subcommand<'a>(scope: &'a Command, word: &str) -> Option<&'a Command> {
    let wanted = squash(word);
    scope.get_subcommands().find(|command| squash(command.get_name()) == wanted)
}

/// What a parameter's name was found to mean.
pub(super) enum Found<'a> {
    One(&'a Arg),
    Many(Vec<&'a Arg>),
    None,
}

/// Finds the parameter that a name means: by its whole name, else by being the
/// only one that begins so, the command's own before the global ones.
pub(super) fn parameter<'a>(scope: &'a Command, name: &str, double: bool) -> Found<'a> {
    let wanted = squash(name);
    let args = || scope.get_arguments();
    if let Some(arg) = args().find(|arg| names_of(arg).any(|known| known == wanted)) {
        return Found::One(arg);
    }
    if double {
        return Found::None;
    }
    let letter = name.chars().next().filter(|_| name.len() == 1);
    if let Some(letter) = letter
        && let Some(arg) = args().find(|arg| {
            arg.get_short().is_some_and(|short| short.eq_ignore_ascii_case(&letter))
                && !matches!(arg.get_id().as_str(), "help" | "version")
        })
    {
        return Found::One(arg);
    }
    for global in [false, true] {
        let begin: Vec<_> = args()
            .filter(|arg| arg.is_global_set() == global)
            .filter(|arg| names_of(arg).any(|known| known.starts_with(&wanted)))
            .collect();
        match begin.as_slice() {
            [] => {}
            [one] => return Found::One(one),
            _ => return Found::Many(begin),
        }
        if letter.is_some() {
            break;
        }
    }
    Found::None
}

/// Returns the command whose name is nearest to a misspelt one.
pub(super) fn nearest_subcommand<'a>(scope: &'a Command, word: &str) -> Option<&'a str> {
    let names = scope.get_subcommands().map(Command::get_name);
    nearest(names.map(|name| (name, squash(name))), word)
}

/// Returns the parameter whose name is nearest to a misspelt one.
pub(super) fn nearest_parameter<'a>(scope: &'a Command, name: &str) -> Option<&'a Arg> {
    let names = scope.get_arguments().flat_map(|arg| names_of(arg).map(move |known| (arg, known)));
    nearest(names, name)
}

/// Says why a parameter of the management shells has no place here.
pub(super) fn of_the_shell_only(name: &str) -> Option<&'static str> {
    SHELL_ONLY.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, reason)| *reason)
}

/// Returns the name that kebab style gives a command: `new-cs-oauth-server`.
pub(crate) fn kebab(name: &str) -> String {
    // The one word with an inner capital.
    let name = name.replace("OAuth", "Oauth");
    let mut out = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// Returns the name that cmdlet style gives a parameter: `MetadataUrl`.
fn pascal(long: &str) -> String {
    long.split('-')
        .map(|word| match word {
            "oauth" => "OAuth".to_owned(),
            _ => word.chars().take(1).map(|c| c.to_ascii_uppercase()).chain(word.chars().skip(1)).collect(),
        })
        .collect()
}

/// Returns the squashed names by which a parameter can be typed.
fn names_of(arg: &Arg) -> impl Iterator<Item = String> {
    let own = match arg.get_long() {
        Some(long) => squash(long),
        None => squash(arg.get_id().as_str()),
    };
    let aliases = arg.get_all_aliases().unwrap_or_default();
    std::iter::once(own).chain(aliases.into_iter().map(squash))
}

fn nearest<T>(known: impl Iterator<Item = (T, String)>, word: &str) -> Option<T> {
    let wanted = squash(word);
    known
        .map(|(item, name)| (item, strsim::normalized_damerau_levenshtein(&name, &wanted)))
        .filter(|(_, likeness)| *likeness >= LIKENESS_MIN)
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(item, _)| item)
}

/// How alike a name must be to be suggested; a third of it may differ.
const LIKENESS_MIN: f64 = 0.66;

/// Parameters that need what only PowerShell has.
const SHELL_ONLY: &[(&str, &str)] = &[
    ("Instance", "this command takes no objects from a pipeline; give the values one by one"),
    (
        "Credential",
        "it takes a PowerShell credential; here a user signs in with `-DeviceCode`, an application with `-CertificateFile` or `-ClientSecretFile`",
    ),
    ("ErrorAction", "errors always go to standard error, and the exit code tells: 0 done, 1 failed, 2 bad usage"),
];
