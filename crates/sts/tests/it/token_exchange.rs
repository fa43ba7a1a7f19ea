//! Token exchange (RFC 8693): an application names a user and gets one signed token.

use actas_directory::{User, well_known};
use actas_sts::Policy;
use actas_token::accept::accept;
use actas_token::jws::{Compact, Reading};
use actas_token::metadata::Metadata;
use actas_token::{
    How, Issuer, IssuerKeys, KeySource, Limits, Partner, Resource, SigningKey, Trust, TrustLevel, UserKey, Voice, issue,
};
use http::StatusCode;
use jiff::SignedDuration;
use serde_json::json;
use uuid::Uuid;

use crate::cloud::{ADMIN, APP, Answer, Cloud, LENA, ORIGIN, audit, pair, signing};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const CLIENT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const RESOURCE: &str = "https://mail.cloud.example";

/// A request as Lync makes it; tests bend one thing.
struct Ask<'c> {
    cloud: &'c Cloud,
    path: String,
    client: Uuid,
    key: SigningKey,
    /// Who signs the subject token, if not the client's key.
    subject_key: SigningKey,
    subject_issuer: String,
    user: String,
    audience: String,
    lifetime: SignedDuration,
    extra: Vec<(&'static str, String)>,
}

impl<'c> Ask<'c> {
    fn new(cloud: &'c Cloud) -> Self {
        let path = format!("/{}/oauth2/v2.0/token", cloud.tenant);
        Self {
            cloud,
            client: well_known::LYNC,
            key: signing(&cloud.lync),
            subject_key: signing(&cloud.lync),
            subject_issuer: well_known::LYNC.to_string(),
            user: LENA.to_owned(),
            audience: format!("{ORIGIN}{path}"),
            lifetime: SignedDuration::from_mins(5),
            extra: vec![("resource", RESOURCE.to_owned())],
            path,
        }
    }

    fn by_app(cloud: &'c Cloud, app: Uuid) -> Self {
        let (key, subject_key) = (signing(&cloud.app), signing(&cloud.app));
        Self { client: app, key, subject_key, subject_issuer: app.to_string(), ..Self::new(cloud) }
    }

    fn subject_token(&self) -> String {
        let now = self.cloud.now();
        let (issuer, jti) = (&self.subject_issuer, Uuid::new_v4().to_string());
        issue::subject_assertion(&self.subject_key, issuer, &self.user, &self.audience, &jti, self.lifetime, now)
            .unwrap()
    }

    async fn send(&self) -> Answer {
        let now = self.cloud.now();
        let endpoint = format!("{ORIGIN}{}", self.path);
        let client = self.client.to_string();
        let life = SignedDuration::from_mins(5);
        let assertion = issue::client_assertion(&self.key, &client, &endpoint, "j", life, now).unwrap();
        let mut form = vec![
            ("grant_type", GRANT.to_owned()),
            ("client_id", client),
            ("client_assertion_type", CLIENT_ASSERTION.to_owned()),
            ("client_assertion", assertion),
            ("subject_token", self.subject_token()),
            ("subject_token_type", JWT.to_owned()),
        ];
        form.retain(|(name, _)| !self.extra.iter().any(|(other, _)| other == name));
        form.extend(self.extra.iter().cloned());
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.cloud.post(&self.path, &form).await
    }

    async fn refused(&self, status: u16, error: &str, code: u64) {
        let answer = self.send().await;
        let got = (answer.status.as_u16(), answer.json()["error"].as_str().map(str::to_owned), answer.code());
        assert_eq!(got, (status, Some(error.to_owned()), code), "{}", answer.text);
    }
}

