//! `MsolServicePrincipalCredential`.

use actas_agent::{GraphClient, PrincipalKey};
use actas_certificate::Certificate;
use actas_runtime::SystemClock;
use serde_json::Value;

use super::{
    id_of, name_of,
    new_key::{self, NewCredential, Prepared},
    open, principal, target,
};
use crate::{
    app::Context,
    arguments::service_principal_credential::{Get, New, Remove},
    commands::{
        change::{self, Default},
        shown,
    },
    output::Record,
    problem::Problem,
};

pub(super) async fn get(asked: Get, context: &Context) -> Result<(), Problem> {
    let graph = open(context, asked.tenant).await?;
    let found = principal(&graph, &asked.principal).await?;
    let (_, found) = graph.principal_with_keys(id_of(&found)).await?;
    let of = |list: &str| found[list].as_array().cloned().unwrap_or_default();
    let keys = of("keyCredentials").iter().map(|key| of_key(key, asked.return_key_values)).collect::<Vec<_>>();
    let passwords = of("passwordCredentials").iter().map(of_password).collect::<Vec<_>>();
    context.console.records(&[keys, passwords].concat())
}

pub(super) async fn new(asked: New, context: &Context) -> Result<(), Problem> {
    let name = target(&asked.principal);
    let operation = "New-MsolServicePrincipalCredential";
    let now = SystemClock::shared().now();
    // What is wrong with the key is told even if nothing would be changed.
    let prepared = new_key::prepare(&asked.key, asked.change.force, now)?;
    if !change::may(context, asked.change, Default::Go, operation, &name).await? {
        return Ok(());
    }
    let graph = open(context, asked.tenant).await?;
    let found = principal(&graph, &asked.principal).await?;
    let record = add(&graph, &found, &prepared).await?;
    prepared.tell(&context.console);
    context.console.records(&[record])
}

/// Adds a credential that is ready, and shows it; a secret that was made is shown this once.
pub(super) async fn add(graph: &GraphClient, principal: &Value, prepared: &Prepared) -> Result<Record, Problem> {
    Ok(match &prepared.new {
        NewCredential::Key(key) => {
            let key_id = graph.add_key(id_of(principal), key).await?;
            of_new_key(key, &key_id.to_string(), prepared.made_here)
        }
        NewCredential::Password { start, end } => {
            let made = graph.add_password(id_of(principal), name_of(principal), *start, *end).await?;
            Record::new()
                .with("Type", "Password")
                .with("Value", made.secret)
                .with("KeyId", made.key_id.to_string())
                .with("StartDate", made.start)
                .with("EndDate", made.end)
                .with("Usage", "Verify")
        }
    })
}

/// Returns a key that was added, with its value where nobody but the directory has it.
pub(super) fn of_new_key(key: &PrincipalKey, key_id: &str, with_value: bool) -> Record {
    Record::new()
        .with("Type", type_of(key.kind))
        .with("Value", with_value.then(|| key.key.clone()))
        .with("KeyId", key_id)
        .with("StartDate", shown::time(key.start))
        .with("EndDate", shown::time(key.end))
        .with("Usage", key.usage)
}

pub(super) async fn remove(asked: Remove, context: &Context) -> Result<(), Problem> {
    let name = target(&asked.principal);
    if !change::may(context, asked.change, Default::Go, "Remove-MsolServicePrincipalCredential", &name).await? {
        return Ok(());
    }
    let graph = open(context, asked.tenant).await?;
    let found = principal(&graph, &asked.principal).await?;
    graph.remove_credentials(id_of(&found), &asked.key_ids).await?;
    let (_, left) = graph.principal_with_keys(id_of(&found)).await?;
    let proves = |key: &Value| key["usage"] == "Verify" && key["type"] == "AsymmetricX509Cert";
    if !left["keyCredentials"].as_array().is_some_and(|keys| keys.iter().any(proves)) {
        context.console.warning(&format!(
            "`{}` has no certificate left, and no token is issued for it until one is added",
            name_of(&found)
        ));
    }
    Ok(())
}

/// Returns a key with the vendor's properties. A shared key's value never comes back.
fn of_key(key: &Value, with_value: bool) -> Record {
    let value = key["key"].as_str().filter(|_| with_value && key["type"] == "AsymmetricX509Cert");
    // What Graph shows may be wrapped; what is printed can be given to `-Value` again.
    let value = value.map(|text| Certificate::from_base64(text).map_or_else(|_| text.to_owned(), |it| it.to_base64()));
    Record::new()
        .with("Type", type_of(key["type"].as_str().unwrap_or_default()))
        .with("Value", value)
        .with("KeyId", key["keyId"].clone())
        .with("StartDate", key["startDateTime"].clone())
        .with("EndDate", key["endDateTime"].clone())
        .with("Usage", key["usage"].clone())
}

fn of_password(password: &Value) -> Record {
    Record::new()
        .with("Type", "Password")
        .with("Value", None::<String>)
        .with("KeyId", password["keyId"].clone())
        .with("StartDate", password["startDateTime"].clone())
        .with("EndDate", password["endDateTime"].clone())
        .with("Usage", "Verify")
}

/// Returns the vendor's word for Graph's.
fn type_of(graph: &str) -> &str {
    if graph == "AsymmetricX509Cert" { "Asymmetric" } else { graph }
}
