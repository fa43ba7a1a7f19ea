//! `actas serve`: the servers that the configuration names.

mod telling;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use actas_agent::source::{self, Sources};
use actas_agent::{Agent, Deliverer, DeliveryOptions, Maintenance, RenewOptions, RenewStage, Use, intake};
use actas_runtime::config::{
    ClientConfig, CloudConfig, DeliveryConfig, EventsConfig, IdProfile, OnpremConfig, SourcesConfig, TokenServiceConfig,
};
use actas_runtime::{HttpClient, Limits, Server, SystemClock, TlsIdentity, listener};
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::StatusCode;
use jiff::SignedDuration;
use sd_notify::NotifyState;
use serde_json::{Map, Value};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use self::telling::Telling;
use crate::app::Context;
use crate::arguments::serve::{Profile, Role, Serve};
use crate::cloud::seed::Seed;
use crate::cloud::{Cloud, Mailboxes, Place, Plan, policy};
use crate::output::Console;
use crate::problem::Problem;
use crate::signals;
use crate::workplace::{self, CLOUD_FOLDER, ONPREM_FOLDER, Workplace, make_folder, write_atomically};

/// How long connections may take to end.
const GRACE: Duration = Duration::from_secs(10);
/// How often the certificate's end is looked at.
const RENEWAL_EVERY: Duration = Duration::from_mins(10);
/// How long before its end a certificate is renewed.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_hours(24 * 30);
/// The longest life of tokens and caches of those who validate, and an hour.
const RETIRE_AFTER: SignedDuration = SignedDuration::from_hours(25);

/// Runs until told to stop; drains then.
pub(crate) async fn run(serve: Serve, context: &Context) -> Result<(), Problem> {
    let stop = signals::stop()?;
    let mut reload = signals::reload()?;
    let mut running = Running::start(&serve, context).await?;
    context.console.note("ready; SIGTERM stops, SIGHUP reads the configuration again");
    // Outside systemd there is nobody to tell.
    let _ = sd_notify::notify(&[NotifyState::Ready]);
    let mut stopped = std::pin::pin!(stop.wait());
    loop {
        tokio::select! {
            () = &mut stopped => break,
            _ = reload.recv() => {
                match running.reload(&serve, context).await {
                    Ok(()) => context.console.note("the configuration was read again"),
                    // What runs goes on as it was.
                    Err(problem) => context.console.problem(&problem),
                }
            }
        }
    }
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    running.stop().await
}

struct Running {
    cloud: Option<Cloud>,
    /// What the cloud was started with.
    cloud_config: Option<CloudConfig>,
    onprem: Option<OnPremises>,
}

struct OnPremises {
    /// What it goes by: what it was started with, but for what was taken up since.
    config: OnpremConfig,
    server: Server,
    work: Work,
    sources: Sources,
    feeding: Feeding,
    telling: Telling,
}

/// What a changed configuration makes of the on-premises side, whole before anything changes.
struct Next {
    config: OnpremConfig,
    http: HttpClient,
    options: DeliveryOptions,
    identity: Option<TlsIdentity>,
}

/// Sources that come by themselves: the spool folder, and mail.
struct Feeding {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// What an agent does by itself.
struct Work {
    agent: Agent,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

// === impl Running ===

impl Running {
    async fn start(serve: &Serve, context: &Context) -> Result<Self, Problem> {
        let workplace = Workplace::open(&context.global)?;
        let (cloud_config, onprem) = roles(serve, &workplace)?;
        let mut values = Map::new();
        let cloud = match &cloud_config {
            Some(config) => {
                let cloud = start_cloud(config, &workplace.config.client, &context.console).await?;
                values.insert("CLOUD_URL".to_owned(), cloud.place.origin().into());
                values.insert("CLOUD_LISTEN".to_owned(), cloud.address.to_string().into());
                values.insert("CA_PEM".to_owned(), cloud.ca_file().display().to_string().into());
                if let Some(address) = cloud.http_address {
                    values.insert("HTTP_URL".to_owned(), format!("http://{address}").into());
                }
                Some(cloud)
            }
            None => None,
        };
        let onprem = match onprem {
            Some(config) => {
                let onprem = OnPremises::start(&config, serve.id_profile, &workplace, &context.console).await?;
                let scheme = if config.certificate_file.is_some() { "https" } else { "http" };
                let address = onprem.server.local_addr();
                values.insert("ONPREM_URL".to_owned(), format!("{scheme}://{address}").into());
                Some(onprem)
            }
            None => None,
        };
        values.insert("DATA_DIR".to_owned(), workplace.data.display().to_string().into());
        for (name, value) in &values {
            context.console.note(&format!("{name} = {}", value.as_str().unwrap_or_default()));
        }
        if let Some(file) = &serve.ready_file {
            write_atomically(file, format!("{:#}\n", Value::Object(values)).as_bytes())?;
        }
        Ok(Self { cloud, cloud_config, onprem })
    }

