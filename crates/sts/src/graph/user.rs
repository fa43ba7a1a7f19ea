//! `/users` and `/me`: list, read, add, change, delete. A password is kept as a hash, and
//! never comes back; a user that is added gets no mailbox and administers nothing.

use actas_directory::kept::{Kept, KeptProperty};
use actas_directory::query::{Filter, Property};
use actas_directory::user::{KEPT, PasswordHash, User, is_password};
use actas_directory::{DeletedObject, DomainName, TenantId, UserKey};
use axum::response::Response;
use http::Method;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Request;
use super::answer::{GraphError, no_content};
use super::application::{display_name, own_tenant};
use super::entity::{Entity, keep};
use super::permission::{Operation, Relation};
use super::{change, collection};
use crate::hash_password;
use actas_directory::odata::{Key, ResourcePath};

/// The longest user principal name, in bytes: 64 before the `@`, 48 behind it.
pub(super) const UPN_BYTES_MAX: usize = 113;

pub(super) async fn handle(request: &Request<'_>, path: &ResourcePath) -> Result<Response, GraphError> {
    match (&path.key, path.rest().as_slice()) {
        (None, []) if request.method == Method::GET => {
            request.caller.check_any(Operation::ReadUser)?;
            collection::list::<User>(request, User::COLLECTION).await
        }
        (None, []) if request.method == Method::POST => add(request).await,
        (None, ["$count"]) if request.method == Method::GET => {
            request.caller.check_any(Operation::ReadUser)?;
            collection::count::<User>(request).await
        }
        (Some(key), []) => match request.method {
            Method::GET => {
                request.caller.check_any(Operation::ReadUser)?;
                collection::read(request, &find(request, key).await?)
            }
            Method::PATCH => change(request, key).await,
            Method::DELETE => remove(request, key).await,
            _ => Err(GraphError::method()),
        },
        (_, [.., segment]) if *segment != "$count" => Err(GraphError::no_segment(segment)),
        _ => Err(GraphError::method()),
    }
}

/// `/me`: the user who signed in.
pub(super) fn me(request: &Request<'_>, path: &ResourcePath) -> Result<Response, GraphError> {
    if path.key.is_some() || !path.rest().is_empty() {
        return Err(GraphError::no_segment("me"));
    }
    if request.method != Method::GET {
        return Err(GraphError::method());
    }
    let Some(user) = &request.caller.user else {
        return Err(GraphError::bad_request("/me request is only valid with delegated authentication flow."));
    };
    if !request.caller.holds(&["User.Read"]) {
        request.caller.check_any(Operation::ReadUser)?;
    }
    collection::read(request, user)
}

/// By object id or user principal name.
async fn find(request: &Request<'_>, key: &Key) -> Result<User, GraphError> {
    let (directory, tenant) = (&request.sts.0.directory, request.caller.tenant);
    let name = match key {
        Key::Id(name) => name,
        Key::Alternate(property, name) if property == "userPrincipalName" => name,
        Key::Alternate(property, _) => {
            return Err(GraphError::bad_request(format!("'{property}' is not an alternate key of users.")));
        }
    };
    let found = match Uuid::try_parse(name) {
        Ok(id) => directory.user(tenant, id).await?,
        Err(_) => by_upn(request, tenant, name).await?,
    };
    found.ok_or_else(|| GraphError::not_found(name))
}

async fn by_upn(request: &Request<'_>, tenant: TenantId, upn: &str) -> Result<Option<User>, GraphError> {
    let key = UserKey::Upn(upn.to_lowercase());
    Ok(request.sts.0.directory.users_by_key(tenant, &key).await?.into_iter().next())
}

async fn add(request: &Request<'_>) -> Result<Response, GraphError> {
    request.caller.check_any(Operation::AddUser)?;
    request.check_options(&[])?;
    let body = request.json()?;
    for name in ["accountEnabled", "displayName", "mailNickname", "userPrincipalName"] {
        if body.get(name).is_none_or(Value::is_null) {
            return Err(GraphError::bad_request(format!(
                "A value is required for property '{name}' of resource 'User'."
            )));
        }
    }
    let mut new = User::new(Uuid::new_v4(), request.caller.tenant, "", "");
    new.proxy_addresses = Vec::new();
    new.mailbox = false;
    let new = apply(request, new, &body).await?;
    let audit = change::record(request, "user added", None, Some(&new));
    match request.sts.0.directory.add_user(&new, audit).await {
        Ok(()) => Ok(request.created(&collection::whole(request, &new), User::COLLECTION, new.id)),
        Err(error) if error.is_exists() => Err(GraphError::exists("userPrincipalName")),
        Err(error) => Err(error.into()),
    }
}