#[tokio::test]
async fn what_the_token_says() {
    let cloud = Cloud::start().await;
    let answer = Ask::new(&cloud).send().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let body = answer.json();
    assert_eq!((body["token_type"].as_str(), body["issued_token_type"].as_str()), (Some("Bearer"), Some(ACCESS_TOKEN)));
    assert_eq!(body["expires_in"], 1799);
    let token = Compact::parse(body["access_token"].as_str().unwrap(), Reading::Strict).unwrap();
    assert_eq!(token.header.typ.as_deref(), Some("at+jwt"));
    let text = |name| token.claims.text(name).unwrap().to_owned();
    let lena = Uuid::from_u128(1).to_string();
    assert_eq!((text("sub"), text("oid")), (lena.clone(), lena.clone()));
    assert_eq!((text("upn"), text("smtp")), (LENA.to_owned(), LENA.to_owned()));
    assert_eq!((text("iss"), text("aud")), (format!("{ORIGIN}/{}/", cloud.tenant), RESOURCE.to_owned()));
    assert_eq!((text("tid"), text("client_id")), (cloud.tenant.to_string(), well_known::LYNC.to_string()));
    assert_eq!(token.claims.get("act").unwrap()["sub"], well_known::LYNC.to_string());
    assert!(!token.claims.has("appid") && !token.claims.has("roles"));
    let audit = cloud.directory.audits(1).await.unwrap().remove(0);
    assert_eq!((audit.kind.as_str(), audit.details["grant"].as_str()), ("token issued", Some("token_exchange")));
    assert_eq!((audit.details["subject"].as_str(), audit.details["upn"].as_str()), (Some(lena.as_str()), Some(LENA)));
    assert_eq!(audit.details["actor"], well_known::LYNC.to_string());

    let mut v1 = Ask::new(&cloud);
    v1.path = format!("/{}/oauth2/token", cloud.tenant);
    let body = v1.send().await.json();
    assert!(body["expires_in"].is_string() && body["issued_token_type"] == ACCESS_TOKEN, "{body}");
}

#[tokio::test]
async fn the_resource_accepts_it() {
    let cloud = Cloud::start().await;
    let answer = Ask::new(&cloud).send().await.json();
    let metadata = cloud.get(&format!("/{}/metadata/json/1", cloud.tenant)).await;
    let keys = Metadata::parse(metadata.text.as_bytes()).unwrap().keys.into_iter().map(|(_, key)| key);
    let issuer = Issuer::Url(format!("{ORIGIN}/{}/", cloud.tenant), cloud.tenant);
    let partner = Partner {
        tenant: cloud.tenant,
        app_id: well_known::LYNC,
        enabled: true,
        trust_level: TrustLevel::Full,
        key_source: KeySource::TokenService,
        act_as: false,
        sts_issued_act_as: true,
        accept_sids: false,
        linked_account: None,
    };
    let trust = Trust {
        issuers: vec![IssuerKeys { issuer, voice: Voice::TokenService, keys: keys.collect() }],
        partners: vec![partner],
        realms: [(cloud.tenant.to_string(), cloud.tenant)].into(),
    };
    let hosts = vec!["mail.cloud.example".to_owned()];
    let resource = Resource { app_id: well_known::EXCHANGE, hosts, app_role: None, port: None };
    let token = answer["access_token"].as_str().unwrap();
    let accepted = accept(token, &resource, &trust, &Limits::default(), cloud.now()).unwrap();
    let How::ActAs(user) = accepted.how else { panic!("{accepted:?}") };
    assert!(user.keys().eq([UserKey::Upn(LENA), UserKey::Smtp(LENA)]));
    assert_eq!((accepted.app_id, user.object_id()), (well_known::LYNC, Some(Uuid::from_u128(1))));
}

#[tokio::test]
async fn ways_to_name_the_resource() {
    let cloud = Cloud::start().await;
    let s2s = format!("{}/x.outlook.example@{}", well_known::EXCHANGE, cloud.tenant);
    for (name, value) in [
        ("resource", RESOURCE),
        ("audience", RESOURCE),
        ("audience", well_known::EXCHANGE.to_string().as_str()),
        ("audience", s2s.as_str()),
        ("scope", "https://mail.cloud.example/.default"),
    ] {
        let mut ask = Ask::new(&cloud);
        ask.extra = vec![(name, value.to_owned())];
        assert_eq!(ask.send().await.status, StatusCode::OK, "{name} {value}");
    }
    let mut both = Ask::new(&cloud);
    both.extra.push(("scope", format!("{RESOURCE}/.default")));
    assert_eq!(both.send().await.status, StatusCode::OK, "the same twice");
    for (extra, status, error, code) in [
        (vec![("resource", RESOURCE), ("audience", "https://graph.microsoft.com")], 400, "invalid_target", 500_011),
        (vec![("resource", "https://nothing.example")], 400, "invalid_target", 500_011),
        (
            vec![("audience", "00000002-0000-0ff1-ce00-000000000000/evil.example@fabrikam.example")],
            400,
            "invalid_target",
            500_011,
        ),
        (vec![], 400, "invalid_request", 900_144),
        (vec![("scope", RESOURCE)], 400, "invalid_scope", 1_002_012),
        (vec![("resource", ORIGIN)], 400, "unauthorized_client", 67_003),
    ] {
        let mut ask = Ask::new(&cloud);
        ask.extra = extra.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        ask.refused(status, error, code).await;
    }
}

