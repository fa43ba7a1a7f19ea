//! The client credentials grant with a certificate or a secret.

use actas_sts::Policy;
use actas_token::issue;
use actas_token::jws::{Compact, Reading};
use actas_token::well_known;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Request, StatusCode};
use jiff::SignedDuration;
use uuid::Uuid;

use crate::cloud::{ADMIN, APP, Answer, Cloud, ORIGIN, signing};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const SCOPE: &str = "https://mail.cloud.example/.default";

fn assertion(cloud: &Cloud, client: &str, audience: &str) -> String {
    let key = signing(&cloud.app);
    issue::client_assertion(&key, client, audience, "id", SignedDuration::from_mins(10), cloud.now()).unwrap()
}

async fn with_certificate(cloud: &Cloud, path: &str, audience: &str) -> Answer {
    let text = assertion(cloud, &APP.to_string(), audience);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", TYPE),
        ("client_assertion", &text),
        ("scope", SCOPE),
    ];
    cloud.post(path, &form).await
}

async fn with_secret(cloud: &Cloud, extra: &[(&str, &str)]) -> Answer {
    let (path, id) = (format!("/{}/oauth2/v2.0/token", cloud.tenant), APP.to_string());
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", id.as_str()),
        ("client_secret", cloud.secret.as_str()),
    ];
    form.retain(|(name, _)| !extra.iter().any(|(other, _)| other == name));
    form.extend(extra);
    cloud.post(&path, &form).await
}

#[tokio::test]
async fn every_audience_that_real_clients_use() {
    let cloud = Cloud::start().await;
    let (tenant, v2) = (cloud.tenant.to_string(), format!("/{}/oauth2/v2.0/token", cloud.tenant));
    for name in [tenant.as_str(), "fabrikam.example", "FABRIKAM.example"] {
        for tail in ["/oauth2/v2.0/token", "/oauth2/token", "/v2.0", "/", ""] {
            let answer = with_certificate(&cloud, &v2, &format!("{ORIGIN}/{name}{tail}")).await;
            assert_eq!(answer.status, StatusCode::OK, "{name}{tail}: {}", answer.text);
        }
    }
    for audience in [
        format!("https://evil.example/{tenant}/v2.0"),
        format!("{ORIGIN}/contoso.example/v2.0"),
        format!("{ORIGIN}/{tenant}/v2.0/x"),
        format!("{ORIGIN}x/{tenant}"),
        format!("{ORIGIN}.evil.example/{tenant}"),
        ORIGIN.to_owned(),
    ] {
        let answer = with_certificate(&cloud, &v2, &audience).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, 700_023), "{audience}");
    }
}

#[tokio::test]
async fn what_the_token_says() {
    let cloud = Cloud::start().await;
    let (tenant, v2) = (cloud.tenant.to_string(), format!("/{}/oauth2/v2.0/token", cloud.tenant));
    let answer = with_certificate(&cloud, &v2, &format!("{ORIGIN}{v2}")).await.json();
    assert_eq!((answer["expires_in"].as_i64(), answer.get("scope")), (Some(3599), None));
    let token = Compact::parse(answer["access_token"].as_str().unwrap(), Reading::Strict).unwrap();
    let text = |name| token.claims.text(name).unwrap();
    assert_eq!(text("aud"), "https://mail.cloud.example");
    assert_eq!(text("iss"), format!("{ORIGIN}/{tenant}/"));
    assert_eq!(
        (text("tid"), text("appid"), text("appidacr"), text("ver")),
        (tenant.as_str(), APP.to_string().as_str(), "2", "1.0")
    );
    assert_eq!(token.claims.get("roles").unwrap()[0], "full_access_as_app");
    let secret = with_secret(&cloud, &[("scope", SCOPE)]).await.json();
    let token = Compact::parse(secret["access_token"].as_str().unwrap(), Reading::Strict).unwrap();
    assert_eq!(token.claims.text("appidacr"), Ok("1"));

    let v1 = format!("/{tenant}/oauth2/token");
    let text = assertion(&cloud, &APP.to_string(), &format!("{ORIGIN}{v1}"));
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", TYPE),
        ("client_assertion", &text),
        ("resource", "https://MAIL.cloud.example/"),
    ];
    let answer = cloud.post(&v1, &form).await.json();
    assert!(answer["expires_in"].is_string() && answer["expires_on"].is_string());
    assert_eq!(answer["resource"], "https://MAIL.cloud.example/", "as requested");
}

