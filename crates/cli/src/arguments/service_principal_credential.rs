//! `MsolServicePrincipalCredential`: the keys of a service principal.

use clap::{ArgMatches, Args, FromArgMatches, ValueEnum};
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    change::{Change, TenantId},
    date::{self, Period},
    principal::PrincipalIdentity,
    value::{self, Refusal},
};

/// Adds a key beside those that a service principal has
#[derive(Args, Clone, Debug)]
#[command(after_help = NEW_EXAMPLES)]
pub(crate) struct New {
    #[command(flatten)]
    pub(crate) principal: PrincipalIdentity,
    #[command(flatten)]
    pub(crate) key: NewKey,
    #[command(flatten)]
    pub(crate) tenant: TenantId,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// Shows the keys of a service principal
#[derive(Args, Clone, Debug)]
#[command(after_help = GET_EXAMPLES)]
pub(crate) struct Get {
    #[command(flatten)]
    pub(crate) principal: PrincipalIdentity,

    /// Whether the values of the keys are shown; those of secrets never are
    #[arg(
        long,
        value_name = "true|false",
        required = true,
        value_parser = value::return_key_values,
        action = clap::ArgAction::Set,
    )]
    pub(crate) return_key_values: bool,

    #[command(flatten)]
    pub(crate) tenant: TenantId,
}

/// Removes keys from a service principal
#[derive(Args, Clone, Debug)]
#[command(after_help = REMOVE_EXAMPLES)]
pub(crate) struct Remove {
    #[command(flatten)]
    pub(crate) principal: PrincipalIdentity,

    /// Keys to remove, separated by commas; also `--key-id`
    #[arg(
        long,
        alias = "key-id",
        value_name = "GUIDS",
        required = true,
        value_delimiter = ',',
        value_parser = value::guid,
    )]
    pub(crate) key_ids: Vec<Uuid>,

    #[command(flatten)]
    pub(crate) tenant: TenantId,
    #[command(flatten)]
    pub(crate) change: Change,
}

/// A key to add: what it is, what it does, and from when until when.
#[derive(Clone, Debug)]
pub(crate) struct NewKey {
    pub(crate) kind: KeyType,
    /// Whether the type was named, and not the one that counts otherwise.
    pub(crate) kind_is_named: bool,
    pub(crate) usage: KeyUsage,
    /// There is one if the key is asymmetric; other keys are made when it is not given.
    pub(crate) value: Option<SecretString>,
    pub(crate) period: Period,
}

/// Kind of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(crate) enum KeyType {
    /// A certificate
    Asymmetric,
    /// A shared key
    #[default]
    Symmetric,
    /// A secret in words
    Password,
}

/// What a key does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub(crate) enum KeyUsage {
    /// Checks signatures of the principal
    #[default]
    Verify,
    /// Signs; for symmetric keys only
    Sign,
}

#[derive(Args, Clone, Debug)]
struct NewKeyArguments {
    /// Kind of key: `Asymmetric` is a certificate [default: Symmetric]
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    kind: Option<KeyType>,

    /// What the key does: `Verify` checks signatures, `Sign` is for symmetric keys
    #[arg(long, value_name = "USAGE", value_enum, default_value_t)]
    usage: KeyUsage,

    /// The key: a certificate in Base64 without BEGIN and END lines, or a symmetric key in Base64
    /// [default: a symmetric key of 256 bits is made; a password is always made]
    #[arg(long, value_name = "VALUE", value_parser = value::secret)]
    value: Option<SecretString>,

    /// Date from which it is valid; not before its certificate is [default: today]
    #[arg(long, value_name = "DATE")]
    start_date: Option<String>,

    /// Date until which it is valid; not after its certificate ends [default: a year from today]
    #[arg(long, value_name = "DATE")]
    end_date: Option<String>,
}

impl TryFrom<NewKeyArguments> for NewKey {
    type Error = Refusal;

    fn try_from(arguments: NewKeyArguments) -> Result<Self, Refusal> {
        let NewKeyArguments { kind, usage, value, start_date, end_date } = arguments;
        let kind_is_named = kind.is_some();
        let kind = kind.unwrap_or_default();
        if usage == KeyUsage::Sign && kind != KeyType::Symmetric {
            return Err(Refusal::new("`--usage Sign` goes with `--type Symmetric` and with no other type")
                .hint("the directory checks signatures with this key: use `--usage Verify`"));
        }
        if kind == KeyType::Asymmetric && value.is_none() {
            return Err(Refusal::new("`--type Asymmetric` needs the certificate in `--value`")
                .hint("`actas Export-CsCertificate -Type OAuthTokenIssuer -Path oauth.cer` writes it"));
        }
        Ok(Self {
            kind,
            kind_is_named,
            usage,
            value,
            period: date::period(start_date.as_deref(), end_date.as_deref())?,
        })
    }
}

impl Args for NewKey {
    fn augment_args(command: clap::Command) -> clap::Command {
        NewKeyArguments::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        NewKeyArguments::augment_args_for_update(command)
    }
}

impl FromArgMatches for NewKey {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        NewKeyArguments::from_arg_matches(matches)?.try_into().map_err(Refusal::into_clap)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

const NEW_EXAMPLES: &str = "\
Examples:
  Let the directory know the certificate that signs this organisation's tokens:
    actas Export-CsCertificate -Type OAuthTokenIssuer -Path oauth.cer
    actas New-MsolServicePrincipalCredential -AppPrincipalId 00000004-0000-0ff1-ce00-000000000000 -Type Asymmetric -Usage Verify -Value \"$(grep -v -e '-----' oauth.cer | tr -d '\\n')\" -StartDate 2026-12-02 -EndDate 2027-12-01
  Have the directory make a secret, which is shown once:
    actas New-MsolServicePrincipalCredential -AppPrincipalId 5e1a7c90-6f0d-4b7e-9d0c-2f1d4f0e8a11 -Type Password
  The same as the first in kebab style:
    actas new-msol-service-principal-credential --app-principal-id 00000004-0000-0ff1-ce00-000000000000 --type asymmetric --usage verify --value \"$(grep -v -e '-----' oauth.cer | tr -d '\\n')\" --start-date 2026-12-02 --end-date 2027-12-01";

const GET_EXAMPLES: &str = "\
Examples:
  Show the keys of Lync without their values:
    actas Get-MsolServicePrincipalCredential -AppPrincipalId 00000004-0000-0ff1-ce00-000000000000 -ReturnKeyValues false
  The same in kebab style:
    actas get-msol-service-principal-credential --app-principal-id 00000004-0000-0ff1-ce00-000000000000 --return-key-values false";

const REMOVE_EXAMPLES: &str = "\
Examples:
  Remove the key of a certificate that is no longer used:
    actas Remove-MsolServicePrincipalCredential -AppPrincipalId 00000004-0000-0ff1-ce00-000000000000 -KeyIds 7b0c3f5e-2d6a-4c1b-8e9f-0a1b2c3d4e5f
  The same in kebab style:
    actas remove-msol-service-principal-credential --app-principal-id 00000004-0000-0ff1-ce00-000000000000 --key-ids 7b0c3f5e-2d6a-4c1b-8e9f-0a1b2c3d4e5f";