    async fn reload(&mut self, serve: &Serve, context: &Context) -> Result<(), Problem> {
        let workplace = Workplace::open(&context.global)?;
        let (cloud_config, onprem_config) = roles(serve, &workplace)?;
        let next = match (&self.onprem, onprem_config) {
            (Some(onprem), Some(config)) => Some(onprem.prepare(config, &workplace)?),
            _ => None,
        };
        if let (Some(cloud), Some(config)) = (&self.cloud, cloud_config) {
            cloud.reload_certificate()?;
            apply_seed(cloud, &config).await?;
            cloud.set_policy(policy::with_tenants(&config, &cloud.directory).await?);
            let waiting = self.cloud_config.as_ref().map(|started| need_a_restart(started, &config));
            for key in waiting.into_iter().flatten() {
                context.console.warning(&format!("`{key}` of `[cloud]` was changed; that takes effect with a restart"));
            }
        }
        if let (Some(onprem), Some(next)) = (&mut self.onprem, next) {
            for key in onprem.need_a_restart(&next.config) {
                context
                    .console
                    .warning(&format!("`{key}` of `[onprem]` was changed; that takes effect with a restart"));
            }
            onprem.take(next, serve.id_profile).await?;
        }
        Ok(())
    }

    async fn stop(self) -> Result<(), Problem> {
        if let Some(mut onprem) = self.onprem {
            onprem.feeding.stop().await;
            onprem.work.stop().await;
            onprem.server.stop(GRACE).await?;
            onprem.telling.stop().await;
        }
        if let Some(cloud) = self.cloud {
            cloud.stop().await?;
        }
        Ok(())
    }
}

/// The keys of `[cloud]` that differ and are read when it starts.
fn need_a_restart(started: &CloudConfig, now: &CloudConfig) -> Vec<&'static str> {
    let differs = [
        ("listen", started.listen != now.listen),
        ("http_listen", started.http_listen != now.http_listen),
        ("public_origin", started.public_origin != now.public_origin),
        ("data", started.data != now.data),
        ("tls_client_auth", started.tls_client_auth != now.tls_client_auth),
        ("mailbox_quota_bytes", started.mailbox_quota_bytes != now.mailbox_quota_bytes),
        ("mailbox_item_bytes", started.mailbox_item_bytes != now.mailbox_item_bytes),
        ("mailbox_rate", started.mailbox_rate != now.mailbox_rate),
        ("elsewhere", started.elsewhere != now.elsewhere),
        ("signing_keys", started.signing_keys != now.signing_keys),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}

/// What to run: the side that was asked for, or what the configuration names.
fn roles(serve: &Serve, workplace: &Workplace) -> Result<(Option<CloudConfig>, Option<OnpremConfig>), Problem> {
    let config = &workplace.config;
    let (cloud, onprem) = match serve.role {
        Some(Role::Cloud) => (Some(config.cloud.clone().map_or_else(|| default_cloud(workplace), Ok)?), None),
        Some(Role::Onprem) => (None, Some(config.onprem.clone().unwrap_or_else(|| default_onprem(workplace)))),
        None => (config.cloud.clone(), config.onprem.clone()),
    };
    if cloud.is_none() && onprem.is_none() {
        return Err(Problem::failed("the configuration names neither a cloud nor an on-premises side")
            .hint("`actas serve cloud` and `actas serve onprem` run one with its defaults; or write `[cloud]` or `[onprem]` into the file that `--config` names"));
    }
    Ok((cloud, onprem))
}

fn default_cloud(workplace: &Workplace) -> Result<CloudConfig, Problem> {
    let public_origin = "https://localhost:8443"
        .parse()
        .map_err(|error| Problem::failed("the default origin is not one").because(&error))?;
    Ok(CloudConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 8443)),
        http_listen: None,
        public_origin,
        data: workplace.data.join(CLOUD_FOLDER),
        seed_file: None,
        tls_client_auth: false,
        require_dpop_nonce: false,
        mailbox_quota_bytes: None,
        mailbox_item_bytes: None,
        mailbox_rate: None,
        elsewhere: BTreeMap::new(),
        token_service: TokenServiceConfig::default(),
        signing_keys: None,
    })
}

