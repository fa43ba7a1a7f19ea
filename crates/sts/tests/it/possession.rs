//! Tokens bound to a key (DPoP, RFC 9449).

use actas_sts::Policy;
use actas_token::dpop::{self, Expected};
use actas_token::jws::{Compact, Reading};
use actas_token::{PublicKey, SigningKey, VerifyingKey, issue, well_known};
use axum::body::Body;
use http::{Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::cloud::{APP, Answer, Cloud, ORIGIN, pair, signing};

/// The key that a client proves to hold; not the one that it authenticates with.
struct Holder {
    key: SigningKey,
    public: PublicKey,
}

impl Holder {
    fn new(now: Timestamp) -> Self {
        let pair = actas_certificate::issue::self_signed_with(
            actas_certificate::PrivateKey::generate_p256().unwrap(),
            "holder",
            &[],
            now,
            std::time::Duration::from_hours(24),
        )
        .unwrap();
        let public = VerifyingKey::from_certificate(pair.certificate().der()).unwrap().public().clone();
        Self { key: signing(&pair), public }
    }

    fn proof(&self, method: &str, url: &str, nonce: Option<&str>, now: Timestamp) -> String {
        dpop::proof(&self.key, &self.public, Expected { method, token: None }, url, nonce, now).unwrap()
    }

    fn proof_for(&self, token: &str, method: &str, url: &str, nonce: Option<&str>, now: Timestamp) -> String {
        dpop::proof(&self.key, &self.public, Expected { method, token: Some(token) }, url, nonce, now).unwrap()
    }
}

fn path(cloud: &Cloud) -> String {
    format!("/{}/oauth2/v2.0/token", cloud.tenant)
}

async fn ask(cloud: &Cloud, scope: &str, proofs: &[&str]) -> Answer {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &APP.to_string()),
        ("client_secret", &cloud.secret),
        ("scope", scope),
    ];
    let headers: Vec<_> = proofs.iter().map(|proof| ("dpop", *proof)).collect();
    cloud.post_from("192.0.2.1", &path(cloud), &headers, &form).await
}

const MAIL: &str = "https://mail.cloud.example/.default";

#[track_caller]
fn refused(answer: &Answer) {
    let got = (answer.status, answer.json()["error"].as_str().map(str::to_owned));
    assert_eq!(got, (StatusCode::BAD_REQUEST, Some("invalid_dpop_proof".to_owned())), "{}", answer.text);
}

#[tokio::test]
async fn a_proof_binds_the_token() {
    let cloud = Cloud::start().await;
    let holder = Holder::new(cloud.now());
    let url = format!("{ORIGIN}{}", path(&cloud));
    let answer = ask(&cloud, MAIL, &[&holder.proof("POST", &url, None, cloud.now())]).await.json();
    assert_eq!(answer["token_type"], "DPoP");
    let token = Compact::parse(answer["access_token"].as_str().unwrap(), Reading::Strict).unwrap();
    assert_eq!(token.claims.get("cnf").unwrap()["jkt"], holder.public.thumbprint());
    let plain = ask(&cloud, MAIL, &[]).await.json();
    assert_eq!(plain["token_type"], "Bearer");
    let token = Compact::parse(plain["access_token"].as_str().unwrap(), Reading::Strict).unwrap();
    assert!(!token.claims.has("cnf"));
}

