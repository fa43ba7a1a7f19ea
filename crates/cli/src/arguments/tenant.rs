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

    /// Show it if it fits: `{DisplayName -eq "Contoso"}` and the like, or a pattern with `*` and
    /// `?` for its name and domains
    #[arg(long, value_name = "FILTER", conflicts_with = "identity")]
    pub(crate) filter: Option<String>,

    /// Most tenants to show; 0 shows none
    #[arg(long, value_name = "COUNT", value_parser = value::count)]
    pub(crate) result_size: Option<u32>,

    /// Taken for the sake of old scripts: the cloud has no domain controller to ask
    #[arg(long, value_name = "FQDN")]
    pub(crate) domain_controller: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  Show the tenant; its TenantId belongs in the metadata address of the token server:
    actas Get-CsTenant
  Only if it has a domain:
    actas Get-CsTenant -Filter '{Domains -like \"*.contoso.example\"}'
  The same as JSON, in kebab style:
    actas get-cs-tenant --output json";
