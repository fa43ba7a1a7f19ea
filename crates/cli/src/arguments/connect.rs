//! `MsolService`: how the cloud's directory is reached.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use secrecy::SecretString;
use uuid::Uuid;

use super::value::{self, WebUrl};

/// Connects to the cloud's directory
///
/// The commands after it use the connection.
#[derive(Args, Clone, Debug)]
#[command(
    group = ArgGroup::new("proof")
        .required(true)
        .multiple(false)
        .args(["access_token", "certificate_file"]),
    after_help = EXAMPLES,
)]
pub(crate) struct Connect {
    /// Address of the directory's Graph API [default: that of `--azure-environment`]
    #[arg(long, value_name = "URL", value_parser = value::web_url)]
    pub(crate) graph_url: Option<WebUrl>,

    /// Address of the token service [default: that of `--azure-environment`]
    #[arg(long, value_name = "URL", value_parser = value::web_url)]
    pub(crate) authority: Option<WebUrl>,

    /// Tenant to connect to, by its GUID or one of its domains
    #[arg(long, value_name = "TENANT", value_parser = value::name)]
    pub(crate) tenant_id: Option<String>,

    /// Application that connects
    #[arg(long, value_name = "GUID", value_parser = value::guid)]
    pub(crate) client_id: Option<Uuid>,

    /// Certificate of the application, in PEM
    #[arg(long, value_name = "FILE", requires = "tenant_id", requires = "client_id")]
    pub(crate) certificate_file: Option<PathBuf>,

    /// Key of the certificate, in PEM [default: in the file of the certificate]
    #[arg(long, value_name = "FILE", requires = "certificate_file")]
    pub(crate) key_file: Option<PathBuf>,

    /// Authorities to trust for these addresses beside those of the machine, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,

    /// Token to use as it is; `-` reads it from standard input, where no other process sees it
    #[arg(
        long,
        aliases = ["ad-graph-access-token", "ms-graph-access-token"],
        value_name = "TOKEN",
        value_parser = value::secret,
    )]
    pub(crate) access_token: Option<SecretString>,

    /// Cloud to connect to
    #[arg(long, value_name = "CLOUD", value_enum, default_value_t)]
    pub(crate) azure_environment: AzureEnvironment,
}

/// A cloud, which fixes the addresses of its services.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum AzureEnvironment {
    #[default]
    #[value(name = "AzureCloud")]
    Public,
    #[value(name = "AzureChinaCloud")]
    China,
    #[value(name = "AzureGermanyCloud")]
    Germany,
    #[value(name = "USGovernment")]
    UsGovernment,
}

const EXAMPLES: &str = "\
Examples:
  Connect as an application with a certificate:
    actas Connect-MsolService -TenantId contoso.example -ClientId 5e1a7c90-6f0d-4b7e-9d0c-2f1d4f0e8a11 -CertificateFile admin.pem
  Connect to a lab, whose addresses and files `actas lab --env-file lab.env` wrote:
    actas connect-msol-service --graph-url \"$GRAPH_URL\" --authority \"$BASE_URL\" --tenant-id \"$TENANT\" --client-id \"$CLIENT_ID\" --certificate-file \"$CERT_PEM\" --key-file \"$KEY_PEM\" --ca-file \"$CA_PEM\"
  Use a token that was fetched elsewhere:
    actas Connect-MsolService -AccessToken - < token.txt";