#[tokio::test]
async fn secrets_in_every_spelling() {
    let cloud = Cloud::start().await;
    assert_eq!(with_secret(&cloud, &[("scope", SCOPE)]).await.status, StatusCode::OK);
    assert_eq!(with_secret(&cloud, &[("scope", SCOPE), ("client_secret", "wrong")]).await.code(), 7_000_215);
    let path = format!("/{}/oauth2/v2.0/token", cloud.tenant);
    let encoded = cloud.secret.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    for (secret, expected) in [(cloud.secret.as_str(), 200), (encoded.as_str(), 200), ("x", 401)] {
        let basic = STANDARD.encode(format!("{APP}:{secret}"));
        let request = Request::post(&path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("authorization", format!("Basic {basic}"))
            .body(Body::from(format!("grant_type=client_credentials&scope={SCOPE}")))
            .unwrap();
        let answer = cloud.send(request).await;
        assert_eq!(answer.status.as_u16(), expected, "{}", answer.text);
        assert!(answer.headers.get("www-authenticate").is_none(), "a challenge hides the error from some clients");
    }
    cloud.clock.advance(SignedDuration::from_hours(25));
    assert_eq!(with_secret(&cloud, &[("scope", SCOPE)]).await.code(), 7_000_222, "an ended secret");
    assert_eq!(with_secret(&cloud, &[("scope", SCOPE), ("client_secret", "wrong")]).await.code(), 7_000_215);
    cloud.change(APP, |app| app.password_credentials.clear()).await;
    assert_eq!(with_secret(&cloud, &[("scope", SCOPE)]).await.code(), 7_000_215, "none at all is a wrong one, too");

    let careful = Cloud::with(Policy::default()).await;
    assert_eq!(with_secret(&careful, &[("scope", SCOPE)]).await.code(), 7_000_218);
}

#[tokio::test]
async fn scopes_and_resources() {
    let cloud = Cloud::start().await;
    for (extra, code) in [
        (&[("scope", "https://mail.cloud.example")][..], 1_002_012),
        (&[("scope", "/.default")], 1_002_012),
        (&[("scope", "https://mail.cloud.example\"/.default")], 28_002),
        (&[("scope", "https://mail.cloud.example/.default https://graph.microsoft.com/.default")], 70_011),
        (&[("scope", "https://nothing.example/.default")], 500_011),
        (&[("resource", "https://mail.cloud.example")], 901_002),
        (&[], 900_144),
    ] {
        let answer = with_secret(&cloud, extra).await;
        assert_eq!((answer.status, answer.code()), (StatusCode::BAD_REQUEST, code), "{extra:?}: {}", answer.text);
    }
    assert_eq!(
        with_secret(&cloud, &[("scope", "openid https://mail.cloud.example/.default")]).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn clients() {
    let cloud = Cloud::start().await;
    let (v2, unknown) = (format!("/{}/oauth2/v2.0/token", cloud.tenant), Uuid::from_u128(99).to_string());
    let audience = format!("{ORIGIN}{v2}");
    let ask = async |client: &str, named: Option<&str>| {
        let text = assertion(&cloud, client, &audience);
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_assertion_type", TYPE),
            ("client_assertion", &text),
            ("scope", SCOPE),
        ];
        form.extend(named.map(|id| ("client_id", id)));
        cloud.post(&v2, &form).await
    };
    assert_eq!(ask(&unknown, None).await.code(), 700_016);
    assert_eq!(ask("not a guid", None).await.code(), 700_038);
    assert_eq!(ask(&APP.to_string(), Some(&ADMIN.to_string())).await.code(), 700_021);
    assert_eq!(ask(&APP.to_string(), Some(&APP.to_string().to_uppercase())).await.status, StatusCode::OK);
    assert_eq!(ask(&well_known::LYNC.to_string(), None).await.code(), 700_027, "another's key");
    let both = [("scope", SCOPE), ("client_assertion_type", TYPE), ("client_assertion", "a.b.c")];
    assert_eq!(with_secret(&cloud, &both).await.code(), 9_002_313, "two ways to authenticate");
    cloud.change(APP, |app| app.enabled = false).await;
    assert_eq!(ask(&APP.to_string(), None).await.code(), 7_000_112);
}

#[tokio::test]
async fn discovery() {
    let cloud = Cloud::start().await;
    let tenant = cloud.tenant;
    for (path, issuer) in [
        (format!("/{tenant}/v2.0/.well-known/openid-configuration"), format!("{ORIGIN}/{tenant}/v2.0")),
        ("/fabrikam.example/v2.0/.well-known/openid-configuration".to_owned(), format!("{ORIGIN}/{tenant}/v2.0")),
        (format!("/.well-known/oauth-authorization-server/{tenant}/v2.0"), format!("{ORIGIN}/{tenant}/v2.0")),
        (format!("/{tenant}/v2.0/.well-known/oauth-authorization-server"), format!("{ORIGIN}/{tenant}/v2.0")),
        (format!("/.well-known/oauth-authorization-server/{tenant}"), format!("{ORIGIN}/{tenant}/")),
        (format!("/{tenant}/.well-known/openid-configuration"), format!("{ORIGIN}/{tenant}/")),
    ] {
        let document = cloud.get(&path).await.json();
        assert_eq!(document["issuer"], issuer, "{path}");
        let keys = cloud.get(document["jwks_uri"].as_str().unwrap().strip_prefix(ORIGIN).unwrap()).await.json();
        assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
        assert!(keys["keys"][0]["n"].as_str().unwrap().len() > 300);
    }
    let unknown = cloud.get("/nowhere.example/v2.0/.well-known/openid-configuration").await;
    assert_eq!((unknown.status, unknown.json()["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_tenant")));
    let ask = |url: &str| format!("/common/discovery/instance?api-version=1.1&authorization_endpoint={url}");
    let known = cloud.get(&ask("https://sts.cloud.example/t/oauth2/v2.0/authorize")).await.json();
    assert_eq!(known["tenant_discovery_endpoint"], format!("{ORIGIN}/t/v2.0/.well-known/openid-configuration"));
    assert_eq!(
        cloud.get(&ask("https://evil.example/t/oauth2/v2.0/authorize")).await.json()["error"],
        "invalid_instance"
    );
}

#[tokio::test]
async fn a_key_must_be_named_where_the_policy_says_so() {
    for (require_key_hint, code) in [(false, None), (true, Some(50_027))] {
        let cloud = Cloud::with(Policy { require_key_hint, ..Policy::default() }).await;
        let v2 = format!("/{}/oauth2/v2.0/token", cloud.tenant);
        let named = with_certificate(&cloud, &v2, &format!("{ORIGIN}{v2}")).await;
        assert_eq!(named.status, StatusCode::OK);
        // As Authlib and openid-client have it: no thumbprint.
        let claims = serde_json::json!({
            "iss": APP.to_string(), "sub": APP.to_string(), "aud": format!("{ORIGIN}{v2}"),
            "exp": cloud.now().as_second() + 60,
        });
        let text = unnamed(&cloud, &claims);
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", TYPE),
            ("client_assertion", text.as_str()),
            ("scope", SCOPE),
        ];
        let answer = cloud.post(&v2, &form).await;
        assert_eq!(answer.json()["error_codes"][0].as_u64(), code, "{}", answer.text);
    }
}

#[tokio::test]
async fn an_assertion_names_whom_it_is_about() {
    let cloud = Cloud::start().await;
    let v2 = format!("/{}/oauth2/v2.0/token", cloud.tenant);
    let claims = serde_json::json!({
        "iss": APP.to_string(), "aud": format!("{ORIGIN}{v2}"), "exp": cloud.now().as_second() + 60,
    });
    let text = unnamed(&cloud, &claims);
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", TYPE),
        ("client_assertion", text.as_str()),
        ("scope", SCOPE),
    ];
    let answer = cloud.post(&v2, &form).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, 50_027), "{}", answer.text);
}

