//! The HTTP intake of the Storage Service: `POST /storage/v1/items` and
//! `GET /storage/v1/items/{key}`, and beside them `GET /metrics`.
//!
//! Nobody gets in without a token, from this machine or another. An answer is given
//! after the item is on disk, and the same key with the same contents has the same
//! answer, so that a submitter that heard nothing sends again.

mod answer;
mod door;
mod item;
mod multipart;
mod token;

use std::sync::Arc;
use std::time::Duration;

use actas_store::queue::Put;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit};

use self::answer::{Outcome, accepted, refused_item, shown};
use crate::Agent;
use crate::item::StorageItem;

pub(crate) use self::answer::Refusal;
pub(crate) use self::item::Submitted;
pub(crate) use self::multipart::Upload;
pub use self::token::{IntakeToken, NewIntakeToken};

/// The most bytes of a request's JSON, files in it included.
const JSON_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The most bytes of the JSON beside files in parts of their own.
const FORM_JSON_BYTES_MAX: usize = 1024 * 1024;
/// The most items of a request.
const ITEMS_MAX: usize = 1_000;
/// JSON that is in memory at once, over all requests, in units of 1 KiB.
const MEMORY_UNITS: usize = 64 * 1024;
/// How long a request waits for memory.
const MEMORY_PATIENCE: Duration = Duration::from_secs(30);
const KEY: &str = "idempotency-key";

/// What handlers share.
#[derive(Clone)]
struct Intake {
    agent: Agent,
    memory: Arc<Semaphore>,
}

/// The routes of the intake.
pub fn router(agent: Agent) -> Router {
    let intake = Intake { agent, memory: Arc::new(Semaphore::new(MEMORY_UNITS)) };
    Router::new()
        .route("/storage/v1/items", post(put))
        .route("/storage/v1/items/{key}", get(show))
        .route("/metrics", get(metrics))
        // The handlers bound what they read themselves, part by part.
        .layer(DefaultBodyLimit::disable())
        .with_state(intake)
}

