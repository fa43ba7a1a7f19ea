//! A token service over a real database, with a clock that can be moved.

use std::sync::Arc;
use std::time::Duration;

use actas_certificate::{KeyPair, issue};
use actas_directory::credential::KeyCredentialRequest;
use actas_directory::{KeyCredential, ServicePrincipal, Tenant, TenantId, User, well_known};
use actas_runtime::ManualClock;
use actas_store::directory::{Audit, Directory};
use actas_store::sts::SigningKeys;
use actas_store::{Database, Schema};
use actas_sts::seed::{ServiceHosts, grant, well_known_principals};
use actas_sts::{KeyPlace, KeyRing, Policy, Sts, new_secret};
use actas_token::SigningKey;
use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

pub const ORIGIN: &str = "https://sts.cloud.example";
pub const APP: Uuid = Uuid::from_u128(0x00aa_0000_0000_4000_8000_0000_0000_0001);
pub const ADMIN: Uuid = Uuid::from_u128(0x00aa_0000_0000_4000_8000_0000_0000_0002);

/// A user of the first tenant.
pub const LENA: &str = "lena@fabrikam.example";

pub struct Cloud {
    pub sts: Sts,
    pub router: Router,
    pub database: Database,
    pub folder: tempfile::TempDir,
    pub directory: Directory,
    pub clock: Arc<ManualClock>,
    pub tenant: TenantId,
    pub other: TenantId,
    /// Lync's key, a credential in both tenants.
    pub lync: KeyPair,
    /// The application's and the administrator's.
    pub app: KeyPair,
    pub secret: String,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The AADSTS code.
    pub fn code(&self) -> u64 {
        self.json()["error_codes"][0].as_u64().unwrap_or_else(|| panic!("{}", self.text))
    }
}

pub fn pair(name: &str, now: Timestamp) -> KeyPair {
    issue::self_signed(name, &[], now - Duration::from_hours(24), Duration::from_hours(24 * 730), 2048).unwrap()
}

pub fn signing(pair: &KeyPair) -> SigningKey {
    SigningKey::new(pair.key().pkcs8_der(), pair.certificate().der()).unwrap()
}

pub fn audit(tenant: TenantId, now: Timestamp) -> Audit {
    Audit { time: now, tenant, kind: "test", details: json!({}) }
}

pub fn credential(pair: &KeyPair, now: Timestamp) -> KeyCredential {
    let request = KeyCredentialRequest { key: Some(pair.certificate().der().to_vec()), ..Default::default() };
    KeyCredential::new(&request, Uuid::new_v4(), now).unwrap().0
}

impl Cloud {
    pub async fn start() -> Self {
        Self::with(Policy { allow_secrets: true, ..Policy::default() }).await
    }

    pub async fn with(policy: Policy) -> Self {
        Self::with_keys(policy, async |folder| KeyPlace::from(folder)).await
    }

    /// With signing keys in the place that is made of the service's folder.
    pub async fn with_keys(policy: Policy, place: impl AsyncFnOnce(&std::path::Path) -> KeyPlace) -> Self {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let clock = Arc::new(ManualClock::new(now));
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("cloud.db"), Schema::Cloud).unwrap();
        let directory = Directory::new(database.clone());
        let kind = policy.signing_key_kind;
        let place = place(folder.path()).await;
        let keys = KeyRing::load_or_make(&SigningKeys::new(database.clone()), place, kind, now).await.unwrap();
        let (tenant, other) = (TenantId(Uuid::from_u128(1)), TenantId(Uuid::from_u128(2)));
        let (lync, app) = (pair("lync", now), pair("app", now));
        let (secret, hash) = new_secret().unwrap();
        for (id, name, domain) in [(tenant, "Fabrikam", "fabrikam.example"), (other, "Contoso", "contoso.example")] {
            directory.add_tenant(&Tenant::new(id, name, domain.parse().unwrap(), now), audit(id, now)).await.unwrap();
            let hosts = ServiceHosts {
                exchange: vec!["mail.cloud.example".into(), "*.outlook.example".into()],
                graph: vec![ORIGIN.into()],
            };
            well_known_principals(&directory, id, &hosts, now).await.unwrap();
        }
        let mut lync_principal = directory.principal_by_app(tenant, well_known::LYNC).await.unwrap().unwrap();
        lync_principal.key_credentials.push(credential(&lync, now));
        directory.update_principal(&lync_principal, audit(tenant, now)).await.unwrap();
        for (app_id, roles) in [
            (APP, &["full_access_as_app", "Application.ReadWrite.OwnedBy"][..]),
            (ADMIN, &["Application.ReadWrite.All", "Organization.Read.All"][..]),
        ] {
            let mut principal = ServicePrincipal::new(Uuid::new_v4(), tenant, app_id, "application", now);
            for role in roles {
                assert!(grant(&directory, &mut principal, role, now).await.unwrap());
            }
            principal.key_credentials.push(credential(&app, now));
            principal.password_credentials.push(actas_directory::PasswordCredential {
                key_id: Uuid::new_v4(),
                hash: hash.clone(),
                hint: String::new(),
                start: now,
                end: now + SignedDuration::from_hours(24),
                display_name: String::new(),
            });
            directory.add_principal(&principal, audit(tenant, now)).await.unwrap();
        }
        for (id, tenant, address) in
            [(1, tenant, LENA), (2, tenant, "omar@fabrikam.example"), (3, other, "eve@contoso.example")]
        {
            let user = User::new(Uuid::from_u128(id), tenant, address, address);
            directory.add_user(&user, audit(tenant, now)).await.unwrap();
        }
        let origins = vec![ORIGIN.parse().unwrap()];
        let sts = Sts::new(directory.clone(), keys, origins, policy, clock.clone());
        Self { router: sts.router(), sts, database, directory, clock, tenant, other, lync, app, secret, folder }
    }

    pub fn now(&self) -> Timestamp {
        use actas_runtime::Clock;
        self.clock.now()
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answer { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// As [`Cloud::post`], from an address and with further headers.
    pub async fn post_from(&self, from: &str, path: &str, headers: &[(&str, &str)], form: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let peer: std::net::SocketAddr = format!("{from}:40000").parse().unwrap();
        self.send(request.extension(axum::extract::ConnectInfo(peer)).body(Body::from(body)).unwrap()).await
    }

    /// Changes a principal of the first tenant.
    pub async fn change(&self, app_id: Uuid, change: impl FnOnce(&mut ServicePrincipal)) {
        let mut principal = self.directory.principal_by_app(self.tenant, app_id).await.unwrap().unwrap();
        change(&mut principal);
        self.directory.update_principal(&principal, audit(self.tenant, self.now())).await.unwrap();
    }
}
