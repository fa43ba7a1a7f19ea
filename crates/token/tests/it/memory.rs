//! The memory of verified tokens: what it spares, what it never spares, and its bounds.

use actas_token::{
    Judge, Limits, Memory, Possession, Principal, Rule, Trust, TrustIndex, TrustLevel, issue, well_known,
};
use jiff::{SignedDuration, Timestamp};

use crate::signing::Signer;
use crate::vector;

fn verdict(memory: &Memory, token: &str, trust: &Trust, now: Timestamp) -> Result<(), Rule> {
    let (resource, limits) = (vector::resource(), vector::generous());
    let judge = Judge::new(&resource, trust, &limits);
    let remembering = judge.with_memory(memory).accept(token, Possession::default(), now);
    let anew = judge.accept(token, Possession::default(), now);
    assert_eq!(
        remembering.as_ref().map_err(actas_token::Refusal::rule).map(drop),
        anew.map_err(|r| r.rule()).map(drop)
    );
    remembering.map(drop).map_err(|refusal| refusal.rule())
}

fn filled() -> Memory {
    let memory = Memory::new(64);
    assert_eq!(verdict(&memory, &vector::act_as(), &vector::trust(), vector::now()), Ok(()));
    assert_eq!((memory.len(), memory.is_empty()), (1, false), "the actor, whatever stands around it");
    memory
}

#[test]
fn an_actor_that_was_seen_before_is_believed_in_a_new_envelope_and_alone() {
    let memory = filled();
    let other = vector::unsigned(&vector::act_as_payload().replace("1700029100", "1700029099"));
    for token in [other.as_str(), &vector::act_as(), vector::ACTOR] {
        assert_eq!(verdict(&memory, token, &vector::trust(), vector::now()), Ok(()));
    }
    assert_eq!(memory.len(), 1);
}

#[test]
fn no_change_to_a_remembered_actor_goes_unnoticed() {
    let memory = filled();
    for index in (0..vector::ACTOR.len()).step_by(11) {
        let mut bytes = vector::ACTOR.as_bytes().to_vec();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        let actor = String::from_utf8(bytes).unwrap();
        let wrapped = vector::unsigned(&vector::act_as_payload().replace(vector::ACTOR, &actor));
        assert!(verdict(&memory, &actor, &vector::trust(), vector::now()).is_err(), "{index}");
        assert!(verdict(&memory, &wrapped, &vector::trust(), vector::now()).is_err(), "{index}, wrapped");
    }
    assert_eq!(memory.len(), 1, "only what was accepted enters");
}

#[test]
fn every_rule_but_the_signature_is_judged_anew() {
    let memory = filled();
    let envelope = vector::act_as_payload();
    for (from, to, rule) in [
        ("mail.fabrikam.example@", "mail.contoso.example@", Rule::V12),
        ("\"iss\":\"00000004", "\"iss\":\"00000005", Rule::V14),
        ("\"nbf\":\"1700000300\"", "\"nbf\":\"1700001300\"", Rule::V13),
        ("\"exp\":\"1700029100\",", "", Rule::V7),
        ("\"nii\":\"urn:office", "\"nii\":\"urn:other", Rule::V18),
    ] {
        let token = vector::unsigned(&envelope.replacen(from, to, 1));
        assert_eq!(verdict(&memory, &token, &vector::trust(), vector::now()), Err(rule), "{to}");
    }
    let both = envelope.replacen("mail.fabrikam.example@", "mail.contoso.example@", 1);
    let both = vector::unsigned(&both.replacen("\"iss\":\"00000004", "\"iss\":\"00000005", 1));
    assert_eq!(verdict(&memory, &both, &vector::trust(), vector::now()), Err(Rule::V12), "nothing is the actor's own");
    let late = Timestamp::from_second(1_700_029_400).unwrap();
    assert_eq!(verdict(&memory, &vector::act_as(), &vector::trust(), late), Err(Rule::V13));
    let end = Timestamp::from_second(1_700_087_000).unwrap();
    assert_eq!(verdict(&memory, vector::ACTOR, &vector::trust(), end), Err(Rule::V13));
}

