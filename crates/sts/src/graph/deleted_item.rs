//! `/directory/deletedItems`: what was deleted in the last thirty days; restoring it,
//! deleting it for good.

use actas_directory::{Application, Deleted, DeletedObject, ServicePrincipal, User};
use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Request;
use super::answer::{self, GraphError, no_content};
use super::change;
use super::collection;
use super::credential_action::Holder;
use super::entity::{Entity, Gone};
use super::permission::{Operation, Relation};
use actas_directory::odata::{Key, ResourcePath};

pub(super) async fn handle(request: &Request<'_>, path: &ResourcePath) -> Result<Response, GraphError> {
    match &path.key {
        Some(Key::Id(segment)) if segment == "deletedItems" => {}
        _ => return Err(GraphError::no_segment("directory")),
    }
    let rest = path.rest();
    let (first, rest) = rest.split_first().ok_or_else(|| GraphError::bad_request("Name a type or an object."))?;
    match first.strip_prefix("graph.").unwrap_or(first) {
        Application::KIND => of_kind::<Application>(request, first, rest).await,
        ServicePrincipal::KIND => of_kind::<ServicePrincipal>(request, first, rest).await,
        User::KIND => {
            request.caller.check_any(Operation::ReadUser)?;
            of_kind::<User>(request, first, rest).await
        }
        id => of_object(request, id, rest).await,
    }
}

async fn of_kind<E: Entity>(request: &Request<'_>, name: &str, rest: &[&str]) -> Result<Response, GraphError> {
    if request.method != Method::GET {
        return Err(GraphError::method());
    }
    match rest {
        [] => {
            let prefix = if name.starts_with("graph.") { "" } else { "microsoft.graph." };
            collection::list::<Gone<E>>(request, &format!("directory/deletedItems/{prefix}{name}")).await
        }
        ["$count"] => collection::count::<Gone<E>>(request).await,
        [segment, ..] => Err(GraphError::no_segment(segment)),
    }
}

async fn of_object(request: &Request<'_>, id: &str, rest: &[&str]) -> Result<Response, GraphError> {
    let restores = match rest {
        [] => false,
        ["restore"] => true,
        [segment, ..] => return Err(GraphError::no_segment(segment)),
    };
    request.check_options(&[])?;
    let known = Uuid::try_parse(id).ok();
    let deleted = match known {
        Some(id) => request.sts.0.directory.deleted(request.caller.tenant, id, request.now()).await?,
        None => None,
    };
    let deleted = deleted.ok_or_else(|| GraphError::not_found(id))?;
    match (&request.method, restores) {
        (&Method::GET, false) => {
            check(request, &deleted.object, false)?;
            let etag = collection::etag(version(&deleted.object));
            let mut response = answer::json(StatusCode::OK, &to_json(request, deleted)?);
            if let Ok(etag) = http::HeaderValue::from_str(&etag) {
                response.headers_mut().insert(http::header::ETAG, etag);
            }
            Ok(response)
        }
        (&Method::POST, true) => restore(request, deleted).await,
        (&Method::DELETE, false) => {
            check(request, &deleted.object, true)?;
            request.check_unchanged(version(&deleted.object))?;
            let audit = change::with_details(request, "deleted object forgotten", details(request, &deleted.object));
            request.sts.0.directory.forget(&deleted, audit).await?;
            Ok(no_content())
        }
        _ => Err(GraphError::method()),
    }
}

/// The object comes back as it was. Its names were free meanwhile: where somebody took
/// one, it stays deleted.
async fn restore(request: &Request<'_>, deleted: Deleted) -> Result<Response, GraphError> {
    check(request, &deleted.object, true)?;
    request.check_unchanged(version(&deleted.object))?;
    let audit = change::with_details(request, "deleted object restored", details(request, &deleted.object));
    match request.sts.0.directory.restore(&deleted, audit).await {
        Ok(()) => {}
        Err(error) if error.is_exists() => return Err(GraphError::exists("its name")),
        Err(error) => return Err(error.into()),
    }
    let mut body = to_json(request, deleted)?;
    body["deletedDateTime"] = Value::Null;
    Ok(answer::json(StatusCode::OK, &body))
}

fn check(request: &Request<'_>, object: &DeletedObject, writes: bool) -> Result<(), GraphError> {
    let application = if writes { Operation::ChangeApplication } else { Operation::ReadApplication };
    let (operation, relation) = match object {
        DeletedObject::Application(object) => (application, object.relation(request)),
        DeletedObject::ServicePrincipal(object) => (application, object.relation(request)),
        _ if writes => (Operation::DeleteUser, Relation::default()),
        _ => (Operation::ReadUser, Relation::default()),
    };
    request.caller.check(operation, relation)
}

fn version(object: &DeletedObject) -> i64 {
    match object {
        DeletedObject::Application(object) => object.version,
        DeletedObject::ServicePrincipal(object) => object.version,
        DeletedObject::User(object) => object.version,
        _ => 0,
    }
}

fn details(request: &Request<'_>, object: &DeletedObject) -> Value {
    json!({
        "by": request.caller.principal.app_id.to_string(),
        "byObject": request.caller.id().to_string(),
        "type": object.kind(),
        "object": object.id().to_string(),
    })
}

fn to_json(request: &Request<'_>, deleted: Deleted) -> Result<Value, GraphError> {
    let kind = deleted.object.kind();
    let properties = match kind {
        Application::KIND => Gone::<Application>::new(deleted).map(|gone| gone.properties(false)),
        ServicePrincipal::KIND => Gone::<ServicePrincipal>::new(deleted).map(|gone| gone.properties(false)),
        _ => Gone::<User>::new(deleted).map(|gone| gone.properties(false)),
    };
    let mut body = properties.ok_or_else(|| GraphError::not_found(kind))?;
    body.insert("@odata.context".to_owned(), format!("{}#directoryObjects/$entity", request.metadata()).into());
    body.insert("@odata.type".to_owned(), format!("#microsoft.graph.{kind}").into());
    Ok(Value::Object(body))
}
