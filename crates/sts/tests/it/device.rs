//! Sign-in of a user for a device that waits elsewhere (RFC 8628), and what the token is
//! good for.

use actas_directory::{Application, User};
use actas_sts::{Policy, Rate, Rates, hash_password};
use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cloud::{ADMIN, APP, Answer, Cloud, LENA, ORIGIN, audit};
use crate::graph::{Client, refused};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const OMAR: &str = "omar@fabrikam.example";
const PASSWORD: &str = "correct horse battery";
const SCOPES: [&str; 3] = ["Application.ReadWrite.All", "Organization.Read.All", "User.Read"];

/// A cloud with a public client, and two users of whom one is an administrator.
async fn cloud() -> Cloud {
    with(Policy { allow_secrets: true, ..Policy::default() }).await
}

async fn with(policy: Policy) -> Cloud {
    let cloud = Cloud::with(policy).await;
    cloud.change(APP, |principal| principal.delegated = SCOPES.map(str::to_owned).to_vec()).await;
    let mut application = Application::new(Uuid::new_v4(), cloud.tenant, APP, "Tool <b>", cloud.now());
    application.set_public_client(true);
    cloud.directory.add_application(&application, audit(cloud.tenant, cloud.now())).await.unwrap();
    let hash = hash_password(PASSWORD).unwrap();
    for (id, administrator) in [(1, true), (2, false)] {
        change_user(&cloud, id, |user| {
            user.password = Some(hash.clone());
            user.administrator = administrator;
        })
        .await;
    }
    cloud
}

async fn change_user(cloud: &Cloud, id: u128, change: impl FnOnce(&mut User)) {
    let mut user = cloud.directory.user(cloud.tenant, Uuid::from_u128(id)).await.unwrap().unwrap();
    change(&mut user);
    cloud.directory.update_user(&user, audit(cloud.tenant, cloud.now())).await.unwrap();
}

/// What a device and its user do.
struct Device<'c> {
    cloud: &'c Cloud,
    code: String,
    user_code: String,
}

async fn begin(cloud: &Cloud, client: Uuid, scope: &str) -> Answer {
    let path = format!("/{}/oauth2/v2.0/devicecode", cloud.tenant);
    cloud.post(&path, &[("client_id", &client.to_string()), ("scope", scope)]).await
}

impl<'c> Device<'c> {
    async fn begin(cloud: &'c Cloud) -> Self {
        let begun = begin(cloud, APP, &format!("{ORIGIN}/.default openid profile offline_access")).await;
        assert_eq!(begun.status, StatusCode::OK, "{}", begun.text);
        let text = |name: &str| begun.json()[name].as_str().unwrap().to_owned();
        assert_eq!(text("verification_uri"), format!("{ORIGIN}/{}/oauth2/deviceauth", cloud.tenant));
        assert_eq!((&begun.json()["expires_in"], &begun.json()["interval"]), (&json!(900), &json!(5)));
        assert!(text("message").contains(&text("user_code")));
        Self { cloud, code: text("device_code"), user_code: text("user_code") }
    }

    async fn ask(&self) -> Answer {
        let path = format!("/{}/oauth2/v2.0/token", self.cloud.tenant);
        let form = [("grant_type", GRANT), ("client_id", &APP.to_string()), ("device_code", &self.code)];
        self.cloud.post(&path, &form).await
    }

    /// Asks after the interval.
    async fn ask_in_time(&self) -> Answer {
        self.cloud.clock.advance(SignedDuration::from_secs(5));
        self.ask().await
    }

    fn page(&self) -> String {
        format!("/{}/oauth2/deviceauth", self.cloud.tenant)
    }

    async fn sign_in(&self, user: &str, password: &str) -> Answer {
        let form = [("user_code", self.user_code.as_str()), ("username", user), ("password", password)];
        self.cloud.post(&self.page(), &form).await
    }

