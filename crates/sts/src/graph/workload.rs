//! Resources of Graph that another server serves under the same origin: Graph is one address
//! in front of many services, of which the directory is one.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::Value;
use tower::ServiceExt;

use crate::Sts;

/// What another server serves, such as mail.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Whether a path such as `/v1.0/users/…/messages` is one of its own.
    pub serves: fn(&str) -> bool,
    /// Serves it: all that those paths answer, and who may ask, is its own affair.
    pub router: Router,
    /// What it serves, as an OpenAPI document, whose paths and schemas join the directory's.
    pub openapi: Value,
}

/// The directory, and what is served beside it.
#[derive(Clone)]
pub(crate) struct Graph {
    pub(super) sts: Sts,
    workload: Option<Arc<Workload>>,
}

// === impl Graph ===

impl Graph {
    pub(crate) fn new(sts: Sts, workload: Option<Workload>) -> Self {
        Self { sts, workload: workload.map(Arc::new) }
    }

    /// The workload that a path belongs to.
    pub(super) fn beside(&self, path: &str) -> Option<&Workload> {
        self.workload.as_deref().filter(|workload| (workload.serves)(path))
    }

    /// The document of the directory, with that of the workload in it.
    pub(super) fn document(&self, mut own: Value) -> Value {
        let Some(workload) = &self.workload else { return own };
        for place in ["/paths", "/components/schemas"] {
            let theirs = workload.openapi.pointer(place).and_then(Value::as_object).cloned();
            if let (Some(own), Some(theirs)) = (own.pointer_mut(place).and_then(Value::as_object_mut), theirs) {
                own.extend(theirs);
            }
        }
        own
    }
}

impl FromRef<Graph> for Sts {
    fn from_ref(graph: &Graph) -> Self {
        graph.sts.clone()
    }
}

// === impl Workload ===

impl Workload {
    pub(super) async fn answer(&self, request: Request) -> Response {
        match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(impossible) => match impossible {},
        }
    }
}

/// Hands a request on to the workload whose it is.
pub(super) async fn dispatch(State(graph): State<Graph>, request: Request, next: Next) -> Response {
    match graph.beside(request.uri().path()) {
        Some(workload) => workload.answer(request).await,
        None => next.run(request).await,
    }
}
