//! Service principals.

use actas_token::well_known;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::{Client, lync, refused};
use crate::cloud::{APP, Cloud, ORIGIN, pair};

#[tokio::test]
async fn keys_are_replaced_as_a_whole() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let with_keys = format!("{}?$select=keyCredentials", lync());
    let old = admin.get(&with_keys).await.json()["keyCredentials"][0].clone();
    assert_eq!(old["key"], STANDARD.encode(cloud.lync.certificate().der()), "given on $select alone");
    assert_eq!(old["customKeyIdentifier"], cloud.lync.certificate().thumbprint());
    let next = pair("next", cloud.now());
    let new =
        json!({"type": "AsymmetricX509Cert", "usage": "Verify", "key": STANDARD.encode(next.certificate().der())});
    let keep = json!({"keyId": old["keyId"], "@odata.type": "#microsoft.graph.keyCredential"});
    assert_eq!(admin.patch(&lync(), json!({"keyCredentials": [keep, new]})).await.status, StatusCode::NO_CONTENT);
    let both = admin.get(&with_keys).await.json()["keyCredentials"].clone();
    assert_eq!(both.as_array().unwrap().len(), 2);
    assert_eq!(both[0], old, "kept as it was");
    // The same certificate without an id is the same credential.
    let resent = json!({"type": "AsymmetricX509Cert", "usage": "Verify", "key": old["key"]});
    assert_eq!(admin.patch(&lync(), json!({"keyCredentials": [resent, both[1]]})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.get(&with_keys).await.json()["keyCredentials"], both);
    // All or nothing.
    for wrong in [
        json!([{"keyId": Uuid::new_v4()}]),
        json!([{"key": "AAAA"}]),
        json!([{"key": "not base64"}]),
        json!([{"keyId": old["keyId"], "endDateTime": "2099-01-01T00:00:00Z"}]),
        json!([both[0], both[0]]),
        json!({"a": 1}),
    ] {
        refused(&admin.patch(&lync(), json!({"keyCredentials": wrong})).await, 400, "Request_BadRequest");
    }
    let dated = |start: &str, end: &str| json!({"keyCredentials": [{"key": old["key"], "startDateTime": start, "endDateTime": end}]});
    refused(
        &admin.patch(&lync(), dated("2027-01-10T00:00:00Z", "2027-01-01T00:00:00Z")).await,
        400,
        "KeyCredentialsInvalidEndDate",
    );
    refused(
        &admin.patch(&lync(), dated("2020-01-01T00:00:00Z", "2027-06-01T00:00:00Z")).await,
        400,
        "KeyCredentialsInvalidStartDate",
    );
    assert_eq!(admin.get(&with_keys).await.json()["keyCredentials"], both, "nothing of it happened");
    assert_eq!(admin.patch(&lync(), json!({"keyCredentials": [both[1]]})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.get(&with_keys).await.json()["keyCredentials"], json!([both[1]]));
}

#[tokio::test]
async fn a_change_in_between_is_noticed() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let etag = admin.get(&lync()).await.headers["etag"].to_str().unwrap().to_owned();
    let rename = |name: &str| json!({ "displayName": name });
    assert_eq!(
        admin.call(Method::PATCH, &lync(), Some(&rename("a")), Some(&etag)).await.status,
        StatusCode::NO_CONTENT
    );
    refused(
        &admin.call(Method::PATCH, &lync(), Some(&rename("b")), Some(&etag)).await,
        412,
        "Request_PreconditionFailed",
    );
    assert_eq!(admin.get(&lync()).await.json()["displayName"], "a");
}

#[tokio::test]
async fn principals_come_and_go() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let app_id = Uuid::new_v4();
    let body = json!({"appId": app_id, "displayName": "New", "servicePrincipalNames": ["https://new.example/"]});
    let made = admin.call(Method::POST, "/v1.0/servicePrincipals", Some(&body), None).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let location = made.headers["location"].to_str().unwrap().strip_prefix(ORIGIN).unwrap().to_owned();
    refused(
        &admin.call(Method::POST, "/v1.0/servicePrincipals", Some(&body), None).await,
        409,
        "Request_MultipleObjectsWithSameKeyValue",
    );
    refused(
        &admin.patch(&lync(), json!({"servicePrincipalNames": ["https://NEW.example"]})).await,
        409,
        "Request_MultipleObjectsWithSameKeyValue",
    );
    assert_eq!(admin.call(Method::DELETE, &location, None, None).await.status, StatusCode::NO_CONTENT);
    refused(&admin.get(&location).await, 404, "Request_ResourceNotFound");
    refused(&admin.call(Method::DELETE, &lync(), None, None).await, 400, "Request_BadRequest");
    refused(&admin.patch(&lync(), json!({"objectType": 1})).await, 400, "Request_BadRequest");
}

