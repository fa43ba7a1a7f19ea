//! `CsCertificate`: the certificate that signs this organisation's tokens,
//! in its slots current, next and previous.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};
use secrecy::SecretString;

use super::{
    change::Change,
    date::{self, Date},
    value::{self, Refusal, Thumbprint},
};

/// Shows the certificates that are assigned
#[derive(Args, Clone, Debug)]
#[command(after_help = GET_EXAMPLES)]
pub(crate) struct Get {
    /// Scope of the certificates; only `global` exists [default: global]
    #[arg(value_parser = value::name)]
    pub(crate) identity: Option<String>,

    /// Uses whose certificates are shown, separated by commas [default: all]; all that the vendor
    /// knows can be named, and `OAuthTokenIssuer` alone has certificates here
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = certificate_type)]
    pub(crate) kind: Vec<CertificateType>,

    #[command(flatten)]
    pub(crate) report: Report,
}

/// Assigns a certificate, now or at a moment to come
#[derive(Args, Clone, Debug)]
#[command(
    group = ArgGroup::new("source").required(true).multiple(false).args(["thumbprint", "path", "reference"]),
    after_help = SET_EXAMPLES,
)]
pub(crate) struct Set {
    /// Scope of the certificate; only `global` exists
    #[arg(long, value_name = "SCOPE", default_value = "Global", value_parser = value::name)]
    pub(crate) identity: String,

    /// Use of the certificate; `OAuthTokenIssuer` is the only one here
    #[arg(
        long = "type",
        value_name = "TYPE",
        value_delimiter = ',',
        default_value = OAUTH_TOKEN_ISSUER,
        value_parser = certificate_type,
    )]
    pub(crate) kind: Vec<CertificateType>,

    /// Certificate of the store, by its SHA-1 thumbprint
    #[arg(long, value_name = "HEX", value_parser = value::thumbprint)]
    pub(crate) thumbprint: Option<Thumbprint>,

    /// File that holds the certificate and its key: PKCS#12 (`.pfx`), or PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) path: Option<PathBuf>,

    /// The certificate as `Get-` or `Import-CsCertificate` printed it with `-Output json`: a file, or
    /// `-` for standard input
    #[arg(long, value_name = "FILE|-")]
    pub(crate) reference: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) password: FilePassword,
    #[command(flatten)]
    pub(crate) staging: Staging,
    #[command(flatten)]
    pub(crate) report: Report,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Brings in a certificate with its key
///
/// With `--identity`, `--type` or `--effective-date` it is assigned as well; without them it is
/// in the store, and signs nothing until `Set-CsCertificate` assigns it.
#[derive(Args, Clone, Debug)]
#[command(after_help = IMPORT_EXAMPLES)]
pub(crate) struct Import {
    /// Scope to assign the certificate in; only `global` exists
    #[arg(value_parser = value::name)]
    pub(crate) identity: Option<String>,

    /// Use to assign the certificate for; `OAuthTokenIssuer` is the only one here
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = certificate_type)]
    pub(crate) kind: Vec<CertificateType>,

    /// File that holds the certificate and its key: PKCS#12 (`.pfx`), or PEM; or the certificate
    /// alone in PEM or DER, if its key was made here with the request for it
    #[arg(long, value_name = "FILE")]
    pub(crate) path: PathBuf,

    #[command(flatten)]
    pub(crate) password: FilePassword,

    /// Whether the key may leave the store again; a store of files cannot tell, and no command
    /// here writes a key out
    #[arg(
        long,
        value_name = "true|false",
        value_parser = value::boolean,
        conflicts_with_all = ["identity", "kind"],
    )]
    pub(crate) private_key_exportable: Option<bool>,

    #[command(flatten)]
    pub(crate) staging: Staging,
    #[command(flatten)]
    pub(crate) report: Report,
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

    /// Use of the certificate; `OAuthTokenIssuer` is the only one here
    #[arg(
        long = "type",
        value_name = "TYPE",
        value_delimiter = ',',
        default_value = OAUTH_TOKEN_ISSUER,
        value_parser = certificate_type,
    )]
    pub(crate) kind: Vec<CertificateType>,

    /// Remove the previous certificate, and keep the current one
    #[arg(long)]
    pub(crate) previous: bool,

    #[command(flatten)]
    pub(crate) report: Report,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Makes a self-signed certificate, or a request to an authority
