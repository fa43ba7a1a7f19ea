//! Holding a restriction against an item

use std::cmp::Ordering;

use super::value::{Properties, PropertyValue, UnsupportedPath};
use super::{Comparison, ContainmentComparison, ContainmentMode, Operand, Restriction};
use crate::ews::property::PropertyPath;

impl Restriction {
    /// Whether the item fulfils the condition
    ///
    /// An item that lacks a property fulfils `IsNotEqualTo` about it and no other comparison. Times
    /// compare as instants, texts code point by code point; a constant that is no value of the
    /// property's type equals nothing. Every path is looked at, so that an unsupported one is told
    /// whatever the item holds.
    pub fn matches(&self, item: &impl Properties) -> Result<bool, UnsupportedPath> {
        match self {
            Self::And(conditions) => {
                let mut all = true;
                for condition in conditions {
                    all &= condition.matches(item)?;
                }
                Ok(all)
            }
            Self::Or(conditions) => {
                let mut any = false;
                for condition in conditions {
                    any |= condition.matches(item)?;
                }
                Ok(any)
            }
            Self::Not(condition) => Ok(!condition.matches(item)?),
            Self::Exists(path) => Ok(item.property(path)?.is_some()),
            Self::Compare { operation, path, operand } => compare(item, *operation, path, operand),
            Self::Contains { path, constant, mode, comparison } => {
                let Some(value) = item.property(path)? else {
                    return Ok(false);
                };
                let matches = |single| match single {
                    PropertyValue::Text(text) => contains(&text, constant, *mode, *comparison),
                    _ => false,
                };
                Ok(value.singles().into_iter().any(matches))
            }
        }
    }
}

fn compare(
    item: &impl Properties,
    operation: Comparison,
    path: &PropertyPath,
    operand: &Operand,
) -> Result<bool, UnsupportedPath> {
    let left = item.property(path)?;
    let right = match operand {
        Operand::Path(other) => item.property(other)?,
        Operand::Constant(text) => left.as_ref().and_then(|left| {
            let text = match path {
                PropertyPath::Extended(uri) => uri.kind.base.canonical(text)?,
                PropertyPath::Field(_) | PropertyPath::Indexed { .. } => text.clone(),
            };
            left.like(&text)
        }),
    };
    let lefts = left.map(PropertyValue::singles).unwrap_or_default();
    let rights = right.map(PropertyValue::singles).unwrap_or_default();
    let holds = |test: fn(Ordering) -> bool| {
        lefts
            .iter()
            .flat_map(|left| rights.iter().map(|right| left.compare(right)))
            .any(|ordering| ordering.is_some_and(test))
    };
    Ok(match operation {
        Comparison::IsEqualTo => holds(Ordering::is_eq),
        Comparison::IsNotEqualTo => !holds(Ordering::is_eq),
        Comparison::IsGreaterThan => holds(Ordering::is_gt),
        Comparison::IsGreaterThanOrEqualTo => holds(Ordering::is_ge),
        Comparison::IsLessThan => holds(Ordering::is_lt),
        Comparison::IsLessThanOrEqualTo => holds(Ordering::is_le),
    })
}

fn contains(text: &str, constant: &str, mode: ContainmentMode, comparison: ContainmentComparison) -> bool {
    let text = fold(text, comparison);
    let constant = fold(constant, comparison);
    match mode {
        ContainmentMode::FullString => text == constant,
        ContainmentMode::Prefixed => text.starts_with(&constant),
        ContainmentMode::Substring => text.contains(&constant),
        ContainmentMode::PrefixOnWords => occurrences(&text, &constant).any(|at| begins_word(&text, at)),
        ContainmentMode::ExactPhrase => {
            occurrences(&text, &constant).any(|at| begins_word(&text, at) && ends_word(&text, at + constant.len()))
        }
    }
}

/// Where `constant` stands in `text`.
fn occurrences<'a>(text: &'a str, constant: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(constant).map(|(at, _)| at)
}

fn begins_word(text: &str, at: usize) -> bool {
    !text[..at].ends_with(char::is_alphanumeric)
}

fn ends_word(text: &str, at: usize) -> bool {
    !text[at..].starts_with(char::is_alphanumeric)
}

