//! Changes of what Graph replaces as a whole, made so that nobody else's is lost: read,
//! compare, replace and, where the directory cannot compare for us, verify.
//!
//! Our directory gives an ETag and compares it itself (`If-Match`). Microsoft's gives
//! none for these objects, and its copies catch up with a delay: there the object is read
//! twice before it is replaced, and looked at afterwards. A change by somebody else that
//! fell into the moment between is found by whoever looks last, and made anew.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{GraphClient, PrincipalKey, time};
use crate::error::Error;

const KEYS: &str = "keyCredentials";
/// How often a change is made anew because another got in its way.
const TRIES_MAX: u32 = 8;
/// How often it is looked for afterwards, before it counts as overwritten.
const LOOKS_MAX: u32 = 4;
/// The pause before the second try; it doubles.
const PAUSE: Duration = Duration::from_millis(50);
/// The pause before the second look; it doubles.
const LOOK_PAUSE: Duration = Duration::from_millis(400);

// === impl GraphClient ===

impl GraphClient {
    /// Adds a key beside those that are there, and returns the id that the directory has
    /// for it.
    pub async fn add_key(&self, id: &str, key: &PrincipalKey) -> Result<Uuid, Error> {
        let new = json!({
            "keyId": Uuid::new_v4().to_string(),
            "type": key.kind,
            "usage": key.usage,
            "key": key.key,
            "startDateTime": time(key.start),
            "endDateTime": time(key.end),
        });
        let first = Mutex::new(None);
        let edit = |keys: &[Value]| {
            let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
            let before = first.get_or_insert_with(|| keys.to_vec());
            // Added by an earlier try of ours, it is not added twice.
            let there = keys.iter().any(|key| is_new(key, &new, before));
            (!there).then(|| [keys, std::slice::from_ref(&new)].concat())
        };
        let after = self.edit_keys(id, edit).await?;
        let before = first.into_inner().unwrap_or_else(PoisonError::into_inner).unwrap_or_default();
        let added = after.iter().find(|key| is_new(key, &new, &before)).unwrap_or(&new);
        let key_id = added["keyId"].as_str().and_then(|id| Uuid::try_parse(id).ok());
        key_id.ok_or_else(|| Error::peer("the directory has the new key without a key id"))
    }

    /// Removes keys and secrets by id: all, or none if one of them is not there.
    pub async fn remove_credentials(&self, id: &str, ids: &[Uuid]) -> Result<(), Error> {
        let (_, principal) = self.principal_with_keys(id).await?;
        let among = |list: &str, wanted: Uuid| list_of(&principal, list).iter().any(|item| has_id(item, wanted));
        let (keys, passwords): (Vec<Uuid>, Vec<Uuid>) = ids.iter().partition(|id| among(KEYS, **id));
        if let Some(missing) = passwords.iter().find(|id| !among("passwordCredentials", **id)) {
            let app_id = principal["appId"].as_str().unwrap_or("<id>");
            return Err(Error::not_found(format!("the service principal has no credential with the key id {missing}"))
                .with_hint(format!(
                    "`actas Get-MsolServicePrincipalCredential -AppPrincipalId {app_id} -ReturnKeyValues false` lists them"
                )));
        }
        if !keys.is_empty() {
            let edit = |now: &[Value]| {
                let stays = |key: &&Value| !keys.iter().any(|gone| has_id(key, *gone));
                let left: Vec<Value> = now.iter().filter(stays).cloned().collect();
                // Whoever else removed them in between did the same.
                (left.len() < now.len()).then_some(left)
            };
            self.edit_keys(id, edit).await?;
        }
        for password in passwords {
            let url = format!("{}/servicePrincipals/{id}/removePassword", self.root);
            self.send(Method::POST, &url, Some(&json!({ "keyId": password.to_string() })), None).await?;
        }
        Ok(())
    }

    /// Changes properties of a principal that the caller saw as `seen`. Refused when one
    /// of them is no longer so: what somebody else wrote is not overwritten unseen.
    pub async fn change_principal(&self, id: &str, wanted: &Map<String, Value>, seen: &Value) -> Result<(), Error> {
        let names: Vec<&str> = wanted.keys().map(String::as_str).collect();
        let url = format!("{}/servicePrincipals/{id}", self.root);
        let read = format!("{url}?$select=id,{}", names.join(","));
        for tries in 1..=TRIES_MAX {
            let (etag, now) = self.get(&read).await?;
            if let Some(name) = names.iter().find(|name| !same(&now[**name], &seen[**name])) {
                // Ours from an earlier try is nobody else's.
                if tries > 1 && names.iter().all(|name| holds(&now[*name], &wanted[*name])) {
                    return Ok(());
                }
                return Err(Error::invalid(format!(
                    "`{name}` of the service principal was changed by somebody else in the meantime; it is now {}, and \
                     was not overwritten",
                    now[*name]
                ))
                .with_hint("look at it with `actas Get-MsolServicePrincipal`, and give the command again"));
            }
            let body = Value::Object(wanted.clone());
            let response = self.request(Method::PATCH, &url, Some(&body), etag.as_deref()).await?;
            if response.status == StatusCode::PRECONDITION_FAILED && tries < TRIES_MAX {
                pause(PAUSE, tries).await;
                continue;
            }
            self.refuse(&url, response)?;
            let is_so = |now: &Value| names.iter().all(|name| holds(&now[*name], &wanted[*name]));
            if etag.is_some() || self.look(&read, is_so).await?.is_some() {
                return Ok(());
            }
        }
        Err(overwritten())
    }

