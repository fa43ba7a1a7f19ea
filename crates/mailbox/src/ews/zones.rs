//! `GetServerTimeZones`

use actas_exchange::ews::{
    Changeover, DayOfWeek, Daylight, GetServerTimeZones, GetServerTimeZonesResponse, ResponseMessage, TimeZone,
};

/// The zones that are asked for; ids that are unknown are left out.
pub(super) fn answer(request: &GetServerTimeZones) -> GetServerTimeZonesResponse {
    let wanted = |id: &str| request.ids.is_empty() || request.ids.iter().any(|wanted| wanted == id);
    let zones = ZONES.iter().filter(|(id, ..)| wanted(id)).map(zone).collect();
    GetServerTimeZonesResponse { messages: vec![ResponseMessage::Success(zones)] }
}

fn zone((id, name, bias_minutes, rule): &Row) -> TimeZone {
    TimeZone { id: (*id).to_owned(), name: (*name).to_owned(), bias_minutes: *bias_minutes, daylight: rule.daylight() }
}

/// Windows' id and name, minutes from local time to UTC in winter, and when clocks change.
type Row = (&'static str, &'static str, i32, Rule);

/// When clocks change, by the rules of today.
#[derive(Clone, Copy, Debug)]
enum Rule {
    Never,
    America,
    Australia,
    /// At one moment everywhere; at this minute of the winter clock.
    Europe(u16),
}

impl Rule {
    fn daylight(self) -> Option<Daylight> {
        let sunday = |month, occurrence, minute| Changeover { month, day: DayOfWeek::Sunday, occurrence, minute };
        let (starts, ends) = match self {
            Self::Never => return None,
            Self::America => (sunday(3, 2, 120), sunday(11, 1, 120)),
            Self::Australia => (sunday(10, 1, 120), sunday(4, 1, 180)),
            Self::Europe(minute) => (sunday(3, -1, minute), sunday(10, -1, minute + 60)),
        };
        Some(Daylight { starts, ends })
    }
}

const ZONES: &[Row] = &[
    ("UTC", "(UTC) Coordinated Universal Time", 0, Rule::Never),
    ("Pacific Standard Time", "(UTC-08:00) Pacific Time (US & Canada)", 480, Rule::America),
    ("Mountain Standard Time", "(UTC-07:00) Mountain Time (US & Canada)", 420, Rule::America),
    ("Central Standard Time", "(UTC-06:00) Central Time (US & Canada)", 360, Rule::America),
    ("Eastern Standard Time", "(UTC-05:00) Eastern Time (US & Canada)", 300, Rule::America),
    ("E. South America Standard Time", "(UTC-03:00) Brasilia", 180, Rule::Never),
    ("GMT Standard Time", "(UTC+00:00) Dublin, Edinburgh, Lisbon, London", 0, Rule::Europe(60)),
    ("W. Europe Standard Time", "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", -60, Rule::Europe(120)),
    ("Romance Standard Time", "(UTC+01:00) Brussels, Copenhagen, Madrid, Paris", -60, Rule::Europe(120)),
    (
        "Central Europe Standard Time",
        "(UTC+01:00) Belgrade, Bratislava, Budapest, Ljubljana, Prague",
        -60,
        Rule::Europe(120),
    ),
    ("FLE Standard Time", "(UTC+02:00) Helsinki, Kyiv, Riga, Sofia, Tallinn, Vilnius", -120, Rule::Europe(180)),
    ("South Africa Standard Time", "(UTC+02:00) Harare, Pretoria", -120, Rule::Never),
    ("Arabian Standard Time", "(UTC+04:00) Abu Dhabi, Muscat", -240, Rule::Never),
    ("India Standard Time", "(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi", -330, Rule::Never),
    ("China Standard Time", "(UTC+08:00) Beijing, Chongqing, Hong Kong, Urumqi", -480, Rule::Never),
    ("Singapore Standard Time", "(UTC+08:00) Kuala Lumpur, Singapore", -480, Rule::Never),
    ("Tokyo Standard Time", "(UTC+09:00) Osaka, Sapporo, Tokyo", -540, Rule::Never),
    ("AUS Eastern Standard Time", "(UTC+10:00) Canberra, Melbourne, Sydney", -600, Rule::Australia),
];
