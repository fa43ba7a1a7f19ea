//! The frozen vector, accepted and refused, and what must stop every change to it.

use actas_token::accept::accept;
use actas_token::jws::TOKEN_BYTES_MAX;
use actas_token::metadata::Metadata;
use actas_token::{How, KeySource, Limits, Refusal, Rule, Trust, TrustLevel, UserKey, token_hash, well_known};
use jiff::SignedDuration;

use crate::signing::Signer;
use crate::vector;

fn verdict(token: &str, trust: &Trust, limits: &Limits) -> Result<actas_token::Accepted, Refusal> {
    accept(token, &vector::resource(), trust, limits, vector::now())
}

#[track_caller]
fn stopped(token: &str, rule: Rule) {
    let refusal = verdict(token, &vector::trust(), &vector::generous()).unwrap_err();
    assert_eq!(refusal.rule(), rule, "{refusal}");
}

#[test]
fn the_vector_is_what_was_frozen() {
    assert_eq!(vector::key().x5t(), "GqW8L6N76HpMN5FCSkH3DYqm8JM");
    assert_eq!(vector::key().x5t_s256(), "4-oN63TKQ2zwdyYwVk15zBV9dbjSyfq19H3hvntALkg");
    assert_eq!(vector::act_as().len(), 1757);
    assert_eq!(token_hash(&vector::act_as()), vector::ACT_AS_SHA256);
}

#[test]
fn the_act_as_token_is_accepted() {
    let accepted = verdict(&vector::act_as(), &vector::trust(), &vector::generous()).unwrap();
    assert_eq!((accepted.tenant, accepted.app_id), (vector::tenant(), well_known::LYNC));
    let How::ActAs(user) = accepted.how else { panic!("not act-as") };
    let address = vector::USER;
    let expected = [UserKey::Upn(address), UserKey::Upn(address), UserKey::Smtp(address), UserKey::Sip(address)];
    assert_eq!(user.keys().collect::<Vec<_>>(), expected);
}

#[test]
fn the_actor_token_alone_is_the_application() {
    let accepted = verdict(vector::ACTOR, &vector::trust(), &vector::generous()).unwrap();
    assert_eq!((accepted.app_id, accepted.how), (well_known::LYNC, How::AppOnly));
}

#[test]
fn default_lifetimes_refuse_the_vector() {
    for token in [vector::act_as(), vector::ACTOR.to_owned()] {
        let refusal = verdict(&token, &vector::trust(), &Limits::default()).unwrap_err();
        assert_eq!(refusal.rule(), Rule::V13, "{refusal}");
    }
}

#[test]
fn time_has_both_edges() {
    let at = |seconds: i64, token: &str| {
        let now = jiff::Timestamp::from_second(seconds).unwrap();
        accept(token, &vector::resource(), &vector::trust(), &vector::generous(), now).map_err(|r| r.rule()).map(|_| ())
    };
    let act_as = vector::act_as();
    assert_eq!(at(1_700_000_000, &act_as), Ok(()), "nbf, less the skew");
    assert_eq!(at(1_699_999_999, &act_as), Err(Rule::V13));
    assert_eq!(at(1_700_029_399, &act_as), Ok(()), "exp, and the skew");
    assert_eq!(at(1_700_029_400, &act_as), Err(Rule::V13));
    assert_eq!(at(1_700_086_999, vector::ACTOR), Ok(()));
    assert_eq!(at(1_700_087_000, vector::ACTOR), Err(Rule::V13));
}

#[test]
fn every_changed_character_of_the_actor_is_noticed() {
    for index in (0..vector::ACTOR.len()).step_by(7) {
        let mut bytes = vector::ACTOR.as_bytes().to_vec();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let actor = String::from_utf8(bytes).unwrap();
        assert!(verdict(&actor, &vector::trust(), &vector::generous()).is_err(), "character {index}");
        let wrapped = vector::unsigned(&vector::act_as_payload().replace(vector::ACTOR, &actor));
        assert!(verdict(&wrapped, &vector::trust(), &vector::generous()).is_err(), "character {index}, wrapped");
    }
}

