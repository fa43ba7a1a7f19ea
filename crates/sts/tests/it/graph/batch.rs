//! Several requests in one.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Client, lync, refused};
use crate::cloud::{APP, Cloud};

async fn batch(client: &Client<'_>, requests: Value) -> Vec<Value> {
    let answer = client.post("/v1.0/$batch", json!({ "requests": requests })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["responses"].as_array().unwrap().clone()
}

#[tokio::test]
async fn each_is_answered_as_if_alone() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let path = lync().strip_prefix("/v1.0").unwrap().to_owned();
    let requests = json!([
        {"id": "1", "method": "PATCH", "url": path, "headers": {"Content-Type": "application/json"}, "body": {"notes": "n"}},
        {"id": "2", "method": "GET", "url": format!("{path}?$select=notes"), "dependsOn": ["1"]},
        {"id": "3", "method": "GET", "url": "/servicePrincipals/$count", "headers": {"ConsistencyLevel": "eventual"}},
        {"id": "4", "method": "GET", "url": "/nothing"},
        {"id": "5", "method": "GET", "url": "/organization", "dependsOn": ["4"]},
        {"id": "6", "method": "GET", "url": "/organization", "dependsOn": ["7"]},
        {"id": "7", "method": "POST", "url": "/$batch", "body": {}},
    ]);
    let answers = batch(&admin, requests).await;
    let statuses: Vec<u64> = answers.iter().map(|one| one["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [204, 200, 200, 400, 424, 424, 400]);
    assert!(answers[0].get("body").is_none());
    assert_eq!((&answers[1]["body"]["notes"], &answers[2]["body"]), (&json!("n"), &json!(6)));
    assert_eq!(answers[3]["body"]["error"]["code"], "BadRequest");
    assert!(answers[1]["headers"]["etag"].is_string());
}

#[tokio::test]
async fn no_batch_lends_rights() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let anonymous = Client { cloud: &cloud, token: "a.b.c".into() };
    refused(&anonymous.post("/v1.0/$batch", json!({})).await, 401, "InvalidAuthenticationToken");
    let own = Client::with_permissions(&cloud, APP, &[]).await;
    let sneaked = json!({"Authorization": format!("Bearer {}", admin.token)});
    let answers = batch(&own, json!([{"id": "1", "method": "GET", "url": "/organization", "headers": sneaked}])).await;
    assert_eq!(answers[0]["status"], 403, "the caller is the batch's");
    for wrong in [json!([]), json!("x"), json!(vec![json!({"id": Uuid::new_v4(), "method": "GET", "url": "/"}); 21])] {
        refused(&admin.post("/v1.0/$batch", json!({ "requests": wrong })).await, 400, "Request_BadRequest");
    }
    let twice = json!({"id": "1", "method": "GET", "url": "/organization"});
    let change = json!({"id": "2", "method": "PATCH", "url": format!("/servicePrincipals(appId='{APP}')"), "body": {"notes": "n"}});
    refused(&admin.post("/v1.0/$batch", json!({"requests": [change, twice, twice]})).await, 400, "Request_BadRequest");
    let shown = admin.get(&format!("/v1.0/servicePrincipals(appId='{APP}')")).await.json();
    assert!(shown["notes"].is_null(), "nothing of it was done");
    let malformed =
        json!([{"id": "1", "method": "G E T", "url": "/organization"}, {"id": "2", "method": "GET", "url": "/a b"}]);
    assert!(batch(&admin, malformed).await.iter().all(|one| one["status"] == 400));
    refused(&admin.get("/v1.0/$batch").await, 405, "Request_BadRequest");
}
