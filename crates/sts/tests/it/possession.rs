//! Tokens bound to a key (DPoP, RFC 9449).

use actas_sts::Policy;
use actas_token::dpop::{self, Expected};
use actas_token::jws::{Compact, Reading};
use actas_token::{PublicKey, SigningKey, VerifyingKey, issue, well_known};
use axum::body::Body;
use http::{Request, StatusCode};
use jiff::{SignedDuration, Timestamp};

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
    assert_eq!(ask(&cloud, MAIL, &[&proof]).await.status, StatusCode::OK);
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
