//! Proof of possession, and secrets that the directory makes.

use actas_certificate::KeyPair;
use actas_token::issue;
use actas_token::well_known;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Client, lync, refused};
use crate::cloud::{ADMIN, APP, Answer, Cloud, ORIGIN, pair, signing};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

fn principal(app_id: Uuid) -> String {
    format!("/v1.0/servicePrincipals(appId='{app_id}')")
}

fn signed(pair: &KeyPair, header: &Value, claims: &Value, engine: &base64::engine::GeneralPurpose) -> String {
    let input = format!("{}.{}", engine.encode(header.to_string()), engine.encode(claims.to_string()));
    let key = RsaKeyPair::from_pkcs8(pair.key().pkcs8_der()).unwrap();
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input.as_bytes(), &mut signature).unwrap();
    format!("{input}.{}", engine.encode(signature))
}

fn claims(cloud: &Cloud, object: &str) -> Value {
    let now = cloud.now().as_second();
    json!({ "aud": well_known::DIRECTORY, "iss": object, "nbf": now, "exp": now + 600 })
}

fn proof(pair: &KeyPair, claims: &Value) -> String {
    signed(pair, &json!({"alg": "RS256", "typ": "JWT"}), claims, &URL_SAFE_NO_PAD)
}

fn new_key(pair: &KeyPair) -> Value {
    json!({"type": "AsymmetricX509Cert", "usage": "Verify", "key": STANDARD.encode(pair.certificate().der())})
}

async fn token_with(cloud: &Cloud, key: &KeyPair, app_id: Uuid) -> Answer {
    let path = format!("/{}/oauth2/v2.0/token", cloud.tenant);
    let (id, audience) = (app_id.to_string(), format!("{ORIGIN}{path}"));
    let lifetime = SignedDuration::from_mins(5);
    let text = issue::client_assertion(&signing(key), &id, &audience, "id", lifetime, cloud.now()).unwrap();
    let scope = format!("{ORIGIN}/.default");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", TYPE),
        ("client_assertion", &text),
        ("scope", &scope),
    ];
    cloud.post(&path, &form).await
}

async fn token_by(cloud: &Cloud, secret: &str, app_id: Uuid) -> Answer {
    let (path, id) = (format!("/{}/oauth2/v2.0/token", cloud.tenant), app_id.to_string());
    let scope = format!("{ORIGIN}/.default");
    let form = [("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", secret), ("scope", &scope)];
    cloud.post(&path, &form).await
}