#[tokio::test]
async fn who_may_act() {
    let cloud = Cloud::start().await;
    // Full access is not enough: an administrator has to trust it for delegation.
    Ask::by_app(&cloud, APP).refused(400, "unauthorized_client", 67_003).await;
    cloud.change(APP, |app| app.trusted_for_delegation = true).await;
    assert_eq!(Ask::by_app(&cloud, APP).send().await.status, StatusCode::OK);
    // And delegation without permission on mailboxes is not either.
    cloud.change(ADMIN, |admin| admin.trusted_for_delegation = true).await;
    Ask::by_app(&cloud, ADMIN).refused(400, "unauthorized_client", 67_003).await;
    let mut elsewhere = Ask::by_app(&cloud, APP);
    elsewhere.extra = vec![("audience", well_known::LYNC.to_string())];
    elsewhere.refused(400, "unauthorized_client", 67_003).await;
    cloud.change(well_known::LYNC, |lync| lync.trusted_for_delegation = false).await;
    Ask::new(&cloud).refused(400, "unauthorized_client", 67_003).await;
    cloud.change(well_known::LYNC, |lync| lync.enabled = false).await;
    Ask::new(&cloud).refused(400, "unauthorized_client", 7_000_112).await;
}

#[tokio::test]
async fn as_whom() {
    let cloud = Cloud::start().await;
    let mut ask = Ask::new(&cloud);
    ask.user = LENA.to_uppercase();
    assert_eq!(ask.send().await.status, StatusCode::OK, "without regard to case");
    // Nobody, another tenant's user, an application, and someone who shares an address
    // are all the same answer.
    for user in ["nobody@fabrikam.example", "eve@contoso.example", "", "lena", &well_known::EXCHANGE.to_string()] {
        let mut ask = Ask::new(&cloud);
        ask.user = user.to_owned();
        ask.refused(400, "invalid_request", 50_034).await;
    }
    let mut double = User::new(Uuid::from_u128(9), cloud.tenant, "double", "double@fabrikam.example");
    double.proxy_addresses.push("smtp:omar@fabrikam.example".to_owned());
    cloud.directory.add_user(&double, audit(cloud.tenant, cloud.now())).await.unwrap();
    let mut ask = Ask::new(&cloud);
    ask.user = "omar@fabrikam.example".to_owned();
    ask.refused(400, "invalid_request", 50_034).await;
    let mut lena =
        cloud.directory.users(cloud.tenant).await.unwrap().into_iter().find(|user| user.upn == LENA).unwrap();
    lena.enabled = false;
    cloud.directory.update_user(&lena, audit(cloud.tenant, cloud.now())).await.unwrap();
    Ask::new(&cloud).refused(400, "invalid_request", 50_034).await;
}

#[tokio::test]
async fn the_subject_token_is_the_clients_own() {
    let cloud = Cloud::start().await;
    let mut ask = Ask::new(&cloud);
    ask.subject_key = signing(&cloud.app);
    ask.refused(400, "invalid_request", 50_013).await;
    let mut ask = Ask::new(&cloud);
    ask.subject_issuer = APP.to_string();
    ask.refused(400, "invalid_request", 50_013).await;
    let mut ask = Ask::new(&cloud);
    ask.audience = format!("https://evil.example{}", ask.path);
    ask.refused(400, "invalid_request", 50_013).await;
    let mut ask = Ask::new(&cloud);
    ask.audience = ask.audience.replace(&cloud.tenant.to_string(), &cloud.other.to_string());
    ask.refused(400, "invalid_request", 50_013).await;
    let mut ask = Ask::new(&cloud);
    ask.lifetime = SignedDuration::from_mins(61);
    ask.refused(400, "invalid_request", 500_133).await;
    // An assertion that authenticates the client says nothing of a user.
    let mut ask = Ask::new(&cloud);
    ask.user = well_known::LYNC.to_string();
    ask.refused(400, "invalid_request", 50_013).await;
    // A stranger's key fails at the client already.
    let mut ask = Ask::new(&cloud);
    ask.key = signing(&pair("stranger", cloud.now()));
    ask.refused(401, "invalid_client", 700_027).await;
    for text in ["", "a.b.c", "eyJhbGciOiJub25lIn0.e30."] {
        let mut ask = Ask::new(&cloud);
        ask.extra.push(("subject_token", text.to_owned()));
        assert_eq!(ask.send().await.status, StatusCode::BAD_REQUEST, "{text}");
    }
}