#[tokio::test]
async fn so_are_actor_tokens() {
    let cloud = Cloud::start().await;
    let holder = Holder::new(cloud.now());
    let realm = cloud.tenant.to_string();
    let acs = format!("/{realm}/tokens/OAuth/2");
    let caller = actas_token::Principal::in_realm(well_known::LYNC, realm.as_str());
    let audience = format!("{}/sts.cloud.example@{realm}", well_known::STS);
    let resource = format!("{}/mail.cloud.example@{realm}", well_known::EXCHANGE);
    let life = SignedDuration::from_mins(5);
    let assertion = issue::assertion(&signing(&cloud.lync), &caller, &audience, life, cloud.now()).unwrap();
    let form = [
        ("grant_type", "http://oauth.net/grant_type/jwt/1.0/bearer"),
        ("assertion", assertion.as_str()),
        ("resource", resource.as_str()),
    ];
    let proof = holder.proof("POST", &format!("{ORIGIN}{acs}"), None, cloud.now());
    let answer = cloud.post_from("192.0.2.1", &acs, &[("dpop", &proof)], &form).await.json();
    assert_eq!(answer["token_type"], "DPoP");
    let token = Compact::parse(answer["access_token"].as_str().unwrap(), Reading::Strict).unwrap();
    assert_eq!(token.claims.get("cnf").unwrap()["jkt"], holder.public.thumbprint());
}

#[tokio::test]
async fn what_is_no_proof_for_this_request() {
    let cloud = Cloud::start().await;
    let (holder, now) = (Holder::new(cloud.now()), cloud.now());
    let url = format!("{ORIGIN}{}", path(&cloud));
    let other = holder.proof("POST", &url, None, now);
    for proof in [
        holder.proof("GET", &url, None, now),
        holder.proof("POST", &format!("{ORIGIN}/{}/oauth2/token", cloud.tenant), None, now),
        holder.proof("POST", &format!("https://evil.example{}", path(&cloud)), None, now),
        holder.proof("POST", &format!("http://sts.cloud.example{}", path(&cloud)), None, now),
        holder.proof("POST", &format!("https://sts.cloud.example:444{}", path(&cloud)), None, now),
        holder.proof("POST", "not a url", None, now),
        holder.proof("POST", &url, None, now - SignedDuration::from_secs(301)),
        holder.proof("POST", &url, None, now + SignedDuration::from_secs(301)),
        "a.b.c".to_owned(),
    ] {
        refused(&ask(&cloud, MAIL, &[&proof]).await);
    }
    refused(&ask(&cloud, MAIL, &[&other, &other]).await);
    // Spelt in another way it is the same address.
    for url in [format!("{url}?a=b#c"), url.replace("sts.cloud.example", "STS.cloud.example:443")] {
        assert_eq!(ask(&cloud, MAIL, &[&holder.proof("POST", &url, None, now)]).await.status, StatusCode::OK, "{url}");
    }
}

#[tokio::test]
async fn a_proof_is_used_once() {
    let cloud = Cloud::start().await;
    let holder = Holder::new(cloud.now());
    let proof = holder.proof("POST", &format!("{ORIGIN}{}", path(&cloud)), None, cloud.now());
    assert_eq!(ask(&cloud, MAIL, &[&proof]).await.status, StatusCode::OK);
    refused(&ask(&cloud, MAIL, &[&proof]).await);
    cloud.clock.advance(SignedDuration::from_mins(5));
    refused(&ask(&cloud, MAIL, &[&proof]).await);
    cloud.clock.advance(SignedDuration::from_secs(1));
    refused(&ask(&cloud, MAIL, &[&proof]).await);
}

#[tokio::test]
async fn a_stranger_fills_no_memory() {
    let cloud = Cloud::start().await;
    let holder = Holder::new(cloud.now());
    let proof = holder.proof("POST", &format!("{ORIGIN}{}", path(&cloud)), None, cloud.now());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &*APP.to_string()),
        ("client_secret", "x"),
        ("scope", MAIL),
    ];
    let answer = cloud.post_from("192.0.2.1", &path(&cloud), &[("dpop", &proof)], &form).await;
    assert_eq!(answer.code(), 7_000_215);
    assert_eq!(ask(&cloud, MAIL, &[&proof]).await.status, StatusCode::OK, "it was not used");
}

