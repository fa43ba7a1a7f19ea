//! `MsolService`: how the cloud's directory is reached.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use secrecy::SecretString;
use uuid::Uuid;

use super::value::{self, Refusal, WebUrl};

/// Connects to the cloud's directory
///
/// The commands after it use the connection. With a certificate or a file with a secret each of
/// them signs in anew; with a code or a secret that is typed, the session lasts as long as its
/// token, about an hour.
#[derive(Args, Clone, Debug)]
#[command(
    group = ArgGroup::new("proof").multiple(false).args([
        "access_token",
        "certificate_file",
        "client_secret",
        "client_secret_file",
        "device_code",
        "status",
        "sign_out",
    ]),
    after_help = EXAMPLES,
)]
pub(crate) struct Connect {
    /// Cloud to connect to: `AzureCloud`, `AzureUSGovernment`, `AzureUSGovernmentDoD`,
    /// `AzureChinaCloud`, or the address of a cloud of our kind
    #[arg(
        long,
        alias = "azure-environment",
        value_name = "CLOUD",
        value_parser = environment,
        default_value = "AzureCloud",
    )]
    pub(crate) environment: Environment,

    /// Address of the directory's Graph API [default: that of `--environment`]
    #[arg(long, value_name = "URL", value_parser = value::web_url)]
    pub(crate) graph_url: Option<WebUrl>,

    /// Address of the token service [default: that of `--environment`]
    #[arg(long, value_name = "URL", value_parser = value::web_url)]
    pub(crate) authority: Option<WebUrl>,

    /// Tenant to connect to, by its GUID or one of its domains
    #[arg(long, value_name = "TENANT", value_parser = value::name)]
    pub(crate) tenant_id: Option<String>,

    /// Application that connects, or through which a user does
    #[arg(long, value_name = "GUID", value_parser = value::guid)]
    pub(crate) client_id: Option<Uuid>,

    /// Certificate of the application, in PEM
    #[arg(long, value_name = "FILE", requires = "tenant_id", requires = "client_id")]
    pub(crate) certificate_file: Option<PathBuf>,

    /// Key of the certificate, in PEM [default: in the file of the certificate]
    #[arg(long, value_name = "FILE", requires = "certificate_file")]
    pub(crate) key_file: Option<PathBuf>,

    /// File with the secret of the application, which its owner alone can read
    #[arg(long, value_name = "FILE", requires = "tenant_id", requires = "client_id")]
    pub(crate) client_secret_file: Option<PathBuf>,

    /// Where the secret of the application comes from: `prompt` asks for it, `env` reads the
    /// variable ACTAS_CLIENT_SECRET, `-` reads standard input; it is not kept
    #[arg(long, value_name = "prompt|env|-", value_parser = secret_source, requires = "tenant_id", requires = "client_id")]
    pub(crate) client_secret: Option<SecretSource>,

    /// Sign in as a user, with a browser on this or another machine
    #[arg(long, requires = "client_id")]
    pub(crate) device_code: bool,

    /// Token to use as it is; `-` reads it from standard input, where no other process sees it
    /// [default: the variable ACTAS_GRAPH_TOKEN]
    #[arg(
        long,
        aliases = ["ad-graph-access-token", "ms-graph-access-token"],
        value_name = "TOKEN",
        value_parser = value::secret,
    )]
    pub(crate) access_token: Option<SecretString>,

    /// Authorities to trust for these addresses beside those of the machine, in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,

    /// Show the connection that there is, and ask nobody
    #[arg(long)]
    pub(crate) status: bool,

    /// Forget the connection that there is
    #[arg(long)]
    pub(crate) sign_out: bool,
}

/// A cloud, which fixes the addresses of its services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Environment {
    Public,
    UsGovernment,
    UsGovernmentDod,
    China,
    /// Closed in 2021.
    Germany,
    /// A cloud of our own kind, which says by itself where its services are.
    Own(WebUrl),
}

/// Where a secret comes from that is not to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecretSource {
    Prompt,
    Variable,
    StandardInput,
}

// === impl Environment ===

impl Environment {
    /// Returns its name as it is typed.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Public => "AzureCloud",
            Self::UsGovernment => "AzureUSGovernment",
            Self::UsGovernmentDod => "AzureUSGovernmentDoD",
            Self::China => "AzureChinaCloud",
            Self::Germany => "AzureGermanyCloud",
            Self::Own(url) => url.as_str(),
        }
    }
}