#[test]
fn changes_to_the_envelope() {
    let payload = vector::act_as_payload();
    let changed = |from: &str, to: &str| {
        assert!(payload.contains(from), "{from}");
        vector::unsigned(&payload.replacen(from, to, 1))
    };
    let other = "99992222-3333-4444-5555-666677778888";
    let cases = [
        (changed("mail.fabrikam.example@", "mail.contoso.example@"), Rule::V12),
        (changed("00000002-0000-0ff1", "00000003-0000-0ff1"), Rule::V12),
        (changed("mail.fabrikam.example@", "MAIL.fabrikam.example:444@"), Rule::V12),
        (changed(&format!("example@{}", vector::TENANT), &format!("example@{other}")), Rule::V11),
        (changed(&format!("ce00-000000000000@{}", vector::TENANT), &format!("ce00-000000000000@{other}")), Rule::V11),
        (changed("\"iss\":\"00000004", "\"iss\":\"00000005"), Rule::V14),
        (changed("\"nbf\":\"1700000300\"", "\"nbf\":\"1700001300\""), Rule::V13),
        (changed("\"exp\":\"1700029100\"", "\"exp\":\"1700000200\""), Rule::V13),
        (changed("\"exp\":\"1700029100\"", "\"exp\":\"1700099100\""), Rule::V13),
        (changed("\"exp\":\"1700029100\"", "\"exp\":1700029100.5"), Rule::V7),
        (changed("\"exp\":\"1700029100\",", ""), Rule::V7),
        (changed("\"nbf\":\"1700000300\",", ""), Rule::V7),
        (changed("\"aud\":", "\"AUD\":"), Rule::V7),
        (changed("\"iss\":", "\"Iss\":"), Rule::V7),
        (changed("\"nameid\":\"adele@", "\"nameid\":\"s-1-5-21-1-2-3-1104"), Rule::V18),
        (changed("\"nii\":\"urn:office", "\"nii\":\"urn:other"), Rule::V18),
        (changed("\"actortoken\":", "\"actorToken\":"), Rule::V5),
        (changed("\"iss\":", "\"iss\":\"x\",\"iss\":"), Rule::V3),
    ];
    for (token, rule) in cases {
        stopped(&token, rule);
    }
}

#[test]
fn nothing_in_the_envelope_grants_anything() {
    let mut trust = vector::trust();
    trust.partners[0].trust_level = TrustLevel::Application;
    let payload = vector::act_as_payload().replacen(
        '{',
        "{\"trustedfordelegation\":\"true\",\"roles\":[\"full_access_as_app\"],",
        1,
    );
    let refusal = verdict(&vector::unsigned(&payload), &trust, &vector::generous()).unwrap_err();
    assert_eq!(refusal.rule(), Rule::V17);
}

