//! Attacks that are about the wire and not about a token, against a cloud that runs.

use actas_token::well_known;
use http::StatusCode;

use super::attacker::Scene;

#[test]
fn a_host_that_the_caller_chooses_is_not_an_audience() {
    let scene = Scene::new();
    let holder = scene.holder("");
    let good = scene.actor(&holder);
    let elsewhere = format!("{}/mail.elsewhere.example@{}", well_known::EXCHANGE, holder.tenant);
    // An envelope for a server elsewhere, and headers by which this one would be that.
    let token = scene.envelope(&holder, scene.lab.value("MAILBOX"), &good, |claims| claims["aud"] = elsewhere.into());
    for name in ["host", "x-forwarded-host", "x-original-host", "x-host"] {
        scene.stopped_with(&token, &[(name, "mail.elsewhere.example")], "V12");
    }
    scene.stopped_with(&token, &[("forwarded", "host=mail.elsewhere.example;proto=https")], "V12");
    let token = scene.envelope(&holder, scene.lab.value("MAILBOX"), &good, |_| ());
    scene.opens(&token, &[("x-forwarded-host", "mail.elsewhere.example")]);
}

#[test]
fn nothing_weaker_is_offered_after_a_refusal_and_nothing_is_told() {
    let scene = Scene::new();
    let holder = scene.holder("");
    let good = scene.actor(&holder);
    let as_user = |user: &str| scene.envelope(&holder, user, &good, |_| ());
    let told = |token: &str| {
        let answer = scene.inbox(token, &[]);
        let schemes = answer.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap());
        let schemes: Vec<String> = schemes.map(str::to_owned).collect();
        assert!(schemes.iter().all(|scheme| scheme.starts_with("Bearer ")), "no other scheme: {schemes:?}");
        let diagnostics = answer.headers.get("x-ms-diagnostics").map(|value| value.to_str().unwrap().to_owned());
        (answer.status, schemes, diagnostics, answer.body)
    };
    // Nobody, and a user of another tenant: one answer, which names neither.
    let domain = scene.lab.value("TENANT_DOMAIN");
    let nobody = told(&as_user(&format!("nobody@{domain}")));
    assert_eq!(told(&as_user(scene.lab.value("MAILBOX_T2"))), nobody);
    assert_eq!(nobody.0, StatusCode::UNAUTHORIZED);
    assert!(nobody.2.as_ref().is_some_and(|text| !text.contains("example") && !text.contains('@')), "{nobody:?}");
    // An audience elsewhere: the expected host is not told, as it is in the original.
    let elsewhere = scene.envelope(&holder, scene.lab.value("MAILBOX"), &good, |claims| {
        claims["aud"] = format!("{}/mail.elsewhere.example@{}", well_known::EXCHANGE, holder.tenant).into();
    });
    let (_, _, diagnostics, _) = told(&elsewhere);
    assert!(diagnostics.is_some_and(|text| !text.contains(scene.lab.value("EXCHANGE_AUDIENCE_HOST"))));
    // Other schemes are answered as no token at all: by the challenge.
    for authorization in ["Basic YWRlbGU6cGFzc3dvcmQ=", "NTLM TlRMTVNTUAAB", "Negotiate YII="] {
        let answer = scene.inbox("", &[("authorization", authorization)]);
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{authorization}");
        assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer client_id="));
    }
    scene.opens(&as_user(scene.lab.value("MAILBOX")), &[]);
}
