//! An SMTP address

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::error::{Error, Kind, Result, shown};

/// The longest address, RFC 5321 §4.5.3.1.3 without its brackets
pub const ADDRESS_BYTES_MAX: usize = 254;

/// An SMTP address such as `lena@fabrikam.example`
///
/// Keeps its spelling; compares, sorts and hashes in lower case. Its domain holds letters, digits,
/// `-`, `_` and `.` only, so that in a URL that is composed with it the host ends where the domain
/// does; whether there can be such a host, the URL's parser says.
///
/// ```
/// use actas_exchange::SmtpAddress;
///
/// let address: SmtpAddress = "Lena@Fabrikam.example".parse()?;
/// assert_eq!(address.domain(), "fabrikam.example");
/// assert_eq!(address, "lena@fabrikam.example".parse()?);
/// # Ok::<(), actas_exchange::Error>(())
/// ```
#[derive(Clone)]
pub struct SmtpAddress {
    text: String,
    /// The same in lower case, and where its `@` is.
    lower: String,
    at: usize,
}

impl SmtpAddress {
    /// As it was written
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// In lower case, as it compares
    pub fn lower(&self) -> &str {
        &self.lower
    }

    /// What stands after the `@`, in lower case
    pub fn domain(&self) -> &str {
        &self.lower[self.at + 1..]
    }

    /// What stands before the `@`, in lower case
    pub fn local_part(&self) -> &str {
        &self.lower[..self.at]
    }
}

impl FromStr for SmtpAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |why: &str| {
            let what = format!("`{}` {why}", shown(text));
            Err(Error::new(Kind::Address(what)))
        };
        if text.len() > ADDRESS_BYTES_MAX {
            return refuse("is longer than 254 bytes");
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return refuse("holds a space or a control character");
        }
        let lower = text.to_lowercase();
        let Some((local, domain)) = lower.split_once('@') else {
            return refuse("has no `@`");
        };
        if domain.contains('@') {
            return refuse("has more than one `@`");
        }
        if local.is_empty() {
            return refuse("has nothing before the `@`");
        }
        if !is_domain(domain) {
            return refuse("has no domain after the `@`");
        }
        let at = local.len();
        Ok(Self { text: text.to_owned(), lower, at })
    }
}

/// Whether a host name could look like this, with labels that aren't empty.
pub(crate) fn is_domain(text: &str) -> bool {
    text.split('.').all(|label| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_'))
}

impl TryFrom<&str> for SmtpAddress {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self> {
        text.parse()
    }
}

impl AsRef<str> for SmtpAddress {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for SmtpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for SmtpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl PartialEq for SmtpAddress {
    fn eq(&self, other: &Self) -> bool {
        self.lower == other.lower
    }
}

impl Eq for SmtpAddress {}

impl PartialOrd for SmtpAddress {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SmtpAddress {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.lower.cmp(&other.lower)
    }
}

impl Hash for SmtpAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.lower.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let long = format!("{}@a.example", "x".repeat(245));
        let cases = [
            ("lena@fabrikam.example", true),
            ("o'brien+x@a-b.c_d.example", true),
            ("jürgen@bücher.example", true),
            ("a@localhost", true),
            ("", false),
            ("lena", false),
            ("@fabrikam.example", false),
            ("lena@", false),
            ("lena@a@b", false),
            ("lena@fabrikam..example", false),
            ("lena@fabrikam.example.", false),
            ("lena@fabrikam.example/x", false),
            ("lena@fabrikam.example:25", false),
            ("le na@fabrikam.example", false),
            ("lena@fabrikam.example\n", false),
            ("le\u{0}na@fabrikam.example", false),
            ("le\u{a0}na@fabrikam.example", false),
            (long.as_str(), false),
        ];
        for (text, good) in cases {
            assert_eq!(SmtpAddress::from_str(text).is_ok(), good, "{text:?}");
        }
    }

    #[test]
    fn case_does_not_matter() {
        let one: SmtpAddress = "Lena@Fabrikam.EXAMPLE".parse().unwrap();
        let two: SmtpAddress = "lena@fabrikam.example".parse().unwrap();
        assert_eq!(one, two);
        assert_eq!(one.as_str(), "Lena@Fabrikam.EXAMPLE");
        assert_eq!(one.domain(), "fabrikam.example");
        assert_eq!(one.local_part(), "lena");
    }
}
