//! What every tenant has from the start: the services' own principals.

use actas_directory::{ServicePrincipal, TenantId, app_role, well_known};
use actas_store::directory::{Audit, Directory};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

/// Hosts at which the services of a cloud answer.
#[derive(Clone, Debug, Default)]
pub struct ServiceHosts {
    /// Host names of the Exchange-like server, as an audience names them.
    pub exchange: Vec<String>,
    /// Origins of the Graph API.
    pub graph: Vec<String>,
}

/// Adds the principals of the token service, Exchange, Lync and Graph to a tenant, as
/// far as they are missing.
pub async fn well_known_principals(
    directory: &Directory,
    tenant: TenantId,
    hosts: &ServiceHosts,
    now: Timestamp,
) -> Result<(), actas_store::Error> {
    let exchange = hosts.exchange.iter().flat_map(|host| {
        let named = host.strip_prefix("*.").is_none().then(|| format!("https://{host}/"));
        std::iter::once(format!("{}/{host}", well_known::EXCHANGE)).chain(named)
    });
    let graph = std::iter::once("https://graph.microsoft.com".to_owned()).chain(hosts.graph.iter().cloned());
    let all = [
        (well_known::STS, "Azure ESTS Service", Vec::new(), false),
        (well_known::EXCHANGE, "Office 365 Exchange Online", exchange.collect(), false),
        (well_known::LYNC, "Microsoft Lync Server", Vec::new(), true),
        (well_known::GRAPH, "Microsoft Graph", graph.collect(), false),
    ];
    for (app_id, name, names, trusted_for_delegation) in all {
        if directory.principal_by_app(tenant, app_id).await?.is_some() {
            continue;
        }
        let mut principal = ServicePrincipal::new(Uuid::new_v4(), tenant, app_id, name, now);
        principal.names.extend(names);
        principal.trusted_for_delegation = trusted_for_delegation;
        let details = json!({ "by": "seed", "appId": app_id.to_string(), "displayName": name });
        directory.add_principal(&principal, Audit { time: now, tenant, kind: "principal added", details }).await?;
    }
    Ok(())
}

/// Gives a principal, before it is stored, a permission of one of the services by its
/// value. False where no service exposes such a role.
pub async fn grant(
    directory: &Directory,
    principal: &mut ServicePrincipal,
    value: &str,
    now: Timestamp,
) -> Result<bool, actas_store::Error> {
    let Some(app_id) = app_role::service_of(value) else { return Ok(false) };
    let resource = directory.principal_by_app(principal.tenant, app_id).await?;
    Ok(resource.is_some_and(|resource| principal.grant(&resource, value, Uuid::new_v4(), now)))
}
