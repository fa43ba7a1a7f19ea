//! Conditions on messages and their order: OData to what a message holds.
//!
//! A filter is made ready before the first message is read, so that what cannot be asked is
//! refused whatever is in the folder.

use std::cmp::Ordering;

use actas_directory::query::{Filter, Literal, Order, OrderBy};
use actas_exchange::ews::{ExtendedFieldUri, Importance, Mailbox, Message};
use actas_exchange::graph::single_value;
use actas_store::mailbox::ItemProperty;
use jiff::Timestamp;

use super::answer::GraphError;
use crate::document;

/// A condition on a message.
#[derive(Debug)]
pub(super) enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// One of the values of a property passes a test.
    Holds(Property, Test),
}

/// A property that can be asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Property {
    Bcc(Part),
    Categories,
    Cc(Part),
    Created,
    Draft,
    Extended(Box<ExtendedFieldUri>),
    Files,
    From(Part),
    Importance,
    InternetMessageId,
    LastModified,
    Read,
    Received,
    Sender(Part),
    Sent,
    Subject,
    To(Part),
}

/// A part of a recipient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part {
    Address,
    Name,
}

#[derive(Debug)]
pub(super) enum Test {
    Compares(Order, Single),
    Contains(String),
    EndsWith(String),
    Equals(Single),
    /// There is no value.
    Null,
    StartsWith(String),
}

/// One value. Texts are in lower case, but for those of extended properties.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Single {
    Bool(bool),
    Number(u8),
    Text(String),
    Time(Timestamp),
}

const EXTENDED: &str = "singleValueExtendedProperties";

/// What messages are sorted by.
pub(super) const SORTED: &[&str] = &[
    "createdDateTime",
    "from/emailAddress/address",
    "from/emailAddress/name",
    "hasAttachments",
    "importance",
    "internetMessageId",
    "isDraft",
    "isRead",
    "lastModifiedDateTime",
    "receivedDateTime",
    "sender/emailAddress/address",
    "sender/emailAddress/name",
    "sentDateTime",
    "subject",
];

// === impl Condition ===

impl Condition {
    pub(super) fn of(filter: &Filter) -> Result<Self, GraphError> {
        let each = |all: &[Filter]| all.iter().map(Self::of).collect::<Result<Vec<_>, _>>();
        match filter {
            Filter::And(all) => Ok(Self::All(each(all)?)),
            Filter::Or(all) => Ok(Self::Any(each(all)?)),
            Filter::Not(one) => Ok(Self::Not(Box::new(Self::of(one)?))),
            Filter::Any(list, inside) if list == EXTENDED => extended(inside),
            Filter::Any(list, inside) => member(list, inside),
            Filter::AnyEquals(list, text) if list == "categories" => {
                Ok(Self::Holds(Property::Categories, Test::Equals(folded(text))))
            }
            Filter::AnyEquals(list, _) => Err(unsupported(list)),
            plain => {
                let name = name_of(plain).unwrap_or_default();
                let property = Property::of(name)?;
                on(&property, plain)
            }
        }
    }

    pub(super) fn matches(&self, message: &Message) -> bool {
        match self {
            Self::All(all) => all.iter().all(|one| one.matches(message)),
            Self::Any(all) => all.iter().any(|one| one.matches(message)),
            Self::Not(one) => !one.matches(message),
            Self::Holds(property, test) => test.passes(&property.values(message)),
        }
    }

    /// What every message has which fulfils the condition, and an index knows.
    pub(super) fn key(&self) -> Option<ItemProperty> {
        match self {
            Self::Holds(Property::Extended(uri), Test::Equals(Single::Text(text))) => document::index_key(uri, text),
            Self::All(all) => all.iter().find_map(Self::key),
            _ => None,
        }
    }

