//! Applications, and how their principals follow them.

use actas_token::well_known;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Client, lync, refused};
use crate::cloud::{APP, Cloud, ORIGIN, pair};

fn path(application: &Value) -> String {
    format!("/v1.0/applications/{}", application["id"].as_str().unwrap())
}

#[tokio::test]
async fn registered_read_changed() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let body = json!({
        "displayName": "App", "identifierUris": ["api://app", "https://app.fabrikam.example"],
        "signInAudience": "AzureADMyOrg", "api": {"requestedAccessTokenVersion": 2}, "tags": ["t"],
        "keyCredentials": [{"key": STANDARD.encode(pair("own", cloud.now()).certificate().der())}],
    });
    let answer = admin.post("/v1.0/applications", body.clone()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let made = answer.json();
    assert_eq!(answer.headers["location"], format!("{ORIGIN}{}", path(&made)));
    for name in ["displayName", "identifierUris", "signInAudience", "api", "tags"] {
        assert_eq!(made[name], body[name], "{name}");
    }
    assert_eq!(made["@odata.context"], format!("{ORIGIN}/v1.0/$metadata#applications/$entity"));
    assert!(made["keyCredentials"][0]["key"].is_null() && made["appId"] != made["id"]);

    let app_id = made["appId"].as_str().unwrap();
    for found in [path(&made), format!("/v1.0/applications(appId='{app_id}')"), format!("{}?$select=id", path(&made))] {
        assert_eq!(admin.get(&found).await.json()["id"], made["id"], "{found}");
    }
    let by_app = format!("/v1.0/applications/{app_id}");
    refused(&admin.get(&by_app).await, 404, "Request_ResourceNotFound");
    for filter in [
        format!("appId eq '{app_id}'"),
        "identifierUris/any(u:u eq 'API://APP')".to_owned(),
        "startswith(displayName,'ap')".to_owned(),
    ] {
        assert_eq!(admin.filtered("applications", &filter).await.json()["value"][0]["id"], made["id"], "{filter}");
    }
    assert_eq!(admin.patch(&path(&made), json!({"displayName": "Other", "tags": []})).await.status, 204);
    let changed = admin.get(&path(&made)).await.json();
    assert_eq!((&changed["displayName"], &changed["tags"]), (&json!("Other"), &json!([])));
}

#[tokio::test]
async fn what_is_no_application() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let make = async |body: Value| admin.post("/v1.0/applications", body).await;
    let key = STANDARD.encode(pair("own", cloud.now()).certificate().der());
    let with_id = json!({"displayName": "a", "keyCredentials": [{"keyId": Uuid::new_v4(), "key": key}]});
    for wrong in [
        json!({}),
        json!({"displayName": ""}),
        json!({"displayName": "a", "appId": Uuid::new_v4()}),
        json!({"displayName": "a", "identifierUris": ["http://fabrikam.example"]}),
        json!({"displayName": "a", "identifierUris": [1]}),
        json!({"displayName": "a", "appRoles": [{"id": Uuid::nil(), "displayName": "r", "value": "r", "allowedMemberTypes": ["Application"]}]}),
        json!({"displayName": "a", "web": "text"}),
        with_id,
    ] {
        refused(&make(wrong).await, 400, "Request_BadRequest");
    }
    let foreign = json!({"displayName": "a", "identifierUris": ["https://contoso.example"]});
    refused(&make(foreign).await, 400, "HostNameNotOnVerifiedDomain");
    assert_eq!(make(json!({"displayName": "a", "identifierUris": ["api://a"]})).await.status, 201);
    admin.add("servicePrincipals", json!({"appId": Uuid::new_v4(), "servicePrincipalNames": ["api://b"]})).await;
    for taken in ["api://a/", "API://B"] {
        let answer = make(json!({"displayName": "a", "identifierUris": [taken]})).await;
        refused(&answer, 409, "Request_MultipleObjectsWithSameKeyValue");
    }
    let taken = json!({"servicePrincipalNames": ["api://a"]});
    refused(&admin.patch(&lync(), taken).await, 409, "Request_MultipleObjectsWithSameKeyValue");
}