#[tokio::test]
async fn a_nonce_where_the_policy_wants_one() {
    let cloud = Cloud::with(Policy { allow_secrets: true, require_dpop_nonce: true, ..Policy::default() }).await;
    let (holder, url) = (Holder::new(cloud.now()), format!("{ORIGIN}{}", path(&cloud)));
    let wanted = async |nonce: Option<&str>| {
        let answer = ask(&cloud, MAIL, &[&holder.proof("POST", &url, nonce, cloud.now())]).await;
        assert_eq!(answer.json()["error"], "use_dpop_nonce", "{}", answer.text);
        answer.headers["dpop-nonce"].to_str().unwrap().to_owned()
    };
    let nonce = wanted(None).await;
    wanted(Some("made up")).await;
    let proof = holder.proof("POST", &url, Some(&nonce), cloud.now());
    let good = ask(&cloud, MAIL, &[&proof]).await;
    assert_eq!(good.status, StatusCode::OK);
    assert!(good.headers.contains_key("dpop-nonce"), "for the next one");
    cloud.clock.advance(SignedDuration::from_secs(301));
    wanted(Some(&nonce)).await;
}

#[tokio::test]
async fn a_bound_token_is_no_bearer_token() {
    let cloud = Cloud::start().await;
    let holder = Holder::new(cloud.now());
    let proof = holder.proof("POST", &format!("{ORIGIN}{}", path(&cloud)), None, cloud.now());
    for (proofs, status) in [(&[][..], StatusCode::OK), (&[proof.as_str()][..], StatusCode::UNAUTHORIZED)] {
        let answer = ask(&cloud, &format!("{ORIGIN}/.default"), proofs).await.json();
        let token = answer["access_token"].as_str().unwrap();
        let request = Request::get("/v1.0/servicePrincipals").header("authorization", format!("Bearer {token}"));
        assert_eq!(cloud.send(request.body(Body::empty()).unwrap()).await.status, status);
    }
}

// === at Graph ===

const LIST: &str = "/v1.0/servicePrincipals";

/// A request for a list of principals; what is changed about it is an attack.
struct Call<'c> {
    method: Method,
    path: &'c str,
    scheme: &'c str,
    token: &'c str,
    proofs: Vec<String>,
    body: Body,
}

impl<'c> Call<'c> {
    fn new(scheme: &'c str, token: &'c str, proofs: impl IntoIterator<Item = String>) -> Self {
        let proofs = proofs.into_iter().collect();
        Self { method: Method::GET, path: LIST, scheme, token, proofs, body: Body::empty() }
    }

    async fn send(self, cloud: &Cloud) -> Answer {
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.path)
            .header("authorization", format!("{} {}", self.scheme, self.token));
        for proof in self.proofs {
            request = request.header("dpop", proof);
        }
        cloud.send(request.body(self.body).unwrap()).await
    }
}

/// The values of `WWW-Authenticate`.
fn challenges(answer: &Answer) -> Vec<&str> {
    answer.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect()
}

