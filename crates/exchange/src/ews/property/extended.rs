//! The identity of an extended property ("ExtendedFieldURI")

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use uuid::Uuid;

use super::PropertyType;
use crate::error::{Error, Kind, Result, shown};
use crate::xml::{Node, Writer};

/// An extended property: which one, and of what type
///
/// Its text form is the one of Graph, fit for the key of a store:
///
/// ```
/// use actas_exchange::ews::{BaseType, ExtendedFieldUri};
///
/// let key = ExtendedFieldUri::public_string("DeliveryKey", BaseType::String.into());
/// let text = "String {00020329-0000-0000-c000-000000000046} Name DeliveryKey";
/// assert_eq!(key.to_string(), text);
/// assert_eq!(text.parse::<ExtendedFieldUri>()?, key);
/// # Ok::<(), actas_exchange::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExtendedFieldUri {
    pub name: PropertyName,
    pub kind: PropertyType,
}

/// What names an extended property
///
/// Exhaustive: the schema fixes the kinds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PropertyName {
    Tag(PropertyTag),
    /// A set, and a name in it; case matters
    Name {
        set: PropertySet,
        name: String,
    },
    /// A set, and a number in it
    Id {
        set: PropertySet,
        id: u32,
    },
}

/// The upper half of a MAPI tag, outside the range that named properties share
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyTag(u16);

/// A set of named properties; compares by its GUID, however it was spelled
///
/// Exhaustive: the schema fixes the spellings.
#[derive(Clone, Copy, Debug)]
pub enum PropertySet {
    /// By a name of EWS
    Distinguished(DistinguishedSet),
    Guid(Uuid),
}

names! {
    /// The sets that have names ("ExtendedFieldURI", `DistinguishedPropertySetId`)
    pub enum DistinguishedSet {
        Address = "Address",
        Appointment = "Appointment",
        CalendarAssistant = "CalendarAssistant",
        Common = "Common",
        InternetHeaders = "InternetHeaders",
        Meeting = "Meeting",
        PublicStrings = "PublicStrings",
        Sharing = "Sharing",
        Task = "Task",
        UnifiedMessaging = "UnifiedMessaging",
    }
}

// === impl PropertyTag ===

impl PropertyTag {
    /// PR_MESSAGE_CLASS: the same as `item:ItemClass`
    pub const MESSAGE_CLASS: Self = Self(0x001A);
    /// PidTagOriginatorDeliveryReportRequested
    pub const DELIVERY_RECEIPT: Self = Self(0x0023);
    /// PidTagReadReceiptRequested
    pub const READ_RECEIPT: Self = Self(0x0029);
    /// PR_CLIENT_SUBMIT_TIME
    pub const SUBMIT_TIME: Self = Self(0x0039);
    /// PR_MESSAGE_DELIVERY_TIME
    pub const DELIVERY_TIME: Self = Self(0x0E06);
    /// PR_MESSAGE_FLAGS: bit 1 read, 4 submitted, 8 unsent
    pub const MESSAGE_FLAGS: Self = Self(0x0E07);
    /// PidTagFlagStatus: 1 complete, 2 flagged
    pub const FLAG_STATUS: Self = Self(0x1090);
    /// PidTagVoiceMessageDuration, in seconds
    pub const VOICE_DURATION: Self = Self(0x6801);

    /// A tag, unless it lies where each mailbox numbers its own named properties
    pub const fn new(tag: u16) -> Option<Self> {
        if 0x8000 <= tag && tag <= 0xFFFE {
            return None;
        }
        Some(Self(tag))
    }

    pub const fn get(self) -> u16 {
        self.0
    }
}

impl FromStr for PropertyTag {
    type Err = Error;

    /// Reads `0x1a`, `0x0E07` and `3591`
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => u16::from_str_radix(digits, 16),
            None => text.parse(),
        };
        number
            .ok()
            .filter(|_| !text.contains('+'))
            .and_then(Self::new)
            .ok_or_else(|| refuse(format!("`{}` is no tag", shown(text))))
    }
}

impl fmt::Display for PropertyTag {
    /// As Python's `hex` does it: exchangelib compares the texts
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

// === impl PropertySet ===

impl PropertySet {
    pub const PUBLIC_STRINGS: Self = Self::Distinguished(DistinguishedSet::PublicStrings);
    pub const INTERNET_HEADERS: Self = Self::Distinguished(DistinguishedSet::InternetHeaders);
    pub const UNIFIED_MESSAGING: Self = Self::Distinguished(DistinguishedSet::UnifiedMessaging);