#[tokio::test]
async fn the_principal_follows_its_application() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let made = admin.add("applications", json!({"displayName": "App", "identifierUris": ["api://one"]})).await;
    let principal = admin.add("servicePrincipals", json!({"appId": made["appId"]})).await;
    let role =
        json!({"id": Uuid::new_v4(), "value": "Read", "displayName": "Read", "allowedMemberTypes": ["Application"]});
    let change = json!({"displayName": "New", "identifierUris": ["api://two"], "appRoles": [role]});
    assert_eq!(admin.patch(&path(&made), change).await.status, 204);
    let shown = admin.get(&format!("/v1.0/servicePrincipals/{}", principal["id"].as_str().unwrap())).await.json();
    assert_eq!(shown["servicePrincipalNames"], json!([made["appId"], "api://two"]));
    assert_eq!((&shown["displayName"], &shown["appRoles"][0]["value"]), (&json!("New"), &json!("Read")));
    // A token is asked for under the new name, and no longer under the old one.
    let ask = async |scope: &str| {
        let (path, id) = (format!("/{}/oauth2/v2.0/token", cloud.tenant), APP.to_string());
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &id),
            ("client_secret", &cloud.secret),
            ("scope", scope),
        ];
        cloud.post(&path, &form).await.status
    };
    assert_eq!(
        (ask("api://two/.default").await, ask("api://one/.default").await),
        (StatusCode::OK, StatusCode::BAD_REQUEST)
    );
}

#[tokio::test]
async fn an_application_manages_what_it_registered() {
    let cloud = Cloud::start().await;
    let (admin, own) =
        (Client::admin(&cloud).await, Client::with_permissions(&cloud, APP, &["Application.ReadWrite.OwnedBy"]).await);
    let foreign = admin.add("applications", json!({"displayName": "foreign"})).await;
    let made = own.add("applications", json!({"displayName": "own"})).await;
    assert_eq!(own.get("/v1.0/applications").await.json()["value"].as_array().unwrap().len(), 1);
    assert_eq!(own.get(&path(&made)).await.status, 200);
    assert_eq!(own.patch(&path(&made), json!({"notes": "n", "identifierUris": ["api://own"]})).await.status, 204);
    let principal = own.add("servicePrincipals", json!({"appId": made["appId"]})).await;
    let principal = format!("/v1.0/servicePrincipals/{}", principal["id"].as_str().unwrap());
    assert_eq!(own.patch(&principal, json!({"accountEnabled": false})).await.status, 204);
    let names = json!({"servicePrincipalNames": ["https://mail.evil.example/"]});
    refused(&own.patch(&principal, names).await, 403, "Authorization_RequestDenied");
    for (path, body) in [(path(&foreign), json!({"notes": "n"})), (lync(), json!({"notes": "n"}))] {
        refused(&own.patch(&path, body).await, 403, "Authorization_RequestDenied");
        refused(&own.delete(&path).await, 403, "Authorization_RequestDenied");
    }
    assert_eq!(own.delete(&path(&made)).await.status, 204);
    refused(&own.get(&principal).await, 404, "Request_ResourceNotFound");
}

#[tokio::test]
async fn applications_of_another_tenant_are_not_there() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let now = cloud.now();
    let foreign = actas_directory::Application::new(Uuid::new_v4(), cloud.other, Uuid::new_v4(), "foreign", now);
    cloud.directory.add_application(&foreign, crate::cloud::audit(cloud.other, now)).await.unwrap();
    assert!(admin.get("/v1.0/applications").await.json()["value"].as_array().unwrap().is_empty());
    let by_id = format!("/v1.0/applications/{}", foreign.id);
    refused(&admin.get(&by_id).await, 404, "Request_ResourceNotFound");
    refused(&admin.patch(&by_id, json!({"notes": "n"})).await, 404, "Request_ResourceNotFound");
    refused(&admin.delete(&by_id).await, 404, "Request_ResourceNotFound");
    refused(
        &admin.get(&format!("/v1.0/applications(appId='{}')", foreign.app_id)).await,
        404,
        "Request_ResourceNotFound",
    );
    assert!(
        admin.filtered("applications", &format!("appId eq '{}'", foreign.app_id)).await.json()["value"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let wrong_key = format!("/v1.0/applications(name='{}')", well_known::LYNC);
    refused(&admin.get(&wrong_key).await, 400, "Request_BadRequest");
}