async fn token_for_graph(cloud: &Cloud, holder: Option<&Holder>, nonce: Option<&str>) -> String {
    let url = format!("{ORIGIN}{}", path(cloud));
    let proof = holder.map(|holder| holder.proof("POST", &url, nonce, cloud.now()));
    let answer = ask(cloud, &format!("{ORIGIN}/.default"), proof.as_deref().as_slice()).await.json();
    answer["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn graph_takes_a_bound_token_with_its_proof_alone() {
    let cloud = Cloud::start().await;
    let (holder, other) = (Holder::new(cloud.now()), Holder::new(cloud.now()));
    let bound = token_for_graph(&cloud, Some(&holder), None).await;
    let plain = token_for_graph(&cloud, None, None).await;
    let (url, now) = (format!("{ORIGIN}{LIST}"), cloud.now());
    let proof = |token: &str| holder.proof_for(token, "GET", &url, None, now);

    let good = Call::new("DPoP", &bound, [proof(&bound)]).send(&cloud).await;
    assert_eq!(good.status, StatusCode::OK, "{}", good.text);
    assert!(!good.headers.contains_key("dpop-nonce"));
    let good = Call::new("dpop", &bound, [holder.proof_for(&bound, "GET", &format!("{url}?$top=1"), None, now)]);
    assert_eq!(good.send(&cloud).await.status, StatusCode::OK, "a scheme has no case, an address no query");
    let used = proof(&bound);
    assert_eq!(Call::new("DPoP", &bound, [used.clone()]).send(&cloud).await.status, StatusCode::OK);

    // What is wrong with the proof is told of the proof.
    for proofs in [
        vec![],
        vec![used],
        vec![proof(&bound), proof(&bound)],
        vec![proof(&plain)],
        vec![holder.proof("GET", &url, None, now)],
        vec![holder.proof_for(&bound, "POST", &url, None, now)],
        vec![holder.proof_for(&bound, "GET", &format!("{url}/x"), None, now)],
        vec![holder.proof_for(&bound, "GET", &url.replace("sts.", "evil."), None, now)],
        vec![holder.proof_for(&bound, "GET", &url, None, now - SignedDuration::from_secs(301))],
        vec!["a.b.c".to_owned()],
    ] {
        let answer = Call::new("DPoP", &bound, proofs.clone()).send(&cloud).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{proofs:?}");
        assert_eq!(challenges(&answer), [r#"DPoP error="invalid_dpop_proof", algs="ES256 PS256 RS256""#]);
    }
    // What is wrong with the token is told of the token.
    for (token, proof) in [
        (&bound, other.proof_for(&bound, "GET", &url, None, now)),
        (&plain, proof(&plain)),
        (&"a.b.c".to_owned(), proof("a.b.c")),
    ] {
        let answer = Call::new("DPoP", token, [proof]).send(&cloud).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(challenges(&answer), [r#"DPoP error="invalid_token", algs="ES256 PS256 RS256""#]);
    }
    // A proof beside it makes no bearer token of a bound one, nor spoils one that is none.
    for proofs in [vec![], vec![proof(&bound)]] {
        let answer = Call::new("Bearer", &bound, proofs).send(&cloud).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        let offered = challenges(&answer);
        assert!(offered[0].starts_with("Bearer ") && offered[1] == r#"DPoP algs="ES256 PS256 RS256""#, "{offered:?}");
    }
    let answer = Call::new("Bearer", &plain, [proof(&plain)]).send(&cloud).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn a_proof_for_a_refused_token_is_not_used_up() {
    let cloud = Cloud::start().await;
    let holder = Holder::new(cloud.now());
    let bound = token_for_graph(&cloud, Some(&holder), None).await;
    let proof = holder.proof_for(&bound, "GET", &format!("{ORIGIN}{LIST}"), None, cloud.now());
    cloud.change(APP, |app| app.enabled = false).await;
    assert_eq!(Call::new("DPoP", &bound, [proof.clone()]).send(&cloud).await.status, StatusCode::UNAUTHORIZED);
    cloud.change(APP, |app| app.enabled = true).await;
    assert_eq!(Call::new("DPoP", &bound, [proof]).send(&cloud).await.status, StatusCode::OK);
}

#[tokio::test]
async fn one_proof_is_for_a_whole_batch() {
    let cloud = Cloud::start().await;
    let holder = Holder::new(cloud.now());
    let bound = token_for_graph(&cloud, Some(&holder), None).await;
    let url = format!("{ORIGIN}/v1.0/$batch");
    let requests = json!({ "requests": [
        { "id": "1", "method": "GET", "url": "/servicePrincipals" },
        { "id": "2", "method": "GET", "url": "/servicePrincipals" },
    ]});
    let call = |proof: String| Call {
        method: Method::POST,
        path: "/v1.0/$batch",
        body: Body::from(requests.to_string()),
        ..Call::new("DPoP", &bound, [proof])
    };
    let proof = holder.proof_for(&bound, "POST", &url, None, cloud.now());
    let answer = call(proof.clone()).send(&cloud).await;
    let statuses: Vec<_> =
        answer.json()["responses"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
    assert_eq!(statuses, [200, 200]);
    assert_eq!(call(proof).send(&cloud).await.status, StatusCode::UNAUTHORIZED, "used up");
    let other = holder.proof_for(&bound, "GET", &format!("{ORIGIN}{LIST}"), None, cloud.now());
    assert_eq!(call(other).send(&cloud).await.status, StatusCode::UNAUTHORIZED, "for one of its requests");
}

#[tokio::test]
async fn graph_wants_a_nonce_where_the_policy_does() {
    let cloud = Cloud::with(Policy { allow_secrets: true, require_dpop_nonce: true, ..Policy::default() }).await;
    let (holder, url) = (Holder::new(cloud.now()), format!("{ORIGIN}{LIST}"));
    let without = holder.proof("POST", &format!("{ORIGIN}{}", path(&cloud)), None, cloud.now());
    let refused = ask(&cloud, MAIL, &[&without]).await;
    let nonce = refused.headers["dpop-nonce"].to_str().unwrap().to_owned();
    let bound = token_for_graph(&cloud, Some(&holder), Some(&nonce)).await;
    let call = async |nonce: Option<&str>| {
        let proof = holder.proof_for(&bound, "GET", &url, nonce, cloud.now());
        Call::new("DPoP", &bound, [proof]).send(&cloud).await
    };
    for wrong in [None, Some("made up")] {
        let answer = call(wrong).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(challenges(&answer), [r#"DPoP error="use_dpop_nonce", algs="ES256 PS256 RS256""#]);
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
    let fresh = call(None).await.headers["dpop-nonce"].to_str().unwrap().to_owned();
    cloud.clock.advance(SignedDuration::from_mins(5));
    let answer = call(Some(&fresh)).await;
    assert_eq!(answer.status, StatusCode::OK, "to its last moment");
    // The answer brings the next one.
    let next = answer.headers["dpop-nonce"].to_str().unwrap().to_owned();
    cloud.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(call(Some(&fresh)).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(call(Some(&next)).await.status, StatusCode::OK);
    // Who brings no proof is told of none.
    assert!(!cloud.get(LIST).await.headers.contains_key("dpop-nonce"));
}

#[tokio::test]
async fn a_proof_is_not_a_credential() {
    let cloud = Cloud::start().await;
    let stranger = pair("stranger", cloud.now());
    let public = VerifyingKey::from_certificate(stranger.certificate().der()).unwrap().public().clone();
    let url = format!("{ORIGIN}{}", path(&cloud));
    let expected = Expected { method: "POST", token: None };
    let proof = dpop::proof(&signing(&stranger), &public, expected, &url, None, cloud.now()).unwrap();
    let form = [("grant_type", "client_credentials"), ("client_id", &*APP.to_string()), ("scope", MAIL)];
    let answer = cloud.post_from("192.0.2.1", &path(&cloud), &[("dpop", &proof)], &form).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, 7_000_216));
}

// === the TLS certificate of a client (RFC 8705) ===

async fn with_certificate(cloud: &Cloud, client: &str, der: Option<&[u8]>, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![("grant_type", "client_credentials"), ("client_id", client), ("scope", MAIL)];
    form.extend(more);
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = Request::post(path(cloud))
        .header("content-type", "application/x-www-form-urlencoded")
        .extension(actas_runtime::ClientCertificate(der.map(Into::into)));
    cloud.send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn a_registered_certificate_authenticates_and_binds() {
    let cloud = Cloud::with(Policy { tls_client_auth: true, allow_secrets: true, ..Policy::default() }).await;
    let app = APP.to_string();
    let own = cloud.app.certificate().der();
    let answer = with_certificate(&cloud, &app, Some(own), &[]).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let body = answer.json();
    let token = Compact::parse(body["access_token"].as_str().unwrap(), Reading::Strict).unwrap();
    assert_eq!(token.claims.get("cnf").unwrap()["x5t#S256"], cloud.app.certificate().x5t_s256());
    assert_eq!((body["token_type"].as_str(), token.claims.text("appidacr")), (Some("Bearer"), Ok("2")));
    let document = cloud.get(&format!("/{}/v2.0/.well-known/openid-configuration", cloud.tenant)).await.json();
    assert_eq!(document["tls_client_certificate_bound_access_tokens"], true);
    let methods = document["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(methods.contains(&"self_signed_tls_client_auth".into()));

    // Somebody else's certificate, none, and one for an application that has not got it.
    let stranger = pair("stranger", cloud.now());
    let other = with_certificate(&cloud, &app, Some(stranger.certificate().der()), &[]).await;
    assert_eq!((other.status, other.code()), (StatusCode::UNAUTHORIZED, 700_027));
    assert_eq!(with_certificate(&cloud, &app, None, &[]).await.code(), 7_000_216);
    let lync = well_known::LYNC.to_string();
    assert_eq!(with_certificate(&cloud, &lync, Some(own), &[]).await.code(), 700_027);
    // Another way of authenticating wins over a certificate that happens to be shown, and
    // binds nothing to it.
    let secret = cloud.secret.clone();
    let answer =
        with_certificate(&cloud, &app, Some(stranger.certificate().der()), &[("client_secret", &secret)]).await;
    let body = answer.json();
    let token = Compact::parse(body["access_token"].as_str().unwrap(), Reading::Strict).unwrap();
    assert!(!token.claims.has("cnf"));
    // A credential that has ended proves nothing in the handshake either.
    cloud.change(APP, |app| app.key_credentials[0].end = cloud.now() - SignedDuration::from_secs(1)).await;
    assert_eq!(with_certificate(&cloud, &app, Some(own), &[]).await.code(), 700_027);
}

#[tokio::test]
async fn graph_takes_a_token_of_a_certificate_with_that_certificate_alone() {
    let cloud = Cloud::with(Policy { tls_client_auth: true, ..Policy::default() }).await;
    let own = cloud.app.certificate().der();
    let scope = format!("{ORIGIN}/.default");
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("grant_type", "client_credentials"), ("client_id", &*APP.to_string()), ("scope", &scope)])
        .finish();
    let shown = |der: Option<&[u8]>| actas_runtime::ClientCertificate(der.map(Into::into));
    let request = Request::post(path(&cloud))
        .header("content-type", "application/x-www-form-urlencoded")
        .extension(shown(Some(own)));
    let answer = cloud.send(request.body(Body::from(body)).unwrap()).await.json();
    let token = answer["access_token"].as_str().unwrap();
    let stranger = pair("stranger", cloud.now());
    for (der, status) in [
        (Some(own), StatusCode::OK),
        (Some(stranger.certificate().der()), StatusCode::UNAUTHORIZED),
        (None, StatusCode::UNAUTHORIZED),
    ] {
        let request = Request::get(LIST).header("authorization", format!("Bearer {token}")).extension(shown(der));
        assert_eq!(cloud.send(request.body(Body::empty()).unwrap()).await.status, status);
    }
}

#[tokio::test]
async fn a_certificate_counts_only_where_the_policy_says_so() {
    let cloud = Cloud::start().await;
    let answer = with_certificate(&cloud, &APP.to_string(), Some(cloud.app.certificate().der()), &[]).await;
    assert_eq!((answer.status, answer.code()), (StatusCode::UNAUTHORIZED, 7_000_216));
    let document = cloud.get(&format!("/{}/v2.0/.well-known/openid-configuration", cloud.tenant)).await.json();
    assert!(document["tls_client_certificate_bound_access_tokens"].is_null());
}
