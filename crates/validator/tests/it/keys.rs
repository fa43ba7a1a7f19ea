//! Keys: fetched by issuer, pinned, refreshed, kept for a while, then given up.

use std::sync::Arc;

use actas_token::{Limits, Rule, TenantId, well_known};
use actas_validator::Validator;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::issuer::{
    Key, METADATA, OPENID, Published, access_token, actor, configuration, jwks, key, metadata, openid, resource, tenant,
};

const JWKS: &str = "https://sts.cloud.example/t/discovery/keys";

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

fn validator(published: &Published) -> Validator {
    let validator = Validator::new(resource(), Limits::default(), Arc::new(published.clone()));
    validator.configure(&configuration());
    validator
}

fn publish(published: &Published, keys: &[&Key]) {
    published.set(METADATA, Some(metadata(well_known::STS, &tenant().to_string(), keys)));
}

async fn verdict(validator: &Validator, token: &str, now: Timestamp) -> Result<(), Rule> {
    validator.validate(token, now).await.map(drop).map_err(|refusal| refusal.rule())
}

#[tokio::test]
async fn keys_are_fetched_once_and_again_when_old() {
    let (published, own) = (Published::default(), key());
    publish(&published, &[&own]);
    let validator = validator(&published);
    for _ in 0..5 {
        assert_eq!(verdict(&validator, &actor(&own, now()), now()).await, Ok(()));
    }
    let first = published.fetches();
    assert_eq!(first, 1, "of the token's issuer, and of no other");
    let later = now() + hours(8);
    assert_eq!(verdict(&validator, &actor(&own, later), later).await, Ok(()));
    assert!(published.fetches() > first);
}

#[tokio::test]
async fn a_resource_that_changes_keeps_the_keys() {
    let (published, own) = (Published::default(), key());
    publish(&published, &[&own]);
    let validator = validator(&published);
    assert_eq!(verdict(&validator, &actor(&own, now()), now()).await, Ok(()));
    published.set(METADATA, None);
    let fetches = published.fetches();
    let mut moved = resource();
    moved.hosts = vec!["elsewhere.example".to_owned()];
    let moved = validator.for_resource(moved, Limits::default());
    assert_eq!(verdict(&moved, &actor(&own, now()), now()).await, Err(Rule::V12));
    let back = moved.for_resource(resource(), Limits::default());
    assert_eq!(verdict(&back, &actor(&own, now()), now()).await, Ok(()));
    let short = Limits { actor_lifetime_max: SignedDuration::from_secs(1), ..Limits::default() };
    let short = back.for_resource(resource(), short);
    assert_eq!(verdict(&short, &actor(&own, now()), now()).await, Err(Rule::V13));
    assert_eq!(published.fetches(), fetches, "nobody was asked for keys that are there");
}

#[tokio::test]
async fn a_rolled_key_is_looked_for_once() {
    let (published, old, new) = (Published::default(), key(), key());
    publish(&published, &[&old]);
    let validator = validator(&published);
    assert_eq!(verdict(&validator, &actor(&old, now()), now()).await, Ok(()));
    let later = now() + SignedDuration::from_mins(6);
    assert_eq!(verdict(&validator, &actor(&new, later), later).await, Err(Rule::V9));
    publish(&published, &[&new, &old]);
    let soon = later + SignedDuration::from_secs(10);
    let before = published.fetches();
    assert_eq!(verdict(&validator, &actor(&new, soon), soon).await, Err(Rule::V9), "not again within five minutes");
    assert!(published.fetches() <= before + 1, "a stranger cannot make us fetch at will");
    let then = later + SignedDuration::from_mins(5);
    assert_eq!(verdict(&validator, &actor(&new, then), then).await, Ok(()));
    assert_eq!(verdict(&validator, &actor(&old, then), then).await, Ok(()), "both are published");
}