/// Takes away what makes no difference; of accents only those that are characters of their own.
fn fold(text: &str, comparison: ContainmentComparison) -> String {
    let spacing = |c: &char| !matches!(c, '\u{300}'..='\u{36F}');
    let text: String =
        if comparison.ignores_non_spacing() { text.chars().filter(spacing).collect() } else { text.to_owned() };
    if comparison.ignores_case() { text.to_lowercase() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ews::{
        BaseType, ExtendedFieldUri, ExtendedProperty, Field, Mailbox, Message, PropertyTag, PropertyType,
    };

    fn message() -> Message {
        Message {
            item_class: Some("IPM.Note.Microsoft.Conversation".to_owned()),
            subject: Some("Conversation with Omar Haddad".to_owned()),
            received: "2026-11-20T10:02:00Z".parse().ok(),
            sent: "2026-11-20T10:01:00Z".parse().ok(),
            size: Some(1000),
            is_read: Some(true),
            categories: vec!["Red".to_owned(), "Blue".to_owned()],
            to: vec![Mailbox::from(&"lena@fabrikam.example".parse().unwrap())],
            extended: vec![
                ExtendedProperty::public_string("DeliveryKey", "6f1c"),
                ExtendedProperty::one(uri("Duration", BaseType::Integer), "90").unwrap(),
                ExtendedProperty::one(uri("Set", BaseType::Clsid), "{00020329-0000-0000-C000-000000000046}").unwrap(),
            ],
            ..Message::default()
        }
    }

    fn uri(name: &str, base: BaseType) -> ExtendedFieldUri {
        ExtendedFieldUri::public_string(name, base.into())
    }

    #[track_caller]
    fn check(operation: &str, path: impl Into<PropertyPath>, constant: &str, expected: bool) {
        let restriction = Restriction::Compare {
            operation: Comparison::from_name(operation).unwrap(),
            path: path.into(),
            operand: Operand::Constant(constant.to_owned()),
        };
        assert_eq!(restriction.matches(&message()), Ok(expected));
    }

    #[test]
    fn comparisons() {
        check("IsEqualTo", Field::Subject, "Conversation with Omar Haddad", true);
        check("IsEqualTo", Field::Subject, "conversation with omar haddad", false);
        check("IsNotEqualTo", Field::Subject, "x", true);
        check("IsNotEqualTo", Field::InReplyTo, "x", true);
        check("IsEqualTo", Field::InReplyTo, "", false);
        check("IsLessThan", Field::InReplyTo, "x", false);
        check("IsEqualTo", Field::IsRead, "1", true);
        check("IsEqualTo", Field::IsRead, "true", true);
        check("IsEqualTo", Field::IsRead, "maybe", false);
        check("IsGreaterThan", Field::Size, "999", true);
        check("IsGreaterThan", Field::Size, "1000", false);
        check("IsGreaterThanOrEqualTo", Field::Size, "1000", true);
        check("IsEqualTo", Field::Categories, "Blue", true);
        check("IsNotEqualTo", Field::Categories, "Blue", false);
        check("IsEqualTo", Field::ToRecipients, "lena@fabrikam.example", true);
    }

    #[test]
    fn times_are_instants() {
        check("IsEqualTo", Field::DateTimeReceived, "2026-11-20T11:02:00+01:00", true);
        check("IsLessThan", Field::DateTimeReceived, "2026-11-20T10:30:00+01:00", false);
        check("IsLessThanOrEqualTo", Field::DateTimeReceived, "2026-11-20T10:02:00.000Z", true);
        check("IsLessThan", Field::DateTimeReceived, "tomorrow", false);
    }

    #[test]
    fn extended_properties() {
        check("IsEqualTo", uri("DeliveryKey", BaseType::String), "6f1c", true);
        check("IsEqualTo", uri("DeliveryKey", BaseType::Integer), "6", false);
        check("IsGreaterThan", uri("Duration", BaseType::Integer), "9", true);
        let set = "00020329-0000-0000-c000-000000000046";
        check("IsEqualTo", uri("Set", BaseType::Clsid), set, true);
        let class = ExtendedFieldUri::tag(PropertyTag::MESSAGE_CLASS, PropertyType::STRING);
        check("IsEqualTo", class, "IPM.Note.Microsoft.Conversation", true);
        let flags = ExtendedFieldUri::tag(PropertyTag::MESSAGE_FLAGS, PropertyType::INTEGER);
        check("IsEqualTo", flags, "1", true);
    }

    #[test]
    fn containment() {
        let cases = [
            ("FullString", "Exact", "Conversation with Omar Haddad", true),
            ("FullString", "IgnoreCase", "CONVERSATION with omar haddad", true),
            ("FullString", "Exact", "Conversation", false),
            ("Prefixed", "Exact", "Conversation", true),
            ("Prefixed", "IgnoreCase", "conv", true),
            ("Prefixed", "Exact", "Omar", false),
            ("Substring", "Exact", "omar", false),
            ("Substring", "Loose", "omar", true),
            ("Substring", "IgnoreNonSpacingCharacters", "O\u{301}mar", true),
            ("Substring", "Exact", "", true),
            ("PrefixOnWords", "IgnoreCase", "had", true),
            ("PrefixOnWords", "IgnoreCase", "addad", false),
            ("ExactPhrase", "IgnoreCase", "omar haddad", true),
            ("ExactPhrase", "IgnoreCase", "omar had", false),
        ];
        for (mode, comparison, constant, expected) in cases {
            let restriction = Restriction::Contains {
                path: Field::Subject.into(),
                constant: constant.to_owned(),
                mode: ContainmentMode::from_name(mode).unwrap(),
                comparison: ContainmentComparison::from_name(comparison).unwrap(),
            };
            let matched = restriction.matches(&message());
            assert_eq!(matched, Ok(expected), "{mode} {comparison} {constant}");
        }
    }

    #[test]
    fn conditions_combine() {
        let yes = Restriction::Exists(Field::Subject.into());
        let no = Restriction::Exists(Field::References.into());
        let cases = [
            (Restriction::And(vec![yes.clone(), yes.clone()]), true),
            (Restriction::And(vec![yes.clone(), no.clone()]), false),
            (Restriction::Or(vec![no.clone(), yes.clone()]), true),
            (Restriction::Or(vec![no.clone(), no.clone()]), false),
            (Restriction::Not(Box::new(no.clone())), true),
        ];
        for (restriction, expected) in cases {
            assert_eq!(restriction.matches(&message()), Ok(expected), "{restriction:?}");
        }
        let paths = Restriction::Compare {
            operation: Comparison::IsGreaterThan,
            path: Field::DateTimeReceived.into(),
            operand: Operand::Path(Field::DateTimeSent.into()),
        };
        assert_eq!(paths.matches(&message()), Ok(true));
    }

    #[test]
    fn an_unsupported_path_is_told() {
        let path = PropertyPath::from(Field::from_name("contacts:Surname"));
        let yes = Restriction::Exists(Field::Subject.into());
        let either = Restriction::Or(vec![yes, Restriction::Exists(path.clone())]);
        assert_eq!(either.matches(&message()), Err(UnsupportedPath(path)));
    }
}
