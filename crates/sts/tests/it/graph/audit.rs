//! Every change leaves a record: who, what, before and after.

use serde_json::json;

use super::{Client, lync};
use crate::cloud::{ADMIN, Cloud};

#[tokio::test]
async fn every_change_is_recorded() {
    let cloud = Cloud::start().await;
    let admin = Client::with_permissions(
        &cloud,
        ADMIN,
        &["Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "User.ReadWrite.All"],
    )
    .await;
    let last = async || cloud.directory.audits(1).await.unwrap().remove(0);
    let by = ADMIN.to_string();
    let check = async |kind: &str, object: &str| {
        let record = last().await;
        assert_eq!(
            (record.kind.as_str(), record.details["object"].as_str()),
            (kind, Some(object)),
            "{:?}",
            record.details
        );
        assert_eq!((record.tenant, &record.details["by"]), (cloud.tenant.to_string(), &json!(by)));
        record.details["changes"].clone()
    };

    let application = admin.add("applications", json!({"displayName": "a"})).await;
    let id = application["id"].as_str().unwrap();
    let changes = check("application added", id).await;
    assert_eq!(changes["displayName"], json!({"before": null, "after": "a"}));
    let path = format!("/v1.0/applications/{id}");
    admin.patch(&path, json!({"displayName": "b"})).await;
    assert_eq!(check("application changed", id).await, json!({"displayName": {"before": "a", "after": "b"}}));
    admin.post(&format!("{path}/addPassword"), json!({})).await;
    let changes = check("application changed", id).await;
    let (before, after) = (&changes["passwordCredentials"]["before"], &changes["passwordCredentials"]["after"]);
    assert_eq!((before, after.as_array().unwrap().len()), (&json!([]), 1));
    assert!(after[0].get("hint").is_none() && after[0]["secretText"].is_null());

    let principal = admin.add("servicePrincipals", json!({"appId": application["appId"]})).await;
    let own = principal["id"].as_str().unwrap();
    check("principal added", own).await;
    let roles = format!("/v1.0/servicePrincipals/{own}/appRoleAssignments");
    let graph = cloud.directory.principal_by_app(cloud.tenant, actas_token::well_known::GRAPH).await.unwrap().unwrap();
    let body = json!({"principalId": own, "resourceId": graph.id, "appRoleId": "df021288-bdef-4463-88db-98f22de89214"});
    let assigned = admin.post(&roles, body).await.json();
    let changes = check("role assigned", own).await;
    assert_eq!(changes["appRoleAssignments"]["after"][0]["resource"], graph.id.to_string());
    admin.delete(&format!("{roles}/{}", assigned["id"].as_str().unwrap())).await;
    check("role taken away", own).await;
    admin.delete(&path).await;
    check("application removed", id).await;
    admin.post(&format!("/v1.0/directory/deletedItems/{id}/restore"), json!({})).await;
    assert_eq!(last().await.kind, "deleted object restored");
    admin.delete(&path).await;
    admin.delete(&format!("/v1.0/directory/deletedItems/{id}")).await;
    assert_eq!(last().await.kind, "deleted object forgotten");

    let user = json!({"accountEnabled": true, "displayName": "u", "mailNickname": "u", "userPrincipalName": "u@fabrikam.example", "passwordProfile": {"password": "swordfish"}});
    let user = admin.add("users", user).await;
    check("user added", user["id"].as_str().unwrap()).await;
    let records = cloud.directory.audits(1000).await.unwrap();
    assert!(records.iter().all(|record| !record.details.to_string().contains("swordfish")));

    // What was refused or read leaves none.
    let count = cloud.directory.audits(1000).await.unwrap().len();
    admin.patch(&lync(), json!({"displayName": ""})).await;
    admin.get(&lync()).await;
    assert_eq!(cloud.directory.audits(1000).await.unwrap().len(), count);
}
