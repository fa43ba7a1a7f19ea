//! The cloud's Exchange-like server: Autodiscover, EWS and Graph mail over a durable mailbox store.
//!
//! Requests are admitted by [`actas_validator`]; what a token was accepted for is carried
//! on, so that every look-up of a user or a mailbox takes the tenant of the token. An item
//! is on disk before it is acknowledged.
//!
//! | module | holds |
//! |---|---|
//! | `serve` | the path of a request: route, admission, operation, answer |
//! | `trust` | whom the server trusts, read anew within a bound |
//! | `admission` | a token to a caller, a caller to the user who acts |
//! | `limit` | how much one caller may ask for |
//! | `audit` | what was accepted and refused |
//! | `arrive`, `content` | large files on their way into the store, and out of it |
//! | `answer` | the one map to HTTP and SOAP |
//! | `autodiscover` | where a mailbox is, in three forms, and who this server is |
//! | `ews` | folders, items, files, searches, changes |
//! | `graph` | the same mailboxes in the shapes of Graph, under its permissions |
//! | `export` | a mailbox item by item, for a copy outside |
//! | `document`, `ids`, `tree` | items, ids and folders as they are stored |
//!
//! **Invariant:** knows nothing of the token service or of the on-premises side; what it
//! learns of issuers it learns from their published metadata.

mod admission;
mod answer;
mod arrive;
mod audit;
mod autodiscover;
mod body;
mod config;
mod content;
mod document;
mod ews;
mod export;
mod graph;
mod ids;
mod limit;
mod mime;
mod redirect;
mod serve;
mod tree;
mod trust;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use actas_directory::User;
use actas_directory::well_known;
use actas_runtime::SharedClock;
use actas_store::Database;
use actas_store::directory::Directory;
use actas_store::mailbox::Mailboxes;
use actas_store::sts::ExchangeTrust;
use actas_token::Resource;
use actas_token::dpop::Proofs;
use actas_validator::{MetadataSource, Validator};
use axum::Router;

use crate::audit::AuditLog;
use crate::graph::GraphSide;
use crate::limit::Limits;
use crate::trust::{TrustSource, Trusted};

pub use crate::config::{Elsewhere, FaultKind, GraphAddress, Identity, MailboxConfig, Rates};
pub use crate::export::{Export, ExportError, ExportFolder, ExportedItem, write_mbox};
pub use crate::redirect::redirect_router;
pub use crate::tree::ensure_mailbox;

/// The Exchange-like server. Cheap to clone; all clones are one server.
#[derive(Clone)]
pub struct MailboxServer(Arc<Inner>);

struct Inner {
    config: MailboxConfig,
    directory: Directory,
    exchange: ExchangeTrust,
    mailboxes: Mailboxes,
    validator: Validator,
    /// Proofs of possession, and those that were used.
    proofs: Proofs,
    limits: Limits,
    trust: TrustSource,
    audit: AuditLog,
    faults: Mutex<HashMap<String, FaultKind>>,
    graph: Option<GraphSide>,
    clock: SharedClock,
}

/// The application permission that lets an application into every mailbox of its tenant.
const FULL_ACCESS: &str = "full_access_as_app";

// === impl MailboxServer ===

impl MailboxServer {
    /// A server over a cloud database.
    ///
    /// Whom it trusts is what the database says; issuers' keys come from `metadata`.
    pub fn new(
        database: Database,
        config: MailboxConfig,
        metadata: Arc<dyn MetadataSource>,
        clock: SharedClock,
    ) -> Self {
        let resource = Resource {
            app_id: well_known::EXCHANGE,
            hosts: config.hosts.clone(),
            app_role: Some(FULL_ACCESS.to_owned()),
            port: config.port,
        };
        let graph =
            config.graph.as_ref().map(|address| GraphSide::new(address, &config, database.clone(), metadata.clone()));
        let validator = Validator::new(resource, config.limits, metadata);
        let trust = TrustSource::new(Trusted::Registered, database.clone(), validator.clone(), config.trust_refresh);
        let origins = config.origins();
        let proofs = Proofs::new(origins.iter().map(String::as_str), config.require_dpop_nonce);
        Self(Arc::new(Inner {
            proofs,
            limits: Limits::new(&config.rates, config.anonymous_requests_max),
            trust,
            graph,
            audit: AuditLog::new(Directory::new(database.clone())),
            directory: Directory::new(database.clone()),
            exchange: ExchangeTrust::new(database.clone()),
            mailboxes: Mailboxes::new(database),
            faults: Mutex::default(),
            config,
            validator,
            clock,
        }))
    }

    /// Autodiscover and EWS. Paths match in any case, since clients spell them in many;
    /// every other path is 404.
    ///
    /// But for the metadata document it is one fallback: merge it with routers that have none.
    pub fn router(&self) -> Router {
        serve::router(self.clone())
    }

    /// Mail in the shapes of Graph, below `/v1.0`; every other path is refused in the same
    /// shapes.
    pub fn graph_router(&self) -> Router {
        graph::router(self.clone())
    }

    /// Whether a path below `/v1.0` is one that [`MailboxServer::graph_router`] serves.
    pub fn serves_graph(path: &str) -> bool {
        graph::serves(path)
    }

    /// What [`MailboxServer::graph_router`] serves, as an OpenAPI document.
    pub fn graph_openapi() -> serde_json::Value {
        graph::document()
    }

    /// Makes EWS and Graph fail for the mailbox with this address until it is told otherwise, so
    /// that a client's patience can be tested.
    pub fn set_fault(&self, address: &str, fault: Option<FaultKind>) {
        let mut faults = self.0.faults.lock().unwrap_or_else(PoisonError::into_inner);
        match fault {
            Some(fault) => faults.insert(address.to_lowercase(), fault),
            None => faults.remove(&address.to_lowercase()),
        };
    }
}

impl Inner {
    /// The fault that is in place for a user.
    fn fault_of(&self, user: &User) -> Option<FaultKind> {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if faults.is_empty() {
            return None;
        }
        admission::smtp_addresses(user).find_map(|address| faults.get(&address).copied())
    }
}

impl std::fmt::Debug for MailboxServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MailboxServer({})", self.0.config.ews_url)
    }
}
