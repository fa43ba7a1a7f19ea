//! `GET /domains`: the verified domains of the caller's tenant.

use actas_directory::Domain;
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
    if let Some(segment) = path.rest().first() {
        return Err(GraphError::no_segment(segment));
    }
    if request.method != Method::GET {
        return Err(GraphError::method());
    }
    request.caller.check_any(Operation::ReadDomains)?;
    let tenant = own_tenant(request).await?;
    match &path.key {
        None => VALUES.list(request, tenant.domains.iter().map(to_json).collect()),
        Some(Key::Id(name)) => {
            let found = tenant.domains.iter().find(|domain| domain.name.as_str().eq_ignore_ascii_case(name));
            VALUES.read(request, &to_json(found.ok_or_else(|| GraphError::not_found(name))?))
        }
        Some(Key::Alternate(name, _)) => {
            Err(GraphError::bad_request(format!("'{name}' is not an alternate key of domains.")))
        }
    }
}

pub(super) const VALUES: Values<'static> = Values {
    context: "domains",
    path: "domains",
    kind: "domain",
    names: &[
        "id",
        "authenticationType",
        "isAdminManaged",
        "isDefault",
        "isInitial",
        "isRoot",
        "isVerified",
        "supportedServices",
    ],
};

fn to_json(domain: &Domain) -> Value {
    json!({
        "id": domain.name.as_str(),
        "authenticationType": "Managed",
        "isAdminManaged": true,
        "isDefault": domain.is_default,
        "isInitial": domain.is_initial,
        "isRoot": true,
        "isVerified": true,
        "supportedServices": ["Email", "OfficeCommunicationsOnline"],
    })
}
