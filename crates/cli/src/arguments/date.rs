//! Dates, which are written year first, and what is said about the others.
//!
//! The management shells read `02/12/2015` by the culture of the machine, so
//! that the same line means December in one place and February in another.
//! Here such a date is refused, with both of its readings.

use std::fmt;

use jiff::{Timestamp, ToSpan, civil, tz::TimeZone};

use super::value::Refusal;

/// A moment: a date at midnight UTC, or a date with time and offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Date(Timestamp);

impl Date {
    pub(crate) fn timestamp(self) -> Timestamp {
        self.0
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// From when until when something is valid; the start is before the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Period {
    /// Not given: today.
    pub(crate) start: Option<Date>,
    /// Not given: a year after today.
    pub(crate) end: Option<Date>,
}

/// Parses `2026-12-02`, or RFC 3339 such as `2026-12-02T10:00:00Z`.
pub(crate) fn date(text: &str) -> Result<Date, Refusal> {
    let text = text.trim();
    if let Some(day) = iso_day(text) {
        return midnight(day).ok_or_else(|| Refusal::new("it is outside of the calendar"));
    }
    if let Some(slashed) = Slashed::read(text) {
        return Err(slashed.refusal());
    }
    if text.contains(['T', 't', ' ']) {
        if let Ok(timestamp) = text.parse::<Timestamp>() {
            return Ok(Date(timestamp));
        }
        if text.parse::<civil::DateTime>().is_ok() {
            return Err(Refusal::new("it says no offset from UTC").hint(format!("for UTC write `{text}Z`")));
        }
    }
    Err(Refusal::new("it is not a date").hint(
        "dates are written year first (ISO 8601): `2026-12-02` is midnight UTC, \
         `2026-12-02T10:00:00Z` a moment",
    ))
}

/// Parses `--start-date` and `--end-date`, each with the other in view.
pub(crate) fn period(start: Option<&str>, end: Option<&str>) -> Result<Period, Refusal> {
    if let (Some(from), Some(to)) = (start, end)
        && let (Some(first), Some(second)) = (Slashed::read(from), Slashed::read(to))
    {
        return Err(refuse_pair((from, first), (to, second)));
    }
    let one = |name: &str, text: Option<&str>| {
        text.map(|text| {
            date(text).map_err(|refusal| Refusal {
                reason: format!("`--{name}` cannot be `{text}`: {}", refusal.reason),
                ..refusal
            })
        })
        .transpose()
    };
    let period = Period { start: one("start-date", start)?, end: one("end-date", end)? };
    if let (Some(from), Some(to)) = (period.start, period.end)
        && from >= to
    {
        return Err(Refusal::new(format!(
            "`--start-date {}` is not before `--end-date {}`",
            start.unwrap_or_default(),
            end.unwrap_or_default(),
        ))
        .hint("a credential is valid from its start until its end; the end comes later"));
    }
    Ok(period)
}

/// A date such as `02/12/2015`, with the readings that the calendar allows.
#[derive(Clone, Copy)]
struct Slashed {
    day_first: Option<civil::Date>,
    month_first: Option<civil::Date>,
}

impl Slashed {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.trim().split(['/', '.', '-']);
        let (a, b, year) = (parts.next()?, parts.next()?, parts.next()?);
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if parts.next().is_some()
            || ![a, b, year].into_iter().all(digits)
            || a.len() > 2
            || b.len() > 2
            || year.len() != 4
        {
            return None;
        }
        let (a, b, year) = (a.parse().ok()?, b.parse().ok()?, year.parse().ok()?);
        Some(Self { day_first: civil::Date::new(year, b, a).ok(), month_first: civil::Date::new(year, a, b).ok() })
    }

    fn refusal(self) -> Refusal {
        match (self.day_first, self.month_first) {
            (Some(day_first), Some(month_first)) if day_first != month_first => Refusal::new(format!(
                "it could be {} or {}",
                in_day_first_words(day_first),
                in_month_first_words(month_first),
            ))
            .hint(format!("dates are written year first (ISO 8601): `{day_first}` or `{month_first}`")),
            (Some(day), _) | (None, Some(day)) => {
                Refusal::new("dates are written year first (ISO 8601)").hint(format!("write `{day}`"))
            }
            (None, None) => Refusal::new("the calendar has no such day")
                .hint("dates are written year first (ISO 8601), such as `2026-12-02`"),
        }
    }
}

