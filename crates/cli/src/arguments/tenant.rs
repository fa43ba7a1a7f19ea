//! `CsTenant`: the organisation as the cloud knows it.

use clap::Args;
use uuid::Uuid;

use super::value;

/// Shows the tenant, with its TenantId and its domains
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Get {
    /// Tenant by its GUID [default: the tenant of the connection]
    #[arg(value_parser = value::guid)]
    pub(crate) identity: Option<Uuid>,

    /// Show it if its name or one of its domains matches, with `*` and `?`
    #[arg(long, value_name = "PATTERN", conflicts_with = "identity")]
    pub(crate) filter: Option<String>,

    /// Most tenants to show; 0 shows none
    #[arg(long, value_name = "COUNT")]
    pub(crate) result_size: Option<u32>,
}

const EXAMPLES: &str = "\
Examples:
  Show the tenant; its TenantId belongs in the metadata address of the token server:
    actas Get-CsTenant
  The same as JSON, in kebab style:
    actas get-cs-tenant --output json";
