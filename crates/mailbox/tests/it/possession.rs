//! Tokens that are bound to a key, at EWS and Autodiscover (RFC 9449 §7, §9).

use actas_directory::well_known;
use actas_exchange::ews::{
    BaseShape, Call, DistinguishedFolder, FolderShape, GetFolder, Request as Operation, RequestHeader, ServerVersion,
};
use actas_token::dpop::{self, Expected};
use actas_token::issue::{self, ActAsUser, ActorToken};
use actas_token::{Principal, VerifyingKey};
use axum::body::Body;
use http::{Method, Request, StatusCode};
use jiff::SignedDuration;
use serde_json::json;

use crate::world::{EWS_PATH, HOST, Reply, SOAP_PATH, Signer, World};

const ALGORITHMS: &str = r#"algs="ES256 PS256 RS256""#;

/// Lync as Lena, with a token that is bound to the stranger's key, or to none.
fn token(world: &World, bound: bool) -> String {
    let tenant = world.fabrikam;
    let (audience, lync) = (World::audience(tenant), Principal::in_realm(well_known::LYNC, tenant.to_string()));
    let jkt = VerifyingKey::from_certificate(&Signer::stranger().certificate).unwrap().public().thumbprint();
    let actor = ActorToken {
        audience: &audience,
        issuer: &Principal::in_realm(well_known::STS, tenant.to_string()),
        caller: &lync,
        object_id: None,
        trusted_for_delegation: true,
        lifetime: SignedDuration::from_mins(55),
        confirmation: bound.then(|| json!({ "jkt": jkt })),
    };
    let actor = issue::actor_token(&Signer::sts().key, &actor, world.now()).unwrap();
    let named = ActAsUser { upn: Some(world.lena.upn.clone()), smtp: None, sip: None };
    issue::act_as_token(&lync, &audience, &named, &actor, SignedDuration::from_mins(5), world.now())
}

fn proof(world: &World, signer: &Signer, method: &str, path: &str, token: &str, nonce: Option<&str>) -> String {
    let public = VerifyingKey::from_certificate(&signer.certificate).unwrap().public().clone();
    let expected = Expected { method, token: Some(token) };
    dpop::proof(&signer.key, &public, expected, &format!("https://{HOST}{path}"), nonce, world.now()).unwrap()
}

async fn call(world: &World, scheme: &str, token: &str, proofs: &[&str]) -> Reply {
    let folders = vec![DistinguishedFolder::Inbox.into()];
    let request = Operation::GetFolder(GetFolder { shape: FolderShape::new(BaseShape::IdOnly), folders });
    let header = RequestHeader { version: Some(ServerVersion::EXCHANGE2013_SP1), impersonation: None };
    let mut builder = Request::post(EWS_PATH).header("authorization", format!("{scheme} {token}"));
    for proof in proofs {
        builder = builder.header("dpop", *proof);
    }
    world.send(builder.body(Body::from(Call { header, request }.write())).unwrap()).await
}

#[track_caller]
fn refused(reply: &Reply, expected: &str) {
    let told: Vec<_> = reply.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!((reply.status, told), (StatusCode::UNAUTHORIZED, vec![expected]), "{reply:?}");
}

