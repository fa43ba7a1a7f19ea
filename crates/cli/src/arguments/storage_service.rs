//! `CsStorageServiceConfiguration`, `CsStorageServiceFlush`, `CsStorageServiceFailures`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use uuid::Uuid;

use super::{
    change::Change,
    date::{self, Date},
    storage_test::Binding,
    value::{self, Address},
};

/// Shows how the Storage Service works
#[derive(Args, Clone, Debug)]
#[command(after_help = GET_EXAMPLES)]
pub(crate) struct Get {
    /// Only `global` exists [default: global]
    #[arg(value_parser = value::name)]
    pub(crate) identity: Option<String>,

    /// Show it if its name matches, with `*` and `?`
    #[arg(long, value_name = "PATTERN", conflicts_with = "identity")]
    pub(crate) filter: Option<String>,

    /// Read this node's own copy of the settings
    #[arg(long)]
    pub(crate) local_store: bool,
}

/// Changes how the Storage Service works
///
/// What is not named stays as it is. A server that runs takes the change up by itself.
#[derive(Args, Clone, Debug)]
#[command(after_help = SET_EXAMPLES)]
pub(crate) struct Set {
    /// Only `global` exists [default: global]
    #[arg(value_parser = value::name)]
    pub(crate) identity: Option<String>,

    /// The whole object as `-Output json` prints it, perhaps changed, in place of single values: a
    /// file, or `-` for standard input
    #[arg(long, value_name = "FILE|-", conflicts_with_all = [
        "identity", "delivery", "capacity_bytes", "enable_auto_import_flushed_data",
        "enable_fabric_replication_set_reduction", "enable_async_adaptor_task_abort",
        "fabric_invalid_state_timeout_duration",
    ])]
    pub(crate) instance: Option<PathBuf>,

    /// Way into mailboxes: `Ews` as the user, or `Graph` as the application of
    /// `Connect-MsolService`
    #[arg(long, value_name = "WAY", value_enum)]
    pub(crate) delivery: Option<Delivery>,

    /// Most bytes of the database that holds the queue; events tell at 60, 80 and 90 % of it
    #[arg(long, value_name = "BYTES")]
    pub(crate) capacity_bytes: Option<u64>,

    /// Bring back what was flushed for lack of room, once there is room
    #[arg(long, value_name = "true|false", value_parser = value::boolean)]
    pub(crate) enable_auto_import_flushed_data: Option<bool>,

    /// Reserved for the vendor
    #[arg(long, value_name = "true|false", value_parser = value::boolean)]
    pub(crate) enable_fabric_replication_set_reduction: Option<bool>,

    /// Reserved for the vendor
    #[arg(long, value_name = "true|false", value_parser = value::boolean)]
    pub(crate) enable_async_adaptor_task_abort: Option<bool>,

    /// Reserved for the vendor
    #[arg(long, value_name = "NUMBER")]
    pub(crate) fabric_invalid_state_timeout_duration: Option<u64>,

    #[command(flatten)]
    pub(crate) change: Change,
}

/// Way into mailboxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(crate) enum Delivery {
    /// Exchange Web Services, as the user
    Ews,
    /// Graph mail, as the application
    Graph,
}

/// Writes items of the queue to files and takes them from the queue
///
/// Nothing is lost and nothing delivered twice: `actas storage import` brings them back.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "`-FlushType` is the vendor's name")]
#[command(after_help = FLUSH_EXAMPLES)]
pub(crate) struct Flush {
    /// What to flush: everything, or what was set aside and has been failing for a day
    #[arg(long, value_name = "TYPE", value_enum)]
    pub(crate) flush_type: FlushType,

    /// Pool to flush; the name of this machine
    #[arg(long, value_name = "HOST")]
    pub(crate) pool_fqdn: String,

    /// How long to wait for mailboxes that are being delivered to, such as `90s` or `00:01:30`
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = value::time_span)]
    pub(crate) wait_time: Duration,

    #[command(flatten)]
    pub(crate) service: Service,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Where the Storage Service is.