    pub const fn guid(self) -> Uuid {
        match self {
            Self::Distinguished(set) => set.guid(),
            Self::Guid(guid) => guid,
        }
    }

    /// The name of the set, if it has one, however it was spelled
    pub fn distinguished(self) -> Option<DistinguishedSet> {
        match self {
            Self::Distinguished(set) => Some(set),
            Self::Guid(guid) => {
                let sets = DistinguishedSet::ALL.iter().copied();
                sets.into_iter().find(|set| set.guid() == guid)
            }
        }
    }
}

impl DistinguishedSet {
    pub const fn guid(self) -> Uuid {
        Uuid::from_u128(match self {
            Self::Address => 0x0006_2004_0000_0000_C000_0000_0000_0046,
            Self::Appointment => 0x0006_2002_0000_0000_C000_0000_0000_0046,
            Self::CalendarAssistant => 0x1100_0E07_B51B_40D6_AF21_CAA8_5EDA_B1D0,
            Self::Common => 0x0006_2008_0000_0000_C000_0000_0000_0046,
            Self::InternetHeaders => 0x0002_0386_0000_0000_C000_0000_0000_0046,
            Self::Meeting => 0x6ED8_DA90_450B_101B_98DA_00AA_003F_1305,
            Self::PublicStrings => 0x0002_0329_0000_0000_C000_0000_0000_0046,
            Self::Sharing => 0x0006_2040_0000_0000_C000_0000_0000_0046,
            Self::Task => 0x0006_2003_0000_0000_C000_0000_0000_0046,
            Self::UnifiedMessaging => 0x4442_858E_A9E3_4E80_B900_317A_210C_C15B,
        })
    }
}

impl PartialEq for PropertySet {
    fn eq(&self, other: &Self) -> bool {
        self.guid() == other.guid()
    }
}

impl Eq for PropertySet {}

impl Hash for PropertySet {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.guid().hash(state);
    }
}

// === impl ExtendedFieldUri ===

impl ExtendedFieldUri {
    /// A property with a tag
    pub const fn tag(tag: PropertyTag, kind: PropertyType) -> Self {
        Self { name: PropertyName::Tag(tag), kind }
    }

    /// A property with a name
    pub fn named(set: PropertySet, name: impl Into<String>, kind: PropertyType) -> Self {
        Self { name: PropertyName::Name { set, name: name.into() }, kind }
    }

    /// A property with a name among the public strings, where one's own go
    pub fn public_string(name: impl Into<String>, kind: PropertyType) -> Self {
        Self::named(PropertySet::PUBLIC_STRINGS, name, kind)
    }

    pub(crate) fn read(node: Node<'_>) -> Result<Self> {
        Self::read_unplaced(node).map_err(|error| error.at(node.position()))
    }

    fn read_unplaced(node: Node<'_>) -> Result<Self> {
        let kind = node.required_attribute("PropertyType")?;
        let kind = PropertyType::from_name(kind).ok_or_else(|| refuse(format!("`{}` is no type", shown(kind))))?;
        let set = match (node.attribute("DistinguishedPropertySetId"), node.attribute("PropertySetId")) {
            (None, None) => None,
            (Some(name), None) => Some(
                DistinguishedSet::from_name(name)
                    .map(PropertySet::Distinguished)
                    .ok_or_else(|| refuse(format!("`{}` is no set", shown(name))))?,
            ),
            (None, Some(guid)) => Some(PropertySet::Guid(parse_guid(guid)?)),
            (Some(_), Some(_)) => return Err(refuse("two sets".to_owned())),
        };
        let name =
            match (node.attribute("PropertyTag"), set, node.attribute("PropertyName"), node.attribute("PropertyId")) {
                (Some(tag), None, None, None) => PropertyName::Tag(tag.parse()?),
                (None, Some(set), Some(name), None) => PropertyName::Name { set, name: name.to_owned() },
                (None, Some(set), None, Some(id)) => PropertyName::Id { set, id: parse_id(id)? },
                _ => {
                    let what = "neither a tag nor a set with a name or a number";
                    return Err(refuse(what.to_owned()));
                }
            };
        Ok(Self { name, kind })
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        let (set, tag, id);
        let mut attributes: Vec<(&str, &str)> = Vec::new();
        match &self.name {
            PropertyName::Tag(number) => {
                tag = number.to_string();
                attributes.push(("PropertyTag", &tag));
            }
            PropertyName::Name { set: of, name } => {
                set = set_attribute(*of);
                attributes.push((set.0, &set.1));
                attributes.push(("PropertyName", name));
            }
            PropertyName::Id { set: of, id: number } => {
                set = set_attribute(*of);
                attributes.push((set.0, &set.1));
                id = number.to_string();
                attributes.push(("PropertyId", &id));
            }
        }
        let kind = self.kind.to_string();
        attributes.push(("PropertyType", &kind));
        w.empty("t:ExtendedFieldURI", &attributes);
    }
}

