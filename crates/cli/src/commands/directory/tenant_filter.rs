//! `-Filter` of `Get-CsTenant`: a pattern, or a script block of the management shell.

use actas_agent::Organization;

use crate::{commands::shown, problem::Problem};

/// What a tenant has to be like.
#[derive(Debug, PartialEq)]
pub(super) enum Filter {
    /// Its name or one of its domains fits.
    Pattern(String),
    /// Each of these holds.
    All(Vec<Clause>),
    /// One of these holds.
    Any(Vec<Clause>),
}

/// A property compared with a text.
#[derive(Debug, PartialEq)]
pub(super) struct Clause {
    property: Property,
    negated: bool,
    /// `-like`, with `*` and `?`.
    wild: bool,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Property {
    TenantId,
    DisplayName,
    Domains,
    CountryLetterCode,
    Country,
    State,
}

const PROPERTIES: [(&str, Property); 6] = [
    ("TenantId", Property::TenantId),
    ("DisplayName", Property::DisplayName),
    ("Domains", Property::Domains),
    ("CountryLetterCode", Property::CountryLetterCode),
    ("Country", Property::Country),
    ("State", Property::State),
];
/// Clauses of one filter.
const CLAUSES_MAX: usize = 16;

// === impl Filter ===

impl Filter {
    /// Parses a filter; one without braces and operators is a pattern.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        let block = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        if block.is_none() && !text.contains(" -") {
            return Ok(Self::Pattern(text.to_owned()));
        }
        let words = words(block.unwrap_or(text)).ok_or_else(|| refused(text, "a quote is not closed"))?;
        let mut clauses = Vec::new();
        let mut joint: Option<bool> = None;
        for part in words.chunks(4) {
            let [property, operator, value, rest @ ..] = part else {
                return Err(refused(text, "a comparison has a property, an operator and a text"));
            };
            clauses.push(Clause::of(property, operator, value).map_err(|why| refused(text, &why))?);
            let Some(word) = rest.first() else { continue };
            let any = match word.to_ascii_lowercase().as_str() {
                "-and" => false,
                "-or" => true,
                _ => return Err(refused(text, &format!("`{word}` is neither `-and` nor `-or`"))),
            };
            if joint.is_some_and(|before| before != any) {
                return Err(refused(text, "`-and` and `-or` are not mixed here"));
            }
            joint = Some(any);
        }
        if words.len() % 4 == 0 || clauses.len() > CLAUSES_MAX {
            return Err(refused(text, "it is empty, too long, or something is missing at its end"));
        }
        Ok(if joint == Some(true) { Self::Any(clauses) } else { Self::All(clauses) })
    }

    /// Whether a tenant is so.
    pub(super) fn fits(&self, tenant: &Organization) -> bool {
        match self {
            Self::Pattern(pattern) => {
                shown::matches(pattern, &tenant.display_name)
                    || tenant.domains.iter().any(|name| shown::matches(pattern, name))
            }
            Self::All(clauses) => clauses.iter().all(|clause| clause.holds(tenant)),
            Self::Any(clauses) => clauses.iter().any(|clause| clause.holds(tenant)),
        }
    }
}

// === impl Clause ===

impl Clause {
    fn of(property: &str, operator: &str, text: &str) -> Result<Self, String> {
        let known = PROPERTIES.iter().find(|(name, _)| name.eq_ignore_ascii_case(property));
        let Some((_, property)) = known else {
            let names: Vec<_> = PROPERTIES.iter().map(|(name, _)| format!("`{name}`")).collect();
            return Err(format!("`{property}` is none of {}", names.join(", ")));
        };
        let (negated, wild) = match operator.to_ascii_lowercase().as_str() {
            "-eq" | "-ieq" => (false, false),
            "-ne" | "-ine" => (true, false),
            "-like" | "-ilike" => (false, true),
            "-notlike" | "-inotlike" => (true, true),
            _ => return Err(format!("`{operator}` is none of `-eq`, `-ne`, `-like` and `-notlike`")),
        };
        Ok(Self { property: *property, negated, wild, text: text.to_owned() })
    }

