//! `actas lab`: a whole seeded cloud on loopback, for developers and tests.

use std::path::{Path, PathBuf};

use actas_runtime::SystemClock;
use actas_runtime::config::ClientConfig;
use actas_sts::Policy;
use serde_json::{Map, Value};

use crate::app::Context;
use crate::arguments::lab::Lab;
use crate::cloud::fault::Fault;
use crate::cloud::seed::{Seed, SeedApplication, SeedTenant, SeedUser, Seeded};
use crate::cloud::{Cloud, Mailboxes, Place, Plan};
use crate::output::Console;
use crate::problem::Problem;
use crate::signals;
use crate::workplace::{CLOUD_FOLDER, Workplace, make_folder, write_atomically};

/// What the lab's application may do.
const ROLES: [&str; 4] =
    ["full_access_as_app", "Application.ReadWrite.OwnedBy", "Organization.Read.All", "Mail.ReadWrite"];

/// Runs the lab until it is told to stop.
pub(crate) async fn run(lab: Lab, context: &Context) -> Result<(), Problem> {
    let faults = lab.fault.iter().map(|name| Fault::from_name(name)).collect::<Result<Vec<_>, _>>()?;
    let seed = lab.seed_file.as_deref().map_or_else(|| Ok(default_seed()), Seed::load)?;
    let place = if lab.listen.ip().is_loopback() {
        Place::loopback()
    } else {
        return Err(Problem::usage(format!("`--listen {}` is not a loopback address", lab.listen))
            .hint("a lab holds seeded secrets and is for this machine; `actas serve cloud` runs a cloud for others"));
    };
    // A folder of its own, unless one was typed: a lab must not land in real data.
    let temporary;
    let data = if let Some(typed) = context.global.typed_data_dir() {
        make_folder(typed)?;
        std::path::absolute(typed)
            .map_err(|error| Problem::failed("the data folder has no absolute path").because(&error))?
    } else {
        temporary = tempfile::Builder::new().prefix("actas-lab-").tempdir();
        let temporary =
            temporary.as_ref().map_err(|error| Problem::failed("no temporary folder can be made").because(error))?;
        temporary.path().to_owned()
    };
    // What somebody's real data is configured with is nothing to a lab.
    let is_meant = context.global.config.is_some() || context.global.typed_data_dir().is_some();
    let client = if is_meant { Workplace::open(&context.global)?.config.client } else { ClientConfig::default() };
    let stop = signals::stop()?;
    let plan = Plan {
        folder: data.join(CLOUD_FOLDER),
        listen: lab.listen,
        http_listen: None,
        place,
        policy: Policy { allow_secrets: true, tls_client_auth: true, ..Policy::default() },
        signing_keys: None,
        mailboxes: Mailboxes::default(),
        client,
        clock: SystemClock::shared(),
    };
    let cloud = Cloud::start(plan).await?;
    let seeded = cloud.apply_seed(&seed).await?;
    let values = describe(&cloud, &seeded, &data).await?;
    for fault in faults {
        let (tenant, application, user) = first(&seeded)?;
        cloud.break_by(fault, tenant.tenant.id, application.app_id, user).await?;
    }
    cloud.check_ready().await?;
    announce(&lab, &values, &context.console)?;
    stop.wait().await;
    cloud.stop().await
}

fn default_seed() -> Seed {
    let tenant = |name: &str, domain: &str, users: &[(&str, &str)], application: &str| {
        Some(SeedTenant {
            id: None,
            display_name: name.to_owned(),
            domains: vec![domain.parse().ok()?],
            user: users
                .iter()
                .map(|(local, name)| SeedUser {
                    address: format!("{local}@{domain}"),
                    display_name: Some((*name).to_owned()),
                    mailbox: true,
                    password: None,
                    administrator: false,
                })
                .collect(),
            application: vec![SeedApplication {
                id: None,
                name: application.to_owned(),
                roles: ROLES.map(str::to_owned).to_vec(),
                public_client: false,
                scopes: Vec::new(),
                exchange_partner: true,
            }],
        })
    };
    let fabrikam =
        tenant("Fabrikam", "fabrikam.example", &[("adele", "Adele Vance"), ("omar", "Omar Haddad")], "Lab application");
    let contoso = tenant("Contoso", "contoso.example", &[("lena", "Lena Berg")], "Second lab application");
    Seed { tenant: [fabrikam, contoso].into_iter().flatten().collect() }
}

