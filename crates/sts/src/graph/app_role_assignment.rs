//! `appRoleAssignments` of the principal that holds a role, and `appRoleAssignedTo` of the
//! one that exposes it: the same assignments from two sides. They are what stands in
//! `roles` of a token.

use actas_directory::app_role::ASSIGNMENTS_MAX;
use actas_directory::{Assignment, ServicePrincipal};
use axum::response::Response;
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Request;
use super::answer::{GraphError, no_content};
use super::credential_action::Holder;
use super::entity::Entity;
use super::key_credential::wire_time;
use super::permission::Operation;
use super::values::Values;

/// Principals that are read from the store at once.
const SCAN_ROWS: i64 = 1000;

/// The properties of an assignment.
pub(super) const NAMES: &[&str] = &[
    "id",
    "appRoleId",
    "createdDateTime",
    "deletedDateTime",
    "principalDisplayName",
    "principalId",
    "principalType",
    "resourceDisplayName",
    "resourceId",
];

/// An assignment with both of its ends.
struct Edge {
    holder: ServicePrincipal,
    assignment: Assignment,
    resource: ServicePrincipal,
}

pub(super) async fn handle(
    request: &Request<'_>,
    principal: ServicePrincipal,
    side: &str,
    id: Option<&str>,
) -> Result<Response, GraphError> {
    match (&request.method, id) {
        (&Method::GET, None) => list(request, &principal, side).await,
        (&Method::POST, None) => add(request, &principal, side).await,
        (&Method::GET, Some(id)) => {
            let edge = one(request, &principal, side, id).await?;
            let (context, path) = addresses(&principal, side);
            values(&context, &path).read(request, &to_json(&edge))
        }
        (&Method::DELETE, Some(id)) => remove(request, &principal, side, id).await,
        _ => Err(GraphError::method()),
    }
}

async fn list(request: &Request<'_>, principal: &ServicePrincipal, side: &str) -> Result<Response, GraphError> {
    let edges = edges(request, principal, side).await?;
    let (context, path) = addresses(principal, side);
    values(&context, &path).list(request, edges.iter().map(to_json).collect())
}

async fn add(request: &Request<'_>, principal: &ServicePrincipal, side: &str) -> Result<Response, GraphError> {
    request.caller.check(Operation::WriteAssignments, principal.relation(request))?;
    request.check_options(&[])?;
    let body = request.json()?;
    let id = |name: &str| {
        let id = body.get(name).and_then(Value::as_str).and_then(|text| Uuid::try_parse(text).ok());
        id.ok_or_else(|| GraphError::bad_request(format!("The property '{name}' is required and must be a GUID.")))
    };
    let (holder, resource, role) = (id("principalId")?, id("resourceId")?, id("appRoleId")?);
    let (own, name) = if side == "appRoleAssignments" { (holder, "principalId") } else { (resource, "resourceId") };
    if own != principal.id {
        return Err(GraphError::invalid(name, "it is not the principal in the path"));
    }
    let (directory, tenant) = (&request.sts.0.directory, request.caller.tenant);
    let find = async |id: Uuid| match directory.principal(tenant, id).await? {
        Some(found) => Ok(found),
        None => Err(GraphError::not_found(&id.to_string())),
    };
    let (holder, resource) = (find(holder).await?, find(resource).await?);
    request.check_unchanged(holder.version)?;
    check_role(&resource, role)?;
    if holder.assignments.iter().any(|held| held.resource == resource.id && held.role == role) {
        return Err(GraphError::bad_request("Permission being assigned already exists on the object."));
    }
    if holder.assignments.len() >= ASSIGNMENTS_MAX {
        return Err(GraphError::bad_request(format!("A principal holds at most {ASSIGNMENTS_MAX} roles.")));
    }
    let assignment = Assignment { id: Uuid::new_v4(), resource: resource.id, role, created: request.now() };
    let mut after = holder.clone();
    after.assignments.push(assignment.clone());
    store(request, &holder, &after, ("role assigned", &assignment)).await?;
    let edge = Edge { holder: after, assignment, resource };
    let body = in_context(request, principal, side, &edge);
    Ok(request.created(&body, &addresses(principal, side).1, edge.assignment.id))
}

/// A role is assigned as long as it is exposed, switched on and meant for applications.
/// The nil role means "may have tokens" and goes where no role is exposed.
fn check_role(resource: &ServicePrincipal, role: Uuid) -> Result<(), GraphError> {
    let exposed = resource.exposed_roles();
    let fits = exposed.iter().any(|known| {
        known.id == role && known.is_enabled && known.allowed_member_types.iter().any(|kind| kind == "Application")
    });
    if fits || (role.is_nil() && exposed.is_empty()) {
        Ok(())
    } else {
        Err(GraphError::bad_request("Permission being assigned was not found on application."))
    }
}

