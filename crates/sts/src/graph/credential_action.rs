//! `addKey`, `removeKey`, `addPassword`, `removePassword`, on applications and on service
//! principals alike.

use actas_directory::credential::{self, CredentialWarning, KeyCredentialRequest};
use actas_directory::odata::Key;
use actas_directory::password::PasswordRequest;
use actas_directory::query::Filter;
use actas_directory::{KeyCredential, KeyKind, PasswordCredential, proof};
use axum::response::Response;
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Request;
use super::answer::{self, GraphError, no_content};
use super::entity::Entity;
use super::key_credential;
use super::permission::{Operation, Relation};
use crate::secret::new_secret;

/// By which of its two ids an object is meant.
#[derive(Clone, Copy)]
pub(super) enum Id {
    Object(Uuid),
    Application(Uuid),
}

/// An object with keys and secrets of its own.
pub(super) trait Holder: Entity {
    fn app_id(&self) -> Uuid;
    fn owners(&self) -> &[Uuid];
    fn keys(&self) -> &Vec<KeyCredential>;
    fn keys_mut(&mut self) -> &mut Vec<KeyCredential>;
    fn passwords(&self) -> &Vec<PasswordCredential>;
    fn passwords_mut(&mut self) -> &mut Vec<PasswordCredential>;
    /// Stores what became of `self`.
    async fn store(&self, request: &Request<'_>, after: &Self) -> Result<(), GraphError>;

    async fn with_id(request: &Request<'_>, id: Id) -> Result<Option<Self>, GraphError>;

    /// As [`Holder::with_id`]; what is no id is nobody's.
    async fn with_text(request: &Request<'_>, kind: fn(Uuid) -> Id, text: &str) -> Result<Option<Self>, GraphError> {
        match Uuid::try_parse(text) {
            Ok(id) => Self::with_id(request, kind(id)).await,
            Err(_) => Ok(None),
        }
    }

    /// The one that a path names: by its object id, or by the application id in parentheses.
    async fn named(request: &Request<'_>, key: &Key) -> Result<Self, GraphError> {
        let (kind, text): (fn(Uuid) -> Id, _) = match key {
            Key::Id(id) => (Id::Object, id),
            Key::Alternate(name, app_id) if name == "appId" => (Id::Application, app_id),
            Key::Alternate(name, _) => {
                let collection = Self::COLLECTION;
                return Err(GraphError::bad_request(format!("'{name}' is not an alternate key of {collection}.")));
            }
        };
        Self::with_text(request, kind, text).await?.ok_or_else(|| GraphError::not_found(text))
    }

    /// The only object that a filter by one of its ids can match; `None` for other filters.
    async fn indexed_by_id(request: &Request<'_>, filter: &Filter) -> Result<Option<Option<Self>>, GraphError> {
        let (kind, text): (fn(Uuid) -> Id, _) = match (filter.required_text("id"), filter.required_text("appId")) {
            (Some(id), _) => (Id::Object, id),
            (None, Some(app_id)) => (Id::Application, app_id),
            (None, None) => return Ok(None),
        };
        Self::with_text(request, kind, text).await.map(Some)
    }

    /// What it is to the caller.
    fn relation(&self, request: &Request<'_>) -> Relation {
        request.caller.relation(self.app_id(), self.owners())
    }

    /// Replaces the keys, as PATCH does.
    fn replace_keys(&mut self, request: &Request<'_>, value: &Value) -> Result<(), GraphError> {
        request.caller.check(Operation::ChangeCredentials, self.relation(request))?;
        let wanted = key_credential::read_all(value)?;
        let known = |id| self.keys().iter().any(|key| Some(key.key_id) == id);
        let private =
            |new: &&KeyCredentialRequest| new.kind == Some(KeyKind::X509CertAndPassword) && !known(new.key_id);
        if wanted.iter().any(|new| private(&new)) {
            let why = "a key of type X509CertAndPassword is added with addKey, which takes its password along";
            return Err(GraphError::invalid("keyCredentials", why));
        }
        let (all, warnings) = credential::replace(self.keys(), &wanted, Uuid::new_v4, request.now())?;
        warn(request, self.id(), &warnings);
        *self.keys_mut() = all;
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WirePassword {
    start_date_time: Option<Timestamp>,
    end_date_time: Option<Timestamp>,
    display_name: Option<String>,
    secret_text: Option<String>,
}

/// Performs an action by its name.
pub(super) async fn handle<H: Holder>(request: &Request<'_>, holder: H, action: &str) -> Result<Response, GraphError> {
    if !matches!(action, "addKey" | "addPassword" | "removeKey" | "removePassword") {
        return Err(GraphError::no_segment(action));
    }
    if request.method != Method::POST {
        return Err(GraphError::method());
    }
    request.check_options(&[])?;
    let operation = if action.ends_with("Key") { Operation::ChangeKeysWithProof } else { Operation::ChangeCredentials };
    request.caller.check(operation, holder.relation(request))?;
    let body = request.json()?;
    match action {
        "addKey" => add_key(request, &holder, &body).await,
        "removeKey" => remove_key(request, &holder, &body).await,
        "addPassword" => add_password(request, &holder, &body).await,
        _ => remove_password(request, &holder, &body).await,
    }
}

async fn add_key<H: Holder>(
    request: &Request<'_>,
    holder: &H,
    body: &Map<String, Value>,
) -> Result<Response, GraphError> {
    check_proof(request, holder, body)?;
    let wanted = body.get("keyCredential").filter(|value| value.is_object());
    let wanted = wanted.ok_or_else(|| GraphError::bad_request("The property 'keyCredential' is required."))?;
    let wanted = key_credential::read(wanted).map_err(|why| GraphError::invalid("keyCredential", why))?;
    let with_password = has_password(body)?;
    let password_wanted = match (wanted.kind, wanted.usage) {
        (Some(KeyKind::AsymmetricX509Cert), Some(_)) => false,
        (Some(KeyKind::X509CertAndPassword), Some(_)) => true,
        (Some(KeyKind::Symmetric), _) => {
            let why = "the type must be AsymmetricX509Cert or X509CertAndPassword";
            return Err(GraphError::invalid("keyCredential", why));
        }
        _ => return Err(GraphError::invalid("keyCredential", "it needs a type and a usage")),
    };
    if with_password != password_wanted {
        let why = "a password goes with keys of type X509CertAndPassword, and with no others";
        return Err(GraphError::invalid("passwordCredential", why));
    }
    let (key, warnings) = credential::add(holder.keys(), &wanted, Uuid::new_v4(), request.now())?;
    request.check_unchanged(holder.version())?;
    warn(request, holder.id(), &warnings);
    let mut after = holder.clone();
    after.keys_mut().push(key.clone());
    holder.store(request, &after).await?;
    Ok(answer::json(StatusCode::OK, &in_context(request, "keyCredential", key_credential::to_json(&key, false))))
}

async fn remove_key<H: Holder>(
    request: &Request<'_>,
    holder: &H,
    body: &Map<String, Value>,
) -> Result<Response, GraphError> {
    check_proof(request, holder, body)?;
    let id = key_id(body)?;
    let mut after = holder.clone();
    after.keys_mut().retain(|key| key.key_id != id);
    if after.keys().len() == holder.keys().len() {
        return Err(nothing_to_remove(id));
    }
    request.check_unchanged(holder.version())?;
    holder.store(request, &after).await?;
    Ok(no_content())
}

async fn add_password<H: Holder>(
    request: &Request<'_>,
    holder: &H,
    body: &Map<String, Value>,
) -> Result<Response, GraphError> {
    let wanted = body.get("passwordCredential").cloned().unwrap_or_else(|| json!({}));
    let wanted: WirePassword = match wanted {
        Value::Null => serde_json::from_value(json!({})),
        other => serde_json::from_value(other),
    }
    .map_err(|error| GraphError::invalid("passwordCredential", error))?;
    if wanted.secret_text.is_some() {
        return Err(GraphError::invalid("secretText", "the secret is made by the service"));
    }
    request.check_unchanged(holder.version())?;
    let wanted =
        PasswordRequest { start: wanted.start_date_time, end: wanted.end_date_time, display_name: wanted.display_name };
    // Hashing takes a while on purpose, so it happens off the async threads.
    let made = tokio::task::spawn_blocking(new_secret).await.map_err(|error| GraphError::internal(&error))?;
    let (secret, hash) = made.map_err(|error| GraphError::internal(&error))?;
    let beside = holder.passwords().len();
    let password = PasswordCredential::new(&wanted, Uuid::new_v4(), (&secret, hash), beside, request.now())?;
    let mut after = holder.clone();
    after.passwords_mut().push(password.clone());
    holder.store(request, &after).await?;
    let mut shown = key_credential::password_to_json(&password);
    shown["secretText"] = secret.into();
    Ok(answer::json(StatusCode::OK, &in_context(request, "passwordCredential", shown)))
}

async fn remove_password<H: Holder>(
    request: &Request<'_>,
    holder: &H,
    body: &Map<String, Value>,
) -> Result<Response, GraphError> {
    let id = key_id(body)?;
    let mut after = holder.clone();
    after.passwords_mut().retain(|password| password.key_id != id);
    if after.passwords().len() == holder.passwords().len() {
        return Err(nothing_to_remove(id));
    }
    request.check_unchanged(holder.version())?;
    holder.store(request, &after).await?;
    Ok(no_content())
}

/// Whether a password came along. It opens a private key that is not kept, so it is not
/// kept either, and it is no secret to sign in with.
fn has_password(body: &Map<String, Value>) -> Result<bool, GraphError> {
    let Some(password) = body.get("passwordCredential").filter(|value| !value.is_null()) else { return Ok(false) };
    let text = password.get("secretText").and_then(Value::as_str).unwrap_or_default();
    if text.is_empty() {
        return Err(GraphError::invalid("passwordCredential", "it needs a secretText"));
    }
    Ok(true)
}

/// Graph has no place for a warning in its answer, so the operator gets it.
fn warn(request: &Request<'_>, object: Uuid, warnings: &[CredentialWarning]) {
    for warning in warnings {
        tracing::warn!(tenant = %request.caller.tenant, %object, %warning, "a key credential was taken");
    }
}

/// The proof is checked before anything else is said about the request.
fn check_proof<H: Holder>(request: &Request<'_>, holder: &H, body: &Map<String, Value>) -> Result<(), GraphError> {
    let proof = body.get("proof").and_then(Value::as_str).unwrap_or_default();
    Ok(proof::verify(proof, holder.id(), holder.keys(), request.now())?)
}

fn key_id(body: &Map<String, Value>) -> Result<Uuid, GraphError> {
    let id = body.get("keyId").and_then(Value::as_str).and_then(|text| Uuid::try_parse(text).ok());
    id.ok_or_else(|| GraphError::bad_request("The property 'keyId' is required and must be a GUID."))
}

fn nothing_to_remove(id: Uuid) -> GraphError {
    GraphError::bad_request(format!("No credentials found to be removed: the object has none with keyId '{id}'."))
}

fn in_context(request: &Request<'_>, kind: &str, mut body: Value) -> Value {
    body["@odata.context"] = format!("{}#microsoft.graph.{kind}", request.metadata()).into();
    body
}
