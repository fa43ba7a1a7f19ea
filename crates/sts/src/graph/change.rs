//! What every change has in common: who made it, and what it changed.

use actas_store::directory::Audit;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Request;
use super::entity::{Entity, Properties};

/// The record of a change: who, what, before and after. Properties that stay as they were
/// are left out; keys are named by their ids, and of secrets nothing is kept.
pub(super) fn record<E: Entity>(
    request: &Request<'_>,
    kind: &'static str,
    before: Option<&E>,
    after: Option<&E>,
) -> Audit {
    let id = after.or(before).map_or(Uuid::nil(), Entity::id);
    let view = |entity: Option<&E>| entity.map(|entity| entity.properties(false)).unwrap_or_default();
    let details = json!({
        "by": request.caller.principal.app_id.to_string(),
        "byObject": request.caller.id().to_string(),
        "type": E::KIND,
        "object": id.to_string(),
        "changes": differences(view(before), view(after)),
    });
    with_details(request, kind, details)
}

/// A record with details of its own.
pub(super) fn with_details(request: &Request<'_>, kind: &'static str, details: Value) -> Audit {
    Audit { time: request.now(), tenant: request.caller.tenant, kind, details }
}

fn differences(mut before: Properties, mut after: Properties) -> Value {
    let mut changes = Map::new();
    let names: Vec<String> = before.keys().chain(after.keys()).cloned().collect();
    for name in names {
        let (old, new) = (before.remove(&name).unwrap_or_default(), after.remove(&name).unwrap_or_default());
        if old != new {
            changes.insert(name, json!({ "before": without_hints(old), "after": without_hints(new) }));
        }
    }
    Value::Object(changes)
}

/// A hint is three characters of a secret.
fn without_hints(mut value: Value) -> Value {
    for item in value.as_array_mut().into_iter().flatten() {
        if let Some(item) = item.as_object_mut() {
            item.remove("hint");
        }
    }
    value
}
