//! OData `$filter`, as far as directory tools use it: comparison with `eq`, `ne`, `in`,
//! `startswith`, `endswith`, one lambda (`any`), `and`, `or`, `not`. Anything else is refused, so
//! that no filter is ever half applied.

/// The longest filter that is read, in bytes.
pub const FILTER_BYTES_MAX: usize = 4096;
/// How deep a filter may nest.
pub const FILTER_DEPTH_MAX: usize = 16;

/// A condition on an object.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Filter {
    /// Every one.
    And(Vec<Self>),
    /// `property/any(x:x eq 'value')`.
    AnyEquals(String, String),
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
        if text.len() > FILTER_BYTES_MAX {
            return Err(Unsupported::TooLarge);
        }
        let mut parser = Parser { rest: text.trim_start() };
        let filter = parser.or(FILTER_DEPTH_MAX)?;
        if parser.rest.is_empty() { Ok(filter) } else { Err(parser.unexpected()) }
    }

    /// Whether an object fulfils it. `property` gives `None` for names that cannot be
    /// filtered by. Texts compare without case, as the directory does.
    pub fn matches<'o>(&self, property: &impl Fn(&str) -> Option<Property<'o>>) -> Result<bool, Unsupported> {
        let get = |name: &str| property(name).ok_or_else(|| Unsupported::Property(name.to_owned()));
        match self {
            Self::And(all) => all.iter().try_fold(true, |so_far, one| Ok(one.matches(property)? && so_far)),
            Self::Or(all) => all.iter().try_fold(false, |so_far, one| Ok(one.matches(property)? || so_far)),
            Self::Not(one) => Ok(!one.matches(property)?),
            Self::Equals(name, literal) => Ok(equals(&get(name)?, literal)),
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

    /// Whether the original directory answers it only in its eventual view: `ne`, `not`
    /// and `endswith`.
    pub fn is_advanced(&self) -> bool {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().any(Self::is_advanced),
            Self::Not(_) | Self::EndsWith(..) => true,
            Self::AnyEquals(..) | Self::Equals(..) | Self::In(..) | Self::StartsWith(..) => false,
        }
    }
}

fn equals(value: &Property<'_>, literal: &Literal) -> bool {
    match (value, literal) {
        (Property::Text(a), Literal::Text(b)) => a.to_lowercase() == b.to_lowercase(),
        (Property::Boolean(a), Literal::Boolean(b)) => a == b,
        (Property::Null, Literal::Null) => true,
        _ => false,
    }
}

struct Parser<'t> {
    rest: &'t str,
}

// === impl Parser ===

impl Parser<'_> {
    fn or(&mut self, depth: usize) -> Result<Filter, Unsupported> {
        let mut all = vec![self.and(depth)?];
        while self.word("or") {
            all.push(self.and(depth)?);
        }
        Ok(one_or(all, Filter::Or))
    }

    fn and(&mut self, depth: usize) -> Result<Filter, Unsupported> {
        let mut all = vec![self.unary(depth)?];
        while self.word("and") {
            all.push(self.unary(depth)?);
        }
        Ok(one_or(all, Filter::And))
    }

    fn unary(&mut self, depth: usize) -> Result<Filter, Unsupported> {
        let deeper = depth.checked_sub(1).ok_or(Unsupported::TooLarge)?;
        if self.word("not") {
            return Ok(Filter::Not(Box::new(self.unary(deeper)?)));
        }
        if self.symbol("(") {
            let inside = self.or(deeper)?;
            self.expect(")")?;
            return Ok(inside);
        }
        let name = self.name()?;
        let function = [("startswith", Filter::StartsWith as fn(_, _) -> _), ("endswith", Filter::EndsWith)]
            .into_iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known));
        if let Some((_, make)) = function
            && self.symbol("(")
        {
            let property = self.name()?;
            self.expect(",")?;
            let part = self.text()?;
            self.expect(")")?;
            return Ok(make(property, part));
        }
        if self.symbol("/any(") {
            let variable = self.name()?;
            self.expect(":")?;
            if self.name()? != variable || !self.word("eq") {
                return Err(self.unexpected());
            }
            let wanted = self.text()?;
            self.expect(")")?;
            return Ok(Filter::AnyEquals(name, wanted));
        }
        if self.word("eq") {
            return Ok(Filter::Equals(name, self.literal()?));
        }
        if self.word("ne") {
            return Ok(Filter::Not(Box::new(Filter::Equals(name, self.literal()?))));
        }
        if self.word("in") {
            self.expect("(")?;
            let mut all = vec![self.literal()?];
            while self.symbol(",") {
                all.push(self.literal()?);
            }
            self.expect(")")?;
            return Ok(Filter::In(name, all));
        }
        Err(self.unexpected())
    }

    fn literal(&mut self) -> Result<Literal, Unsupported> {
        if self.rest.starts_with('\'') {
            return self.text().map(Literal::Text);
        }
        for (word, literal) in
            [("true", Literal::Boolean(true)), ("false", Literal::Boolean(false)), ("null", Literal::Null)]
        {
            if self.word(word) {
                return Ok(literal);
            }
        }
        Err(self.unexpected())
    }

    fn text(&mut self) -> Result<String, Unsupported> {
        let mut text = String::new();
        let mut rest = self.rest.strip_prefix('\'').ok_or_else(|| self.unexpected())?;
        loop {
            let (before, after) = rest.split_once('\'').ok_or_else(|| self.unexpected())?;
            text.push_str(before);
            let Some(more) = after.strip_prefix('\'') else {
                self.rest = after.trim_start();
                return Ok(text);
            };
            text.push('\'');
            rest = more;
        }
    }

    fn name(&mut self) -> Result<String, Unsupported> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        if end == 0 {
            return Err(self.unexpected());
        }
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        Ok(name.to_owned())
    }

    /// Takes a keyword that is not merely the start of a longer name.
    fn word(&mut self, word: &str) -> bool {
        let Some(start) = self.rest.get(..word.len()) else { return false };
        let after = &self.rest[word.len()..];
        let ends = !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if start.eq_ignore_ascii_case(word) && ends {
            self.rest = after.trim_start();
            return true;
        }
        false
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        match self.rest.strip_prefix(symbol) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, symbol: &str) -> Result<(), Unsupported> {
        if self.symbol(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> Unsupported {
        Unsupported::Syntax(self.rest.chars().take(40).collect())
    }
}

fn one_or(mut all: Vec<Filter>, combine: impl FnOnce(Vec<Filter>) -> Filter) -> Filter {
    match all.len() {
        1 => all.remove(0),
        _ => combine(all),
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
}
