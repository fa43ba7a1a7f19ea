//! `CsCertificate`: the certificate that signs this organisation's tokens,
//! in its slots current, next and previous.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use secrecy::SecretString;

use super::{
    change::Change,
    date::{self, Date},
    value::{self, Thumbprint},
};

/// Shows the certificates that are assigned
#[derive(Args, Clone, Debug)]
#[command(after_help = GET_EXAMPLES)]
pub(crate) struct Get {
    /// Scope of the certificates; only `global` exists [default: global]
    #[arg(value_parser = value::name)]
    pub(crate) identity: Option<String>,

    /// Uses whose certificates are shown, separated by commas [default: all]
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    pub(crate) kind: Vec<CertificateType>,
}

/// Assigns a certificate, now or at a moment to come
#[derive(Args, Clone, Debug)]
#[command(
    group = ArgGroup::new("source").required(true).multiple(false).args(["thumbprint", "path"]),
    after_help = SET_EXAMPLES,
)]
pub(crate) struct Set {
    /// Scope of the certificate; only `global` exists
    #[arg(long, value_name = "SCOPE", default_value = "Global", value_parser = value::name)]
    pub(crate) identity: String,

    /// Use of the certificate
    #[arg(
        long = "type",
        value_name = "TYPE",
        value_enum,
        default_value_t = CertificateType::OAuthTokenIssuer,
    )]
    pub(crate) kind: CertificateType,

    /// Certificate of the store, by its SHA-1 thumbprint
    #[arg(long, value_name = "HEX", value_parser = value::thumbprint)]
    pub(crate) thumbprint: Option<Thumbprint>,

    /// File that holds the certificate and its key in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) path: Option<PathBuf>,

    /// Password of the file
    #[arg(long, requires = "path", value_parser = value::secret)]
    pub(crate) password: Option<SecretString>,

    #[command(flatten)]
    pub(crate) staging: Staging,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Brings in a certificate with its key and assigns it
#[derive(Args, Clone, Debug)]
#[command(after_help = IMPORT_EXAMPLES)]
pub(crate) struct Import {
    /// Scope of the certificate; only `global` exists [default: Global]
    #[arg(value_parser = value::name)]
    pub(crate) identity: Option<String>,

    /// Use of the certificate
    #[arg(
        long = "type",
        value_name = "TYPE",
        value_enum,
        default_value_t = CertificateType::OAuthTokenIssuer,
    )]
    pub(crate) kind: CertificateType,

    /// File that holds the certificate and its key in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) path: PathBuf,

    /// Password of the file
    #[arg(long, value_parser = value::secret)]
    pub(crate) password: Option<SecretString>,

    /// Whether the key may leave the store again [default: true]
    #[arg(long, value_name = "true|false", value_parser = value::boolean)]
    pub(crate) private_key_exportable: Option<bool>,

    #[command(flatten)]
    pub(crate) staging: Staging,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Takes the assignment of a certificate away
#[derive(Args, Clone, Debug)]
#[command(after_help = REMOVE_EXAMPLES)]
pub(crate) struct Remove {
    /// Scope of the certificate; only `global` exists [default: Global]
    #[arg(value_parser = value::name)]
    pub(crate) identity: Option<String>,

    /// Use of the certificate
    #[arg(
        long = "type",
        value_name = "TYPE",
        value_enum,
        default_value_t = CertificateType::OAuthTokenIssuer,
    )]
    pub(crate) kind: CertificateType,

    /// Remove the previous certificate, and keep the current one
    #[arg(long)]
    pub(crate) previous: bool,

    #[command(flatten)]
    pub(crate) change: Change,
}

/// Makes a self-signed certificate, or a request to an authority
#[derive(Args, Clone, Debug)]
#[command(after_help = REQUEST_EXAMPLES)]
pub(crate) struct Request {
    /// Make a new key
    #[arg(long, required = true)]
    pub(crate) new: bool,

    /// Use of the certificate
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: CertificateType,

    /// Length of the RSA key in bits
    #[arg(long, value_name = "BITS", value_enum, default_value_t)]
    pub(crate) key_size: KeySize,

    /// Names of the certificate, separated by commas; the first is its subject [default: the SIP
    /// domain]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) domain_name: Vec<String>,

    /// Name by which people know the certificate
    #[arg(long, value_name = "NAME")]
    pub(crate) friendly_name: Option<String>,

    /// Write a request (CSR) to this file, in place of a certificate that signs itself; also
    /// `--csr`
    #[arg(long, alias = "csr", value_name = "FILE")]
    pub(crate) output_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) change: Change,
}

