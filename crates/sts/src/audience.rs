//! Which audiences of an assertion are this token service: built from configured
//! origins, never from the request.

use actas_directory::Tenant;
use actas_token::{Principal, well_known};

use crate::Sts;

/// What may stand behind `{origin}/{tenant}` in a client assertion: the token
/// endpoints, the issuers, the tenant.
const TAILS: [&str; 6] = ["/oauth2/v2.0/token", "/oauth2/token", "/tokens/OAuth/2", "/v2.0", "/", ""];

// === impl Sts ===

impl Sts {
    /// The audiences that the metadata document publishes: every authority in every
    /// realm of the tenant.
    pub(crate) fn allowed_audiences(&self, tenant: &Tenant) -> Vec<String> {
        let realms: Vec<String> = tenant.realms().collect();
        let authorities = self.0.origins.iter().map(actas_runtime::config::Origin::authority);
        authorities
            .flat_map(|authority| {
                realms.iter().map(move |realm| Principal::audience(well_known::STS, authority, realm))
            })
            .map(|principal| principal.to_string())
            .collect()
    }

    /// Whether an S2S assertion is for us: `00000001-…/host@realm` of this tenant. The
    /// port may be left out.
    pub(crate) fn is_s2s_audience(&self, tenant: &Tenant, audience: &str) -> bool {
        let Ok(Principal { app_id: well_known::STS, host: Some(host), realm: Some(realm) }) = audience.parse() else {
            return false;
        };
        let host_is_ours = self
            .0
            .origins
            .iter()
            .any(|own| own.authority().eq_ignore_ascii_case(&host) || own.host().eq_ignore_ascii_case(&host));
        host_is_ours && tenant.realms().any(|own| own == realm)
    }

    /// Whether a client assertion is for us: an endpoint or issuer of this tenant.
    pub(crate) fn is_client_audience(&self, tenant: &Tenant, audience: &str) -> bool {
        self.0.origins.iter().any(|origin| {
            let Some(path) = audience.strip_prefix(origin.as_str()).and_then(|rest| rest.strip_prefix('/')) else {
                return false;
            };
            tenant.realms().any(|realm| {
                let (start, tail) = path.split_at_checked(realm.len()).unwrap_or(("", path));
                start.eq_ignore_ascii_case(&realm) && TAILS.contains(&tail)
            })
        })
    }
}
