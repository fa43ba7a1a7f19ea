//! The options of a request, behind the `?`.

use url::form_urlencoded;

/// The most properties in `$select`.
pub const SELECT_NAMES_MAX: usize = 200;
/// Characters of a name that an error shows.
const SHOWN_CHARS_MAX: usize = 80;

/// Names and values, in the order of the request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Options(Vec<(String, String)>);

/// Why options are refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OptionRefused {
    /// One that would be ignored.
    #[error("The query option '{0}' is not supported here.")]
    Unknown(String),
    /// Of two, one would be ignored.
    #[error("The query option '{0}' is given twice.")]
    Twice(String),
    /// `$top` out of its bounds.
    #[error("Invalid page size specified. $top must be between 1 and {0} inclusive.")]
    Top(usize),
    /// `$count` that is neither true nor false.
    #[error("Invalid value for $count.")]
    Count,
    /// `$skip` that is no number.
    #[error("Invalid value for $skip.")]
    Skip,
}

/// `$select`: which properties an answer has.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Select(Option<Vec<String>>);

/// A name in `$select` that is no property.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("Could not find a property named '{name}' on type 'microsoft.graph.{kind}'.")]
pub struct SelectRefused {
    name: String,
    kind: String,
}

// === impl Options ===

impl Options {
    /// Reads the part of an address behind the `?`.
    pub fn parse(query: Option<&str>) -> Self {
        Self(form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect())
    }

    /// The value of an option such as `$select`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Refuses system query options that would be ignored, and those given twice.
    pub fn check(&self, known: &[&str]) -> Result<(), OptionRefused> {
        for (index, (name, _)) in self.0.iter().enumerate().filter(|(_, (name, _))| name.starts_with('$')) {
            if !known.contains(&name.as_str()) {
                return Err(OptionRefused::Unknown(name.chars().take(40).collect()));
            }
            if self.0[..index].iter().any(|(other, _)| other == name) {
                return Err(OptionRefused::Twice(name.clone()));
            }
        }
        Ok(())
    }

    /// `$top`, from 1 to `max`.
    pub fn top(&self, max: usize) -> Result<Option<usize>, OptionRefused> {
        match self.get("$top").map(str::parse) {
            None => Ok(None),
            Some(Ok(top)) if (1..=max).contains(&top) => Ok(Some(top)),
            Some(_) => Err(OptionRefused::Top(max)),
        }
    }

    /// `$skip`: how many come before the page.
    pub fn skip(&self) -> Result<usize, OptionRefused> {
        self.get("$skip").map_or(Ok(0), |skip| skip.parse().map_err(|_| OptionRefused::Skip))
    }

    /// `$count`.
    pub fn count(&self) -> Result<bool, OptionRefused> {
        match self.get("$count") {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(OptionRefused::Count),
        }
    }

    /// All options, encoded, with one of them replaced or added: what the next page is asked
    /// for with.
    pub fn with(&self, name: &str, value: &str) -> String {
        let kept = self.0.iter().filter(|(other, _)| other != name);
        form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).append_pair(name, value).finish()
    }
}

// === impl Select ===

impl Select {
    /// Reads the names, each of which must be a property of the type.
    pub fn parse(text: Option<&str>, kind: &str, is_property: impl Fn(&str) -> bool) -> Result<Self, SelectRefused> {
        let Some(text) = text else { return Ok(Self(None)) };
        let names: Vec<String> = text.split(',').take(SELECT_NAMES_MAX).map(|name| name.trim().to_owned()).collect();
        match names.iter().find(|name| !is_property(name)) {
            Some(unknown) => {
                Err(SelectRefused { name: unknown.chars().take(SHOWN_CHARS_MAX).collect(), kind: kind.to_owned() })
            }
            None => Ok(Self(Some(names))),
        }
    }

    /// Whether a property is selected, if any is.
    pub fn selects(&self, name: &str) -> Option<bool> {
        self.0.as_ref().map(|names| names.iter().any(|own| own == name))
    }

    /// What stands behind the collection in `@odata.context`.
    pub fn context(&self) -> String {
        self.0.as_ref().map_or_else(String::new, |names| format!("({})", names.join(",")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_ignored() {
        let options = Options::parse(Some("$top=2&%24select=a%2Cb&x=1&x=2"));
        assert_eq!((options.get("$select"), options.get("x"), options.get("$skip")), (Some("a,b"), Some("1"), None));
        assert_eq!(options.check(&["$top", "$select"]), Ok(()));
        assert_eq!(options.check(&["$top"]), Err(OptionRefused::Unknown("$select".into())));
        let twice = Options::parse(Some("$top=2&$top=3"));
        assert_eq!(twice.check(&["$top"]), Err(OptionRefused::Twice("$top".into())));
    }

    #[test]
    fn numbers_have_bounds() {
        let of = |query| Options::parse(Some(query));
        assert_eq!(of("").top(10), Ok(None));
        assert_eq!(of("$top=10").top(10), Ok(Some(10)));
        for wrong in ["$top=0", "$top=11", "$top=x", "$top=-1"] {
            assert_eq!(of(wrong).top(10), Err(OptionRefused::Top(10)), "{wrong}");
        }
        assert_eq!((of("").skip(), of("$skip=7").skip()), (Ok(0), Ok(7)));
        assert_eq!(of("$skip=-7").skip(), Err(OptionRefused::Skip));
        assert_eq!((of("").count(), of("$count=true").count()), (Ok(false), Ok(true)));
        assert_eq!(of("$count=1").count(), Err(OptionRefused::Count));
    }

    #[test]
    fn the_next_page_has_the_same_options() {
        let options = Options::parse(Some("$top=2&$filter=a%20eq%20%27%26%27&$skip=2"));
        let next = Options::parse(Some(&options.with("$skip", "4")));
        assert_eq!(next.get("$filter"), Some("a eq '&'"));
        assert_eq!(
            (next.top(10), next.skip(), next.check(&["$top", "$filter", "$skip"])),
            (Ok(Some(2)), Ok(4), Ok(()))
        );
    }

    #[test]
    fn properties_are_known() {
        let parse = |text| Select::parse(text, "message", |name| ["id", "subject"].contains(&name));
        let all = parse(None).unwrap();
        assert_eq!((all.selects("id"), all.context().as_str()), (None, ""));
        let some = parse(Some("id, subject")).unwrap();
        assert_eq!(
            (some.selects("id"), some.selects("x"), some.context().as_str()),
            (Some(true), Some(false), "(id,subject)")
        );
        let refused = parse(Some("id,x")).unwrap_err();
        assert_eq!(refused.to_string(), "Could not find a property named 'x' on type 'microsoft.graph.message'.");
    }
}