fn default_onprem(workplace: &Workplace) -> OnpremConfig {
    OnpremConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 8480)),
        data: workplace.data.join(ONPREM_FOLDER),
        certificate_file: None,
        key_file: None,
        delivery: DeliveryConfig::default(),
        sources: SourcesConfig::default(),
        events: EventsConfig::default(),
    }
}

async fn start_cloud(config: &CloudConfig, client: &ClientConfig, console: &Console) -> Result<Cloud, Problem> {
    let plan = Plan {
        folder: config.data.clone(),
        listen: config.listen,
        http_listen: config.http_listen,
        place: Place::public(config.public_origin.clone()),
        policy: policy::configured(config),
        signing_keys: config.signing_keys.clone(),
        mailboxes: Mailboxes::configured(config)?,
        client: client.clone(),
        clock: SystemClock::shared(),
    };
    let cloud = Cloud::start(plan).await?;
    let applications = apply_seed(&cloud, config).await?;
    // The tenants that it names may have come with the seed.
    cloud.set_policy(policy::with_tenants(config, &cloud.directory).await?);
    for (app_id, certificate_file, key_file, tenant) in applications {
        console.note(&format!(
            "sign in with: actas Connect-MsolService --graph-url {0} --authority {0} --ca-file {1} -TenantId {tenant} -ClientId {app_id} -CertificateFile {2} -KeyFile {3}",
            cloud.place.origin(),
            cloud.ca_file().display(),
            certificate_file.display(),
            key_file.display(),
        ));
    }
    if cloud.directory.tenants().await?.is_empty() {
        console.warning(
            "the directory has no tenant; name a file with tenants, users and applications as `seed_file` of `[cloud]`",
        );
    }
    Ok(cloud)
}

type Application = (uuid::Uuid, PathBuf, PathBuf, String);

async fn apply_seed(cloud: &Cloud, config: &CloudConfig) -> Result<Vec<Application>, Problem> {
    let Some(file) = &config.seed_file else { return Ok(Vec::new()) };
    let seeded = cloud.apply_seed(&Seed::load(file)?).await?;
    let of_tenant = |seeded: crate::cloud::seed::Seeded| {
        let tenant = seeded.tenant.id.to_string();
        seeded.applications.into_iter().map(move |own| (own.app_id, own.certificate_file, own.key_file, tenant.clone()))
    };
    Ok(seeded.into_iter().flat_map(of_tenant).collect())
}

// === impl OnPremises ===

