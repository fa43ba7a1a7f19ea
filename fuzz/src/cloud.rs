//! The cloud's token service and directory over an empty database.

use std::sync::Arc;

use actas_directory::credential::KeyCredentialRequest;
use actas_directory::{KeyCredential, ServicePrincipal, Tenant, TenantId, User, well_known};
use actas_runtime::ManualClock;
use actas_store::directory::{Audit, Directory};
use actas_store::sts::SigningKeys;
use actas_store::{Database, Schema};
use actas_sts::seed::{ServiceHosts, grant, well_known_principals};
use actas_sts::{KeyRing, Policy, Rate, Rates, SigningKeyKind, Sts};
use actas_token::{Principal, issue};
use axum::Router;
use http::Request;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::NOW;
use crate::request::{Answer, send};
use crate::signer::{PARTNER, Signer};

/// Where it says that it is.
pub const ORIGIN: &str = "https://sts.cloud.example";
/// The tenant, as paths name it.
pub const TENANT: &str = "11112222-3333-4444-5555-666677778888";
/// An application that may change everything in its tenant.
pub const ADMIN: Uuid = Uuid::from_u128(0x00aa_0000_0000_4000_8000_0000_0000_0002);
/// Stands in the other tenant alone: whoever reads it read too far.
pub const CANARY: &str = "canary-of-contoso";

const PERMISSIONS: [&str; 4] =
    ["Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "Directory.Read.All", "User.ReadWrite.All"];

/// A token service with two tenants.
pub struct Cloud {
    router: Router,
    /// A token of [`ADMIN`] for the directory.
    pub token: String,
    _folder: TempDir,
}

impl Cloud {
    /// A new one, always the same but for its keys.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        crate::block_on(Self::make()).expect("the cloud starts")
    }

    async fn make() -> Result<Self, Box<dyn std::error::Error>> {
        let folder = crate::folder()?;
        let database = Database::open(&folder.path().join("cloud.db"), Schema::Cloud)?;
        let directory = Directory::new(database.clone());
        let kind = SigningKeyKind::P256;
        let keys = KeyRing::load_or_make(&SigningKeys::new(database), folder.path(), kind, NOW).await?;
        let (tenant, other): (TenantId, _) = (TENANT.parse()?, TenantId(Uuid::from_u128(2)));
        let hosts = ServiceHosts { exchange: vec!["mail.cloud.example".into()], graph: vec![ORIGIN.into()] };
        for (id, name, domain) in [(tenant, "Fabrikam", "fabrikam.example"), (other, CANARY, "contoso.example")] {
            directory.add_tenant(&Tenant::new(id, name, domain.parse()?, NOW), audit(id)).await?;
            well_known_principals(&directory, id, &hosts, NOW).await?;
        }
        let mut lync = directory.principal_by_app(tenant, well_known::LYNC).await?.ok_or("Lync has a principal")?;
        lync.key_credentials.push(credential(&PARTNER)?);
        directory.update_principal(&lync, audit(tenant)).await?;
        let mut admin = ServicePrincipal::new(Uuid::from_u128(0xad), tenant, ADMIN, "administrator", NOW);
        for permission in PERMISSIONS {
            grant(&directory, &mut admin, permission, NOW).await?;
        }
        admin.key_credentials.push(credential(&PARTNER)?);
        directory.add_principal(&admin, audit(tenant)).await?;
        let stranger = ServicePrincipal::new(Uuid::from_u128(0xca), other, Uuid::from_u128(0xcb), CANARY, NOW);
        directory.add_principal(&stranger, audit(other)).await?;
        for (id, tenant, address) in [
            (1, tenant, "lena@fabrikam.example".to_owned()),
            (2, tenant, "omar@fabrikam.example".to_owned()),
            (3, other, format!("{CANARY}@contoso.example")),
        ] {
            directory.add_user(&User::new(Uuid::from_u128(id), tenant, &address, &address), audit(tenant)).await?;
        }
        let unlimited = Rate { per_second: 0, burst: 0 };
        let rates = Rates {
            token_by_address: unlimited,
            token_by_client: unlimited,
            refusals_by_address: unlimited,
            graph_by_address: unlimited,
            device_codes_by_address: unlimited,
        };
        let policy = Policy { rates, signing_key_kind: kind, ..Policy::default() };
        let clock = Arc::new(ManualClock::new(NOW));
        let router = Sts::new(directory, keys, vec![ORIGIN.parse()?], policy, clock).router();
        Ok(Self { router, token: String::new(), _folder: folder })
    }

    /// A new one in which [`ADMIN`] has a token.
    ///
    /// # Panics
    /// When it does not start.
    pub fn with_token() -> Self {
        let mut cloud = Self::start();
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            .append_pair("client_assertion", &client_assertion())
            .append_pair("scope", &format!("{ORIGIN}/.default"))
            .finish();
        let request = Request::post(format!("/{TENANT}/oauth2/v2.0/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.into())
            .expect("the request is one");
        let answer = cloud.send(request);
        let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        cloud.token = body["access_token"].as_str().unwrap_or_else(|| panic!("{}", answer.text)).to_owned();
        cloud
    }

    /// Sends a request.
    pub fn send(&self, request: Request<axum::body::Body>) -> Answer {
        send(&self.router, request)
    }
}

fn audit(tenant: TenantId) -> Audit {
    Audit { time: NOW, tenant, kind: "test", details: json!({}) }
}

fn credential(signer: &Signer) -> Result<KeyCredential, Box<dyn std::error::Error>> {
    let key = Some(signer.pair().certificate().der().to_vec());
    Ok(KeyCredential::new(&KeyCredentialRequest { key, ..Default::default() }, Uuid::from_u128(0xc1ed), NOW)?.0)
}

/// What [`ADMIN`] authenticates with.
///
/// # Panics
/// When it cannot be signed.
pub fn client_assertion() -> String {
    let endpoint = format!("{ORIGIN}/{TENANT}/oauth2/v2.0/token");
    let id = ADMIN.to_string();
    issue::client_assertion(&PARTNER.signing(), &id, &endpoint, "id", SignedDuration::from_mins(5), NOW)
        .expect("it is signed")
}

/// What Lync asks for an actor token with.
///
/// # Panics
/// When it cannot be signed.
pub fn s2s_assertion() -> String {
    let caller = Principal::in_realm(well_known::LYNC, TENANT);
    let audience = format!("{}/sts.cloud.example@{TENANT}", well_known::STS);
    issue::assertion(&PARTNER.signing(), &caller, &audience, SignedDuration::from_mins(5), NOW).expect("it is signed")
}
