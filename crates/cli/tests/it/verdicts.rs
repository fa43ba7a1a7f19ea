//! Verdicts rule by rule, what a token looks like, and the file of a gate.

use actas_token::well_known;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::installation::Installation;

#[path = "../../../token/tests/it/vector.rs"]
#[allow(dead_code, unreachable_pub, reason = "the library's tests use all of it")]
mod vector;

const AUDIENCE: &str = "00000002-0000-0ff1-ce00-000000000000/mail.fabrikam.example";
/// The clock of the vector.
const AT: &str = "2023-11-14T22:23:20Z";

/// Places the metadata document of the vector's token service.
fn metadata(installation: &Installation) -> String {
    let document = format!(
        r#"{{"issuer":"{0}@{1}","realm":"{1}","keys":[{{"usage":"signing","keyValue":{{"type":"x509Certificate","value":"{2}"}}}}]}}"#,
        well_known::STS,
        vector::TENANT,
        vector::CERTIFICATE
    );
    installation.place("metadata.json", document)
}

fn words<'w>(token: &'w str, document: &'w str, more: &[&'w str]) -> Vec<&'w str> {
    let words = ["token", "validate", token, "--metadata", document, "--audience", AUDIENCE, "--at", AT];
    [&words[..], &["--actor-lifetime-max", "86400", "--act-as-lifetime-max", "28800"], more].concat()
}

#[test]
fn an_accepted_token_is_told_rule_by_rule() {
    let installation = Installation::new();
    let (document, token) = (metadata(&installation), vector::act_as());
    assert_told!("verdict_accepted", &installation.run(&words(&token, &document, &[])));
    let rules = installation.objects(&words(vector::ACTOR, &document, &[]));
    let result = |rule: &str| rules.iter().find(|row| row["Rule"] == rule).map(|row| row["Result"].clone());
    assert_eq!(result("V16"), Some("pass".into()));
    assert_eq!(result("V17"), Some("not applicable".into()));
    assert!(!installation.data().exists(), "a verdict makes nothing");
}

#[test]
fn a_refused_token_fails_by_its_first_rule() {
    let installation = Installation::new();
    let (document, token) = (metadata(&installation), vector::act_as());
    let late = words(&token, &document, &[]);
    let late: Vec<&str> = late.iter().map(|word| if *word == AT { "2023-11-15T10:00:00Z" } else { *word }).collect();
    assert_told!("verdict_late", &installation.run(&late));
    let table = installation.run(&[&late[..], &["-Output", "table"]].concat());
    assert_eq!(table, installation.run(&late), "people read one form");
    assert_told!("verdict_late_as_json", &installation.run(&[&late[..], &["-Output", "json"]].concat()));
    for (more, rule) in [
        (vec!["--no-act-as"], "V17"),
        (vec!["--trust-level", "Application"], "V17"),
        (vec!["--partner", "00000003-0000-0ff1-ce00-000000000000"], "V15"),
    ] {
        let told = installation.run(&words(&token, &document, &more));
        assert!(told.starts_with("exit code: 1"), "{more:?}\n{told}");
        assert!(told.contains(&format!("refused by rule {rule} (2000008):")), "{more:?}\n{told}");
    }
}

#[test]
fn what_is_missing_for_a_verdict_is_said() {
    let installation = Installation::new();
    let document = metadata(&installation);
    assert_told!("verdict_without_trust", &installation.run(&["token", "validate", "a.b.c"]));
    assert_told!(
        "verdict_without_resource",
        &installation.run(&["token", "validate", "a.b.c", "--metadata", &document])
    );
    assert_told!("verdict_without_issuer", &installation.run(&["token", "validate", "a.b.c", "--audience", AUDIENCE]));
    let no_audience = ["token", "validate", "a.b.c", "--metadata", &document, "--audience", "mail.contoso.example"];
    assert_told!("verdict_without_audience", &installation.run(&no_audience));
    let http = ["token", "validate", "a.b.c", "--metadata", "http://sts.example/", "--audience", AUDIENCE];
    assert_told!("verdict_by_plain_http", &installation.run(&http));
    let no_document = installation.place("empty.json", "{}");
    let none = ["token", "validate", "a.b.c", "--metadata", &no_document, "--audience", AUDIENCE];
    assert_told!("verdict_by_no_document", &installation.run(&none));
}

