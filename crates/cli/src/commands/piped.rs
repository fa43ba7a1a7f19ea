//! Objects from a pipe or a file: `Get-… -Output json | … | Set-… -Instance -`.

use std::{
    io::{self, Read},
    path::Path,
};

use serde_json::{Map, Value};

use crate::{arguments::value, problem::Problem};

/// The most bytes that are read, and the most objects.
const BYTES_MAX: u64 = 4 * 1024 * 1024;
const OBJECTS_MAX: usize = 10_000;

/// The names that an identity stands for: itself, or those of the objects on standard input.
pub(super) async fn names(identity: &str) -> Result<Vec<String>, Problem> {
    if identity != "-" {
        return Ok(vec![identity.to_owned()]);
    }
    objects(Path::new(identity)).await?.iter().map(Object::identity).collect()
}

/// The objects in a file, or on standard input if it is `-`.
pub(super) async fn objects(source: &Path) -> Result<Vec<Object>, Problem> {
    let place = if source == Path::new("-") { "standard input".to_owned() } else { format!("`{}`", source.display()) };
    let path = source.to_owned();
    let read = move || {
        let mut text = Vec::new();
        let source: Box<dyn Read> =
            if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(fs_err::File::open(&path)?) };
        source.take(BYTES_MAX + 1).read_to_end(&mut text).map(|_| text)
    };
    let text = tokio::task::spawn_blocking(read).await.map_err(io::Error::other).flatten();
    let text = text.map_err(|error| {
        Problem::failed(format!("{place} cannot be read"))
            .because(&error)
            .hint("name a file that holds what a `Get-` command printed with `-Output json`, or `-` for standard input")
    })?;
    parse(&text, &place)
}

/// The one object in a file or on standard input.
pub(super) async fn object(source: &Path) -> Result<Object, Problem> {
    let mut all = objects(source).await?;
    match (all.pop(), all.len()) {
        (Some(only), 0) => Ok(only),
        (_, more) => {
            Err(Problem::failed(format!("one object is expected, and there are {}", more + usize::from(more > 0)))
                .hint("pipe one object, such as `jq '.[0]'` takes it out of an array"))
        }
    }
}

fn parse(text: &[u8], place: &str) -> Result<Vec<Object>, Problem> {
    let refused = |why: &str| {
        Problem::failed(format!("{place} is not what is expected: {why}"))
            .hint("pipe what a `Get-` command prints with `-Output json`: an array of objects, or one object")
    };
    if text.len() as u64 > BYTES_MAX {
        return Err(refused(&format!("it has more than {BYTES_MAX} bytes")));
    }
    let values = match serde_json::from_slice(text) {
        Ok(Value::Array(values)) => values,
        Ok(object @ Value::Object(_)) => vec![object],
        Ok(_) => return Err(refused("it is neither an array nor an object")),
        Err(error) => return Err(refused(&error.to_string())),
    };
    if values.len() > OBJECTS_MAX {
        return Err(refused(&format!("it has more than {OBJECTS_MAX} objects")));
    }
    let object = |value| match value {
        Value::Object(properties) => Ok(Object { properties, place: place.to_owned() }),
        _ => Err(refused("one of its elements is no object")),
    };
    values.into_iter().map(object).collect()
}

/// An object as a `Get-` command prints it, perhaps changed since.
///
/// A property that is absent says nothing; `null` and the empty text say "none". Names are
/// compared without case.
#[derive(Debug)]
pub(super) struct Object {
    properties: Map<String, Value>,
    place: String,
}

// === impl Object ===

impl Object {
    /// Its name: `Identity`, or `Name`; both agree.
    pub(super) fn identity(&self) -> Result<String, Problem> {
        let missing = || {
            Problem::failed(format!("an object on {} has neither `Identity` nor `Name`", self.place))
                .hint("pipe what a `Get-` command prints with `-Output json`")
        };
        let named = |property| Ok::<_, Problem>(self.text(property)?.filter(|name| !name.is_empty()));
        match (named("Identity")?, named("Name")?) {
            (Some(identity), Some(name)) if !identity.eq_ignore_ascii_case(&name) => {
                Err(Problem::failed(format!("an object has the `Identity` `{identity}` and the `Name` `{name}`"))
                    .hint("a name stays: remove the object and add it anew under the other one"))
            }
            (identity, name) => {
                let name = identity.or(name).ok_or_else(missing)?;
                value::name(&name).map_err(|refusal| Problem::failed(format!("`{name}` is no name: {refusal}")))
            }
        }
    }

