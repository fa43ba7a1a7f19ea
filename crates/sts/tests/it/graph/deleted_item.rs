//! Deleted objects: listed, restored, forgotten.

use http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Client, refused};
use crate::cloud::{ADMIN, APP, Cloud};

const ITEMS: &str = "/v1.0/directory/deletedItems";

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

#[tokio::test]
async fn an_application_goes_with_its_principal_and_comes_back() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let application = admin.add("applications", json!({"displayName": "a", "identifierUris": ["api://a"]})).await;
    let principal = admin.add("servicePrincipals", json!({"appId": application["appId"]})).await;
    assert_eq!(admin.delete(&format!("/v1.0/applications/{}", id(&application))).await.status, 204);
    for (path, object) in [("applications", &application), ("servicePrincipals", &principal)] {
        refused(&admin.get(&format!("/v1.0/{path}/{}", id(object))).await, 404, "Request_ResourceNotFound");
    }
    for (kind, object) in [
        ("microsoft.graph.application", &application),
        ("graph.application", &application),
        ("microsoft.graph.servicePrincipal", &principal),
    ] {
        let list = admin.get(&format!("{ITEMS}/{kind}")).await.json();
        assert_eq!(list["value"].as_array().unwrap().len(), 1, "{kind}");
        assert_eq!(list["value"][0]["id"], object["id"]);
        assert!(list["value"][0]["deletedDateTime"].is_string());
        assert_eq!(admin.eventual(&format!("{ITEMS}/{kind}/$count")).await.text, "1");
    }
    let one = admin.get(&format!("{ITEMS}/{}", id(&application))).await.json();
    assert_eq!(one["@odata.type"], "#microsoft.graph.application");

    let restored = admin.post(&format!("{ITEMS}/{}/restore", id(&application)), json!({})).await;
    assert_eq!(restored.status, StatusCode::OK, "{}", restored.text);
    assert!(restored.json()["deletedDateTime"].is_null());
    let back = admin.get(&format!("/v1.0/applications/{}", id(&application))).await.json();
    assert_eq!(back["identifierUris"], json!(["api://a"]));
    refused(
        &admin.post(&format!("{ITEMS}/{}/restore", id(&application)), json!({})).await,
        404,
        "Request_ResourceNotFound",
    );
    assert_eq!(admin.post(&format!("{ITEMS}/{}/restore", id(&principal)), json!({})).await.status, 200);
}

#[tokio::test]
async fn names_are_free_at_once() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let body = || json!({"displayName": "a", "identifierUris": ["api://a"]});
    let first = admin.add("applications", body()).await;
    assert_eq!(admin.delete(&format!("/v1.0/applications/{}", id(&first))).await.status, 204);
    let second = admin.add("applications", body()).await;
    let restore = format!("{ITEMS}/{}/restore", id(&first));
    refused(&admin.post(&restore, json!({})).await, 409, "Request_MultipleObjectsWithSameKeyValue");
    assert_eq!(
        admin.patch(&format!("/v1.0/applications/{}", id(&second)), json!({"identifierUris": []})).await.status,
        204
    );
    assert_eq!(admin.post(&restore, json!({})).await.status, 200);
}

#[tokio::test]
async fn for_good_and_after_thirty_days() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let (a, b) = (
        admin.add("applications", json!({"displayName": "a"})).await,
        admin.add("applications", json!({"displayName": "b"})).await,
    );
    for one in [&a, &b] {
        assert_eq!(admin.delete(&format!("/v1.0/applications/{}", id(one))).await.status, 204);
    }
    let path = format!("{ITEMS}/{}", id(&a));
    refused(&admin.call(Method::DELETE, &path, None, Some("W/\"9\"")).await, 412, "Request_PreconditionFailed");
    assert_eq!(admin.delete(&path).await.status, 204);
    refused(&admin.get(&path).await, 404, "Request_ResourceNotFound");
    cloud.clock.advance(SignedDuration::from_hours(24 * 30));
    cloud.change(ADMIN, |_| {}).await;
    let admin = Client::admin(&cloud).await;
    refused(&admin.get(&format!("{ITEMS}/{}", id(&b))).await, 404, "Request_ResourceNotFound");
    assert!(
        admin.get(&format!("{ITEMS}/microsoft.graph.application")).await.json()["value"].as_array().unwrap().is_empty()
    );
}

#[tokio::test]
async fn who_may() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let made = admin.add("applications", json!({"displayName": "a"})).await;
    assert_eq!(admin.delete(&format!("/v1.0/applications/{}", id(&made))).await.status, 204);
    let reader = Client::with_permissions(&cloud, APP, &["Application.Read.All"]).await;
    let path = format!("{ITEMS}/{}", id(&made));
    assert_eq!(reader.get(&path).await.status, 200);
    refused(&reader.post(&format!("{path}/restore"), json!({})).await, 403, "Authorization_RequestDenied");
    refused(&reader.delete(&path).await, 403, "Authorization_RequestDenied");
    refused(&reader.get(&format!("{ITEMS}/microsoft.graph.user")).await, 403, "Authorization_RequestDenied");
    let stranger = Client::with_permissions(&cloud, APP, &["User.Read.All"]).await;
    refused(&stranger.get(&path).await, 403, "Authorization_RequestDenied");
    let list = stranger.get(&format!("{ITEMS}/microsoft.graph.application")).await.json();
    assert!(list["value"].as_array().unwrap().is_empty());

    // What another tenant deleted is not there.
    let now = cloud.now();
    let foreign = actas_directory::Application::new(Uuid::new_v4(), cloud.other, Uuid::new_v4(), "f", now);
    cloud.directory.add_application(&foreign, crate::cloud::audit(cloud.other, now)).await.unwrap();
    let object = [actas_directory::DeletedObject::Application(foreign.clone().into())];
    cloud.directory.delete(&object, now, crate::cloud::audit(cloud.other, now)).await.unwrap();
    let path = format!("{ITEMS}/{}", foreign.id);
    refused(&admin.get(&path).await, 404, "Request_ResourceNotFound");
    refused(&admin.delete(&path).await, 404, "Request_ResourceNotFound");
    for wrong in ["/v1.0/directory", "/v1.0/directory/other", &format!("{path}/nothing")] {
        refused(&admin.get(wrong).await, 400, "BadRequest");
    }
}