#[test]
fn trust_that_changed_counts_at_once() {
    let memory = filled();
    let with = |change: &dyn Fn(&mut Trust)| {
        let mut trust = vector::trust();
        change(&mut trust);
        verdict(&memory, &vector::act_as(), &trust, vector::now())
    };
    assert_eq!(with(&|_| ()), Ok(()));
    assert_eq!(with(&|trust| trust.issuers.clear()), Err(Rule::V8));
    let other = Signer::new("other");
    assert_eq!(with(&|trust| trust.issuers[0].keys = [other.verifying()].into()), Err(Rule::V9), "a withdrawn key");
    assert_eq!(with(&|trust| trust.issuers[0].keys = [other.verifying(), vector::key()].into()), Ok(()));
    assert_eq!(with(&|trust| trust.realms.clear()), Err(Rule::V11));
    assert_eq!(with(&|trust| trust.partners[0].enabled = false), Err(Rule::V15));
    assert_eq!(with(&|trust| trust.partners[0].trust_level = TrustLevel::Application), Err(Rule::V17));
    assert_eq!(with(&|trust| trust.partners[0].act_as = false), Err(Rule::V17));
}

#[test]
fn a_bound_token_is_remembered_and_still_wants_its_key() {
    let (sts, memory) = (Signer::new("sts"), Memory::new(64));
    let (mut trust, resource, limits) = (vector::trust(), vector::resource(), Limits::default());
    trust.issuers[0].keys = [sts.verifying()].into();
    let token = sts.actor(well_known::STS, vector::TENANT, well_known::LYNC, |token| {
        token.confirmation = Some(serde_json::json!({ "jkt": "thumb" }));
    });
    let judge = Judge::new(&resource, &trust, &limits).with_memory(&memory);
    let with = |jkt| judge.accept(&token, Possession { jkt, certificate: None }, vector::now()).map_err(|r| r.rule());
    assert_eq!(with(None).unwrap_err(), Rule::V21);
    assert!(memory.is_empty());
    assert!(with(Some("thumb")).is_ok());
    assert_eq!(memory.len(), 1);
    assert_eq!(with(None).unwrap_err(), Rule::V21);
    assert_eq!(with(Some("other")).unwrap_err(), Rule::V21);
    assert!(with(Some("thumb")).is_ok());
}

#[test]
fn what_has_ended_makes_room_and_the_bound_holds() {
    let (sts, memory) = (Signer::p256("sts"), Memory::new(32));
    let mut trust = vector::trust();
    trust.issuers[0].keys = [sts.verifying()].into();
    let (resource, limits) = (vector::resource(), Limits::default());
    let judge = Judge::new(&resource, &trust, &limits).with_memory(&memory);
    let realm = vector::TENANT;
    let token = |lifetime: i64, now: Timestamp| {
        let asked = issue::ActorToken {
            audience: &format!("{}/mail.fabrikam.example@{realm}", well_known::EXCHANGE),
            issuer: &Principal::in_realm(well_known::STS, realm),
            caller: &Principal::in_realm(well_known::LYNC, realm),
            object_id: None,
            trusted_for_delegation: true,
            lifetime: SignedDuration::from_secs(lifetime),
            confirmation: None,
        };
        issue::actor_token(&sts.key, &asked, now).unwrap()
    };
    for count in 0..200 {
        judge.accept(&token(600 + count, vector::now()), Possession::default(), vector::now()).unwrap();
        assert!(memory.len() <= 32);
    }
    assert!(memory.len() > 16, "the room is used");
    let later = vector::now() + SignedDuration::from_hours(2);
    for count in 0..200 {
        judge.accept(&token(600 + count, later), Possession::default(), later).unwrap();
        assert!(memory.len() <= 32);
    }
    memory.clear();
    assert!(memory.is_empty());
}

