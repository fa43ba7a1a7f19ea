//! Autodiscover: a token goes to no host that did not pass, whatever an answer says.

use actas_agent::{ConnectivityReport, ConnectivityTest, Phase, TargetFolder};
use axum::response::IntoResponse;
use http::{Method, StatusCode};

use crate::peer::{AUTODISCOVER, Creating, EWS, STRANGER, Scene, UNNAMED, USER, redirect, settings};

async fn test(scene: &Scene) -> ConnectivityReport {
    let test = ConnectivityTest {
        sip: USER.into(),
        folder: TargetFolder::ConversationHistory,
        delete_item: false,
        use_cache: false,
    };
    scene.agent.test_connectivity(&test).await.unwrap()
}

#[track_caller]
fn failed(report: &ConnectivityReport, phase: Phase, text: &str) {
    let (at, why) = report.failed.as_ref().unwrap();
    assert!(*at == phase && why.contains(text), "{at:?}: {why}");
}

/// No token was sent in the clear, and none to a host that may not have one.
fn no_token_leaked(scene: &Scene) {
    for seen in scene.peer.seen().iter().filter(|seen| seen.token) {
        assert!([AUTODISCOVER, EWS].contains(&seen.host.as_str()), "{} {}{}", seen.method, seen.host, seen.path);
    }
}

#[tokio::test]
async fn the_straight_way() {
    let scene = Scene::set().await;
    let report = test(&scene).await;
    assert_eq!(report.failed, None);
    assert_eq!(report.better_autodiscover_url, None);
    assert_eq!(scene.peer.kept(), ["Test-CsExStorageConnectivity"]);
    assert_eq!(scene.event_ids().await, [32048]);
    assert_eq!(test(&scene).await.failed, None);
    assert_eq!(scene.event_ids().await, [32048], "once for one configuration");
    no_token_leaked(&scene);
}

#[tokio::test]
async fn plain_http_is_a_question_without_a_token() {
    let scene = Scene::set().await;
    scene.peer.autodiscover(|seen| {
        if seen.method == Method::GET {
            assert!(!seen.token && seen.body.is_empty());
            return redirect(format!("https://{AUTODISCOVER}/autodiscover/autodiscover.xml"));
        }
        settings(&format!("https://{EWS}/EWS/Exchange.asmx"))
    });
    scene.configure(&format!("http://{UNNAMED}/autodiscover/autodiscover.svc"), "*.cloud.example").await;
    let report = test(&scene).await;
    assert_eq!(report.failed, None);
    assert_eq!(report.better_autodiscover_url, Some(format!("https://{AUTODISCOVER}/autodiscover/autodiscover.svc")));
    no_token_leaked(&scene);
}

#[tokio::test]
async fn redirects_that_are_not_followed() {
    for (target, text) in [
        (format!("http://{AUTODISCOVER}/autodiscover/autodiscover.svc"), "not https"),
        (format!("https://{STRANGER}/autodiscover/autodiscover.svc"), "not among the allowed domains"),
        ("https://127.0.0.1/autodiscover/autodiscover.svc".to_owned(), "IP address"),
        ("https://cloud.example/autodiscover/autodiscover.svc".to_owned(), "not among the allowed domains"),
        ("https://evilcloud.example/autodiscover/autodiscover.svc".to_owned(), "not among the allowed domains"),
        (format!("https://user:password@{AUTODISCOVER}/autodiscover/x.svc"), "user name or password"),
        (format!("https://{AUTODISCOVER}/autodiscover/autodiscover.svc"), "in a circle"),
        ("ftp://x".to_owned(), "not https"),
    ] {
        for start in [
            format!("https://{AUTODISCOVER}/autodiscover/autodiscover.svc"),
            format!("http://{UNNAMED}/autodiscover/autodiscover.svc"),
        ] {
            let circle = text == "in a circle";
            if circle && start.starts_with("http:") {
                continue;
            }
            let scene = Scene::set().await;
            let answer = target.clone();
            scene.peer.autodiscover(move |_| redirect(answer.clone()));
            scene.configure(&start, "*.cloud.example").await;
            let report = test(&scene).await;
            failed(&report, Phase::Autodiscover, text);
            assert!(!report.failed.as_ref().unwrap().1.contains("password@"), "{report:?}");
            assert_eq!(scene.event_ids().await, [32053]);
            no_token_leaked(&scene);
        }
    }
}

#[tokio::test]
async fn a_way_without_end_ends() {
    let scene = Scene::set().await;
    let count = std::sync::atomic::AtomicU32::new(0);
    scene.peer.autodiscover(move |_| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        redirect(format!("https://{AUTODISCOVER}/autodiscover/{number}.svc"))
    });
    failed(&test(&scene).await, Phase::Autodiscover, "more than 10 redirects");
    let hops = scene.peer.seen().iter().filter(|seen| seen.host == AUTODISCOVER).count();
    assert!(hops <= 12, "{hops}");
}

