//! A database of the first schema opens, with what is in it.

use actas_directory::{TenantId, User, UserKey, well_known};
use actas_store::directory::{Audit, Directory};
use actas_store::{Database, Schema};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::json;
use uuid::Uuid;

const TENANT: Uuid = Uuid::from_u128(1);
const APP: Uuid = Uuid::from_u128(10);
const USER: Uuid = Uuid::from_u128(20);

/// A cloud's database as the first version left it.
fn first_schema(path: &std::path::Path) {
    let connection = Connection::open(path).unwrap();
    let sql = include_str!("../../src/schema/cloud-1.sql")
        .replace("{sequence}", "INTEGER PRIMARY KEY")
        .replace("{text}", "TEXT")
        .replace("{i64}", "INTEGER")
        .replace("{bytes}", "BLOB")
        .replace("{strict}", "STRICT");
    connection.execute_batch(&sql).unwrap();
    connection.execute_batch("PRAGMA application_id = 1094931523; PRAGMA user_version = 1;").unwrap();
    let tenant = json!({
        "id": TENANT, "display_name": "Fabrikam", "created": "2026-01-01T00:00:00Z",
        "domains": [{"name": "fabrikam.example", "is_default": true, "is_initial": true}],
    });
    connection.execute("INSERT INTO tenant VALUES (?1, ?2)", params![TENANT.to_string(), tenant.to_string()]).unwrap();
    let principals = [
        (Uuid::from_u128(2), well_known::EXCHANGE, json!([])),
        (Uuid::from_u128(3), well_known::GRAPH, json!([])),
        (Uuid::from_u128(4), APP, json!(["full_access_as_app", "Application.Read.All", "No.Such.Role"])),
    ];
    for (id, app_id, roles) in principals {
        let document = json!({
            "id": id, "tenant": TENANT, "app_id": app_id, "display_name": "p", "enabled": true,
            "trusted_for_delegation": false, "names": [app_id], "key_credentials": [], "password_credentials": [],
            "roles": roles, "created": "2026-01-02T00:00:00Z", "version": 7,
        });
        let values = params![id.to_string(), TENANT.to_string(), app_id.to_string(), 7, document.to_string()];
        connection.execute("INSERT INTO service_principal VALUES (?1, ?2, ?3, ?4, ?5)", values).unwrap();
        let name = params![TENANT.to_string(), app_id.to_string(), id.to_string()];
        connection.execute("INSERT INTO service_principal_name VALUES (?1, ?2, ?3)", name).unwrap();
    }
    let user = json!({
        "id": USER, "tenant": TENANT, "display_name": "Lena", "upn": "lena@fabrikam.example",
        "proxy_addresses": ["SMTP:lena@fabrikam.example"], "sid": null, "puid": null, "enabled": true, "mailbox": true,
    });
    let values = params![USER.to_string(), TENANT.to_string(), user.to_string()];
    connection.execute("INSERT INTO directory_user VALUES (?1, ?2, ?3)", values).unwrap();
    for kind in ["upn", "smtp"] {
        let key = params![TENANT.to_string(), kind, "lena@fabrikam.example", USER.to_string()];
        connection.execute("INSERT INTO user_key VALUES (?1, ?2, ?3, ?4)", key).unwrap();
    }
}

#[tokio::test]
async fn the_first_schema_opens_with_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cloud.db");
    first_schema(&path);
    let directory = Directory::new(Database::open(&path, Schema::Cloud).unwrap());
    let tenant = TenantId(TENANT);
    let audit = || Audit { time: Timestamp::UNIX_EPOCH, tenant, kind: "test", details: json!({}) };

    let principal = async |app_id| directory.principal_by_app(tenant, app_id).await.unwrap().unwrap();
    let (exchange, graph, mut own) =
        (principal(well_known::EXCHANGE).await, principal(well_known::GRAPH).await, principal(APP).await);
    assert_eq!(own.roles_on(&exchange), ["full_access_as_app"]);
    assert_eq!(own.roles_on(&graph), ["Application.Read.All"]);
    assert_eq!(own.assignments.len(), 2, "what nobody exposes is gone");
    let role = own.assignments.iter().find(|held| held.resource == graph.id).unwrap();
    assert!(graph.exposed_roles().iter().any(|known| known.id == role.role));
    assert_eq!((own.assignments[0].created, role.id.is_nil()), (own.created, false));
    own.display_name = "changed".to_owned();
    assert_eq!(directory.update_principal(&own, audit()).await.unwrap(), 8);

    let key = UserKey::Upn("lena@fabrikam.example".to_owned());
    let mut lena: User = directory.users_by_key(tenant, &key).await.unwrap().remove(0);
    assert_eq!(lena.version, 1);
    lena.enabled = false;
    directory.update_user(&lena, audit()).await.unwrap();
    assert!(!directory.user(tenant, USER).await.unwrap().unwrap().enabled);

    drop(directory);
    let again = Directory::new(Database::open(&path, Schema::Cloud).unwrap());
    assert_eq!(again.principal_by_app(tenant, APP).await.unwrap().unwrap().assignments, own.assignments, "once only");
}
