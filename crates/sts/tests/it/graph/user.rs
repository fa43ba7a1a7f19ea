//! Users and domains.

use actas_directory::{User, UserKey};
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Client, refused};
use crate::cloud::{APP, Cloud, audit};

/// The users that every cloud starts with, with more to find.
async fn with_users(cloud: &Cloud) -> [User; 3] {
    let user = |id: u128, tenant, name: &str, address: &str| User::new(Uuid::from_u128(id), tenant, name, address);
    let mut lena = user(1, cloud.tenant, "Lena", "lena@fabrikam.example");
    lena.sid = Some("S-1-5-21-1".to_owned());
    lena.proxy_addresses.push("smtp:l.fischer@fabrikam.example".to_owned());
    let all = [
        lena,
        user(2, cloud.tenant, "Omar", "o'mar#ext@fabrikam.example"),
        user(3, cloud.other, "Eve", "eve@contoso.example"),
    ];
    for user in &all {
        cloud.directory.update_user(user, audit(user.tenant, cloud.now())).await.unwrap();
    }
    all
}

fn new_user(upn: &str) -> Value {
    json!({
        "accountEnabled": true, "displayName": "New", "mailNickname": "new", "userPrincipalName": upn,
        "jobTitle": "Clerk", "passwordProfile": {"password": "not kept anywhere"},
    })
}

