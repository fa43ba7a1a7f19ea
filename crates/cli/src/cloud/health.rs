//! Liveness and readiness.

use actas_store::directory::Directory;
use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::StatusCode;

/// `/healthz`: the process answers. `/readyz`: so does its database.
pub(super) fn router(directory: Directory) -> Router {
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready)).with_state(directory)
}

async fn ready(State(directory): State<Directory>) -> (StatusCode, &'static str) {
    match directory.tenants().await {
        Ok(_) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::error!(%error, "the directory cannot be read");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    }
}
