//! `GET /organization`: the caller's own tenant.

use actas_directory::Tenant;
use axum::response::Response;
use http::Method;
use serde_json::{Value, json};

use super::Request;
use super::answer::GraphError;
use super::application::own_tenant;
use super::permission::Operation;
use super::values::Values;
use actas_directory::odata::{Key, ResourcePath};

pub(super) async fn handle(request: &Request<'_>, path: &ResourcePath) -> Result<Response, GraphError> {
    if request.method != Method::GET {
        return Err(GraphError::method());
    }
    request.caller.check_any(Operation::ReadOrganization)?;
    let tenant = own_tenant(request).await?;
    let id = tenant.id.to_string();
    match (&path.key, path.rest().as_slice()) {
        (None, []) => VALUES.list(request, vec![to_json(&tenant)]),
        (Some(Key::Id(wanted)), []) if *wanted == id => VALUES.read(request, &to_json(&tenant)),
        (Some(Key::Id(wanted)), []) => Err(GraphError::not_found(wanted)),
        _ => Err(GraphError::no_segment("organization")),
    }
}

pub(super) const VALUES: Values<'static> = Values {
    context: "organization",
    path: "organization",
    kind: "organization",
    names: &[
        "id",
        "displayName",
        "tenantType",
        "countryLetterCode",
        "createdDateTime",
        "onPremisesSyncEnabled",
        "assignedPlans",
        "businessPhones",
        "technicalNotificationMails",
        "verifiedDomains",
    ],
};

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
