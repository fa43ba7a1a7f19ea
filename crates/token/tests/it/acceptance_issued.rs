//! Act-as tokens that the token service signed: accepted, and every member tampered with.

use actas_token::accept::accept;
use actas_token::jws::Algorithm;
use actas_token::{
    Accepted, How, Issuer, IssuerKeys, KeySource, Limits, Refusal, Rule, Trust, TrustLevel, UserKey, Voice, issue,
    well_known,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::signing::Signer;
use crate::vector;

const ISSUER: &str = "https://sts.cloud.example/11112222-3333-4444-5555-666677778888/";
const OTHER_TENANT: &str = "99992222-3333-4444-5555-666677778888";
const USER_ID: Uuid = Uuid::from_u128(0x00ad_e1e0);

struct World {
    sts: Signer,
    trust: Trust,
}

impl World {
    fn new() -> Self {
        Self::signed_by(Signer::new("sts"))
    }

    fn signed_by(sts: Signer) -> Self {
        let mut trust = vector::trust();
        trust.issuers.push(IssuerKeys {
            issuer: Issuer::Url(ISSUER.into(), vector::tenant()),
            voice: Voice::TokenService,
            keys: vec![sts.verifying()].into(),
        });
        trust.realms.insert(OTHER_TENANT.into(), OTHER_TENANT.parse().unwrap());
        Self { sts, trust }
    }

    fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = claims();
        change(&mut claims);
        issue::typed_access_token(&self.sts.key, &claims).unwrap()
    }

    fn verdict(&self, token: &str) -> Result<Accepted, Refusal> {
        accept(token, &vector::resource(), &self.trust, &Limits::default(), vector::now())
    }

    #[track_caller]
    fn stopped(&self, token: &str, rule: Rule) {
        let refusal = self.verdict(token).unwrap_err();
        assert_eq!(refusal.rule(), rule, "{refusal}");
    }
}

fn claims() -> Value {
    json!({
        "aud": "https://mail.fabrikam.example",
        "iss": ISSUER,
        "iat": vector::NOW - 300,
        "nbf": vector::NOW - 300,
        "exp": vector::NOW + 3600,
        "jti": "one",
        "sub": USER_ID.to_string(),
        "oid": USER_ID.to_string(),
        "upn": vector::USER,
        "smtp": vector::USER,
        "tid": vector::TENANT,
        "client_id": well_known::LYNC.to_string(),
        "act": { "sub": well_known::LYNC.to_string() },
    })
}

#[test]
fn the_token_is_accepted() {
    let world = World::new();
    for audience in [
        "https://mail.fabrikam.example".to_owned(),
        "https://MAIL.fabrikam.example/".to_owned(),
        well_known::EXCHANGE.to_string(),
        format!("{}/mail.fabrikam.example@{}", well_known::EXCHANGE, vector::TENANT),
    ] {
        let accepted = world.verdict(&world.token(|claims| claims["aud"] = audience.into())).unwrap();
        assert_eq!((accepted.tenant, accepted.app_id), (vector::tenant(), well_known::LYNC));
        assert_eq!(accepted.expires.as_second(), vector::NOW + 3600);
        assert_eq!(accepted.way(), "sts-act-as");
        let How::ActAs(user) = accepted.how else { panic!("not act-as") };
        assert!(user.keys().eq([UserKey::Upn(vector::USER), UserKey::Smtp(vector::USER)]));
        assert_eq!(user.object_id(), Some(USER_ID));
    }
}