async fn show(State(intake): State<Intake>, Path(key): Path<String>, headers: HeaderMap) -> Response {
    let found = async {
        intake.agent.check_bearer(&headers).await?;
        let found = intake.agent.queue().get(&key).await.map_err(|error| Refusal::of_store(&error))?;
        found.ok_or_else(|| {
            Refusal::new(StatusCode::NOT_FOUND, "NoSuchItem", format!("there is no item with the key `{key}`"))
        })
    };
    match found.await {
        Ok(item) => axum::Json(shown(&item)).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn metrics(State(intake): State<Intake>, headers: HeaderMap) -> Response {
    let told = async {
        intake.agent.check_bearer(&headers).await?;
        intake.agent.metrics().await.map_err(|error| Refusal::of_agent(&error))
    };
    match told.await {
        Ok(text) => ([(CONTENT_TYPE, crate::metrics::MEDIA_TYPE)], text).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn put(State(intake): State<Intake>, request: Request) -> Response {
    match intake.put(request).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

// === impl Intake ===

impl Intake {
    async fn put(&self, request: Request) -> Result<Response, Refusal> {
        self.agent.check_bearer(request.headers()).await?;
        self.agent.check_room().await?;
        let key = match request.headers().get(KEY) {
            Some(value) => {
                Some(value.to_str().map_err(|_| Refusal::invalid("the Idempotency-Key is not ASCII"))?.to_owned())
            }
            None => None,
        };
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/json" => self.put_json(request, key.as_deref()).await,
            "multipart/form-data" => self.put_multipart(request, key.as_deref()).await,
            _ => Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "MediaType",
                format!("`{kind}` is not taken; send application/json, or multipart/form-data with files"),
            )),
        }
    }

    /// Memory for a body, before any of it is read.
    async fn memory(&self, headers: &HeaderMap, bytes_max: usize) -> Result<SemaphorePermit<'_>, Refusal> {
        let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        let bytes = declared.unwrap_or(bytes_max);
        if bytes > bytes_max {
            return Err(Refusal::too_large(bytes_max));
        }
        let units = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX);
        match tokio::time::timeout(MEMORY_PATIENCE, self.memory.acquire_many(units)).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "Busy", "too much is being handed in at once")
                .retry_after(1)),
        }
    }

    async fn put_json(&self, request: Request, key: Option<&str>) -> Result<Response, Refusal> {
        let permit = self.memory(request.headers(), JSON_BYTES_MAX).await?;
        let bytes = read_json(request.into_body()).await?;
        let batch = Batch::read(&bytes, key, self.agent.clock().now())?;
        drop(bytes);
        let mut prepared = Vec::with_capacity(batch.items.len());
        for submitted in batch.items {
            prepared.push(self.with_inline_files(submitted).await?);
        }
        let answer = self.accept(prepared, batch.single).await;
        drop(permit);
        answer
    }

    async fn put_multipart(&self, request: Request, key: Option<&str>) -> Result<Response, Refusal> {
        let form = Multipart::from_request(request, &()).await;
        let mut form = form.map_err(|error| Refusal::invalid(error.body_text()))?;
        let permit = self.memory(&HeaderMap::new(), FORM_JSON_BYTES_MAX).await?;
        let text = multipart::first(&mut form, FORM_JSON_BYTES_MAX).await?;
        let batch = Batch::read(&text, key, self.agent.clock().now())?;
        let prepared = multipart::receive(&self.agent, form, batch.items).await?;
        let answer = self.accept(prepared, batch.single).await;
        drop(permit);
        answer
    }

    /// Stores the files that stand in the JSON.
    async fn with_inline_files(&self, submitted: Submitted) -> Result<Prepared, Refusal> {
        let item = match submitted.item {
            Ok(item) => item,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if submitted.files.is_empty() {
            return Ok(Ok((item, None)));
        }
        let mut upload = Upload::new(&self.agent);
        for file in submitted.files {
            let Some(content) = file.content else {
                let part = file.part.unwrap_or_default();
                upload.abandon().await;
                let what = format!("the file `{}` names the part `{part}`, and there are no parts", file.name);
                return Ok(Err(
                    Refusal::invalid(what).hint("send multipart/form-data, or put the file's Base64 into `content`")
                ));
            };
            upload.whole(&file.name, &file.content_type, &content).await?;
        }
        Ok(upload.finish(item).await)
    }

    async fn accept(&self, prepared: Vec<Prepared>, single: bool) -> Result<Response, Refusal> {
        let put = self.agent.take_in(&prepared).await?;
        let mut put = put.into_iter();
        let mut outcomes = Vec::with_capacity(prepared.len());
        for prepared in prepared {
            outcomes.push(match prepared {
                Ok((item, _)) => accepted(&item, put.next().unwrap_or(Put::Other)),
                Err(refusal) => refused_item(&refusal),
            });
        }
        Ok(if single {
            one(outcomes)
        } else {
            axum::Json(outcomes.into_iter().map(|outcome| outcome.body).collect::<Vec<_>>()).into_response()
        })
    }
}

/// An item with its upload, or why it is not accepted.
pub(crate) type Prepared = Result<(StorageItem, Option<String>), Refusal>;

fn one(mut outcomes: Vec<Outcome>) -> Response {
    match outcomes.pop() {
        Some(outcome) => (outcome.status, axum::Json(outcome.body)).into_response(),
        None => Refusal::invalid("there is no item").into_response(),
    }
}

/// What a request hands in: one item, or an array of them.
struct Batch {
    items: Vec<Submitted>,
    single: bool,
}

impl Batch {
    fn read(bytes: &[u8], key: Option<&str>, now: Timestamp) -> Result<Self, Refusal> {
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| Refusal::invalid(format!("the body is not JSON: {error}")))?;
        let single = !value.is_array();
        let values = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        if values.is_empty() || values.len() > ITEMS_MAX {
            return Err(Refusal::invalid(format!("there are {} items; 1 to {ITEMS_MAX} are taken", values.len())));
        }
        let key_of = |index: usize| key.map(|key| if single { key.to_owned() } else { format!("{key}/{index}") });
        let items: Vec<Submitted> =
            values.into_iter().enumerate().map(|(index, value)| Submitted::read(value, key_of(index), now)).collect();
        let mut keys: Vec<&str> =
            items.iter().filter_map(|item| item.item.as_ref().ok().map(StorageItem::key)).collect();
        keys.sort_unstable();
        if let Some([twice, _]) = keys.array_windows().find(|[one, other]| one == other) {
            return Err(Refusal::invalid(format!("the key `{twice}` stands twice in one batch")));
        }
        Ok(Self { items, single })
    }
}

async fn read_json(body: Body) -> Result<axum::body::Bytes, Refusal> {
    to_bytes(body, JSON_BYTES_MAX).await.map_err(|_| Refusal::too_large(JSON_BYTES_MAX))
}