async fn remove(
    request: &Request<'_>,
    principal: &ServicePrincipal,
    side: &str,
    id: &str,
) -> Result<Response, GraphError> {
    request.caller.check(Operation::WriteAssignments, principal.relation(request))?;
    request.check_options(&[])?;
    let edge = one(request, principal, side, id).await?;
    request.check_unchanged(edge.holder.version)?;
    let mut after = edge.holder.clone();
    after.assignments.retain(|held| held.id != edge.assignment.id);
    store(request, &edge.holder, &after, ("role taken away", &edge.assignment)).await?;
    Ok(no_content())
}

async fn store(
    request: &Request<'_>,
    before: &ServicePrincipal,
    after: &ServicePrincipal,
    (kind, assignment): (&'static str, &Assignment),
) -> Result<(), GraphError> {
    let roles = |principal: &ServicePrincipal| -> Vec<Value> {
        principal.assignments.iter().map(|held| json!({ "resource": held.resource, "role": held.role })).collect()
    };
    let details = json!({
        "by": request.caller.principal.app_id.to_string(),
        "byObject": request.caller.id().to_string(),
        "type": ServicePrincipal::KIND,
        "object": before.id.to_string(),
        "resource": assignment.resource.to_string(),
        "changes": { "appRoleAssignments": { "before": roles(before), "after": roles(after) } },
    });
    request.sts.0.directory.update_principal(after, super::change::with_details(request, kind, details)).await?;
    Ok(())
}

async fn one(request: &Request<'_>, principal: &ServicePrincipal, side: &str, id: &str) -> Result<Edge, GraphError> {
    let edges = edges(request, principal, side).await?;
    let wanted = Uuid::try_parse(id).ok();
    let found = edges.into_iter().find(|edge| Some(edge.assignment.id) == wanted);
    found.ok_or_else(|| GraphError::not_found(id))
}

/// The assignments of one side. Those on a principal that was deleted do not show: they
/// count again if it is restored.
async fn edges(request: &Request<'_>, principal: &ServicePrincipal, side: &str) -> Result<Vec<Edge>, GraphError> {
    let relation = principal.relation(request);
    if !request.caller.may(Operation::WriteAssignments, relation) {
        request.caller.check(Operation::ReadAssignments, relation)?;
    }
    let (directory, tenant) = (&request.sts.0.directory, request.caller.tenant);
    let mut all = Vec::new();
    if side == "appRoleAssignments" {
        for assignment in &principal.assignments {
            if let Some(resource) = directory.principal(tenant, assignment.resource).await? {
                all.push(Edge { holder: principal.clone(), assignment: assignment.clone(), resource });
            }
        }
        return Ok(all);
    }
    let mut after = Uuid::nil();
    loop {
        let holders = directory.principals_after(tenant, after, SCAN_ROWS).await?;
        let Some(last) = holders.last() else { return Ok(all) };
        after = last.id;
        for holder in &holders {
            for assignment in holder.assignments.iter().filter(|held| held.resource == principal.id) {
                all.push(Edge { holder: holder.clone(), assignment: assignment.clone(), resource: principal.clone() });
            }
        }
    }
}

/// Where a side's list is: in contexts, and in paths.
fn addresses(principal: &ServicePrincipal, side: &str) -> (String, String) {
    let (collection, id) = (ServicePrincipal::COLLECTION, principal.id);
    (format!("{collection}('{id}')/{side}"), format!("{collection}/{id}/{side}"))
}

fn values<'a>(context: &'a str, path: &'a str) -> Values<'a> {
    Values { context, path, kind: "appRoleAssignment", names: NAMES }
}

fn in_context(request: &Request<'_>, principal: &ServicePrincipal, side: &str, edge: &Edge) -> Value {
    let mut body = to_json(edge);
    body["@odata.context"] = format!("{}#{}/$entity", request.metadata(), addresses(principal, side).0).into();
    body
}

fn to_json(edge: &Edge) -> Value {
    json!({
        "id": edge.assignment.id.to_string(),
        "appRoleId": edge.assignment.role.to_string(),
        "createdDateTime": wire_time(edge.assignment.created),
        "deletedDateTime": null,
        "principalDisplayName": edge.holder.display_name,
        "principalId": edge.holder.id.to_string(),
        "principalType": "ServicePrincipal",
        "resourceDisplayName": edge.resource.display_name,
        "resourceId": edge.resource.id.to_string(),
    })
}
