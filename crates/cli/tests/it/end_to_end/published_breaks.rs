//! Four breaks of this protocol that were published, replayed step by step against a cloud
//! that runs. Each names what the attacker has, what it sends, what it got in the original,
//! and is stopped here; each has the legitimate way beside it, which works.

use actas_runtime::HttpRequest;
use actas_token::{Principal, issue, well_known};
use http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::attacker::{Holder, Scene, claims, now, token};

/// SharePoint, 2023: a token that signs itself with nothing was taken as proved by another
/// header, and gave its sender any user, administrators too.
#[test]
fn cve_2023_29357_a_hashed_proof_proves_nothing() {
    let scene = Scene::new();
    let holder = scene.holder("");
    let victim = scene.lab.value("MAILBOX");

    // The attacker has no account. From the challenge it learns whom to imitate; the tenant
    // of a domain is public.
    let challenge = scene.inbox("", &[]);
    assert_eq!(challenge.status, StatusCode::UNAUTHORIZED);
    let challenge = challenge.headers["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains(&format!("client_id=\"{}\"", well_known::EXCHANGE)), "{challenge}");
    assert!(!challenge.contains(&holder.tenant), "the tenants are not told: {challenge}");
    let tenant = scene.metadata(scene.lab.value("TENANT_DOMAIN")).realm.unwrap();
    assert_eq!(tenant, holder.tenant);

    // It sends a token of `none` that calls itself hashed proof, with itself as the proof.
    // In the original that was an application that may act as any user.
    let forged = |signature: &str| {
        let claims = json!({
            "aud": scene.audience(&tenant), "iss": holder.name(), "nameid": holder.name(),
            "nbf": now().as_second().to_string(), "exp": (now().as_second() + 300).to_string(),
            "ver": "hashedprooftoken", "endpointurl": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
            "endpointurlLength": 1, "isloopback": true, "trustedfordelegation": "true",
        });
        token(&json!({ "alg": "none", "typ": "JWT" }), &claims, signature)
    };
    let proof = forged("AAA");
    for (sent, rule) in [(forged(""), "V5"), (proof.clone(), "V5")] {
        scene.stopped_with(&sent, &[("x-proof_token", &proof)], rule);
    }
    // Around it an envelope that names the victim: in the original, the victim's mailbox.
    let envelope = |actor: &str| scene.envelope(&holder, victim, actor, |_| ());
    scene.stopped_with(&envelope(&forged("")), &[("x-proof_token", &proof)], "V6");
    scene.stopped_with(&envelope(&proof), &[("x-proof_token", &proof)], "V6");

    // A signed actor token opens the mailbox, and the other header makes no difference.
    scene.opens(&envelope(&scene.actor(&holder)), &[("x-proof_token", &proof)]);
}

/// SharePoint, 2026: the key that a token names was found, and its signature not checked;
/// nor were issuer and audience.
#[test]
fn cve_2026_55040_a_key_that_is_found_has_to_verify() {
    let scene = Scene::new();
    let holder = scene.holder("");
    let (tenant, victim) = (holder.tenant.clone(), scene.lab.value("MAILBOX"));
    let good = scene.actor(&holder);

    // The attacker has no account. It reads the token service's certificate, which is
    // published to everybody, and writes a token that names it.
    let published = scene.metadata(&tenant).keys.remove(0).1.x5t().to_owned();
    let forged = |x5t: &str, change: &dyn Fn(&mut Value), signature: &str| {
        let mut claims = claims(&good);
        change(&mut claims);
        token(&json!({ "typ": "JWT", "alg": "RS256", "x5t": x5t }), &claims, signature)
    };
    let envelope = |actor: &str| scene.envelope(&holder, victim, actor, |_| ());
    let remove = |claims: &mut Value, name: &str| drop(claims.as_object_mut().unwrap().remove(name));

    // As the exploit had it: no audience inside, any signature. In the original it was
    // believed.
    let exploit = forged(&published, &|claims| remove(claims, "aud"), "AAAA");
    scene.stopped(&envelope(&exploit), "V7");
    // With an audience: the signature is checked.
    scene.stopped(&envelope(&forged(&published, &|_| (), "AAAA")), "V10");
    scene.stopped(&forged(&published, &|_| (), "AAAA"), "V10");
    // An issuer that nobody registered: in the original no match was a match.
    let stranger = format!("{}@{tenant}", uuid::Uuid::from_u128(7));
    let by_stranger = |claims: &mut Value| claims["iss"] = stranger.clone().into();
    scene.stopped(&envelope(&forged(&published, &by_stranger, "AAAA")), "V8");
    // A key of its own, with a signature that is good.
    let own: Principal = holder.name().parse().unwrap();
    let actor = issue::ActorToken {
        audience: &scene.audience(&tenant),
        issuer: &Principal::in_realm(well_known::STS, tenant.as_str()),
        caller: &own,
        object_id: None,
        trusted_for_delegation: true,
        lifetime: SignedDuration::from_mins(30),
        confirmation: None,
    };
    scene.stopped(&envelope(&issue::actor_token(&holder.key, &actor, now()).unwrap()), "V9");
    // The flag that the exploit wrote into the unsigned part, and the administrator by RID.
    let administrator = |claims: &mut Value| {
        claims["trustedfordelegation"] = "true".into();
        claims["nameid"] = "s-1-5-21-1-2-3-500".into();
    };
    scene.stopped(&scene.envelope(&holder, victim, &good, administrator), "V18");

    // The token that the service signed opens the mailbox.
    scene.opens(&envelope(&good), &[]);
}