    /// Whether it tells of what somebody may not read who reads basic properties alone.
    pub(super) fn is_about_contents(&self) -> bool {
        match self {
            Self::All(all) | Self::Any(all) => all.iter().any(Self::is_about_contents),
            Self::Not(one) => one.is_about_contents(),
            Self::Holds(property, _) => matches!(property, Property::Extended(_)),
        }
    }
}

/// `any(ep: ep/id eq '…' and ep/value eq '…')`: one property, and one test of its value.
fn extended(inside: &Filter) -> Result<Condition, GraphError> {
    let wrong = || {
        GraphError::unsupported_query(format!(
            "{EXTENDED} can be filtered by any(ep: ep/id eq '…' and ep/value eq '…') only."
        ))
    };
    let Filter::And(all) = inside else { return Err(wrong()) };
    let id = all.iter().find_map(|one| match one {
        Filter::Equals(name, Literal::Text(id)) if name == "id" => Some(id),
        _ => None,
    });
    let tests: Vec<&Filter> = all.iter().filter(|one| name_of(one) != Some("id")).collect();
    let (Some(id), [test]) = (id, tests.as_slice()) else { return Err(wrong()) };
    let uri: ExtendedFieldUri = id.parse()?;
    let negated = |test: &Filter| match test {
        Filter::Not(one) => (true, (**one).clone()),
        one => (false, one.clone()),
    };
    let (not, test) = negated(test);
    if all.len() != 2 || name_of(&test) != Some("value") {
        return Err(wrong());
    }
    let condition = on(&Property::Extended(Box::new(uri)), &test)?;
    Ok(if not { Condition::Not(Box::new(condition)) } else { condition })
}

/// `toRecipients/any(r: r/emailAddress/address eq '…')`
fn member(list: &str, inside: &Filter) -> Result<Condition, GraphError> {
    let part = match name_of(inside) {
        Some("emailAddress/address") => Part::Address,
        Some("emailAddress/name") => Part::Name,
        _ => return Err(unsupported(list)),
    };
    let property = match list {
        "toRecipients" => Property::To(part),
        "ccRecipients" => Property::Cc(part),
        "bccRecipients" => Property::Bcc(part),
        _ => return Err(unsupported(list)),
    };
    on(&property, inside)
}

/// A comparison as a test of a property.
fn on(property: &Property, filter: &Filter) -> Result<Condition, GraphError> {
    let holds = |test| Condition::Holds(property.clone(), test);
    Ok(match filter {
        Filter::Equals(_, Literal::Null) => holds(Test::Null),
        Filter::Equals(_, literal) => holds(Test::Equals(property.literal(literal)?)),
        Filter::Compares(_, order, literal) => holds(Test::Compares(*order, property.literal(literal)?)),
        Filter::In(_, literals) => Condition::Any(
            literals
                .iter()
                .map(|literal| Ok(holds(Test::Equals(property.literal(literal)?))))
                .collect::<Result<_, GraphError>>()?,
        ),
        Filter::Contains(_, text) => holds(Test::Contains(property.text(text)?)),
        Filter::StartsWith(_, text) => holds(Test::StartsWith(property.text(text)?)),
        Filter::EndsWith(_, text) => holds(Test::EndsWith(property.text(text)?)),
        _ => return Err(GraphError::unsupported_query("The filter is not supported here.")),
    })
}

fn name_of(filter: &Filter) -> Option<&str> {
    match filter {
        Filter::Compares(name, ..)
        | Filter::Contains(name, _)
        | Filter::EndsWith(name, _)
        | Filter::Equals(name, _)
        | Filter::In(name, _)
        | Filter::StartsWith(name, _) => Some(name),
        Filter::Not(one) => name_of(one),
        _ => None,
    }
}

fn unsupported(name: &str) -> GraphError {
    let shown: String = name.chars().take(80).collect();
    GraphError::unsupported_query(format!("The property '{shown}' cannot be used in $filter or $orderby."))
}

fn folded(text: &str) -> Single {
    Single::Text(text.to_lowercase())
}