    async fn decide(&self, asked: &Answer, decision: &str) -> Answer {
        self.cloud.post(&self.page(), &[("ticket", &ticket(asked)), ("decision", decision)]).await
    }

    async fn approve(&self, user: &str) {
        let asked = self.sign_in(user, PASSWORD).await;
        let done = self.decide(&asked, "approve").await;
        assert!(done.status == StatusCode::OK && done.text.contains("You are signed in"), "{}", done.text);
    }
}

fn ticket(asked: &Answer) -> String {
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.text);
    let rest = asked.text.split("name=\"ticket\" value=\"").nth(1).unwrap_or_else(|| panic!("{}", asked.text));
    rest.split('"').next().unwrap().to_owned()
}

#[track_caller]
fn told(answer: &Answer, error: &str, code: u64) {
    assert_eq!((answer.json()["error"].as_str(), answer.code()), (Some(error), code), "{}", answer.text);
}

fn claims(token: &str) -> Value {
    use base64::Engine;
    let middle = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(middle).unwrap()).unwrap()
}

#[tokio::test]
async fn a_user_signs_in_and_the_device_gets_one_token() {
    let cloud = cloud().await;
    let device = Device::begin(&cloud).await;
    told(&device.ask().await, "authorization_pending", 70_016);
    told(&device.ask().await, "slow_down", 90_055);

    let page = cloud.get(&device.page()).await;
    assert!(page.status == StatusCode::OK && page.text.contains("Fabrikam") && !page.text.contains("<script"));
    let asked = device.sign_in("LENA@fabrikam.example ", PASSWORD).await;
    assert!(asked.text.contains(LENA) && asked.text.contains(&APP.to_string()), "{}", asked.text);
    assert!(asked.text.contains("<strong>application</strong>") && asked.text.contains("Application.ReadWrite.All"));
    for page in [&page, &asked] {
        let header = |name: &str| page.headers[name].to_str().unwrap();
        assert_eq!((header("x-frame-options"), header("cache-control")), ("DENY", "no-store"));
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(policy.contains("form-action 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    }
    cloud.clock.advance(SignedDuration::from_secs(10));
    told(&device.ask().await, "authorization_pending", 70_016);
    assert!(device.decide(&asked, "approve").await.text.contains("You are signed in"));
    assert_eq!(device.decide(&asked, "deny").await.status, StatusCode::BAD_REQUEST, "it is decided");

    let answer = device.ask().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let scope = answer.json()["scope"].as_str().unwrap().to_owned();
    assert!(scope.contains(&format!("{ORIGIN}/User.Read")), "{scope}");
    let claims = claims(answer.json()["access_token"].as_str().unwrap());
    for (name, value) in [
        ("idtyp", json!("user")),
        ("oid", json!(Uuid::from_u128(1))),
        ("upn", json!(LENA)),
        ("scp", json!(SCOPES.join(" "))),
        ("wids", json!(["62e90394-69f5-4237-9190-012177145e10"])),
        ("appid", json!(APP)),
        ("appidacr", json!("0")),
        ("aud", json!(ORIGIN)),
        ("roles", Value::Null),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    told(&device.ask().await, "bad_verification_code", 70_018);
}

#[tokio::test]
async fn a_user_may_refuse_and_a_code_ends() {
    let cloud = cloud().await;
    let device = Device::begin(&cloud).await;
    let asked = device.sign_in(LENA, PASSWORD).await;
    assert!(device.decide(&asked, "deny").await.text.contains("You refused"));
    told(&device.ask().await, "access_denied", 65_004);

    let device = Device::begin(&cloud).await;
    let asked = device.sign_in(LENA, PASSWORD).await;
    cloud.clock.advance(SignedDuration::from_mins(15));
    told(&device.ask().await, "expired_token", 70_020);
    assert!(device.decide(&asked, "approve").await.text.contains("too late"));
    assert_eq!(device.sign_in(LENA, PASSWORD).await.status, StatusCode::BAD_REQUEST);
    cloud.clock.advance(SignedDuration::from_mins(16));
    Device::begin(&cloud).await;
    told(&device.ask().await, "bad_verification_code", 70_018);
}

#[tokio::test]
async fn who_may_not_ask_for_a_code() {
    let cloud = cloud().await;
    let default = format!("{ORIGIN}/.default");
    told(&begin(&cloud, ADMIN, &default).await, "invalid_client", 7_000_218);
    told(&begin(&cloud, Uuid::nil(), &default).await, "unauthorized_client", 700_016);
    told(&begin(&cloud, APP, "https://mail.cloud.example/.default").await, "invalid_grant", 65_001);
    told(&begin(&cloud, APP, "User.ReadWrite.All").await, "invalid_grant", 65_001);
    told(&begin(&cloud, APP, "https://nowhere.example/.default").await, "invalid_resource", 500_011);
    told(&begin(&cloud, APP, &format!("{ORIGIN}/User.ReadWrite.All")).await, "invalid_grant", 65_001);
    let less = begin(&cloud, APP, &format!("{ORIGIN}/User.Read")).await;
    assert_eq!(less.status, StatusCode::OK, "{}", less.text);
    // Version 1.0 has other names, and every number is a string.
    let path = format!("/{}/oauth2/devicecode", cloud.tenant);
    let v1 = cloud.post(&path, &[("client_id", &APP.to_string()), ("resource", ORIGIN)]).await.json();
    assert!(v1["verification_url"].is_string() && v1["expires_in"] == "900", "{v1}");
    let form =
        [("grant_type", "device_code"), ("client_id", &APP.to_string()), ("code", v1["device_code"].as_str().unwrap())];
    told(&cloud.post(&format!("/{}/oauth2/token", cloud.tenant), &form).await, "authorization_pending", 70_016);
    // What one tenant gave out is nothing in another.
    told(&cloud.post(&format!("/{}/oauth2/token", cloud.other), &form).await, "unauthorized_client", 700_016);
    cloud.change(APP, |principal| principal.enabled = false).await;
    told(&begin(&cloud, APP, &default).await, "unauthorized_client", 7_000_112);
}

#[tokio::test]
async fn every_wrong_sign_in_is_told_alike() {
    let cloud = cloud().await;
    let device = Device::begin(&cloud).await;
    change_user(&cloud, 2, |user| user.password = None).await;
    for (user, password) in [(LENA, "wrong horse"), (OMAR, PASSWORD), ("nobody@fabrikam.example", PASSWORD), ("", "")] {
        let again = device.sign_in(user, password).await;
        let wrong = again.text.contains("The user name or the password is wrong.");
        assert!(again.status == StatusCode::BAD_REQUEST && wrong, "{user}: {}", again.text);
    }
    change_user(&cloud, 1, |user| user.enabled = false).await;
    assert!(device.sign_in(LENA, PASSWORD).await.text.contains("password is wrong"));
    change_user(&cloud, 1, |user| user.enabled = true).await;
    let other = Device { user_code: "BCDF-GHJK".into(), ..Device::begin(&cloud).await };
    assert!(other.sign_in(LENA, PASSWORD).await.text.contains("There is no such code"));
    let forged = [("ticket", "x"), ("decision", "approve")];
    assert_eq!(cloud.post(&device.page(), &forged).await.status, StatusCode::BAD_REQUEST);
    let audits = cloud.directory.audits(50).await.unwrap();
    let refused = audits.iter().find(|audit| audit.kind == "sign-in refused").unwrap();
    assert_eq!(refused.details["rule"], "AADSTS50126");
    assert!(audits.iter().all(|audit| !audit.details.to_string().contains("horse")));
    device.approve(LENA).await;
}

#[tokio::test]
async fn guessing_a_password_becomes_slow() {
    let cloud = cloud().await;
    let device = Device::begin(&cloud).await;
    for _ in 0..10 {
        assert_eq!(device.sign_in(LENA, "wrong horse").await.status, StatusCode::BAD_REQUEST);
    }
    let waits = device.sign_in(LENA, PASSWORD).await;
    assert_eq!((waits.status, waits.headers["retry-after"].to_str().unwrap()), (StatusCode::TOO_MANY_REQUESTS, "60"));
    assert_eq!(device.sign_in(OMAR, PASSWORD).await.status, StatusCode::OK, "another user");
    cloud.clock.advance(SignedDuration::from_mins(1));
    assert_eq!(device.sign_in(LENA, PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn codes_are_not_handed_out_without_end() {
    let rates = Rates { device_codes_by_address: Rate { per_second: 1, burst: 2 }, ..Rates::default() };
    let cloud = with(Policy { rates, ..Policy::default() }).await;
    let path = format!("/{}/oauth2/v2.0/devicecode", cloud.tenant);
    let (client, scope) = (APP.to_string(), format!("{ORIGIN}/.default"));
    let form = [("client_id", client.as_str()), ("scope", scope.as_str())];
    let mut outcomes = Vec::new();
    for _ in 0..3 {
        outcomes.push(cloud.post_from("192.0.2.1", &path, &[], &form).await.status.as_u16());
    }
    assert_eq!(outcomes, [200, 200, 429]);
    assert_eq!(cloud.post_from("192.0.2.2", &path, &[], &form).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_form_from_elsewhere_is_not_read() {
    let cloud = cloud().await;
    let device = Device::begin(&cloud).await;
    let form = [("user_code", device.user_code.as_str()), ("username", LENA), ("password", PASSWORD)];
    for (header, status) in [
        (("origin", "https://evil.example"), 403),
        (("origin", "null"), 403),
        (("sec-fetch-site", "cross-site"), 403),
        (("sec-fetch-site", "same-origin"), 200),
        (("origin", ORIGIN), 200),
    ] {
        let answer = cloud.post_from("192.0.2.1", &device.page(), &[header], &form).await;
        assert_eq!(answer.status.as_u16(), status, "{header:?}");
    }
    assert_eq!(cloud.get("/nowhere.example/oauth2/deviceauth").await.status, StatusCode::NOT_FOUND);
}

async fn client_as<'c>(cloud: &'c Cloud, user: &str) -> Client<'c> {
    let device = Device::begin(cloud).await;
    device.approve(user).await;
    let answer = device.ask_in_time().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    Client { cloud, token: answer.json()["access_token"].as_str().unwrap().to_owned() }
}

#[tokio::test]
async fn an_administrator_may_what_the_application_may_and_others_may_not() {
    let cloud = cloud().await;
    let (lena, omar) = (client_as(&cloud, LENA).await, client_as(&cloud, OMAR).await);
    let me = lena.get("/v1.0/me").await;
    assert_eq!((me.status, &me.json()["userPrincipalName"]), (StatusCode::OK, &json!(LENA)), "{}", me.text);
    assert_eq!(omar.get("/v1.0/me").await.json()["userPrincipalName"], OMAR);
    let admin = Client::admin(&cloud).await;
    refused(&admin.get("/v1.0/me").await, 400, "Request_BadRequest");
    assert_eq!(lena.get("/v1.0/organization").await.status, StatusCode::OK);
    refused(&omar.get("/v1.0/organization").await, 403, "Authorization_RequestDenied");
    // What the application has as itself counts for nothing, its own principal included.
    let own = format!("/v1.0/servicePrincipals(appId='{APP}')");
    refused(&omar.get(&own).await, 403, "Authorization_RequestDenied");
    refused(&lena.get("/v1.0/users").await, 403, "Authorization_RequestDenied");
    let made = lena.post("/v1.0/applications", json!({"displayName": "New"})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    refused(&omar.post("/v1.0/applications", json!({"displayName": "New"})).await, 403, "Authorization_RequestDenied");
    let audits = cloud.directory.audits(5).await.unwrap();
    let added = audits.iter().find(|audit| audit.kind == "application added").unwrap();
    assert_eq!(added.details["byObject"], Uuid::from_u128(1).to_string(), "the user is on record");

    // What is taken back is gone at once.
    cloud.change(APP, |principal| principal.delegated = vec!["User.Read".to_owned()]).await;
    refused(&lena.get("/v1.0/organization").await, 403, "Authorization_RequestDenied");
    assert_eq!(lena.get("/v1.0/me").await.status, StatusCode::OK);
    change_user(&cloud, 1, |user| user.enabled = false).await;
    refused(&lena.get("/v1.0/me").await, 401, "InvalidAuthenticationToken");
    cloud.change(APP, |principal| principal.enabled = false).await;
    refused(&omar.get("/v1.0/me").await, 401, "InvalidAuthenticationToken");
}

#[tokio::test]
async fn a_token_is_not_given_for_a_user_who_is_gone() {
    let cloud = cloud().await;
    let device = Device::begin(&cloud).await;
    device.approve(OMAR).await;
    change_user(&cloud, 2, |user| user.enabled = false).await;
    told(&device.ask_in_time().await, "invalid_grant", 50_057);
    let device = Device::begin(&cloud).await;
    device.approve(LENA).await;
    cloud.change(APP, |principal| principal.delegated.clear()).await;
    told(&device.ask_in_time().await, "invalid_grant", 65_001);
}

#[tokio::test]
async fn passwords_are_set_over_graph_and_never_come_back() {
    let cloud = cloud().await;
    let admin = Client::with_permissions(&cloud, ADMIN, &["User.ReadWrite.All"]).await;
    let body = json!({
        "accountEnabled": true, "displayName": "Mona", "mailNickname": "mona",
        "userPrincipalName": "mona@fabrikam.example",
        "passwordProfile": {"password": PASSWORD, "forceChangePasswordNextSignIn": false},
    });
    let made = admin.add("users", body).await;
    assert!(!made.to_string().contains("password") && !made.to_string().contains("argon2"), "{made}");
    let device = Device::begin(&cloud).await;
    device.approve("mona@fabrikam.example").await;

    let set = |password: &str| json!({"passwordProfile": {"password": password}});
    let path = "/v1.0/users/mona@fabrikam.example";
    assert_eq!(admin.patch(path, set("another horse")).await.status, StatusCode::NO_CONTENT);
    let device = Device::begin(&cloud).await;
    assert_eq!(device.sign_in("mona@fabrikam.example", PASSWORD).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(device.sign_in("mona@fabrikam.example", "another horse").await.status, StatusCode::OK);
    refused(&admin.patch(path, set("short")).await, 400, "Request_BadRequest");
    refused(&admin.patch(path, json!({"passwordProfile": "x"})).await, 400, "Request_BadRequest");
    // Whoever could set an administrator's would be one.
    refused(
        &admin.patch(&format!("/v1.0/users/{LENA}"), set("another horse")).await,
        403,
        "Authorization_RequestDenied",
    );
    let less = Client::with_permissions(&cloud, ADMIN, &["Directory.ReadWrite.All"]).await;
    refused(&less.patch(path, set("third horse")).await, 403, "Authorization_RequestDenied");
    let audits = cloud.directory.audits(50).await.unwrap();
    assert!(audits.iter().all(|audit| !audit.details.to_string().contains("horse")));
}

#[tokio::test]
async fn of_two_who_show_a_code_at_once_one_gets_a_token() {
    let cloud = cloud().await;
    let device = Device::begin(&cloud).await;
    device.approve(LENA).await;
    let (one, other) = tokio::join!(device.ask(), device.ask());
    let mut both = [one.status.as_u16(), other.status.as_u16()];
    both.sort_unstable();
    assert_eq!(both, [200, 400], "{} {}", one.text, other.text);
}
