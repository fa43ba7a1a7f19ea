//! What a search looks for, and in which order it tells
//!
//! A restriction can be held against an item in memory, so that a store's own search can be tested
//! against [`Restriction::matches`].

mod evaluate;
mod sort;
mod value;
mod wire;

use super::property::PropertyPath;

pub use sort::{SortDirection, SortField, SortOrder};
pub use value::{Properties, PropertyValue, UnsupportedPath};

/// A condition on an item or a folder ("Restriction")
///
/// Exhaustive: the operations that clients send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restriction {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    /// The item has the property
    Exists(PropertyPath),
    Compare {
        operation: Comparison,
        path: PropertyPath,
        operand: Operand,
    },
    /// The property is a text that contains the constant
    Contains {
        path: PropertyPath,
        constant: String,
        mode: ContainmentMode,
        comparison: ContainmentComparison,
    },
}

/// What a property is compared with ("FieldURIOrConstant")
///
/// Exhaustive: the schema fixes the kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operand {
    Constant(String),
    Path(PropertyPath),
}

names! {
    /// How a property is compared
    pub enum Comparison {
        IsEqualTo = "IsEqualTo",
        IsNotEqualTo = "IsNotEqualTo",
        IsGreaterThan = "IsGreaterThan",
        IsGreaterThanOrEqualTo = "IsGreaterThanOrEqualTo",
        IsLessThan = "IsLessThan",
        IsLessThanOrEqualTo = "IsLessThanOrEqualTo",
    }
}

names! {
    /// Where in a text a constant has to stand ("Contains")
    pub enum ContainmentMode {
        FullString = "FullString",
        /// At the beginning
        Prefixed = "Prefixed",
        Substring = "Substring",
        /// At the beginning of a word
        PrefixOnWords = "PrefixOnWords",
        /// As whole words
        ExactPhrase = "ExactPhrase",
    }
}

names! {
    /// What makes no difference between a text and a constant ("Contains")
    pub enum ContainmentComparison {
        Exact = "Exact",
        IgnoreCase = "IgnoreCase",
        IgnoreNonSpacingCharacters = "IgnoreNonSpacingCharacters",
        Loose = "Loose",
        IgnoreCaseAndNonSpacingCharacters = "IgnoreCaseAndNonSpacingCharacters",
        LooseAndIgnoreCase = "LooseAndIgnoreCase",
        LooseAndIgnoreNonSpace = "LooseAndIgnoreNonSpace",
        LooseAndIgnoreCaseAndIgnoreNonSpace = "LooseAndIgnoreCaseAndIgnoreNonSpace",
    }
}

impl Restriction {
    /// The property equals the constant: how an item is found by a key of one's own
    pub fn equals(path: impl Into<PropertyPath>, constant: impl Into<String>) -> Self {
        Self::Compare {
            operation: Comparison::IsEqualTo,
            path: path.into(),
            operand: Operand::Constant(constant.into()),
        }
    }
}

impl ContainmentComparison {
    /// Whether upper and lower case are the same
    pub const fn ignores_case(self) -> bool {
        !matches!(self, Self::Exact | Self::IgnoreNonSpacingCharacters | Self::LooseAndIgnoreNonSpace)
    }

    /// Whether a combining accent makes no difference
    pub const fn ignores_non_spacing(self) -> bool {
        !matches!(self, Self::Exact | Self::IgnoreCase | Self::LooseAndIgnoreCase)
    }
}
