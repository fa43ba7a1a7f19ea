//! Enumerations whose values are names on the wire

/// A closed set of names.
pub(crate) trait Name: Sized {
    /// What the names name, for error texts.
    const WHAT: &'static str;

    fn read(text: &str) -> Option<Self>;
}

/// A closed enumeration: a name that isn't listed is an error.
macro_rules! names {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$inner:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        ///
        /// Exhaustive: the schema fixes its values.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$inner])* #[doc = concat!("`", $text, "`")] $variant,)+
        }

        impl $name {
            /// Every value
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name on the wire
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// Reads the name on the wire; case matters
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::names::Name for $name {
            const WHAT: &'static str = stringify!($name);

            fn read(text: &str) -> Option<Self> {
                Self::from_name(text)
            }
        }
    };
}

/// An open enumeration: the names we know something about, and any other.
macro_rules! open_names {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$inner:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$inner])* #[doc = concat!("`", $text, "`")] $variant,)+
            /// Any other name; [`from_name`](Self::from_name) never puts a listed one here
            Other(String),
        }

        impl $name {
            /// Every listed value
            pub const KNOWN: &'static [Self] = &[$(Self::$variant,)+];

            /// The name on the wire
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(name) => name,
                }
            }

            /// Reads the name on the wire; case matters
            pub fn from_name(name: &str) -> Self {
                match name {
                    $($text => Self::$variant,)+
                    _ => Self::Other(name.to_owned()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
