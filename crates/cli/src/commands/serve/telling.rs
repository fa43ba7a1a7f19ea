//! Who is told of events beside the event log, as the configuration says.

use std::path::Path;
use std::sync::Arc;

use actas_agent::{Agent, Outlet};
use actas_certificate::file;
use actas_runtime::config::{EventsConfig, SystemLog};
use actas_runtime::event::{self, Dialect, LinesSink, SystemLogSink, Webhook};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::problem::Problem;
use crate::workplace::Workplace;

/// Events on their way to who is told beside the event log.
pub(super) struct Telling {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

// === impl Telling ===

impl Telling {
    /// Tells events from now on.
    pub(super) async fn start(agent: &Agent, config: &EventsConfig, workplace: &Workplace) -> Result<Self, Problem> {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let behind = agent.end_of_events().await?;
        for outlet in outlets(config, workplace)? {
            tasks.spawn(agent.clone().tell_events(outlet, behind, stopped.clone()));
        }
        Ok(Self { stop, tasks })
    }

    /// Tells the last of them.
    pub(super) async fn stop(&mut self) {
        // The tasks hold the receivers.
        let _ = self.stop.send(true);
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a task that tells events failed");
            }
        }
    }
}

/// Who is told of events.
fn outlets(config: &EventsConfig, workplace: &Workplace) -> Result<Vec<Outlet>, Problem> {
    let mut outlets = Vec::new();
    if let Some(log) = config.system_log {
        let (path, dialect) = match log {
            SystemLog::Journald => (event::JOURNALD, Dialect::Journald),
            SystemLog::Syslog => (event::SYSLOG, Dialect::Syslog),
        };
        let sink = SystemLogSink::new(Path::new(path), dialect).map_err(|error| {
            Problem::failed(format!("nobody listens at `{path}` for events"))
                .because(&error)
                .hint("start the machine's log, or take `system_log` out of `[onprem.events]`")
        })?;
        outlets.push(Outlet::Sink(Arc::new(sink)));
    }
    if config.stdout {
        let sink = LinesSink::new(Box::new(std::io::stdout()))
            .map_err(|error| Problem::failed("events cannot be written as lines").because(&error))?;
        outlets.push(Outlet::Sink(Arc::new(sink)));
    }
    if let Some(webhook) = &config.webhook {
        let url = webhook.url.parse::<url::Url>().ok();
        let loopback = |url: &url::Url| match url.host() {
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            _ => false,
        };
        if !url.is_some_and(|url| url.scheme() == "https" || (url.scheme() == "http" && loopback(&url))) {
            return Err(Problem::failed(format!(
                "`url = \"{}\"` of `[onprem.events.webhook]` is not https",
                webhook.url
            ))
            .hint("events name mailboxes: write an `https` URL, or `http` with an address of this machine"));
        }
        let token = webhook.token_file.as_deref().map(file::read_secret).transpose()?;
        let token = token.map(|token| token.to_string());
        outlets.push(Outlet::Webhook(Webhook::new(workplace.http()?, &webhook.url, token)));
    }
    Ok(outlets)
}
