//! `MsolServicePrincipal`: applications as the cloud's directory knows them.

use clap::Args;
use uuid::Uuid;

use super::{
    change::{Change, TenantId},
    principal::{self, AnyPrincipal, PrincipalIdentity},
    service_principal_credential::NewKey,
    value,
};

/// Shows service principals
#[derive(Args, Clone, Debug)]
#[command(after_help = GET_EXAMPLES)]
pub(crate) struct Get {
    #[command(flatten)]
    pub(crate) principal: AnyPrincipal,

    /// Show those whose display name begins with this text
    #[arg(long, value_name = "TEXT", conflicts_with = principal::GROUP)]
    pub(crate) search_string: Option<String>,

    /// Most objects to show; a large tenant has more
    #[arg(
        long,
        value_name = "COUNT",
        value_parser = value::count,
        default_value_t = MAX_RESULTS,
        conflicts_with_all = ["all", principal::GROUP],
    )]
    pub(crate) max_results: u32,

    /// Show all, however many
    #[arg(long, conflicts_with_all = [principal::GROUP, "search_string"])]
    pub(crate) all: bool,

    #[command(flatten)]
    pub(crate) tenant: TenantId,
}

/// Adds a service principal, with one key if one is named
///
/// Without an application id, an application is registered first and this becomes its principal.
#[derive(Args, Clone, Debug)]
#[command(after_help = NEW_EXAMPLES)]
pub(crate) struct New {
    /// Name for people
    #[arg(long, value_name = "NAME", value_parser = value::name)]
    pub(crate) display_name: String,

    /// Application id [default: that of an application which is registered with it]
    #[arg(long, value_name = "GUID", value_parser = value::guid)]
    pub(crate) app_principal_id: Option<Uuid>,

    /// Service principal names, separated by commas [default: the application id]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) service_principal_names: Vec<String>,

    /// Addresses to which sign-ins return, separated by commas
    #[arg(long, value_name = "URLS", value_delimiter = ',')]
    pub(crate) addresses: Vec<String>,

    /// Whether the principal gets tokens [default: true]
    #[arg(long, value_name = "true|false", value_parser = value::boolean)]
    pub(crate) account_enabled: Option<bool>,

    #[command(flatten)]
    pub(crate) key: NewKey,
    #[command(flatten)]
    pub(crate) tenant: TenantId,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Changes a service principal
///
/// A list that is given replaces the one that stands.
#[derive(Args, Clone, Debug)]
#[command(after_help = SET_EXAMPLES)]
pub(crate) struct Set {
    #[command(flatten)]
    pub(crate) principal: PrincipalIdentity,

    /// Whether the principal gets tokens
    #[arg(long, value_name = "true|false", value_parser = value::boolean)]
    pub(crate) account_enabled: Option<bool>,

    /// Addresses to which sign-ins return, separated by commas; they replace the list, and an
    /// empty text empties it
    #[arg(long, value_name = "URLS", value_delimiter = ',')]
    pub(crate) addresses: Option<Vec<String>>,

    /// Name for people
    #[arg(long, value_name = "NAME", value_parser = value::name)]
    pub(crate) display_name: Option<String>,

    /// Service principal names, separated by commas; they replace the list, and an empty text
    /// leaves the application id alone
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) service_principal_names: Option<Vec<String>>,

    #[command(flatten)]
    pub(crate) tenant: TenantId,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Removes a service principal with all of its keys
///
/// To replace a key, remove the credential and not the principal.
#[derive(Args, Clone, Debug)]
#[command(after_help = REMOVE_EXAMPLES)]
pub(crate) struct Remove {
    #[command(flatten)]
    pub(crate) principal: PrincipalIdentity,
    #[command(flatten)]
    pub(crate) tenant: TenantId,
    #[command(flatten)]
    pub(crate) change: Change,
}

const MAX_RESULTS: u32 = 500;

const GET_EXAMPLES: &str = "\
Examples:
  Show the principal of Lync:
    actas Get-MsolServicePrincipal -AppPrincipalId 00000004-0000-0ff1-ce00-000000000000
  The same in kebab style:
    actas get-msol-service-principal --app-principal-id 00000004-0000-0ff1-ce00-000000000000
  Look for a name, in a table:
    actas Get-MsolServicePrincipal -SearchString Exchange -Output table";

const NEW_EXAMPLES: &str = "\
Examples:
  Add an application that proves itself by a certificate:
    actas New-MsolServicePrincipal -DisplayName Archive -Type Asymmetric -Usage Verify -Value \"$(grep -v -e '-----' archive.cer | tr -d '\\n')\"
  Add one whose secret the directory makes, and shows once:
    actas New-MsolServicePrincipal -DisplayName Archive -Type Password
  The same as the first in kebab style:
    actas new-msol-service-principal --display-name Archive --type asymmetric --usage verify --value \"$(grep -v -e '-----' archive.cer | tr -d '\\n')\"";

const SET_EXAMPLES: &str = "\
Examples:
  Switch the principal of Exchange on:
    actas Set-MsolServicePrincipal -AppPrincipalId 00000002-0000-0ff1-ce00-000000000000 -AccountEnabled true
  Give it its names, all of them:
    actas Set-MsolServicePrincipal -AppPrincipalId 00000004-0000-0ff1-ce00-000000000000 -ServicePrincipalNames 00000004-0000-0ff1-ce00-000000000000,00000004-0000-0ff1-ce00-000000000000/pool.contoso.example
  The same in kebab style:
    actas set-msol-service-principal --app-principal-id 00000002-0000-0ff1-ce00-000000000000 --account-enabled true";

const REMOVE_EXAMPLES: &str = "\
Examples:
  See what would go, then remove it:
    actas Remove-MsolServicePrincipal -AppPrincipalId 5e1a7c90-6f0d-4b7e-9d0c-2f1d4f0e8a11 -WhatIf
    actas Remove-MsolServicePrincipal -AppPrincipalId 5e1a7c90-6f0d-4b7e-9d0c-2f1d4f0e8a11
  The same in kebab style:
    actas remove-msol-service-principal --app-principal-id 5e1a7c90-6f0d-4b7e-9d0c-2f1d4f0e8a11 --what-if";
