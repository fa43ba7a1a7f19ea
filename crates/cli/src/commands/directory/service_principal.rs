//! `MsolServicePrincipal`.

use actas_directory::well_known;
use actas_runtime::SystemClock;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    credential, id_of, name_of,
    new_key::{self, NewCredential},
    open, principal, quoted, target,
};
use crate::{
    app::Context,
    arguments::{
        principal::PrincipalIdentity,
        service_principal::{Get, New, Remove, Set},
    },
    commands::change::{self, Default},
    output::Record,
    problem::Problem,
};

pub(super) async fn get(asked: Get, context: &Context) -> Result<(), Problem> {
    let graph = open(context, asked.tenant).await?;
    if let Some(identity) = &asked.principal.0 {
        return context.console.records(&[record(&principal(&graph, identity).await?)]);
    }
    let filter = asked.search_string.map(|text| format!("startswith(displayName,'{}')", quoted(&text)));
    let count = if asked.all { usize::MAX } else { usize::try_from(asked.max_results).unwrap_or(usize::MAX) };
    let found = graph.principals(filter.as_deref(), count).await?;
    context.console.records(&found.iter().map(record).collect::<Vec<_>>())?;
    if !found.is_empty() && found.len() == count {
        context.console.warning(&format!("these are the first {count}, and there may be more: `-All` shows every one"));
    }
    Ok(())
}

pub(super) async fn new(asked: New, context: &Context) -> Result<(), Problem> {
    if !change::may(context, asked.change, Default::Go, "New-MsolServicePrincipal", &asked.display_name).await? {
        return Ok(());
    }
    let now = SystemClock::shared().now();
    // A shared key proves nothing here, so that none is made which nobody asked for.
    let wants_key = asked.key.value.is_some() || asked.key.kind_is_named;
    let key = if wants_key { Some(new_key::prepare(&asked.key, asked.change.force, now)?) } else { None };
    let graph = open(context, asked.tenant).await?;

    let (app_id, registered) = if let Some(app_id) = asked.app_principal_id {
        (app_id.to_string(), None)
    } else {
        // A principal is one of an application: where none is named, it is registered first.
        let made = graph.add_application(&asked.display_name).await?;
        let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
        (text("appId"), Some(text("id")))
    };
    let mut body = json!({ "appId": app_id, "displayName": asked.display_name });
    if let Some(enabled) = asked.account_enabled {
        body["accountEnabled"] = enabled.into();
    }
    if !asked.service_principal_names.is_empty() {
        body["servicePrincipalNames"] = asked.service_principal_names.into();
    }
    if !asked.addresses.is_empty() {
        body["replyUrls"] = asked.addresses.into();
    }
    if let Some(NewCredential::Key(key)) = key.as_ref().map(|key| &key.new) {
        body["keyCredentials"] = json!([new_key::to_json(key)]);
    }
    let made = match graph.add_principal(&body).await {
        Ok(made) => made,
        Err(error) => {
            // What was registered for it alone goes with it; why it failed matters more.
            if let Some(id) = registered {
                let _ = graph.remove_application(&id).await;
            }
            return Err(error.into());
        }
    };
    let Some(key) = key else {
        context.console.note(&format!(
            "It has no key yet: `actas New-MsolServicePrincipalCredential -AppPrincipalId {app_id} -Type Asymmetric \
             -Usage Verify -Value <certificate>` adds one.\n"
        ));
        return context.console.records(&[record(&made)]);
    };
    // A secret that was made is told this once; a certificate is known.
    let secret = match &key.new {
        NewCredential::Key(new) if key.made_here => {
            let key_id = made["keyCredentials"][0]["keyId"].as_str().unwrap_or_default();
            Some(credential::of_new_key(new, key_id, true))
        }
        NewCredential::Key(_) => None,
        NewCredential::Password { .. } => {
            let added = credential::add(&graph, &made, &key).await;
            let detail = format!("the service principal {app_id} was added, and has no secret");
            Some(added.map_err(|problem| problem.detail(detail))?)
        }
    };
    key.tell(&context.console);
    context.console.records(&std::iter::once(record(&made)).chain(secret).collect::<Vec<_>>())
}

