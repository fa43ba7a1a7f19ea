//! `POST /$batch`: several requests in one, made one after the other under the caller's own
//! token. Each is answered as if it had come alone, by whoever serves its resource; they are no
//! transaction.

use actas_runtime::ClientCertificate;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::{self, CLIENT_REQUEST_ID, GraphError};
use super::caller::Caller;
use super::{Graph, handle_again};

/// The most requests in one batch.
pub(super) const REQUESTS_MAX: usize = 20;
/// The bytes of all answers that are put into a batch's: a page of principals with all their
/// keys stays below.
const ANSWERS_BYTES_MAX: usize = 16 * 1024 * 1024;

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

/// Performs a batch; each of its requests looks at the caller again. The token was judged
/// once, for all of it: a proof of possession is for the batch, and used up by it.
pub(super) async fn handle(
    graph: &Graph,
    caller: &Caller,
    certificate: Option<&[u8]>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, GraphError> {
    let sts = &graph.sts;
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
    // An answer inside the batch names the batch's request, and needs no nonce.
    let own: HeaderMap = headers.get_all(CLIENT_REQUEST_ID).iter().map(|id| (CLIENT_REQUEST_ID, id.clone())).collect();
    let mut answers: Vec<(String, StatusCode, Value)> = Vec::with_capacity(batch.requests.len());
    let mut bytes_left = ANSWERS_BYTES_MAX;
    for one in &batch.requests {
        let known = |id: &String| answers.iter().find(|(other, ..)| other == id).map(|(_, status, _)| *status);
        // What comes later in the batch cannot have been answered.
        let waits = one.depends_on.iter().any(|id| !known(id).is_some_and(|status| status.is_success()));
        let outcome =
            if waits { Err(GraphError::dependency()) } else { perform(graph, caller, certificate, headers, one).await };
        let finish = |outcome| answer::finish(sts, outcome, &own);
        // What another server answered is finished.
        let response = match outcome {
            Ok(Answered::Beside(response)) => response,
            Ok(Answered::Here(response)) => finish(Ok(response)),
            Err(error) => finish(Err(error)),
        };
        let status = response.status();
        let shown = match shown(&one.id, response, &mut bytes_left).await {
            Ok(shown) => shown,
            // It was done all the same, and so were the others.
            Err(_) => json!({ "id": one.id, "status": StatusCode::INSUFFICIENT_STORAGE.as_u16() }),
        };
        answers.push((one.id.clone(), status, shown));
    }
    let all: Vec<Value> = answers.into_iter().map(|(_, _, shown)| shown).collect();
    Ok(answer::json(StatusCode::OK, &json!({ "responses": all })))
}

/// An answer, and whose.
enum Answered {
    Here(Response),
    Beside(Response),
}

async fn perform(
    graph: &Graph,
    caller: &Caller,
    certificate: Option<&[u8]>,
    outer: &HeaderMap,
    one: &One,
) -> Result<Answered, GraphError> {
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
    let body = match &one.body {
        None => String::new(),
        // What is not JSON is a text in a batch that is.
        Some(Value::String(text)) if !is_json(&headers) => text.clone(),
        Some(body) => body.to_string(),
    };
    if let Some(workload) = graph.beside(uri.path()) {
        // It judges the token by itself. A proof was for the batch, so that a token which
        // needs one is good for the directory's part alone.
        headers.remove(AUTHORIZATION);
        headers.extend(outer.get_all(AUTHORIZATION).iter().map(|token| (AUTHORIZATION, token.clone())));
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        request.extensions_mut().insert(ClientCertificate(certificate.map(Into::into)));
        return Ok(Answered::Beside(workload.answer(request).await));
    }
    let caller = caller.again(&graph.sts).await?;
    Box::pin(handle_again(&graph.sts, &caller, &method, &uri, &headers, body.as_bytes())).await.map(Answered::Here)
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_none_or(|kind| kind.trim_start().to_ascii_lowercase().starts_with("application/json"))
}

async fn shown(id: &str, response: Response, bytes_left: &mut usize) -> Result<Value, axum::Error> {
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, *bytes_left).await?;
    *bytes_left -= bytes.len();
    let headers: Map<String, Value> = parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.into())))
        .collect();
    let mut shown = json!({ "id": id, "status": parts.status.as_u16(), "headers": headers });
    if !bytes.is_empty() {
        // JSON, and a bare count, as it is; anything else in Base64, as Graph has it.
        shown["body"] = match serde_json::from_slice(&bytes) {
            Ok(body @ Value::Number(_)) => body,
            Ok(body) if is_json(&parts.headers) => body,
            _ => STANDARD.encode(&bytes).into(),
        };
    }
    Ok(shown)
}