impl OnPremises {
    async fn start(
        config: &OnpremConfig,
        profile: Option<Profile>,
        workplace: &Workplace,
        console: &Console,
    ) -> Result<Self, Problem> {
        make_folder(&config.data)?;
        let options = delivery_options(&config.delivery)?;
        let bound = listener::bind(config.listen)?;
        let agent = Agent::open(&config.data, workplace.http()?, SystemClock::shared())?;
        agent.set_id_profile(id_profile(profile, config));
        let telling = Telling::start(&agent, &config.events, workplace).await?;
        let sources = Sources::new(agent.clone(), &config.sources)?;
        let router = Router::new()
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(ready))
            .route("/metadata/json/1", get(metadata))
            .with_state(agent.clone());
        let identity = identity(config)?;
        // A token that anybody on the way can read would be everybody's.
        let router = if identity.is_some() || bound.local_addr().ip().is_loopback() {
            router.merge(intake::router(agent.clone())).merge(source::router(sources.clone()))
        } else {
            console.warning(&format!(
                "{} is not loopback and has no certificate, so no items are taken there; name one as `certificate_file` of `[onprem]`",
                bound.local_addr()
            ));
            router
        };
        let server = match identity {
            Some(identity) => listener::serve_tls(bound, router, identity, &Limits::default())?,
            None => listener::serve_plain(bound, router, &Limits::default())?,
        };
        let feeding = Feeding::start(&sources)?;
        let config = config.clone();
        Ok(Self { config, server, work: Work::start(agent, options), sources, feeding, telling })
    }

    /// What a configuration asks for, or what is wrong with it.
    fn prepare(&self, config: OnpremConfig, workplace: &Workplace) -> Result<Next, Problem> {
        let (http, options) = (workplace.http()?, delivery_options(&config.delivery)?);
        self.sources.check(&config.sources)?;
        Ok(Next { http, options, identity: identity(&config)?, config })
    }

    /// The keys of `[onprem]` that differ and are read when it starts.
    fn need_a_restart(&self, next: &OnpremConfig) -> Vec<&'static str> {
        let (own, events) =
            (&self.config, EventsConfig { id_profile: next.events.id_profile, ..self.config.events.clone() });
        let differs = [
            ("listen", own.listen != next.listen),
            ("data", own.data != next.data),
            ("certificate_file", own.certificate_file.is_some() != next.certificate_file.is_some()),
            ("events", events != next.events),
        ];
        differs.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
    }

    /// Goes by another configuration. Whoever hands items in is answered meanwhile.
    async fn take(&mut self, next: Next, profile: Option<Profile>) -> Result<(), Problem> {
        self.feed_by(&next.config.sources).await?;
        if let Some(identity) = next.identity.filter(|_| self.config.certificate_file.is_some()) {
            self.server.replace_identity(identity)?;
        }
        self.work.stop().await;
        let agent = self.work.agent.with_client(next.http);
        agent.set_id_profile(id_profile(profile, &next.config));
        self.work = Work::start(agent, next.options);
        self.config.events.id_profile = next.config.events.id_profile;
        self.config.delivery = next.config.delivery;
        Ok(())
    }

    /// Goes by other sources; by the old ones again where the new ones cannot be had.
    async fn feed_by(&mut self, next: &SourcesConfig) -> Result<(), Problem> {
        let old = self.config.sources.clone();
        self.sources.replace(next)?;
        // Who mails now need not be turned away for a mapping: it is looked up anew each time.
        if next.spool != old.spool || next.smtp_listen != old.smtp_listen {
            // The port is free for the new one only when the old one has ended.
            self.feeding.stop().await;
            match Feeding::start(&self.sources) {
                Ok(feeding) => self.feeding = feeding,
                Err(problem) => {
                    self.sources.replace(&old)?;
                    self.feeding = Feeding::start(&self.sources)?;
                    return Err(problem);
                }
            }
        }
        self.config.sources = next.clone();
        Ok(())
    }
}

/// The certificate that the on-premises side presents, if it has one.
fn identity(config: &OnpremConfig) -> Result<Option<TlsIdentity>, Problem> {
    let Some(certificate_file) = &config.certificate_file else { return Ok(None) };
    workplace::identity(certificate_file, config.key_file.as_ref()).map(Some)
}

