//! Where a device begins the sign-in of a user (RFC 8628 §3.1, §3.2).

use actas_directory::device_sign_in::{DeviceSignIn, DeviceState, INTERVAL, LIFETIME};
use actas_directory::{ServicePrincipal, Tenant, well_known};
use actas_store::directory::Audit;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use serde_json::json;

use super::answer::{Refused, json_answer};
use super::form::Form;
use super::{Asked, Dialect, client, client_credentials, resource};
use crate::Sts;
use crate::device_page::code::{self, UserCode};
use crate::limit::Peer;

/// Sign-ins that are under way at once, in all tenants.
const SIGN_INS_MAX: i64 = 10_000;
/// What clients ask for beside a resource's permissions; there is nothing of it here.
const OPENID: [&str; 4] = ["openid", "profile", "offline_access", "email"];

pub(super) async fn answer(
    State(sts): State<Sts>,
    Path(tenant): Path<String>,
    peer: Peer,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
    dialect: Dialect,
) -> Response {
    let now = sts.0.clock.now();
    let admitted = sts
        .admit(peer, now)
        .and_then(|()| peer.key().map_or(Ok(()), |address| sts.0.limits.device_codes_by_address.take(address, now)));
    let outcome = match admitted {
        Ok(()) => begin(&sts, &tenant, &headers, &body, peer, dialect, now).await,
        Err(wait) => Err(Refused::throttled(wait)),
    };
    let asked = Asked { tenant: &tenant, uri: &uri, headers: &headers, body: &body, peer, now };
    asked.conclude(&sts, outcome).await
}

async fn begin(
    sts: &Sts,
    segment: &str,
    headers: &HeaderMap,
    body: &[u8],
    peer: Peer,
    dialect: Dialect,
    now: Timestamp,
) -> Result<Response, Refused> {
    let form = Form::parse(headers, body)?;
    let unavailable = |error: actas_store::Error| Refused::unavailable(&error);
    let tenant = sts.tenant(segment).await.map_err(unavailable)?.ok_or_else(|| Refused::unknown_tenant(segment))?;
    let client = public_client(sts, &tenant, form.required("client_id")?).await?;
    let wanted = Wanted::of(&form, dialect)?;
    let scopes = consented(sts, &tenant, &client, &wanted).await?;

    let device_code = code::random().map_err(|error| Refused::unavailable(&error))?;
    let user_code = UserCode::random().map_err(|error| Refused::unavailable(&error))?;
    let sign_in = DeviceSignIn {
        device_hash: code::hash(&device_code),
        code_hash: user_code.hash(tenant.id),
        tenant: tenant.id,
        app_id: client.app_id,
        resource: wanted.resource,
        scopes,
        expires: now + LIFETIME,
        state: DeviceState::Waiting,
        asked: None,
        interval: INTERVAL.as_secs(),
        version: 1,
    };
    let details = json!({
        "actor": client.app_id.to_string(),
        "resource": sign_in.resource,
        "scopes": sign_in.scopes,
        "from": peer.address().map(|address| address.to_string()),
    });
    let audit = Audit { time: now, tenant: tenant.id, kind: "device code issued", details };
    match sts.0.directory.add_device_sign_in(&sign_in, SIGN_INS_MAX, now, audit).await {
        Ok(()) => {}
        Err(error) if error.is_stale() => return Err(Refused::too_many_codes()),
        Err(error) => return Err(Refused::unavailable(&error)),
    }
    let page = format!("{}/{}/oauth2/deviceauth", sts.origin(), tenant.id);
    let message = format!("To sign in, open the page {page} in a browser and enter the code {user_code}.");
    let (expires_in, interval) = (LIFETIME.as_secs(), INTERVAL.as_secs());
    Ok(match dialect {
        Dialect::V2 => json_answer(&json!({
            "user_code": user_code.to_string(),
            "device_code": device_code,
            "verification_uri": page,
            "expires_in": expires_in,
            "interval": interval,
            "message": message,
        })),
        // Version 1.0 has another name for the page, and every number is a string.
        Dialect::V1 | Dialect::Acs => json_answer(&json!({
            "user_code": user_code.to_string(),
            "device_code": device_code,
            "verification_url": page,
            "expires_in": expires_in.to_string(),
            "interval": interval.to_string(),
            "message": message,
        })),
    })
}