    /// Refuses properties that such an object has not: a misspelt one would be without effect.
    pub(super) fn check(&self, known: &[&str]) -> Result<(), Problem> {
        let is_known = |name: &&String| known.iter().any(|known| known.eq_ignore_ascii_case(name));
        match self.properties.keys().find(|name| !is_known(name)) {
            None => Ok(()),
            Some(other) => Err(Problem::failed(format!("an object on {} has a property `{other}`", self.place))
                .hint(format!("such an object has {}", known.join(", ")))),
        }
    }

    /// A property as it is.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        self.properties.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// A text; empty for `null`.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, Problem> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(String::new())),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.refused(name, "a text")),
        }
    }

    /// A Boolean, also in the words of the management shells.
    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Problem> {
        let read = match self.value(name) {
            None => return Ok(None),
            Some(Value::Bool(value)) => Some(*value),
            Some(Value::String(text)) => value::read_boolean(text),
            Some(_) => None,
        };
        read.map(Some).ok_or_else(|| self.refused(name, "true or false"))
    }

    /// A whole number that is not negative.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let read = match self.value(name) {
            None => return Ok(None),
            Some(value) => value.as_u64().or_else(|| value.as_str()?.parse().ok()),
        };
        read.map(Some).ok_or_else(|| self.refused(name, "a whole number"))
    }

    /// Refuses another value of a property that no `Set-` command changes.
    pub(super) fn unchanged(&self, name: &str, is: &str, commands: &str) -> Result<(), Problem> {
        match self.text(name)? {
            Some(given) if !given.eq_ignore_ascii_case(is) => {
                Err(Problem::failed(format!("`{name}` is `{is}`, and cannot become `{given}`"))
                    .hint(format!("for another `{name}` remove the object and add it anew: {commands}")))
            }
            _ => Ok(()),
        }
    }

    fn refused(&self, name: &str, wanted: &str) -> Problem {
        let given = self.value(name).map(ToString::to_string).unwrap_or_default();
        let given: String = given.chars().take(80).collect();
        Problem::failed(format!("`{name}` cannot be `{given}`")).hint(format!("it is {wanted}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &[u8]) -> Result<Vec<String>, Problem> {
        parse(text, "standard input")?.iter().map(Object::identity).collect()
    }

    fn one(text: &str) -> Object {
        parse(text.as_bytes(), "standard input").unwrap().remove(0)
    }

    #[test]
    fn names_come_out_of_an_array_or_one_object() {
        assert_eq!(names(br#"[{"Name":"a","x":1},{"Name":"b"}]"#).unwrap(), ["a", "b"]);
        assert_eq!(names(br#"{"Name":"a"}"#).unwrap(), ["a"]);
        assert_eq!(names(br#"{"identity":"A","Name":"a"}"#).unwrap(), ["A"]);
        assert!(names(b"[]").unwrap().is_empty());
        for wrong in [
            &b""[..],
            b"7",
            br#"[{"names":"a"}]"#,
            br#"["a"]"#,
            b"[{\"Name\":\"a\"}",
            br#"{"Identity":"a","Name":"b"}"#,
            br#"{"Name":7}"#,
        ] {
            let problem = names(wrong).unwrap_err();
            assert!(problem.hint.is_some(), "{problem}");
        }
        assert!(names(br#"{"Name":"a*"}"#).is_err(), "a name is one object's");
    }

    #[test]
    fn properties_are_read_as_what_they_are() {
        let object = one(r#"{"A":"x","b":null,"C":true,"D":"False","E":7,"F":[1]}"#);
        assert_eq!(object.text("a").unwrap().as_deref(), Some("x"));
        assert_eq!(object.text("B").unwrap().as_deref(), Some(""), "null is none");
        assert_eq!(object.text("Z").unwrap(), None, "what is absent says nothing");
        assert_eq!((object.boolean("C").unwrap(), object.boolean("D").unwrap()), (Some(true), Some(false)));
        assert_eq!((object.number("E").unwrap(), object.number("Z").unwrap()), (Some(7), None));
        for refused in [object.text("F"), object.text("E")] {
            assert!(refused.unwrap_err().hint.is_some());
        }
        assert!(object.boolean("B").is_err() && object.boolean("A").is_err() && object.number("A").is_err());
        object.check(&["a", "B", "c", "d", "e", "f", "z"]).unwrap();
        assert!(object.check(&["a", "b", "c", "d", "e"]).unwrap_err().to_string().contains("`F`"));
        object.unchanged("A", "X", "").unwrap();
        object.unchanged("Z", "x", "").unwrap();
        assert!(object.unchanged("A", "y", "").is_err());
    }
}