// === impl Test ===

impl Test {
    fn passes(&self, values: &[Single]) -> bool {
        let text = |value: &Single, test: &dyn Fn(&str) -> bool| matches!(value, Single::Text(text) if test(text));
        match self {
            Self::Null => values.is_empty(),
            Self::Equals(wanted) => values.contains(wanted),
            Self::Compares(order, limit) => values.iter().any(|value| {
                let found = value.cmp(limit);
                match order {
                    Order::Greater => found == Ordering::Greater,
                    Order::GreaterOrEqual => found != Ordering::Less,
                    Order::Less => found == Ordering::Less,
                    Order::LessOrEqual => found != Ordering::Greater,
                }
            }),
            Self::Contains(part) => values.iter().any(|value| text(value, &|text| text.contains(part))),
            Self::StartsWith(part) => values.iter().any(|value| text(value, &|text| text.starts_with(part))),
            Self::EndsWith(part) => values.iter().any(|value| text(value, &|text| text.ends_with(part))),
        }
    }
}

// === impl Property ===

impl Property {
    pub(super) fn of(name: &str) -> Result<Self, GraphError> {
        Ok(match name {
            "createdDateTime" => Self::Created,
            "from/emailAddress/address" => Self::From(Part::Address),
            "from/emailAddress/name" => Self::From(Part::Name),
            "hasAttachments" => Self::Files,
            "importance" => Self::Importance,
            "internetMessageId" => Self::InternetMessageId,
            "isDraft" => Self::Draft,
            "isRead" => Self::Read,
            "lastModifiedDateTime" => Self::LastModified,
            "receivedDateTime" => Self::Received,
            "sender/emailAddress/address" => Self::Sender(Part::Address),
            "sender/emailAddress/name" => Self::Sender(Part::Name),
            "sentDateTime" => Self::Sent,
            "subject" => Self::Subject,
            other => return Err(unsupported(other)),
        })
    }

    fn values(&self, message: &Message) -> Vec<Single> {
        let text = |text: &Option<String>| text.as_deref().map(folded).into_iter().collect();
        let flag = |flag: Option<bool>| flag.map(Single::Bool).into_iter().collect();
        let time = |time: Option<Timestamp>| time.map(Single::Time).into_iter().collect();
        match self {
            Self::Bcc(part) => parts(&message.bcc, *part),
            Self::Categories => message.categories.iter().map(|one| folded(one)).collect(),
            Self::Cc(part) => parts(&message.cc, *part),
            Self::Created => time(message.created),
            Self::Draft => flag(message.is_draft),
            Self::Extended(uri) => message.extended_text(uri).map(Single::Text).into_iter().collect(),
            Self::Files => flag(message.has_attachments),
            Self::From(part) => parts(message.from.as_slice(), *part),
            Self::Importance => message.importance.map(|one| Single::Number(rank(one))).into_iter().collect(),
            Self::InternetMessageId => text(&message.internet_message_id),
            Self::LastModified => time(message.last_modified),
            Self::Read => flag(message.is_read),
            Self::Received => time(message.received),
            Self::Sender(part) => parts(message.sender.as_slice(), *part),
            Self::Sent => time(message.sent),
            Self::Subject => text(&message.subject),
            Self::To(part) => parts(&message.to, *part),
        }
    }

    /// A constant as one of this property's values.
    fn literal(&self, literal: &Literal) -> Result<Single, GraphError> {
        let wrong = || GraphError::unsupported_query("A constant of $filter is of another type than its property.");
        match (self, literal) {
            (Self::Draft | Self::Files | Self::Read, Literal::Boolean(value)) => Ok(Single::Bool(*value)),
            (Self::Created | Self::LastModified | Self::Received | Self::Sent, Literal::Time(time)) => {
                Ok(Single::Time(*time))
            }
            (Self::Importance, Literal::Text(text)) => {
                let known = Importance::ALL.iter().find(|one| one.as_str().eq_ignore_ascii_case(text));
                known.map(|one| Single::Number(rank(*one))).ok_or_else(wrong)
            }
            (_, Literal::Text(text)) => self.text(text).map(|text| match self {
                // In the one spelling that the type has here.
                Self::Extended(uri) => Single::Text(single_value(uri, &text).unwrap_or(text)),
                _ => Single::Text(text),
            }),
            _ => Err(wrong()),
        }
    }

