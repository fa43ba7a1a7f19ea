//! What is said when a command cannot do what was asked.

use std::{error::Error, fmt, process::ExitCode};

/// Why a command stopped, in words for the person who typed it.
///
/// Commands and parameters stand in backticks, one sentence has no full stop,
/// and the hint says what to do next, best as a command that can be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// What is so, naming the thing and its value.
    pub(crate) what: String,
    /// Lines that stand under it, such as a chain of causes.
    pub(crate) details: Vec<String>,
    /// What to do about it.
    pub(crate) hint: Option<String>,
    /// How the process ends.
    pub(crate) exit: Exit,
}

impl Problem {
    /// Returns a problem with the work itself.
    pub(crate) fn failed(what: impl Into<String>) -> Self {
        Self::new(what, Exit::Failed)
    }

    /// Returns a problem with what was typed.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(what, Exit::Usage)
    }

    /// Says what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds a line under the message.
    pub(crate) fn detail(mut self, line: impl Into<String>) -> Self {
        self.details.push(line.into());
        self
    }

    /// Adds a line for `error` and for each of its causes.
    ///
    /// A cause whose text the line before already holds is left out, since
    /// many libraries repeat their source in their own message.
    pub(crate) fn because(mut self, error: &dyn Error) -> Self {
        let mut next = Some(error);
        while let Some(cause) = next {
            let text = cause.to_string();
            let told = self.details.last().is_some_and(|line| line.contains(&text));
            if !told {
                self.details.push(format!("caused by: {text}"));
            }
            next = cause.source();
        }
        self
    }

    fn new(what: impl Into<String>, exit: Exit) -> Self {
        Self { what: what.into(), details: Vec::new(), hint: None, exit }
    }
}

/// The message, its details and its hint, without colour and without `error:`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        for line in &self.details {
            write!(f, "\n  {line}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl Error for Problem {}

/// How the process ends when there is a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The work could not be done: exit code 1.
    Failed,
    /// What was typed cannot be understood: exit code 2.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Failed => Self::from(1),
            Exit::Usage => Self::from(2),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn causes_stand_under_the_message() {
        let problem = Problem::failed("`microsoft.sts` was not created")
            .because(&io::Error::other("the metadata document answered 404"))
            .hint("run `actas Get-CsTenant` for the tenant's GUID");
        assert_eq!(
            problem.to_string(),
            "`microsoft.sts` was not created\n  \
             caused by: the metadata document answered 404\n\n\
             hint: run `actas Get-CsTenant` for the tenant's GUID",
        );
    }
}