/// Which number of a date with slashes is the day.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    DayFirst,
    MonthFirst,
}

/// What a pair of dates with slashes says if both are read in one order.
#[derive(Clone, Copy)]
struct Reading {
    order: Order,
    start: civil::Date,
    end: civil::Date,
}

impl Reading {
    fn in_words(self) -> String {
        match self.order {
            Order::DayFirst => {
                format!("day first: {} to {}", in_day_first_words(self.start), in_day_first_words(self.end))
            }
            Order::MonthFirst => {
                format!("month first: {} to {}", in_month_first_words(self.start), in_month_first_words(self.end))
            }
        }
    }

    fn as_parameters(self) -> String {
        format!("`--start-date {} --end-date {}`", self.start, self.end)
    }

    /// Moves the end on by whole years until it is after the start.
    fn mended(self) -> Option<Self> {
        let years = i32::from(self.start.year()) - i32::from(self.end.year());
        (years.max(1)..=years.max(1) + 1)
            .filter_map(|years| self.end.checked_add(years.years()).ok())
            .find(|end| *end > self.start)
            .map(|end| Self { end, ..self })
    }

    fn days(self) -> i32 {
        self.start.until(self.end).map_or(i32::MAX, |span| span.get_days())
    }
}

/// Explains a pair of which both dates have slashes.
fn refuse_pair(start: (&str, Slashed), end: (&str, Slashed)) -> Refusal {
    let typed = format!("`--start-date {} --end-date {}`", start.0, end.0);
    let reading =
        |order, start: Option<civil::Date>, end: Option<civil::Date>| Some(Reading { order, start: start?, end: end? });
    let readings: Vec<_> = [
        reading(Order::DayFirst, start.1.day_first, end.1.day_first),
        reading(Order::MonthFirst, start.1.month_first, end.1.month_first),
    ]
    .into_iter()
    .flatten()
    .collect();

    let mut refusal = if readings.is_empty() {
        Refusal::new(format!("{typed} has no reading in one order of day and month"))
    } else if readings.iter().all(|reading| reading.start >= reading.end) {
        let whichever = if readings.len() == 2 { ", whichever way the dates are read" } else { "" };
        Refusal::new(format!("{typed} does not start before it ends{whichever}"))
    } else if readings.len() == 2 {
        Refusal::new(format!("{typed} can be read in two ways"))
    } else {
        Refusal::new(format!("{typed} does not write its dates year first (ISO 8601)"))
    };
    for reading in &readings {
        refusal = refusal.detail(reading.in_words());
    }
    refusal.hint(advice(&readings))
}

/// Says what to type instead of a pair with these readings.
fn advice(readings: &[Reading]) -> String {
    let forward: Vec<_> = readings.iter().filter(|reading| reading.start < reading.end).collect();
    if !forward.is_empty() {
        let pairs: Vec<_> = forward.iter().map(|r| r.as_parameters()).collect();
        return format!("dates are written year first (ISO 8601): {}", pairs.join(" or "));
    }
    // A credential is commonly made for a year: the reading that comes nearest
    // to one, once its end is moved on, is most likely what was meant.
    let meant =
        readings.iter().filter_map(|reading| reading.mended()).min_by_key(|reading| (reading.days() - 365).abs());
    match meant {
        Some(meant) => {
            let length = match meant.days() {
                364..=366 => "one year".to_owned(),
                days => format!("{days} days"),
            };
            format!("dates are written year first (ISO 8601); {length} was probably meant: {}", meant.as_parameters())
        }
        None => "dates are written year first (ISO 8601), such as `2026-12-02`".to_owned(),
    }
}

fn iso_day(text: &str) -> Option<civil::Date> {
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    shape.then(|| text.parse().ok()).flatten()
}

fn midnight(day: civil::Date) -> Option<Date> {
    TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok().map(Date)
}

fn in_day_first_words(day: civil::Date) -> String {
    day.strftime("%-d %B %Y").to_string()
}

