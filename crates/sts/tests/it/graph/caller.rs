//! Who calls, and what the permissions of applications allow.

use actas_token::well_known;
use http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::json;
use uuid::Uuid;

use super::{Client, lync, refused};
use crate::cloud::{ADMIN, APP, Cloud};

#[tokio::test]
async fn callers() {
    let cloud = Cloud::start().await;
    let anonymous = Client { cloud: &cloud, token: String::new() };
    let answer = anonymous.get("/v1.0/organization").await;
    refused(&answer, 401, "InvalidAuthenticationToken");
    assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer "));
    let garbage = Client { cloud: &cloud, token: "a.b.c".into() };
    refused(&garbage.get("/v1.0/organization").await, 401, "InvalidAuthenticationToken");
    let for_exchange = Client::new(&cloud, APP, "https://mail.cloud.example/.default").await;
    refused(&for_exchange.get("/v1.0/servicePrincipals").await, 401, "InvalidAuthenticationToken");
    let admin = Client::admin(&cloud).await;
    assert_eq!(admin.get("/v1.0/organization").await.status, StatusCode::OK);
    let changed = Client { cloud: &cloud, token: format!("{}A", admin.token) };
    refused(&changed.get("/v1.0/organization").await, 401, "InvalidAuthenticationToken");
    cloud.clock.advance(SignedDuration::from_mins(66));
    refused(&admin.get("/v1.0/organization").await, 401, "InvalidAuthenticationToken");
    let admin = Client::admin(&cloud).await;
    cloud.change(ADMIN, |own| own.enabled = false).await;
    refused(&admin.get("/v1.0/organization").await, 401, "InvalidAuthenticationToken");
}

#[tokio::test]
async fn an_application_sees_and_changes_itself_alone() {
    let cloud = Cloud::start().await;
    let own = Client::new(&cloud, APP, "https://graph.microsoft.com/.default").await;
    let list = own.get("/v1.0/servicePrincipals").await.json();
    assert_eq!(list["value"].as_array().unwrap().len(), 1);
    assert_eq!(list["value"][0]["appId"], APP.to_string());
    refused(&own.get(&lync()).await, 403, "Authorization_RequestDenied");
    refused(&own.get("/v1.0/organization").await, 403, "Authorization_RequestDenied");
    let path = format!("/v1.0/servicePrincipals(appId='{APP}')");
    // As the SDKs send it: with the type of the object.
    let change = json!({"@odata.type": "#microsoft.graph.servicePrincipal", "keyCredentials": []});
    assert_eq!(own.patch(&path, change).await.status, StatusCode::NO_CONTENT);
    refused(
        &own.patch(&path, json!({"servicePrincipalNames": ["https://mail.evil.example/"]})).await,
        403,
        "Authorization_RequestDenied",
    );
    refused(&own.patch(&path, json!({"accountEnabled": true})).await, 403, "Authorization_RequestDenied");
    refused(&own.patch(&lync(), json!({"keyCredentials": []})).await, 403, "Authorization_RequestDenied");
    refused(
        &own.call(Method::POST, "/v1.0/servicePrincipals", Some(&json!({"appId": Uuid::new_v4()})), None).await,
        403,
        "Authorization_RequestDenied",
    );
}

#[tokio::test]
async fn tenants_do_not_see_each_other() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let foreign = cloud.directory.principal_by_app(cloud.other, well_known::LYNC).await.unwrap().unwrap();
    refused(&admin.get(&format!("/v1.0/servicePrincipals/{}", foreign.id)).await, 404, "Request_ResourceNotFound");
    let organization = admin.get("/v1.0/organization").await.json();
    assert_eq!(organization["value"].as_array().unwrap().len(), 1);
    assert_eq!(organization["value"][0]["id"], cloud.tenant.to_string());
    refused(&admin.get(&format!("/v1.0/organization/{}", cloud.other)).await, 404, "Request_ResourceNotFound");
}

#[tokio::test]
async fn a_permission_that_was_taken_away_is_gone_at_once() {
    let cloud = Cloud::start().await;
    let client = Client::with_permissions(&cloud, APP, &["User.Read.All"]).await;
    assert_eq!(client.get("/v1.0/users").await.status, StatusCode::OK);
    cloud.change(APP, |own| own.assignments.clear()).await;
    refused(&client.get("/v1.0/users").await, 403, "Authorization_RequestDenied");
}

/// What each permission alone opens: reading a principal, an application, users, domains,
/// the organization; then adding an application, a user, an assignment.
#[tokio::test]
async fn permissions_open_what_they_say() {
    let cloud = Cloud::start().await;
    let other = cloud.directory.principal_by_app(cloud.tenant, ADMIN).await.unwrap().unwrap();
    for (permission, expected) in [
        ("Application.Read.All", "10000000"),
        ("Application.ReadWrite.All", "10001100"),
        ("Application.ReadWrite.OwnedBy", "00000100"),
        ("AppRoleAssignment.ReadWrite.All", "10000001"),
        ("Directory.Read.All", "11111000"),
        ("Directory.ReadWrite.All", "11111010"),
        ("Domain.Read.All", "00010000"),
        ("Mail.Send", "00000000"),
        ("Organization.Read.All", "00011000"),
        ("User.EnableDisableAccount.All", "00000000"),
        ("User.Read.All", "01100000"),
        ("User.ReadWrite.All", "01100010"),
    ] {
        let client = Client::with_permissions(&cloud, APP, &[permission]).await;
        let principal = format!("/v1.0/servicePrincipals/{}", other.id);
        let user = json!({
            "accountEnabled": true, "displayName": "u", "mailNickname": "u",
            "userPrincipalName": format!("{}@fabrikam.example", permission.to_lowercase()),
        });
        let mut seen = String::new();
        for answer in [
            client.get(&principal).await,
            client.get("/v1.0/users").await,
            client.get("/v1.0/users/$count?").await,
            client.get("/v1.0/domains").await,
            client.get("/v1.0/organization").await,
            client.post("/v1.0/applications", json!({"displayName": "new"})).await,
            client.post("/v1.0/users", user).await,
            client.post(&format!("{principal}/appRoleAssignments"), json!({})).await,
        ] {
            // What gets past the permission may still be wrong in other ways.
            seen.push(if answer.status == StatusCode::FORBIDDEN { '0' } else { '1' });
        }
        assert_eq!(seen, expected, "{permission}");
    }
}
