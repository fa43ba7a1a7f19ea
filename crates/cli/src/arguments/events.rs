//! `events`: the event log.

use clap::Args;

use super::date::{self, Date};

/// Prints the event log
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "`-MaxEvents` is the vendor's name")]
#[command(after_help = EXAMPLES)]
pub(crate) struct Events {
    /// Events with these numbers, separated by commas [default: all]
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    pub(crate) id: Vec<u32>,

    /// Events of this source, such as `LS Storage Service` [default: all]
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<String>,

    /// Events after this moment
    #[arg(long, value_name = "DATE", value_parser = date::date)]
    pub(crate) after: Option<Date>,

    /// Most events to print, the newest of them [default: all]
    #[arg(long, value_name = "COUNT")]
    pub(crate) max_events: Option<u64>,

    /// Go on printing as events come
    #[arg(long)]
    pub(crate) follow: bool,
}

const EXAMPLES: &str = "\
Examples:
  Show failures of Autodiscover and of tokens since a day:
    actas events -Id 32053,32054 -After 2026-12-02
  The same in kebab style:
    actas events --id 32053,32054 --after 2026-12-02
  Follow the log as JSON:
    actas events --follow --output json";