#[tokio::test]
async fn a_token_of_one_issuer_makes_nobody_else_be_asked() {
    let (published, own, other) = (Published::default(), key(), key());
    publish(&published, &[&own]);
    let validator = validator(&published);
    assert_eq!(verdict(&validator, &actor(&own, now()), now()).await, Ok(()));
    let (later, before) = (now() + SignedDuration::from_mins(6), published.fetches());
    // The other issuer could not be fetched and is due; this token is none of its.
    assert_eq!(verdict(&validator, &actor(&other, later), later).await, Err(Rule::V9));
    assert_eq!(published.fetches(), before + 1);
    let soon = later + SignedDuration::from_secs(1);
    let stranger = access_token(&own, soon, |claims| claims["iss"] = "https://sts.evil.example/".into());
    assert_eq!(verdict(&validator, &stranger, soon).await, Err(Rule::V8));
    assert_eq!(published.fetches(), before + 1, "an issuer that is not configured is never fetched");
}

#[tokio::test]
async fn a_withdrawn_key_ends_what_is_remembered() {
    let (published, old, new) = (Published::default(), key(), key());
    publish(&published, &[&old]);
    let validator = validator(&published);
    let later = now() + hours(8);
    let token = actor(&old, later - SignedDuration::from_mins(30));
    let early = later - SignedDuration::from_mins(29);
    for _ in 0..2 {
        assert_eq!(verdict(&validator, &token, early).await, Ok(()));
    }
    publish(&published, &[&new]);
    let after = early + hours(8);
    let fresh = actor(&old, after);
    assert_eq!(verdict(&validator, &fresh, after).await, Err(Rule::V9), "fetched anew");
    assert_eq!(verdict(&validator, &token, early).await, Err(Rule::V9), "though it was verified before");
}

#[tokio::test]
async fn a_trace_is_told_by_the_same_keys() {
    let (published, own) = (Published::default(), key());
    publish(&published, &[&own]);
    let validator = validator(&published);
    let trace = validator.trace(&actor(&own, now()), actas_token::Possession::default(), now()).await;
    assert!(trace.verdict.is_ok() && !trace.steps.is_empty());
}

#[tokio::test]
async fn keys_that_are_to_be_looked_at_again_are_believed_no_longer() {
    let (published, stolen, new) = (Published::default(), key(), key());
    publish(&published, &[&stolen]);
    let validator = validator(&published);
    assert_eq!(verdict(&validator, &actor(&stolen, now()), now()).await, Ok(()));
    publish(&published, &[&new]);
    assert_eq!(verdict(&validator, &actor(&stolen, now()), now()).await, Ok(()), "nothing said so yet");
    validator.look_again(METADATA);
    assert_eq!(verdict(&validator, &actor(&stolen, now()), now()).await, Err(Rule::V9));
    assert_eq!(verdict(&validator, &actor(&new, now()), now()).await, Ok(()));
    // Where nobody answers, nobody is believed.
    published.set(METADATA, None);
    validator.look_again(METADATA);
    assert_eq!(verdict(&validator, &actor(&new, now()), now()).await, Err(Rule::V8));
}

#[tokio::test]
async fn last_good_keys_end() {
    let (published, own) = (Published::default(), key());
    publish(&published, &[&own]);
    let validator = validator(&published);
    assert_eq!(verdict(&validator, &actor(&own, now()), now()).await, Ok(()));
    published.set(METADATA, None);
    for (after, expected) in [(8, Ok(())), (31, Ok(())), (32, Err(Rule::V8)), (40, Err(Rule::V8))] {
        let at = now() + hours(after);
        assert_eq!(verdict(&validator, &actor(&own, at), at).await, expected, "{after} hours");
    }
}

#[tokio::test]
async fn a_document_that_speaks_for_somebody_else_is_no_update() {
    let (published, own, other) = (Published::default(), key(), key());
    publish(&published, &[&own]);
    let validator = validator(&published);
    assert_eq!(verdict(&validator, &actor(&own, now()), now()).await, Ok(()));
    let (registered, another) = (tenant().to_string(), Uuid::from_u128(8).to_string());
    let mut later = now() + hours(8);
    for (issuer, realm, taken) in [
        (well_known::LYNC, registered.as_str(), false),
        (well_known::LYNC, "*", false),
        (well_known::STS, another.as_str(), false),
        (well_known::STS, "*", true),
    ] {
        published.set(METADATA, Some(metadata(issuer, realm, &[&other])));
        later += SignedDuration::from_mins(5);
        let before = published.fetches();
        let new = verdict(&validator, &actor(&other, later), later).await;
        assert_eq!(new, if taken { Ok(()) } else { Err(Rule::V9) }, "{issuer}@{realm}");
        assert!(published.fetches() > before, "{issuer}@{realm}");
        let old = verdict(&validator, &actor(&own, later), later).await;
        assert_eq!(old, if taken { Err(Rule::V9) } else { Ok(()) }, "the last good keys stay until there are others");
    }
}