///
/// There is no connection to an authority: a request is written to a file, somebody has it
/// signed, and `Import-CsCertificate` brings in the answer, which finds its key here.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "`-RequestId` is the vendor's name")]
#[command(
    group = ArgGroup::new("way").required(true).multiple(false).args(["new", "list", "clear", "retrieve"]),
    after_help = REQUEST_EXAMPLES,
)]
pub(crate) struct Request {
    /// Make a new key
    #[arg(long, requires = "kind")]
    pub(crate) new: bool,

    /// Show the requests whose answer is awaited
    #[arg(long)]
    pub(crate) list: bool,

    /// Forget requests whose answer is awaited, with their keys
    #[arg(long)]
    pub(crate) clear: bool,

    /// Refused: no authority is asked from here
    #[arg(long)]
    pub(crate) retrieve: bool,

    /// Request to forget, as `--list` shows it [default: all]
    #[arg(long, value_name = "ID", requires = "clear")]
    pub(crate) request_id: Option<String>,

    /// Use of the certificate; `OAuthTokenIssuer` is the only one here
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = certificate_type)]
    pub(crate) kind: Vec<CertificateType>,

    #[command(flatten)]
    pub(crate) content: RequestContent,

    /// Write a request (CSR) to this file, in place of a certificate that signs itself; also
    /// `--csr`; the vendor's `-Output` is the format of what is printed here
    #[arg(long, alias = "csr", value_name = "FILE", requires = "new")]
    pub(crate) output_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) enrolment: Enrolment,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// What a certificate is to say.
#[derive(Args, Clone, Debug)]
pub(crate) struct RequestContent {
    /// Length of the RSA key in bits
    #[arg(long, value_name = "BITS", value_enum, default_value_t)]
    pub(crate) key_size: KeySize,

    /// Kind of the key; tokens are signed by `RSA`
    #[arg(long, value_name = "ALGORITHM", value_enum, default_value_t)]
    pub(crate) key_alg: KeyAlgorithm,

    /// Names of the certificate, separated by commas; the first is its subject [default: the SIP
    /// domain]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) domain_name: Vec<String>,

    /// Name of this machine, which then is the subject, before all other names
    #[arg(long, value_name = "HOST")]
    pub(crate) computer_fqdn: Option<String>,

    /// Add the SIP domain of the configuration (its realm) to the names
    #[arg(long)]
    pub(crate) all_sip_domain: bool,

    /// Organisation in the subject
    #[arg(long, value_name = "NAME")]
    pub(crate) organization: Option<String>,

    /// Part of the organisation in the subject
    #[arg(long = "ou", value_name = "NAME")]
    pub(crate) organizational_unit: Option<String>,

    /// City in the subject
    #[arg(long, value_name = "NAME")]
    pub(crate) city: Option<String>,

    /// State or province in the subject
    #[arg(long, value_name = "NAME")]
    pub(crate) state: Option<String>,

    /// Country in the subject, in two letters
    #[arg(long, value_name = "CODE")]
    pub(crate) country: Option<String>,

    /// Whether the certificate may be used by a client of TLS as well [default: false]
    #[arg(long = "client-eku", value_name = "true|false", value_parser = value::boolean)]
    pub(crate) client_eku: Option<bool>,

    /// Name by which people know the certificate; it is not part of it, and not kept
    #[arg(long, value_name = "NAME")]
    pub(crate) friendly_name: Option<String>,

    /// Whether the key may leave the store again; a store of files cannot tell
    #[arg(long, value_name = "true|false", value_parser = value::boolean)]
    pub(crate) private_key_exportable: Option<bool>,
}

/// How the vendor's command asks an authority, which is refused here.
#[derive(Args, Clone, Debug)]
pub(crate) struct Enrolment {
    /// Refused: no authority is asked from here
    #[arg(long, value_name = "NAME")]
    pub(crate) ca: Option<String>,

    /// Refused: no authority is asked from here
    #[arg(long, value_name = "NAME")]
    pub(crate) ca_account: Option<String>,

    /// Refused: no authority is asked from here
    #[arg(long, value_parser = value::secret)]
    pub(crate) ca_password: Option<SecretString>,

    /// Refused: no authority is asked from here
    #[arg(long, value_name = "NAME")]
    pub(crate) template: Option<String>,
}

impl Enrolment {
    /// Returns whether an authority was to be asked.
    pub(crate) fn is_asked_for(&self) -> bool {
        self.ca.is_some() || self.ca_account.is_some() || self.ca_password.is_some() || self.template.is_some()
    }
}

/// Writes the public part of a certificate to a file
///
/// The key never leaves.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXPORT_EXAMPLES)]
pub(crate) struct Export {
    /// Use of the certificate; `OAuthTokenIssuer` is the only one here
    #[arg(long = "type", value_name = "TYPE", value_parser = certificate_type)]
    pub(crate) kind: CertificateType,

