//! A cloud of two tenants, an issuer of tokens, and a way to call.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

use actas_directory::exchange_side::{AppOnlyPermission, AuthServer, AuthServerKind, PartnerApplication};
use actas_directory::{DomainName, ServicePrincipal, Tenant, TenantId, User, well_known};
use actas_exchange::ews::{Call, ConnectingSid, Request as Operation, RequestHeader, ServerVersion};
use actas_mailbox::{GraphAddress, MailboxConfig, MailboxServer, ensure_mailbox};
use actas_runtime::{Clock, ManualClock};
use actas_store::directory::{Audit, AuditEntry, Directory};
use actas_store::sts::ExchangeTrust;
use actas_store::{Database, Schema};
use actas_token::issue::{self, ActAsUser};
use actas_token::{Principal, SigningKey};
use actas_validator::MetadataSource;
use axum::Router;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use uuid::Uuid;

pub const HOST: &str = "ews.outlook.cloud.example";
pub const EWS_PATH: &str = "/EWS/Exchange.asmx";
pub const SOAP_PATH: &str = "/autodiscover/autodiscover.svc";
pub const GRAPH: &str = "https://graph.cloud.example";
pub const BYTES_MAX: usize = 64 * 1024 * 1024;
/// An application that calls as itself.
pub const APP: Uuid = Uuid::from_u128(0x0a99_0000_0000_4000_8000_0000_0000_0001);

/// A key with a certificate.
pub struct Signer {
    pub key: SigningKey,
    pub certificate: Vec<u8>,
}

impl Signer {
    fn new(name: &str) -> Self {
        let pair = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        let certificate = parameters.self_signed(&pair).unwrap().der().to_vec();
        Self { key: SigningKey::new(&pair.serialize_der(), &certificate).unwrap(), certificate }
    }

    /// The token service's.
    pub fn sts() -> &'static Self {
        static STS: OnceLock<Signer> = OnceLock::new();
        STS.get_or_init(|| Self::new("sts"))
    }

    /// That of a partner that issues its own tokens.
    pub fn pool() -> &'static Self {
        static POOL: OnceLock<Signer> = OnceLock::new();
        POOL.get_or_init(|| Self::new("pool"))
    }

    /// One that nobody trusts.
    pub fn stranger() -> &'static Self {
        static STRANGER: OnceLock<Signer> = OnceLock::new();
        STRANGER.get_or_init(|| Self::new("stranger"))
    }
}

/// Serves the token service's documents for every tenant.
struct Published;

impl MetadataSource for Published {
    fn fetch<'a>(&'a self, url: &'a str) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'a>> {
        let signer = match url {
            _ if url.contains("stranger") => Signer::stranger(),
            _ if url.contains("pool") => Signer::pool(),
            _ => Signer::sts(),
        };
        let certificate = STANDARD.encode(&signer.certificate);
        if let Some((realm, _)) = url.split_once("pool.").and_then(|(_, rest)| rest.split_once('/')) {
            let publisher = actas_token::metadata::Publisher {
                app_id: well_known::LYNC,
                realm,
                name: "pool",
                hosts: &[],
                certificates: &[&signer.certificate],
                location: Some(url),
            };
            let document = publisher.document();
            return Box::pin(async move { Ok(document.to_string().into_bytes()) });
        }
        let document = if let Some(base) = url.strip_suffix(".well-known/openid-configuration") {
            json!({"issuer": base, "jwks_uri": format!("{base}discovery/keys")})
        } else if url.ends_with("/discovery/keys") {
            json!({"keys": [{"kty": "RSA", "use": "sig", "x5c": [certificate]}]})
        } else {
            let value = json!({"type": "x509Certificate", "value": certificate});
            let keys = [json!({"usage": "signing", "keyValue": value})];
            json!({"issuer": format!("{}@*", well_known::STS), "realm": "*", "keys": keys})
        };
        Box::pin(async move { Ok(document.to_string().into_bytes()) })
    }
}

