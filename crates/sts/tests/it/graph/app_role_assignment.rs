//! Roles that are assigned, and what then stands in tokens.

use actas_token::jws::{Compact, Reading};
use actas_token::well_known;
use http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Client, refused};
use crate::cloud::{ADMIN, APP, Cloud, ORIGIN};

const FULL_ACCESS: &str = "dc890d15-9560-4a4c-9b7f-a736ec74ec40";

async fn id_of(cloud: &Cloud, app_id: Uuid) -> String {
    cloud.directory.principal_by_app(cloud.tenant, app_id).await.unwrap().unwrap().id.to_string()
}

/// `roles` of a token for a resource, or the AADSTS code of the refusal.
async fn roles(cloud: &Cloud, scope: &str) -> Result<Value, u64> {
    let (path, id) = (format!("/{}/oauth2/v2.0/token", cloud.tenant), APP.to_string());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", id.as_str()),
        ("client_secret", &cloud.secret),
        ("scope", scope),
    ];
    let answer = cloud.post(&path, &form).await;
    if answer.status != StatusCode::OK {
        return Err(answer.code());
    }
    let body = answer.json();
    let token = Compact::parse(body["access_token"].as_str().unwrap(), Reading::Strict).unwrap();
    Ok(token.claims.get("roles").cloned().unwrap_or_default())
}

#[tokio::test]
async fn assignments_are_what_stands_in_tokens() {
    let cloud = Cloud::start().await;
    cloud.change(APP, |own| own.assignments.clear()).await;
    let assigner = Client::with_permissions(&cloud, ADMIN, &["AppRoleAssignment.ReadWrite.All"]).await;
    let (own, exchange) = (id_of(&cloud, APP).await, id_of(&cloud, well_known::EXCHANGE).await);
    let scope = "https://mail.cloud.example/.default";
    assert_eq!(roles(&cloud, scope).await, Ok(Value::Null));
    let path = format!("/v1.0/servicePrincipals/{own}/appRoleAssignments");
    let body = json!({"principalId": own, "resourceId": exchange, "appRoleId": FULL_ACCESS});
    let made = assigner.post(&path, body.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.headers["location"], format!("{ORIGIN}{path}/{id}"));
    assert_eq!(roles(&cloud, scope).await, Ok(json!(["full_access_as_app"])));

    // The same assignment from both sides.
    let to = format!("/v1.0/servicePrincipals/{exchange}/appRoleAssignedTo");
    for side in [&path, &to] {
        let list = assigner.get(side).await.json();
        assert_eq!((list["value"].as_array().unwrap().len(), &list["value"][0]["id"]), (1, &json!(id)), "{side}");
        let one = assigner.get(&format!("{side}/{id}")).await.json();
        assert_eq!(
            (&one["appRoleId"], &one["principalId"], &one["resourceId"]),
            (&json!(FULL_ACCESS), &json!(own), &json!(exchange))
        );
    }
    let again = assigner.post(&path, body).await;
    refused(&again, 400, "Request_BadRequest");
    assert!(again.text.contains("Permission being assigned already exists on the object"));
    assert_eq!(assigner.delete(&format!("{to}/{id}")).await.status, 204);
    assert_eq!(roles(&cloud, scope).await, Ok(Value::Null));
    refused(&assigner.delete(&format!("{path}/{id}")).await, 404, "Request_ResourceNotFound");
}

#[tokio::test]
async fn what_cannot_be_assigned() {
    let cloud = Cloud::start().await;
    let assigner = Client::with_permissions(&cloud, ADMIN, &["AppRoleAssignment.ReadWrite.All"]).await;
    let (own, exchange) = (id_of(&cloud, APP).await, id_of(&cloud, well_known::EXCHANGE).await);
    let path = format!("/v1.0/servicePrincipals/{own}/appRoleAssignments");
    let graph_role = "df021288-bdef-4463-88db-98f22de89214";
    let foreign = cloud.directory.principal_by_app(cloud.other, well_known::EXCHANGE).await.unwrap().unwrap().id;
    for (body, status, code) in [
        (json!({"principalId": exchange, "resourceId": exchange, "appRoleId": FULL_ACCESS}), 400, "Request_BadRequest"),
        (json!({"principalId": own, "resourceId": exchange, "appRoleId": graph_role}), 400, "Request_BadRequest"),
        (json!({"principalId": own, "resourceId": exchange, "appRoleId": Uuid::nil()}), 400, "Request_BadRequest"),
        (json!({"principalId": own, "resourceId": exchange}), 400, "Request_BadRequest"),
        (
            json!({"principalId": own, "resourceId": Uuid::new_v4(), "appRoleId": FULL_ACCESS}),
            404,
            "Request_ResourceNotFound",
        ),
        (json!({"principalId": own, "resourceId": foreign, "appRoleId": FULL_ACCESS}), 404, "Request_ResourceNotFound"),
    ] {
        refused(&assigner.post(&path, body).await, status, code);
    }
    // Writing applications is not assigning roles.
    let admin = Client::with_permissions(&cloud, ADMIN, &["Application.ReadWrite.All"]).await;
    let body = json!({"principalId": own, "resourceId": exchange, "appRoleId": FULL_ACCESS});
    refused(&admin.post(&path, body).await, 403, "Authorization_RequestDenied");
    let held = admin.get(&path).await.json()["value"][0]["id"].as_str().unwrap().to_owned();
    refused(&admin.delete(&format!("{path}/{held}")).await, 403, "Authorization_RequestDenied");
    // Its own roles every application may read.
    let alone = Client::with_permissions(&cloud, APP, &[]).await;
    assert_eq!(alone.get(&path).await.status, StatusCode::OK);
    let exchanges = format!("/v1.0/servicePrincipals/{exchange}/appRoleAssignedTo");
    refused(&alone.get(&exchanges).await, 403, "Authorization_RequestDenied");
}