async fn change(request: &Request<'_>, key: &Key) -> Result<Response, GraphError> {
    request.check_options(&[])?;
    let body = request.json()?;
    if body.contains_key("passwordProfile") {
        request.caller.check_any(Operation::SetPassword)?;
    }
    let only_state = body.keys().all(|name| name == "accountEnabled" || name.starts_with("@odata."));
    request.caller.check_any(if only_state { Operation::EnableUser } else { Operation::ChangeUser })?;
    let user = find(request, key).await?;
    // Whoever sets an administrator's password is one from then on.
    if user.administrator && body.contains_key("passwordProfile") {
        return Err(GraphError::denied());
    }
    let after = apply(request, user.clone(), &body).await?;
    request.check_unchanged(user.version)?;
    let audit = change::record(request, "user changed", Some(&user), Some(&after));
    match request.sts.0.directory.update_user(&after, audit).await {
        Ok(()) => Ok(no_content()),
        Err(error) if error.is_exists() => Err(GraphError::exists("userPrincipalName")),
        Err(error) => Err(error.into()),
    }
}

async fn remove(request: &Request<'_>, key: &Key) -> Result<Response, GraphError> {
    request.caller.check_any(Operation::DeleteUser)?;
    request.check_options(&[])?;
    let user = find(request, key).await?;
    request.check_unchanged(user.version)?;
    let audit = change::record(request, "user removed", Some(&user), None);
    request.sts.0.directory.delete(&[DeletedObject::User(user.into())], request.now(), audit).await?;
    Ok(no_content())
}

async fn apply(request: &Request<'_>, mut user: User, body: &Map<String, Value>) -> Result<User, GraphError> {
    for (name, value) in body {
        match name.as_str() {
            name if name.starts_with("@odata.") => {}
            "accountEnabled" => {
                user.enabled = value.as_bool().ok_or_else(|| GraphError::invalid(name, "it is true or false"))?;
            }
            "displayName" => user.display_name = display_name(value)?,
            "passwordProfile" => {
                if let Some(hash) = password(value).await? {
                    user.password = Some(hash);
                }
            }
            "userPrincipalName" => user.upn = upn(request, value).await?,
            name if keep(&KEPT, &mut user.kept, name, value)? => {}
            other => return Err(GraphError::bad_request(format!("The property '{other}' cannot be set."))),
        }
    }
    Ok(user)
}

/// The hash of a new password. That it is to be changed at the next sign-in is not asked
/// of anybody here.
async fn password(value: &Value) -> Result<Option<PasswordHash>, GraphError> {
    let wrong = |why: &str| GraphError::invalid("passwordProfile", why);
    let profile = match value {
        Value::Null => return Ok(None),
        Value::Object(profile) => profile,
        _ => return Err(wrong("it is not an object")),
    };
    let known = ["password", "forceChangePasswordNextSignIn", "forceChangePasswordNextSignInWithMfa"];
    if !profile.keys().all(|name| known.contains(&name.as_str()) || name.starts_with("@odata.")) {
        return Err(wrong("it has a property that is not known"));
    }
    if profile.is_empty() {
        return Err(wrong("it holds no password"));
    }
    let Some(text) = profile.get("password").filter(|value| !value.is_null()) else { return Ok(None) };
    let text = text.as_str().filter(|text| is_password(text)).map(str::to_owned);
    let text = text.ok_or_else(|| wrong("the password has 8 characters or more, and 256 bytes at most"))?;
    // Hashing takes a while on purpose, so it happens off the async threads.
    let hashed = tokio::task::spawn_blocking(move || hash_password(&text)).await;
    hashed.map_err(|error| GraphError::internal(&error))?.map(Some).map_err(|error| GraphError::internal(&error))
}

/// A name in a verified domain of the caller's tenant.
async fn upn(request: &Request<'_>, value: &Value) -> Result<String, GraphError> {
    let wrong = |why: &str| GraphError::invalid("userPrincipalName", why);
    let text = value.as_str().filter(|text| text.len() <= UPN_BYTES_MAX).ok_or_else(|| wrong("it is too long"))?;
    let (local, domain) = text.rsplit_once('@').ok_or_else(|| wrong("it is of the form name@domain"))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    if local.is_empty() || !local.chars().all(plain) || local.starts_with('.') || local.ends_with('.') {
        return Err(wrong("the part before '@' has characters that are not allowed"));
    }
    let domain: DomainName = domain.parse().map_err(|_| wrong("it is of the form name@domain"))?;
    if own_tenant(request).await?.domains.iter().any(|own| own.name == domain) {
        Ok(text.to_owned())
    } else {
        Err(wrong("the domain is not a verified domain of this organization"))
    }
}

