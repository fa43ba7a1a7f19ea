//! What a token is asked for, and whether the client may have one.

use actas_directory::{ServicePrincipal, Tenant, well_known};
use actas_token::Principal;

use super::answer::Refused;
use crate::Sts;

/// The application permission that lets an application into every mailbox.
const FULL_ACCESS: &str = "full_access_as_app";

/// The enabled principal that an S2S resource `appid/host@realm` names in this tenant.
pub(super) async fn by_s2s_name(sts: &Sts, tenant: &Tenant, text: &str) -> Result<ServicePrincipal, Refused> {
    let name: Principal = text.parse().map_err(|_| Refused::not_a_principal("resource"))?;
    let (Some(host), Some(realm)) = (&name.host, &name.realm) else {
        return Err(Refused::not_a_principal("resource"));
    };
    if !tenant.realms().any(|own| own == *realm) {
        return Err(Refused::realm_mismatch());
    }
    let principal = sts
        .0
        .directory
        .principal_by_app(tenant.id, name.app_id)
        .await
        .map_err(|error| Refused::unavailable(&error))?
        .filter(|principal| principal.enabled && principal.serves_host(host));
    principal.ok_or_else(|| Refused::unknown_resource(text))
}

/// The enabled principal that an identifier (a URI or an application id) names.
pub(super) async fn by_identifier(sts: &Sts, tenant: &Tenant, identifier: &str) -> Result<ServicePrincipal, Refused> {
    sts.0
        .directory
        .principal_by_name(tenant.id, identifier)
        .await
        .map_err(|error| Refused::unavailable(&error))?
        .filter(|principal| principal.enabled)
        .ok_or_else(|| Refused::unknown_resource(identifier))
}

/// Whether a client may have a token for Exchange: the services themselves may, any
/// other application needs the permission.
pub(super) fn check_authorised(client: &ServicePrincipal, resource: &ServicePrincipal) -> Result<(), Refused> {
    let granted = client.is_first_party() || resource.app_id != well_known::EXCHANGE || has_full_access(client);
    if granted {
        Ok(())
    } else {
        Err(Refused::not_authorised(&client.app_id.to_string(), &resource.app_id.to_string()))
    }
}

/// Whether the client may go into every mailbox.
pub(super) fn has_full_access(client: &ServicePrincipal) -> bool {
    client.roles.iter().any(|role| role == FULL_ACCESS)
}

/// The client's permissions on a resource: what stands in `roles`.
pub(super) fn roles_on(client: &ServicePrincipal, resource: &ServicePrincipal) -> Vec<String> {
    let belongs = |role: &&String| match resource.app_id {
        well_known::EXCHANGE => role.as_str() == FULL_ACCESS,
        well_known::GRAPH => role.contains('.'),
        _ => false,
    };
    client.roles.iter().filter(belongs).cloned().collect()
}
