//! Values as people read them.

use std::fmt::Write;

use super::Value;

/// Returns a value as the management shells show it: `True`, `{a, b}`,
/// `{Name=a;Realm=b}`, and nothing for nothing.
pub(super) fn of_value(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Text(text) => visible(text),
        Value::List(values) => {
            let items: Vec<_> = values.iter().map(of_item).collect();
            format!("{{{}}}", items.join(", "))
        }
        Value::Object(_) => format!("{{{}}}", of_item(value)),
    }
}

/// Returns a value inside of a list, where an object has no braces of its own.
fn of_item(value: &Value) -> String {
    match value {
        Value::Object(record) => {
            let properties: Vec<_> = record.iter().map(|(name, value)| format!("{name}={}", of_value(value))).collect();
            properties.join(";")
        }
        other => of_value(other),
    }
}

/// Makes control characters visible, but for line breaks and tabs.
///
/// Texts come from other servers, and a terminal obeys what it is sent.
pub(super) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        if c.is_control() && !matches!(c, '\n' | '\t') {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}