pub struct World {
    _folder: TempDir,
    pub database: Database,
    pub clock: Arc<ManualClock>,
    pub server: MailboxServer,
    pub fabrikam: TenantId,
    pub contoso: TenantId,
    pub lena: User,
    pub omar: User,
    /// Of the other tenant.
    pub eve: User,
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(configure: impl FnOnce(&mut MailboxConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("cloud.db"), Schema::Cloud).unwrap();
        let clock = Arc::new(ManualClock::new("2026-12-01T09:00:00Z".parse().unwrap()));
        let mut config = MailboxConfig::new(
            vec![HOST.to_owned()],
            format!("https://{HOST}{EWS_PATH}"),
            format!("https://{HOST}{SOAP_PATH}"),
        );
        config.graph =
            Some(GraphAddress { origins: vec![GRAPH.to_owned()], authority: "https://sts.cloud.example".to_owned() });
        configure(&mut config);
        let server = MailboxServer::new(database.clone(), config, Arc::new(Published), clock.clone());
        let tenant = |n: u128| TenantId(Uuid::from_u128(0x1111_2222_3333_4444_5555_0000_0000_0000 + n));
        let user = |n: u128, tenant, name: &str, address: &str| User::new(Uuid::from_u128(n), tenant, name, address);
        let mut lena = user(101, tenant(1), "Lena Ortiz", "lena@fabrikam.example");
        lena.proxy_addresses.push("smtp:l.ortiz@fabrikam.example".to_owned());
        let world = Self {
            _folder: folder,
            database,
            clock,
            server,
            fabrikam: tenant(1),
            contoso: tenant(2),
            lena,
            omar: user(102, tenant(1), "Omar Haddad", "omar@fabrikam.example"),
            eve: user(201, tenant(2), "Eve Blanc", "eve@contoso.example"),
        };
        world.seed().await;
        world
    }