#[test]
fn every_member_counts() {
    let world = World::new();
    let at = |name: &'static str, value: Value| world.token(move |claims| claims[name] = value);
    let other_app = Uuid::from_u128(99).to_string();
    let cases = [
        (at("aud", json!("https://mail.contoso.example")), Rule::V12),
        (at("aud", json!("https://mail.fabrikam.example/EWS")), Rule::V12),
        (at("aud", json!("https://mail.fabrikam.example@evil.example")), Rule::V12),
        (at("aud", json!(["https://mail.fabrikam.example"])), Rule::V7),
        (at("aud", json!(well_known::GRAPH.to_string())), Rule::V12),
        (at("aud", json!(format!("{}/mail.contoso.example@{}", well_known::EXCHANGE, vector::TENANT))), Rule::V12),
        (at("aud", json!(format!("{}/mail.fabrikam.example@{}", well_known::SHAREPOINT, vector::TENANT))), Rule::V12),
        (at("aud", json!(format!("{}/mail.fabrikam.example@{OTHER_TENANT}", well_known::EXCHANGE))), Rule::V11),
        (at("aud", json!(format!("{}/mail.fabrikam.example@nowhere", well_known::EXCHANGE))), Rule::V11),
        (at("iss", json!("https://sts.evil.example/")), Rule::V8),
        (at("scp", json!("Mail.Read")), Rule::V17),
        (at("iss", json!(ISSUER.trim_end_matches('/'))), Rule::V8),
        (at("iss", json!(format!("{}@{}", well_known::STS, vector::TENANT))), Rule::V8),
        (at("tid", json!(OTHER_TENANT)), Rule::V11),
        (at("nbf", json!(vector::NOW + 301)), Rule::V13),
        (at("exp", json!(vector::NOW - 300)), Rule::V13),
        (at("exp", json!(vector::NOW + 3601)), Rule::V13),
        (at("exp", json!(1.5)), Rule::V7),
        (at("iat", json!("yesterday")), Rule::V7),
        (at("jti", json!(1)), Rule::V7),
        (at("sub", json!(well_known::LYNC.to_string())), Rule::V18),
        (at("oid", json!(well_known::LYNC.to_string())), Rule::V18),
        (at("upn", json!("nobody")), Rule::V18),
        (at("upn", json!(1)), Rule::V7),
        (at("nameid", json!("s-1-5-21-1-2-3-1104")), Rule::V18),
        (at("client_id", json!(other_app)), Rule::V14),
        (at("act", json!({ "sub": other_app })), Rule::V14),
        (at("act", json!({ "sub": well_known::LYNC.to_string(), "act": {} })), Rule::V6),
        (at("act", json!({ "sub": 4 })), Rule::V7),
        (at("act", json!({})), Rule::V7),
        (at("act", json!("00000004-0000-0ff1-ce00-000000000000")), Rule::V7),
        (at("actor", json!("x")), Rule::V5),
        (at("actortoken", json!(vector::ACTOR)), Rule::V5),
        (at("cnf", json!({ "jkt": "AAAA" })), Rule::V21),
        (at("cnf", json!({ "x5t#S256": "AAAA" })), Rule::V21),
        (at("cnf", json!({ "other": "AAAA" })), Rule::V21),
        (at("cnf", json!({})), Rule::V21),
    ];
    for (token, rule) in cases {
        world.stopped(&token, rule);
    }
    for name in ["aud", "iss", "iat", "nbf", "exp", "jti", "sub", "oid", "tid", "client_id", "act"] {
        let without = world.token(|claims| drop(claims.as_object_mut().unwrap().remove(name)));
        world.stopped(&without, Rule::V7);
    }
    let nobody = world.token(|claims| {
        for name in ["upn", "smtp"] {
            claims.as_object_mut().unwrap().remove(name);
        }
    });
    world.stopped(&nobody, Rule::V18);
    let unknown = world.token(|claims| {
        claims["client_id"] = other_app.clone().into();
        claims["act"] = json!({ "sub": other_app });
    });
    world.stopped(&unknown, Rule::V15);
}

#[test]
fn the_type_tells_the_kinds_apart() {
    let world = World::new();
    // As an app-only token: the type without `act`'s, whatever else it says.
    let as_jwt = issue::access_token(&world.sts.key, &claims()).unwrap();
    world.stopped(&as_jwt, Rule::V5);
    let app_only = json!({
        "aud": "https://mail.fabrikam.example", "iss": ISSUER, "nbf": vector::NOW, "exp": vector::NOW + 600,
        "tid": vector::TENANT, "appid": well_known::LYNC.to_string(), "roles": ["full_access_as_app"],
    });
    assert_eq!(world.verdict(&issue::access_token(&world.sts.key, &app_only).unwrap()).unwrap().how, How::AppOnly);
    world.stopped(&issue::typed_access_token(&world.sts.key, &app_only).unwrap(), Rule::V7);
    let retyped = |typ: &str| {
        let header = json!({"typ": typ, "alg": "RS256", "x5t": world.sts.key.x5t()}).to_string();
        format!("{}.{}.AAAA", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims().to_string()))
    };
    world.stopped(&retyped("at+jwt"), Rule::V10);
    world.stopped(&retyped("application/at+jwt"), Rule::V10);
    for typ in ["dpop+jwt", "secevent+jwt", "at+jwt ", ""] {
        world.stopped(&retyped(typ), Rule::V4);
    }
}