#[tokio::test]
async fn a_password_that_is_none_is_refused() {
    let cloud = Cloud::start().await;
    let client = Client::with_permissions(&cloud, APP, &["User.ReadWrite.All"]).await;
    let mut user = new_user("new@fabrikam.example");
    user["passwordProfile"] = json!("secret");
    refused(&client.post("/v1.0/users", user.clone()).await, 400, "Request_BadRequest");
    user["passwordProfile"] = Value::Null;
    assert_eq!(client.post("/v1.0/users", user).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn users_are_found() {
    let cloud = Cloud::start().await;
    let [lena, omar, eve] = with_users(&cloud).await;
    let client = Client::with_permissions(&cloud, APP, &["User.Read.All"]).await;
    let list = client.get("/v1.0/users").await.json();
    assert_eq!(list["value"].as_array().unwrap().len(), 2);
    assert_eq!(list["value"][0].as_object().unwrap().len(), 11, "what is shown by default: {list}");
    assert!(list["value"][0].get("accountEnabled").is_none());
    for path in [
        format!("users/{}", lena.id),
        "users/lena@fabrikam.example".to_owned(),
        "users/LENA@fabrikam.example".to_owned(),
        "users('lena@fabrikam.example')".to_owned(),
        "users(userPrincipalName='lena@fabrikam.example')".to_owned(),
    ] {
        assert_eq!(client.get(&format!("/v1.0/{path}")).await.json()["id"], lena.id.to_string(), "{path}");
    }
    for path in ["users/o'mar%23ext@fabrikam.example", "users('o''mar%23ext@fabrikam.example')"] {
        assert_eq!(client.get(&format!("/v1.0/{path}")).await.json()["id"], omar.id.to_string(), "{path}");
    }
    let select =
        "accountEnabled,proxyAddresses,onPremisesSecurityIdentifier,onPremisesImmutableId,userType,mailNickname";
    let shown = client.get(&format!("/v1.0/users/{}?$select={select}", lena.id)).await.json();
    assert_eq!(
        (&shown["onPremisesSecurityIdentifier"], &shown["accountEnabled"]),
        (&json!("S-1-5-21-1"), &json!(true))
    );
    assert_eq!(shown["proxyAddresses"][2], "smtp:l.fischer@fabrikam.example");
    for (filter, found) in [
        ("userPrincipalName eq 'LENA@fabrikam.example'", 1),
        ("mail eq 'lena@fabrikam.example'", 1),
        ("mail eq 'l.fischer@fabrikam.example'", 0),
        ("proxyAddresses/any(p:p eq 'smtp:L.Fischer@fabrikam.example')", 1),
        ("proxyAddresses/any(p:p eq 'sip:lena@fabrikam.example')", 1),
        ("startswith(displayName,'l')", 1),
        ("accountEnabled eq true", 2),
        ("userPrincipalName eq 'eve@contoso.example'", 0),
        ("id in ('00000000-0000-0000-0000-000000000001','x')", 1),
    ] {
        let answer = client.filtered("users", filter).await.json();
        assert_eq!(answer["value"].as_array().unwrap().len(), found, "{filter}");
    }
    assert_eq!(client.eventual("/v1.0/users/$count").await.text, "2");
    for gone in [eve.id.to_string(), "eve@contoso.example".to_owned(), "nobody".to_owned()] {
        refused(&client.get(&format!("/v1.0/users/{gone}")).await, 404, "Request_ResourceNotFound");
    }
    refused(&client.get(&format!("/v1.0/users/{}/messages", lena.id)).await, 400, "BadRequest");
    refused(&client.get("/v1.0/users?$select=passwordProfile").await, 400, "Request_BadRequest");
}

#[tokio::test]
async fn added_changed_deleted_restored() {
    let cloud = Cloud::start().await;
    let client = Client::with_permissions(&cloud, APP, &["User.ReadWrite.All"]).await;
    let made = client.add("users", new_user("new@fabrikam.example")).await;
    let path = format!("/v1.0/users/{}", made["id"].as_str().unwrap());
    assert!(made["mail"].is_null() && made["jobTitle"] == "Clerk" && made.get("passwordProfile").is_none());
    let stored = &cloud.directory.users_by_key(cloud.tenant, &UserKey::Upn("new@fabrikam.example")).await.unwrap()[0];
    assert!(!stored.mailbox);
    refused(
        &client.post("/v1.0/users", new_user("NEW@fabrikam.example")).await,
        409,
        "Request_MultipleObjectsWithSameKeyValue",
    );
    for upn in [
        "new",
        "@fabrikam.example",
        "a b@fabrikam.example",
        "new@contoso.example",
        "new@sub.fabrikam.example",
        ".a@fabrikam.example",
    ] {
        refused(&client.post("/v1.0/users", new_user(upn)).await, 400, "Request_BadRequest");
    }
    for missing in ["accountEnabled", "displayName", "mailNickname", "userPrincipalName"] {
        let mut body = new_user("x@fabrikam.example");
        body.as_object_mut().unwrap().remove(missing);
        refused(&client.post("/v1.0/users", body).await, 400, "Request_BadRequest");
    }
    assert_eq!(client.patch(&path, json!({"accountEnabled": false, "jobTitle": null})).await.status, 204);
    let shown = client.get(&format!("{path}?$select=accountEnabled,jobTitle")).await.json();
    assert_eq!((&shown["accountEnabled"], &shown["jobTitle"]), (&json!(false), &Value::Null));
    for wrong in [
        json!({"accountEnabled": "no"}),
        json!({"proxyAddresses": []}),
        json!({"jobTitle": 1}),
        json!({"passwordProfile": {}}),
    ] {
        refused(&client.patch(&path, wrong).await, 400, "Request_BadRequest");
    }

    assert_eq!(client.delete(&path).await.status, 204);
    refused(&client.get(&path).await, 404, "Request_ResourceNotFound");
    let second = client.add("users", new_user("new@fabrikam.example")).await;
    let restore = format!("/v1.0/directory/deletedItems/{}/restore", made["id"].as_str().unwrap());
    refused(&client.post(&restore, json!({})).await, 409, "Request_MultipleObjectsWithSameKeyValue");
    let second = format!("/v1.0/users/{}", second["id"].as_str().unwrap());
    assert_eq!(client.patch(&second, json!({"userPrincipalName": "other@fabrikam.example"})).await.status, 204);
    assert_eq!(client.post(&restore, json!({})).await.status, 200);
    assert_eq!(client.get("/v1.0/users/other@fabrikam.example").await.status, 200, "found by the new name");
    let taken = json!({"userPrincipalName": "new@fabrikam.example"});
    refused(&client.patch(&second, taken).await, 409, "Request_MultipleObjectsWithSameKeyValue");
}

#[tokio::test]
async fn enabling_is_a_permission_of_its_own() {
    let cloud = Cloud::start().await;
    let [lena, ..] = with_users(&cloud).await;
    let client = Client::with_permissions(&cloud, APP, &["User.EnableDisableAccount.All"]).await;
    let path = format!("/v1.0/users/{}", lena.id);
    assert_eq!(client.patch(&path, json!({"accountEnabled": false})).await.status, 204);
    let more = json!({"accountEnabled": true, "displayName": "x"});
    refused(&client.patch(&path, more).await, 403, "Authorization_RequestDenied");
    refused(&client.get(&path).await, 403, "Authorization_RequestDenied");
    refused(&client.delete(&path).await, 403, "Authorization_RequestDenied");
    assert!(!cloud.directory.user(cloud.tenant, lena.id).await.unwrap().unwrap().enabled);
}

#[tokio::test]
async fn domains() {
    let cloud = Cloud::start().await;
    let client = Client::with_permissions(&cloud, APP, &["Domain.Read.All"]).await;
    let list = client.get("/v1.0/domains").await.json();
    assert_eq!(list["value"].as_array().unwrap().len(), 1);
    assert_eq!((&list["value"][0]["id"], &list["value"][0]["isDefault"]), (&json!("fabrikam.example"), &json!(true)));
    assert_eq!(client.get("/v1.0/domains/FABRIKAM.example").await.status, StatusCode::OK);
    refused(&client.get("/v1.0/domains/contoso.example").await, 404, "Request_ResourceNotFound");
    refused(&client.get("/v1.0/domains/fabrikam.example/x").await, 400, "BadRequest");
    assert_eq!(client.post("/v1.0/domains", json!({})).await.status, StatusCode::METHOD_NOT_ALLOWED);
}
