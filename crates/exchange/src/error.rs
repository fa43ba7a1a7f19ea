//! The one error of this crate

use std::fmt;

use crate::ews::ResponseCode;

/// The result of everything here that reads text
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a text could not be read
///
/// Ask it whose move it is: [`is_malformed`](Self::is_malformed) and
/// [`is_unexpected`](Self::is_unexpected) blame whoever wrote the text,
/// [`is_too_large`](Self::is_too_large) names a bound of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    kind: Kind,
    position: Option<Position>,
}

/// Where in a text, counted from 1
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Not an address.
    Address(String),
    /// Not a list of allowed domains.
    AllowedDomains(String),
    /// A property identity that cannot exist.
    ExtendedProperty(String),
    /// A value that its property's type cannot hold.
    ExtendedPropertyValue(String),
    /// The impersonation header names nobody, or several.
    Impersonation(String),
    /// JSON that does not say what it should, or none.
    Json(String),
    /// Not XML, or XML of a kind that we refuse.
    Malformed(String),
    /// A version of the schema that does not exist.
    ServerVersion(String),
    /// Past a bound.
    TooLarge { what: &'static str, max: usize },
    /// XML, but not of the expected shape.
    Unexpected(String),
}

// === impl Error ===

impl Error {
    pub(crate) fn new(kind: Kind) -> Self {
        Self(Box::new(Inner { kind, position: None }))
    }

    /// What the reader of XML says may hold as much of the text as it likes, so it is cut.
    pub(crate) fn malformed(what: impl fmt::Display) -> Self {
        Self::new(Kind::Malformed(shown(&what.to_string())))
    }

    pub(crate) fn unexpected(what: impl fmt::Display) -> Self {
        Self::new(Kind::Unexpected(what.to_string()))
    }

    pub(crate) fn too_large(what: &'static str, max: usize) -> Self {
        Self::new(Kind::TooLarge { what, max })
    }

    /// Adds the place, unless one is known already.
    pub(crate) fn at(mut self, position: Position) -> Self {
        self.0.position.get_or_insert(position);
        self
    }

    /// Whether the text is not well-formed XML in UTF-8 without a document type
    pub fn is_malformed(&self) -> bool {
        matches!(self.0.kind, Kind::Malformed(_))
    }

    /// Whether the text is well-formed, but says something that it may not
    pub fn is_unexpected(&self) -> bool {
        !self.is_malformed() && !self.is_too_large()
    }

    /// Whether the text is past one of our bounds on size, depth or count
    pub fn is_too_large(&self) -> bool {
        matches!(self.0.kind, Kind::TooLarge { .. })
    }

    /// The place in the text, where it is known
    pub fn position(&self) -> Option<Position> {
        self.0.position
    }

    /// The code that a server answers with
    ///
    /// Never `ErrorInvalidRequest`: exchangelib takes it for a wrong version and tries all others.
    pub fn response_code(&self) -> ResponseCode {
        match self.0.kind {
            Kind::ExtendedProperty(_) => ResponseCode::ErrorInvalidExtendedProperty,
            Kind::ExtendedPropertyValue(_) => ResponseCode::ErrorInvalidExtendedPropertyValue,
            Kind::Impersonation(_) => ResponseCode::ErrorInvalidExchangeImpersonationHeaderData,
            Kind::ServerVersion(_) => ResponseCode::ErrorInvalidServerVersion,
            Kind::Address(_)
            | Kind::AllowedDomains(_)
            | Kind::Json(_)
            | Kind::Malformed(_)
            | Kind::TooLarge { .. }
            | Kind::Unexpected(_) => ResponseCode::ErrorSchemaValidation,
        }
    }

    /// What was wrong, without the place
    pub fn violation(&self) -> String {
        match &self.0.kind {
            Kind::Address(what) => format!("not an SMTP address: {what}"),
            Kind::AllowedDomains(what) => format!("not a list of domains: {what}"),
            Kind::ExtendedProperty(what) => format!("not an extended property: {what}"),
            Kind::ExtendedPropertyValue(what) => format!("wrong value of a property: {what}"),
            Kind::Impersonation(what) => format!("wrong impersonation header: {what}"),
            Kind::Json(what) => what.clone(),
            Kind::Malformed(what) => format!("malformed XML: {what}"),
            Kind::ServerVersion(text) => format!("unknown server version `{text}`"),
            Kind::TooLarge { what, max } => format!("more than {max} {what}"),
            Kind::Unexpected(what) => format!("unexpected content: {what}"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.violation())?;
        match self.0.position {
            Some(Position { line, column }) => write!(f, " at line {line}, column {column}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// `text` as an error may show it: on one line and not endless
pub(crate) fn shown(text: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 80;
    let mut shown: String = text
        .chars()
        .take(SHOWN_CHARS_MAX)
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}