#[tokio::test]
async fn who_has_no_keys_is_named_and_asked_again_in_five_seconds() {
    let (published, own) = (Published::default(), key());
    publish(&published, &[&own]);
    let validator = validator(&published);
    assert_eq!(validator.without_keys(now()).await, [OPENID]);
    assert_eq!(published.addresses(), [METADATA, OPENID]);
    published.set(OPENID, Some(openid("https://sts.cloud.example/t/", JWKS)));
    published.set(JWKS, Some(jwks(&[&own])));
    let soon = now() + SignedDuration::from_secs(4);
    assert_eq!(validator.without_keys(soon).await, [OPENID]);
    assert_eq!(published.fetches(), 2, "nobody is asked without a pause");
    let then = now() + SignedDuration::from_secs(5);
    assert_eq!(validator.without_keys(then).await, [""; 0]);
    assert_eq!(published.addresses()[2..], [OPENID, JWKS], "and who has fresh keys is not");
}

#[tokio::test]
async fn access_tokens_of_the_openid_kind() {
    let (published, own) = (Published::default(), key());
    published.set(OPENID, Some(openid("https://sts.cloud.example/t/", JWKS)));
    published.set(JWKS, Some(jwks(&[&own])));
    let validator = validator(&published);
    let check = async |change: fn(&mut serde_json::Map<String, serde_json::Value>)| {
        verdict(&validator, &access_token(&own, now(), change), now()).await
    };
    assert_eq!(check(|_| ()).await, Ok(()));
    assert_eq!(check(|c| c["aud"] = "https://MAIL.cloud.example/".into()).await, Ok(()));
    assert_eq!(check(|c| c["aud"] = well_known::EXCHANGE.to_string().into()).await, Ok(()));
    for audience in [
        "http://mail.cloud.example",
        "https://mail.cloud.example.evil.example",
        "https://mail.cloud.example@evil.example",
        "https://mail.cloud.example/EWS",
        "https://mail.cloud.example:444",
        "",
    ] {
        let token = access_token(&own, now(), |c| c["aud"] = audience.into());
        assert_eq!(verdict(&validator, &token, now()).await, Err(Rule::V12), "{audience}");
    }
    assert_eq!(check(|c| c["tid"] = Uuid::from_u128(8).to_string().into()).await, Err(Rule::V11));
    assert_eq!(check(|c| c["iss"] = "https://sts.cloud.example/u/".into()).await, Err(Rule::V8));
    assert_eq!(check(|c| c["appid"] = well_known::SHAREPOINT.to_string().into()).await, Err(Rule::V15));
    assert_eq!(check(|c| drop(c.remove("roles"))).await, Err(Rule::V16));
    assert_eq!(check(|c| c["roles"] = "full_access_as_app".into()).await, Err(Rule::V16));
    assert_eq!(check(|c| drop(c.insert("scp".into(), "x".into()))).await, Err(Rule::V16));
    assert_eq!(check(|c| c["exp"] = (now().as_second() - 300).into()).await, Err(Rule::V13));
    assert_eq!(check(|c| c["exp"] = (now().as_second() + 90_000).into()).await, Err(Rule::V13));
    assert_eq!(check(|c| drop(c.remove("nbf"))).await, Err(Rule::V7));
}

