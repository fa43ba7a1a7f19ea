//! What cannot be right is not stored.

use actas_agent::{ConfigurationChange, ErrorKind, NewOAuthServer, NewPartner, OAuthServerChange, PartnerProof};
use actas_directory::onprem::ApplicationTrustLevel;
use actas_directory::well_known;
use axum::response::IntoResponse;

use crate::peer::{STRANGER, STS, Scene, redirect};

fn server(name: &str, url: &str) -> NewOAuthServer {
    NewOAuthServer { name: name.into(), metadata_url: url.into(), ..NewOAuthServer::default() }
}

fn partner(name: &str, proof: PartnerProof) -> NewPartner {
    NewPartner {
        name: name.into(),
        application_identifier: Some(well_known::SHAREPOINT),
        application_trust_level: ApplicationTrustLevel::Full,
        proof,
        realm: None,
        accept_security_identifier_information: false,
        enabled: true,
    }
}

#[tokio::test]
async fn metadata_that_cannot_be_had_creates_nothing() {
    let scene = Scene::set().await;
    let url = format!("https://{STS}/autodiscover/metadata/json/1");
    for (answer, text) in [("<html>", "not a JSON object"), ("{}", "issuer"), ("", "not a JSON object")] {
        scene.peer.autodiscover(move |_| answer.into_response());
        let error = scene.agent.new_oauth_server(&server("other", &url), &[]).await.unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
    scene.peer.autodiscover(|_| redirect(format!("https://{STRANGER}/autodiscover/metadata/json/1")));
    let error = scene.agent.new_oauth_server(&server("other", &url), &[]).await.unwrap_err();
    assert!(error.to_string().contains("another host"), "{error}");
    for (url, text) in [
        ("http://sts.cloud.example/t/metadata/json/1", "https"),
        ("https://sts.cloud.example/nothing", "404"),
        ("https://127.0.0.1:1/metadata/json/1", "127.0.0.1:1"),
        ("not a url", "URL"),
    ] {
        let error = scene.agent.new_oauth_server(&server("other", url), &[]).await.unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
    assert_eq!(scene.agent.oauth_servers().await.unwrap().len(), 1, "only what was there before");
}

#[tokio::test]
async fn names_are_unique_without_regard_to_case() {
    let scene = Scene::set().await;
    let error = scene
        .agent
        .new_oauth_server(&server("MICROSOFT.STS", "https://x.example/t/metadata/json/1"), &[])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists);
    assert!(error.hint().unwrap().contains("Set-CsOAuthServer"));
    assert_eq!(
        scene.agent.set_oauth_server("nobody", &OAuthServerChange::default()).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    for name in ["*", "micro*", "nobody"] {
        assert!(scene.agent.remove_oauth_server(name).await.is_err(), "{name}");
        assert!(scene.agent.remove_partner(name).await.is_err(), "{name}");
    }
    let warnings = scene.agent.remove_oauth_server("Microsoft.STS").await.unwrap();
    assert!(warnings[0].contains("microsoft.exchange"), "{warnings:?}");
}

#[tokio::test]
async fn a_display_name_in_the_metadata_url() {
    let scene = Scene::set().await;
    scene.agent.remove_oauth_server("microsoft.sts").await.unwrap();
    let id = uuid::Uuid::from_u128(7).to_string();
    let names = [("Fabrikam Inc".to_owned(), id.clone()), ("Contoso".to_owned(), "c".to_owned())];
    let twice = [names[0].clone(), names[0].clone()];
    let url = format!("https://{STS}/Fabrikam%20Inc/metadata/json/1");
    assert!(
        scene.agent.new_oauth_server(&server("microsoft.sts", &url), &twice).await.is_err(),
        "two tenants of one name"
    );
    let error = scene.agent.new_oauth_server(&server("microsoft.sts", &url), &[]).await.unwrap_err();
    assert!(error.hint().unwrap().contains("Get-CsTenant"), "{error}");
    // The peer serves no such path; what counts is where it was asked.
    let _ = scene.agent.new_oauth_server(&server("microsoft.sts", &url), &names).await;
    assert!(
        scene.peer.seen().iter().any(|seen| seen.path == format!("/{id}/metadata/json/1")),
        "{:?}",
        scene.peer.seen()
    );
}

#[tokio::test]
async fn partners() {
    let scene = Scene::set().await;
    let mut same = partner("second", PartnerProof::OAuthServer);
    same.application_identifier = Some(well_known::EXCHANGE);
    let error = scene.agent.new_partner(&same).await.unwrap_err();
    assert!(error.to_string().contains("microsoft.exchange"), "two partners with one id: {error}");
    for (bytes, text) in [(&b"garbage"[..], "certificate"), (b"", "empty")] {
        let error =
            scene.agent.new_partner(&partner("archive", PartnerProof::Certificate(bytes.to_vec()))).await.unwrap_err();
        assert!(error.to_string().to_lowercase().contains(text), "{error}");
    }
    assert_eq!(scene.agent.partners().await.unwrap().len(), 1);
    let own = scene
        .agent
        .certificates()
        .assigned(actas_agent::Use::OAuthTokenIssuer, scene.agent.clock().now())
        .await
        .unwrap();
    let bytes = own[0].certificate.to_pem().into_bytes();
    let mut archive = partner("archive", PartnerProof::Certificate(bytes));
    archive.realm = Some("archive.example".into());
    let made = scene.agent.new_partner(&archive).await.unwrap();
    assert_eq!(made.value.auth_token_text(), own[0].certificate.to_base64());
}

#[tokio::test]
async fn the_autodiscover_url() {
    let scene = Scene::set().await;
    let set = async |url: &str| {
        let change =
            ConfigurationChange { exchange_autodiscover_url: Some(url.into()), ..ConfigurationChange::default() };
        scene.agent.set_oauth_configuration(&change).await
    };
    for (url, text) in [
        ("https://a.example/autodiscover/autodiscover.xml", "/autodiscover/autodiscover.svc"),
        ("https://a.example/", "/autodiscover/autodiscover.svc"),
        ("ftp://a.example/autodiscover/autodiscover.svc", "http or https"),
        ("a.example", "URL"),
    ] {
        let error = set(url).await.unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
    assert!(set("https://a.example/Autodiscover/Autodiscover.svc").await.unwrap().is_empty(), "case does not matter");
    let warnings = set("http://a.example/autodiscover/autodiscover.svc").await.unwrap();
    assert!(warnings[0].contains("without a token"), "{warnings:?}");
    set("").await.unwrap();
    assert_eq!(scene.agent.oauth_configuration().await.unwrap().exchange_autodiscover_url, None);
    let change = ConfigurationChange {
        client_authorization_oauth_server_identity: Some("evoSTS".into()),
        ..ConfigurationChange::default()
    };
    assert!(scene.agent.set_oauth_configuration(&change).await.unwrap()[0].contains("no OAuth server `evoSTS`"));
}

#[tokio::test]
async fn private_keys_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let scene = Scene::set().await;
    let folder = scene.folder().join("certificates");
    let modes: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "key"))
        .map(|path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777)
        .collect();
    assert_eq!(modes, [0o600]);
}
