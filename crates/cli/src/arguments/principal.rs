//! The three ways to name a service principal.

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Args, Command, FromArgMatches, Id, error::ErrorKind};
use uuid::Uuid;

use super::value;

/// One service principal, named in exactly one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PrincipalIdentity {
    /// By its id in the directory.
    ObjectId(Uuid),
    /// By the id of its application.
    AppPrincipalId(Uuid),
    /// By one of its service principal names.
    ServicePrincipalName(String),
}

impl Args for PrincipalIdentity {
    fn group_id() -> Option<Id> {
        Some(Id::from(GROUP))
    }

    fn augment_args(command: Command) -> Command {
        arguments(command, true)
    }

    fn augment_args_for_update(command: Command) -> Command {
        arguments(command, false)
    }
}

impl FromArgMatches for PrincipalIdentity {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        read(matches).ok_or_else(|| clap::Error::new(ErrorKind::MissingRequiredArgument))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        if let Some(identity) = read(matches) {
            *self = identity;
        }
        Ok(())
    }
}

/// One service principal, or no word about which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AnyPrincipal(pub(crate) Option<PrincipalIdentity>);

impl Args for AnyPrincipal {
    fn augment_args(command: Command) -> Command {
        arguments(command, false)
    }

    fn augment_args_for_update(command: Command) -> Command {
        arguments(command, false)
    }
}

impl FromArgMatches for AnyPrincipal {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(read(matches)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn arguments(command: Command, required: bool) -> Command {
    command
        .arg(
            Arg::new(OBJECT_ID)
                .long("object-id")
                .value_name("GUID")
                .action(ArgAction::Set)
                .value_parser(value::guid)
                .help("Service principal by its object id in the directory"),
        )
        .arg(
            Arg::new(APP_PRINCIPAL_ID)
                .long("app-principal-id")
                .value_name("GUID")
                .action(ArgAction::Set)
                .value_parser(value::guid)
                .help(
                    "Service principal by its application id; Exchange is \
                     `00000002-0000-0ff1-ce00-000000000000`, Lync \
                     `00000004-0000-0ff1-ce00-000000000000`",
                ),
        )
        .arg(
            Arg::new(SERVICE_PRINCIPAL_NAME)
                .long("service-principal-name")
                .value_name("NAME")
                .action(ArgAction::Set)
                .value_parser(value::name)
                .help("Service principal by one of its names, such as `application-id/host`"),
        )
        .group(ArgGroup::new(GROUP).required(required).multiple(false).args([
            OBJECT_ID,
            APP_PRINCIPAL_ID,
            SERVICE_PRINCIPAL_NAME,
        ]))
}

fn read(matches: &ArgMatches) -> Option<PrincipalIdentity> {
    let guid = |name| matches.get_one::<Uuid>(name).copied();
    guid(OBJECT_ID)
        .map(PrincipalIdentity::ObjectId)
        .or_else(|| guid(APP_PRINCIPAL_ID).map(PrincipalIdentity::AppPrincipalId))
        .or_else(|| {
            matches.get_one::<String>(SERVICE_PRINCIPAL_NAME).cloned().map(PrincipalIdentity::ServicePrincipalName)
        })
}

/// The group of the three parameters, for others to be exclusive with.
pub(crate) const GROUP: &str = "principal";
const OBJECT_ID: &str = "object_id";
const APP_PRINCIPAL_ID: &str = "app_principal_id";
const SERVICE_PRINCIPAL_NAME: &str = "service_principal_name";
