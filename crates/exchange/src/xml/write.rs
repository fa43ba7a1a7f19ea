//! Writing: what comes out is well-formed, whatever went in

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use quick_xml::escape::partial_escape;
use quick_xml::events::{BytesDecl, BytesStart, BytesText, Event};

/// Writes one document, without indentation.
pub(crate) struct Writer(quick_xml::Writer<Vec<u8>>);

impl Writer {
    /// Starts a document with its declaration.
    pub(crate) fn new() -> Self {
        let mut writer = Self(quick_xml::Writer::new(Vec::new()));
        writer.event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)));
        writer
    }

    /// Ends the document.
    pub(crate) fn finish(self) -> String {
        String::from_utf8(self.0.into_inner())
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// An element with content.
    pub(crate) fn element(&mut self, name: &str, attributes: &[(&str, &str)], content: impl FnOnce(&mut Self)) {
        let start = start(name, attributes);
        self.event(Event::Start(start.borrow()));
        content(self);
        self.event(Event::End(start.to_end()));
    }

    /// An element without content.
    pub(crate) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.event(Event::Empty(start(name, attributes)));
    }

    /// An element that holds text.
    pub(crate) fn text(&mut self, name: &str, text: impl AsRef<str>) {
        self.text_with(name, &[], text);
    }

    /// An element with attributes that holds text.
    pub(crate) fn text_with(&mut self, name: &str, attributes: &[(&str, &str)], text: impl AsRef<str>) {
        let legal = legal(text.as_ref());
        let escaped = partial_escape(legal.as_ref());
        self.element(name, attributes, |w| {
            w.event(Event::Text(BytesText::from_escaped(escaped)));
        });
    }

    /// An element that holds text, if there is any.
    pub(crate) fn text_opt(&mut self, name: &str, text: Option<impl AsRef<str>>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// `true` or `false`: exchangelib reads nothing else.
    pub(crate) fn bool_opt(&mut self, name: &str, value: Option<bool>) {
        self.text_opt(name, value.map(|value| if value { "true" } else { "false" }));
    }

    pub(crate) fn number_opt<N: ToString>(&mut self, name: &str, value: Option<N>) {
        self.text_opt(name, value.map(|value| value.to_string()));
    }

    pub(crate) fn time_opt(&mut self, name: &str, value: Option<Timestamp>) {
        self.text_opt(name, value.map(timestamp));
    }

    pub(crate) fn base64_with(&mut self, name: &str, attributes: &[(&str, &str)], bytes: &[u8]) {
        self.text_with(name, attributes, BASE64_STANDARD.encode(bytes));
    }

    fn event(&mut self, event: Event<'_>) {
        let written = self.0.write_event(event);
        debug_assert!(written.is_ok(), "writing to memory does not fail");
    }
}

/// `dateTime` in whole seconds and `Z`: exchangelib reads no fraction, Exchange writes none.
pub(crate) fn timestamp(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn start<'a>(name: &'a str, attributes: &[(&str, &str)]) -> BytesStart<'a> {
    let mut start = BytesStart::new(name);
    for (key, value) in attributes {
        start.push_attribute((*key, legal(value)));
    }
    start
}

/// Replaces what XML 1.0 §2.2 cannot carry, not even escaped.
fn legal(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_legal) {
        return Cow::Borrowed(text);
    }
    text.chars().map(|c| if is_legal(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

fn is_legal(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_legal() {
        let cases = [
            ("plain \"quoted\"", "plain \"quoted\""),
            ("a & b < c > d", "a &amp; b &lt; c &gt; d"),
            ("]]>", "]]&gt;"),
            ("a\r\nb", "a&#13;\nb"),
            ("nul\u{0}esc\u{1b}", "nul\u{FFFD}esc\u{FFFD}"),
            ("\u{FFFE}\u{FFFF}", "\u{FFFD}\u{FFFD}"),
            ("\u{1F600}", "\u{1F600}"),
        ];
        for (text, expected) in cases {
            let mut writer = Writer::new();
            writer.text("a", text);
            let expected = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><a>{expected}</a>");
            assert_eq!(writer.finish(), expected);
        }
    }

    #[test]
    fn attributes_are_escaped_and_legal() {
        let mut writer = Writer::new();
        writer.empty("a", &[("b", "1\"<&\n\u{0}")]);
        assert_eq!(
            writer.finish(),
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><a b=\"1&quot;&lt;&amp;&#10;\u{FFFD}\"/>"
        );
    }

    #[test]
    fn times_are_whole_seconds() {
        let time: Timestamp = "2026-11-20T10:02:00.987+01:00".parse().unwrap();
        assert_eq!(timestamp(time), "2026-11-20T09:02:00Z");
        let early: Timestamp = "0001-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(timestamp(early), "0001-01-01T00:00:00Z");
    }
}