#[test]
fn every_kind_of_token_is_told_apart() {
    let installation = Installation::new();
    let token = |header: &str, payload: &str| {
        format!("{}.{}.AAAA", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
    };
    let tenant = vector::TENANT;
    let proof = concat!(
        r#"{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","crv":"P-256","#,
        r#""x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}}"#
    );
    let own = format!("00000004-0000-0ff1-ce00-000000000000@{tenant}");
    let cases = [
        (vector::ACTOR.to_owned(), "actor token"),
        (vector::act_as(), "act-as token"),
        (
            token(r#"{"typ":"at+jwt","alg":"RS256"}"#, r#"{"iss":"https://sts.example/","act":{"sub":"a"}}"#),
            "act-as token of a token service",
        ),
        (
            token(
                r#"{"typ":"JWT","alg":"RS256"}"#,
                &format!(r#"{{"iss":"https://sts.example/{tenant}/","tid":"{tenant}","sub":"a"}}"#),
            ),
            "access token",
        ),
        (
            token(
                r#"{"typ":"JWT","alg":"RS256"}"#,
                &format!(r#"{{"iss":"{own}","nameid":"{own}","aud":"{}/sts.example@{tenant}"}}"#, well_known::STS),
            ),
            "assertion",
        ),
        (token(r#"{"alg":"PS256"}"#, r#"{"iss":"a","sub":"a","aud":"https://sts.example/token"}"#), "assertion"),
        (token(proof, r#"{"jti":"1","htm":"GET","htu":"https://a.example/","iat":1}"#), "proof of possession (DPoP)"),
        (token(r#"{"alg":"RS256"}"#, "{}"), "token"),
    ];
    for (text, kind) in cases {
        let file = installation.place("token.txt", format!("DPoP {text}\n"));
        let told = installation.objects(&["token", "inspect", "--file", &file]);
        assert_eq!(told[0]["Token"], kind);
        assert_eq!(told[0]["Verified"], "NOT VERIFIED");
        if kind.starts_with("proof") {
            assert_eq!(told[0]["header.jwk"]["crv"], "P-256");
            assert_eq!(told[0]["KeyThumbprint"].as_str().map(str::len), Some(43));
        }
    }
    let told = installation.run(&["token", "inspect", vector::ACTOR, "--json"]);
    let json = told.split("----- stdout -----\n").nth(1).and_then(|rest| rest.split("----- stderr").next()).unwrap();
    assert_eq!(serde_json::from_str::<Value>(json).unwrap()[0]["Token"], "actor token");
    assert_told!("token_from_nowhere_at_all", &installation.run(&["token", "inspect"]));
    assert_told!("token_from_no_file", &installation.run(&["token", "inspect", "--file", &installation.path("none")]));
}

#[test]
fn a_gates_file_that_is_wrong_says_where() {
    let installation = Installation::new();
    let example = include_str!("../../../../examples/gate.toml");
    let changed = |from: &str, to: &str| {
        assert!(example.contains(from), "{from}");
        installation.place("gate.toml", example.replacen(from, to, 1))
    };
    assert_told!("gate_without_file", &installation.run(&["gate", &installation.path("none.toml")]));
    for (name, from, to) in [
        ("gate_with_a_misspelt_key", "act_as = true", "actas = true"),
        ("gate_with_plain_http", "\"https://sts", "\"http://sts"),
        ("gate_with_a_foreign_partner", "tenant = \"1111", "tenant = \"9999"),
        ("gate_without_hosts", "[\"mail.contoso.example\"]", "[]"),
    ] {
        let file = changed(from, to);
        assert_told!(name, &installation.run(&["gate", &file]));
    }
}
