//! The attacks that a validator has to resist, as far as they are about a token: each row
//! a token of the attacker's, with the rule that stops it. `docs/attacks.md` names them,
//! and the tests of those that are about the wire.

use actas_token::accept::{accept, accept_from};
use actas_token::possession::Possession;
use actas_token::{
    Accepted, How, Issuer, IssuerKeys, KeySource, Limits, Principal, RealmRule, Refusal, Resource, Trust, TrustLevel,
    UserKey, Voice, token_hash, well_known,
};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::signing::Signer;
use crate::vector;

const OTHER_TENANT: &str = "99992222-3333-4444-5555-666677778888";
const OTHER_USER: &str = "omar@fabrikam.example";

// === who is attacked ===

/// A resource of two tenants. It trusts a token service for both, and in the first tenant
/// SharePoint, which signs with a key of its own.
struct World {
    sts: Signer,
    farm: Signer,
    /// A key that nobody trusts.
    stranger: Signer,
    resource: Resource,
    trust: Trust,
    limits: Limits,
}

impl World {
    fn new() -> Self {
        let (sts, farm) = (Signer::new("sts"), Signer::new("farm"));
        let mut trust = Trust {
            issuers: vec![
                IssuerKeys {
                    issuer: Issuer::Principal(well_known::STS, RealmRule::Any),
                    voice: Voice::TokenService,
                    keys: vec![sts.verifying()].into(),
                },
                farm.as_partner(well_known::SHAREPOINT, vector::tenant(), vector::TENANT),
            ],
            ..vector::trust()
        };
        let other = OTHER_TENANT.parse().unwrap();
        trust.realms.insert(OTHER_TENANT.to_owned(), other);
        let mut own = vector::partner();
        own.app_id = well_known::SHAREPOINT;
        own.key_source = KeySource::Own { realm: vector::TENANT.into() };
        let mut there = vector::partner();
        there.tenant = other;
        trust.partners.extend([own, there]);
        let stranger = Signer::new("stranger");
        Self { sts, farm, stranger, resource: vector::resource(), trust, limits: Limits::default() }
    }

    fn verdict_at(&self, token: &str, now: Timestamp) -> Result<Accepted, Refusal> {
        let accepted = accept(token, &self.resource, &self.trust, &self.limits, now)?;
        if let How::ActAs(claims) = &accepted.how {
            let named = |key: UserKey<&'_ str>| match key {
                UserKey::Upn(name) | UserKey::Smtp(name) | UserKey::Sip(name) => {
                    [vector::USER, OTHER_USER].into_iter().filter(|user| *user == name).collect()
                }
                _ => Vec::new(),
            };
            claims.agree(&claims.keys().map(named).collect::<Vec<Vec<&str>>>())?;
        }
        Ok(accepted)
    }

    fn verdict(&self, token: &str) -> Result<Accepted, Refusal> {
        self.verdict_at(token, vector::now())
    }

    #[track_caller]
    fn stopped(&self, what: &str, token: &str, rule: &str) {
        match self.verdict(token) {
            Ok(accepted) => panic!("{what}: {accepted:?}"),
            Err(refusal) => assert_eq!(refusal.rule().name(), rule, "{what}: {refusal}"),
        }
    }

    #[track_caller]
    fn accepted(&self, what: &str, token: &str) {
        if let Err(refusal) = self.verdict(token) {
            panic!("{what}: {refusal}");
        }
    }

    /// Refused, alone and in an envelope that is good for the rest.
    #[track_caller]
    fn stopped_both(&self, what: &str, actor: &str, rules: [&str; 2]) {
        self.stopped(&format!("{what}, alone"), actor, rules[0]);
        self.stopped(&format!("{what}, in an envelope"), &envelope(actor, |_| ()), rules[1]);
    }

    /// An actor token of the token service, with claims changed.
    fn actor(&self, change: impl FnOnce(&mut Value)) -> String {
        signed(&self.sts, &header(&self.sts), &claims(change))
    }
}

fn header(signer: &Signer) -> Value {
    json!({ "typ": "JWT", "alg": "RS256", "x5t": signer.key.x5t() })
}

fn claims(change: impl FnOnce(&mut Value)) -> Value {
    let mut claims = json!({
        "aud": format!("{}/mail.fabrikam.example@{}", well_known::EXCHANGE, vector::TENANT),
        "iss": format!("{}@{}", well_known::STS, vector::TENANT),
        "nbf": (vector::NOW - 300).to_string(),
        "exp": (vector::NOW + 3300).to_string(),
        "nameid": format!("{}@{}", well_known::LYNC, vector::TENANT),
        "trustedfordelegation": "true",
    });
    change(&mut claims);
    claims
}