#[tokio::test]
async fn a_key_is_added_and_removed_by_proof() {
    let cloud = Cloud::start().await;
    // No permission at all: the proof is enough on the own object.
    let own = Client::with_permissions(&cloud, APP, &[]).await;
    let path = principal(APP);
    let object = own.get(&path).await.json()["id"].as_str().unwrap().to_owned();
    let next = pair("next", cloud.now());
    for (action, key) in [("addKey", &next), ("microsoft.graph.addKey", &pair("third", cloud.now()))] {
        let body = json!({
            "keyCredential": new_key(key), "passwordCredential": null,
            "proof": proof(&cloud.app, &claims(&cloud, &object)),
        });
        let added = own.post(&format!("{path}/{action}"), body).await;
        assert_eq!(added.status, StatusCode::OK, "{}", added.text);
        let added = added.json();
        assert_eq!(added["@odata.context"], format!("{ORIGIN}/v1.0/$metadata#microsoft.graph.keyCredential"));
        assert_eq!(added["customKeyIdentifier"], key.certificate().thumbprint());
        assert!(added["key"].is_null());
    }
    assert_eq!(token_with(&cloud, &next, APP).await.status, StatusCode::OK);

    // The new key proves the removal of the old one.
    let keys = own.get(&path).await.json()["keyCredentials"].clone();
    let remove = |key: &KeyPair, id: &Value| json!({"keyId": id, "proof": proof(key, &claims(&cloud, &object))});
    let gone = own.post(&format!("{path}/removeKey"), remove(&next, &keys[0]["keyId"])).await;
    assert_eq!((gone.status, gone.text.as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(token_with(&cloud, &cloud.app, APP).await.code(), 700_027);
    refused(
        &own.post(&format!("{path}/removeKey"), remove(&cloud.app, &keys[1]["keyId"])).await,
        401,
        "Authentication_MissingOrMalformed",
    );
    let unknown = remove(&next, &json!(Uuid::new_v4()));
    refused(&own.post(&format!("{path}/removeKey"), unknown).await, 400, "Request_BadRequest");
}

#[tokio::test]
async fn what_proves_nothing() {
    let cloud = Cloud::start().await;
    let own = Client::with_permissions(&cloud, APP, &[]).await;
    let path = principal(APP);
    let object = own.get(&path).await.json()["id"].as_str().unwrap().to_owned();
    let now = cloud.now().as_second();
    let with = |name: &str, value: Value| {
        let mut claims = claims(&cloud, &object);
        claims[name] = value;
        proof(&cloud.app, &claims)
    };
    let without = |name: &str| {
        let mut claims = claims(&cloud, &object);
        claims.as_object_mut().unwrap().remove(name);
        proof(&cloud.app, &claims)
    };
    let good = claims(&cloud, &object);
    let header = json!({"alg": "RS256"});
    let stranger = pair("stranger", cloud.now());
    let padded = signed(&cloud.app, &json!({"alg": "RS256", "a": "x"}), &good, &URL_SAFE);
    assert!(padded.contains('='), "{padded}");
    let proofs = [
        String::new(),
        "a.b.c".to_owned(),
        padded,
        format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(good.to_string())),
        signed(&cloud.app, &json!({"alg": "HS256"}), &good, &URL_SAFE_NO_PAD),
        signed(&cloud.app, &json!({"alg": "RS256", "x5c": ["x"]}), &good, &URL_SAFE_NO_PAD),
        signed(&cloud.app, &json!({"alg": "RS256", "x5t": "AAAA"}), &good, &URL_SAFE_NO_PAD),
        signed(&stranger, &header, &good, &URL_SAFE_NO_PAD),
        with("aud", json!(well_known::GRAPH)),
        with("aud", json!([well_known::DIRECTORY])),
        with("iss", json!(APP)),
        with("iss", json!(Uuid::new_v4())),
        with("exp", json!(now + 601)),
        with("exp", json!(now - 300)),
        with("nbf", json!(now + 301)),
        with("exp", json!(1_800_000_599.5)),
        without("aud"),
        without("iss"),
        without("nbf"),
        without("exp"),
    ];
    for text in proofs {
        let body = json!({"keyCredential": new_key(&stranger), "proof": text});
        let answer = own.post(&format!("{path}/addKey"), body).await;
        refused(&answer, 401, "Authentication_MissingOrMalformed");
        assert!(answer.headers.get("www-authenticate").is_none(), "the token was good");
    }
    let missing = own.post(&format!("{path}/addKey"), json!({"keyCredential": new_key(&stranger)})).await;
    refused(&missing, 401, "Authentication_MissingOrMalformed");
    assert_eq!(own.get(&path).await.json()["keyCredentials"].as_array().unwrap().len(), 1);

    // A good proof does not make up for a bad key.
    for key in
        [json!(null), json!({}), json!({"type": "Symmetric", "usage": "Verify", "key": "AAAA"}), json!({"key": "AAAA"})]
    {
        let body = json!({"keyCredential": key, "proof": proof(&cloud.app, &good)});
        refused(&own.post(&format!("{path}/addKey"), body).await, 400, "Request_BadRequest");
    }
}

#[tokio::test]
async fn types_and_usages_go_together() {
    let cloud = Cloud::start().await;
    let own = Client::with_permissions(&cloud, APP, &["Application.ReadWrite.OwnedBy"]).await;
    let path = principal(APP);
    let object = own.get(&path).await.json()["id"].as_str().unwrap().to_owned();
    let add = async |key: Value, password: Value| {
        let proof = proof(&cloud.app, &claims(&cloud, &object));
        let body = json!({"keyCredential": key, "passwordCredential": password, "proof": proof});
        own.post(&format!("{path}/addKey"), body).await
    };
    let certificate = new_key(&pair("next", cloud.now()))["key"].clone();
    // A PKCS#12 file as far as anybody reads it here: a sequence that begins with version 3.
    let pfx = STANDARD.encode([0x30, 0x05, 0x02, 0x01, 0x03, 0x30, 0x00]);
    let key = |kind: &str, usage: &str, key: &Value| json!({"type": kind, "usage": usage, "key": key});
    let (password, nothing, pfx) = (json!({"secretText": "swordfish"}), json!(null), json!(pfx));

    let good = add(key("X509CertAndPassword", "Sign", &pfx), password.clone()).await;
    assert_eq!(good.status, StatusCode::OK, "{}", good.text);
    let good = good.json();
    assert_eq!((&good["type"], &good["usage"]), (&json!("X509CertAndPassword"), &json!("Sign")));
    assert_eq!(add(key("AsymmetricX509Cert", "Verify", &certificate), nothing.clone()).await.status, StatusCode::OK);
    for (key, password) in [
        (key("X509CertAndPassword", "Verify", &pfx), &password),
        (key("X509CertAndPassword", "Sign", &pfx), &nothing),
        (key("X509CertAndPassword", "Sign", &pfx), &json!({"secretText": ""})),
        (key("X509CertAndPassword", "Sign", &certificate), &password),
        (key("AsymmetricX509Cert", "Sign", &certificate), &nothing),
        (key("AsymmetricX509Cert", "Verify", &certificate), &password),
        (key("AsymmetricX509Cert", "Decrypt", &certificate), &nothing),
        (key("Symmetric", "Sign", &certificate), &nothing),
        (json!({"usage": "Verify", "key": certificate}), &nothing),
        (json!({"type": "AsymmetricX509Cert", "key": certificate}), &nothing),
    ] {
        refused(&add(key, password.clone()).await, 400, "Request_BadRequest");
    }

    // Neither the private key nor its password is anywhere, and neither opens anything.
    let shown = own.get(&format!("{path}?$select=keyCredentials,passwordCredentials")).await.json();
    let entry = shown["keyCredentials"].as_array().unwrap().iter().find(|key| key["keyId"] == good["keyId"]).unwrap();
    assert!(entry["key"].is_null());
    assert_eq!(token_by(&cloud, "swordfish", APP).await.code(), 7_000_215);
    let records = cloud.directory.audits(1000).await.unwrap();
    assert!(records.iter().all(|record| !record.details.to_string().contains("swordfish")));
    // PATCH keeps such an entry and takes no new one.
    let kept = shown["keyCredentials"].clone();
    assert_eq!(own.patch(&path, json!({"keyCredentials": kept})).await.status, 204);
    let new = json!({"keyCredentials": [key("X509CertAndPassword", "Sign", &pfx)]});
    refused(&own.patch(&path, new).await, 400, "Request_BadRequest");
}

#[tokio::test]
async fn a_proof_is_for_one_object_with_keys_of_its_own() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let next = new_key(&pair("next", cloud.now()));
    // The same certificate is on both principals; the proof names one of them.
    let other = admin.get(&principal(ADMIN)).await.json()["id"].as_str().unwrap().to_owned();
    let body = json!({"keyCredential": next, "proof": proof(&cloud.app, &claims(&cloud, &other))});
    refused(&admin.post(&format!("{}/addKey", principal(APP)), body).await, 401, "Authentication_MissingOrMalformed");
    // An application has its own list: the key of its principal proves nothing for it.
    let made = admin.add("applications", json!({"displayName": "a"})).await;
    let id = made["id"].as_str().unwrap();
    let path = format!("/v1.0/applications/{id}");
    let attempt = || json!({"keyCredential": next, "proof": proof(&cloud.app, &claims(&cloud, id))});
    refused(&admin.post(&format!("{path}/addKey"), attempt()).await, 401, "Authentication_MissingOrMalformed");
    assert_eq!(admin.patch(&path, json!({"keyCredentials": [new_key(&cloud.app)]})).await.status, 204);
    assert_eq!(admin.post(&format!("{path}/addKey"), attempt()).await.status, 200);
    // An ended certificate proves nothing either.
    let end = cloud.now() + SignedDuration::from_mins(30);
    cloud.change(ADMIN, |own| own.key_credentials[0].end = end).await;
    let own = format!("{}/addKey", principal(ADMIN));
    let attempt = || json!({"keyCredential": next, "proof": proof(&cloud.app, &claims(&cloud, &other))});
    cloud.clock.advance(SignedDuration::from_mins(31));
    refused(&admin.post(&own, attempt()).await, 401, "Authentication_MissingOrMalformed");
    cloud.change(ADMIN, |own| own.key_credentials[0].end = end + SignedDuration::from_mins(30)).await;
    assert_eq!(admin.post(&own, attempt()).await.status, 200);

    let cloud = Cloud::start().await;
    let own = Client::with_permissions(&cloud, APP, &[]).await;
    let foreign = json!({"keyCredential": next, "proof": "a.b.c"});
    refused(&own.post(&format!("{}/addKey", lync()), foreign).await, 403, "Authorization_RequestDenied");
}