#[test]
fn a_token_of_unusual_length_is_believed_and_not_remembered() {
    let (sts, memory) = (Signer::p256("sts"), Memory::new(64));
    let (mut trust, resource, limits) = (vector::trust(), vector::resource(), Limits::default());
    trust.issuers[0].keys = [sts.verifying()].into();
    let judge = Judge::new(&resource, &trust, &limits).with_memory(&memory);
    for (length, remembered) in [(100, 1), (4000, 1)] {
        let thumbprint = "t".repeat(length);
        let token = sts.actor(well_known::STS, vector::TENANT, well_known::LYNC, |token| {
            token.confirmation = Some(serde_json::json!({ "jkt": thumbprint }));
        });
        let possession = Possession { jkt: Some(&thumbprint), certificate: None };
        judge.accept(&token, possession, vector::now()).unwrap();
        assert_eq!(memory.len(), remembered, "{length}");
    }
}

#[test]
fn the_memory_shows_no_token() {
    let shown = format!("{:?}", filled());
    assert_eq!(shown, "Memory(1 of 64)");
}

#[test]
fn an_index_finds_what_a_search_finds() {
    let (resource, limits) = (vector::resource(), vector::generous());
    let mut trust = vector::trust();
    // Decoys before and behind; a disabled registration does not hide an enabled one.
    for number in 1..50 {
        let mut partner = vector::partner();
        partner.tenant.0 = uuid::Uuid::from_u128(number);
        trust.partners.insert(0, partner);
        let mut issuer = trust.issuers[trust.issuers.len() - 1].clone();
        issuer.issuer = actas_token::Issuer::Principal(
            well_known::STS,
            actas_token::RealmRule::Exactly(format!("{number}.example")),
        );
        issuer.keys = [].into();
        trust.issuers.insert(0, issuer);
    }
    let mut disabled = vector::partner();
    disabled.enabled = false;
    trust.partners.insert(0, disabled);
    let index = TrustIndex::of(&trust);
    let judge = Judge::new(&resource, &trust, &limits).with_index(&index);
    assert!(judge.accept(&vector::act_as(), Possession::default(), vector::now()).is_ok());
    trust.issuers.pop();
    trust.partners.pop();
    for trust in [
        Trust { partners: vector::trust().partners, ..trust.clone() },
        Trust { issuers: vector::trust().issuers, ..trust.clone() },
    ] {
        let index = TrustIndex::of(&trust);
        let judge = Judge::new(&resource, &trust, &limits);
        let (token, none) = (vector::act_as(), Possession::default());
        let rule = |judge: Judge<'_>| judge.accept(&token, none, vector::now()).unwrap_err().rule();
        assert_eq!(rule(judge.with_index(&index)), rule(judge));
    }
}

#[test]
fn a_trace_neither_asks_the_memory_nor_fills_it() {
    let (resource, trust, limits, memory) = (vector::resource(), vector::trust(), vector::generous(), Memory::new(64));
    let judge = Judge::new(&resource, &trust, &limits).with_memory(&memory);
    assert!(judge.trace(&vector::act_as(), Possession::default(), vector::now()).verdict.is_ok());
    assert!(memory.is_empty());
    assert!(judge.accept(&vector::act_as(), Possession::default(), vector::now()).is_ok());
    assert_eq!(memory.len(), 1);
    let rules = |judge: &Judge<'_>| judge.trace(&vector::act_as(), Possession::default(), vector::now()).steps;
    assert_eq!(rules(&judge), rules(&Judge::new(&resource, &trust, &limits)), "every rule is applied anew");
}

#[test]
fn issuers_and_partners_are_found_by_the_index() {
    let (resource, trust, limits) = (vector::resource(), vector::trust(), vector::generous());
    let with = |index: &TrustIndex| {
        let judge = Judge::new(&resource, &trust, &limits).with_index(index);
        judge
            .accept(&vector::act_as(), Possession::default(), vector::now())
            .map(drop)
            .map_err(|refusal| refusal.rule())
    };
    assert_eq!(with(&TrustIndex::of(&trust)), Ok(()));
    assert_eq!(with(&TrustIndex::of(&Trust::default())), Err(Rule::V8));
    let nobody = Trust { partners: Vec::new(), ..trust.clone() };
    assert_eq!(with(&TrustIndex::of(&nobody)), Err(Rule::V15));
}