#[tokio::test]
async fn roles_of_an_application_of_the_tenants_own() {
    let cloud = Cloud::start().await;
    let admin =
        Client::with_permissions(&cloud, ADMIN, &["Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"])
            .await;
    let (role, off) = (Uuid::new_v4(), Uuid::new_v4());
    let exposed = |value: &str| {
        json!([
            {"id": role, "value": value, "displayName": "r", "allowedMemberTypes": ["Application"]},
            {"id": off, "value": "Off", "displayName": "o", "allowedMemberTypes": ["Application"], "isEnabled": false},
        ])
    };
    let application = admin
        .add(
            "applications",
            json!({"displayName": "api", "identifierUris": ["api://own"], "appRoles": exposed("Read")}),
        )
        .await;
    let resource = admin.add("servicePrincipals", json!({"appId": application["appId"]})).await;
    let resource_path = format!("/v1.0/servicePrincipals/{}", resource["id"].as_str().unwrap());
    assert_eq!(roles(&cloud, "api://own/.default").await, Ok(Value::Null), "anybody may ask");
    assert_eq!(admin.patch(&resource_path, json!({"appRoleAssignmentRequired": true})).await.status, 204);
    assert_eq!(roles(&cloud, "api://own/.default").await, Err(501_051), "until a role is required");

    let own = id_of(&cloud, APP).await;
    let to = format!("{resource_path}/appRoleAssignedTo");
    let body = |role: Uuid| json!({"principalId": own, "resourceId": resource["id"], "appRoleId": role});
    refused(&admin.post(&to, body(off)).await, 400, "Request_BadRequest");
    assert_eq!(admin.post(&to, body(role)).await.status, StatusCode::CREATED);
    assert_eq!(roles(&cloud, "api://own/.default").await, Ok(json!(["Read"])));
    // The value is the role's, as it is today.
    let path = format!("/v1.0/applications/{}", application["id"].as_str().unwrap());
    assert_eq!(admin.patch(&path, json!({"appRoles": exposed("Read.All")})).await.status, 204);
    assert_eq!(roles(&cloud, "api://own/.default").await, Ok(json!(["Read.All"])));
    // A role of that value on another resource is not Exchange's.
    assert_eq!(admin.patch(&path, json!({"appRoles": exposed("full_access_as_app")})).await.status, 204);
    cloud.change(APP, |own| own.assignments.retain(|held| held.role == role)).await;
    assert_eq!(roles(&cloud, "https://mail.cloud.example/.default").await, Ok(Value::Null));
}

#[tokio::test]
async fn a_resource_that_went_takes_its_roles_along() {
    let cloud = Cloud::start().await;
    let admin =
        Client::with_permissions(&cloud, ADMIN, &["Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"])
            .await;
    let app_id = Uuid::new_v4();
    let resource = admin.add("servicePrincipals", json!({"appId": app_id})).await;
    let own = id_of(&cloud, APP).await;
    let path = format!("/v1.0/servicePrincipals/{own}/appRoleAssignments");
    let body = json!({"principalId": own, "resourceId": resource["id"], "appRoleId": Uuid::nil()});
    assert_eq!(admin.post(&path, body).await.status, StatusCode::CREATED, "the nil role, where none is exposed");
    let count = async || admin.get(&path).await.json()["value"].as_array().unwrap().len();
    let before = count().await;
    let id = resource["id"].as_str().unwrap();
    assert_eq!(admin.delete(&format!("/v1.0/servicePrincipals/{id}")).await.status, 204);
    assert_eq!(count().await, before - 1);
    // Another principal of the same application does not inherit them.
    let second = admin.add("servicePrincipals", json!({"appId": app_id})).await;
    assert_eq!(count().await, before - 1);
    assert_eq!(admin.delete(&format!("/v1.0/servicePrincipals/{}", second["id"].as_str().unwrap())).await.status, 204);
    assert_eq!(admin.post(&format!("/v1.0/directory/deletedItems/{id}/restore"), json!({})).await.status, 200);
    assert_eq!(count().await, before, "but the restored one has them back");
}