#[tokio::test]
async fn a_secret_is_shown_once() {
    let cloud = Cloud::start().await;
    let own = Client::with_permissions(&cloud, APP, &["Application.ReadWrite.OwnedBy"]).await;
    let path = principal(APP);
    let made = own.post(&format!("{path}/addPassword"), json!({"passwordCredential": {"displayName": "ci"}})).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text);
    let made = made.json();
    let secret = made["secretText"].as_str().unwrap();
    assert!((16..=64).contains(&secret.len()) && secret.starts_with(made["hint"].as_str().unwrap()));
    assert_eq!((made["hint"].as_str().unwrap().len(), &made["displayName"]), (3, &json!("ci")));
    let year = |name: &str| made[name].as_str().unwrap()[..4].parse::<i32>().unwrap();
    assert_eq!(year("endDateTime") - year("startDateTime"), 2);
    let shown = own.get(&path).await.json()["passwordCredentials"].clone();
    let last = shown.as_array().unwrap().last().unwrap();
    assert!(last["secretText"].is_null() && last["keyId"] == made["keyId"]);
    assert_eq!(token_by(&cloud, secret, APP).await.status, StatusCode::OK);

    let remove = json!({"keyId": made["keyId"]});
    assert_eq!(own.post(&format!("{path}/removePassword"), remove.clone()).await.status, 204);
    assert_eq!(token_by(&cloud, secret, APP).await.code(), 7_000_215);
    refused(&own.post(&format!("{path}/removePassword"), remove).await, 400, "Request_BadRequest");
    for wrong in [
        json!({"passwordCredential": {"secretText": "chosen by me"}}),
        json!({"passwordCredential": {"startDateTime": "2030-01-01T00:00:00Z", "endDateTime": "2029-01-01T00:00:00Z"}}),
        json!({"passwordCredential": {"startDateTime": "2019-01-01T00:00:00Z", "endDateTime": "2020-01-01T00:00:00Z"}}),
        json!({"passwordCredential": "text"}),
    ] {
        refused(&own.post(&format!("{path}/addPassword"), wrong).await, 400, "Request_BadRequest");
    }
    // Neither the records nor the answers know the secret.
    let records = cloud.directory.audits(1000).await.unwrap();
    assert!(records.iter().all(|record| !record.details.to_string().contains(secret)));
    let later = Client::with_permissions(&cloud, APP, &["Application.Read.All"]).await;
    refused(&later.post(&format!("{path}/addPassword"), json!({})).await, 403, "Authorization_RequestDenied");
    let get = later.get(&format!("{path}/addPassword")).await;
    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
    refused(&later.post(&format!("{path}/addNothing"), json!({})).await, 400, "BadRequest");
}