/// Exchange hybrid, 2025: the key of the server on premises was a key of Exchange's own
/// principal in the cloud, so that who had it could be anybody there, unseen, for a day.
#[test]
fn cve_2025_53786_a_key_on_premises_is_one_applications_own() {
    let scene = Scene::new();
    let holder = scene.holder("");
    let exchange = format!("{}@{}", well_known::EXCHANGE, holder.tenant);

    // The attacker has the key of the server on premises. It asks as Exchange: in the
    // original the token service knew that key as Exchange's, and signed.
    let resource = scene.audience(&holder.tenant);
    let (status, answer) = scene.ask(&holder.key, &exchange, &holder.tenant, &resource);
    assert!(status.is_client_error() && answer["access_token"].is_null(), "{status} {answer}");
    assert_eq!(answer["error"], "invalid_client", "{answer}");
    // So it does for the token service's own name, and for other partners of the tenant.
    for other in [well_known::STS, well_known::LYNC] {
        let (status, answer) = scene.ask(&holder.key, &format!("{other}@{}", holder.tenant), &holder.tenant, &resource);
        assert!(status.is_client_error() && answer["access_token"].is_null(), "{other}: {answer}");
    }
    // It signs by itself what the token service would not.
    let itself: Principal = exchange.parse().unwrap();
    for (issuer, rule) in [(well_known::STS, "V9"), (well_known::EXCHANGE, "V8")] {
        let actor = issue::ActorToken {
            audience: &resource,
            issuer: &Principal::in_realm(issuer, holder.tenant.as_str()),
            caller: &itself,
            object_id: None,
            trusted_for_delegation: true,
            lifetime: SignedDuration::from_mins(30),
            confirmation: None,
        };
        let actor = issue::actor_token(&holder.key, &actor, now()).unwrap();
        let name = |claims: &mut Value| claims["iss"] = exchange.clone().into();
        scene.stopped(&scene.envelope(&holder, scene.lab.value("MAILBOX2"), &actor, name), rule);
    }
    // It adds the key to Exchange's principal, as the hybrid wizard did.
    let token = graph_token(&scene, &holder);
    let credential = json!({ "keyCredentials": [{ "type": "AsymmetricX509Cert", "usage": "Verify",
        "key": base64::Engine::encode(&base64::engine::general_purpose::STANDARD, certificate(&scene)) }] });
    let patch = |app: &str| {
        let url = format!("{}/servicePrincipals(appId='{app}')", scene.lab.value("GRAPH_URL"));
        let mut request = HttpRequest::post(url, "application/json", credential.to_string());
        request.method = Method::PATCH;
        scene.send(request.bearer(&token).unwrap()).status
    };
    assert_eq!(patch(&well_known::EXCHANGE.to_string()), StatusCode::FORBIDDEN);
    assert!(patch(&holder.app).is_success(), "of the own application it may change them");

    // What the key is for still works, for an hour at most and on record.
    let actor = scene.actor(&holder);
    scene.opens(&scene.envelope(&holder, scene.lab.value("MAILBOX"), &actor, |_| ()), &[]);
    let said = claims(&actor);
    let time = |name: &str| said[name].as_str().unwrap().parse::<i64>().unwrap();
    assert!(time("exp") - now().as_second() <= 3600, "{said}");
    let issued = scene.records("token issued");
    assert!(issued.iter().any(|record| record.details["actor"] == holder.app.as_str()), "{issued:?}");
}

