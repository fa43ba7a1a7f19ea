//! The response of `GetServerTimeZones`

use super::message::{self, ResponseMessage};
use super::operation::map;
use crate::error::Result;
use crate::soap::Reply;
use crate::xml::{self, Node, Writer};

/// Zones of one answer.
const ZONES_MAX: usize = 1000;

/// The time zones
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetServerTimeZonesResponse {
    pub messages: Vec<ResponseMessage<Vec<TimeZone>>>,
}

/// A time zone by the rules that hold today ("TimeZoneDefinition")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeZone {
    /// As Windows calls it
    pub id: String,
    pub name: String,
    /// Minutes from local time to UTC, in winter: positive in America
    pub bias_minutes: i32,
    pub daylight: Option<Daylight>,
}

/// When clocks are an hour ahead
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daylight {
    pub starts: Changeover,
    pub ends: Changeover,
}

/// When clocks change, each year ("RecurringDayTransition")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changeover {
    pub month: u8,
    pub day: DayOfWeek,
    /// The first such day of the month and so on; -1 for the last
    pub occurrence: i8,
    /// Minutes after midnight, by the clock that ends
    pub minute: u16,
}

names! {
    pub enum DayOfWeek {
        Sunday = "Sunday",
        Monday = "Monday",
        Tuesday = "Tuesday",
        Wednesday = "Wednesday",
        Thursday = "Thursday",
        Friday = "Friday",
        Saturday = "Saturday",
    }
}

impl GetServerTimeZonesResponse {
    /// Reads an envelope of at most `bytes_max` bytes that was written with all rules
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "GetServerTimeZones", |node| {
            let zones = node.required(xml::MESSAGES, "TimeZoneDefinitions")?;
            zones.each("time zones", ZONES_MAX, TimeZone::read)
        })?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope, with the rules if they are wanted
    pub fn write(&self, full: bool) -> String {
        message::write("GetServerTimeZones", &self.messages, Some("m:TimeZoneDefinitions"), |w, zones| {
            w.element("m:TimeZoneDefinitions", &[], |w| {
                for zone in zones {
                    zone.write(w, full);
                }
            });
        })
    }
}

impl TimeZone {
    fn read(node: Node<'_>) -> Result<Self> {
        let periods = node.required(xml::TYPES, "Periods")?;
        let standard = periods.children(xml::TYPES, "Period").find(|period| period.attribute("Name") == Some(STANDARD));
        let standard = standard.ok_or_else(|| periods.unexpected("no standard period"))?;
        let bias = standard.required_attribute("Bias")?;
        let groups = node.required(xml::TYPES, "TransitionsGroups")?.only()?;
        let mut transitions = groups.children(xml::TYPES, "RecurringDayTransition");
        let daylight = match (transitions.next(), transitions.next()) {
            (Some(starts), Some(ends)) => {
                Some(Daylight { starts: Changeover::read(starts)?, ends: Changeover::read(ends)? })
            }
            _ => None,
        };
        Ok(Self {
            id: node.required_attribute("Id")?.to_owned(),
            name: node.required_attribute("Name")?.to_owned(),
            bias_minutes: minutes(bias).ok_or_else(|| standard.unexpected("a bias that is none"))?,
            daylight,
        })
    }

    fn write(&self, w: &mut Writer, full: bool) {
        let attributes = [("Id", self.id.as_str()), ("Name", &self.name)];
        if !full {
            w.empty("t:TimeZoneDefinition", &attributes);
            return;
        }
        let standard = self.period_id(STANDARD);
        let summer = self.period_id(DAYLIGHT);
        w.element("t:TimeZoneDefinition", &attributes, |w| {
            w.element("t:Periods", &[], |w| {
                let mut period = |bias: i32, name, id: &str| {
                    w.empty("t:Period", &[("Bias", &duration(bias)), ("Name", name), ("Id", id)]);
                };
                period(self.bias_minutes, STANDARD, &standard);
                if self.daylight.is_some() {
                    period(self.bias_minutes - 60, DAYLIGHT, &summer);
                }
            });
            w.element("t:TransitionsGroups", &[], |w| {
                w.element("t:TransitionsGroup", &[("Id", GROUP)], |w| match &self.daylight {
                    None => w.element("t:Transition", &[], |w| w.text_with("t:To", &[("Kind", "Period")], &standard)),
                    Some(daylight) => {
                        daylight.starts.write(w, &summer);
                        daylight.ends.write(w, &standard);
                    }
                });
            });
            w.element("t:Transitions", &[], |w| {
                w.element("t:Transition", &[], |w| w.text_with("t:To", &[("Kind", "Group")], GROUP));
            });
        });
    }

    fn period_id(&self, name: &str) -> String {
        format!("trule:Microsoft/Registry/{}/1-{name}", self.id)
    }
}

const STANDARD: &str = "Standard";
const DAYLIGHT: &str = "Daylight";
const GROUP: &str = "0";

impl Changeover {
    fn read(node: Node<'_>) -> Result<Self> {
        let child = |name| node.required(xml::TYPES, name);
        let at = child("TimeOffset")?;
        let minute = minutes(&at.token()?).and_then(|minute| u16::try_from(minute).ok());
        Ok(Self {
            month: child("Month")?.number()?,
            day: child("DayOfWeek")?.named()?,
            occurrence: child("Occurrence")?.number()?,
            minute: minute.ok_or_else(|| at.unexpected("a time that is none"))?,
        })
    }

    fn write(&self, w: &mut Writer, to: &str) {
        w.element("t:RecurringDayTransition", &[], |w| {
            w.text_with("t:To", &[("Kind", "Period")], to);
            w.text("t:TimeOffset", duration(i32::from(self.minute)));
            w.text("t:Month", self.month.to_string());
            w.text("t:DayOfWeek", self.day.as_str());
            w.text("t:Occurrence", self.occurrence.to_string());
        });
    }
}

/// `xs:duration` in hours and minutes.
fn duration(minutes: i32) -> String {
    let sign = if minutes < 0 { "-" } else { "" };
    let (hours, rest) = (minutes.unsigned_abs() / 60, minutes.unsigned_abs() % 60);
    format!("{sign}PT{hours}H{rest}M")
}

fn minutes(duration: &str) -> Option<i32> {
    let (sign, rest) = match duration.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, duration),
    };
    let (hours, rest) = rest.strip_prefix("PT")?.split_once('H')?;
    let rest = rest.strip_suffix('M')?;
    let number = |text: &str| text.parse::<u16>().ok().map(i32::from);
    Some(sign * (number(hours)? * 60 + number(rest)?))
}