    /// A text to compare with, if this is a text.
    fn text(&self, text: &str) -> Result<String, GraphError> {
        match self {
            Self::Extended(uri) if uri.kind.array => Err(unsupported(EXTENDED)),
            Self::Extended(_) => Ok(text.to_owned()),
            Self::Draft
            | Self::Files
            | Self::Read
            | Self::Created
            | Self::LastModified
            | Self::Received
            | Self::Sent
            | Self::Importance => {
                Err(GraphError::unsupported_query("A constant of $filter is of another type than its property."))
            }
            _ => Ok(text.to_lowercase()),
        }
    }
}

fn rank(importance: Importance) -> u8 {
    match importance {
        Importance::Low => 0,
        Importance::Normal => 1,
        Importance::High => 2,
    }
}

fn parts(mailboxes: &[Mailbox], part: Part) -> Vec<Single> {
    let text = |mailbox: &Mailbox| match part {
        Part::Address => mailbox.address.as_deref().map(folded),
        Part::Name => mailbox.name.as_deref().map(folded),
    };
    mailboxes.iter().filter_map(text).collect()
}

/// An order of messages: newest first, unless something else is asked for.
pub(super) struct Sorting(Vec<(Property, bool)>);

impl Sorting {
    pub(super) fn of(order: &[OrderBy]) -> Result<Self, GraphError> {
        let by = order.iter().map(|by| Ok((Property::of(&by.property)?, by.descending)));
        Ok(Self(by.collect::<Result<_, GraphError>>()?))
    }

    /// Whether it is the order in which the store tells messages.
    pub(super) fn is_newest_first(&self) -> bool {
        matches!(self.0.as_slice(), [] | [(Property::Received, true)])
    }

    /// What a message is sorted by.
    pub(super) fn key(&self, message: &Message) -> Vec<Option<Single>> {
        self.0.iter().map(|(property, _)| property.values(message).into_iter().next()).collect()
    }

    pub(super) fn compare(&self, a: &[Option<Single>], b: &[Option<Single>]) -> Ordering {
        let each = self.0.iter().zip(a.iter().zip(b));
        let found = each.map(|((_, descending), (a, b))| if *descending { b.cmp(a) } else { a.cmp(b) });
        found.fold(Ordering::Equal, Ordering::then)
    }
}

#[cfg(test)]
mod tests {
    use actas_exchange::ews::ExtendedProperty;

    use super::*;

    fn message() -> Message {
        Message {
            subject: Some("Conversation with Omar".to_owned()),
            from: Some(Mailbox {
                name: Some("lena@fabrikam.example".to_owned()),
                address: Some("Omar@fabrikam.example".to_owned()),
                routing_type: None,
            }),
            to: vec![Mailbox::from(&"lena@fabrikam.example".parse().unwrap())],
            received: "2026-11-20T10:02:00Z".parse().ok(),
            is_read: Some(false),
            importance: Some(Importance::High),
            categories: vec!["Red".to_owned()],
            extended: vec![ExtendedProperty::public_string("Key", "6F1c")],
            ..Message::default()
        }
    }

    #[track_caller]
    fn check(filter: &str, expected: Option<bool>) {
        let condition = Filter::parse(filter).map_err(GraphError::from).and_then(|filter| Condition::of(&filter));
        assert_eq!(condition.ok().map(|condition| condition.matches(&message())), expected, "{filter}");
    }

