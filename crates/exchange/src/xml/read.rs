//! Reading: UTF-8 only, no document type, bounded in every direction

use std::str::FromStr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use quick_xml::events::{BytesStart, Event};
use roxmltree::{ParsingOptions, TextPos};

use crate::error::{Error, Position, Result, shown};
use crate::names::Name;

/// Elements inside elements.
const DEPTH_MAX: usize = 64;
/// Attributes of one element, namespace declarations included.
const ATTRIBUTES_MAX: usize = 32;
/// Attributes of one document: in memory each is many times as long as its text can be short.
const ATTRIBUTES_ALL_MAX: usize = 500_000;
/// Namespace declarations that hold at one place: the tree copies them for each element that adds
/// one, so that their number multiplies.
const NAMESPACES_MAX: usize = 64;
/// Elements, texts and comments of one document.
const NODES_MAX: u32 = 500_000;

/// A document, read whole.
#[derive(Debug)]
pub(crate) struct Document<'a>(roxmltree::Document<'a>);

/// One element of a document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'a>(roxmltree::Node<'a, 'a>);

// === impl Document ===

impl<'a> Document<'a> {
    /// Reads a document of at most `bytes_max` bytes.
    pub(crate) fn parse(bytes: &'a [u8], bytes_max: usize) -> Result<Self> {
        if bytes.len() > bytes_max {
            return Err(Error::too_large("bytes", bytes_max));
        }
        let text = utf8(bytes)?;
        scan(text)?;
        let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES_MAX, entity_resolver: None };
        roxmltree::Document::parse_with_options(text, options).map(Self).map_err(|error| tree_error(text, &error))
    }

    pub(crate) fn root(&self) -> Node<'_> {
        Node(self.0.root_element())
    }
}

/// The text, if it is UTF-8, with or without a byte order mark.
fn utf8(bytes: &[u8]) -> Result<&str> {
    match bytes {
        [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] | [0, b'<', ..] | [b'<', 0, ..] => {
            return Err(Error::malformed("encoded in UTF-16 or UTF-32, not UTF-8"));
        }
        _ => {}
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = &bytes[..error.valid_up_to()];
        let text = String::from_utf8_lossy(valid);
        Error::malformed("not UTF-8").at(position(&text, text.len()))
    })
}

/// Holds the text against the bounds, in one pass that keeps nothing.
///
/// The tree is built afterwards: its cost grows with depth and namespaces, and only a text that has
/// passed here may cause it.
fn scan(text: &str) -> Result<()> {
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().check_end_names = false;
    let mut declared: Vec<usize> = Vec::new();
    let mut attributes = 0;
    loop {
        let start = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let here = |error: Error| error.at(position(text, start));
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                let in_scope = declared.last().copied().unwrap_or(0);
                let own = declarations(&tag, &mut attributes).map_err(here)?;
                if declared.len() == DEPTH_MAX {
                    return Err(here(Error::too_large("elements inside elements", DEPTH_MAX)));
                }
                if in_scope + own > NAMESPACES_MAX {
                    return Err(here(Error::too_large("namespaces in scope", NAMESPACES_MAX)));
                }
                declared.push(in_scope + own);
            }
            Ok(Event::Empty(tag)) => {
                declarations(&tag, &mut attributes).map_err(here)?;
            }
            Ok(Event::End(_)) => {
                declared.pop();
            }
            Ok(Event::DocType(_)) => {
                return Err(here(Error::malformed("a document type declaration, which is refused")));
            }
            Ok(Event::Decl(declaration)) => match declaration.encoding() {
                None => {}
                Some(Ok(name)) if name.eq_ignore_ascii_case("utf-8") => {}
                Some(Ok(name)) => {
                    let text = format!("declared encoding `{}`, not UTF-8", shown(&name));
                    return Err(here(Error::malformed(text)));
                }
                Some(Err(error)) => return Err(here(Error::malformed(error))),
            },
            Ok(Event::Eof) => return Ok(()),
            Ok(Event::Text(_) | Event::CData(_) | Event::Comment(_) | Event::PI(_) | Event::GeneralRef(_)) => {}
            Err(error) => {
                let at = usize::try_from(reader.error_position()).unwrap_or(usize::MAX);
                return Err(Error::malformed(error).at(position(text, at)));
            }
        }
    }
}

