//! Units happen whole or not at all, and share commits.

use actas_directory::{ServicePrincipal, Tenant, TenantId, well_known};
use actas_store::directory::{Audit, Directory};
use actas_store::{Database, Schema};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

fn audit(tenant: TenantId) -> Audit {
    Audit { time: Timestamp::UNIX_EPOCH, tenant, kind: "test", details: json!({}) }
}

async fn with_tenant(database: Database) -> (Directory, TenantId) {
    let directory = Directory::new(database);
    let id = TenantId(Uuid::new_v4());
    let tenant = Tenant::new(id, "Fabrikam", "fabrikam.example".parse().unwrap(), Timestamp::UNIX_EPOCH);
    directory.add_tenant(&tenant, audit(id)).await.unwrap();
    (directory, id)
}

fn principal(tenant: TenantId) -> ServicePrincipal {
    ServicePrincipal::new(Uuid::new_v4(), tenant, well_known::LYNC, "Lync", Timestamp::UNIX_EPOCH)
}

#[tokio::test]
async fn a_unit_that_fails_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (directory, tenant) = with_tenant(Database::open(&folder.path().join("c.db"), Schema::Cloud).unwrap()).await;
    directory.add_principal(&principal(tenant), audit(tenant)).await.unwrap();
    let audits = directory.audits(100).await.unwrap().len();
    let error = directory.add_principal(&principal(tenant), audit(tenant)).await.unwrap_err();
    assert!(error.is_exists(), "{error}");
    assert_eq!(directory.principals(tenant).await.unwrap().len(), 1);
    assert_eq!(directory.audits(100).await.unwrap().len(), audits, "no audit of what did not happen");
}

#[tokio::test]
async fn the_second_of_two_changes_is_stale() {
    let folder = tempfile::tempdir().unwrap();
    let (directory, tenant) = with_tenant(Database::open(&folder.path().join("c.db"), Schema::Cloud).unwrap()).await;
    let mut one = principal(tenant);
    directory.add_principal(&one, audit(tenant)).await.unwrap();
    let mut other = one.clone();
    one.display_name = "first".into();
    other.display_name = "second".into();
    directory.update_principal(&one, audit(tenant)).await.unwrap();
    assert!(directory.update_principal(&other, audit(tenant)).await.unwrap_err().is_stale());
    assert_eq!(directory.principal(tenant, one.id).await.unwrap().unwrap().display_name, "first");
}

#[tokio::test]
async fn tenants_see_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("c.db"), Schema::Cloud).unwrap();
    let (directory, tenant) = with_tenant(database).await;
    let other = TenantId(Uuid::new_v4());
    let taken = Tenant::new(other, "Contoso", "fabrikam.example".parse().unwrap(), Timestamp::UNIX_EPOCH);
    assert!(directory.add_tenant(&taken, audit(other)).await.unwrap_err().is_exists(), "a domain has one tenant");
    let contoso = Tenant::new(other, "Contoso", "contoso.example".parse().unwrap(), Timestamp::UNIX_EPOCH);
    directory.add_tenant(&contoso, audit(other)).await.unwrap();
    let own = principal(tenant);
    directory.add_principal(&own, audit(tenant)).await.unwrap();
    assert!(directory.principal(other, own.id).await.unwrap().is_none());
    assert!(directory.principal_by_app(other, own.app_id).await.unwrap().is_none());
    assert_eq!(directory.tenant_by_realm("Contoso.Example").await.unwrap().unwrap().id, other);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.db");
    let (directory, tenant) = with_tenant(Database::open(&path, Schema::Cloud).unwrap()).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let directory = directory.clone();
        tasks.spawn(async move { directory.record(audit(tenant)).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    let again = Directory::new(Database::open(&path, Schema::Cloud).unwrap());
    assert_eq!(again.audits(1000).await.unwrap().len(), 201);
}
