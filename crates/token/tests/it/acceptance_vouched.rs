//! Tokens at a resource that looks up its callers in the directory: what the token service
//! vouches for is believed, and partners count for nothing.

use actas_token::accept::{Vouched, accept_vouched};
use actas_token::{
    How, Issuer, IssuerKeys, Judge, Limits, Memory, Possession, Refusal, Resource, Rule, Trust, Voice, issue,
    well_known,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::signing::Signer;
use crate::vector;

const ISSUER: &str = "https://sts.cloud.example/11112222-3333-4444-5555-666677778888/";
const GRAPH: &str = "https://graph.cloud.example";
const APP: Uuid = Uuid::from_u128(0xa99);
const PRINCIPAL: Uuid = Uuid::from_u128(0x5e);
const USER: Uuid = Uuid::from_u128(0x00ad_e1e0);

struct World {
    sts: Signer,
    trust: Trust,
}

impl World {
    /// Partners are registered, too: they must not matter.
    fn new() -> Self {
        let sts = Signer::new("sts");
        let mut trust = vector::trust();
        trust.issuers.push(IssuerKeys {
            issuer: Issuer::Url(ISSUER.into(), vector::tenant()),
            voice: Voice::TokenService,
            keys: vec![sts.verifying()].into(),
        });
        Self { sts, trust }
    }

    fn verdict(&self, token: &str) -> Result<Vouched, Refusal> {
        let hosts = vec!["graph.cloud.example".into()];
        let resource = Resource { app_id: well_known::GRAPH, hosts, app_role: None, port: None };
        accept_vouched(token, Possession::default(), &resource, &self.trust, &Limits::default(), vector::now())
    }

    fn alone(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = alone();
        change(&mut claims);
        issue::access_token(&self.sts.key, &claims).unwrap()
    }

    fn acting(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = acting();
        change(&mut claims);
        issue::typed_access_token(&self.sts.key, &claims).unwrap()
    }

    #[track_caller]
    fn stopped(&self, token: &str, rule: Rule) {
        let refusal = self.verdict(token).unwrap_err();
        assert_eq!(refusal.rule(), rule, "{refusal}");
    }
}

fn alone() -> Value {
    json!({
        "aud": GRAPH,
        "iss": ISSUER,
        "nbf": vector::NOW - 300,
        "exp": vector::NOW + 3600,
        "appid": APP.to_string(),
        "oid": PRINCIPAL.to_string(),
        "tid": vector::TENANT,
        "roles": ["Mail.Read", "User.Read.All"],
    })
}

fn acting() -> Value {
    json!({
        "aud": GRAPH,
        "iss": ISSUER,
        "iat": vector::NOW - 300,
        "nbf": vector::NOW - 300,
        "exp": vector::NOW + 3600,
        "jti": "one",
        "sub": USER.to_string(),
        "oid": USER.to_string(),
        "upn": vector::USER,
        "tid": vector::TENANT,
        "client_id": APP.to_string(),
        "act": { "sub": APP.to_string(), "oid": PRINCIPAL.to_string() },
        "scp": "Mail.Read Mail.ReadWrite",
    })
}

#[test]
fn an_application_that_is_no_partner_is_accepted_as_itself() {
    let world = World::new();
    for audience in [GRAPH.to_owned(), format!("{GRAPH}/"), well_known::GRAPH.to_string()] {
        let vouched = world.verdict(&world.alone(|claims| claims["aud"] = audience.into())).unwrap();
        assert_eq!((vouched.tenant, vouched.app_id, vouched.object_id), (vector::tenant(), APP, PRINCIPAL));
        assert_eq!(vouched.how, How::AppOnly);
        assert_eq!(vouched.permissions, ["Mail.Read", "User.Read.All"]);
        assert_eq!(vouched.expires.as_second(), vector::NOW + 3600);
    }
}

#[test]
fn an_application_that_acts_as_a_user_has_the_scopes_of_the_token() {
    let world = World::new();
    let vouched = world.verdict(&world.acting(|_| {})).unwrap();
    assert_eq!((vouched.app_id, vouched.object_id), (APP, PRINCIPAL));
    assert_eq!(vouched.permissions, ["Mail.Read", "Mail.ReadWrite"]);
    let How::ActAs(user) = vouched.how else { panic!("not act-as") };
    assert_eq!(user.object_id(), Some(USER));
    let without = world.acting(|claims| {
        claims.as_object_mut().unwrap().remove("scp");
        claims["roles"] = json!(["Mail.Read"]);
    });
    assert_eq!(world.verdict(&without).unwrap().permissions, [""; 0], "roles are the application's own");
}

#[test]
fn every_member_of_an_applications_token_counts() {
    let world = World::new();
    let at = |name: &'static str, value: Value| world.alone(move |claims| claims[name] = value);
    let cases = [
        (at("aud", json!("https://mail.fabrikam.example")), Rule::V12),
        (at("aud", json!(well_known::EXCHANGE.to_string())), Rule::V12),
        (at("iss", json!("https://sts.evil.example/")), Rule::V8),
        (at("tid", json!("99992222-3333-4444-5555-666677778888")), Rule::V11),
        (at("exp", json!(vector::NOW - 300)), Rule::V13),
        (at("nbf", json!(vector::NOW + 301)), Rule::V13),
        (at("appid", json!("nobody")), Rule::V15),
        (at("oid", json!("nobody")), Rule::V15),
        (at("oid", json!(7)), Rule::V7),
        (at("scp", json!("Mail.Read")), Rule::V16),
        (at("act", json!({ "sub": APP.to_string() })), Rule::V5),
        (at("actortoken", json!("a.b.c")), Rule::V5),
        (at("cnf", json!({ "jkt": "x" })), Rule::V21),
    ];
    for (token, rule) in cases {
        world.stopped(&token, rule);
    }
    let stranger = Signer::new("stranger");
    assert!(world.verdict(&issue::access_token(&stranger.key, &alone()).unwrap()).is_err());
}

#[test]
fn every_member_of_an_act_as_token_counts() {
    let world = World::new();
    let at = |name: &'static str, value: Value| world.acting(move |claims| claims[name] = value);
    let cases = [
        (at("aud", json!("https://mail.fabrikam.example")), Rule::V12),
        (at("client_id", json!(Uuid::nil().to_string())), Rule::V14),
        (at("act", json!({ "sub": APP.to_string() })), Rule::V7),
        (at("act", json!({ "sub": APP.to_string(), "oid": "x" })), Rule::V15),
        (at("sub", json!(Uuid::nil().to_string())), Rule::V18),
        (at("scp", json!(["Mail.Read"])), Rule::V7),
        (at("jti", Value::Null), Rule::V7),
    ];
    for (token, rule) in cases {
        world.stopped(&token, rule);
    }
    // The same claims in a token of the other type.
    world.stopped(&issue::access_token(&world.sts.key, &acting()).unwrap(), Rule::V5);
}

#[test]
fn what_partners_bring_is_refused() {
    let world = World::new();
    // The frozen act-as envelope and its actor token, which the partners' rules accept.
    world.stopped(&vector::act_as(), Rule::V5);
    world.stopped(vector::ACTOR, Rule::V7);
}

#[test]
fn what_is_remembered_of_a_token_spares_the_signature_alone() {
    let mut world = World::new();
    let memory = Memory::new(64);
    let verdict = |world: &World, token: &str, host: &str| {
        let resource = Resource { app_id: well_known::GRAPH, hosts: vec![host.to_owned()], app_role: None, port: None };
        let limits = Limits::default();
        Judge::new(&resource, &world.trust, &limits)
            .with_memory(&memory)
            .accept_vouched(token, Possession::default(), vector::now())
            .map(|vouched| vouched.permissions)
            .map_err(|refusal| refusal.rule())
    };
    let here = "graph.cloud.example";
    let (alone, acting) = (world.alone(|_| {}), world.acting(|_| {}));
    for (token, permissions) in [(&alone, ["Mail.Read", "User.Read.All"]), (&acting, ["Mail.Read", "Mail.ReadWrite"])] {
        for _ in 0..2 {
            assert_eq!(verdict(&world, token, here), Ok(permissions.map(str::to_owned).to_vec()));
            assert_eq!(verdict(&world, token, "elsewhere.example"), Err(Rule::V12));
        }
    }
    assert_eq!(memory.len(), 2);
    world.trust.issuers.last_mut().unwrap().keys = vec![Signer::new("next").verifying()].into();
    for token in [&alone, &acting] {
        assert_eq!(verdict(&world, token, here), Err(Rule::V9), "a withdrawn key");
    }
    // What the partners' rules remembered of an actor is no reason to believe it here.
    let (exchange, limits) = (vector::resource(), vector::generous());
    let partners = Judge::new(&exchange, &world.trust, &limits).with_memory(&memory);
    assert!(partners.accept(&vector::act_as(), Possession::default(), vector::now()).is_ok());
    assert_eq!(memory.len(), 3);
    assert_eq!(verdict(&world, vector::ACTOR, here), Err(Rule::V7));
    assert_eq!(verdict(&world, &vector::act_as(), here), Err(Rule::V5));
}