fn delivery_options(config: &DeliveryConfig) -> Result<DeliveryOptions, Problem> {
    let bounded = |name: &str, value: u32, least: u32, most: u32| {
        if (least..=most).contains(&value) {
            return Ok(());
        }
        Err(Problem::failed(format!("`{name} = {value}` of `[onprem.delivery]` is not possible"))
            .hint(format!("give {least} to {most}")))
    };
    bounded("mailboxes_at_once", config.mailboxes_at_once.into(), 1, 1_000)?;
    bounded("retry_first_ms", config.retry_first_ms, 10, 60_000)?;
    bounded("lease_ms", config.lease_ms, 200, 120_000)?;
    Ok(DeliveryOptions {
        mailboxes_at_once: config.mailboxes_at_once.into(),
        retry_first: Duration::from_millis(config.retry_first_ms.into()),
        lease: Duration::from_millis(config.lease_ms.into()),
    })
}

/// Ready means that items can be accepted: the queue can be read.
async fn ready(State(agent): State<Agent>) -> (StatusCode, &'static str) {
    match agent.queue().answers().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(%error, "the queue cannot be read");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    }
}

/// Who this side is when it issues its own tokens.
async fn metadata(State(agent): State<Agent>) -> Result<axum::Json<Value>, StatusCode> {
    match agent.published_metadata().await {
        Ok(document) => document.map(axum::Json).ok_or(StatusCode::NOT_FOUND),
        Err(error) => {
            tracing::error!(%error, "the metadata document cannot be made");
            Err(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// What was asked for, or what the configuration says.
fn id_profile(asked: Option<Profile>, config: &OnpremConfig) -> IdProfile {
    match asked {
        Some(Profile::Seed) => IdProfile::Seed,
        Some(Profile::Article) => IdProfile::Article,
        None => config.events.id_profile,
    }
}

// === impl Feeding ===

impl Feeding {
    fn start(sources: &Sources) -> Result<Self, Problem> {
        let (stop, stopped) = watch::channel(false);
        Ok(Self { stop, tasks: sources.start(&stopped)? })
    }

    /// Lets what is under way end.
    async fn stop(&mut self) {
        // The tasks hold the receivers.
        let _ = self.stop.send(true);
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a source failed");
            }
        }
    }
}

// === impl Work ===

impl Work {
    fn start(agent: Agent, options: DeliveryOptions) -> Self {
        let (stop, stopped) = watch::channel(false);
        let delivery = tokio::spawn(Deliverer::with(agent.clone(), options).run(stopped.clone()));
        let maintenance = tokio::spawn(Maintenance::new(agent.clone()).run(stopped.clone()));
        let metadata = tokio::spawn(agent.clone().keep_metadata_fresh(stopped.clone()));
        let renewal = tokio::spawn(renew_in_time(agent.clone(), stopped));
        Self { agent, stop, tasks: vec![delivery, maintenance, metadata, renewal] }
    }

    /// Lets what is under way end.
    async fn stop(&mut self) {
        // The tasks hold the receivers.
        let _ = self.stop.send(true);
        for task in self.tasks.drain(..) {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the on-premises side failed");
            }
        }
        tracing::debug!(agent = ?self.agent, "stopped");
    }
}

/// Renews the token certificate by itself when its end is near, and finishes a renewal
/// that was begun.
async fn renew_in_time(agent: Agent, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        if let Err(error) = renew_if_due(&agent).await {
            tracing::warn!(%error, "the token certificate could not be renewed");
        }
        tokio::select! {
            () = tokio::time::sleep(RENEWAL_EVERY) => {}
            _ = stop.changed() => {}
        }
    }
}

async fn renew_if_due(agent: &Agent) -> Result<(), actas_agent::Error> {
    let now = agent.clock().now();
    let begun = agent.renewal().await?.is_some_and(|state| state.stage != RenewStage::Retired);
    let slots = agent.certificates().slots(Use::OAuthTokenIssuer, now).await?;
    let ends = slots.current().map(|slot| slot.item.not_after());
    let near = ends.is_some_and(|ends| ends.duration_since(now) < RENEW_BEFORE);
    if !(begun || near) || agent.connection().await?.is_none() {
        return Ok(());
    }
    let graph = agent.graph().await?;
    agent.renew(&graph, &RenewOptions { retire_after: RETIRE_AFTER, next: None }, |_| ()).await.map(drop)
}
