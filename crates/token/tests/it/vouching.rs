//! Who vouches for whom, in which realm, at which host and port: each refusal beside its twin.

use actas_token::accept::accept;
use actas_token::{
    Issuer, IssuerKeys, Judge, KeySource, Limits, Partner, Possession, Principal, RealmRule, Refusal, Resource, Rule,
    Trust, TrustIndex, Voice, issue, well_known,
};
use jiff::SignedDuration;
use uuid::Uuid;

use crate::signing::Signer;
use crate::vector;

const OTHER_TENANT: &str = "99992222-3333-4444-5555-666677778888";
const FARM: &str = "farm.example";

/// An actor token: who signs as whom, about whom, for which audience.
fn token(signer: &Signer, issuer: (Uuid, &str), caller: (Uuid, &str), audience: &str) -> String {
    let asked = issue::ActorToken {
        audience,
        issuer: &Principal::in_realm(issuer.0, issuer.1),
        caller: &Principal::in_realm(caller.0, caller.1),
        object_id: None,
        trusted_for_delegation: true,
        lifetime: SignedDuration::from_hours(1),
        confirmation: None,
    };
    issue::actor_token(&signer.key, &asked, vector::now()).unwrap()
}

fn audience(host: &str, realm: &str) -> String {
    format!("{}/{host}@{realm}", well_known::EXCHANGE)
}

fn rule(token: &str, resource: &Resource, trust: &Trust) -> Result<(), Rule> {
    let anew = accept(token, resource, trust, &Limits::default(), vector::now());
    let (limits, index) = (Limits::default(), TrustIndex::of(trust));
    let indexed = Judge::new(resource, trust, &limits).with_index(&index);
    let indexed = indexed.accept(token, Possession::default(), vector::now());
    let rule = |verdict: Result<_, Refusal>| verdict.map(drop).map_err(|refusal| refusal.rule());
    let (anew, indexed) = (rule(anew.map(drop)), rule(indexed.map(drop)));
    assert_eq!(anew, indexed, "an index changes nothing");
    anew
}

/// The token service of the vector with a key that signs here, and another tenant beside it.
fn of_token_service(sts: &Signer) -> Trust {
    let mut trust = vector::trust();
    trust.issuers[0].keys = [sts.verifying()].into();
    trust.realms.insert(OTHER_TENANT.into(), OTHER_TENANT.parse().unwrap());
    trust.realms.insert("fabrikam.example".into(), vector::tenant());
    trust
}

fn of_itself(app_id: Uuid) -> Partner {
    Partner { app_id, key_source: KeySource::Own { realm: FARM.into() }, ..vector::partner() }
}

#[test]
fn a_token_service_speaks_for_one_tenant_at_a_time() {
    let sts = Signer::p256("sts");
    let trust = of_token_service(&sts);
    let (service, caller) = ((well_known::STS, vector::TENANT), (well_known::LYNC, vector::TENANT));
    let rule = |realm: &str| {
        rule(&token(&sts, service, caller, &audience("mail.fabrikam.example", realm)), &vector::resource(), &trust)
    };
    assert_eq!(rule(vector::TENANT), Ok(()));
    assert_eq!(rule("fabrikam.example"), Ok(()), "another name of the same tenant");
    assert_eq!(rule(OTHER_TENANT), Err(Rule::V11));
    assert_eq!(rule("nowhere.example"), Err(Rule::V11));
}

#[test]
fn a_partner_speaks_in_its_own_realm_or_its_tenants() {
    let farm = Signer::p256("farm");
    let mut trust = of_token_service(&Signer::p256("sts"));
    trust.issuers.push(farm.as_partner(well_known::SHAREPOINT, vector::tenant(), FARM));
    trust.partners.push(of_itself(well_known::SHAREPOINT));
    let own = (well_known::SHAREPOINT, FARM);
    let rule = |realm: &str| {
        rule(&token(&farm, own, own, &audience("mail.fabrikam.example", realm)), &vector::resource(), &trust)
    };
    assert_eq!(rule(FARM), Ok(()));
    assert_eq!(rule(vector::TENANT), Ok(()));
    assert_eq!(rule(OTHER_TENANT), Err(Rule::V11));
    assert_eq!(rule("nowhere.example"), Err(Rule::V11));
}

