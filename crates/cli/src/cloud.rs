//! The cloud side as one server: token service, Graph and the Exchange-like server behind
//! one HTTPS listener, with certificates of a private authority.
//!
//! They share a process and a database file, and still meet over HTTPS: the Exchange-like
//! server fetches the token service's keys from its published metadata.

mod exchange_identity;
pub(crate) mod fault;
mod health;
pub(crate) mod keys;
mod mailboxes;
mod pki;
mod place;
pub(crate) mod policy;
pub(crate) mod seed;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actas_mailbox::{GraphAddress, Identity, MailboxConfig, MailboxServer, redirect_router};
use actas_runtime::config::{ClientConfig, SigningKeysConfig};
use actas_runtime::hosts::HostEntry;
use actas_runtime::{Config, HttpClient, HttpRequest, Limits, Server, SharedClock, TlsIdentity, listener};
use actas_store::directory::Directory;
use actas_store::sts::{ExchangeTrust, SigningKeys};
use actas_store::{Database, Schema};
use actas_sts::{KeyRing, Policy, Sts, Workload};
use axum::Router;
use http::{StatusCode, Uri};
use jiff::Timestamp;
use tokio::task::JoinHandle;
use tower::Layer;
use tower::util::MapRequestLayer;

use crate::metadata::OverHttps;
use crate::problem::Problem;
use crate::workplace::{self, make_folder};
pub(crate) use mailboxes::Mailboxes;
pub(crate) use place::Place;

/// The cloud's database in its folder.
pub(crate) const DATABASE_FILE: &str = "cloud.db";
/// The authority's certificate in the cloud's folder.
pub(crate) const CA_FILE: &str = "tls/ca.cer";
/// How long connections may take to end.
const GRACE: Duration = Duration::from_secs(10);
/// How often it is looked whether signing keys are due.
const MAINTAINED_EVERY: Duration = Duration::from_hours(1);
/// How often it is looked whether files are there that no item names.
const SWEPT_EVERY: Duration = Duration::from_mins(1);
/// How often it is looked whether another process rolled them, such as a command.
pub(crate) const FOLLOWED_EVERY: Duration = Duration::from_secs(5);

/// How to run a cloud.
pub(crate) struct Plan {
    /// Where it keeps its data.
    pub(crate) folder: PathBuf,
    /// Where HTTPS is answered; port 0 picks one.
    pub(crate) listen: SocketAddr,
    /// Where plain HTTP is answered with redirects.
    pub(crate) http_listen: Option<SocketAddr>,
    /// Under which names it is reached.
    pub(crate) place: Place,
    /// Policy of the token service.
    pub(crate) policy: Policy,
    /// The PKCS#11 token for its private keys, if there is one.
    pub(crate) signing_keys: Option<SigningKeysConfig>,
    pub(crate) mailboxes: Mailboxes,
    /// How partners' metadata is reached.
    pub(crate) client: ClientConfig,
    pub(crate) clock: SharedClock,
}

/// A running cloud. Dropping it stops it at once.
pub(crate) struct Cloud {
    pub(crate) folder: PathBuf,
    pub(crate) address: SocketAddr,
    pub(crate) http_address: Option<SocketAddr>,
    pub(crate) place: Place,
    pub(crate) directory: Directory,
    pub(crate) trust: ExchangeTrust,
    pub(crate) database: Database,
    /// Reaches the cloud by its own names, over its own TLS.
    pub(crate) http: HttpClient,
    clock: SharedClock,
    sts: Sts,
    servers: Vec<Server>,
    asks_clients: bool,
    _maintenance: [Stopped; 2],
}

/// A task that ends when this is dropped.
struct Stopped(JoinHandle<()>);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.abort();
    }
}

// === impl Cloud ===