#[tokio::test]
async fn keys_of_another_host_or_issuer_are_not_taken() {
    const ELSEWHERE: &str = "https://sts.cloud.example/t/configuration";
    let own = key();
    for (address, issuer, jwks_url, expected) in [
        (OPENID, "https://sts.cloud.example/t/", JWKS, Ok(())),
        (OPENID, "https://sts.cloud.example/t", "https://sts.cloud.example:443/keys", Ok(())),
        (OPENID, "https://sts.cloud.example/t/", "https://keys.evil.example/keys", Err(Rule::V8)),
        (OPENID, "https://sts.cloud.example/t/", "http://sts.cloud.example/t/discovery/keys", Err(Rule::V8)),
        (OPENID, "https://sts.cloud.example/u/", JWKS, Err(Rule::V8)),
        (OPENID, "https://evil.example/t/", JWKS, Err(Rule::V8)),
        // An address that says nothing of the issuer fits no issuer.
        (ELSEWHERE, "https://sts.cloud.example/t/", JWKS, Err(Rule::V8)),
        (ELSEWHERE, "/", JWKS, Err(Rule::V7)),
    ] {
        let published = Published::default();
        published.set(address, Some(openid(issuer, jwks_url)));
        published.set(jwks_url, Some(jwks(&[&own])));
        let validator = validator(&published);
        let mut configuration = configuration();
        configuration.issuers.retain(|issuer| issuer.metadata_url == OPENID);
        configuration.issuers[0].metadata_url = address.into();
        validator.configure(&configuration);
        // Nobody but the server itself would ask for the keys of an issuer of another name.
        let without = validator.without_keys(now()).await;
        assert_eq!(without.is_empty(), expected.is_ok(), "{address} {issuer} {jwks_url}");
        let token = access_token(&own, now(), |c| c["iss"] = issuer.into());
        assert_eq!(verdict(&validator, &token, now()).await, expected, "{address} {issuer} {jwks_url}");
    }
}

#[tokio::test]
async fn of_a_key_set_the_size_is_bounded_and_only_keys_for_signing_are_taken() {
    const BYTES_MAX: usize = 1024 * 1024;
    let own = key();
    let set = jwks(&[&own]);
    let of_size = |bytes: usize| format!("{set}{}", " ".repeat(bytes - set.len()));
    for (keys, expected) in [
        (set.clone(), Ok(())),
        (of_size(BYTES_MAX), Ok(())),
        (of_size(BYTES_MAX + 1), Err(Rule::V8)),
        (set.replace(r#""use":"sig","#, ""), Ok(())),
        (set.replace(r#""use":"sig""#, r#""use":"enc""#), Err(Rule::V8)),
    ] {
        let published = Published::default();
        published.set(OPENID, Some(openid("https://sts.cloud.example/t/", JWKS)));
        let size = keys.len();
        published.set(JWKS, Some(keys));
        let token = access_token(&own, now(), |_| ());
        assert_eq!(verdict(&validator(&published), &token, now()).await, expected, "{size} bytes");
    }
}

#[tokio::test]
async fn a_change_of_configuration_takes_effect_at_once() {
    let (published, own) = (Published::default(), key());
    publish(&published, &[&own]);
    let validator = validator(&published);
    let token = actor(&own, now());
    assert_eq!(verdict(&validator, &token, now()).await, Ok(()));
    let fetches = published.fetches();
    let mut changed = configuration();
    changed.partners[0].enabled = false;
    validator.configure(&changed);
    assert_eq!(verdict(&validator, &token, now()).await, Err(Rule::V15));
    changed.partners[0].enabled = true;
    changed.partners[0].tenant = TenantId(Uuid::from_u128(8));
    validator.configure(&changed);
    assert_eq!(verdict(&validator, &token, now()).await, Err(Rule::V15));
    validator.configure(&configuration());
    assert_eq!(verdict(&validator, &token, now()).await, Ok(()));
    assert_eq!(published.fetches(), fetches, "the keys of an issuer that stays are kept");
    changed.issuers.clear();
    validator.configure(&changed);
    assert_eq!(verdict(&validator, &token, now()).await, Err(Rule::V8));
}

#[test]
fn the_challenge_names_who_is_trusted() {
    let validator = validator(&Published::default());
    assert_eq!(
        validator.challenge(Some("https://sts.cloud.example/common/oauth2/authorize"), Some("invalid_token")),
        format!(
            "Bearer client_id=\"{}\", trusted_issuers=\"{}@{}\", token_types=\"app_asserted_user_v1 service_asserted_app_v1\", authorization_uri=\"https://sts.cloud.example/common/oauth2/authorize\", error=\"invalid_token\"",
            well_known::EXCHANGE,
            well_known::STS,
            tenant()
        )
    );
    let mut two = configuration();
    two.issuers.push(two.issuers[0].clone());
    two.issuers[2].kind = actas_validator::IssuerKind::TokenService { app_id: well_known::STS, realm: "other".into() };
    validator.configure(&two);
    assert!(validator.challenge(None, None).contains(&format!("trusted_issuers=\"{}@*\"", well_known::STS)));
}