/// In the spelling that it came in: clients look for the one that they used.
fn set_attribute(set: PropertySet) -> (&'static str, String) {
    match set {
        PropertySet::Distinguished(set) => ("DistinguishedPropertySetId", set.to_string()),
        PropertySet::Guid(guid) => ("PropertySetId", guid.to_string()),
    }
}

impl fmt::Display for ExtendedFieldUri {
    /// The form of Graph: `String 0x001A`, `String {guid} Name x`, `Integer {guid} Id 0x8012`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind;
        match &self.name {
            PropertyName::Tag(tag) => write!(f, "{kind} 0x{:04X}", tag.0),
            PropertyName::Name { set, name } => write!(f, "{kind} {{{}}} Name {name}", set.guid()),
            PropertyName::Id { set, id } => write!(f, "{kind} {{{}}} Id 0x{id:04X}", set.guid()),
        }
    }
}

impl FromStr for ExtendedFieldUri {
    type Err = Error;

    /// Reads the form of Graph
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || refuse(format!("`{}` is no property", shown(text)));
        let (kind, rest) = text.split_once(' ').ok_or_else(wrong)?;
        let kind = PropertyType::from_name(kind).ok_or_else(wrong)?;
        if let Some((set, rest)) = rest.split_once("} ") {
            let set = PropertySet::Guid(parse_guid(set.trim_start_matches('{'))?);
            let name = match rest.split_once(' ').ok_or_else(wrong)? {
                ("Name", name) => PropertyName::Name { set, name: name.to_owned() },
                ("Id", id) => PropertyName::Id { set, id: parse_id(id)? },
                _ => return Err(wrong()),
            };
            return Ok(Self { name, kind });
        }
        Ok(Self::tag(rest.parse()?, kind))
    }
}

fn parse_guid(text: &str) -> Result<Uuid> {
    Uuid::try_parse(text.trim()).map_err(|_| refuse(format!("`{}` is no GUID", shown(text))))
}

fn parse_id(text: &str) -> Result<u32> {
    let text = text.trim();
    let number = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| refuse(format!("`{}` is no number", shown(text))))
}

fn refuse(what: String) -> Error {
    Error::new(Kind::ExtendedProperty(what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ews::BaseType;

    #[test]
    fn tags_are_numbers() {
        let cases = [
            ("0x1a", Some("0x1a")),
            ("0x001A", Some("0x1a")),
            ("0X0E07", Some("0xe07")),
            ("3591", Some("0xe07")),
            ("0xFFFF", Some("0xffff")),
            ("0", Some("0x0")),
            ("0x8000", None),
            ("0xFFFE", None),
            ("0x10000", None),
            ("-1", None),
            ("+1", None),
            ("0x", None),
            ("e07", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let read = text.parse::<PropertyTag>().map(|tag| tag.to_string());
            assert_eq!(read.ok().as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_set_is_its_guid() {
        for set in DistinguishedSet::ALL {
            let spelled = PropertySet::Guid(set.guid());
            assert_eq!(spelled, PropertySet::Distinguished(*set));
            assert_eq!(spelled.distinguished(), Some(*set));
        }
        assert_eq!(PropertySet::Guid(Uuid::nil()).distinguished(), None);
    }

    #[test]
    fn the_form_of_graph() {
        let texts = [
            "String 0x001A",
            "IntegerArray 0x0E07",
            "String {00020386-0000-0000-c000-000000000046} Name X-Caller Id",
            "SystemTime {00062008-0000-0000-c000-000000000046} Id 0x8502",
        ];
        for text in texts {
            let uri: ExtendedFieldUri = text.parse().unwrap();
            assert_eq!(uri.to_string(), text);
        }
        for wrong in ["", "String", "Strings 0x1A", "String {x} Name y", "String 0x8000"] {
            assert!(wrong.parse::<ExtendedFieldUri>().is_err(), "{wrong}");
        }
        let class = ExtendedFieldUri::tag(PropertyTag::MESSAGE_CLASS, BaseType::String.into());
        assert_eq!(class.to_string(), "String 0x001A");
    }
}