/// Entra, 2025: the resource took the tenant from the unsigned part, so that an actor token
/// of any tenant opened every other one.
#[test]
fn cve_2025_55241_an_actor_token_of_one_tenant_opens_no_other() {
    let scene = Scene::new();
    let (attacker, victim) = (scene.holder("2"), scene.holder(""));
    let (own_user, their_user) = (scene.lab.value("MAILBOX_T2"), scene.lab.value("MAILBOX"));

    // The attacker administers a tenant of its own, and has a genuine actor token of it.
    let actor = scene.actor(&attacker);
    // The victim's tenant id is public, and so is a user's name. It claims both in the
    // envelope, which nobody signs: in the original that was the user, in that tenant.
    let theirs = scene.audience(&victim.tenant);
    let name = format!("{}@{}", attacker.app, victim.tenant);
    let envelope = |user: &str, aud: Option<&str>, iss: Option<&str>| {
        scene.envelope(&attacker, user, &actor, |claims| {
            if let Some(aud) = aud {
                claims["aud"] = aud.into();
            }
            if let Some(iss) = iss {
                claims["iss"] = iss.into();
            }
        })
    };
    scene.stopped(&envelope(their_user, Some(&theirs), Some(&name)), "V11");
    scene.stopped(&envelope(their_user, Some(&theirs), None), "V11");
    scene.stopped(&envelope(their_user, None, Some(&name)), "V11");
    let partner = victim.name();
    scene.stopped(&envelope(their_user, Some(&theirs), Some(&partner)), "V11");
    // By the user's name alone, and by the number that stands for it in the directory.
    scene.stopped(&envelope(their_user, None, None), "V18");
    let netid = scene.envelope(&attacker, their_user, &actor, |claims| {
        for name in ["upn", "smtp"] {
            claims.as_object_mut().unwrap().remove(name);
        }
        claims["nii"] = "urn:federation:MicrosoftOnline".into();
        claims["nameid"] = "10032001A1B2C3D4".into();
    });
    scene.stopped(&netid, "V18");
    // The token service makes no token for another tenant's resource, nor with the key of
    // an application of another tenant.
    for (caller, tenant) in [(attacker.name(), &attacker.tenant), (name, &victim.tenant), (partner, &victim.tenant)] {
        let (status, answer) = scene.ask(&attacker.key, &caller, tenant, &theirs);
        assert!(status.is_client_error() && answer["access_token"].is_null(), "{caller} at {tenant}: {answer}");
    }
    // At Graph, where the original break was: it takes no unsigned envelopes, nor actor
    // tokens.
    for token in [envelope(their_user, Some(&theirs), Some(&victim.name())), actor.clone()] {
        let request = HttpRequest::get(format!("{}/users", scene.lab.value("GRAPH_URL")));
        assert_eq!(scene.send(request.bearer(&token).unwrap()).status, StatusCode::UNAUTHORIZED);
    }

    // In its own tenant, the attacker is at home.
    scene.opens(&envelope(own_user, None, None), &[]);
    scene.opens(&scene.envelope(&victim, their_user, &scene.actor(&victim), |_| ()), &[]);
}

// === helpers ===

/// The application's own token for Graph.
fn graph_token(scene: &Scene, holder: &Holder) -> String {
    let url = format!("{}/{}/oauth2/v2.0/token", scene.lab.value("BASE_URL"), holder.tenant);
    let life = SignedDuration::from_mins(5);
    let assertion = issue::client_assertion(&holder.key, &holder.app, &url, "one", life, now()).unwrap();
    let graph = scene.lab.value("GRAPH_URL").trim_end_matches("/v1.0");
    let (status, answer) = scene.form(
        &url,
        &[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
            ("scope", &format!("{graph}/.default")),
        ],
    );
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer["access_token"].as_str().unwrap().to_owned()
}

fn certificate(scene: &Scene) -> Vec<u8> {
    let file = std::path::Path::new(scene.lab.value("CERT_PEM"));
    actas_certificate::file::read_first_certificate(file).unwrap().der().to_vec()
}
