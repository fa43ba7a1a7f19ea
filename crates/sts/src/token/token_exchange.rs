//! Token exchange (RFC 8693): an application that proved itself names a user, in an
//! assertion that it signed itself, and gets one signed token of the user with the
//! application in `act`.
//!
//! What the app-asserted envelope leaves to every resource is judged here, once, by the
//! directory: whether the application may act as users at this resource, and who the
//! user is. The resource sees a signature over all of it.

use actas_directory::{ServicePrincipal, User, UserKey, app_role, well_known};
use actas_token::assertion::{Assertion, AssertionRefused};
use actas_token::issue::{self, BACKDATE};
use actas_token::{Principal, token_hash};
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::answer::Refused;
use super::client::{self, Client};
use super::success::Success;
use super::{Dialect, Request, client_credentials, resource};

const TYPE_ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const TYPE_JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// The actor, as the resource reads it.
#[derive(Serialize)]
struct Act {
    sub: String,
    /// Object id of its principal in this tenant.
    oid: String,
    appidacr: &'static str,
}

/// Claims of an act-as token. There is no `appid`: whoever looks for one reads tokens of
/// applications as themselves, and this is none.
#[derive(Serialize)]
struct ActAsToken<'a> {
    aud: &'a str,
    iss: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
    sub: String,
    oid: String,
    upn: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    smtp: Option<&'a str>,
    tid: String,
    client_id: String,
    act: Act,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<serde_json::Value>,
    /// At Graph, what the application may do as the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    scp: Option<String>,
    ver: &'static str,
}

pub(super) async fn issue(request: &Request<'_>) -> Result<Response, Refused> {
    let Request { sts, tenant, form, now, .. } = *request;
    check_types(request)?;
    let wanted = target(request)?;
    let subject_token = form.required("subject_token")?;
    let client = Client::authenticate(request).await?;
    let bound = request.bind()?.and_certificate(client.certificate.clone());
    let resource = match wanted.parse::<Principal>() {
        Ok(Principal { host: Some(_), realm: Some(_), .. }) => resource::by_s2s_name(sts, tenant, wanted).await,
        _ => resource::by_identifier(sts, tenant, wanted).await,
    };
    let resource = resource.map_err(Refused::into_target)?;
    check_may_act(&client.principal, &resource)?;
    resource::check_assigned(&client.principal, &resource).map_err(Refused::into_target)?;
    let user = subject(request, &client.principal, subject_token).await?;

    let policy = sts.policy();
    let lifetime = policy.act_as_lifetime.min(policy.token_lifetime);
    let claims = ActAsToken {
        aud: wanted,
        iss: sts.issuer_v1(tenant.id),
        iat: (now - BACKDATE).as_second(),
        nbf: (now - BACKDATE).as_second(),
        exp: (now + lifetime).as_second(),
        jti: Uuid::new_v4().to_string(),
        sub: user.id.to_string(),
        oid: user.id.to_string(),
        upn: &user.upn,
        smtp: user.primary_smtp(),
        tid: tenant.id.to_string(),
        client_id: client.principal.app_id.to_string(),
        act: Act {
            sub: client.principal.app_id.to_string(),
            oid: client.principal.id.to_string(),
            appidacr: client.strength,
        },
        cnf: bound.confirmation(),
        scp: (resource.app_id == well_known::GRAPH).then(|| mail_scopes(&client.principal, &resource).join(" ")),
        ver: "1.0",
    };
    let signed = sts.0.keys.issue(|key| issue::typed_access_token(key, &claims)).await;
    let access_token = signed.map_err(|error| Refused::unavailable(&error))?;
    let details = json!({
        "grant": "token_exchange",
        "actor": client.principal.app_id.to_string(),
        "subject": user.id.to_string(),
        "upn": user.upn,
        "resource": wanted,
        "proof": client.detail,
        "assertionHash": token_hash(subject_token),
        "bound": bound.confirmation(),
        "tokenHash": token_hash(&access_token),
    });
    sts.record(tenant.id, "token issued", details).await.map_err(|error| Refused::unavailable(&error))?;
    let issued = Some(TYPE_ACCESS_TOKEN);
    Ok(Success { access_token, token_type: bound.token_type(), lifetime, resource: wanted, issued, scope: None }
        .answer(request.dialect, now))
}

/// The actor is the client that authenticates, so an actor token has no place (RFC 8693
/// §2.1).
fn check_types(request: &Request<'_>) -> Result<(), Refused> {
    let form = request.form;
    if form.get("actor_token").or(form.get("actor_token_type")).is_some() {
        return Err(Refused::malformed("an 'actor_token' is not accepted; the actor is the client that authenticates"));
    }
    if form.required("subject_token_type")? != TYPE_JWT {
        return Err(Refused::malformed(&format!("the subject_token_type must be '{TYPE_JWT}'")));
    }
    match form.get("requested_token_type") {
        None | Some(TYPE_ACCESS_TOKEN | TYPE_JWT) => Ok(()),
        Some(_) => Err(Refused::malformed(&format!("the requested_token_type must be '{TYPE_ACCESS_TOKEN}'"))),
    }
}