/// Parses a cloud, by a name of the vendor's commands or by its address.
fn environment(text: &str) -> Result<Environment, Refusal> {
    let text = text.trim();
    Ok(match text.to_ascii_lowercase().as_str() {
        "azurecloud" => Environment::Public,
        // The older name is that of `Connect-MsolService`.
        "azureusgovernment" | "usgovernment" => Environment::UsGovernment,
        "azureusgovernmentdod" | "usgovernmentdod" => Environment::UsGovernmentDod,
        "azurechinacloud" => Environment::China,
        "azuregermanycloud" => Environment::Germany,
        _ if text.contains("://") => Environment::Own(value::web_url(text)?),
        _ => {
            return Err(Refusal::new(
                "it takes `AzureCloud`, `AzureUSGovernment`, `AzureUSGovernmentDoD`, `AzureChinaCloud` or an address",
            )
            .hint("the address of a cloud of our kind is absolute, such as `https://sts.contoso.example`"));
        }
    })
}

/// Parses where a secret comes from, and refuses the secret itself.
fn secret_source(text: &str) -> Result<SecretSource, Refusal> {
    match text.to_ascii_lowercase().as_str() {
        "prompt" => Ok(SecretSource::Prompt),
        "env" => Ok(SecretSource::Variable),
        "-" => Ok(SecretSource::StandardInput),
        _ => Err(Refusal::new("a secret on a command line is seen by every process, and stays in the history")
            .without_value()
            .hint(
                "`--client-secret prompt` asks for it, `--client-secret env` reads the variable ACTAS_CLIENT_SECRET, \
                 `--client-secret-file FILE` reads a file",
            )),
    }
}

const EXAMPLES: &str = "\
Examples:
  Connect as an application with a certificate:
    actas Connect-MsolService -TenantId contoso.example -ClientId 5e1a7c90-6f0d-4b7e-9d0c-2f1d4f0e8a11 -CertificateFile admin.pem
  Connect as an application with a secret, which is asked for:
    actas Connect-MsolService -TenantId contoso.example -ClientId 5e1a7c90-6f0d-4b7e-9d0c-2f1d4f0e8a11 -ClientSecret prompt
  Sign in as a user in the cloud of the US government:
    actas Connect-MsolService -Environment AzureUSGovernment -TenantId contoso.example -ClientId 5e1a7c90-6f0d-4b7e-9d0c-2f1d4f0e8a11 -DeviceCode
  Connect to a lab, whose addresses and files `actas lab --env-file lab.env` wrote:
    actas connect-msol-service --environment \"$BASE_URL\" --tenant-id \"$TENANT\" --client-id \"$CLIENT_ID\" --certificate-file \"$CERT_PEM\" --key-file \"$KEY_PEM\" --ca-file \"$CA_PEM\"
  Use a token that was fetched elsewhere:
    actas Connect-MsolService -AccessToken - < token.txt
  Show how one is connected, and forget it:
    actas Connect-MsolService -Status
    actas Connect-MsolService -SignOut";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clouds_have_the_names_of_both_generations_of_commands() {
        for (text, expected) in [
            ("azurecloud", Environment::Public),
            ("USGovernment", Environment::UsGovernment),
            ("AzureUSGovernment", Environment::UsGovernment),
            ("AzureUSGovernmentDoD", Environment::UsGovernmentDod),
            ("AzureChinaCloud", Environment::China),
            ("AzureGermanyCloud", Environment::Germany),
        ] {
            assert_eq!(environment(text), Ok(expected.clone()), "{text}");
            assert_eq!(environment(expected.name()), Ok(expected));
        }
        assert_eq!(environment("https://sts.example:8443").unwrap().name(), "https://sts.example:8443");
        assert!(environment("AzureMoonCloud").is_err() && environment("ftp://sts.example").is_err());
    }

    #[test]
    fn a_secret_is_no_source_of_one() {
        assert_eq!(secret_source("Prompt"), Ok(SecretSource::Prompt));
        assert_eq!(secret_source("env"), Ok(SecretSource::Variable));
        assert_eq!(secret_source("-"), Ok(SecretSource::StandardInput));
        let refused = secret_source("s3cret").unwrap_err();
        assert!(refused.hides_value && !format!("{refused:?}").contains("s3cret"));
    }
}