#[tokio::test]
async fn a_bound_token_with_its_proof_gets_in() {
    let world = World::new().await;
    let (bound, plain, holder) = (token(&world, true), token(&world, false), Signer::stranger());
    let proof_of = |token: &str| proof(&world, holder, "POST", EWS_PATH, token, None);
    let good = call(&world, "DPoP", &bound, &[&proof_of(&bound)]).await;
    assert_eq!(good.status, StatusCode::OK, "{good:?}");
    assert_eq!(world.audits("token accepted").await[0].details["user"], json!(world.lena.upn));
    assert_eq!(call(&world, "Bearer", &plain, &[]).await.status, StatusCode::OK);

    let used = proof_of(&bound);
    assert_eq!(call(&world, "DPoP", &bound, &[&used]).await.status, StatusCode::OK);
    for proofs in [
        &[][..],
        &[&used],
        &[&proof_of(&bound), &proof_of(&bound)],
        &[&proof_of(&plain)],
        &[&proof(&world, holder, "GET", EWS_PATH, &bound, None)],
        &[&proof(&world, holder, "POST", SOAP_PATH, &bound, None)],
        &[&"a.b.c".to_owned()],
    ] {
        let proofs: Vec<&str> = proofs.iter().map(|proof| proof.as_str()).collect();
        let reply = call(&world, "DPoP", &bound, &proofs).await;
        refused(&reply, &format!(r#"DPoP error="invalid_dpop_proof", {ALGORITHMS}"#));
        assert!(reply.header("x-ms-diagnostics").unwrap().starts_with("2000001;"));
    }
    let token_refused = format!(r#"DPoP error="invalid_token", {ALGORITHMS}"#);
    let others = proof(&world, Signer::sts(), "POST", EWS_PATH, &bound, None);
    refused(&call(&world, "DPoP", &bound, &[&others]).await, &token_refused);
    refused(&call(&world, "DPoP", &plain, &[&proof_of(&plain)]).await, &token_refused);
    let refusals = world.audits("token refused").await;
    assert!(refusals.iter().all(|record| record.details["rule"] == "V21"), "{refusals:?}");
}

#[tokio::test]
async fn a_bound_token_as_bearer_learns_of_the_other_scheme() {
    let world = World::new().await;
    let bound = token(&world, true);
    for proofs in [&[][..], &[proof(&world, Signer::stranger(), "POST", EWS_PATH, &bound, None)]] {
        let proofs: Vec<&str> = proofs.iter().map(String::as_str).collect();
        let reply = call(&world, "Bearer", &bound, &proofs).await;
        let told: Vec<_> =
            reply.headers.get_all("www-authenticate").iter().map(|told| told.to_str().unwrap()).collect();
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED);
        assert!(told[0].starts_with("Bearer ") && told[0].ends_with("error=\"invalid_token\""), "{told:?}");
        assert_eq!(told[1..], [format!("DPoP {ALGORITHMS}")]);
    }
}

#[tokio::test]
async fn autodiscover_takes_proofs_too() {
    let world = World::new().await;
    let bound = token(&world, true);
    let ask = async |proof: &str| {
        let request = Request::builder()
            .method(Method::POST)
            .uri(SOAP_PATH)
            .header("authorization", format!("DPoP {bound}"))
            .header("dpop", proof);
        world.send(request.body(Body::from("<not-soap/>")).unwrap()).await
    };
    let good = ask(&proof(&world, Signer::stranger(), "POST", SOAP_PATH, &bound, None)).await;
    assert_eq!(good.status, StatusCode::INTERNAL_SERVER_ERROR, "admitted, and then not understood: {good:?}");
    let wrong = ask(&proof(&world, Signer::stranger(), "POST", EWS_PATH, &bound, None)).await;
    refused(&wrong, &format!(r#"DPoP error="invalid_dpop_proof", {ALGORITHMS}"#));
}

#[tokio::test]
async fn a_nonce_where_the_server_wants_one() {
    let world = World::with(|config| config.require_dpop_nonce = true).await;
    let bound = token(&world, true);
    let ask = async |nonce: Option<&str>| {
        let proof = proof(&world, Signer::stranger(), "POST", EWS_PATH, &bound, nonce);
        call(&world, "DPoP", &bound, &[&proof]).await
    };
    let reply = ask(None).await;
    refused(&reply, &format!(r#"DPoP error="use_dpop_nonce", {ALGORITHMS}"#));
    let nonce = reply.header("dpop-nonce").unwrap().to_owned();
    refused(&ask(Some("made up")).await, &format!(r#"DPoP error="use_dpop_nonce", {ALGORITHMS}"#));
    assert!(world.audits("token refused").await.is_empty(), "nothing was wrong but that it did not know");
    let good = ask(Some(&nonce)).await;
    assert_eq!(good.status, StatusCode::OK, "{good:?}");
    assert!(good.header("dpop-nonce").is_some(), "for the next one");
    world.clock.advance(SignedDuration::from_secs(301));
    refused(&ask(Some(&nonce)).await, &format!(r#"DPoP error="use_dpop_nonce", {ALGORITHMS}"#));
    let plain = call(&world, "Bearer", &token(&world, false), &[]).await;
    assert_eq!((plain.status, plain.header("dpop-nonce")), (StatusCode::OK, None));
}