    async fn seed(&self) {
        let directory = Directory::new(self.database.clone());
        for (id, domain) in [(self.fabrikam, "fabrikam.example"), (self.contoso, "contoso.example")] {
            let domain: DomainName = domain.parse().unwrap();
            let tenant = Tenant::new(id, domain.as_str(), domain.clone(), self.now());
            directory.add_tenant(&tenant, self.audit(id)).await.unwrap();
            self.put_auth_server(id, &id.to_string(), "sts").await;
            for app in [well_known::LYNC, APP] {
                self.put_partner(id, app, |_| {}).await;
            }
            let graph = ServicePrincipal::new(Uuid::new_v4(), id, well_known::GRAPH, "Graph", self.now());
            let mut app = ServicePrincipal::new(principal_id(id), id, APP, "application", self.now());
            app.trusted_for_delegation = true;
            assert!(app.grant(&graph, "Mail.ReadWrite", Uuid::new_v4(), self.now()));
            for principal in [graph, app] {
                directory.add_principal(&principal, self.audit(id)).await.unwrap();
            }
        }
        for user in [&self.lena, &self.omar, &self.eve] {
            self.add_user(user).await;
        }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn audit(&self, tenant: TenantId) -> Audit {
        Audit { time: self.now(), tenant, kind: "seeded", details: json!({}) }
    }

    pub async fn add_user(&self, user: &User) {
        let directory = Directory::new(self.database.clone());
        directory.add_user(user, self.audit(user.tenant)).await.unwrap();
        ensure_mailbox(self.database.clone(), user, self.now()).await.unwrap();
    }

    pub async fn put_auth_server(&self, tenant: TenantId, realm: &str, host: &str) {
        self.put_auth_server_with(tenant, realm, host, |_| {}).await;
    }

    pub async fn put_auth_server_with(
        &self,
        tenant: TenantId,
        realm: &str,
        host: &str,
        change: impl FnOnce(&mut AuthServer),
    ) {
        let mut server = AuthServer {
            name: format!("{host} {realm}"),
            tenant,
            kind: AuthServerKind::MicrosoftAcs,
            auth_metadata_url: format!("https://{host}.cloud.example/{realm}/metadata/json/1"),
            issuer_identifier: well_known::STS,
            realm: realm.to_owned(),
            enabled: true,
            domain_names: Vec::new(),
            is_default_authorization_endpoint: false,
            application_identifier: None,
            published: actas_directory::exchange_side::Published::default(),
        };
        change(&mut server);
        ExchangeTrust::new(self.database.clone()).put_auth_server(&server).await.unwrap();
    }

    pub async fn put_partner(&self, tenant: TenantId, app: Uuid, change: impl FnOnce(&mut PartnerApplication)) {
        let mut partner = PartnerApplication::new(&app.to_string(), tenant, app);
        partner.app_asserted_act_as = true;
        partner.linked_account = Some("exchange-account".to_owned());
        partner.app_only_permissions = vec![AppOnlyPermission::FullAccess];
        change(&mut partner);
        ExchangeTrust::new(self.database.clone()).put_partner(&partner).await.unwrap();
    }

    pub async fn audits(&self, kind: &str) -> Vec<AuditEntry> {
        let all = Directory::new(self.database.clone()).audits(1000).await.unwrap();
        all.into_iter().filter(|entry| entry.kind == kind).collect()
    }

    // === tokens ===

    pub fn audience(tenant: TenantId) -> String {
        format!("{}/{HOST}@{tenant}", well_known::EXCHANGE)
    }

    pub fn actor(&self, signer: &Signer, tenant: TenantId, app: Uuid) -> String {
        let audience = Self::audience(tenant);
        let token = issue::ActorToken {
            audience: &audience,
            issuer: &Principal::in_realm(well_known::STS, tenant.to_string()),
            caller: &Principal::in_realm(app, tenant.to_string()),
            object_id: None,
            trusted_for_delegation: true,
            lifetime: SignedDuration::from_mins(55),
            confirmation: None,
        };
        issue::actor_token(&signer.key, &token, self.now()).unwrap()
    }

    /// Lync, in a tenant, for whoever it says.
    pub fn act_as_in(&self, tenant: TenantId, user: &User) -> String {
        let named = ActAsUser { upn: Some(user.upn.clone()), smtp: user.primary_smtp().map(str::to_owned), sip: None };
        self.act_as_named(tenant, &named)
    }

    pub fn act_as_named(&self, tenant: TenantId, named: &ActAsUser) -> String {
        let actor = self.actor(Signer::sts(), tenant, well_known::LYNC);
        let issuer = Principal::in_realm(well_known::LYNC, tenant.to_string());
        let lifetime = SignedDuration::from_mins(5);
        issue::act_as_token(&issuer, &Self::audience(tenant), named, &actor, lifetime, self.now())
    }

    pub fn act_as(&self, user: &User) -> String {
        self.act_as_in(user.tenant, user)
    }

    pub fn app_only(&self, tenant: TenantId) -> String {
        self.actor(Signer::sts(), tenant, APP)
    }

    /// The application as itself, at Graph.
    pub fn graph_token(&self, tenant: TenantId, roles: &[&str]) -> String {
        self.graph_token_with(tenant, |claims| claims["roles"] = json!(roles))
    }

    pub fn graph_token_with(&self, tenant: TenantId, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = json!({
            "aud": GRAPH,
            "iss": format!("https://sts.cloud.example/{tenant}/"),
            "nbf": self.now().as_second() - 300,
            "exp": self.now().as_second() + 3300,
            "appid": APP.to_string(),
            "oid": principal_id(tenant).to_string(),
            "tid": tenant.to_string(),
        });
        change(&mut claims);
        issue::access_token(&Signer::sts().key, &claims).unwrap()
    }

    /// The application as a user, at Graph.
    pub fn graph_acting(&self, user: &User, scopes: &str) -> String {
        self.graph_acting_with(user, &json!({ "scp": scopes }))
    }

    /// The same, with other members.
    pub fn graph_acting_with(&self, user: &User, changes: &Value) -> String {
        let mut claims = json!({
            "aud": GRAPH,
            "iss": format!("https://sts.cloud.example/{}/", user.tenant),
            "iat": self.now().as_second() - 300,
            "nbf": self.now().as_second() - 300,
            "exp": self.now().as_second() + 3300,
            "jti": Uuid::new_v4().to_string(),
            "sub": user.id.to_string(),
            "oid": user.id.to_string(),
            "upn": user.upn,
            "tid": user.tenant.to_string(),
            "client_id": APP.to_string(),
            "act": { "sub": APP.to_string(), "oid": principal_id(user.tenant).to_string() },
        });
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        issue::typed_access_token(&Signer::sts().key, &claims).unwrap()
    }

    /// Changes the application's principal.
    pub async fn change_app(&self, tenant: TenantId, change: impl FnOnce(&mut ServicePrincipal)) {
        let directory = Directory::new(self.database.clone());
        let mut app = directory.principal_by_app(tenant, APP).await.unwrap().unwrap();
        change(&mut app);
        directory.update_principal(&app, self.audit(tenant)).await.unwrap();
    }

    /// The roles that the application holds at Graph, and no others.
    pub async fn grant(&self, tenant: TenantId, roles: &[&str]) {
        let directory = Directory::new(self.database.clone());
        let graph = directory.principal_by_app(tenant, well_known::GRAPH).await.unwrap().unwrap();
        let now = self.now();
        self.change_app(tenant, |app| {
            app.assignments.clear();
            for role in roles {
                assert!(app.grant(&graph, role, Uuid::new_v4(), now), "{role}");
            }
        })
        .await;
    }

    // === calls ===

    pub fn router(&self) -> Router {
        self.server.router()
    }

    pub async fn send(&self, request: Request<Body>) -> Reply {
        Reply::of(self.router(), request).await
    }

    pub async fn post(&self, path: &str, token: &str, body: impl Into<Body>) -> Reply {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "text/xml; charset=utf-8")
            .body(body.into())
            .unwrap();
        self.send(request).await
    }