#[test]
fn partners_of_one_realm_do_not_vouch_for_each_other() {
    let farm = Signer::p256("farm");
    let mut trust = of_token_service(&Signer::p256("sts"));
    trust.issuers.push(IssuerKeys {
        issuer: Issuer::Principal(well_known::SHAREPOINT, RealmRule::Any),
        voice: Voice::Partner(vector::tenant()),
        keys: [farm.verifying()].into(),
    });
    let other = Uuid::from_u128(7);
    trust.partners.extend([of_itself(well_known::SHAREPOINT), of_itself(other)]);
    let rule = |caller: Uuid, realm: &str| {
        let audience = audience("mail.fabrikam.example", realm);
        let token = token(&farm, (well_known::SHAREPOINT, realm), (caller, realm), &audience);
        rule(&token, &vector::resource(), &trust)
    };
    assert_eq!(rule(well_known::SHAREPOINT, FARM), Ok(()));
    assert_eq!(rule(other, FARM), Err(Rule::V15), "another partner of the same realm");
    assert_eq!(
        rule(well_known::SHAREPOINT, "other.example"),
        Err(Rule::V15),
        "in a realm that it was not registered in"
    );
}

#[test]
fn a_port_is_ours_or_left_out() {
    let sts = Signer::p256("sts");
    let trust = of_token_service(&sts);
    let (service, caller) = ((well_known::STS, vector::TENANT), (well_known::LYNC, vector::TENANT));
    let rule = |port: Option<u16>, host: &str| {
        let resource = Resource { port, ..vector::resource() };
        rule(&token(&sts, service, caller, &audience(host, vector::TENANT)), &resource, &trust)
    };
    assert_eq!(rule(Some(8443), "mail.fabrikam.example:8443"), Ok(()));
    assert_eq!(rule(Some(8443), "mail.fabrikam.example"), Ok(()));
    for wrong in ["mail.fabrikam.example:443", "mail.fabrikam.example:", "mail.fabrikam.example:08443", ":8443"] {
        assert_eq!(rule(Some(8443), wrong), Err(Rule::V12), "{wrong}");
    }
    assert_eq!(rule(None, "mail.fabrikam.example:443"), Err(Rule::V12), "a port that nobody configured");
}

#[test]
fn an_application_of_the_token_service_holds_the_role_that_is_asked_for() {
    let sts = Signer::p256("sts");
    let (mut trust, issuer) = (of_token_service(&sts), "https://sts.cloud.example/tenant/");
    let url = |url: &str, tenant| IssuerKeys {
        issuer: Issuer::Url(url.into(), tenant),
        voice: Voice::TokenService,
        keys: [sts.verifying()].into(),
    };
    trust.issuers.push(url("https://sts.cloud.example/other/", OTHER_TENANT.parse().unwrap()));
    trust.issuers.push(url(issuer, vector::tenant()));
    let now = vector::now().as_second();
    let rule = |wanted: Option<&str>, roles: serde_json::Value| {
        let claims = serde_json::json!({
            "iss": issuer, "aud": "https://mail.fabrikam.example", "tid": vector::TENANT, "nbf": now,
            "exp": now + 3600, "appid": well_known::LYNC.to_string(), "roles": roles,
        });
        let resource = Resource { app_role: wanted.map(str::to_owned), ..vector::resource() };
        rule(&issue::access_token(&sts.key, &claims).unwrap(), &resource, &trust)
    };
    let wanted = Some("full_access_as_app");
    assert_eq!(rule(wanted, serde_json::json!(["other", "full_access_as_app"])), Ok(()));
    assert_eq!(rule(wanted, serde_json::json!(["other"])), Err(Rule::V16));
    assert_eq!(rule(wanted, serde_json::json!("full_access_as_app")), Err(Rule::V16), "no list of roles");
    assert_eq!(rule(wanted, serde_json::json!([])), Err(Rule::V16));
    assert_eq!(rule(None, serde_json::json!([])), Ok(()));
}
