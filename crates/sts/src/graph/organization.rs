//! `GET /organization`: the caller's own tenant.

use actas_directory::Tenant;
use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Request;
use super::answer::{GraphError, json};
use super::application::own_tenant;
use super::path::{Key, ResourcePath};
use super::permission::Operation;

pub(super) async fn handle(request: &Request<'_>, path: &ResourcePath) -> Result<Response, GraphError> {
    if request.method != Method::GET {
        return Err(GraphError::method());
    }
    request.caller.check_any(Operation::ReadOrganization)?;
    let tenant = own_tenant(request).await?;
    let id = tenant.id.to_string();
    let context = format!("{}#organization", request.metadata());
    match (&path.key, path.rest().as_slice()) {
        (None, []) => Ok(json(StatusCode::OK, &json!({ "@odata.context": context, "value": [to_json(&tenant)] }))),
        (Some(Key::Id(wanted)), []) if *wanted == id => {
            let mut body = to_json(&tenant);
            body["@odata.context"] = format!("{context}/$entity").into();
            Ok(json(StatusCode::OK, &body))
        }
        (Some(Key::Id(wanted)), []) => Err(GraphError::not_found(wanted)),
        _ => Err(GraphError::no_segment("organization")),
    }
}

fn to_json(tenant: &Tenant) -> Value {
    let domains: Vec<Value> = tenant
        .domains
        .iter()
        .map(|domain| {
            json!({
                "capabilities": "Email, OfficeCommunicationsOnline",
                "isDefault": domain.is_default,
                "isInitial": domain.is_initial,
                "name": domain.name.as_str(),
                "type": "Managed",
            })
        })
        .collect();
    json!({
        "id": tenant.id.to_string(),
        "displayName": tenant.display_name,
        "tenantType": "AAD",
        "countryLetterCode": null,
        "createdDateTime": tenant.created.to_string(),
        "onPremisesSyncEnabled": null,
        "assignedPlans": [],
        "businessPhones": [],
        "technicalNotificationMails": [],
        "verifiedDomains": domains,
    })
}
