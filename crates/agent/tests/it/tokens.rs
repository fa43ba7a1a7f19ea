//! Tokens: asked for once, kept, given up when the trust changes.

use actas_agent::{ConnectivityTest, PartnerChange, Phase, TargetFolder, TokenFailure, Use};
use http::StatusCode;

use crate::peer::{EWS, STS, Scene, USER};

fn asked(scene: &Scene) -> usize {
    scene.peer.seen().iter().filter(|seen| seen.host == STS && seen.path == "/token").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_that_need_one_token_ask_once() {
    let scene = Scene::set().await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let agent = scene.agent.clone();
        tasks.spawn(async move { agent.actor_token(EWS).await.map(|token| token.resource) });
    }
    while let Some(done) = tasks.join_next().await {
        assert!(done.unwrap().unwrap().contains(EWS));
    }
    assert_eq!(asked(&scene), 1);
    scene.agent.actor_token("other.cloud.example").await.unwrap();
    assert_eq!(asked(&scene), 2, "another host is another audience");
}

#[tokio::test]
async fn a_changed_trust_and_a_rolled_certificate_get_new_tokens() {
    let scene = Scene::set().await;
    scene.agent.actor_token(EWS).await.unwrap();
    let enabled = PartnerChange { enabled: Some(true), ..PartnerChange::default() };
    scene.agent.set_partner("Microsoft.Exchange", &enabled).await.unwrap();
    scene.agent.actor_token(EWS).await.unwrap();
    assert_eq!(asked(&scene), 2);
    let now = scene.agent.clock().now();
    let next = scene
        .agent
        .certificates()
        .make("fabrikam.example", &[], 2048, std::time::Duration::from_hours(1000), now)
        .unwrap();
    scene.agent.certificates().set(Use::OAuthTokenIssuer, next.thumbprint(), now).await.unwrap();
    scene.agent.actor_token(EWS).await.unwrap();
    assert_eq!(asked(&scene), 3);
}

#[tokio::test]
async fn a_refusal_is_32054_with_what_the_token_service_said() {
    let scene = Scene::set().await;
    scene.peer.token_status(StatusCode::UNAUTHORIZED);
    let failure = scene.agent.actor_token(EWS).await.unwrap_err();
    assert!(matches!(failure, TokenFailure::Refused { status: StatusCode::UNAUTHORIZED, .. }), "{failure}");
    assert!(failure.to_string().contains("(401)") && failure.to_string().contains("AADSTS50012"), "{failure}");
    let test = ConnectivityTest { sip: USER.into(), folder: TargetFolder::Inbox, delete_item: false, use_cache: false };
    let report = scene.agent.test_connectivity(&test).await.unwrap();
    assert_eq!(report.failed.unwrap().0, Phase::OAuth);
    assert_eq!(scene.event_ids().await, [32054]);
    assert!(scene.peer.seen().iter().all(|seen| !seen.token), "no token, no call");
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let scene = Scene::set().await;
    let disabled = PartnerChange { enabled: Some(false), ..PartnerChange::default() };
    scene.agent.set_partner("microsoft.exchange", &disabled).await.unwrap();
    assert!(matches!(scene.agent.actor_token(EWS).await, Err(TokenFailure::NoTrust)));
    let enabled = PartnerChange { enabled: Some(true), ..PartnerChange::default() };
    scene.agent.set_partner("microsoft.exchange", &enabled).await.unwrap();
    scene.agent.remove_oauth_server("MICROSOFT.STS").await.unwrap();
    let failure = scene.agent.actor_token(EWS).await.unwrap_err();
    assert!(failure.to_string().contains("no OAuth server is configured"), "{failure}");
    let now = scene.agent.clock().now();
    scene.agent.certificates().remove(Use::OAuthTokenIssuer, false, now).await.unwrap();
    let failure = scene.agent.certificates().signing(Use::OAuthTokenIssuer, now).await.unwrap_err();
    assert!(failure.hint().unwrap().contains("Request-CsCertificate"), "{failure}");
}