    /// File to write
    #[arg(long, value_name = "FILE")]
    pub(crate) path: PathBuf,

    /// Form of the file: `Base64` text between BEGIN and END lines, or binary `Der`
    #[arg(long, value_name = "ENCODING", value_enum, default_value_t)]
    pub(crate) encoding: Encoding,

    /// Write the next certificate, and not the current one
    #[arg(long, conflicts_with = "previous")]
    pub(crate) next: bool,

    /// Write the previous certificate, and not the current one
    #[arg(long)]
    pub(crate) previous: bool,

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

/// What opens a PKCS#12 file, or an encrypted key.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct FilePassword {
    /// Password of the file, PKCS#12 or PEM with an encrypted key. Every process on this machine
    /// can see it here: `--password-file` and the variable ACTAS_CERTIFICATE_PASSWORD do without
    /// that, and a terminal is asked
    #[arg(long, value_parser = value::secret, conflicts_with = "password_file")]
    pub(crate) password: Option<SecretString>,

    /// File with the password on its first line, which its owner alone can read; `-` reads
    /// standard input
    #[arg(long, value_name = "FILE|-")]
    pub(crate) password_file: Option<PathBuf>,
}

/// What the vendor's commands on certificates take beside the rest.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Report {
    /// File to write a report to, as HTML; one that is there is replaced
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,

    /// Reserved for the vendor
    #[arg(long, value_name = "ID")]
    pub(crate) netport_id: Option<String>,
}

/// Use of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateType {
    /// Signs the tokens of this organisation
    OAuthTokenIssuer,
    /// One of the vendor's that has no certificates here.
    Other(&'static str),
}

const OAUTH_TOKEN_ISSUER: &str = "OAuthTokenIssuer";

/// The vendor's other uses.
const OTHERS: [&str; 15] = [
    "AccessEdgeExternal",
    "AudioVideoAuthentication",
    "DataEdgeExternal",
    "Default",
    "External",
    "Internal",
    "iPadAPNService",
    "iPhoneAPNService",
    "MPNService",
    "PICWebService",
    "ProvisionService",
    "WebServicesExternal",
    "WebServicesInternal",
    "WsFedTokenTransfer",
    "XmppServer",
];

/// Parses a use of a certificate, as the vendor names it.
fn certificate_type(text: &str) -> Result<CertificateType, Refusal> {
    let text = text.trim();
    if text.eq_ignore_ascii_case(OAUTH_TOKEN_ISSUER) {
        return Ok(CertificateType::OAuthTokenIssuer);
    }
    let other = OTHERS.iter().find(|known| known.eq_ignore_ascii_case(text)).copied();
    other.map(CertificateType::Other).ok_or_else(|| {
        Refusal::new("it is no use of a certificate").hint("`OAuthTokenIssuer` is the one that signs tokens")
    })
}

/// Kind of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyAlgorithm {
    #[default]
    #[value(name = "RSA")]
    Rsa,
    #[value(name = "ECDH_P256")]
    P256,
    #[value(name = "ECDH_P384")]
    P384,
    #[value(name = "ECDH_P521")]
    P521,
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
  Bring in the first certificate, and be asked for the password of its file:
    actas Import-CsCertificate -Identity Global -Type OAuthTokenIssuer -Path oauth.pfx
  Bring in the next one and let it take over in December:
    actas Import-CsCertificate -Identity Global -Type OAuthTokenIssuer -Path oauth-2027.pfx -PasswordFile password.txt -Roll -EffectiveDate 2026-12-02
  The same in kebab style:
    actas import-cs-certificate --path oauth-2027.pfx --password-file password.txt --roll --effective-date 2026-12-02
  Bring one in without assigning it, and assign it afterwards:
    actas Import-CsCertificate -Path oauth.pem -Output json | actas Set-CsCertificate -Identity Global -Type OAuthTokenIssuer -Reference -";

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
    actas request-cs-certificate --new --type OAuthTokenIssuer --key-size 4096 --domain-name contoso.example,fabrikam.example --csr oauth.csr
  Show the requests whose answer is awaited, and forget them:
    actas Request-CsCertificate -List
    actas Request-CsCertificate -Clear";

const EXPORT_EXAMPLES: &str = "\
Examples:
  Write the certificate that the cloud has to know:
    actas Export-CsCertificate -Type OAuthTokenIssuer -Path oauth.cer
  Write the next one in binary, in kebab style:
    actas export-cs-certificate --type OAuthTokenIssuer --path oauth-next.der --encoding der --next";
