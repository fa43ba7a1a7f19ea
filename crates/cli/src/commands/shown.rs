//! What many commands do with objects before they are printed.

use jiff::Timestamp;

use crate::{
    output::{Console, Record},
    problem::Problem,
};

/// Returns an object of the vendor's as a record, in its own order.
pub(super) fn record(properties: Vec<(&'static str, serde_json::Value)>) -> Record {
    let mut record = Record::new();
    for (name, value) in properties {
        record.push(name, value);
    }
    record
}

/// Returns a moment as it is printed, in whole seconds.
pub(super) fn time(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Returns the folder of a pool's flushed files: its name, which must not lead elsewhere.
pub(super) fn pool_folder(pool: &str) -> Result<String, Problem> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '.';
    if pool.is_empty() || pool.starts_with('.') || !pool.chars().all(fits) {
        return Err(Problem::failed(format!("`{pool}` is no name of a pool"))
            .hint("give a host name, such as `pool.contoso.example`"));
    }
    Ok(pool.to_lowercase())
}

/// Refuses another scope than the one there is: such settings are the same on all servers.
pub(super) fn only_global(identity: Option<&str>, what: &str) -> Result<(), Problem> {
    match identity {
        Some(scope) if !scope.eq_ignore_ascii_case("global") => {
            Err(Problem::failed(format!("there is no {what} `{scope}`"))
                .hint("only `global` exists, and holds for all servers"))
        }
        _ => Ok(()),
    }
}

/// Says what an administrator should know beside a result.
pub(super) fn warn(console: &Console, warnings: &[String]) {
    for warning in warnings {
        console.warning(warning);
    }
}

/// Returns a failure of the on-premises side, with a hint where it has none of its own.
pub(super) fn failed(error: impl Into<Problem>, hint: &str) -> Problem {
    let problem = error.into();
    if problem.hint.is_some() { problem } else { problem.hint(hint) }
}

/// Which objects a `Get-` command asks for.
pub(super) struct Wanted<'a> {
    /// What such an object is called in a sentence.
    pub(super) what: &'a str,
    /// The command that adds one.
    pub(super) adds: &'a str,
    /// The name of one.
    pub(super) identity: Option<&'a str>,
    /// A pattern for names.
    pub(super) filter: Option<&'a str>,
}

impl Wanted<'_> {
    /// Returns those of the objects that are asked for.
    ///
    /// A name that nothing has is a problem; a pattern that nothing fits is not.
    pub(super) fn of<T>(&self, all: Vec<T>, name: impl Fn(&T) -> &str) -> Result<Vec<T>, Problem> {
        let fits = |object: &T| match (self.identity, self.filter) {
            (Some(identity), _) => name(object).eq_ignore_ascii_case(identity),
            (None, Some(pattern)) => matches(pattern, name(object)),
            (None, None) => true,
        };
        let names: Vec<String> = all.iter().map(|object| format!("`{}`", name(object))).collect();
        let found: Vec<T> = all.into_iter().filter(fits).collect();
        match self.identity {
            Some(identity) if found.is_empty() => {
                let problem = Problem::failed(format!("there is no {} `{identity}`", self.what));
                Err(if names.is_empty() {
                    problem.hint(format!("there is none yet; `actas {}` adds one", self.adds))
                } else {
                    problem.hint(format!("there is {}", names.join(", ")))
                })
            }
            _ => Ok(found),
        }
    }
}

/// Returns whether a text fits a pattern with `*` and `?`, without regard to case.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let letters = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    let (pattern, text) = (letters(pattern), letters(text));
    let (mut at_pattern, mut at_text) = (0, 0);
    // Where to go on if the text from the last star on does not fit: one letter later.
    let mut star: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match pattern.get(at_pattern) {
            Some('*') => {
                star = Some((at_pattern, at_text));
                at_pattern += 1;
            }
            Some(letter) if *letter == '?' || Some(letter) == text.get(at_text) => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => match star {
                Some((star_pattern, star_text)) => {
                    star = Some((star_pattern, star_text + 1));
                    at_pattern = star_pattern + 1;
                    at_text = star_text + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at_pattern).all(|letter| *letter == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text) in [
            ("*", ""),
            ("*", "microsoft.sts"),
            ("Microsoft.*", "microsoft.sts"),
            ("*.STS", "microsoft.sts"),
            ("m*t*s", "microsoft.sts"),
            ("microsoft.???", "microsoft.sts"),
            ("*a*b", "aaab ab"),
            ("microsoft.sts", "MICROSOFT.sts"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("", "a"), ("?", ""), ("microsoft", "microsoft.sts"), ("*a*b", "ab ba"), ("a?", "a"), ("b*", "ab")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn one_that_is_not_there_is_told_with_those_that_are() {
        let wanted = |identity, filter| Wanted { what: "OAuth server", adds: "New-CsOAuthServer", identity, filter };
        let names = || vec!["microsoft.sts", "evoSTS"];
        assert_eq!(wanted(Some("EVOsts"), None).of(names(), |name| name).unwrap(), ["evoSTS"]);
        assert_eq!(wanted(None, Some("x*")).of(names(), |name| name).unwrap(), [""; 0]);
        assert_eq!(wanted(None, None).of(names(), |name| name).unwrap(), names());
        let problem = wanted(Some("sts"), None).of(names(), |name| name).unwrap_err();
        assert_eq!(problem.to_string(), "there is no OAuth server `sts`\n\nhint: there is `microsoft.sts`, `evoSTS`");
        let problem = wanted(Some("sts"), None).of(Vec::<&str>::new(), |name| name).unwrap_err();
        assert_eq!(problem.hint.as_deref(), Some("there is none yet; `actas New-CsOAuthServer` adds one"));
    }
}
