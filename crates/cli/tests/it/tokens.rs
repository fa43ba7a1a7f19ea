//! Tokens, asked for and read.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::installation::Installation;

#[test]
fn a_token_says_what_it_says() {
    let installation = Installation::new();
    let token = |header: &str, payload: &str, signature: &str| {
        format!("{}.{}.{signature}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
    };
    let actor = token(
        r#"{"typ":"JWT","alg":"RS256","x5t":"qZk-NkcGgWq6PiVxeFDCbJzQ2J0"}"#,
        r#"{"iss":"00000001-0000-0000-c000-000000000000@contoso.example","exp":"1700000000","trustedfordelegation":"true"}"#,
        "AAAA",
    );
    let outer = token(
        r#"{"alg":"none","typ":"JWT"}"#,
        &format!(
            r#"{{"aud":"outlook.example","nbf":1700000000.5,"smtp":"adam@contoso.example","actortoken":"{actor}"}}"#
        ),
        "",
    );
    assert_told!("token_for_a_user", &installation.run(&["token", "inspect", &outer]));
    assert_told!("token_of_an_application", &installation.run(&["token", "inspect", &format!("Bearer {actor}")]));
    let parts = installation.objects(&["token", "inspect", &outer]);
    assert_eq!(parts.len(), 2);
    assert_eq!((&parts[0]["claims.nbf"], &parts[1]["claims.exp"]), (&parts[1]["claims.exp"], &parts[0]["claims.nbf"]));
    assert_eq!(parts[1]["claims.exp"], "2023-11-14T22:13:20Z");
    assert_eq!(parts[1]["Thumbprint"], "A9993E364706816ABA3E25717850C26C9CD0D89D");

    let broken = token(r#"{"alg":"none"}"#, r#"{"actortoken":"a.b"}"#, "");
    assert_told!("token_with_a_broken_one_inside", &installation.run(&["token", "inspect", &broken]));
    assert_told!("no_token", &installation.run(&["token", "inspect", "eyJ.eyJ"]));
    assert_told!("empty_token", &installation.run(&["token", "inspect", "Bearer "]));
    assert!(!installation.data().exists(), "reading a token makes nothing");
}

#[test]
fn there_is_no_token_before_there_is_trust() {
    let installation = Installation::new();
    assert_told!("token_from_nowhere", &installation.run(&["token", "request"]));
    assert_told!("token_without_trust", &installation.run(&["token", "request", "-Resource", "mail.contoso.example"]));
    let other = "00000003-0000-0ff1-ce00-000000000000/sharepoint.example@contoso.example";
    assert_told!("token_for_another_application", &installation.run(&["token", "request", "-Resource", other]));
    assert_told!("token_for_no_resource", &installation.run(&["token", "request", "-Resource", "a b"]));
    assert_told!("renewal_without_certificate", &installation.run(&["renew", "--status"]));
}