    /// Makes the list of keys what `edit` wants, until it wants nothing more. Returns the
    /// list as it is then.
    async fn edit_keys(&self, id: &str, edit: impl Fn(&[Value]) -> Option<Vec<Value>>) -> Result<Vec<Value>, Error> {
        let url = format!("{}/servicePrincipals/{id}", self.root);
        let read = format!("{url}?$select=id,keyCredentials");
        for tries in 1..=TRIES_MAX {
            let (etag, principal) = self.get(&read).await?;
            let before = list_of(&principal, KEYS);
            let Some(after) = edit(before) else { return Ok(before.to_vec()) };
            if etag.is_none() {
                // The moment in which a change of somebody else's is not seen, made short.
                let (_, again) = self.get(&read).await?;
                if !same_ids(list_of(&again, KEYS), before) {
                    pause(PAUSE, tries).await;
                    continue;
                }
            }
            let body = json!({ KEYS: after });
            let response = self.request(Method::PATCH, &url, Some(&body), etag.as_deref()).await?;
            if response.status == StatusCode::PRECONDITION_FAILED && tries < TRIES_MAX {
                pause(PAUSE, tries).await;
                continue;
            }
            self.refuse(&url, response)?;
            if etag.is_some() {
                return Ok(after);
            }
            if let Some(now) = self.look(&read, |now| edit(list_of(now, KEYS)).is_none()).await? {
                return Ok(list_of(&now, KEYS).to_vec());
            }
        }
        Err(overwritten())
    }

    /// The object once it shows a change, if not at once then soon: copies catch up.
    async fn look(&self, url: &str, is_so: impl Fn(&Value) -> bool) -> Result<Option<Value>, Error> {
        for look in 1..=LOOKS_MAX {
            let (_, now) = self.get(url).await?;
            if is_so(&now) {
                return Ok(Some(now));
            }
            if look < LOOKS_MAX {
                pause(LOOK_PAUSE, look).await;
            }
        }
        Ok(None)
    }
}

fn overwritten() -> Error {
    Error::peer(format!("others changed the same service principal {TRIES_MAX} times while this change was made"))
        .with_hint("look at it with `actas Get-MsolServicePrincipalCredential`, and give the command again")
}

fn list_of<'v>(object: &'v Value, name: &str) -> &'v [Value] {
    object[name].as_array().map_or(&[], Vec::as_slice)
}

fn has_id(credential: &Value, id: Uuid) -> bool {
    credential["keyId"].as_str().is_some_and(|own| Uuid::try_parse(own) == Ok(id))
}

/// Whether a key is the one that was sent, with the id that it was sent with or with one
/// that the directory gave it. What was there before is not.
fn is_new(key: &Value, sent: &Value, before: &[Value]) -> bool {
    let compact = |value: &Value| value.as_str().map(|text| text.split_ascii_whitespace().collect::<String>());
    // The value of a shared key does not come back: that one is known by its id alone.
    let same_key = compact(&key["key"]).is_some_and(|own| Some(own) == compact(&sent["key"]));
    key["keyId"] == sent["keyId"]
        || (same_key
            && key["type"] == sent["type"]
            && key["usage"] == sent["usage"]
            && !before.iter().any(|known| known["keyId"] == key["keyId"]))
}

fn same_ids(one: &[Value], other: &[Value]) -> bool {
    let ids = |keys: &[Value]| {
        let mut ids: Vec<String> =
            keys.iter().map(|key| key["keyId"].as_str().unwrap_or_default().to_lowercase()).collect();
        ids.sort();
        ids
    };
    ids(one) == ids(other)
}

/// Whether two values are one, the order of a list aside.
fn same(one: &Value, other: &Value) -> bool {
    match (one.as_array(), other.as_array()) {
        (Some(one), Some(other)) => one.len() == other.len() && one.iter().all(|item| other.contains(item)),
        _ => one == other,
    }
}

/// Whether what stands is what was wanted. The directory adds names of its own to a list.
fn holds(stands: &Value, wanted: &Value) -> bool {
    match (stands.as_array(), wanted.as_array()) {
        (Some(stands), Some(wanted)) => wanted.iter().all(|item| stands.contains(item)),
        _ => stands == wanted,
    }
}

/// Waits, longer each time, and not as long as others who were refused at the same moment.
async fn pause(first: Duration, tries: u32) {
    let plain = first.saturating_mul(1 << (tries - 1).min(6));
    let share = u32::try_from(Uuid::new_v4().as_u128() % 1024).unwrap_or(0);
    tokio::time::sleep(plain / 2 + plain / 1024 * share).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_compared_without_their_order() {
        assert!(same(&json!(["a", "b"]), &json!(["b", "a"])));
        assert!(!same(&json!(["a", "b"]), &json!(["a"])));
        assert!(!same(&json!(true), &json!(false)) && same(&json!("x"), &json!("x")));
        assert!(holds(&json!(["id", "a"]), &json!(["a"])) && !holds(&json!(["id"]), &json!(["a"])));
    }
}