/// Signed by the application, without a name of the key in the header.
fn unnamed(cloud: &Cloud, claims: &serde_json::Value) -> String {
    use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"RS256"}"#);
    let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    let pair = RsaKeyPair::from_pkcs8(cloud.app.key().pkcs8_der()).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    let random = aws_lc_rs::rand::SystemRandom::new();
    pair.sign(&RSA_PKCS1_SHA256, &random, input.as_bytes(), &mut signature).unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn discovery_lists_what_is_served() {
    let cloud = Cloud::with(Policy::default()).await;
    let document = cloud.get(&format!("/{}/v2.0/.well-known/openid-configuration", cloud.tenant)).await.json();
    let list = |name: &str| -> Vec<String> {
        document[name].as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
    };
    // Every grant in the list is one that the endpoint knows, and no other is known.
    let endpoint = document["token_endpoint"].as_str().unwrap().strip_prefix(ORIGIN).unwrap().to_owned();
    for grant in list("grant_types_supported") {
        assert_ne!(cloud.post(&endpoint, &[("grant_type", grant.as_str())]).await.code(), 70_003, "{grant}");
    }
    for grant in ["authorization_code", "refresh_token", "password", "urn:ietf:params:oauth:grant-type:saml2-bearer"] {
        assert_eq!(cloud.post(&endpoint, &[("grant_type", grant)]).await.code(), 70_003, "{grant}");
    }
    assert_eq!(list("token_endpoint_auth_methods_supported"), ["private_key_jwt"], "secrets are off");
    assert_eq!(list("token_endpoint_auth_signing_alg_values_supported"), ["ES256", "PS256", "RS256"]);
    assert_eq!(list("dpop_signing_alg_values_supported"), ["ES256", "PS256", "RS256"]);
    let authorize = document["authorization_endpoint"].as_str().unwrap().strip_prefix(ORIGIN).unwrap();
    let answer = cloud.get(authorize).await;
    assert_eq!(
        (answer.status, answer.json()["error"].as_str()),
        (StatusCode::BAD_REQUEST, Some("unsupported_response_type"))
    );
    let device = document["device_authorization_endpoint"].as_str().unwrap().strip_prefix(ORIGIN).unwrap();
    assert_eq!(cloud.post(device, &[("scope", "x")]).await.code(), 900_144);
    for name in ["userinfo_endpoint", "introspection_endpoint", "revocation_endpoint"] {
        assert!(document[name].is_null(), "{name}");
    }
}