#[tokio::test]
async fn what_the_client_knows_must_be_so() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let made = admin.add("servicePrincipals", json!({ "appId": Uuid::new_v4() })).await;
    let path = format!("/v1.0/servicePrincipals/{}", made["id"].as_str().unwrap());
    let etag = admin.get(&path).await.headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(admin.patch(&path, json!({"notes": "a"})).await.status, 204);
    for (method, path, body) in [
        (Method::PATCH, path.clone(), json!({"notes": "b"})),
        (Method::DELETE, path.clone(), json!({})),
        (Method::POST, format!("{path}/addPassword"), json!({})),
    ] {
        let answer = admin.call(method, &path, Some(&body), Some(&etag)).await;
        refused(&answer, 412, "Request_PreconditionFailed");
    }
    for (method, path, body) in [
        (Method::PATCH, path.clone(), json!({"notes": 1})),
        (Method::PATCH, path.clone(), json!(true)),
        (Method::POST, format!("{path}/addPassword"), json!([])),
        (Method::POST, format!("{path}/removePassword"), json!({})),
    ] {
        let answer = admin.call(method, &path, Some(&body), Some(&etag)).await;
        refused(&answer, 400, "Request_BadRequest");
    }
    let now = admin.get(&path).await.headers["etag"].to_str().unwrap().to_owned();
    let several = format!("W/\"99\", {now}");
    assert_eq!(admin.call(Method::PATCH, &path, Some(&json!({"notes": "c"})), Some(&several)).await.status, 204);
    assert_eq!(admin.call(Method::DELETE, &path, None, Some("*")).await.status, 204);
}

#[tokio::test]
async fn what_is_kept_comes_back() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let body = json!({
        "accountEnabled": false, "appRoleAssignmentRequired": true, "displayName": "New", "notes": "n",
        "tags": ["a", "b"], "replyUrls": ["https://a.example"], "homepage": null,
    });
    assert_eq!(admin.patch(&lync(), body.clone()).await.status, 204);
    let shown = admin.get(&lync()).await.json();
    for (name, value) in body.as_object().unwrap() {
        assert_eq!(shown[name], *value, "{name}");
    }
    for wrong in [
        json!({"notes": 1}),
        json!({"tags": "a"}),
        json!({"notes": "x".repeat(1025)}),
        json!({"displayName": " "}),
        json!({"displayName": "x".repeat(257)}),
        json!({"appId": Uuid::new_v4()}),
        json!({"passwordCredentials": []}),
        json!({"servicePrincipalNames": ["with space"]}),
        json!([]),
    ] {
        refused(&admin.patch(&lync(), wrong).await, 400, "Request_BadRequest");
    }
    assert_eq!(admin.get(&lync()).await.json(), shown, "nothing of it happened");
}

#[tokio::test]
async fn at_most_so_many_keys() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let old = admin.get(&lync()).await.json()["keyCredentials"][0]["keyId"].clone();
    let many: Vec<_> = (0..257).map(|_| json!({ "keyId": old })).collect();
    refused(&admin.patch(&lync(), json!({ "keyCredentials": many })).await, 400, "Directory_ResourceSizeExceeded");
    let key = STANDARD.encode(vec![0; 16 * 1024 + 1]);
    refused(&admin.patch(&lync(), json!({"keyCredentials": [{"key": key}]})).await, 400, "Request_BadRequest");
    let large = json!({ "notes": "x".repeat(1024 * 1024) });
    refused(&admin.patch(&lync(), large).await, 413, "Request_EntityTooLarge");
}

#[tokio::test]
async fn one_is_made_from_an_application() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let application = admin.add("applications", json!({"displayName": "App", "identifierUris": ["api://app"]})).await;
    let made = admin.add("servicePrincipals", json!({ "appId": application["appId"] })).await;
    assert_ne!(made["id"], application["id"], "two objects");
    assert_eq!((&made["displayName"], &made["servicePrincipalNames"][1]), (&json!("App"), &json!("api://app")));
    refused(
        &admin.post("/v1.0/servicePrincipals", json!({ "appId": application["appId"] })).await,
        409,
        "Request_MultipleObjectsWithSameKeyValue",
    );
    // Who may register applications of its own may not let in those of others.
    let own = Client::with_permissions(&cloud, APP, &["Application.ReadWrite.OwnedBy"]).await;
    for app_id in [Uuid::new_v4().to_string(), well_known::SHAREPOINT.to_string()] {
        let answer = own.post("/v1.0/servicePrincipals", json!({ "appId": app_id })).await;
        refused(&answer, 403, "Authorization_RequestDenied");
    }
}

#[tokio::test]
async fn changes_at_the_same_time_are_all_made() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let path = format!("{}/addPassword", lync());
    let own = lync();
    let (a, b, c) = tokio::join!(
        admin.post(&path, json!({})),
        admin.post(&path, json!({})),
        admin.patch(&own, json!({"notes": "n"}))
    );
    assert_eq!([a.status.as_u16(), b.status.as_u16(), c.status.as_u16()], [200, 200, 204]);
    let shown = admin.get(&lync()).await.json();
    assert_eq!((shown["passwordCredentials"].as_array().unwrap().len(), &shown["notes"]), (2, &json!("n")));
}