type First<'a> = (&'a Seeded, &'a crate::cloud::seed::SeededApplication, &'a actas_directory::User);

fn first(seeded: &[Seeded]) -> Result<First<'_>, Problem> {
    let incomplete = || Problem::failed("the seed needs a tenant with a user and an application");
    let tenant = seeded.first().ok_or_else(incomplete)?;
    let application = tenant.applications.first().ok_or_else(incomplete)?;
    let user = tenant.users.iter().find(|user| user.mailbox).ok_or_else(incomplete)?;
    Ok((tenant, application, user))
}

/// What the ready file and the environment file say, in their order.
async fn describe(cloud: &Cloud, seeded: &[Seeded], data: &Path) -> Result<Vec<(&'static str, String)>, Problem> {
    let (tenant, application, user) = first(seeded)?;
    let secret = cloud.give_secret(tenant.tenant.id, application.app_id).await?;
    let origin = cloud.place.origin().to_owned();
    let id = tenant.tenant.id;
    let host = cloud.place.exchange_hosts.first().cloned().unwrap_or_default();
    let resource = format!("https://{host}");
    let path = |path: &PathBuf| path.display().to_string();
    let address = |user: &actas_directory::User| user.primary_smtp().unwrap_or(&user.upn).to_owned();
    let second = tenant.users.iter().filter(|user| user.mailbox).nth(1).unwrap_or(user);
    let mut values = vec![
        ("BASE_URL", origin.clone()),
        ("TENANT", id.to_string()),
        ("TENANT_DOMAIN", tenant.tenant.domains.first().map(|domain| domain.name.to_string()).unwrap_or_default()),
        ("CLIENT_ID", application.app_id.to_string()),
        ("CLIENT_SECRET", secret),
        ("KEY_PEM", path(&application.key_file)),
        ("CERT_PEM", path(&application.certificate_file)),
        ("CA_PEM", path(&cloud.ca_file())),
        ("SCOPE", format!("{resource}/.default")),
        ("RESOURCE", resource),
        ("TOKEN_URL", format!("{origin}/{id}/oauth2/v2.0/token")),
        ("METADATA_URL", format!("{origin}/{id}/metadata/json/1")),
        ("GRAPH_URL", format!("{}/v1.0", cloud.place.graph_origin())),
        ("AUTODISCOVER_URL", cloud.place.autodiscover_url()),
        ("EWS_URL", cloud.place.ews_url()),
        ("EXCHANGE_AUDIENCE_HOST", host),
        ("MAILBOX", address(user)),
        ("MAILBOX2", address(second)),
        ("DATA_DIR", data.display().to_string()),
    ];
    if let Some(other) = seeded.get(1)
        && let (Some(application), Some(user)) =
            (other.applications.first(), other.users.iter().find(|user| user.mailbox))
    {
        values.extend([
            ("TENANT2", other.tenant.id.to_string()),
            ("CLIENT2_ID", application.app_id.to_string()),
            ("KEY2_PEM", path(&application.key_file)),
            ("CERT2_PEM", path(&application.certificate_file)),
            ("MAILBOX_T2", address(user)),
        ]);
    }
    Ok(values)
}

fn announce(lab: &Lab, values: &[(&'static str, String)], console: &Console) -> Result<(), Problem> {
    if let Some(file) = &lab.env_file {
        let lines =
            values.iter().map(|(name, value)| format!("{name}={}\n", quoted(value))).collect::<Vec<_>>().concat();
        write_atomically(file, lines.as_bytes())?;
    }
    if let Some(file) = &lab.ready_file {
        let object: Map<String, Value> =
            values.iter().map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
        let text = format!("{:#}\n", Value::Object(object));
        write_atomically(file, text.as_bytes())?;
    }
    let width = values.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let in_file = lab.env_file.is_some() || lab.ready_file.is_some();
    let line = |(name, value): &(&str, String)| {
        // A secret belongs into a file, not onto a screen or into a log of it.
        let shown = if *name == "CLIENT_SECRET" && in_file { "(in the file)" } else { value };
        format!("{name:width$} = {shown}")
    };
    let lines = values.iter().map(line).collect::<Vec<_>>().join("\n");
    console.text(&format!("A whole cloud is running on this machine.\n\n{lines}\n\nctrl-c stops it\n"))
}

/// A value as a shell reads it back.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@=,+".contains(c);
    if value.chars().all(plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', "'\\''")) }
}