/// The one resource: `resource`, `audience` or `scope`. Where several are given, they
/// must be the same.
fn target<'r>(request: &Request<'r>) -> Result<&'r str, Refused> {
    let form = request.form;
    let scope = form.get("scope").map(client_credentials::from_scope).transpose()?;
    let mut given = [form.get("resource"), form.get("audience"), scope].into_iter().flatten();
    let first = given
        .next()
        .ok_or_else(|| Refused::missing(if request.dialect == Dialect::V2 { "scope" } else { "resource" }))?;
    if given.any(|other| other != first) {
        return Err(Refused::target("'resource', 'audience' and 'scope' name more than one resource"));
    }
    Ok(first)
}

/// Who may act as users, and where: a service of our own that is trusted for delegation,
/// at the services that know such tokens; any other application that is trusted for
/// delegation at Exchange, with the permission that lets it into every mailbox, and at
/// Graph, with a permission on mail, which is all that the token is good for.
fn check_may_act(client: &ServicePrincipal, resource: &ServicePrincipal) -> Result<(), Refused> {
    let at_service = [well_known::EXCHANGE, well_known::SHAREPOINT, well_known::LYNC].contains(&resource.app_id);
    let by_permission = resource::has_full_access(client, resource);
    let at_graph = resource.app_id == well_known::GRAPH && !mail_scopes(client, resource).is_empty();
    if !client.trusted_for_delegation {
        return Err(Refused::may_not_act(&client.app_id.to_string(), "it is not trusted for delegation"));
    }
    if !(at_graph || (at_service && (client.is_first_party() || by_permission))) {
        return Err(Refused::may_not_act(
            &client.app_id.to_string(),
            "it has no permission for users of this resource",
        ));
    }
    Ok(())
}

/// The permissions on mail that a client holds at Graph.
fn mail_scopes(client: &ServicePrincipal, graph: &ServicePrincipal) -> Vec<String> {
    client.roles_on(graph).into_iter().filter(|role| app_role::MAIL.contains(&role.as_str())).collect()
}

/// The user whom the assertion names: enabled, of this tenant, and the same by every name
/// that it gives. What is wrong with a user is not told.
async fn subject(request: &Request<'_>, client: &ServicePrincipal, text: &str) -> Result<User, Refused> {
    let Request { sts, tenant, now, .. } = *request;
    let refused = |refused: AssertionRefused| Refused::subject_token(&refused);
    let assertion = Assertion::parse(text).map_err(refused)?;
    if !assertion.issuer().map_err(refused)?.eq_ignore_ascii_case(&client.app_id.to_string()) {
        return Err(Refused::subject_issuer());
    }
    let keys = client::live_keys(sts, client, now).await?;
    let audience = |audience: &str| sts.is_client_audience(tenant, audience);
    let limits = sts.policy().grant_assertions();
    let (_, named) = assertion.verify_about_another(keys.iter(), audience, limits, now).map_err(refused)?;
    request.note_use(text, &assertion, client.app_id).await?;

    let further = ["upn", "smtp"].into_iter().filter_map(|name| assertion.claims().get(name));
    let mut agreed: Option<User> = None;
    for name in std::iter::once(Some(named)).chain(further.map(serde_json::Value::as_str)) {
        let user = user_by_name(request, name.ok_or_else(Refused::no_such_user)?).await?;
        if agreed.as_ref().is_some_and(|earlier| earlier.id != user.id) {
            return Err(Refused::no_such_user());
        }
        agreed = Some(user);
    }
    agreed.filter(|user| user.enabled).ok_or_else(Refused::no_such_user)
}

/// The one user with this UPN or SMTP address; a name that leads to two users leads to
/// none.
async fn user_by_name(request: &Request<'_>, name: &str) -> Result<User, Refused> {
    let (name, mut found) = (name.to_lowercase(), Vec::<User>::new());
    for key in [UserKey::Upn(name.clone()), UserKey::Smtp(name)] {
        let users = request.sts.0.directory.users_by_key(request.tenant.id, &key).await;
        for user in users.map_err(|error| Refused::unavailable(&error))? {
            if found.iter().all(|known| known.id != user.id) {
                found.push(user);
            }
        }
    }
    let one = found.pop().filter(|_| found.is_empty());
    one.ok_or_else(Refused::no_such_user)
}