#[tokio::test]
async fn an_ews_address_passes_the_same_rules() {
    for url in [
        format!("https://{STRANGER}/EWS/Exchange.asmx"),
        format!("http://{EWS}/EWS/Exchange.asmx"),
        "https://127.0.0.1/EWS".to_owned(),
    ] {
        let scene = Scene::set().await;
        let answer = url.clone();
        scene.peer.autodiscover(move |_| settings(&answer));
        failed(&test(&scene).await, Phase::Autodiscover, "is not followed");
        assert!(scene.peer.seen().iter().all(|seen| !seen.path.starts_with("/EWS")), "{url}");
        no_token_leaked(&scene);
    }
}

#[tokio::test]
async fn answers_that_are_none() {
    for (body, text) in [
        ("<html>sign in</html>".to_owned(), "not an Autodiscover answer"),
        ("x".repeat(2 << 20), "bytes"),
        (String::new(), "not an Autodiscover answer"),
        ("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>".to_owned(), "not an Autodiscover answer"),
    ] {
        let scene = Scene::set().await;
        scene.peer.autodiscover(move |_| body.clone().into_response());
        let report = test(&scene).await;
        failed(&report, Phase::Autodiscover, text);
        assert_eq!(scene.event_ids().await, [32053]);
    }
    let scene = Scene::set().await;
    scene.peer.autodiscover(|_| {
        let diagnostics = "2000004;reason=\"no such tenant\";error_category=\"invalid_tenant\"";
        (StatusCode::UNAUTHORIZED, [("x-ms-diagnostics", diagnostics)]).into_response()
    });
    failed(&test(&scene).await, Phase::Autodiscover, "invalid_tenant");
}

#[tokio::test]
async fn a_page_in_place_of_an_answer_is_told_by_its_type() {
    let page = || axum::response::Html("<html>sign in</html>").into_response();
    let scene = Scene::set().await;
    scene.peer.autodiscover(move |_| page());
    failed(
        &test(&scene).await,
        Phase::Autodiscover,
        "its content type is `text/html; charset=utf-8` in place of text/xml",
    );
    let scene = Scene::set().await;
    scene.peer.hostile(Some(page));
    failed(
        &test(&scene).await,
        Phase::CreateItem,
        "its content type is `text/html; charset=utf-8` in place of text/xml",
    );
    scene.peer.hostile(None);
    assert_eq!(test(&scene).await.failed, None);
}

#[tokio::test]
async fn the_trace_has_every_hop_with_its_fields_and_no_token() {
    let scene = Scene::set().await;
    scene.peer.autodiscover(|seen| {
        if seen.path.ends_with("/elsewhere.svc") {
            return settings(&format!("https://{EWS}/EWS/Exchange.asmx"));
        }
        redirect(format!("https://{AUTODISCOVER}/autodiscover/elsewhere.svc"))
    });
    scene.peer.creating(&[Creating::Throttles("7")]);
    let report = test(&scene).await;
    failed(&report, Phase::CreateItem, "(503)");
    let trace = report.trace.join("\n");
    for told in [
        &format!("User: sip {USER}, smtp {USER}"),
        &format!("HTTP: > POST https://{AUTODISCOVER}/autodiscover/autodiscover.svc"),
        "HTTP: < 302 Found",
        &format!("HTTP: < location: https://{AUTODISCOVER}/autodiscover/elsewhere.svc"),
        &format!("HTTP: > POST https://{AUTODISCOVER}/autodiscover/elsewhere.svc"),
        &format!("HTTP: > client-request-id: {}", report.activity_id),
        &format!("HTTP: > POST https://{EWS}/EWS/Exchange.asmx"),
        "HTTP: < 503 Service Unavailable",
        "HTTP: < retry-after: 7",
    ] {
        assert!(trace.contains(told), "{told} is not in\n{trace}");
    }
    assert!(trace.contains("authorization: (") && !trace.contains("eyJ"), "{trace}");
}

#[tokio::test]
async fn a_certificate_without_the_name_is_told_with_both_names() {
    let scene = Scene::set().await;
    scene.configure(&format!("https://{UNNAMED}/autodiscover/autodiscover.svc"), "*.cloud.example").await;
    let report = test(&scene).await;
    failed(&report, Phase::Autodiscover, UNNAMED);
    failed(&report, Phase::Autodiscover, AUTODISCOVER);
    no_token_leaked(&scene);
}

#[tokio::test]
async fn http_without_an_allow_list_is_not_even_asked() {
    let scene = Scene::set().await;
    scene.configure(&format!("http://{UNNAMED}/autodiscover/autodiscover.svc"), "").await;
    failed(&test(&scene).await, Phase::Autodiscover, "ExchangeAutodiscoverAllowedDomains is empty");
    assert!(scene.peer.seen().is_empty());
}