    /// Graph, below `/v1.0`.
    pub async fn graph_with(
        &self,
        token: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/v1.0{path}"))
            .header("authorization", format!("Bearer {token}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Reply::of(self.server.graph_router(), request.body(body.into()).unwrap()).await
    }

    /// Graph with JSON, as the application of the first tenant.
    pub async fn graph(&self, method: Method, path: &str, body: Option<&Value>) -> Reply {
        let token = self.graph_token(self.fabrikam, &["Mail.ReadWrite"]);
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.graph_with(&token, method, path, &[("content-type", "application/json")], body).await
    }

    /// As a user, asserted by Lync.
    pub async fn ews(&self, user: &User, request: Operation) -> Reply {
        self.ews_with(&self.act_as(user), None, request).await
    }

    pub async fn ews_with(&self, token: &str, impersonation: Option<ConnectingSid>, request: Operation) -> Reply {
        let header = RequestHeader { version: Some(ServerVersion::EXCHANGE2013_SP1), impersonation };
        self.post(EWS_PATH, token, Call { header, request }.write()).await
    }
}

/// The object id of the application's principal in a tenant.
pub fn principal_id(tenant: TenantId) -> Uuid {
    Uuid::from_u128(tenant.0.as_u128() ^ 0xa99)
}

/// An answer, all of it.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    pub async fn of(router: Router, request: Request<Body>) -> Self {
        let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The answer, which is no error.
    #[track_caller]
    pub fn told(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// An error in the shape of Graph.
    #[track_caller]
    pub fn assert_refused(&self, status: u16, code: &str) {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        let error = &self.json()["error"];
        assert_eq!(error["code"], code, "{self:?}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{self:?}");
        assert_eq!(error["innerError"]["request-id"].as_str(), self.header("request-id"));
    }

    #[track_caller]
    pub fn assert_fault(&self, code: &str) {
        assert_eq!(self.status, StatusCode::INTERNAL_SERVER_ERROR, "{self:?}");
        assert_eq!(self.header("content-type"), Some("text/xml; charset=utf-8"));
        assert!(self.body.starts_with("<?xml"), "{}", self.body);
        assert!(self.body.contains(&format!(">{code}</e:ResponseCode>")), "{}", self.body);
        assert!(self.body.contains("ServerVersionInfo"), "{}", self.body);
        assert_eq!(self.header("connection"), None);
    }
}

/// The answer of an operation, which is no fault.
macro_rules! answer {
    ($response:ty, $reply:expr) => {{
        let reply = $reply;
        assert_eq!(reply.status, http::StatusCode::OK, "{reply:?}");
        <$response>::parse(reply.body.as_bytes(), $crate::world::BYTES_MAX).unwrap().answer().unwrap()
    }};
}
pub(crate) use answer;