#[tokio::test]
async fn requests_have_names() {
    let cloud = Cloud::start().await;
    let id = "8407ff7b-d85f-48b2-9ee8-6c9f30a910e4";
    let path = format!("/{}/oauth2/v2.0/token", cloud.tenant);
    let in_query = cloud.post(&format!("{path}?client-request-id={id}"), &[("grant_type", "x")]).await;
    let in_form = cloud.post(&path, &[("grant_type", "x"), ("client-request-id", id)]).await;
    for answer in [&in_query, &in_form] {
        assert_eq!(answer.json()["correlation_id"], id);
        assert_eq!(answer.headers["x-ms-request-id"].to_str().unwrap(), answer.json()["trace_id"]);
    }
    let good = with_secret(&cloud, &[("scope", SCOPE)]).await;
    assert!(good.headers.contains_key("x-ms-request-id"));
}

#[tokio::test]
async fn refusals_are_on_record_and_a_flood_is_counted() {
    let cloud = Cloud::start().await;
    let records = async || {
        let audits = cloud.directory.audits(50).await.unwrap().into_iter();
        audits.filter(|audit| audit.kind == "token refused").collect::<Vec<_>>()
    };
    for _ in 0..5 {
        with_secret(&cloud, &[("scope", SCOPE), ("client_secret", "a-guess-of-somebody")]).await;
    }
    let one = records().await;
    assert_eq!((one.len(), one[0].tenant.as_str()), (1, cloud.tenant.to_string().as_str()));
    assert_eq!(one[0].details["rule"], "AADSTS7000215");
    assert_eq!((&one[0].details["actor"], &one[0].details["unrecorded"]), (&APP.to_string().into(), &0.into()));
    assert!(!one[0].details.to_string().contains("a-guess-of-somebody"), "{}", one[0].details);

    let v2 = format!("/{}/oauth2/v2.0/token", cloud.tenant);
    with_certificate(&cloud, &v2, "https://evil.example/").await;
    let two = records().await;
    assert_eq!((two.len(), &two[0].details["rule"]), (2, &"AADSTS700023".into()), "another rule is news");
    assert!(two[0].details["assertionHash"].is_string());

    cloud.clock.advance(SignedDuration::from_mins(2));
    with_secret(&cloud, &[("scope", SCOPE), ("client_secret", "a-guess-of-somebody")]).await;
    assert_eq!(records().await[0].details["unrecorded"], 4);

    with_certificate(&cloud, "/nowhere.example/oauth2/v2.0/token", ORIGIN).await;
    assert_eq!(records().await[0].tenant, Uuid::nil().to_string(), "nobody's");
}