pub(super) async fn set(asked: Set, context: &Context) -> Result<(), Problem> {
    let name = target(&asked.principal);
    if !change::may(context, asked.change, Default::Go, "Set-MsolServicePrincipal", &name).await? {
        return Ok(());
    }
    let mut body = serde_json::Map::new();
    let list = |texts: Vec<String>| texts.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
    let names = asked.service_principal_names.map(list);
    if let Some(enabled) = asked.account_enabled {
        body.insert("accountEnabled".to_owned(), enabled.into());
    }
    if let Some(addresses) = asked.addresses.map(list) {
        body.insert("replyUrls".to_owned(), addresses.into());
    }
    if let Some(display_name) = asked.display_name {
        body.insert("displayName".to_owned(), display_name.into());
    }
    if let Some(names) = &names {
        body.insert("servicePrincipalNames".to_owned(), names.clone().into());
    }
    if body.is_empty() {
        return Err(Problem::usage("nothing to change was named")
            .hint(format!("`actas help {}` shows what can be changed", context.name)));
    }
    let graph = open(context, asked.tenant).await?;
    let before = principal(&graph, &asked.principal).await?;
    graph.change_principal(id_of(&before), &body, &before).await?;
    if let Some(names) = names {
        for gone in names_that_go(&before, &names) {
            context.console.warning(&format!(
                "the name `{gone}` was removed from `{}`: the list is replaced as a whole",
                name_of(&before)
            ));
        }
    }
    Ok(())
}

pub(super) async fn remove(asked: Remove, context: &Context) -> Result<(), Problem> {
    let name = target(&asked.principal);
    if let PrincipalIdentity::AppPrincipalId(app_id) = asked.principal {
        refuse_first_party(&json!({ "appId": app_id.to_string() }))?;
    }
    if asked.change.what_if {
        return change::may(context, asked.change, Default::Ask, "Remove-MsolServicePrincipal", &name).await.map(drop);
    }
    let graph = open(context, asked.tenant).await?;
    let found = principal(&graph, &asked.principal).await?;
    refuse_first_party(&found)?;
    let shown = format!("{} ({name})", name_of(&found));
    if !change::may(context, asked.change, Default::Ask, "Remove-MsolServicePrincipal", &shown).await? {
        return Ok(());
    }
    Ok(graph.remove_principal(id_of(&found)).await?)
}

/// Guides that say "remove the MSOLServicePrincipal" mean its credential.
fn refuse_first_party(found: &Value) -> Result<(), Problem> {
    let app_id = found["appId"].as_str().and_then(|text| Uuid::try_parse(text).ok()).unwrap_or_default();
    if ![well_known::EXCHANGE, well_known::SHAREPOINT, well_known::LYNC].contains(&app_id) {
        return Ok(());
    }
    Err(Problem::failed(format!("{} is a service of the cloud itself, and is not removed", name_of(found)))
        .detail("guides that say \"remove the MSOLServicePrincipal\" mean the credential of the old certificate")
        .hint(format!(
            "`actas Remove-MsolServicePrincipalCredential -AppPrincipalId {app_id} -KeyIds <key id>`; \
             `actas Get-MsolServicePrincipalCredential -AppPrincipalId {app_id} -ReturnKeyValues false` shows the key ids"
        )))
}

/// Returns the names that a principal loses; its application id it keeps whatever is sent.
fn names_that_go(before: &Value, after: &[String]) -> Vec<String> {
    let had = before["servicePrincipalNames"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let app_id = before["appId"].as_str().unwrap_or_default();
    let stays =
        |name: &str| name.eq_ignore_ascii_case(app_id) || after.iter().any(|own| own.eq_ignore_ascii_case(name));
    had.filter(|name| !stays(name)).map(str::to_owned).collect()
}

/// Returns a principal with the vendor's properties.
fn record(principal: &Value) -> Record {
    let value = |name: &str| principal.get(name).cloned().unwrap_or_default();
    Record::new()
        .with("ExtensionData", None::<String>)
        .with("AccountEnabled", value("accountEnabled"))
        .with("Addresses", principal.get("replyUrls").cloned().unwrap_or_else(|| json!([])))
        .with("AppPrincipalId", value("appId"))
        .with("DisplayName", value("displayName"))
        .with("ObjectId", value("id"))
        .with("ServicePrincipalNames", value("servicePrincipalNames"))
        .with("TrustedForDelegation", value("trustedForDelegation"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_go_are_found() {
        let before = json!({ "appId": "a", "servicePrincipalNames": ["a", "A/one", "a/two"] });
        assert_eq!(names_that_go(&before, &["a/ONE".to_owned()]), ["a/two"]);
        assert_eq!(names_that_go(&before, &[]), ["A/one", "a/two"]);
    }

    #[test]
    fn services_of_the_cloud_are_not_removed() {
        let problem =
            refuse_first_party(&json!({ "appId": well_known::LYNC.to_string(), "displayName": "Lync" })).unwrap_err();
        assert!(problem.hint.unwrap().starts_with(
            "`actas Remove-MsolServicePrincipalCredential -AppPrincipalId 00000004-0000-0ff1-ce00-000000000000 -KeyIds"
        ));
        assert_eq!(refuse_first_party(&json!({ "appId": Uuid::nil().to_string() })), Ok(()));
    }
}
