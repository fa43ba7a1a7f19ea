//! The order in which a search tells

use std::cmp::Ordering;

use super::value::{Properties, PropertyValue, UnsupportedPath};
use crate::error::Result;
use crate::ews::SORT_FIELDS_MAX;
use crate::ews::property::PropertyPath;
use crate::xml::{self, Node, Writer};

/// Fields to sort by, the first one first ("SortOrder"); empty means as it comes
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SortOrder(pub Vec<SortField>);

/// A field to sort by ("FieldOrder")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortField {
    pub path: PropertyPath,
    pub direction: SortDirection,
}

names! {
    pub enum SortDirection {
        Ascending = "Ascending",
        Descending = "Descending",
    }
}

impl SortOrder {
    /// Sorts items; those that are equal keep their order
    pub fn sort<T: Properties>(&self, items: &mut [T]) -> Result<(), UnsupportedPath> {
        let mut unsupported = None;
        items.sort_by(|one, two| {
            self.compare(one, two).unwrap_or_else(|error| {
                unsupported.get_or_insert(error);
                Ordering::Equal
            })
        });
        match unsupported {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// How two items stand to each other
    ///
    /// An item that lacks the property is less than any that has it. Of several texts the first
    /// counts.
    pub fn compare<T: Properties>(&self, one: &T, two: &T) -> Result<Ordering, UnsupportedPath> {
        for field in &self.0 {
            let key = |item: &T| {
                let value = item.property(&field.path)?;
                let first = value.and_then(|value| value.singles().into_iter().next());
                Ok::<_, UnsupportedPath>(first)
            };
            let ordering = match (key(one)?, key(two)?) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Less,
                (Some(_), None) => Ordering::Greater,
                (Some(one), Some(two)) => total(&one, &two),
            };
            let ordering = match field.direction {
                SortDirection::Ascending => ordering,
                SortDirection::Descending => ordering.reverse(),
            };
            if ordering.is_ne() {
                return Ok(ordering);
            }
        }
        Ok(Ordering::Equal)
    }

    pub(crate) fn read(node: Node<'_>) -> Result<Self> {
        node.each("fields to sort by", SORT_FIELDS_MAX, |field| {
            if !field.is(xml::TYPES, "FieldOrder") {
                return Err(field.not_supported());
            }
            Ok(SortField {
                path: PropertyPath::read(field.only()?)?,
                direction: field.required_named_attribute("Order")?,
            })
        })
        .map(Self)
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        if self.0.is_empty() {
            return;
        }
        w.element("m:SortOrder", &[], |w| {
            for field in &self.0 {
                let order = [("Order", field.direction.as_str())];
                w.element("t:FieldOrder", &order, |w| field.path.write(w));
            }
        });
    }
}

/// An order of all values, so that sorting cannot go astray over one that is no number.
fn total(one: &PropertyValue, two: &PropertyValue) -> Ordering {
    match (one, two) {
        (PropertyValue::Real(one), PropertyValue::Real(two)) => one.total_cmp(two),
        _ => one.compare(two).unwrap_or(Ordering::Equal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ews::{Field, Message};

    fn sorted(fields: &[(Field, SortDirection)]) -> Vec<String> {
        let message = |subject: &str, size| Message { subject: Some(subject.to_owned()), size, ..Message::default() };
        let mut messages =
            vec![message("b", Some(10)), message("a", Some(9)), message("c", None), message("d", Some(10))];
        let fields =
            fields.iter().map(|(field, direction)| SortField { path: field.clone().into(), direction: *direction });
        SortOrder(fields.collect()).sort(&mut messages).unwrap();
        messages.into_iter().filter_map(|message| message.subject).collect()
    }

    #[test]
    fn orders() {
        use SortDirection::{Ascending, Descending};
        assert_eq!(sorted(&[]), ["b", "a", "c", "d"]);
        assert_eq!(sorted(&[(Field::Size, Ascending)]), ["c", "a", "b", "d"]);
        assert_eq!(sorted(&[(Field::Size, Descending)]), ["b", "d", "a", "c"]);
        let two = [(Field::Size, Descending), (Field::Subject, Descending)];
        assert_eq!(sorted(&two), ["d", "b", "a", "c"]);
    }

    #[test]
    fn an_unsupported_path_is_told() {
        let field = SortField { path: Field::Attachments.into(), direction: SortDirection::Ascending };
        let mut messages = [Message::default(), Message::default()];
        let unsupported = UnsupportedPath(Field::Attachments.into());
        assert_eq!(SortOrder(vec![field]).sort(&mut messages), Err(unsupported));
    }
}
