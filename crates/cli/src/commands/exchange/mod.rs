//! Commands on what the Exchange-like server trusts: they work on its database, whether it
//! runs or not.

mod auth_server;
mod connectivity;
mod mailbox_permission;
mod metadata;
mod partner_application;

use std::time::Duration;

use actas_directory::{Tenant, TenantId, User, UserKey};
use actas_mailbox::MailboxConfig;
use actas_runtime::{Clock as _, HttpClient, SystemClock};
use actas_store::directory::{Audit, Directory};
use actas_store::sts::ExchangeTrust;
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::{
    app::Context,
    arguments::{Exchange as Command, change::Organization},
    cloud::CA_FILE,
    commands::piped,
    output::Console,
    problem::Problem,
    workplace::{self, Workplace},
};

/// Runs a command of this group.
pub(super) async fn run(command: Command, context: &Context) -> Result<(), Problem> {
    match command {
        Command::NewAuthServer(asked) => auth_server::new(asked, context).await,
        Command::GetAuthServer(asked) => auth_server::get(asked, context).await,
        Command::SetAuthServer(asked) => auth_server::set(asked, context).await,
        Command::RemoveAuthServer(asked) => auth_server::remove(asked, context).await,
        Command::NewPartner(asked) => partner_application::new(*asked, context).await,
        Command::GetPartner(asked) => partner_application::get(asked, context).await,
        Command::SetPartner(asked) => partner_application::set(*asked, context).await,
        Command::RemovePartner(asked) => partner_application::remove(asked, context).await,
        Command::AddMailboxPermission(asked) => mailbox_permission::add(asked, context).await,
        Command::GetMailboxPermission(asked) => mailbox_permission::get(asked, context).await,
        Command::RemoveMailboxPermission(asked) => mailbox_permission::remove(asked, context).await,
        Command::TestOAuthConnectivity(asked) => connectivity::run(asked, context).await,
    }
}

/// What one organisation's part of the server trusts.
struct Exchange {
    trust: ExchangeTrust,
    directory: Directory,
    tenant: Tenant,
    /// Reaches others as the server does.
    http: HttpClient,
    now: Timestamp,
}

// === impl Exchange ===

impl Exchange {
    async fn open(context: &Context, asked: &Organization) -> Result<Self, Problem> {
        if asked.domain_controller.is_some() {
            context.console.warning("`-DomainController` has no effect: the server's own database is asked");
        }
        let place = Workplace::open(&context.global)?;
        let database = place.cloud_database()?;
        let http = workplace::http(&place.config, &[place.cloud_folder().join(CA_FILE)])?;
        let directory = Directory::new(database.clone());
        let tenant = organization(&directory, asked.organization.as_deref()).await?;
        Ok(Self { trust: ExchangeTrust::new(database), directory, tenant, http, now: SystemClock.now() })
    }

    fn audit(&self, kind: &'static str, command: &str, name: &str) -> Audit {
        Audit { time: self.now, tenant: self.tenant.id, kind, details: json!({ "by": command, "name": name }) }
    }

    /// Whether a realm is a name of this organisation.
    fn owns(&self, realm: &str) -> bool {
        self.tenant.realms().any(|own| own == realm)
    }

    /// The organisation whose name a realm is.
    async fn owner_of(&self, realm: &str) -> Result<Option<TenantId>, Problem> {
        Ok(self.directory.tenant_by_realm(realm).await?.map(|tenant| tenant.id))
    }

    /// A user by user principal name, SMTP address or object id.
    async fn user(&self, named: &str) -> Result<User, Problem> {
        let tenant = self.tenant.id;
        let lower = named.to_lowercase();
        let mut found = match Uuid::try_parse(named) {
            Ok(id) => self.directory.user(tenant, id).await?,
            Err(_) => None,
        };
        for key in [UserKey::Upn(lower.clone()), UserKey::Smtp(lower)] {
            if found.is_none() {
                found = self.directory.users_by_key(tenant, &key).await?.into_iter().next();
            }
        }
        found.ok_or_else(|| {
            Problem::failed(format!("there is no user `{named}` in `{}`", self.tenant.display_name))
                .hint("give a user principal name, an SMTP address or an object id of the directory; the seed file or Graph (`POST /users`) adds users")
        })
    }

    /// The name of a user for people, or the id of one who is gone.
    async fn name_of(&self, id: &str) -> Result<String, Problem> {
        let user = match Uuid::try_parse(id) {
            Ok(id) => self.directory.user(self.tenant.id, id).await?,
            Err(_) => None,
        };
        Ok(user.map_or_else(|| id.to_owned(), |user| user.upn))
    }
}

/// The organisation that is meant: the only one, unless one is named.
async fn organization(directory: &Directory, wanted: Option<&str>) -> Result<Tenant, Problem> {
    let all = directory.tenants().await?;
    let choice = || {
        let domains = all.iter().filter_map(|tenant| tenant.realms().nth(1));
        domains.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    match wanted {
        Some(wanted) => {
            let found = all.iter().find(|tenant| tenant.realms().any(|name| name.eq_ignore_ascii_case(wanted)));
            found.cloned().ok_or_else(|| {
                Problem::failed(format!("there is no organisation `{wanted}` on this server"))
                    .hint(format!("there is {}", choice()))
            })
        }
        None => match all.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(Problem::failed("there is no organisation on this server yet")
                .hint("name a file with tenants as `seed_file` of `[cloud]`, and start `actas serve cloud`")),
            _ => Err(Problem::usage("this server hosts several organisations, and none was named")
                .hint(format!("give one as `-Organization`: {}", choice()))),
        },
    }
}

/// Says from when on a change holds.
fn tell_bound(console: &Console) {
    let bound: Duration = MailboxConfig::new(Vec::new(), "", "").trust_refresh;
    console.note(&format!("A server that runs takes it up within {} seconds.", bound.as_secs()));
}

/// Why no certificate but a good one is accepted.
fn refuse_any_certificate(asked: bool) -> Result<(), Problem> {
    if !asked {
        return Ok(());
    }
    Err(Problem::failed("`-TrustAnySSLCertificate` is not supported")
        .detail("whoever answers in the place of the metadata document's server would open every mailbox that the trust opens")
        .hint("add the authority that issued its certificate to `ca_files` of `[client]` in the configuration; commands and the server trust it then"))
}

/// Says what it means that a change met nothing, or something newer.
fn changed_meanwhile(error: actas_store::Error, name: &str) -> Problem {
    if error.is_stale() {
        return Problem::failed(format!("`{name}` was changed or removed by somebody else in the meantime"))
            .hint("look at it again, and repeat the command if it is still right");
    }
    Problem::from(error)
}
