//! Applications, principals and users: unique names, deletion and restoring.

use actas_directory::deleted::RESTORABLE;
use actas_directory::{Application, DeletedObject, ServicePrincipal, Tenant, TenantId, User, UserKey};
use actas_store::directory::{Audit, Directory};
use actas_store::{Database, Schema};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

struct World {
    directory: Directory,
    tenant: TenantId,
    other: TenantId,
    _folder: tempfile::TempDir,
}

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn audit(tenant: TenantId) -> Audit {
    Audit { time: NOW, tenant, kind: "test", details: json!({}) }
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let directory = Directory::new(Database::open(&folder.path().join("c.db"), Schema::Cloud).unwrap());
        let (tenant, other) = (TenantId(Uuid::from_u128(1)), TenantId(Uuid::from_u128(2)));
        for (id, domain) in [(tenant, "fabrikam.example"), (other, "contoso.example")] {
            directory.add_tenant(&Tenant::new(id, "t", domain.parse().unwrap(), NOW), audit(id)).await.unwrap();
        }
        Self { directory, tenant, other, _folder: folder }
    }

    fn application(&self, app: u128, uri: &str) -> Application {
        let mut made = Application::new(Uuid::new_v4(), self.tenant, Uuid::from_u128(app), "a", NOW);
        made.identifier_uris = vec![uri.to_owned()];
        made
    }

    fn principal(&self, app: u128, name: &str) -> ServicePrincipal {
        let mut made = ServicePrincipal::new(Uuid::new_v4(), self.tenant, Uuid::from_u128(app), "p", NOW);
        made.names.push(name.to_owned());
        made
    }
}

#[tokio::test]
async fn a_name_belongs_to_one_application_id() {
    let world = World::new().await;
    let (directory, audit) = (&world.directory, || audit(world.tenant));
    directory.add_application(&world.application(10, "api://ten"), audit()).await.unwrap();
    // Its own principal bears the same name.
    directory.add_principal(&world.principal(10, "API://ten/"), audit()).await.unwrap();
    for taken in ["api://ten", "API://TEN/"] {
        assert!(directory.add_principal(&world.principal(11, taken), audit()).await.unwrap_err().is_exists());
        assert!(directory.add_application(&world.application(11, taken), audit()).await.unwrap_err().is_exists());
    }
    directory.add_principal(&world.principal(12, "api://twelve"), audit()).await.unwrap();
    assert!(directory.add_application(&world.application(13, "api://twelve"), audit()).await.unwrap_err().is_exists());
    assert!(directory.application_by_app(world.tenant, Uuid::from_u128(13)).await.unwrap().is_none());
    assert!(directory.application_by_uri(world.tenant, "api://TEN/").await.unwrap().is_some());
    assert!(directory.application_by_uri(world.other, "api://ten").await.unwrap().is_none());
}

#[tokio::test]
async fn both_lists_of_credentials_count() {
    let world = World::new().await;
    let (directory, principal) = (&world.directory, world.principal(10, "api://p"));
    let mut application = world.application(10, "api://ten");
    let secret = |id: u128| actas_directory::PasswordCredential {
        key_id: Uuid::from_u128(id),
        hash: String::new(),
        hint: String::new(),
        start: NOW,
        end: NOW + SignedDuration::from_hours(1),
        display_name: String::new(),
    };
    application.password_credentials.push(secret(2));
    let mut principal = principal;
    principal.password_credentials.push(secret(1));
    directory.add_principal(&principal, audit(world.tenant)).await.unwrap();
    let ids = async || {
        let all = directory.credentials(&principal).await.unwrap();
        all.live_passwords(NOW).map(|password| password.key_id.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(ids().await, [1]);
    directory.add_application(&application, audit(world.tenant)).await.unwrap();
    assert_eq!(ids().await, [1, 2]);
}

#[tokio::test]
async fn user_names_are_unique() {
    let world = World::new().await;
    let user = |id: u128, tenant, upn: &str| User::new(Uuid::from_u128(id), tenant, "u", upn);
    let add = async |user: User| world.directory.add_user(&user, audit(user.tenant)).await;
    add(user(1, world.tenant, "lena@fabrikam.example")).await.unwrap();
    assert!(add(user(2, world.tenant, "LENA@fabrikam.example")).await.unwrap_err().is_exists());
    add(user(3, world.other, "lena@fabrikam.example")).await.unwrap();
    let mut lena = world.directory.user(world.tenant, Uuid::from_u128(1)).await.unwrap().unwrap();
    lena.upn = "helena@fabrikam.example".to_owned();
    let stale = lena.clone();
    world.directory.update_user(&lena, audit(world.tenant)).await.unwrap();
    assert!(world.directory.update_user(&stale, audit(world.tenant)).await.unwrap_err().is_stale());
    let found = async |upn: &str| {
        world.directory.users_by_key(world.tenant, &UserKey::Upn(upn.to_owned())).await.unwrap().len()
    };
    assert_eq!((found("lena@fabrikam.example").await, found("helena@fabrikam.example").await), (0, 1));
}

#[tokio::test]
async fn deleted_and_restored() {
    let world = World::new().await;
    let (directory, tenant, audit) = (&world.directory, world.tenant, || audit(world.tenant));
    let (application, principal) = (world.application(10, "api://ten"), world.principal(10, "api://ten"));
    directory.add_application(&application, audit()).await.unwrap();
    directory.add_principal(&principal, audit()).await.unwrap();
    let both =
        [DeletedObject::Application(application.clone().into()), DeletedObject::ServicePrincipal(principal.into())];
    directory.delete(&both, NOW, audit()).await.unwrap();
    assert!(directory.delete(&both, NOW, audit()).await.unwrap_err().is_stale());
    assert!(directory.application(tenant, application.id).await.unwrap().is_none());
    assert!(directory.deleted(world.other, application.id, NOW).await.unwrap().is_none());
    assert_eq!(directory.deleted_after(tenant, "application", Uuid::nil(), 10, NOW).await.unwrap().len(), 1);

    let deleted = directory.deleted(tenant, application.id, NOW).await.unwrap().unwrap();
    // The name is free, and whoever has it now keeps it.
    let squatter = world.application(11, "api://ten");
    directory.add_application(&squatter, audit()).await.unwrap();
    assert!(directory.restore(&deleted, audit()).await.unwrap_err().is_exists());
    assert!(directory.deleted(tenant, application.id, NOW).await.unwrap().is_some(), "still there");
    directory.delete(&[DeletedObject::Application(squatter.into())], NOW, audit()).await.unwrap();
    directory.restore(&deleted, audit()).await.unwrap();
    let back = directory.application(tenant, application.id).await.unwrap().unwrap();
    assert_eq!((back.version, &back.identifier_uris), (2, &application.identifier_uris));
    assert!(directory.restore(&deleted, audit()).await.unwrap_err().is_stale());
    let principal = directory.deleted(tenant, both[1].id(), NOW).await.unwrap().unwrap();
    assert!(directory.deleted(tenant, both[1].id(), NOW + RESTORABLE).await.unwrap().is_none(), "after 30 days");
    directory.forget(&principal, audit()).await.unwrap();
    assert!(directory.forget(&principal, audit()).await.unwrap_err().is_stale());
}