    #[test]
    fn what_messages_are_sorted_by() {
        assert!(SORTED.iter().all(|name| Property::of(name).is_ok()));
        assert!(Property::of("toRecipients").is_err());
    }

    #[test]
    fn conditions() {
        check("subject eq 'conversation WITH omar'", Some(true));
        check("startswith(subject,'conv') and contains(subject,'omar')", Some(true));
        check("from/emailAddress/address eq 'omar@fabrikam.example'", Some(true));
        check("from/emailAddress/address eq 'lena@fabrikam.example'", Some(false));
        check("toRecipients/any(r: r/emailAddress/address eq 'LENA@fabrikam.example')", Some(true));
        check("isRead eq false", Some(true));
        check("isRead ne false", Some(false));
        check("receivedDateTime ge 2026-11-20T10:02:00Z and receivedDateTime lt 2026-11-21", Some(true));
        check("receivedDateTime gt 2026-11-20T10:02:00Z", Some(false));
        check("importance eq 'high' and importance gt 'normal'", Some(true));
        check("categories/any(c:c eq 'red')", Some(true));
        check("sender/emailAddress/address eq null", Some(true));
        check("subject in ('x','conversation with omar')", Some(true));
        let key = "String {00020329-0000-0000-C000-000000000046} Name Key";
        let by = |test: &str| format!("singleValueExtendedProperties/any(ep: ep/id eq '{key}' and {test})");
        check(&by("ep/value eq '6F1c'"), Some(true));
        check(&by("ep/value eq '6f1c'"), Some(false));
        check(&by("ep/value ne 'x'"), Some(true));
        check(&by("startswith(ep/value,'6F')"), Some(true));
    }

    #[test]
    fn what_is_refused_before_anything_is_read() {
        for filter in [
            "nothing eq 'x'",
            "body/content eq 'x'",
            "isRead eq 'false'",
            "isRead eq false or nothing eq 'x'",
            "receivedDateTime ge 'x'",
            "contains(isRead,'x')",
            "importance eq 'x'",
            "toRecipients/any(r: r/name eq 'x')",
            "toRecipients/any(r: r eq 'x')",
            "singleValueExtendedProperties/any(ep: ep/id eq 'String 0x1A')",
            "singleValueExtendedProperties/any(ep: ep/id eq 'nonsense' and ep/value eq 'x')",
            "singleValueExtendedProperties/any(ep: ep/id eq 'StringArray 0x3001' and ep/value eq 'x')",
            "singleValueExtendedProperties/any(ep: ep/id eq 'String 0x1A' and ep/id eq 'String 0x1B')",
        ] {
            check(filter, None);
        }
    }

    #[test]
    fn only_what_is_required_is_looked_up() {
        let key = |filter: &str| Condition::of(&Filter::parse(filter).unwrap()).unwrap().key().map(|key| key.value);
        let by = "singleValueExtendedProperties/any(ep: ep/id eq 'String 0x3001' and ep/value eq 'v')";
        assert_eq!(key(by).as_deref(), Some("v"));
        assert_eq!(key(&format!("isRead eq true and {by}")).as_deref(), Some("v"));
        assert_eq!(key(&format!("isRead eq true or {by}")), None);
        assert_eq!(key(&format!("not({by})")), None);
    }

    #[test]
    fn orders() {
        let of = |text: &str| Sorting::of(&OrderBy::parse(text).unwrap());
        assert!(of("receivedDateTime desc").unwrap().is_newest_first());
        assert!(!of("receivedDateTime").unwrap().is_newest_first());
        assert!(of("nothing").is_err());
        let (older, newer) = (message(), Message { received: "2026-11-21T10:02:00Z".parse().ok(), ..message() });
        let sorting = of("subject,receivedDateTime desc").unwrap();
        assert_eq!(sorting.compare(&sorting.key(&newer), &sorting.key(&older)), Ordering::Less);
    }
}