#[derive(Args, Clone, Debug)]
pub(crate) struct Service {
    /// How the Storage Service is reached: `NetNamedPipe` on this machine, `NetTCP` on another
    #[arg(long, short, value_name = "BINDING", value_enum, default_value_t)]
    pub(crate) binding: Binding,

    /// Machine of the Storage Service; needed with `NetTCP`
    #[arg(long, value_name = "HOST", required_if_eq("binding", "NetTCP"))]
    pub(crate) host_name_storage_service: Option<String>,
}

/// What a flush takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(crate) enum FlushType {
    /// All that waits or was set aside
    FullFlush,
    /// What was set aside, and mailboxes that have been failing for a day
    #[value(alias = "SteadyStateFlush")]
    SteadyState,
}

/// Shows items whose delivery fails, with the reason
#[derive(Args, Clone, Debug)]
#[command(after_help = DEBUG_EXAMPLES)]
pub(crate) struct Debug {
    /// Only items of this component
    #[arg(long, short, value_name = "COMPONENT", value_enum)]
    pub(crate) component: Option<FailingComponent>,

    /// Only items of this user, such as `sip:adam@contoso.example`
    #[arg(long, short, value_name = "ADDRESS", value_parser = value::address)]
    pub(crate) sip_uri: Option<Address>,

    /// Only items accepted at or after this moment
    #[arg(long, value_name = "DATE", value_parser = date::date)]
    pub(crate) start_time: Option<Date>,

    /// Only items accepted before this moment
    #[arg(long, value_name = "DATE", value_parser = date::date)]
    pub(crate) end_time: Option<Date>,

    /// Only items of this adaptor
    #[arg(long, short = 'g', value_name = "GUID", value_parser = value::guid)]
    pub(crate) adapter_id: Option<Uuid>,

    /// File to write the report to, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) out_file_name: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) service: Service,

    /// Do not stop at warnings
    #[arg(long)]
    pub(crate) force: bool,
}

/// What an item is for: those that come here, and the vendor's others, of which there are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(crate) enum FailingComponent {
    /// A conversation
    ConversationHistory,
    /// An item to be kept for compliance
    ExchangeArchiving,
    /// A voice message
    Voicemail,
    /// A call that was not answered
    MissedCall,
    /// The vendor's; never an item's here
    SqlArchiving,
    /// The vendor's; never an item's here
    #[value(name = "QoE")]
    QoE,
    /// The vendor's; never an item's here
    #[value(name = "CDR")]
    Cdr,
    /// The vendor's; never an item's here
    LegalIntercept,
    /// The vendor's; never an item's here
    DataPurge,
    /// Something else
    Other,
}

const GET_EXAMPLES: &str = "\
Examples:
  Show the configuration:
    actas Get-CsStorageServiceConfiguration";

const SET_EXAMPLES: &str = "\
Examples:
  Deliver over Graph from now on:
    actas Set-CsStorageServiceConfiguration -Delivery Graph
  Give the queue 50 GB:
    actas set-cs-storage-service-configuration --capacity-bytes 50000000000
  Keep the configuration in a file, and bring it back:
    actas Get-CsStorageServiceConfiguration -Output json > storage.json
    actas Set-CsStorageServiceConfiguration -Instance storage.json";

const FLUSH_EXAMPLES: &str = "\
Examples:
  Empty the queue before a server is taken down:
    actas Invoke-CsStorageServiceFlush -FlushType FullFlush -PoolFqdn pool.contoso.example
  Take out what is stuck, in kebab style:
    actas invoke-cs-storage-service-flush --flush-type SteadyState --pool-fqdn pool.contoso.example";

const DEBUG_EXAMPLES: &str = "\
Examples:
  Show all that fails:
    actas Debug-CsStorageServiceFailures
  One user's conversations, into a file:
    actas Debug-CsStorageServiceFailures -SipUri sip:adam@contoso.example -Component ConversationHistory -OutFileName report.json";