#[tokio::test]
async fn a_subject_token_does_not_authenticate() {
    let cloud = Cloud::start().await;
    let ask = Ask::new(&cloud);
    let text = ask.subject_token();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", CLIENT_ASSERTION),
        ("client_assertion", text.as_str()),
        ("scope", "https://mail.cloud.example/.default"),
    ];
    let answer = cloud.post(&ask.path, &form).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, 50_027));
}

#[tokio::test]
async fn types_and_actors() {
    let cloud = Cloud::start().await;
    for (name, value) in [
        ("subject_token_type", ACCESS_TOKEN),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
        ("actor_token", "a.b.c"),
        ("actor_token_type", JWT),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"),
    ] {
        let mut ask = Ask::new(&cloud);
        ask.extra.push((name, value.to_owned()));
        ask.refused(400, "invalid_request", 9_002_313).await;
    }
    for asked in [ACCESS_TOKEN, JWT] {
        let mut ask = Ask::new(&cloud);
        ask.extra.push(("requested_token_type", asked.to_owned()));
        assert_eq!(ask.send().await.json()["issued_token_type"], ACCESS_TOKEN);
    }
    let mut acs = Ask::new(&cloud);
    acs.path = format!("/{}/tokens/OAuth/2", cloud.tenant);
    acs.refused(400, "unsupported_grant_type", 70_003).await;
}

#[tokio::test]
async fn a_users_token_opens_no_directory() {
    let cloud = Cloud::start().await;
    let token = Ask::new(&cloud).send().await.json()["access_token"].as_str().unwrap().to_owned();
    let request = http::Request::get("/v1.0/servicePrincipals").header("authorization", format!("Bearer {token}"));
    let answer = cloud.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.text);
}

/// At Graph it is mail that an application may do as a user, and the token says what of it.
#[tokio::test]
async fn a_token_for_graph_names_permissions_on_mail() {
    let cloud = Cloud::start().await;
    let graph = |app| {
        let mut ask = Ask::by_app(&cloud, app);
        ask.extra = vec![("resource", ORIGIN.to_owned())];
        ask
    };
    cloud.change(APP, |app| app.trusted_for_delegation = true).await;
    graph(APP).refused(400, "unauthorized_client", 67_003).await;
    let mut own = cloud.directory.principal_by_app(cloud.tenant, APP).await.unwrap().unwrap();
    for role in ["Mail.ReadBasic.All", "Mail.ReadWrite", "Mail.Send", "User.ReadWrite.All"] {
        assert!(actas_sts::seed::grant(&cloud.directory, &mut own, role, cloud.now()).await.unwrap());
    }
    cloud.directory.update_principal(&own, audit(cloud.tenant, cloud.now())).await.unwrap();
    let answer = graph(APP).send().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    let claims = Compact::parse(&token, Reading::Strict).unwrap().claims;
    assert_eq!(claims.text("scp").unwrap(), "Mail.ReadBasic.All Mail.ReadWrite");
    assert_eq!(claims.get("act").unwrap()["oid"], own.id.to_string());
    assert!(!claims.has("roles"));
    // The directory takes no tokens of users, whatever they may do with mail.
    let request = http::Request::get("/v1.0/users").header("authorization", format!("Bearer {token}"));
    let answer = cloud.send(request.body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.text);
    // One for Exchange is confined to nothing.
    let exchange = Ask::by_app(&cloud, APP).send().await.json()["access_token"].as_str().unwrap().to_owned();
    assert!(!Compact::parse(&exchange, Reading::Strict).unwrap().claims.has("scp"));
    cloud.change(APP, |app| app.trusted_for_delegation = false).await;
    graph(APP).refused(400, "unauthorized_client", 67_003).await;
}

#[tokio::test]
async fn its_life_is_bounded_by_policy() {
    for (act_as, all, expected) in [(10, 60, 599), (90, 60, 3599)] {
        let policy = Policy {
            act_as_lifetime: SignedDuration::from_mins(act_as),
            token_lifetime: SignedDuration::from_mins(all),
            ..Policy::default()
        };
        let cloud = Cloud::with(policy).await;
        assert_eq!(Ask::new(&cloud).send().await.json()["expires_in"], json!(expected));
    }
}