/// How many namespaces the tag declares. Its attributes are counted on in `all`.
fn declarations(tag: &BytesStart<'_>, all: &mut usize) -> Result<usize> {
    let mut declared = 0;
    for (index, attribute) in tag.attributes().with_checks(false).enumerate() {
        if index == ATTRIBUTES_MAX {
            return Err(Error::too_large("attributes of one element", ATTRIBUTES_MAX));
        }
        if *all == ATTRIBUTES_ALL_MAX {
            return Err(Error::too_large("attributes", ATTRIBUTES_ALL_MAX));
        }
        *all += 1;
        let attribute = attribute.map_err(Error::malformed)?;
        if attribute.key.as_ref().starts_with("xmlns") {
            declared += 1;
        }
    }
    Ok(declared)
}

fn tree_error(text: &str, error: &roxmltree::Error) -> Error {
    use roxmltree::Error as Tree;
    match error {
        Tree::NodesLimitReached => Error::too_large("XML nodes", NODES_MAX as usize),
        Tree::UnclosedRootNode | Tree::UnexpectedEndOfStream => {
            Error::malformed("the text ends too early").at(position(text, text.len()))
        }
        Tree::NoRootNode => Error::malformed("no element"),
        Tree::AttributesLimitReached | Tree::NamespacesLimitReached | Tree::DtdDetected => Error::malformed(error),
        other => {
            let TextPos { row, col } = other.pos();
            let message = other.to_string();
            // The tree ends its texts with the place, which we keep apart.
            let message = message.trim_end_matches(&format!(" at {row}:{col}"));
            Error::malformed(shown(message)).at(Position { line: row, column: col })
        }
    }
}

/// The line and column of the byte at `offset`.
fn position(text: &str, offset: usize) -> Position {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line = before.split(|byte| *byte == b'\n').count();
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let column = String::from_utf8_lossy(&before[start..]).chars().count();
    Position { line: u32::try_from(line).unwrap_or(u32::MAX), column: u32::try_from(column + 1).unwrap_or(u32::MAX) }
}

// === impl Node ===

