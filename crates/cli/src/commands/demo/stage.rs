//! Where the walk takes place: a cloud with names of its own, an on-premises server, and
//! the customer's Autodiscover name that leads to the cloud without being in its
//! certificate.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use actas_agent::{Agent, Deliverer};
use actas_runtime::config::ClientConfig;
use actas_runtime::{Config, HostTable, SystemClock};
use actas_sts::Policy;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cloud::seed::{Seed, SeedApplication, SeedTenant, SeedUser, Seeded};
use crate::cloud::{Cloud, Mailboxes, Place, Plan};
use crate::problem::Problem;
use crate::workplace::{CLOUD_FOLDER, CONFIG_FILE, ONPREM_FOLDER, http, make_folder, write_atomically};

/// The customer's domain.
pub(super) const DOMAIN: &str = "fabrikam.example";
/// The user whose mailbox is delivered to.
pub(super) const USER: &str = "adele@fabrikam.example";
/// How long one command may take.
const COMMAND_TIMEOUT: Duration = Duration::from_mins(1);

/// Both sides, running.
pub(super) struct Stage {
    pub(super) data: PathBuf,
    pub(super) cloud: Cloud,
    pub(super) agent: Agent,
    pub(super) seeded: Seeded,
    binary: PathBuf,
    stop: watch::Sender<bool>,
    deliverer: JoinHandle<()>,
}

/// What a command said.
pub(super) struct Said {
    pub(super) command: String,
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

// === impl Stage ===

impl Stage {
    pub(super) async fn set(data: &Path) -> Result<Self, Problem> {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let plan = Plan {
            folder: data.join(CLOUD_FOLDER),
            listen: loopback,
            http_listen: Some(loopback),
            place: Place::named(),
            policy: Policy::default(),
            signing_keys: None,
            mailboxes: Mailboxes::default(),
            client: ClientConfig::default(),
            clock: SystemClock::shared(),
        };
        let cloud = Cloud::start(plan).await?;
        let mut seeded = cloud.apply_seed(&seed()?).await?;
        let seeded = seeded.pop().ok_or_else(|| Problem::failed("the seed made no tenant"))?;
        cloud.check_ready().await?;
        let config = write_config(data, &cloud)?;

        let onprem = data.join(ONPREM_FOLDER);
        make_folder(&onprem)?;
        let agent = Agent::open(&onprem, http(&config, &[])?, SystemClock::shared())?;
        let (stop, stopped) = watch::channel(false);
        let deliverer = tokio::spawn(Deliverer::new(agent.clone()).run(stopped));
        let binary = std::env::current_exe()
            .map_err(|error| Problem::failed("this program does not find itself").because(&error))?;
        Ok(Self { data: data.to_owned(), cloud, agent, seeded, binary, stop, deliverer })
    }

    /// Runs one command in a process of its own.
    pub(super) async fn type_in(&self, words: &[&str]) -> Result<Said, String> {
        let data = self.data.display().to_string();
        let mut all: Vec<&str> = words.to_vec();
        all.extend(["--data", data.as_str()]);
        let command = std::iter::once("actas").chain(all.iter().copied()).map(quoted).collect::<Vec<_>>().join(" ");
        let mut process = Command::new(&self.binary);
        process.args(&all).stdin(Stdio::null()).env_remove("ACTAS_DATA").env("NO_COLOR", "1").kill_on_drop(true);
        let output = tokio::time::timeout(COMMAND_TIMEOUT, process.output()).await;
        let output = output
            .map_err(|_| format!("`{command}` did not end"))?
            .map_err(|error| format!("`{command}` did not start: {error}"))?;
        Ok(Said {
            command,
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Stops both sides.
    pub(super) async fn strike(self) -> Result<(), Problem> {
        // The deliverer holds the receiver.
        let _ = self.stop.send(true);
        self.deliverer.await.map_err(|error| Problem::failed("the deliverer failed").because(&error))?;
        self.cloud.stop().await
    }
}

fn seed() -> Result<Seed, Problem> {
    let user = |address: &str, name: &str| SeedUser {
        address: address.to_owned(),
        display_name: Some(name.to_owned()),
        mailbox: true,
        password: None,
        administrator: false,
    };
    let domain = DOMAIN.parse().map_err(|_| Problem::failed(format!("`{DOMAIN}` is not a domain")))?;
    Ok(Seed {
        tenant: vec![SeedTenant {
            id: None,
            display_name: "Fabrikam".to_owned(),
            domains: vec![domain],
            user: vec![user(USER, "Adele Vance"), user("omar@fabrikam.example", "Omar Haddad")],
            application: vec![SeedApplication {
                id: None,
                name: "Directory administrator".to_owned(),
                roles: vec!["Application.ReadWrite.All".to_owned(), "Organization.Read.All".to_owned()],
                public_client: false,
                scopes: Vec::new(),
                exchange_partner: false,
            }],
        }],
    })
}

/// The host table is the customer's split DNS, and the authority that of the cloud.
fn write_config(data: &Path, cloud: &Cloud) -> Result<Config, Problem> {
    let mut hosts = HostTable::default();
    for entry in cloud.host_entries()? {
        hosts.add(entry).map_err(|error| Problem::failed(error.to_string()))?;
    }
    let config = Config { client: ClientConfig { hosts, ca_files: vec![cloud.ca_file()] }, ..Config::default() };
    let text = toml::to_string(&config)
        .map_err(|error| Problem::failed("the configuration cannot be written").because(&error))?;
    write_atomically(&data.join(CONFIG_FILE), text.as_bytes())?;
    Ok(config)
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@=,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
