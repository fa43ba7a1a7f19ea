//! OData `$filter`, `$orderby` and `$expand`, as far as tools of the directory and of mail use
//! them: comparison with `eq`, `ne`, `gt`, `ge`, `lt`, `le`, `in`, `contains`, `startswith`,
//! `endswith`, the lambda `any`, `and`, `or`, `not`. Anything else is refused, so that no filter
//! is ever half applied; and who holds a filter against something refuses what of it has no
//! meaning there.

mod parse;

use jiff::Timestamp;

use self::parse::Parser;

/// The longest filter that is read, in bytes.
pub const FILTER_BYTES_MAX: usize = 4096;
/// How deep a filter may nest.
pub const FILTER_DEPTH_MAX: usize = 16;
/// The most properties that a list is sorted by.
pub const ORDER_BY_MAX: usize = 8;
/// The most properties that are expanded at once.
pub const EXPAND_MAX: usize = 8;

/// A condition on an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Filter {
    /// Every one.
    And(Vec<Self>),
    /// `property/any(x:x/id eq 'value' and …)`: one member of the list fulfils the condition,
    /// whose names are those of a member.
    Any(String, Box<Self>),
    /// `property/any(x:x eq 'value')`.
    AnyEquals(String, String),
    /// `property ge 'value'`, `property lt 2026-11-20T10:00:00Z`.
    Compares(String, Order, Literal),
    /// `contains(property,'value')`.
    Contains(String, String),
    /// `endswith(property,'value')`.
    EndsWith(String, String),
    /// `property eq 'value'`, `property eq true`, `property eq null`.
    Equals(String, Literal),
    /// `property in ('a','b')`.
    In(String, Vec<Literal>),
    /// The contrary.
    Not(Box<Self>),
    /// At least one.
    Or(Vec<Self>),
    /// `startswith(property,'value')`.
    StartsWith(String, String),
}

/// A constant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Literal {
    /// `true` or `false`.
    Boolean(bool),
    /// `null`.
    Null,
    /// `'text'`, quotes doubled inside.
    Text(String),
    /// `2026-11-20T10:00:00Z`, or `2026-11-20` for its first moment in UTC.
    Time(Timestamp),
}

/// How two values compare.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// `gt`
    Greater,
    /// `ge`
    GreaterOrEqual,
    /// `lt`
    Less,
    /// `le`
    LessOrEqual,
}

/// What a list is sorted by: a part of `$orderby`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OrderBy {
    /// The property.
    pub property: String,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// What is told beside an object: a part of `$expand`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Expand {
    /// The property that refers to it.
    pub property: String,
    /// Which of several.
    pub filter: Option<Filter>,
    /// Which properties of each.
    pub select: Option<Vec<String>>,
}

/// What an object answers when asked for a property.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Property<'o> {
    /// A Boolean.
    Boolean(bool),
    /// Several texts.
    List(&'o [String]),
    /// Nothing.
    Null,
    /// A text.
    Text(String),
}

/// Why a filter is not applied.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unsupported {
    /// Outside the grammar.
    #[error("the filter is not supported near '{0}'")]
    Syntax(String),
    /// A property that cannot be filtered by.
    #[error("the property '{0}' cannot be used in a filter")]
    Property(String),
    /// Beyond [`FILTER_BYTES_MAX`] or [`FILTER_DEPTH_MAX`].
    #[error("the filter is too long or too deep")]
    TooLarge,
}