impl Cloud {
    /// Starts everything and comes back when it is listening.
    pub(crate) async fn start(plan: Plan) -> Result<Self, Problem> {
        make_folder(&plan.folder)?;
        let now = plan.clock.now();
        let folder = plan.folder.clone();
        // Its key takes a while to make, the first time.
        let exchange = tokio::task::spawn_blocking(move || exchange_identity::certificate(&folder, now));
        let database = Database::open(&plan.folder.join(DATABASE_FILE), Schema::Cloud)?;
        let bound = bind(plan.listen)?;
        let bound_http = plan.http_listen.map(bind).transpose()?;
        let address = bound.local_addr();
        let http_address = bound_http.as_ref().map(listener::BoundListener::local_addr);
        let place = plan.place.at(address);

        let asks_clients = plan.policy.tls_client_auth;
        let mut mailbox_config = mailbox_config(&place, plan.mailboxes);
        mailbox_config.require_dpop_nonce = plan.policy.require_dpop_nonce;
        let identity = identity(&plan.folder, &place, asks_clients, now)?;
        let http = own_client(&plan.folder, &place, address, plan.client)?;
        make_folder(&keys::folder(&plan.folder))?;
        let signing_keys = SigningKeys::new(database.clone());
        let key_place = keys::place(&plan.folder, plan.signing_keys.as_ref()).await?;
        let keys = KeyRing::load_or_make(&signing_keys, key_place, plan.policy.signing_key_kind, now).await?;
        let exchange = exchange.await.map_err(|error| Problem::failed("a task failed").because(&error))??;
        mailbox_config.identity = Some(Identity { certificate: exchange.der().to_vec(), realm: None });
        let directory = Directory::new(database.clone());
        let sts = Sts::new(directory.clone(), keys, place.origins.clone(), plan.policy, plan.clock.clone());
        let mailbox = MailboxServer::new(
            database.clone(),
            mailbox_config,
            Arc::new(OverHttps::new(http.clone())),
            plan.clock.clone(),
        );

        let maintenance = [maintained(sts.clone(), plan.clock.clone()), swept(mailbox.clone())];
        // One origin for Graph, in front of the directory and of mail.
        let mail = Workload {
            serves: MailboxServer::serves_graph,
            router: mailbox.graph_router(),
            openapi: MailboxServer::graph_openapi(),
        };
        let router = sts.router_beside(mail).merge(mailbox.router()).merge(health::router(directory.clone()));
        let limits = Limits::default();
        let mut servers = vec![listener::serve_tls(bound, with_single_slashes(router), identity, &limits)?];
        if let Some(bound) = bound_http {
            servers.push(listener::serve_plain(bound, redirect_router(&place.autodiscover_base), &limits)?);
        }
        Ok(Self {
            trust: ExchangeTrust::new(database.clone()),
            folder: plan.folder,
            address,
            http_address,
            place,
            directory,
            database,
            http,
            clock: plan.clock,
            sts,
            servers,
            asks_clients,
            _maintenance: maintenance,
        })
    }

    /// The authority's certificate: what clients have to trust.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.join(CA_FILE)
    }

    /// The clock that the cloud goes by.
    pub(crate) fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// Entries by which the cloud's names lead to its listeners.
    pub(crate) fn host_entries(&self) -> Result<Vec<HostEntry>, Problem> {
        self.place.host_entries(self.address, self.http_address)
    }

    /// Whether it answers over its own names.
    pub(crate) async fn check_ready(&self) -> Result<(), Problem> {
        let url = format!("{}/readyz", self.place.origin());
        let response = self.http.send(HttpRequest::get(url.as_str())).await;
        let response = response.map_err(|error| Problem::failed(format!("`{url}` does not answer")).because(&error))?;
        if response.status == StatusCode::OK {
            Ok(())
        } else {
            Err(Problem::failed(format!("`{url}` answers {}", response.status)))
        }
    }

    /// Goes by another policy from the next request on.
    pub(crate) fn set_policy(&self, policy: Policy) {
        self.sts.set_policy(policy);
    }

    /// Takes a new certificate for TLS into use.
    pub(crate) fn reload_certificate(&self) -> Result<(), Problem> {
        let identity = identity(&self.folder, &self.place, self.asks_clients, self.clock.now())?;
        self.servers[0].replace_identity(identity).map_err(Problem::from)
    }

    /// Lets requests under way end, and stops.
    pub(crate) async fn stop(self) -> Result<(), Problem> {
        for server in self.servers {
            server.stop(GRACE).await?;
        }
        Ok(())
    }
}

