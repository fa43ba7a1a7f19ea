//! What the standards say of every request and every answer, whichever the grant.

use actas_sts::Policy;
use actas_token::issue;
use axum::body::Body;
use http::{Request, StatusCode};
use jiff::SignedDuration;

use crate::cloud::{APP, Answer, Cloud, ORIGIN, signing};

const FORM: &str = "application/x-www-form-urlencoded";
const SCOPE: &str = "https://mail.cloud.example/.default";

/// The endpoints, in their three dialects.
fn endpoints(cloud: &Cloud) -> [String; 3] {
    ["tokens/OAuth/2", "oauth2/token", "oauth2/v2.0/token"].map(|path| format!("/{}/{path}", cloud.tenant))
}

fn credentials(cloud: &Cloud) -> String {
    let pairs = [("client_id", APP.to_string()), ("client_secret", cloud.secret.clone())];
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn post(cloud: &Cloud, path: &str, body: &str) -> Answer {
    let request = Request::post(path).header("content-type", FORM).body(Body::from(body.to_owned()));
    cloud.send(request.unwrap()).await
}

#[tokio::test]
async fn nothing_in_the_address_counts() {
    let cloud = Cloud::start().await;
    let path = &endpoints(&cloud)[2];
    let (grant, credentials) = (format!("grant_type=client_credentials&scope={SCOPE}"), credentials(&cloud));
    assert_eq!(post(&cloud, path, &format!("{grant}&{credentials}")).await.status, StatusCode::OK);
    assert_eq!(post(&cloud, &format!("{path}?{credentials}"), &grant).await.code(), 7_000_216);
    assert_eq!(post(&cloud, &format!("{path}?{grant}"), &credentials).await.code(), 900_144);

    // Nor does a token in the address, or in a form, open a resource.
    let body = format!("grant_type=client_credentials&scope={ORIGIN}/.default&{credentials}");
    let token = post(&cloud, path, &body).await.json()["access_token"].as_str().unwrap().to_owned();
    let list = "/v1.0/servicePrincipals";
    let in_header = Request::get(list).header("authorization", format!("Bearer {token}"));
    assert_eq!(cloud.send(in_header.body(Body::empty()).unwrap()).await.status, StatusCode::OK);
    assert_eq!(cloud.get(&format!("{list}?access_token={token}")).await.status, StatusCode::UNAUTHORIZED);
    let in_form = post(&cloud, list, &format!("access_token={token}")).await;
    assert_eq!(in_form.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn no_answer_stays_in_a_cache() {
    let cloud = Cloud::start().await;
    for (path, resource) in endpoints(&cloud).iter().zip(["resource", "resource", "scope"]) {
        let wanted = if resource == "scope" { SCOPE } else { "https://mail.cloud.example" };
        let body = format!("grant_type=client_credentials&{resource}={wanted}&{}", credentials(&cloud));
        let good = post(&cloud, path, &body).await;
        assert_eq!(good.status, StatusCode::OK, "{path}: {}", good.text);
        for answer in [good, post(&cloud, path, "grant_type=x").await] {
            assert_eq!(answer.headers["cache-control"], "no-store");
            assert_eq!(answer.headers["pragma"], "no-cache");
            assert!(answer.headers["content-type"].to_str().unwrap().starts_with("application/json"));
        }
    }
}

#[tokio::test]
async fn descriptions_have_the_characters_of_the_standard() {
    let cloud = Cloud::start().await;
    let odd = "%22%5C%0D%0A%C3%A9%F0%9F%94%91";
    for body in [
        format!("grant_type={odd}"),
        format!("grant_type=client_credentials&scope={odd}&{}", credentials(&cloud)),
        format!("grant_type=client_credentials&scope={SCOPE}&client_secret=x&client_id={odd}"),
    ] {
        let answer = post(&cloud, &endpoints(&cloud)[2], &body).await.json();
        let allowed = |text: &str| text.bytes().all(|c| matches!(c, b' '..=b'~') && c != b'"' && c != b'\\');
        for name in ["error", "error_description", "error_uri"] {
            let text = answer[name].as_str().unwrap();
            assert!(allowed(text), "{name}: {text}");
        }
    }
}

#[tokio::test]
async fn metadata_is_one_object_without_empty_lists() {
    for policy in [Policy::default(), Policy { tls_client_auth: true, allow_secrets: true, ..Policy::default() }] {
        let cloud = Cloud::with(policy).await;
        let path = format!("/.well-known/oauth-authorization-server/{}/v2.0", cloud.tenant);
        let answer = cloud.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with("application/json"));
        let document = answer.json();
        let lists = document.as_object().unwrap().values().filter_map(serde_json::Value::as_array);
        assert!(lists.clone().count() > 3 && lists.clone().all(|list| !list.is_empty()), "{document}");
        let issuer: url::Url = document["issuer"].as_str().unwrap().parse().unwrap();
        assert_eq!((issuer.scheme(), issuer.query(), issuer.fragment()), ("https", None, None));
        for name in ["token_endpoint", "jwks_uri"] {
            assert!(document[name].as_str().unwrap().starts_with(ORIGIN), "{name}");
        }
    }
}

#[tokio::test]
async fn a_certificate_in_tls_comes_with_a_client_id() {
    let cloud = Cloud::with(Policy { tls_client_auth: true, ..Policy::default() }).await;
    let ask = async |named: &str| {
        let body = format!("grant_type=client_credentials&scope={SCOPE}{named}");
        let shown = actas_runtime::ClientCertificate(Some(cloud.app.certificate().der().into()));
        let request = Request::post(&endpoints(&cloud)[2]).header("content-type", FORM).extension(shown);
        cloud.send(request.body(Body::from(body)).unwrap()).await
    };
    assert_eq!(ask(&format!("&client_id={APP}")).await.status, StatusCode::OK);
    assert_eq!(ask("").await.code(), 7_000_216);
}

#[tokio::test]
async fn an_assertion_has_a_type_that_is_known() {
    let cloud = Cloud::start().await;
    let path = &endpoints(&cloud)[2];
    let ask = async |kind: &str| {
        let (id, audience) = (APP.to_string(), format!("{ORIGIN}{path}"));
        let life = SignedDuration::from_mins(5);
        let text = issue::client_assertion(&signing(&cloud.app), &id, &audience, "id", life, cloud.now()).unwrap();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", kind),
            ("client_assertion", &*text),
            ("scope", SCOPE),
        ];
        cloud.post(path, &form).await
    };
    let jwt = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    assert_eq!(ask(jwt).await.status, StatusCode::OK);
    let saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer";
    assert_eq!(ask(saml).await.code(), 9_002_313, "another kind of assertion");
}
