//! The text of queries, read by descent.

use jiff::Timestamp;

use super::{EXPAND_MAX, Expand, FILTER_DEPTH_MAX, Filter, Literal, ORDER_BY_MAX, Order, OrderBy, Unsupported};

/// `2026-11-20`
const DATE_BYTES: usize = 10;

/// What is left of a text.
pub(super) struct Parser<'t> {
    rest: &'t str,
}

// === impl Parser ===

impl<'t> Parser<'t> {
    /// Reads a text of which nothing may be left.
    pub(super) fn whole<V>(
        text: &'t str,
        read: impl FnOnce(&mut Self) -> Result<V, Unsupported>,
    ) -> Result<V, Unsupported> {
        let mut parser = Self { rest: text.trim_start() };
        let read = read(&mut parser)?;
        if parser.rest.is_empty() { Ok(read) } else { Err(parser.unexpected()) }
    }

    pub(super) fn order_by(&mut self) -> Result<Vec<OrderBy>, Unsupported> {
        let mut all = Vec::new();
        loop {
            if all.len() == ORDER_BY_MAX {
                return Err(Unsupported::TooLarge);
            }
            let property = self.path()?;
            let descending = self.word("desc");
            if !descending {
                self.word("asc");
            }
            all.push(OrderBy { property, descending });
            if !self.symbol(",") {
                return Ok(all);
            }
        }
    }

    pub(super) fn expand(&mut self) -> Result<Vec<Expand>, Unsupported> {
        let mut all = Vec::new();
        loop {
            if all.len() == EXPAND_MAX {
                return Err(Unsupported::TooLarge);
            }
            let mut one = Expand { property: self.name()?, filter: None, select: None };
            if self.symbol("(") {
                self.expand_options(&mut one)?;
            }
            all.push(one);
            if !self.symbol(",") {
                return Ok(all);
            }
        }
    }

    fn expand_options(&mut self, one: &mut Expand) -> Result<(), Unsupported> {
        loop {
            if one.filter.is_none() && self.symbol("$filter=") {
                one.filter = Some(self.or(FILTER_DEPTH_MAX)?);
            } else if one.select.is_none() && self.symbol("$select=") {
                let names = one.select.insert(vec![self.name()?]);
                while self.symbol(",") {
                    names.push(self.name()?);
                }
            } else {
                return Err(self.unexpected());
            }
            if !self.symbol(";") {
                return self.expect(")");
            }
        }
    }

    pub(super) fn or(&mut self, depth: usize) -> Result<Filter, Unsupported> {
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
        let name = self.path()?;
        let functions = [
            ("contains", Filter::Contains as fn(_, _) -> _),
            ("startswith", Filter::StartsWith),
            ("endswith", Filter::EndsWith),
        ];
        let function = functions.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
        if let Some((_, make)) = function
            && self.symbol("(")
        {
            let property = self.path()?;
            self.expect(",")?;
            let part = self.text()?;
            self.expect(")")?;
            return Ok(make(property, part));
        }
        if self.symbol("/any(") {
            let variable = self.name()?;
            self.expect(":")?;
            let inside = self.or(deeper)?;
            self.expect(")")?;
            return match inside {
                Filter::Equals(of, Literal::Text(wanted)) if of == variable => Ok(Filter::AnyEquals(name, wanted)),
                inside => {
                    let inside = inside.of_member(&format!("{variable}/")).ok_or_else(|| self.unexpected())?;
                    Ok(Filter::Any(name, Box::new(inside)))
                }
            };
        }
        if self.word("eq") {
            return Ok(Filter::Equals(name, self.literal()?));
        }
        if self.word("ne") {
            return Ok(Filter::Not(Box::new(Filter::Equals(name, self.literal()?))));
        }
        for (word, order) in
            [("gt", Order::Greater), ("ge", Order::GreaterOrEqual), ("lt", Order::Less), ("le", Order::LessOrEqual)]
        {
            if self.word(word) {
                return Ok(Filter::Compares(name, order, self.literal()?));
            }
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
        if self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            return self.time().map(Literal::Time);
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

    fn time(&mut self) -> Result<Timestamp, Unsupported> {
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && !"-:.+".contains(c));
        let (text, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        let time: Result<Timestamp, _> =
            if text.len() == DATE_BYTES { format!("{text}T00:00:00Z").parse() } else { text.parse() };
        let time = time.map_err(|_| self.unexpected())?;
        self.rest = rest.trim_start();
        Ok(time)
    }

    /// A name, or several joined by `/`, up to a lambda.
    fn path(&mut self) -> Result<String, Unsupported> {
        let mut path = self.name()?;
        while !self.rest.starts_with("/any(") && self.symbol("/") {
            path = format!("{path}/{}", self.name()?);
        }
        Ok(path)
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

impl Filter {
    /// The condition with names that are those of a member, where all of them begin with the
    /// member's variable.
    fn of_member(self, prefix: &str) -> Option<Self> {
        let own = |name: String| name.strip_prefix(prefix).map(str::to_owned);
        let each = |all: Vec<Self>| all.into_iter().map(|one| one.of_member(prefix)).collect::<Option<Vec<_>>>();
        Some(match self {
            Self::And(all) => Self::And(each(all)?),
            Self::Or(all) => Self::Or(each(all)?),
            Self::Not(one) => Self::Not(Box::new(one.of_member(prefix)?)),
            Self::Equals(name, literal) => Self::Equals(own(name)?, literal),
            Self::In(name, literals) => Self::In(own(name)?, literals),
            Self::Compares(name, order, literal) => Self::Compares(own(name)?, order, literal),
            Self::Contains(name, part) => Self::Contains(own(name)?, part),
            Self::StartsWith(name, part) => Self::StartsWith(own(name)?, part),
            Self::EndsWith(name, part) => Self::EndsWith(own(name)?, part),
            // A lambda in a lambda means nothing to anybody here.
            Self::Any(..) | Self::AnyEquals(..) => return None,
        })
    }
}
