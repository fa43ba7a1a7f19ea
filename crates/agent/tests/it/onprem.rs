//! A trust without a token service, and metadata documents that change.

use std::sync::Arc;
use std::time::Duration;

use actas_agent::{
    ConfigurationChange, METADATA_AGE_MAX, NewOAuthServer, NewPartner, OAuthServerChange, PartnerChange, PartnerProof,
    Use,
};
use actas_certificate::{Certificate, issue};
use actas_directory::onprem::{ApplicationTrustLevel, AuthToken, OAuthServerKind};
use actas_directory::well_known;
use actas_runtime::{Clock, ManualClock, SystemClock};
use actas_token::metadata::Metadata;
use axum::response::IntoResponse;
use http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::peer::{EWS, STS, Scene};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

async fn scene() -> (Scene, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(SystemClock::shared().now()));
    (Scene::set_at(clock.clone()).await, clock)
}

fn certificate(name: &str) -> Certificate {
    let now = SystemClock.now() - HOUR;
    issue::self_signed(name, &[], now, Duration::from_hours(1000), 2048).unwrap().certificate().clone()
}

/// A document of that issuer and realm; with an endpoint it is a token service's.
fn document(issuer: Uuid, realm: &str, endpoint: Option<&str>, certificate: &Certificate) -> Value {
    let listed = |location| json!({ "location": location, "protocol": "OAuth2", "usage": "issuance" });
    json!({
        "issuer": format!("{issuer}@{realm}"),
        "keys": [{ "usage": "signing", "keyValue": { "type": "x509Certificate", "value": certificate.to_base64() } }],
        "endpoints": endpoint.map(listed).into_iter().collect::<Vec<_>>(),
    })
}

impl Scene {
    fn publishes(&self, document: Value) {
        self.peer.autodiscover(move |_| axum::Json(document.clone()).into_response());
    }

    /// Has Exchange vouch for itself, by a document or a certificate, in place of the token service.
    async fn trusts(&self, proof: PartnerProof, realm: Option<&str>) -> Result<(), actas_agent::Error> {
        let _ = self.agent.remove_partner("microsoft.exchange").await;
        let by_document = matches!(proof, PartnerProof::MetadataUrl(_));
        let partner = NewPartner {
            name: "Exchange".into(),
            application_identifier: (!by_document).then_some(well_known::EXCHANGE),
            application_trust_level: ApplicationTrustLevel::Full,
            proof,
            realm: realm.map(Into::into),
            accept_security_identifier_information: false,
            enabled: true,
        };
        self.agent.new_partner(&partner).await.map(|_| ())
    }

    async fn realm(&self, realm: &str) {
        let change = ConfigurationChange { realm: Some(realm.into()), ..ConfigurationChange::default() };
        self.agent.set_oauth_configuration(&change).await.unwrap();
    }
}

fn url() -> String {
    format!("https://{STS}/autodiscover/metadata/json/1")
}