/// The enabled application of that id, if users may sign in to it with a code.
pub(super) async fn public_client(sts: &Sts, tenant: &Tenant, client_id: &str) -> Result<ServicePrincipal, Refused> {
    let client = client::enabled(sts, tenant, client_id).await?;
    let application = sts.0.directory.application_by_app(tenant.id, client.app_id).await;
    let application = application.map_err(|error| Refused::unavailable(&error))?;
    if application.is_some_and(|application| application.is_public_client()) {
        Ok(client)
    } else {
        Err(Refused::not_public(client_id))
    }
}

/// What a device wants of which resource.
#[derive(Debug, PartialEq)]
struct Wanted {
    resource: String,
    /// Permissions by name; none is all that there are (`/.default`).
    permissions: Vec<String>,
}

// === impl Wanted ===

impl Wanted {
    fn of(form: &Form, dialect: Dialect) -> Result<Self, Refused> {
        match form.get("scope") {
            Some(scope) if form.get("resource").is_none() => Self::from_scope(scope),
            _ => {
                let resource = client_credentials::identifier(form, dialect)?.to_owned();
                Ok(Self { resource, permissions: Vec::new() })
            }
        }
    }

    /// Reads `<identifier>/<permission>`, `<identifier>/.default`, and Graph's permissions
    /// without an identifier.
    fn from_scope(scope: &str) -> Result<Self, Refused> {
        let mut wanted: Option<Self> = None;
        for word in scope.split_ascii_whitespace().filter(|word| !OPENID.contains(word)) {
            let (resource, permission) = match word.strip_suffix("/.default") {
                Some(resource) => (resource, None),
                None => match word.rsplit_once('/') {
                    Some((resource, permission)) => (resource, Some(permission)),
                    None => ("https://graph.microsoft.com", Some(word)),
                },
            };
            if resource.is_empty() || permission.is_some_and(str::is_empty) {
                return Err(Refused::scope(70_011, "The provided value for scope is not valid."));
            }
            let before = wanted.get_or_insert_with(|| Self { resource: resource.to_owned(), permissions: Vec::new() });
            if before.resource != resource {
                return Err(Refused::scope(70_011, "The provided value for scope names more than one resource."));
            }
            before.permissions.extend(permission.map(str::to_owned));
        }
        let mut wanted = wanted.ok_or_else(|| Refused::missing("scope"))?;
        wanted.permissions.sort();
        wanted.permissions.dedup();
        Ok(wanted)
    }
}

/// What of it the tenant consented to. Only Graph has permissions of users.
async fn consented(
    sts: &Sts,
    tenant: &Tenant,
    client: &ServicePrincipal,
    wanted: &Wanted,
) -> Result<Vec<String>, Refused> {
    let resource = resource::by_identifier(sts, tenant, &wanted.resource).await?;
    let refused = |what: &str| Refused::no_consent(&client.app_id.to_string(), what);
    if resource.app_id != well_known::GRAPH {
        return Err(refused(&wanted.resource));
    }
    if let Some(missing) = wanted.permissions.iter().find(|wanted| !client.delegated.contains(wanted)) {
        return Err(refused(missing));
    }
    let all = if wanted.permissions.is_empty() { &client.delegated } else { &wanted.permissions };
    if all.is_empty() { Err(refused(&wanted.resource)) } else { Ok(all.clone()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes() {
        let read = |scope: &str| {
            Wanted::from_scope(scope)
                .map(|wanted| (wanted.resource, wanted.permissions.join(" ")))
                .map_err(|e| e.code())
        };
        let graph = "https://graph.microsoft.com";
        for (scope, resource, permissions) in [
            ("https://x//.default openid profile offline_access", "https://x/", ""),
            ("User.Read Application.Read.All User.Read", graph, "Application.Read.All User.Read"),
            ("https://x/User.Read openid https://x/Mail.Read", "https://x", "Mail.Read User.Read"),
            ("https://x/.default https://x/Mail.Read", "https://x", "Mail.Read"),
        ] {
            assert_eq!(read(scope), Ok((resource.to_owned(), permissions.to_owned())), "{scope}");
        }
        for (scope, code) in [
            ("openid", 900_144),
            ("", 900_144),
            ("https://x/a https://y/a", 70_011),
            ("/.default", 70_011),
            ("x/", 70_011),
        ] {
            assert_eq!(read(scope), Err(code), "{scope}");
        }
    }
}
