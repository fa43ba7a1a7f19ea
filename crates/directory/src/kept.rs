//! Properties that tools write and read back, and that decide nothing here: notes, tags,
//! reply addresses, a user's job title. They are checked for type and size, and kept as
//! they came.

use std::collections::BTreeMap;

use serde_json::Value;

/// The most that one object keeps, in bytes of JSON.
pub const KEPT_BYTES_MAX: usize = 64 * 1024;
/// The most entries of a list.
pub const LIST_ENTRIES_MAX: usize = 300;

/// What is kept: property to value, no defaults.
pub type Kept = BTreeMap<String, Value>;

/// What a property may hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shape {
    /// True or false; false where nothing is kept.
    Boolean,
    /// An object; null where nothing is kept.
    Object,
    /// Objects.
    Objects,
    /// Text of so many characters, or null.
    Text(usize),
    /// Texts of so many characters each.
    Texts(usize),
}

/// A property that an object keeps.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeptProperty {
    /// Its name on the wire.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
}

impl KeptProperty {
    /// A property of this name and shape.
    pub const fn new(name: &'static str, shape: Shape) -> Self {
        Self { name, shape }
    }

    /// What stands there when nothing was kept.
    pub fn default(&self) -> Value {
        match self.shape {
            Shape::Boolean => Value::Bool(false),
            Shape::Object | Shape::Text(_) => Value::Null,
            Shape::Objects | Shape::Texts(_) => Value::Array(Vec::new()),
        }
    }

    /// The value, or the default.
    pub fn of(&self, kept: &Kept) -> Value {
        kept.get(self.name).cloned().unwrap_or_else(|| self.default())
    }

    /// Whether the value is of the property's shape and size.
    pub fn fits(&self, value: &Value) -> bool {
        let short = |value: &Value, max| value.as_str().is_some_and(|text| text.chars().count() <= max);
        let list = |fits: &dyn Fn(&Value) -> bool| {
            value.as_array().is_some_and(|items| items.len() <= LIST_ENTRIES_MAX && items.iter().all(fits))
        };
        match self.shape {
            Shape::Boolean => value.is_boolean() || value.is_null(),
            Shape::Object => value.is_object() || value.is_null(),
            Shape::Objects => list(&Value::is_object),
            Shape::Text(max) => value.is_null() || short(value, max),
            Shape::Texts(max) => list(&|item| short(item, max)),
        }
    }

    /// Keeps a value that fits, if the object then still is within its bound; null and
    /// the default forget.
    #[must_use]
    pub fn keep(&self, kept: &mut Kept, value: &Value) -> bool {
        if !self.fits(value) {
            return false;
        }
        let before = if value.is_null() || *value == self.default() {
            kept.remove(self.name)
        } else {
            kept.insert(self.name.to_owned(), value.clone())
        };
        let size: usize = kept.iter().map(|(name, value)| name.len() + value.to_string().len()).sum();
        if size > KEPT_BYTES_MAX {
            kept.remove(self.name);
            kept.extend(before.map(|before| (self.name.to_owned(), before)));
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(shape: Shape, fitting: &[Value], unfit: &[Value]) {
        let property = KeptProperty::new("p", shape);
        assert!(property.fits(&property.default()));
        assert!(fitting.iter().all(|value| property.fits(value)), "{shape:?}");
        assert!(!unfit.iter().any(|value| property.fits(value)), "{shape:?}");
    }

    #[test]
    fn shapes() {
        check(Shape::Boolean, &[json!(true)], &[json!("true"), json!(1)]);
        check(Shape::Object, &[json!({"a": [1]})], &[json!([]), json!("x")]);
        check(Shape::Objects, &[json!([{}])], &[json!([1]), json!({}), json!(null), json!(vec![json!({}); 301])]);
        check(Shape::Text(3), &[json!("äöü"), json!("")], &[json!("abcd"), json!(1)]);
        check(Shape::Texts(3), &[json!(["a", "b"])], &[json!(["abcd"]), json!([1]), json!("a")]);
    }

    #[test]
    fn what_is_kept_and_what_is_forgotten() {
        let property = KeptProperty::new("notes", Shape::Text(100_000));
        let mut kept = Kept::new();
        assert!(property.keep(&mut kept, &json!("a")) && property.of(&kept) == json!("a"));
        assert!(!property.keep(&mut kept, &json!(1)) && property.of(&kept) == json!("a"), "left as it was");
        assert!(!property.keep(&mut kept, &json!("x".repeat(KEPT_BYTES_MAX))) && property.of(&kept) == json!("a"));
        assert!(property.keep(&mut kept, &Value::Null) && kept.is_empty());
    }
}
