//! `POST /$batch`: several requests in one, made one after the other under the caller's own
//! token. Each is answered as if it had come alone; they are no transaction.

use axum::body::to_bytes;
use axum::response::Response;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{self, GraphError};
use super::caller::Caller;
use super::handle_again;
use crate::Sts;

/// The most requests in one batch.
pub(super) const REQUESTS_MAX: usize = 20;
/// The largest answer that is put into a batch's, in bytes: a page of principals with all
/// their keys stays below.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

#[derive(Deserialize)]
struct Batch {
    requests: Vec<One>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct One {
    id: String,
    method: String,
    url: String,
    #[serde(default)]
    headers: Map<String, Value>,
    body: Option<Value>,
    #[serde(default)]
    depends_on: Vec<String>,
}

/// Performs a batch; each of its requests looks at the caller again.
pub(super) async fn handle(sts: &Sts, headers: &HeaderMap, body: &[u8]) -> Result<Response, GraphError> {
    Caller::authenticate(sts, headers).await?;
    let batch: Batch = serde_json::from_slice(body)
        .map_err(|error| GraphError::bad_request(format!("Invalid batch payload: {error}.")))?;
    if !(1..=REQUESTS_MAX).contains(&batch.requests.len()) {
        return Err(GraphError::bad_request(format!("A batch has 1 to {REQUESTS_MAX} requests.")));
    }
    for (index, one) in batch.requests.iter().enumerate() {
        if batch.requests[..index].iter().any(|other| other.id == one.id) {
            return Err(GraphError::bad_request("Two requests of the batch have the same id."));
        }
    }
    let mut answers: Vec<(String, StatusCode, Value)> = Vec::with_capacity(batch.requests.len());
    for one in &batch.requests {
        let known = |id: &String| answers.iter().find(|(other, ..)| other == id).map(|(_, status, _)| *status);
        // What comes later in the batch cannot have been answered.
        let waits = one.depends_on.iter().any(|id| !known(id).is_some_and(|status| status.is_success()));
        let outcome = if waits { Err(GraphError::dependency()) } else { perform(sts, headers, one).await };
        let response = answer::finish(sts, outcome, headers.get("client-request-id"));
        let status = response.status();
        answers.push((one.id.clone(), status, shown(&one.id, response).await?));
    }
    let all: Vec<Value> = answers.into_iter().map(|(_, _, shown)| shown).collect();
    Ok(answer::json(StatusCode::OK, &json!({ "responses": all })))
}

async fn perform(sts: &Sts, outer: &HeaderMap, one: &One) -> Result<Response, GraphError> {
    let wrong = || GraphError::bad_request("The request of the batch is malformed.");
    let method: Method = one.method.to_ascii_uppercase().parse().map_err(|_| wrong())?;
    let uri: Uri = format!("/v1.0/{}", one.url.trim_start_matches('/')).parse().map_err(|_| wrong())?;
    if uri.path() == "/v1.0/$batch" {
        return Err(GraphError::bad_request("A batch cannot hold a batch."));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &one.headers {
        let name: HeaderName = name.parse().map_err(|_| wrong())?;
        let value = HeaderValue::from_str(value.as_str().ok_or_else(wrong)?).map_err(|_| wrong())?;
        headers.append(name, value);
    }
    headers.remove(AUTHORIZATION);
    headers.extend(outer.get_all(AUTHORIZATION).iter().map(|token| (AUTHORIZATION, token.clone())));
    let body = one.body.as_ref().map(Value::to_string).unwrap_or_default();
    Box::pin(handle_again(sts, &method, &uri, &headers, body.as_bytes())).await
}

async fn shown(id: &str, response: Response) -> Result<Value, GraphError> {
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, ANSWER_BYTES_MAX).await.map_err(|_| GraphError::too_large())?;
    let headers: Map<String, Value> = parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.into())))
        .collect();
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into());
    let mut shown = json!({ "id": id, "status": parts.status.as_u16(), "headers": headers });
    if !bytes.is_empty() {
        shown["body"] = body;
    }
    Ok(shown)
}