impl Entity for User {
    const COLLECTION: &'static str = "users";
    const KIND: &'static str = "user";
    const NAMES: &'static [&'static str] = &[
        "id",
        "deletedDateTime",
        "accountEnabled",
        "displayName",
        "mail",
        "onPremisesSecurityIdentifier",
        "onPremisesSyncEnabled",
        "proxyAddresses",
        "securityIdentifier",
        "userPrincipalName",
        "userType",
    ];
    const KEPT: &'static [KeptProperty] = &KEPT;
    const DEFAULT: &'static [&'static str] = &[
        "businessPhones",
        "displayName",
        "givenName",
        "id",
        "jobTitle",
        "mail",
        "mobilePhone",
        "officeLocation",
        "preferredLanguage",
        "surname",
        "userPrincipalName",
    ];

    fn id(&self) -> Uuid {
        self.id
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn kept(&self) -> &Kept {
        &self.kept
    }

    fn display_name(&self) -> &str {
        &self.display_name
    }

    fn value(&self, name: &str, _: bool) -> Option<Value> {
        Some(match name {
            "id" => self.id.to_string().into(),
            "deletedDateTime" | "securityIdentifier" => Value::Null,
            "accountEnabled" => self.enabled.into(),
            "displayName" => self.display_name.clone().into(),
            "mail" => self.primary_smtp().into(),
            "onPremisesSecurityIdentifier" => self.sid.clone().into(),
            "onPremisesSyncEnabled" => self.sid.as_ref().map(|_| true).into(),
            "proxyAddresses" => self.proxy_addresses.clone().into(),
            "userPrincipalName" => self.upn.clone().into(),
            "userType" => "Member".into(),
            _ => return None,
        })
    }

    fn filtered<'o>(&'o self, name: &str) -> Option<Property<'o>> {
        let text = |value: Option<&str>| value.map_or(Property::Null, |text| Property::Text(text.to_owned()));
        Some(match name {
            "id" => Property::Text(self.id.to_string()),
            "accountEnabled" => Property::Boolean(self.enabled),
            "displayName" => Property::Text(self.display_name.clone()),
            "mail" => text(self.primary_smtp()),
            "onPremisesSecurityIdentifier" => text(self.sid.as_deref()),
            "proxyAddresses" => Property::List(&self.proxy_addresses),
            "userPrincipalName" => Property::Text(self.upn.clone()),
            "userType" => Property::Text("Member".to_owned()),
            "givenName" | "mailNickname" | "onPremisesImmutableId" | "surname" => {
                text(self.kept.get(name).and_then(Value::as_str))
            }
            _ => return None,
        })
    }

    fn may_be_read(&self, request: &Request<'_>) -> bool {
        request.caller.may(Operation::ReadUser, Relation::default())
    }

    async fn page(request: &Request<'_>, after: Uuid, count: i64) -> Result<Vec<Self>, GraphError> {
        Ok(request.sts.0.directory.users_after(request.caller.tenant, after, count).await?)
    }

    async fn indexed(request: &Request<'_>, filter: &Filter) -> Result<Option<Vec<Self>>, GraphError> {
        if let Some(id) = filter.required_text("id") {
            let (directory, tenant) = (&request.sts.0.directory, request.caller.tenant);
            let found = match Uuid::try_parse(id) {
                Ok(id) => directory.user(tenant, id).await?,
                Err(_) => None,
            };
            return Ok(Some(found.into_iter().collect()));
        }
        let key = if let Some(upn) = filter.required_text("userPrincipalName") {
            UserKey::Upn(upn.to_lowercase())
        } else if let Some(mail) = filter.required_text("mail") {
            UserKey::Smtp(mail.to_lowercase())
        } else {
            match filter.required_item("proxyAddresses").and_then(|address| address.split_once(':')) {
                Some((scheme, address)) if scheme.eq_ignore_ascii_case("smtp") => UserKey::Smtp(address.to_lowercase()),
                Some((scheme, address)) if scheme.eq_ignore_ascii_case("sip") => UserKey::Sip(address.to_lowercase()),
                _ => return Ok(None),
            }
        };
        Ok(Some(request.sts.0.directory.users_by_key(request.caller.tenant, &key).await?))
    }

    fn from_deleted(object: DeletedObject) -> Option<Self> {
        match object {
            DeletedObject::User(user) => Some(*user),
            _ => None,
        }
    }
}