impl Filter {
    /// Reads a filter.
    ///
    /// ```
    /// use actas_directory::query::{Filter, Literal};
    /// let filter = Filter::parse("appId eq 'a'")?;
    /// assert_eq!(filter, Filter::Equals("appId".into(), Literal::Text("a".into())));
    /// # Ok::<(), actas_directory::query::Unsupported>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, Unsupported> {
        bounded(text)?;
        Parser::whole(text, |parser| parser.or(FILTER_DEPTH_MAX))
    }

    /// Whether an object fulfils it. `property` gives `None` for names that cannot be
    /// filtered by. Texts compare without case, as the directory does; what the directory does
    /// not answer (`gt` and its like, `contains`, times, conditions on members) is refused.
    pub fn matches<'o>(&self, property: &impl Fn(&str) -> Option<Property<'o>>) -> Result<bool, Unsupported> {
        let get = |name: &str| property(name).ok_or_else(|| Unsupported::Property(name.to_owned()));
        match self {
            Self::And(all) => all.iter().try_fold(true, |so_far, one| Ok(one.matches(property)? && so_far)),
            Self::Or(all) => all.iter().try_fold(false, |so_far, one| Ok(one.matches(property)? || so_far)),
            Self::Not(one) => Ok(!one.matches(property)?),
            Self::Any(name, _)
            | Self::Compares(name, ..)
            | Self::Contains(name, _)
            | Self::Equals(name, Literal::Time(_)) => Err(Unsupported::Property(name.clone())),
            Self::Equals(name, literal) => Ok(equals(&get(name)?, literal)),
            Self::In(name, literals) if literals.iter().any(|one| matches!(one, Literal::Time(_))) => {
                Err(Unsupported::Property(name.clone()))
            }
            Self::In(name, literals) => {
                let value = get(name)?;
                Ok(literals.iter().any(|literal| equals(&value, literal)))
            }
            Self::StartsWith(name, start) | Self::EndsWith(name, start) => match get(name)? {
                Property::Text(text) => {
                    let (text, part) = (text.to_lowercase(), start.to_lowercase());
                    let ends = matches!(self, Self::EndsWith(..));
                    Ok(if ends { text.ends_with(&part) } else { text.starts_with(&part) })
                }
                Property::Null => Ok(false),
                _ => Err(Unsupported::Property(name.clone())),
            },
            Self::AnyEquals(name, wanted) => match get(name)? {
                Property::List(items) => Ok(items.iter().any(|item| item.to_lowercase() == wanted.to_lowercase())),
                _ => Err(Unsupported::Property(name.clone())),
            },
        }
    }

    /// The text that `property` must equal for any object to match: what an index can
    /// be asked for.
    pub fn required_text(&self, property: &str) -> Option<&str> {
        match self {
            Self::Equals(name, Literal::Text(text)) if name == property => Some(text),
            Self::And(all) => all.iter().find_map(|one| one.required_text(property)),
            _ => None,
        }
    }

    /// The text that the list `property` must hold for any object to match.
    pub fn required_item(&self, property: &str) -> Option<&str> {
        match self {
            Self::AnyEquals(name, text) if name == property => Some(text),
            Self::And(all) => all.iter().find_map(|one| one.required_item(property)),
            _ => None,
        }
    }

    /// The texts of which `property` must equal one, where the filter says nothing else.
    pub fn alternatives(&self, property: &str) -> Option<Vec<&str>> {
        match self {
            Self::Equals(name, literal) if name == property => Some(vec![literal.text()?]),
            Self::In(name, literals) if name == property => literals.iter().map(Literal::text).collect(),
            Self::Or(all) => {
                all.iter().map(|one| one.alternatives(property)).collect::<Option<Vec<_>>>().map(|all| all.concat())
            }
            _ => None,
        }
    }

    /// Whether the original directory answers it only in its eventual view: `ne`, `not`
    /// and `endswith`.
    pub fn is_advanced(&self) -> bool {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().any(Self::is_advanced),
            Self::Not(_) | Self::EndsWith(..) => true,
            Self::Any(..)
            | Self::AnyEquals(..)
            | Self::Compares(..)
            | Self::Contains(..)
            | Self::Equals(..)
            | Self::In(..)
            | Self::StartsWith(..) => false,
        }
    }
}