/// What it presents in TLS, and whether it asks clients for a certificate of theirs.
fn identity(
    folder: &std::path::Path,
    place: &Place,
    asks_clients: bool,
    now: Timestamp,
) -> Result<TlsIdentity, Problem> {
    let identity = pki::server_identity(folder, &place.tls_names(), now)?;
    Ok(if asks_clients { identity.asking_clients() } else { identity })
}

/// Rolls the token service's signing keys when they are due, and takes up what a command
/// did to them, for as long as it runs.
fn maintained(sts: Sts, clock: SharedClock) -> Stopped {
    Stopped(tokio::spawn(async move {
        let mut follows = true;
        loop {
            if let Err(error) = sts.maintain(clock.now()).await {
                tracing::error!(%error, "the signing keys could not be maintained; they stay as they are");
            }
            for _ in 0..MAINTAINED_EVERY.as_secs() / FOLLOWED_EVERY.as_secs() {
                tokio::time::sleep(FOLLOWED_EVERY).await;
                match sts.follow_signing_keys().await {
                    Ok(changed) => {
                        follows = true;
                        if changed {
                            tracing::info!("the signing keys were changed by another process, and taken up");
                        }
                    }
                    // Told once, not every few seconds.
                    Err(error) if follows => {
                        follows = false;
                        tracing::error!(%error, "the signing keys cannot be looked at; they stay as they are");
                    }
                    Err(_) => {}
                }
            }
        }
    }))
}

/// Removes what was uploaded for items that never came or are gone, for as long as it runs.
fn swept(mailbox: MailboxServer) -> Stopped {
    Stopped(tokio::spawn(async move {
        loop {
            match mailbox.sweep().await {
                // There may be more.
                Ok(removed) if removed > 0 => tracing::debug!(removed, "files that no item names were removed"),
                Ok(_) => tokio::time::sleep(SWEPT_EVERY).await,
                Err(error) => {
                    tracing::error!(%error, "files that no item names cannot be removed; they stay for now");
                    tokio::time::sleep(SWEPT_EVERY).await;
                }
            }
        }
    }))
}

fn bind(address: SocketAddr) -> Result<listener::BoundListener, Problem> {
    Ok(listener::bind(address)?)
}

impl From<actas_runtime::ListenError> for Problem {
    fn from(error: actas_runtime::ListenError) -> Self {
        Self::failed(error.to_string()).hint(error.hint())
    }
}

fn mailbox_config(place: &Place, mailboxes: Mailboxes) -> MailboxConfig {
    let mut config = MailboxConfig::new(place.exchange_hosts.clone(), place.ews_url(), place.autodiscover_url());
    config.port = place.port;
    config.quota_bytes = mailboxes.quota_bytes.unwrap_or(config.quota_bytes);
    config.item_bytes_max = mailboxes.item_bytes.unwrap_or(config.item_bytes_max);
    config.rates.by_mailbox = mailboxes.rate.unwrap_or(config.rates.by_mailbox);
    config.elsewhere = mailboxes.elsewhere;
    config.graph = Some(GraphAddress { origins: place.graph_origins(), authority: place.origin().to_owned() });
    config.authorization_uri = Some(format!("{}/common/oauth2/authorize", place.origin()));
    config
}

/// A client that dials the cloud's own listener by the cloud's own names, and others as
/// configured.
fn own_client(
    folder: &std::path::Path,
    place: &Place,
    address: SocketAddr,
    mut client: ClientConfig,
) -> Result<HttpClient, Problem> {
    let hosts = &mut client.hosts;
    for entry in place.host_entries(address, None)? {
        hosts.add(entry).map_err(|error| Problem::failed(error.to_string()))?;
    }
    let config = Config { client, ..Config::default() };
    workplace::http(&config, &[folder.join(CA_FILE)])
}

/// Some clients write `//` where they join an address and a path.
fn with_single_slashes(router: Router) -> Router {
    let collapse = MapRequestLayer::new(|mut request: axum::extract::Request| {
        if request.uri().path().contains("//") {
            let mut path = request.uri().path().to_owned();
            while path.contains("//") {
                path = path.replace("//", "/");
            }
            if let Some(query) = request.uri().query() {
                path = format!("{path}?{query}");
            }
            if let Ok(uri) = Uri::try_from(path) {
                *request.uri_mut() = uri;
            }
        }
        request
    });
    Router::new().fallback_service(collapse.layer(router))
}
