//! Properties: which one, and what an extended one holds
//!
//! A property is either a field of the schema ("FieldURI") or an extended one, which is named by tag
//! or by set and name ("ExtendedFieldURI").

mod extended;
mod field;
mod value;

pub use extended::{DistinguishedSet, ExtendedFieldUri, PropertyName, PropertySet, PropertyTag};
pub use field::{Field, PropertyPath};
pub use value::{BaseType, ExtendedProperty, PropertyType, Value};