/// Header and claims of a token.
fn parts(token: &str) -> (Value, Value) {
    use base64::Engine as _;
    let part = |text: &str| {
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    let mut parts = token.split('.');
    (part(parts.next().unwrap()), part(parts.next().unwrap()))
}

#[tokio::test]
async fn our_own_word_names_our_realm_and_theirs() {
    let (scene, _) = scene().await;
    scene.realm("pool.example").await;
    scene.publishes(document(well_known::EXCHANGE, "fabrikam.example", None, &certificate("exchange")));
    scene.trusts(PartnerProof::MetadataUrl(url()), None).await.unwrap();
    let token = scene.agent.actor_token(EWS).await.unwrap();
    assert_eq!(token.resource, format!("{}/{EWS}@fabrikam.example", well_known::EXCHANGE));
    let (header, claims) = parts(token.reveal());
    let own = scene.agent.certificates().signing(Use::OAuthTokenIssuer, scene.agent.clock().now()).await.unwrap();
    assert_eq!(header["x5t"], own.certificate().x5t());
    assert_eq!(claims["iss"], format!("{}@pool.example", well_known::LYNC));
    assert_eq!(claims["nameid"], claims["iss"], "who speaks for itself");
    assert_eq!(claims["aud"], token.resource);
    assert!(scene.peer.seen().iter().all(|seen| seen.path != "/token"), "no token service is asked");

    // By a certificate it is the realm that was given with it.
    scene.agent.remove_partner("Exchange").await.unwrap();
    let proof = PartnerProof::Certificate(certificate("exchange").to_base64().into_bytes());
    scene.trusts(proof, Some("mail.example")).await.unwrap();
    let token = scene.agent.actor_token(EWS).await.unwrap();
    assert!(token.resource.ends_with("@mail.example"), "{}", token.resource);
}

#[tokio::test]
async fn a_certificate_needs_a_realm() {
    let (scene, _) = scene().await;
    let proof = || PartnerProof::Certificate(certificate("exchange").to_pem().into_bytes());
    for realm in [None, Some("")] {
        let error = scene.trusts(proof(), realm).await.unwrap_err();
        assert!(error.to_string().contains("realm") && error.hint().unwrap().contains("-Realm"), "{error}");
    }
    scene.trusts(proof(), Some("fabrikam.example")).await.unwrap();
    // One that had none before cannot be given one.
    scene.agent.remove_partner("Exchange").await.unwrap();
    scene.trusts(PartnerProof::OAuthServer, None).await.unwrap();
    let change = PartnerChange { proof: Some(proof()), ..PartnerChange::default() };
    let error = scene.agent.set_partner("Exchange", &change).await.unwrap_err();
    assert!(error.hint().unwrap().contains("Remove-CsPartnerApplication Exchange"), "{error}");
    assert_eq!(scene.agent.partners().await.unwrap()[0].auth_token, AuthToken::UseOAuthServer);
}

#[tokio::test]
async fn a_partner_keeps_its_application_and_realm() {
    let (scene, _) = scene().await;
    let exchange = certificate("exchange");
    scene.publishes(document(well_known::EXCHANGE, "fabrikam.example", None, &exchange));
    scene.trusts(PartnerProof::OAuthServer, None).await.unwrap();
    let change = PartnerChange { proof: Some(PartnerProof::MetadataUrl(url())), ..PartnerChange::default() };
    scene.agent.set_partner("Exchange", &change).await.unwrap();
    assert_eq!(scene.agent.partners().await.unwrap()[0].realm.as_deref(), Some("fabrikam.example"));
    for (id, realm) in [(well_known::SHAREPOINT, "fabrikam.example"), (well_known::EXCHANGE, "other.example")] {
        scene.publishes(document(id, realm, None, &exchange));
        let error = scene.agent.set_partner("Exchange", &change).await.unwrap_err();
        assert!(error.hint().unwrap().contains("New-CsPartnerApplication"), "{error}");
    }
    scene.publishes(document(well_known::EXCHANGE, "FABRIKAM.example", None, &exchange));
    scene.agent.set_partner("Exchange", &change).await.unwrap();
}

#[tokio::test]
async fn what_we_publish_is_what_is_valid() {
    let (scene, clock) = scene().await;
    let agent = &scene.agent;
    assert_eq!(agent.published_metadata().await.unwrap(), None, "no realm, no issuer");
    scene.realm("pool.example").await;
    let published = async || {
        let document = agent.published_metadata().await.unwrap();
        let keys = |document: Value| Metadata::parse(document.to_string().as_bytes()).unwrap().keys;
        let thumbprint = |der: &[u8]| Certificate::from_der(der).unwrap().thumbprint().to_owned();
        document.map(|document| keys(document).iter().map(|(der, _)| thumbprint(der)).collect::<Vec<_>>())
    };
    let (now, store) = (clock.now(), agent.certificates());
    let first = published().await.unwrap().remove(0);
    // The first lives a year, the second thirty days, the third a year.
    let make = |hours| store.make("pool.example", &[], 2048, Duration::from_hours(hours), now).unwrap();
    let (second, third) = (make(24 * 30), make(24 * 365));
    let (second, third) = (second.thumbprint().to_owned(), third.thumbprint().to_owned());
    store.stage(Use::OAuthTokenIssuer, &second, now + HOUR * 48, now).await.unwrap();
    assert_eq!(published().await.unwrap(), [first.clone(), second.clone()], "next is known before it signs");
    clock.advance(HOUR * 48);
    assert_eq!(published().await.unwrap(), [second.clone(), first], "at its time it is first");
    let now = clock.now();
    store.stage(Use::OAuthTokenIssuer, &third, now + HOUR * 24, now).await.unwrap();
    clock.advance(HOUR * 24);
    assert_eq!(published().await.unwrap(), [third.clone(), second]);
    clock.advance(HOUR * 24 * 30);
    assert_eq!(published().await.unwrap(), std::slice::from_ref(&third), "the previous one has ended");
    assert_eq!(agent.actor_token(EWS).await.map(|_| ()).map_err(|error| error.to_string()), Ok(()));
    clock.advance(HOUR * 24 * 365);
    assert_eq!(published().await, None, "nothing is valid");
}

#[tokio::test]
async fn a_token_service_that_moves_is_followed() {
    let (scene, clock) = scene().await;
    let agent = &scene.agent;
    let refresh = async || agent.refresh_metadata(METADATA_AGE_MAX).await.unwrap();
    let server = async || agent.oauth_servers().await.unwrap().remove(0);
    let realm = Uuid::from_u128(7).to_string();
    let before = server().await;
    let moved =
        |realm: &str| document(well_known::STS, realm, Some("https://new.cloud.example/token"), &certificate("sts"));

    scene.publishes(moved(&realm));
    clock.advance(HOUR * 7);
    assert_eq!(refresh().await, actas_agent::Refreshed::default(), "none is old enough");
    clock.advance(HOUR);
    for (name, answer) in [("hangs up", StatusCode::INTERNAL_SERVER_ERROR), ("gone", StatusCode::NOT_FOUND)] {
        scene.peer.autodiscover(move |_| answer.into_response());
        let refreshed = refresh().await;
        assert_eq!(refreshed.kept.len(), 1, "{name}: {refreshed:?}");
        assert_eq!(server().await, before, "{name}");
    }
    scene.publishes(moved("other.example"));
    let refreshed = refresh().await;
    assert!(refreshed.kept[0].1.contains("speaks for"), "{refreshed:?}");
    assert_eq!(server().await, before, "somebody else is not followed");

    scene.publishes(moved(&realm));
    assert_eq!(refresh().await.changed, ["microsoft.sts"]);
    let after = server().await;
    assert_eq!(after.token_endpoint.as_deref(), Some("https://new.cloud.example/token"));
    assert_ne!(after.certificates, before.certificates);
    assert_eq!((&after.realm, &after.issuer_identifier), (&before.realm, &before.issuer_identifier));
    assert_eq!(refresh().await, actas_agent::Refreshed::default(), "it was read just now");
    clock.advance(HOUR * 8);
    scene.publishes(moved(&realm));
    assert_eq!(refresh().await.changed, ["microsoft.sts"], "another key");
}

#[tokio::test]
async fn a_document_that_is_as_before_writes_nothing() {
    let (scene, clock) = scene().await;
    let agent = &scene.agent;
    let same = document(well_known::STS, &Uuid::from_u128(7).to_string(), None, &certificate("sts"));
    scene.publishes(same);
    clock.advance(HOUR * 8);
    assert_eq!(agent.refresh_metadata(METADATA_AGE_MAX).await.unwrap().changed.len(), 1);
    let before = agent.oauth_servers().await.unwrap();
    clock.advance(HOUR * 8);
    assert_eq!(agent.refresh_metadata(METADATA_AGE_MAX).await.unwrap().unchanged, ["microsoft.sts"]);
    assert_eq!(agent.oauth_servers().await.unwrap(), before, "not even the time: caches stay");
    assert_eq!(agent.refresh_metadata(METADATA_AGE_MAX).await.unwrap(), actas_agent::Refreshed::default());
}

#[tokio::test]
async fn a_realm_that_was_given_outlives_the_document() {
    let (scene, clock) = scene().await;
    let agent = &scene.agent;
    agent.remove_oauth_server("microsoft.sts").await.unwrap();
    let document =
        |realm: &str| document(well_known::STS, realm, Some("https://sts.cloud.example/token"), &certificate("sts"));
    scene.publishes(document("a.example"));
    let new = NewOAuthServer {
        name: "sts".into(),
        metadata_url: url(),
        realm: Some("given.example".into()),
        ..NewOAuthServer::default()
    };
    agent.new_oauth_server(&new, &[]).await.unwrap();
    clock.advance(HOUR * 8);
    scene.publishes(document("b.example"));
    assert_eq!(agent.refresh_metadata(METADATA_AGE_MAX).await.unwrap().changed, ["sts"]);
    assert_eq!(agent.oauth_servers().await.unwrap()[0].realm, "given.example");
}

#[tokio::test]
async fn a_partner_whose_document_is_somebody_elses_is_told() {
    let (scene, clock) = scene().await;
    let agent = &scene.agent;
    agent.remove_oauth_server("microsoft.sts").await.unwrap();
    scene.publishes(document(well_known::EXCHANGE, "fabrikam.example", None, &certificate("exchange")));
    scene.trusts(PartnerProof::MetadataUrl(url()), None).await.unwrap();
    assert_eq!(agent.refresh_metadata(METADATA_AGE_MAX).await.unwrap().unchanged, ["Exchange"]);
    clock.advance(HOUR * 8);
    scene.publishes(document(well_known::SHAREPOINT, "fabrikam.example", None, &certificate("sharepoint")));
    let refreshed = agent.refresh_metadata(METADATA_AGE_MAX).await.unwrap();
    assert_eq!(refreshed.kept.len(), 1, "{refreshed:?}");
    assert!(refreshed.kept[0].1.contains(&well_known::SHAREPOINT.to_string()), "{refreshed:?}");
}

#[tokio::test]
async fn a_server_that_people_sign_in_at_takes_no_part() {
    let (scene, clock) = scene().await;
    let agent = &scene.agent;
    let id = Uuid::from_u128(9).to_string();
    let open_id =
        |id: &str| json!({ "issuer": format!("https://sts.windows.net/{id}/"), "jwks_uri": "https://keys.example/" });
    scene.publishes(open_id(&id));
    let new = |kind| NewOAuthServer {
        name: "evoSTS".into(),
        metadata_url: url(),
        kind,
        accept_security_identifier_information: true,
        ..NewOAuthServer::default()
    };
    let error = agent.new_oauth_server(&new(Some(OAuthServerKind::Acs)), &[]).await.unwrap_err();
    assert!(error.to_string().contains("type `AzureAD`, and not `Acs`"), "{error}");
    let made = agent.new_oauth_server(&new(Some(OAuthServerKind::AzureAd)), &[]).await.unwrap();
    assert!(made.warnings[0].contains("-ClientAuthorizationOAuthServerIdentity evoSTS"), "{:?}", made.warnings);
    let server = made.value;
    assert_eq!((server.issuer_identifier.as_str(), &server.realm), ("sts.windows.net", &id));
    assert_eq!((server.kind.as_str(), server.token_endpoint), ("AzureAD", None));
    let change = ConfigurationChange {
        client_authorization_oauth_server_identity: Some("evoSTS".into()),
        ..ConfigurationChange::default()
    };
    assert!(agent.set_oauth_configuration(&change).await.unwrap().is_empty(), "it is known now");

    // Tokens come from the other one, and from nobody without it.
    assert!(agent.actor_token(EWS).await.unwrap().issuer.contains(STS));
    let change = |kind| OAuthServerChange { kind: Some(kind), ..OAuthServerChange::default() };
    agent.set_oauth_server("evosts", &change(OAuthServerKind::Adfs)).await.unwrap();
    agent.set_oauth_server("evosts", &change(OAuthServerKind::AzureAd)).await.unwrap();
    assert!(agent.set_oauth_server("evosts", &change(OAuthServerKind::Acs)).await.is_err());
    assert!(agent.set_oauth_server("microsoft.sts", &change(OAuthServerKind::AzureAd)).await.is_err());
    agent.remove_oauth_server("microsoft.sts").await.unwrap();
    let failure = agent.actor_token(EWS).await.unwrap_err();
    assert!(failure.to_string().contains("no OAuth server is configured"), "{failure}");

    clock.advance(HOUR * 8);
    assert_eq!(agent.refresh_metadata(METADATA_AGE_MAX).await.unwrap().unchanged, ["evoSTS"]);
    clock.advance(HOUR * 8);
    scene.publishes(open_id(&Uuid::from_u128(10).to_string()));
    assert_eq!(agent.refresh_metadata(METADATA_AGE_MAX).await.unwrap().kept.len(), 1, "another tenant");
}
