//! What a token is asked for, and whether the client may have one.

use actas_directory::app_role::FULL_ACCESS;
use actas_directory::{ServicePrincipal, Tenant, well_known};
use actas_token::Principal;

use super::answer::Refused;
use crate::Sts;

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
    let granted =
        client.is_first_party() || resource.app_id != well_known::EXCHANGE || has_full_access(client, resource);
    if granted { check_assigned(client, resource) } else { Err(not_authorised(client, resource)) }
}

/// Whether the client may go into every mailbox of the Exchange that `resource` is.
pub(super) fn has_full_access(client: &ServicePrincipal, resource: &ServicePrincipal) -> bool {
    resource.app_id == well_known::EXCHANGE && client.roles_on(resource).iter().any(|role| role == FULL_ACCESS)
}

/// Whether the resource lets every client have a token, or this one by a role.
pub(super) fn check_assigned(client: &ServicePrincipal, resource: &ServicePrincipal) -> Result<(), Refused> {
    let assigned = !resource.assignment_required || client.is_assigned_to(resource);
    if assigned { Ok(()) } else { Err(not_authorised(client, resource)) }
}

fn not_authorised(client: &ServicePrincipal, resource: &ServicePrincipal) -> Refused {
    Refused::not_authorised(&client.app_id.to_string(), &resource.app_id.to_string())
}