fn signed(signer: &Signer, header: &Value, claims: &Value) -> String {
    signer.sign_text(&header.to_string(), &claims.to_string())
}

/// Adele, by an envelope around an actor token.
fn envelope(actor: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = json!({
        "aud": format!("{}/mail.fabrikam.example@{}", well_known::EXCHANGE, vector::TENANT),
        "iss": format!("{}@{}", well_known::LYNC, vector::TENANT),
        "nbf": vector::NOW.to_string(),
        "exp": (vector::NOW + 300).to_string(),
        "nameid": vector::USER, "nii": "urn:office:idp:activedirectory", "upn": vector::USER,
        "smtp": vector::USER, "sip": vector::USER,
        "actortoken": actor,
    });
    change(&mut claims);
    vector::unsigned(&claims.to_string())
}

fn remove(claims: &mut Value, name: &str) {
    claims.as_object_mut().unwrap().remove(name);
}

fn unsigned_with(header: &str, claims: &Value, signature: &str) -> String {
    format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

#[test]
fn the_twin_of_every_attack_is_accepted() {
    let world = World::new();
    let actor = world.actor(|_| ());
    world.accepted("an application", &actor);
    world.accepted("an application as a user", &envelope(&actor, |_| ()));
    let own = signed(
        &world.farm,
        &header(&world.farm),
        &claims(|claims| {
            for name in ["iss", "nameid"] {
                claims[name] = format!("{}@{}", well_known::SHAREPOINT, vector::TENANT).into();
            }
        }),
    );
    world.accepted("an application with its own key", &own);
}

// === signatures, A1 to A7 ===

#[test]
fn a01_none_signs_nothing_in_any_spelling() {
    let world = World::new();
    let none = |alg: &str, signature: &str| {
        let header = json!({ "typ": "JWT", "alg": alg }).to_string();
        unsigned_with(&header, &claims(|claims| claims["ver"] = "hashedprooftoken".into()), signature)
    };
    world.stopped_both("none", &none("none", ""), ["V5", "V6"]);
    world.stopped_both("none with a signature", &none("none", "AAAA"), ["V5", "V6"]);
    for alg in ["None", "NONE", "nOnE", "none ", "", "n\u{43e}ne"] {
        for signature in ["", "AAAA"] {
            world.stopped_both(alg, &none(alg, signature), ["V5", "V5"]);
        }
        let header = json!({ "typ": "JWT", "alg": alg }).to_string();
        let outer = envelope(&world.actor(|_| ()), |_| ());
        let payload = outer.split('.').nth(1).unwrap();
        world.stopped(alg, &format!("{}.{payload}.", URL_SAFE_NO_PAD.encode(header)), "V5");
    }
}

#[test]
fn a02_a_key_that_is_found_has_to_verify() {
    let world = World::new();
    let token = world.actor(|_| ());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    for forged in ["", "AAAA", "AA", &"A".repeat(342), &signature[4..]] {
        world.stopped_both(forged, &format!("{signed}.{forged}"), ["V10", "V10"]);
    }
    // The signature of another token of the same key.
    let another = world.actor(|claims| claims["trustedfordelegation"] = "false".into());
    let (_, another) = another.rsplit_once('.').unwrap();
    world.stopped_both("another's", &format!("{signed}.{another}"), ["V10", "V10"]);
}

#[test]
fn a03_the_resources_own_key_speaks_for_nobody() {
    // `stranger` is here the resource, which publishes its certificate to everybody.
    let world = World::new();
    let ours = &world.stranger;
    world.stopped_both("as the token service", &signed(ours, &header(ours), &claims(|_| ())), ["V9", "V9"]);
    world.stopped_both("its name alone", &unsigned_with(&header(ours).to_string(), &claims(|_| ()), "AAAA"), ["V9"; 2]);
    let own_name = claims(|claims| {
        for name in ["iss", "nameid"] {
            claims[name] = format!("{}@{}", well_known::EXCHANGE, vector::TENANT).into();
        }
    });
    let token = signed(ours, &header(ours), &own_name);
    world.stopped("in its own name", &token, "V8");
    let iss = own_name["iss"].clone();
    world.stopped("in its own name, enveloped", &envelope(&token, |claims| claims["iss"] = iss), "V8");
}

#[test]
fn a04_an_issuer_that_is_not_registered_is_refused() {
    let world = World::new();
    for issuer in [
        format!("{}@{}", uuid::Uuid::from_u128(5), vector::TENANT),
        format!("{}@{}", well_known::LYNC, vector::TENANT),
        format!("{}@{OTHER_TENANT}", well_known::SHAREPOINT),
        format!("{}@*", well_known::SHAREPOINT),
    ] {
        let claims = claims(|claims| claims["iss"] = issuer.clone().into());
        // By a key that is trusted, for others: it is never looked up by its thumbprint.
        for signer in [&world.stranger, &world.sts, &world.farm] {
            world.stopped_both(&issuer, &signed(signer, &header(signer), &claims), ["V8", "V8"]);
        }
    }
    for issuer in ["*", "", "sts", "00000001-0000-0000-c000-000000000000", "00000001-0000-0000-c000-000000000000@"] {
        world.stopped_both(issuer, &world.actor(|claims| claims["iss"] = issuer.into()), ["V7", "V7"]);
    }
    let any = world.actor(|claims| claims["iss"] = format!("{}@*", well_known::STS).into());
    world.stopped_both("the realm `*` in a token", &any, ["V11", "V11"]);
}

#[test]
fn a05_an_actor_token_without_audience_is_refused() {
    let world = World::new();
    world.stopped_both("no aud", &world.actor(|claims| remove(claims, "aud")), ["V7", "V7"]);
    for (aud, rule) in [(Value::Null, "V7"), (json!([]), "V7"), (json!(""), "V12"), (json!("*"), "V12")] {
        world.stopped_both("aud", &world.actor(|claims| claims["aud"] = aud.clone()), [rule, rule]);
    }
}

#[test]
fn a06_a_public_key_is_no_secret_to_sign_with() {
    let world = World::new();
    let certificate = &world.sts.certificate;
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(certificate));
    for secret in [certificate.clone(), pem.into_bytes(), STANDARD.encode(certificate).into_bytes(), Vec::new()] {
        for (alg, algorithm) in
            [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
        {
            let header = json!({ "typ": "JWT", "alg": alg, "x5t": world.sts.key.x5t() });
            let token = unsigned_with(&header.to_string(), &claims(|_| ()), "");
            let input = token.trim_end_matches('.');
            let tag = hmac::sign(&hmac::Key::new(algorithm, &secret), input.as_bytes());
            world.stopped_both(alg, &format!("{input}.{}", URL_SAFE_NO_PAD.encode(tag)), ["V5", "V5"]);
        }
    }
    // A good RSA signature under the name of another algorithm that is in the list.
    for alg in ["PS256", "ES256"] {
        let header = json!({ "typ": "JWT", "alg": alg, "x5t": world.sts.key.x5t() });
        world.stopped_both(alg, &signed(&world.sts, &header, &claims(|_| ())), ["V10", "V10"]);
    }
}

#[test]
fn a07_a_token_does_not_choose_its_key() {
    let world = World::new();
    let with = |name: &str, value: Value| {
        let mut header = header(&world.stranger);
        header[name] = value;
        signed(&world.stranger, &header, &claims(|_| ()))
    };
    let certificate = STANDARD.encode(&world.stranger.certificate);
    for (name, value) in [
        ("jwk", json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" })),
        ("x5c", json!([certificate])),
        ("jku", json!("https://evil.example/keys")),
        ("x5u", json!("https://evil.example/key.pem")),
        ("crit", json!(["b64"])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("enc", json!("A256GCM")),
        ("kid", json!(["a"])),
        ("x5t", json!({ "$ne": "" })),
    ] {
        world.stopped_both(name, &with(name, value), ["V4", "V4"]);
    }
    for hint in ["../../../../dev/null", "' OR '1'='1", "*)(uid=*", "file:///etc/passwd", "\0", &"A".repeat(4000)] {
        for name in ["x5t", "kid", "x5t#S256"] {
            let mut header = json!({ "typ": "JWT", "alg": "RS256" });
            header[name] = hint.into();
            world.stopped_both(hint, &signed(&world.stranger, &header, &claims(|_| ())), ["V9", "V9"]);
        }
    }
    let nameless = json!({ "typ": "JWT", "alg": "RS256" });
    world.stopped_both("no name", &signed(&world.stranger, &nameless, &claims(|_| ())), ["V10", "V10"]);
    world.accepted("no name, and the right key", &signed(&world.sts, &nameless, &claims(|_| ())));
}

// === tenants, audiences, nesting, time: A8 to A13 ===

#[test]
fn a08_the_unsigned_part_does_not_choose_the_tenant() {
    let world = World::new();
    let actor = world.actor(|_| ());
    let aud = format!("{}/mail.fabrikam.example@{OTHER_TENANT}", well_known::EXCHANGE);
    let iss = format!("{}@{OTHER_TENANT}", well_known::LYNC);
    world.stopped("aud", &envelope(&actor, |claims| claims["aud"] = aud.clone().into()), "V11");
    world.stopped("iss", &envelope(&actor, |claims| claims["iss"] = iss.clone().into()), "V11");
    let both = |claims: &mut Value| {
        claims["aud"] = aud.clone().into();
        claims["iss"] = iss.clone().into();
    };
    world.stopped("both", &envelope(&actor, both), "V11");
    // The token service signs what is asked for: the realms inside one token, too.
    for name in ["aud", "iss", "nameid"] {
        let mixed = world.actor(|claims| {
            claims[name] = claims[name].as_str().unwrap().replace(vector::TENANT, OTHER_TENANT).into();
        });
        world.stopped(name, &mixed, "V11");
    }
    for name in ["tid", "realm", "identityprovider"] {
        let accepted = world.verdict(&envelope(&actor, |claims| claims[name] = OTHER_TENANT.into())).unwrap();
        assert_eq!(accepted.tenant, vector::tenant(), "{name} in an envelope counts for nothing");
    }
    let there = world.actor(|claims| {
        for name in ["aud", "iss", "nameid"] {
            claims[name] = claims[name].as_str().unwrap().replace(vector::TENANT, OTHER_TENANT).into();
        }
    });
    assert_eq!(world.verdict(&envelope(&there, both)).unwrap().tenant, OTHER_TENANT.parse().unwrap(), "the twin");
}

#[test]
fn a09_an_address_in_a_token_leads_nowhere() {
    let world = World::new();
    let appctx = json!({ "amurl": "https://evil.example/metadata/json/1", "version": "ExIdTok.V1" }).to_string();
    let with = |signer: &Signer| {
        let claims = claims(|claims| {
            claims["appctx"] = appctx.clone().into();
            claims["amurl"] = "https://evil.example/metadata/json/1".into();
        });
        signed(signer, &header(signer), &claims)
    };
    world.stopped_both("a stranger's key, published at the address", &with(&world.stranger), ["V9", "V9"]);
    world.accepted("the address beside a good signature", &with(&world.sts));
}

#[test]
fn a10_a_token_is_for_one_resource_at_one_host() {
    let world = World::new();
    let aud = |app: uuid::Uuid, host: &str| format!("{app}/{host}@{}", vector::TENANT);
    let exchange = well_known::EXCHANGE;
    for (aud, rule) in [
        (aud(well_known::SHAREPOINT, "mail.fabrikam.example"), "V12"),
        (aud(exchange, "mail.contoso.example"), "V12"),
        (aud(exchange, "mail.fabrikam.example.evil.example"), "V12"),
        (aud(exchange, "evil-mail.fabrikam.example"), "V12"),
        (aud(exchange, "mail.fabrikam.example."), "V12"),
        (aud(exchange, "mail.fabrikam.example:444"), "V12"),
        (aud(exchange, "mail.fabrikam.example:"), "V12"),
        (aud(exchange, "*.fabrikam.example"), "V12"),
        (aud(exchange, "*"), "V12"),
        (aud(exchange, ""), "V12"),
        (aud(exchange, "mail.fabrikam.example/EWS"), "V12"),
        (aud(exchange, "evil.example#mail.fabrikam.example"), "V12"),
        ("https://mail.fabrikam.example".to_owned(), "V12"),
        ("http://mail.fabrikam.example".to_owned(), "V12"),
        (exchange.to_string(), "V12"),
        (format!("{exchange}@{}", vector::TENANT), "V12"),
        (format!("{exchange}/mail.fabrikam.example"), "V12"),
    ] {
        world.stopped(&aud, &world.actor(|claims| claims["aud"] = aud.clone().into()), rule);
        let wrapped = envelope(&world.actor(|_| ()), |claims| claims["aud"] = aud.clone().into());
        world.stopped(&aud, &wrapped, rule);
    }
    // Both hosts are ours, and the two tokens are for different ones.
    let mut two = World::new();
    two.resource.hosts.push("owa.fabrikam.example".into());
    let other = aud(exchange, "owa.fabrikam.example");
    let wrapped = envelope(&two.actor(|_| ()), |claims| claims["aud"] = other.clone().into());
    two.stopped("another of our hosts", &wrapped, "V12");
    two.accepted("the twin", &two.actor(|claims| claims["aud"] = other.into()));
}

#[test]
fn a11_nesting_ends_at_one() {
    let world = World::new();
    let actor = world.actor(|_| ());
    let mut token = envelope(&actor, |_| ());
    for depth in 2..5 {
        token = envelope(&token, |_| ());
        world.stopped(&format!("{depth} envelopes"), &token, "V6");
    }
    for name in ["actortoken", "actor", "act"] {
        let nested = world.actor(|claims| claims[name] = actor.clone().into());
        world.stopped_both(name, &nested, ["V5", "V6"]);
    }
    let deep = |levels: usize| -> Value {
        let text = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        serde_json::from_str(&text).unwrap()
    };
    world.stopped_both("a deep claim", &world.actor(|claims| claims["x"] = deep(100)), ["V3", "V3"]);
    let endless = format!("{{\"x\":{}", "[".repeat(8000));
    world.stopped("brackets alone", &vector::unsigned(&endless), "V3");
    world.accepted("a claim of three levels", &world.actor(|claims| claims["x"] = deep(3)));
}

#[test]
fn a12_a_fresh_envelope_renews_nothing() {
    let world = World::new();
    let ends = |exp: i64| world.actor(|claims| claims["exp"] = exp.to_string().into());
    let begins = |nbf: i64| world.actor(|claims| claims["nbf"] = nbf.to_string().into());
    world.stopped_both("an actor token that has ended", &ends(vector::NOW - 300), ["V13", "V13"]);
    world.stopped_both("an actor token of tomorrow", &begins(vector::NOW + 301), ["V13", "V13"]);
    world.stopped_both("an actor token for years", &ends(vector::NOW + 100_000_000), ["V13", "V13"]);
    world.stopped_both("one that ends before it begins", &ends(vector::NOW - 301), ["V13", "V13"]);
    let short = ends(vector::NOW + 10);
    let outlives = envelope(&short, |claims| claims["exp"] = (vector::NOW + 311).to_string().into());
    world.stopped("an envelope that outlives its actor token", &outlives, "V13");
    world.accepted("the twin", &envelope(&short, |claims| claims["exp"] = (vector::NOW + 310).to_string().into()));
}

#[test]
fn a13_a_stolen_actor_token_is_short_lived_and_may_be_bound() {
    let mut world = World::new();
    // A day, as in the original: no longer than an hour here.
    let long = world.actor(|claims| claims["exp"] = (vector::NOW + 86_400).to_string().into());
    world.stopped_both("an actor token for a day", &long, ["V13", "V13"]);
    // Bound to its holder's certificate, it is worth nothing to who stole it.
    let thumbprint = actas_token::key::x5t_s256(&world.stranger.certificate);
    let bound = world.actor(|claims| claims["cnf"] = json!({ "x5t#S256": thumbprint }));
    world.stopped_both("a bound one, by another", &bound, ["V21", "V21"]);
    let shown = Possession { certificate: Some(&thumbprint), ..Possession::default() };
    let wrapped = envelope(&bound, |_| ());
    let verdict = accept_from(&wrapped, shown, &world.resource, &world.trust, &world.limits, vector::now());
    assert!(verdict.is_ok(), "its holder: {verdict:?}");
    // And a partner that is disabled has no good tokens left.
    let actor = world.actor(|_| ());
    world.accepted("before", &actor);
    world.trust.partners[0].enabled = false;
    world.stopped_both("after", &actor, ["V15", "V15"]);
}

// === users, A14 and A15 ===

#[test]
fn a14_every_id_names_the_same_user() {
    let world = World::new();
    let actor = world.actor(|_| ());
    for name in ["nameid", "upn", "smtp", "sip"] {
        world.stopped(name, &envelope(&actor, |claims| claims[name] = OTHER_USER.into()), "V18");
        let nobody = "nobody@fabrikam.example";
        world.stopped(name, &envelope(&actor, |claims| claims[name] = nobody.into()), "V18");
    }
    let sid = envelope(&actor, |claims| claims["nameid"] = "s-1-5-21-1-2-3-1104".into());
    world.stopped("an administrator's SID beside the own address", &sid, "V18");
    let none = envelope(&actor, |claims| {
        for name in ["nameid", "nii", "upn", "smtp", "sip"] {
            remove(claims, name);
        }
    });
    world.stopped("no id at all", &none, "V18");
}

#[test]
fn a15_ids_that_can_be_guessed_name_nobody() {
    let mut world = World::new();
    let actor = world.actor(|_| ());
    let by = |nameid: &str, nii: &str| {
        envelope(&actor, |claims| {
            for name in ["upn", "smtp", "sip"] {
                remove(claims, name);
            }
            claims["nameid"] = nameid.into();
            claims["nii"] = nii.into();
        })
    };
    let sids = ["s-1-5-21-1-2-3-500", "S-1-5-21-1-2-3-500", "s-1-5-18", "s-1-5-19", "s-1-5-20", "s-1-5-32-544"];
    for sid in sids.into_iter().chain(["s-1-5-21-1-2-3-1104"]) {
        world.stopped(sid, &by(sid, "urn:office:idp:activedirectory"), "V18");
    }
    world.trust.partners[0].accept_sids = true;
    for sid in sids {
        world.stopped(sid, &by(sid, "urn:office:idp:activedirectory"), "V18");
    }
    let allowed = by("s-1-5-21-1-2-3-1104", "urn:office:idp:activedirectory");
    let verdict = accept(&allowed, &world.resource, &world.trust, &world.limits, vector::now());
    assert!(verdict.is_ok(), "an ordinary account, where SIDs are accepted: {verdict:?}");
    for netid in ["100320010000000", "10032001000000000", "1003200100000000g", "0x10032001000000"] {
        world.stopped(netid, &by(netid, "urn:federation:MicrosoftOnline"), "V18");
    }
    world.stopped("a NetID of nobody", &by("1003200100000001", "urn:federation:MicrosoftOnline"), "V18");
}

// === who may do what, A16 to A19 ===

#[test]
fn a16_what_is_unsigned_grants_nothing() {
    let mut world = World::new();
    let grants = |claims: &mut Value| {
        for (name, value) in [
            ("trustedfordelegation", json!("true")),
            ("appctx", json!("{\"trusted\":true}")),
            ("scp", json!("full_access_as_user")),
            ("roles", json!(["full_access_as_app"])),
            ("isbrowserhostedapp", json!("true")),
            ("linked_account", json!("administrator")),
        ] {
            claims[name] = value;
        }
    };
    for flag in [json!("false"), json!("True"), json!(1), json!(null), json!(["true"])] {
        let actor = world.actor(|claims| claims["trustedfordelegation"] = flag.clone());
        world.stopped(&flag.to_string(), &envelope(&actor, grants), "V17");
    }
    let silent = world.actor(|claims| remove(claims, "trustedfordelegation"));
    world.stopped("no flag", &envelope(&silent, grants), "V17");
    let good = world.actor(|_| ());
    world.accepted("the twin", &envelope(&good, grants));
    for level in [TrustLevel::Application, TrustLevel::User] {
        world.trust.partners[0].trust_level = level;
        world.stopped(&format!("{level:?}"), &envelope(&good, grants), "V17");
    }
    world.trust.partners[0].trust_level = TrustLevel::User;
    world.stopped("as itself", &world.actor(grants), "V16");
}

#[test]
fn a17_a_partners_key_speaks_for_that_partner_alone() {
    let world = World::new();
    let name = |app: uuid::Uuid| Value::from(format!("{app}@{}", vector::TENANT));
    let farm = |issuer: uuid::Uuid, caller: uuid::Uuid| {
        let claims = claims(|claims| {
            claims["iss"] = name(issuer);
            claims["nameid"] = name(caller);
        });
        signed(&world.farm, &header(&world.farm), &claims)
    };
    let wrap = |actor: &str, caller: uuid::Uuid| envelope(actor, |claims| claims["iss"] = name(caller));
    let (sts, lync, own) = (well_known::STS, well_known::LYNC, well_known::SHAREPOINT);
    for (issuer, caller, rule) in [(sts, lync, "V9"), (sts, own, "V9"), (own, lync, "V15"), (lync, lync, "V8")] {
        let token = farm(issuer, caller);
        world.stopped(rule, &token, rule);
        world.stopped(rule, &wrap(&token, caller), rule);
    }
    // The other way round: the token service does not speak for who has its own key.
    let token = world.actor(|claims| claims["nameid"] = name(own));
    world.stopped("the token service", &token, "V15");
    world.stopped("the token service, enveloped", &wrap(&token, own), "V15");
    // An envelope in another application's name.
    world.stopped("an envelope of another", &wrap(&world.actor(|_| ()), own), "V14");
    world.accepted("the twin", &wrap(&farm(own, own), own));
}

#[test]
fn a18_a_token_that_is_sent_again_ends_all_the_same() {
    let world = World::new();
    let token = envelope(&world.actor(|_| ()), |_| ());
    let after = |seconds: i64| world.verdict_at(&token, Timestamp::from_second(vector::NOW + seconds).unwrap());
    for seconds in [0, 0, 599] {
        assert!(after(seconds).is_ok(), "a bearer token, within its ten minutes");
    }
    for seconds in [600, 3600, 86_400] {
        assert_eq!(after(seconds).unwrap_err().rule().name(), "V13");
    }
    // Its other spellings are other tokens to who counts them, and no tokens here.
    for other in [format!("{token}="), format!(" {token}"), format!("{token}."), token.to_lowercase()] {
        assert_ne!(token_hash(&other), token_hash(&token));
        assert!(world.verdict(&other).is_err(), "{other}");
    }
}

#[test]
fn a19_other_kinds_of_tokens_are_not_taken_for_this_one() {
    let world = World::new();
    let exchange = |host: &str| format!("{}@{host}", well_known::EXCHANGE);
    let mail = "mail.fabrikam.example";
    let appctx = json!({ "msexchuid": "7", "version": "ExIdTok.V1", "amurl": "https://mail.fabrikam.example/a" });
    let identity = claims(|claims| {
        remove(claims, "nameid");
        claims["aud"] = "https://addin.example/".into();
        claims["iss"] = exchange(mail).into();
        claims["appctxsender"] = exchange(mail).into();
        claims["appctx"] = appctx.to_string().into();
    });
    let callback = claims(|claims| {
        claims["ver"] = "Exchange.Callback.V1".into();
        claims["iss"] = exchange(vector::TENANT).into();
        claims["nameid"] = "7".into();
    });
    let context = claims(|claims| claims["refreshtoken"] = "IAAA".into());
    let id_token = claims(|claims| {
        claims["iss"] = "https://sts.cloud.example/".into();
        claims["nonce"] = "n".into();
    });
    let user_and_app = claims(|claims| claims["actor"] = claims["nameid"].clone());
    let rs256 = header(&world.sts);
    let typed = |typ: &str| {
        let mut header = header(&world.sts);
        header["typ"] = typ.into();
        signed(&world.sts, &header, &claims(|_| ()))
    };
    for (what, token, rules) in [
        ("an identity token of a mail add-in", signed(&world.sts, &rs256, &identity), ["V7", "V7"]),
        ("a callback token", signed(&world.sts, &rs256, &callback), ["V7", "V7"]),
        ("a context token", unsigned_with(r#"{"typ":"JWT","alg":"HS256"}"#, &context, "AAAA"), ["V5", "V5"]),
        ("an id token", signed(&world.sts, &rs256, &id_token), ["V7", "V7"]),
        ("a token of a user and an application", signed(&world.sts, &rs256, &user_and_app), ["V5", "V6"]),
        ("an access token by its type", typed("at+jwt"), ["V7", "V4"]),
        ("a proof of possession", typed("dpop+jwt"), ["V4", "V4"]),
        ("a security event", typed("secevent+jwt"), ["V4", "V4"]),
    ] {
        world.stopped_both(what, &token, rules);
    }
    // The assertion with which a server asks for a token, signed with a key we know.
    let caller = Principal::in_realm(well_known::SHAREPOINT, vector::TENANT);
    let audience = format!("{}/sts.cloud.example@{}", well_known::STS, vector::TENANT);
    let life = SignedDuration::from_mins(5);
    let assertion = actas_token::issue::assertion(&world.farm.key, &caller, &audience, life, vector::now()).unwrap();
    world.stopped("an assertion", &assertion, "V12");
}

// === readers that differ, A20 and A21 ===

#[test]
fn a20_what_two_readers_would_read_differently_is_refused() {
    let world = World::new();
    let header_text = header(&world.sts).to_string();
    let payload = claims(|_| ()).to_string();
    let sign = |payload: &[u8]| world.sts.sign_bytes(header_text.as_bytes(), payload);
    let plain = payload.as_bytes();
    let utf16: Vec<u8> = payload.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let bytes = |parts: &[&[u8]]| parts.concat();
    for (what, payload) in [
        ("a member twice", payload.replacen('{', "{\"iss\":\"x\",", 1).into_bytes()),
        ("a member twice, escaped", payload.replacen('{', "{\"\\u0069ss\":\"x\",", 1).into_bytes()),
        ("a member twice, inside", payload.replacen('{', "{\"x\":{\"a\":1,\"a\":2},", 1).into_bytes()),
        ("a byte order mark", bytes(&[b"\xef\xbb\xbf", plain])),
        ("UTF-16", utf16),
        ("a second object", bytes(&[plain, b"{}"])),
        ("text after the end", bytes(&[plain, b" x"])),
        ("a nul after the end", bytes(&[plain, b"\0"])),
        ("a comment", bytes(&[b"/**/", plain])),
        ("a comma too many", payload.replacen('}', ",}", 1).into_bytes()),
        ("single quotes", payload.replace('"', "'").into_bytes()),
        ("a lone surrogate", payload.replacen('{', "{\"x\":\"\\ud800\",", 1).into_bytes()),
        (
            "no UTF-8",
            payload.replacen('{', "{\"x\":\"?\",", 1).bytes().map(|b| if b == b'?' { 0xff } else { b }).collect(),
        ),
        ("a list", bytes(&[b"[", plain, b"]"])),
    ] {
        world.stopped_both(what, &sign(&payload), ["V3", "V3"]);
    }
    let twice = world.sts.sign_text(&header_text.replacen('{', "{\"alg\":\"none\",", 1), &payload);
    world.stopped_both("a header member twice", &twice, ["V3", "V3"]);
    // Base64 of other kinds: padding, the other alphabet, bits that say nothing, line ends.
    let token = sign(plain);
    world.accepted("the twin", &token);
    let (before, last) = token.split_at(token.len() - 1);
    let next = char::from(last.as_bytes()[0] + 1);
    for (what, token) in [
        ("padding", format!("{token}==")),
        ("bits beyond the last byte", format!("{before}{next}")),
        ("the other alphabet", format!("{}+/", &token[..token.len() - 2])),
        ("a line end", format!("{token}\n")),
        ("a fourth part", format!("{token}.AAAA")),
    ] {
        world.stopped_both(what, &token, ["V3", "V3"]);
    }
}

#[test]
fn a21_names_are_compared_to_the_letter() {
    let world = World::new();
    for name in ["iss", "aud", "nbf", "exp", "nameid"] {
        let renamed = world.actor(|claims| {
            let value = claims[name].take();
            remove(claims, name);
            claims[name.to_uppercase()] = value;
        });
        world.stopped_both(name, &renamed, ["V7", "V7"]);
    }
    // Both spellings: the exact one counts, and the other for nothing.
    let both = world.actor(|claims| claims["NAMEID"] = format!("{}@{}", well_known::SHAREPOINT, OTHER_TENANT).into());
    assert_eq!(world.verdict(&both).unwrap().app_id, well_known::LYNC);
    let upper = |name: &'static str, rules: [&str; 2]| {
        let token = world.actor(|claims| {
            let (app, rest) = claims[name].as_str().unwrap().split_at(36);
            claims[name] = format!("{}{rest}", app.to_uppercase()).into();
        });
        world.stopped_both(name, &token, rules);
    };
    // Of the ids here, Exchange's, Lync's and the token service's have letters.
    upper("iss", ["V7", "V7"]);
    upper("nameid", ["V7", "V7"]);
    upper("aud", ["V12", "V12"]);
    for host in ["ma\u{131}l.fabrikam.example", "mail.fabri\u{212a}am.example", "mail\u{3002}fabrikam.example"] {
        let aud = format!("{}/{host}@{}", well_known::EXCHANGE, vector::TENANT);
        world.stopped_both(host, &world.actor(|claims| claims["aud"] = aud.clone().into()), ["V12", "V12"]);
    }
    let aud = format!("{}/MAIL.Fabrikam.EXAMPLE@{}", well_known::EXCHANGE, vector::TENANT);
    world.accepted("a host in capitals", &world.actor(|claims| claims["aud"] = aud.into()));
    // A user's name folds in ASCII, and no other letter becomes one of it.
    let mail = |upn: &str| envelope(&world.actor(|_| ()), |claims| claims["upn"] = upn.into());
    world.accepted("a user in capitals", &mail("ADELE@Fabrikam.example"));
    world.stopped("the Kelvin sign", &mail("adele@fabri\u{212a}am.example"), "V18");
}

// === identities that are shared, A22, and downgrades, A25 ===

#[test]
fn a22_a_key_on_premises_is_no_key_of_the_clouds_own_service() {
    let mut world = World::new();
    // The farm's key, registered for the farm: as Exchange itself, and as a partner.
    let name = |app: uuid::Uuid| Value::from(format!("{app}@{}", vector::TENANT));
    for (issuer, rule) in [(well_known::EXCHANGE, "V8"), (well_known::STS, "V9"), (well_known::SHAREPOINT, "V15")] {
        let claims = claims(|claims| {
            claims["iss"] = name(issuer);
            claims["nameid"] = name(well_known::EXCHANGE);
        });
        let actor = signed(&world.farm, &header(&world.farm), &claims);
        world.stopped(rule, &actor, rule);
        let iss = name(well_known::EXCHANGE);
        world.stopped(rule, &envelope(&actor, |claims| claims["iss"] = iss), rule);
    }
    // Even the token service cannot let Exchange act on itself: it is no partner.
    let actor = world.actor(|claims| claims["nameid"] = name(well_known::EXCHANGE));
    world.stopped("vouched for", &actor, "V15");
    // What is withdrawn is withdrawn: the farm alone, and nobody else with it.
    world.trust.issuers.pop();
    let own = claims(|claims| {
        for member in ["iss", "nameid"] {
            claims[member] = name(well_known::SHAREPOINT);
        }
    });
    world.stopped("the farm, withdrawn", &signed(&world.farm, &header(&world.farm), &own), "V8");
    world.accepted("the others", &world.actor(|_| ()));
}

#[test]
fn a25_unsigned_envelopes_are_not_a_way_around() {
    let mut world = World::new();
    let (actor, bound) = (
        world.actor(|_| ()),
        world.actor(|claims| claims["cnf"] = json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" })),
    );
    world.accepted("where they are switched on", &envelope(&actor, |_| ()));
    world.stopped("a bound token as Bearer", &envelope(&bound, |_| ()), "V21");
    world.trust.partners[0].act_as = false;
    world.stopped("where they are switched off", &envelope(&actor, |_| ()), "V17");
    world.accepted("the application as itself", &actor);
}