impl<'a> Node<'a> {
    pub(crate) fn name(self) -> &'a str {
        self.0.tag_name().name()
    }

    pub(crate) fn namespace(self) -> Option<&'a str> {
        self.0.tag_name().namespace()
    }

    pub(crate) fn is(self, namespace: &str, name: &str) -> bool {
        self.name() == name && self.namespace() == Some(namespace)
    }

    /// The elements directly inside.
    pub(crate) fn elements(self) -> impl Iterator<Item = Node<'a>> {
        self.0.children().filter(roxmltree::Node::is_element).map(Node)
    }

    /// The elements directly inside that bear this name.
    pub(crate) fn children(self, namespace: &str, name: &str) -> impl Iterator<Item = Node<'a>> {
        self.elements().filter(move |node| node.is(namespace, name))
    }

    pub(crate) fn child(self, namespace: &str, name: &str) -> Option<Self> {
        self.children(namespace, name).next()
    }

    pub(crate) fn required(self, namespace: &str, name: &str) -> Result<Self> {
        self.child(namespace, name).ok_or_else(|| self.unexpected(format!("`{}` lacks `{name}`", self.name())))
    }

    /// The one element inside.
    pub(crate) fn only(self) -> Result<Self> {
        let mut elements = self.elements();
        match (elements.next(), elements.next()) {
            (Some(node), None) => Ok(node),
            (None, _) => Err(self.unexpected(format!("`{}` is empty", self.name()))),
            (Some(_), Some(more)) => {
                let text = format!("`{}` holds more than one element", self.name());
                Err(more.unexpected(text))
            }
        }
    }

    /// The attribute of this name, in no namespace.
    pub(crate) fn attribute(self, name: &str) -> Option<&'a str> {
        self.0.attribute(name)
    }

    pub(crate) fn attribute_in(self, namespace: &str, name: &str) -> Option<&'a str> {
        self.0.attribute((namespace, name))
    }

    pub(crate) fn required_attribute(self, name: &str) -> Result<&'a str> {
        self.attribute(name).ok_or_else(|| self.unexpected(format!("`{}` lacks attribute `{name}`", self.name())))
    }

    /// Everything that stands inside, around comments; an element inside is an error.
    pub(crate) fn text(self) -> Result<String> {
        let mut text = String::new();
        for child in self.0.children() {
            if child.is_element() {
                let what = format!("`{}` holds an element where text belongs", self.name());
                return Err(Node(child).unexpected(what));
            }
            if child.is_text() {
                text.push_str(child.text().unwrap_or_default());
            }
        }
        Ok(text)
    }

    /// The text without white space around it.
    pub(crate) fn token(self) -> Result<String> {
        let text = self.text()?;
        Ok(text.trim().to_owned())
    }

    pub(crate) fn named<T: Name>(self) -> Result<T> {
        let text = self.token()?;
        T::read(&text).ok_or_else(|| self.wrong(T::WHAT, &text))
    }

    pub(crate) fn named_attribute<T: Name>(self, name: &str) -> Result<Option<T>> {
        match self.attribute(name) {
            None => Ok(None),
            Some(text) => T::read(text).map(Some).ok_or_else(|| self.wrong(T::WHAT, text)),
        }
    }

    pub(crate) fn required_named_attribute<T: Name>(self, name: &str) -> Result<T> {
        let text = self.required_attribute(name)?;
        T::read(text).ok_or_else(|| self.wrong(T::WHAT, text))
    }

    /// A number in an attribute.
    pub(crate) fn number_attribute<N: FromStr>(self, name: &str) -> Result<Option<N>> {
        match self.attribute(name) {
            None => Ok(None),
            Some(text) => text.trim().parse().map(Some).map_err(|_| self.wrong(name, text)),
        }
    }

    pub(crate) fn bool_attribute(self, name: &str) -> Result<Option<bool>> {
        match self.attribute(name) {
            None => Ok(None),
            Some(text) => boolean(text).map(Some).ok_or_else(|| self.wrong(name, text)),
        }
    }

    pub(crate) fn number<N: FromStr>(self) -> Result<N> {
        let text = self.token()?;
        text.parse().map_err(|_| self.wrong("number", &text))
    }

    /// `true`, `false`, and what exchangelib sends: `1`, `0`.
    pub(crate) fn bool(self) -> Result<bool> {
        let text = self.token()?;
        boolean(&text).ok_or_else(|| self.wrong("Boolean", &text))
    }

    pub(crate) fn time(self) -> Result<Timestamp> {
        let text = self.token()?;
        time(&text).ok_or_else(|| self.wrong("time", &text))
    }

    pub(crate) fn base64(self) -> Result<Vec<u8>> {
        let text = self.text()?;
        base64(&text).ok_or_else(|| self.wrong("Base64", "…"))
    }

    /// Reads each element inside, at most `max`.
    pub(crate) fn each<T>(
        self,
        what: &'static str,
        max: usize,
        mut read: impl FnMut(Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut read_all = Vec::new();
        for node in self.elements() {
            if read_all.len() == max {
                return Err(Error::too_large(what, max).at(node.position()));
            }
            read_all.push(read(node)?);
        }
        Ok(read_all)
    }

    /// An error about this element.
    pub(crate) fn unexpected(self, what: impl std::fmt::Display) -> Error {
        Error::unexpected(what).at(self.position())
    }

    /// An error: there is no rule for this element here.
    pub(crate) fn not_supported(self) -> Error {
        self.unexpected(format!("`{}` is not supported here", shown(self.name())))
    }

    fn wrong(self, what: &str, text: &str) -> Error {
        let name = self.name();
        self.unexpected(format!("`{name}`: `{}` is no {what}", shown(text)))
    }

    pub(crate) fn position(self) -> Position {
        let document = self.0.document();
        let TextPos { row, col } = document.text_pos_at(self.0.range().start);
        Position { line: row, column: col }
    }
}

pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.trim() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// A `dateTime`; one without a zone is UTC.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().or_else(|| {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(civil).ok()
    })
}

pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    if text.contains(|c: char| c.is_ascii_whitespace()) {
        let dense: String = text.split_ascii_whitespace().collect();
        return BASE64_STANDARD.decode(dense).ok();
    }
    BASE64_STANDARD.decode(text).ok()
}