fn in_month_first_words(day: civil::Date) -> String {
    day.strftime("%B %-d, %Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(refusal: &Refusal) -> String {
        let mut said = refusal.reason.clone();
        for line in &refusal.details {
            said = format!("{said}\n  {line}");
        }
        format!("{said}\nhint: {}", refusal.hint.as_deref().unwrap_or("-"))
    }

    fn pair(start: &str, end: &str) -> String {
        match period(Some(start), Some(end)) {
            Ok(period) => format!(
                "{} to {}",
                period.start.map_or_else(String::new, |date| date.to_string()),
                period.end.map_or_else(String::new, |date| date.to_string()),
            ),
            Err(refusal) => said(&refusal),
        }
    }

    #[test]
    fn iso_dates_are_moments() {
        let cases = [
            ("2026-12-02", "2026-12-02T00:00:00Z"),
            (" 2026-12-02 ", "2026-12-02T00:00:00Z"),
            ("2026-12-02T10:00:00Z", "2026-12-02T10:00:00Z"),
            ("2026-12-02T10:00:00+01:00", "2026-12-02T09:00:00Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(date(text).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn other_dates_are_refused_with_their_readings() {
        let cases = [
            (
                "02/12/2015",
                "it could be 2 December 2015 or February 12, 2015\n\
                 hint: dates are written year first (ISO 8601): `2015-12-02` or `2015-02-12`",
            ),
            ("25.12.2015", "dates are written year first (ISO 8601)\nhint: write `2015-12-25`"),
            ("2/2/2015", "dates are written year first (ISO 8601)\nhint: write `2015-02-02`"),
            (
                "31/31/2015",
                "the calendar has no such day\n\
                 hint: dates are written year first (ISO 8601), such as `2026-12-02`",
            ),
            ("2026-12-02T10:00:00", "it says no offset from UTC\nhint: for UTC write `2026-12-02T10:00:00Z`"),
        ];
        for (text, expected) in cases {
            assert_eq!(said(&date(text).unwrap_err()), expected, "{text}");
        }
        for text in ["tomorrow", "2026-13-02", "2026-12", "", "1/1/26", "20261202"] {
            assert!(date(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_pair_that_is_inverted_in_both_readings_is_explained() {
        assert_eq!(
            pair("02/12/2015", "01/12/2015"),
            "`--start-date 02/12/2015 --end-date 01/12/2015` does not start before it ends, \
             whichever way the dates are read\n  \
             day first: 2 December 2015 to 1 December 2015\n  \
             month first: February 12, 2015 to January 12, 2015\n\
             hint: dates are written year first (ISO 8601); one year was probably meant: \
             `--start-date 2015-12-02 --end-date 2016-12-01`",
        );
    }

    #[test]
    fn a_pair_with_two_readings_is_refused_with_both() {
        assert_eq!(
            pair("02/12/2015", "01/12/2016"),
            "`--start-date 02/12/2015 --end-date 01/12/2016` can be read in two ways\n  \
             day first: 2 December 2015 to 1 December 2016\n  \
             month first: February 12, 2015 to January 12, 2016\n\
             hint: dates are written year first (ISO 8601): \
             `--start-date 2015-12-02 --end-date 2016-12-01` or \
             `--start-date 2015-02-12 --end-date 2016-01-12`",
        );
    }

    #[test]
    fn a_pair_may_have_one_reading_or_none() {
        assert_eq!(
            pair("25/12/2015", "24/12/2015"),
            "`--start-date 25/12/2015 --end-date 24/12/2015` does not start before it ends\n  \
             day first: 25 December 2015 to 24 December 2015\n\
             hint: dates are written year first (ISO 8601); one year was probably meant: \
             `--start-date 2015-12-25 --end-date 2016-12-24`",
        );
        assert!(pair("25/12/2015", "12/25/2016").contains("no reading in one order"));
    }

    #[test]
    fn an_iso_pair_runs_forward() {
        assert_eq!(pair("2026-12-02", "2027-12-01"), "2026-12-02T00:00:00Z to 2027-12-01T00:00:00Z");
        for (start, end) in [("2026-12-02", "2026-12-01"), ("2026-12-02", "2026-12-02")] {
            assert!(pair(start, end).contains("is not before"), "{start} {end}");
        }
        assert!(pair("02/12/2015", "2016-12-01").starts_with("`--start-date` cannot be `02/12/2015`: "));
        assert_eq!(period(None, None), Ok(Period::default()));
    }
}
