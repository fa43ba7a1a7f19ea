//! Attacks by which a token would choose where its keys come from.

use actas_token::issue;
use actas_token::{Rule, well_known};
use jiff::Timestamp;
use serde_json::json;

use crate::issuer::{METADATA, OPENID, Published, actor, configuration, key, metadata, resource, tenant};

const EVIL: &str = "https://evil.example/metadata/json/1";

#[tokio::test]
async fn an_address_in_a_token_is_never_asked() {
    let (published, own, evil) = (Published::default(), key(), key());
    let realm = tenant().to_string();
    published.set(METADATA, Some(metadata(well_known::STS, &realm, &[&own])));
    published.set(EVIL, Some(metadata(well_known::STS, &realm, &[&evil])));
    let now: Timestamp = "2026-12-01T09:00:00Z".parse().unwrap();
    let validator = actas_validator::Validator::new(
        resource(),
        actas_token::Limits::default(),
        std::sync::Arc::new(published.clone()),
    );
    validator.configure(&configuration());
    let claims = |issuer: String| {
        json!({
            "aud": format!("{}/mail.cloud.example@{realm}", well_known::EXCHANGE),
            "iss": issuer,
            "nbf": now.as_second(), "exp": now.as_second() + 1800,
            "nameid": format!("{}@{realm}", well_known::LYNC),
            "amurl": EVIL, "appctx": json!({ "amurl": EVIL, "version": "ExIdTok.V1" }).to_string(),
            "jku": EVIL, "identityprovider": EVIL,
        })
    };
    // Issuers that are known, that are not, and that are the address itself.
    for (issuer, rule) in [
        (format!("{}@{realm}", well_known::STS), Rule::V9),
        (format!("{}@evil.example", well_known::STS), Rule::V8),
        (EVIL.to_owned(), Rule::V7),
    ] {
        let token = issue::access_token(&evil.signer, &claims(issuer.clone())).unwrap();
        assert_eq!(validator.validate(&token, now).await.unwrap_err().rule(), rule, "{issuer}");
    }
    // The same claims by the key that the configured address publishes.
    let good = issue::access_token(&own.signer, &claims(format!("{}@{realm}", well_known::STS))).unwrap();
    assert!(validator.validate(&good, now).await.is_ok());
    assert!(validator.validate(&actor(&own, now), now).await.is_ok());
    let asked = published.addresses();
    assert!(asked.contains(&METADATA.to_owned()), "{asked:?}");
    assert!(asked.iter().all(|url| [METADATA, OPENID].contains(&url.as_str())), "{asked:?}");
}

#[tokio::test]
async fn a_flood_of_names_of_keys_causes_one_fetch() {
    let (published, own) = (Published::default(), key());
    published.set(METADATA, Some(metadata(well_known::STS, &tenant().to_string(), &[&own])));
    let now: Timestamp = "2026-12-01T09:00:00Z".parse().unwrap();
    let validator = actas_validator::Validator::new(
        resource(),
        actas_token::Limits::default(),
        std::sync::Arc::new(published.clone()),
    );
    validator.configure(&configuration());
    assert!(validator.validate(&actor(&own, now), now).await.is_ok());
    let later = now + jiff::SignedDuration::from_mins(6);
    let before = published.fetches();
    let stranger = key();
    for _ in 0..50 {
        assert_eq!(validator.validate(&actor(&stranger, later), later).await.unwrap_err().rule(), Rule::V9);
    }
    assert!(published.fetches() <= before + 2, "one for each issuer: {}", published.fetches() - before);
    assert!(validator.validate(&actor(&own, later), later).await.is_ok());
}