impl Literal {
    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

impl OrderBy {
    /// Reads `$orderby`: `receivedDateTime desc,subject`.
    pub fn parse(text: &str) -> Result<Vec<Self>, Unsupported> {
        bounded(text)?;
        Parser::whole(text, Parser::order_by)
    }
}

impl Expand {
    /// Reads `$expand`: `attachments,values($filter=id eq 'a';$select=id)`.
    pub fn parse(text: &str) -> Result<Vec<Self>, Unsupported> {
        bounded(text)?;
        Parser::whole(text, Parser::expand)
    }
}

fn bounded(text: &str) -> Result<(), Unsupported> {
    if text.len() > FILTER_BYTES_MAX { Err(Unsupported::TooLarge) } else { Ok(()) }
}

fn equals(value: &Property<'_>, literal: &Literal) -> bool {
    match (value, literal) {
        (Property::Text(a), Literal::Text(b)) => a.to_lowercase() == b.to_lowercase(),
        (Property::Boolean(a), Literal::Boolean(b)) => a == b,
        (Property::Null, Literal::Null) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object<'o>(names: &'o [String]) -> impl Fn(&str) -> Option<Property<'o>> {
        move |name| match name {
            "appId" => Some(Property::Text("a1".into())),
            "displayName" => Some(Property::Text("O'Brien's App".into())),
            "accountEnabled" => Some(Property::Boolean(true)),
            "mail" => Some(Property::Null),
            "servicePrincipalNames" => Some(Property::List(names)),
            _ => None,
        }
    }

    #[track_caller]
    fn check(filter: &str, expected: Option<bool>) {
        let names = ["https://a.example/".to_owned()];
        let verdict = Filter::parse(filter).and_then(|filter| filter.matches(&object(&names)));
        assert_eq!(verdict.ok(), expected, "{filter}");
    }

    #[test]
    fn what_tools_send() {
        check("appId eq 'A1'", Some(true));
        check("displayName eq 'O''Brien''s App'", Some(true));
        check("startswith(displayName,'o''b')", Some(true));
        check("servicePrincipalNames/any(c:c eq 'https://a.example/')", Some(true));
        check("appId eq 'x' or accountEnabled eq true", Some(true));
        check("appId eq 'a1' and not(accountEnabled eq true)", Some(false));
        check("appId in ('x','a1')", Some(true));
        check("appId ne 'a1'", Some(false));
        check("endsWith(displayName,'s app')", Some(true));
        check("endswith(displayName,'x')", Some(false));
        check("(appId eq 'x' or appId eq 'a1') and mail eq null", Some(true));
    }

    #[test]
    fn what_is_not_applied_by_halves() {
        for filter in [
            "",
            "appId",
            "appId gt 'a'",
            "contains(appId,'a')",
            "appId eq 2026-11-20",
            "appId in ('a',2026-11-20)",
            "servicePrincipalNames/any(c:c/id eq 'x')",
            "endswith(appId)",
            "appId eq a1",
            "appId eq 'a",
            "appId eq 'a' xor 1",
            "nothing eq 'a'",
            "appId eq 'a1' or nothing eq 'a'",
        ] {
            check(filter, None);
        }
        check(&format!("{}appId eq 'a'{}", "(".repeat(17), ")".repeat(17)), None);
        check(&format!("appId eq '{}'", "a".repeat(5000)), None);
    }

    #[test]
    fn an_index_can_be_asked() {
        let filter = Filter::parse("appId eq 'a' and displayName eq 'b'").unwrap();
        assert_eq!(filter.required_text("appId"), Some("a"));
        assert_eq!(Filter::parse("appId eq 'a' or displayName eq 'b'").unwrap().required_text("appId"), None);
        let filter = Filter::parse("names/any(n:n eq 'x') and displayName eq 'b'").unwrap();
        assert_eq!(filter.required_item("names"), Some("x"));
    }

    #[test]
    fn what_takes_the_eventual_view() {
        for (filter, expected) in [
            ("appId eq 'a' and startswith(displayName,'b')", false),
            ("appId eq 'a' or displayName ne 'b'", true),
            ("not(appId eq 'a')", true),
            ("endswith(mail,'x')", true),
        ] {
            assert_eq!(Filter::parse(filter).unwrap().is_advanced(), expected, "{filter}");
        }
    }