#[tokio::test]
async fn keys_and_secrets_of_the_application_count_too() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let application = admin.add("applications", json!({"displayName": "a"})).await;
    let app_id: Uuid = application["appId"].as_str().unwrap().parse().unwrap();
    let (of_app, of_principal) = (pair("a", cloud.now()), pair("p", cloud.now()));
    let path = format!("/v1.0/applications(appId='{app_id}')");
    assert_eq!(admin.patch(&path, json!({"keyCredentials": [new_key(&of_app)]})).await.status, 204);
    assert_eq!(token_with(&cloud, &of_app, app_id).await.code(), 700_016, "nobody let it in");
    admin.add("servicePrincipals", json!({"appId": app_id, "keyCredentials": [new_key(&of_principal)]})).await;
    for key in [&of_app, &of_principal] {
        assert_eq!(token_with(&cloud, key, app_id).await.status, StatusCode::OK);
    }
    let secret = admin.post(&format!("{path}/addPassword"), json!({})).await.json();
    assert_eq!(token_by(&cloud, secret["secretText"].as_str().unwrap(), app_id).await.status, StatusCode::OK);
    // The two lists are apart.
    let shown = admin.get(&principal(app_id)).await.json();
    assert_eq!(shown["keyCredentials"].as_array().unwrap().len(), 1);
    assert!(shown["passwordCredentials"].as_array().unwrap().is_empty());
    assert_eq!(admin.patch(&path, json!({"keyCredentials": []})).await.status, 204);
    assert_eq!(token_with(&cloud, &of_app, app_id).await.code(), 700_027);
    assert_eq!(token_with(&cloud, &of_principal, app_id).await.status, StatusCode::OK);
}