#[test]
fn it_must_be_signed_by_its_issuer() {
    let world = World::new();
    let token = world.token(|_| ());
    let (signed, _) = token.rsplit_once('.').unwrap();
    world.stopped(&format!("{signed}."), Rule::V10);
    world.stopped(&format!("{signed}.AAAA"), Rule::V10);
    let body = URL_SAFE_NO_PAD.encode(claims().to_string());
    let none = URL_SAFE_NO_PAD.encode(r#"{"typ":"at+jwt","alg":"none"}"#);
    world.stopped(&format!("{none}.{body}."), Rule::V5);
    let symmetric = URL_SAFE_NO_PAD.encode(r#"{"typ":"at+jwt","alg":"HS256"}"#);
    world.stopped(&format!("{symmetric}.{body}.AAAA"), Rule::V5);
    let stranger = Signer::new("stranger");
    world.stopped(&issue::typed_access_token(&stranger.key, &claims()).unwrap(), Rule::V9);
    for index in (0..token.len()).step_by(11) {
        let mut bytes = token.as_bytes().to_vec();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        assert!(world.verdict(&String::from_utf8(bytes).unwrap()).is_err(), "character {index}");
    }
}

#[test]
fn a_partner_cannot_issue_it_for_itself() {
    let mut world = World::new();
    world.trust.issuers.last_mut().unwrap().voice = Voice::Partner(vector::tenant());
    world.stopped(&world.token(|_| ()), Rule::V15);
}

#[test]
fn the_resource_decides_from_whom() {
    let with = |change: &dyn Fn(&mut actas_token::Partner)| {
        let mut world = World::new();
        change(&mut world.trust.partners[0]);
        world.verdict(&world.token(|_| ())).map(drop).map_err(|refusal| refusal.rule())
    };
    assert_eq!(with(&|_| ()), Ok(()));
    assert_eq!(with(&|p| p.act_as = false), Ok(()), "the other kind's switch");
    assert_eq!(with(&|p| p.linked_account = None), Ok(()), "the user's rights, not the account's");
    assert_eq!(with(&|p| p.sts_issued_act_as = false), Err(Rule::V17));
    assert_eq!(with(&|p| p.trust_level = TrustLevel::Application), Err(Rule::V17));
    assert_eq!(with(&|p| p.trust_level = TrustLevel::User), Err(Rule::V17));
    assert_eq!(with(&|p| p.enabled = false), Err(Rule::V15));
    assert_eq!(with(&|p| p.tenant = OTHER_TENANT.parse().unwrap()), Err(Rule::V15));
    assert_eq!(with(&|p| p.key_source = KeySource::Own { realm: vector::TENANT.into() }), Err(Rule::V15));
}

#[test]
fn es256_signs_every_kind() {
    let world = World::signed_by(Signer::p256("sts"));
    assert_eq!(world.sts.key.algorithm(), Algorithm::Es256);
    let token = world.token(|_| ());
    assert!(matches!(world.verdict(&token).unwrap().how, How::ActAs(_)));
    // r || s, 64 bytes; the last changed.
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert_eq!(bytes.len(), 64);
    bytes[63] ^= 1;
    world.stopped(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes)), Rule::V10);
    // A key goes with its own algorithms: RS256 named over an EC key.
    let header = json!({"typ": "at+jwt", "alg": "RS256", "x5t": world.sts.key.x5t()}).to_string();
    let (_, payload) = signed.split_once('.').unwrap();
    world.stopped(&format!("{}.{payload}.{signature}", URL_SAFE_NO_PAD.encode(header)), Rule::V10);
}