    #[test]
    fn what_mail_asks_for() {
        let parsed = |text| Filter::parse(text).unwrap();
        let text = |text: &str| Literal::Text(text.to_owned());
        assert_eq!(
            parsed("from/emailAddress/address eq 'a@b.example'"),
            Filter::Equals("from/emailAddress/address".into(), text("a@b.example"))
        );
        let time = Literal::Time("2026-11-20T10:00:00Z".parse().unwrap());
        for (filter, order) in [
            ("receivedDateTime ge 2026-11-20T10:00:00Z", Order::GreaterOrEqual),
            ("receivedDateTime gt 2026-11-20T11:00:00+01:00", Order::Greater),
            ("receivedDateTime lt 2026-11-20T10:00:00.000Z", Order::Less),
        ] {
            assert_eq!(parsed(filter), Filter::Compares("receivedDateTime".into(), order, time.clone()), "{filter}");
        }
        let midnight = Literal::Time("2026-11-20T00:00:00Z".parse().unwrap());
        assert_eq!(parsed("a le 2026-11-20"), Filter::Compares("a".into(), Order::LessOrEqual, midnight));
        let pair = vec![Filter::Equals("id".into(), text("String 0x1A")), Filter::Equals("value".into(), text("x"))];
        assert_eq!(
            parsed("values/any(ep: ep/id eq 'String 0x1A' and ep/value eq 'x')"),
            Filter::Any("values".into(), Box::new(Filter::And(pair)))
        );
        assert_eq!(parsed("contains(subject,'x')"), Filter::Contains("subject".into(), "x".into()));
        for wrong in [
            "a ge 2026-13-01",
            "a ge yesterday",
            "values/any(ep: id eq 'x')",
            "values/any(ep: ep eq 'x' and ep/id eq 'x')",
            "values/any(ep: other/id eq 'x')",
            "from/ eq 'x'",
            "values/all(ep: ep/id eq 'x')",
        ] {
            assert!(Filter::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn alternatives_are_all_there_is() {
        let of = |text: &str| Filter::parse(text).unwrap().alternatives("id").map(|all| all.join(" "));
        assert_eq!(of("id eq 'a'").as_deref(), Some("a"));
        assert_eq!(of("id eq 'a' or id in ('b','c')").as_deref(), Some("a b c"));
        assert_eq!(of("id eq 'a' or other eq 'b'"), None);
        assert_eq!(of("id eq 'a' and id eq 'b'"), None);
        assert_eq!(of("id eq null"), None);
    }

    #[test]
    fn orders_and_expansions() {
        let by = |property: &str, descending| OrderBy { property: property.to_owned(), descending };
        assert_eq!(
            OrderBy::parse("receivedDateTime desc, subject asc,from/emailAddress/address").unwrap(),
            [by("receivedDateTime", true), by("subject", false), by("from/emailAddress/address", false)]
        );
        for wrong in ["", "a b", "a desc asc", "a,", &"a,".repeat(9), &"a".repeat(5000)] {
            assert!(OrderBy::parse(wrong).is_err(), "{wrong}");
        }
        let expand = Expand::parse("attachments($select=id,name),values($filter=id eq 'a;b)')").unwrap();
        assert_eq!(expand[0].select, Some(vec!["id".to_owned(), "name".to_owned()]));
        assert_eq!(expand[1].filter.as_ref().and_then(|filter| filter.alternatives("id")), Some(vec!["a;b)"]));
        assert_eq!(Expand::parse("a").unwrap(), [Expand { property: "a".into(), filter: None, select: None }]);
        for wrong in ["", "a(", "a()", "a($top=1)", "a($filter=)", "a($filter=id eq 'x';$filter=id eq 'y')"] {
            assert!(Expand::parse(wrong).is_err(), "{wrong}");
        }
    }
}