#[test]
fn signatures_and_shapes() {
    let (signed, _) = vector::ACTOR.rsplit_once('.').unwrap();
    let outer = vector::act_as();
    for (token, rule) in [
        (format!("{signed}."), Rule::V10),
        (format!("{signed}.AAAA"), Rule::V10),
        (format!("{outer}AAAA"), Rule::V5),
        (vector::unsigned(r#"{"iss":"a"}"#), Rule::V5),
        (vector::unsigned(r#"{"iss":"a","actortoken":{}}"#), Rule::V5),
        (vector::unsigned(r#"{"iss":"a","actortoken":"a.b"}"#), Rule::V3),
        (vector::unsigned(&vector::act_as_payload().replace(vector::ACTOR, &outer)), Rule::V6),
        (outer.trim_end_matches('.').to_owned(), Rule::V3),
        ("a".repeat(20_000), Rule::V1),
    ] {
        stopped(&token, rule);
    }
}

#[test]
fn configuration_decides() {
    let with = |change: &dyn Fn(&mut Trust)| {
        let mut trust = vector::trust();
        change(&mut trust);
        verdict(&vector::act_as(), &trust, &vector::generous()).map_err(|r| r.rule()).map(|_| ())
    };
    assert_eq!(with(&|_| ()), Ok(()));
    assert_eq!(with(&|t| t.issuers.clear()), Err(Rule::V8));
    assert_eq!(with(&|t| t.issuers[0].keys = [].into()), Err(Rule::V9));
    assert_eq!(with(&|t| t.realms.clear()), Err(Rule::V11));
    assert_eq!(with(&|t| t.partners.clear()), Err(Rule::V15));
    assert_eq!(with(&|t| t.partners[0].enabled = false), Err(Rule::V15));
    assert_eq!(with(&|t| t.partners[0].tenant.0 = uuid::Uuid::nil()), Err(Rule::V15));
    assert_eq!(with(&|t| t.partners[0].key_source = KeySource::Own { realm: vector::TENANT.into() }), Err(Rule::V15));
    assert_eq!(with(&|t| t.partners[0].trust_level = TrustLevel::User), Err(Rule::V17));
    assert_eq!(with(&|t| t.partners[0].act_as = false), Err(Rule::V17));
    assert_eq!(with(&|t| t.partners[0].linked_account = None), Ok(()), "the user's rights, not the account's");
    let alone = |change: &dyn Fn(&mut Trust)| {
        let mut trust = vector::trust();
        change(&mut trust);
        verdict(vector::ACTOR, &trust, &vector::generous()).map_err(|r| r.rule()).map(|_| ())
    };
    assert_eq!(alone(&|t| t.partners[0].linked_account = None), Err(Rule::V16));
    assert_eq!(alone(&|t| t.partners[0].trust_level = TrustLevel::User), Err(Rule::V16));
}

#[test]
fn our_own_published_key_signs_nothing_for_others() {
    // CVE-2026-55040: the token names a key that we publish ourselves.
    let ours = Signer::new("resource");
    let forged = ours.actor(well_known::STS, vector::TENANT, well_known::LYNC, |_| ());
    stopped(&forged, Rule::V9);
}

#[test]
fn a_partner_speaks_for_itself_alone() {
    let partner = Signer::new("partner");
    let mut trust = vector::trust();
    trust.issuers.push(partner.as_partner(well_known::SHAREPOINT, vector::tenant(), "farm.example"));
    let mut own = vector::partner();
    own.app_id = well_known::SHAREPOINT;
    own.key_source = KeySource::Own { realm: "farm.example".into() };
    trust.partners.push(own);
    let limits = vector::generous();
    let token = |issuer, realm: &str, name| partner.actor(issuer, realm, name, |_| ());
    let rule = |token: &str| verdict(token, &trust, &limits).map_err(|r| r.rule()).map(|a| a.app_id);
    assert_eq!(
        rule(&token(well_known::SHAREPOINT, "farm.example", well_known::SHAREPOINT)),
        Ok(well_known::SHAREPOINT)
    );
    assert_eq!(
        rule(&token(well_known::SHAREPOINT, "farm.example", well_known::LYNC)),
        Err(Rule::V15),
        "vouches for another"
    );
    assert_eq!(
        rule(&token(well_known::STS, vector::TENANT, well_known::LYNC)),
        Err(Rule::V9),
        "signs as the token service"
    );
    assert_eq!(
        rule(&token(well_known::SHAREPOINT, vector::TENANT, well_known::SHAREPOINT)),
        Err(Rule::V8),
        "in another realm"
    );
}

#[test]
fn metadata_of_the_vector() {
    let document = format!(
        r#"{{"issuer":"{}@{}","keys":[{{"usage":"signing","keyValue":{{"type":"x509Certificate","value":"{}"}}}}]}}"#,
        well_known::STS,
        vector::TENANT,
        vector::CERTIFICATE
    );
    let read = Metadata::parse(document.as_bytes()).unwrap();
    assert_eq!(read.keys[0].1.x5t(), vector::key().x5t());
}

#[test]
fn lifetimes_may_exceed_the_maximum_by_the_skew() {
    let mut limits = vector::generous();
    limits.actor_lifetime_max = SignedDuration::from_secs(86_399);
    assert_eq!(verdict(vector::ACTOR, &vector::trust(), &limits).unwrap_err().rule(), Rule::V13);
}

#[test]
fn how_the_caller_came_has_a_stable_name() {
    let way = |token: &str| verdict(token, &vector::trust(), &vector::generous()).unwrap().way();
    assert_eq!([way(vector::ACTOR), way(&vector::act_as())], ["app-only", "act-as"]);
}

#[test]
fn an_envelope_names_no_second_actor() {
    let payload = vector::act_as_payload();
    let with = |member: &str| vector::unsigned(&payload.replacen('{', &format!("{{{member},"), 1));
    assert!(verdict(&with(r#""other":{"sub":"a"}"#), &vector::trust(), &vector::generous()).is_ok());
    stopped(&with(r#""act":{"sub":"a"}"#), Rule::V5);
}

#[test]
fn a_token_has_16_kib_at_most() {
    // With a claim that nobody reads; in base64url three bytes are four characters.
    let payload = vector::act_as_payload();
    let of =
        |filler: usize| vector::unsigned(&payload.replacen('{', &format!("{{\"x\":\"{}\",", "x".repeat(filler)), 1));
    let filler = (10_000..TOKEN_BYTES_MAX).find(|filler| of(*filler).len() == TOKEN_BYTES_MAX).unwrap();
    assert!(verdict(&of(filler), &vector::trust(), &vector::generous()).is_ok());
    stopped(&of(filler + 3), Rule::V1);
    stopped(&format!("{}{}", vector::ACTOR, "A".repeat(TOKEN_BYTES_MAX)), Rule::V1);
}