/// Writes the public part of a certificate to a file
///
/// The key never leaves.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXPORT_EXAMPLES)]
pub(crate) struct Export {
    /// Use of the certificate
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: CertificateType,

    /// File to write
    #[arg(long, value_name = "FILE")]
    pub(crate) path: PathBuf,

    /// Form of the file: `Base64` text between BEGIN and END lines, or binary `Der`
    #[arg(long, value_name = "ENCODING", value_enum, default_value_t)]
    pub(crate) encoding: Encoding,

    /// Write the next certificate, and not the current one
    #[arg(long)]
    pub(crate) next: bool,

    /// Write over a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// When an assigned certificate begins to sign.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct Staging {
    /// Let the certificate follow the current one at the moment that `--effective-date` names
    #[arg(long, requires = "effective_date")]
    pub(crate) roll: bool,

    /// Moment from which it signs; best a day or more before the current one ends [default: now]
    #[arg(long, alias = "effective-time", value_name = "DATE", value_parser = date::date)]
    pub(crate) effective_date: Option<Date>,
}

/// Use of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CertificateType {
    /// Signs the tokens of this organisation
    #[value(name = "OAuthTokenIssuer")]
    OAuthTokenIssuer,
}

/// Length of an RSA key; shorter ones are not accepted by the cloud.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeySize {
    #[default]
    #[value(name = "2048")]
    Bits2048,
    #[value(name = "3072")]
    Bits3072,
    #[value(name = "4096")]
    Bits4096,
}

impl KeySize {
    /// Returns the number of bits.
    pub(crate) fn bits(self) -> u32 {
        match self {
            Self::Bits2048 => 2048,
            Self::Bits3072 => 3072,
            Self::Bits4096 => 4096,
        }
    }
}

/// Form of a certificate in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(crate) enum Encoding {
    #[default]
    Base64,
    Der,
}

const GET_EXAMPLES: &str = "\
Examples:
  Show the certificate that signs tokens, and those before and after it:
    actas Get-CsCertificate -Type OAuthTokenIssuer
  The same as JSON, in kebab style:
    actas get-cs-certificate --type oauthtokenissuer --output json";

const SET_EXAMPLES: &str = "\
Examples:
  Let a new certificate follow the current one:
    actas Set-CsCertificate -Identity Global -Type OAuthTokenIssuer -Thumbprint A9993E364706816ABA3E25717850C26C9CD0D89D -Roll -EffectiveDate 2026-12-02T06:00:00Z
  The same in kebab style:
    actas set-cs-certificate --type OAuthTokenIssuer --thumbprint A9993E364706816ABA3E25717850C26C9CD0D89D --roll --effective-date 2026-12-02T06:00:00Z";

const IMPORT_EXAMPLES: &str = "\
Examples:
  Bring in the first certificate:
    actas Import-CsCertificate -Identity Global -Type OAuthTokenIssuer -Path oauth.pem
  Bring in the next one and let it take over in December:
    actas Import-CsCertificate -Identity Global -Type OAuthTokenIssuer -Path oauth-2027.pem -Roll -EffectiveDate 2026-12-02
  The same in kebab style:
    actas import-cs-certificate --path oauth-2027.pem --roll --effective-date 2026-12-02";

const REMOVE_EXAMPLES: &str = "\
Examples:
  Forget the previous certificate after a roll:
    actas Remove-CsCertificate -Identity Global -Type OAuthTokenIssuer -Previous
  The same in kebab style:
    actas remove-cs-certificate --previous";

const REQUEST_EXAMPLES: &str = "\
Examples:
  Make a certificate that signs itself:
    actas Request-CsCertificate -New -Type OAuthTokenIssuer -DomainName contoso.example
  Write a request for an authority to sign:
    actas Request-CsCertificate -New -Type OAuthTokenIssuer -KeySize 4096 -DomainName contoso.example,fabrikam.example -OutputFile oauth.csr
  The same in kebab style:
    actas request-cs-certificate --new --type OAuthTokenIssuer --key-size 4096 --domain-name contoso.example,fabrikam.example --csr oauth.csr";

const EXPORT_EXAMPLES: &str = "\
Examples:
  Write the certificate that the cloud has to know:
    actas Export-CsCertificate -Type OAuthTokenIssuer -Path oauth.cer
  Write the next one in binary, in kebab style:
    actas export-cs-certificate --type OAuthTokenIssuer --path oauth-next.der --encoding der --next";