    fn holds(&self, tenant: &Organization) -> bool {
        let own = |text: &Option<String>| text.iter().cloned().collect::<Vec<_>>();
        let values = match self.property {
            Property::TenantId => vec![tenant.id.clone()],
            Property::DisplayName => vec![tenant.display_name.clone()],
            Property::Domains => tenant.domains.clone(),
            Property::CountryLetterCode => own(&tenant.country_letter_code),
            Property::Country => own(&tenant.country),
            Property::State => own(&tenant.state),
        };
        let fits = |value: &String| {
            if self.wild { shown::matches(&self.text, value) } else { value.to_lowercase() == self.text.to_lowercase() }
        };
        values.iter().any(fits) != self.negated
    }
}

fn refused(text: &str, why: &str) -> Problem {
    let shown: String = text.chars().take(80).collect();
    Problem::usage(format!("`-Filter` cannot be `{shown}`: {why}"))
        .hint("such as `-Filter '{DisplayName -eq \"Contoso\"}'`, or a pattern: `-Filter 'contoso*'`")
}

/// Splits a script block into words, which quotes hold together; `None` where one stays open.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut letters = text.chars().peekable();
    while let Some(first) = letters.next() {
        if first.is_whitespace() {
            continue;
        }
        let mut word = String::new();
        if matches!(first, '"' | '\'') {
            loop {
                match letters.next()? {
                    // A quote that is doubled is one of the text.
                    letter if letter == first && letters.peek() == Some(&first) => word.extend(letters.next()),
                    letter if letter == first => break,
                    letter => word.push(letter),
                }
            }
        } else {
            word.push(first);
            while let Some(letter) = letters.next_if(|letter| !letter.is_whitespace()) {
                word.push(letter);
            }
        }
        words.push(word);
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(filter: &str) -> bool {
        let tenant = Organization {
            id: "2f3d7a52-7c3e-4d7b-9a6c-0a4f9d1b5e11".into(),
            display_name: "Contoso O'Neil".into(),
            domains: vec!["contoso.example".into(), "mail.contoso.example".into()],
            country_letter_code: Some("DE".into()),
            country: None,
            state: None,
            synchronised: None,
        };
        Filter::parse(filter).unwrap().fits(&tenant)
    }

    #[test]
    fn script_blocks_and_patterns() {
        for filter in [
            "contoso*",
            "*.EXAMPLE",
            "{DisplayName -eq \"contoso o'neil\"}",
            "{ displayname -like 'Contoso O''*' }",
            "DisplayName -ne Fabrikam",
            "{Domains -like '*mail*' -and CountryLetterCode -eq DE}",
            "{Domains -eq 'x' -or TenantId -like '2f3d*'}",
            "{Country -notlike '*'}",
        ] {
            assert!(fits(filter), "{filter}");
        }
        for filter in [
            "fabrikam*",
            "{Domains -eq contoso}",
            "{Country -eq ''}",
            "{State -like '*'}",
            "{Domains -ne contoso.example}",
        ] {
            assert!(!fits(filter), "{filter}");
        }
    }

    #[test]
    fn what_is_no_filter_is_told() {
        for (filter, told) in [
            ("{DisplayName -eq 'x}", "quote"),
            ("{DisplayName -gt x}", "`-gt` is none of"),
            ("{Name -eq x}", "`Name` is none of"),
            ("{DisplayName -eq}", "a comparison has"),
            ("{}", "empty"),
            ("{Domains -eq x -and}", "missing"),
            ("{Domains -eq x -xor Domains -eq y}", "neither"),
            ("{Domains -eq x -or Domains -eq y -and Domains -eq z}", "mixed"),
        ] {
            let problem = Filter::parse(filter).unwrap_err();
            assert!(problem.what.contains(told), "{filter}: {problem}");
        }
    }
}
