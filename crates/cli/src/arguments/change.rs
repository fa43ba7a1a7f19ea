//! Parameters of every command that changes something.

use clap::Args;
use uuid::Uuid;

use super::value;

#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Change {
    /// Show what would change, and change nothing
    #[arg(long, alias = "wi")]
    pub(crate) what_if: bool,

    /// Ask before changing; `false` never asks
    #[arg(
        long,
        alias = "cf",
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_parser = value::boolean,
    )]
    pub(crate) confirm: Option<bool>,

    /// Do not ask, and go on past what would otherwise stop for confirmation
    #[arg(long)]
    pub(crate) force: bool,
}

/// The tenant that the vendor's commands take.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Tenant {
    /// Tenant whose objects are meant; not needed on premises
    #[arg(long, value_name = "GUID", value_parser = value::guid)]
    pub(crate) tenant: Option<Uuid>,
}

/// The organisation whose trust is meant, where one server hosts several.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Organization {
    /// Organisation whose objects are meant: a domain of it, or its tenant GUID [default: the
    /// only one]
    #[arg(long, value_name = "DOMAIN|GUID")]
    pub(crate) organization: Option<String>,

    /// Taken, and without effect: there is one database, which `--data` or `--config` names
    #[arg(long, value_name = "FQDN")]
    pub(crate) domain_controller: Option<String>,
}

/// The tenant that the vendor's directory commands take.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct TenantId {
    /// Tenant to work in [default: the tenant of the connection]
    #[arg(long, value_name = "GUID", value_parser = value::guid)]
    pub(crate) tenant_id: Option<Uuid>,
}
