//! OAuth servers, partner applications and the OAuth configuration.

use crate::installation::Installation;

const EXCHANGE: &str = "00000002-0000-0ff1-ce00-000000000000";

#[test]
fn nothing_is_there_at_first() {
    let installation = Installation::new();
    for command in ["Get-CsOAuthServer", "Get-CsPartnerApplication", "Get-CsCertificate"] {
        assert_eq!(installation.run(&[command]), "exit code: 0\n----- stdout -----\n----- stderr -----\n", "{command}");
        assert!(installation.objects(&[command]).is_empty(), "{command}");
    }
    let filtered = installation.run(&["Get-CsOAuthServer", "-Filter", "microsoft.*"]);
    assert_eq!(filtered, "exit code: 0\n----- stdout -----\n----- stderr -----\n");
    assert_told!("unknown_oauth_server", &installation.run(&["Get-CsOAuthServer", "microsoft.sts"]));
    assert_told!("configuration_at_first", &installation.run(&["Get-CsOAuthConfiguration"]));
}

#[test]
fn an_oauth_server_that_does_not_answer_is_not_created() {
    let installation = Installation::new();
    let url = "https://127.0.0.1:1/5588b4fd-9c4a-4a52-9a86-1d3b4d1f4a0e/metadata/json/1";
    let words = ["New-CsOAuthServer", "microsoft.sts", "-MetadataUrl", url];
    assert_told!("oauth_server_that_does_not_answer", &installation.run(&words));
    assert!(installation.objects(&["Get-CsOAuthServer"]).is_empty());
    assert_told!("oauth_server_that_would_be_created", &installation.run(&[&words[..], &["-WhatIf"]].concat()));
    assert_told!("oauth_server_for_clients", &installation.run(&[&words[..], &["-Type", "AzureAD"]].concat()));
    assert_told!("oauth_server_to_remove", &installation.run(&["Remove-CsOAuthServer", "microsoft.sts"]));
}

#[test]
fn what_would_be_done_is_told_before_any_folder_is_made() {
    let installation = Installation::new();
    for words in [
        &["Remove-CsPartnerApplication", "a", "-WhatIf"][..],
        &["Set-CsOAuthConfiguration", "-Realm", "a.example", "-WhatIf"],
        &["Request-CsCertificate", "-New", "-Type", "OAuthTokenIssuer", "-WhatIf"],
        &["Remove-CsCertificate", "-WhatIf"],
    ] {
        let told = installation.run(words);
        let line = format!("----- stderr -----\nWhat if: Performing the operation \"{}\" on target \"", words[0]);
        assert!(told.starts_with("exit code: 0\n----- stdout -----\n----- stderr") && told.contains(&line), "{told}");
    }
    assert!(!installation.data().exists());
}

#[test]
fn a_partner_application_from_its_making_to_its_end() {
    let installation = Installation::new();
    let new = [
        "New-CsPartnerApplication",
        "microsoft.exchange",
        "-ApplicationIdentifier",
        EXCHANGE,
        "-ApplicationTrustLevel",
        "Full",
        "-UseOAuthServer",
    ];
    let in_memory = installation.run(&[&new[..], &["-InMemory"]].concat());
    assert!(in_memory.contains("Nothing was stored"), "{in_memory}");
    assert!(installation.objects(&["Get-CsPartnerApplication"]).is_empty());
    assert_told!("partner_application", &installation.run(&new));
    assert_told!("partner_application_again", &installation.run(&new));

    let silent = "exit code: 0\n----- stdout -----\n----- stderr -----\n";
    let set = ["Set-CsPartnerApplication", "Microsoft.Exchange", "-Enabled", "false"];
    assert_eq!(installation.run(&set), silent);
    let enabled = |words: &[&str]| installation.objects(words)[0]["Enabled"].clone();
    assert_eq!(enabled(&["get-cs-partner-application", "MICROSOFT.EXCHANGE"]), false);
    assert_eq!(enabled(&["Get-CsPartnerApplication", "-Filter", "*.EXCH?nge"]), false);
    assert!(installation.objects(&["Get-CsPartnerApplication", "-Filter", "x*"]).is_empty());
    assert_told!("partner_application_by_another_name", &installation.run(&["Get-CsPartnerApplication", "Exchange"]));

    assert_eq!(installation.run(&["Remove-CsPartnerApplication", "microsoft.exchange"]), silent);
    assert_told!(
        "partner_application_that_is_gone",
        &installation.run(&["Remove-CsPartnerApplication", "microsoft.exchange"])
    );
}

#[test]
fn the_configuration_changes_and_comes_back() {
    let installation = Installation::new();
    let url = "https://autodiscover-s.outlook.com/autodiscover/autodiscover.svc";
    let domains = "*.contoso.example;*.outlook.com";
    let words = [
        "Set-CsOAuthConfiguration",
        "-ExchangeAutodiscoverUrl",
        url,
        "-ExchangeAutodiscoverAllowedDomains",
        domains,
        "-Realm",
        "contoso.example",
    ];
    assert_eq!(installation.run(&words), "exit code: 0\n----- stdout -----\n----- stderr -----\n");
    assert_told!("configuration_as_it_was_set", &installation.run(&["Get-CsOAuthConfiguration"]));
    let cleared = ["set-cs-oauth-configuration", "--exchange-autodiscover-url", "", "--realm", ""];
    assert_eq!(installation.run(&cleared), "exit code: 0\n----- stdout -----\n----- stderr -----\n");
    let now = &installation.objects(&["Get-CsOAuthConfiguration", "global"])[0];
    assert_eq!((&now["ExchangeAutodiscoverUrl"], &now["Realm"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    assert_eq!(now["ExchangeAutodiscoverAllowedDomains"], domains);
}

#[test]
fn embedded_objects_keep_the_order_of_the_vendor() {
    let installation = Installation::new();
    let new = ["New-CsPartnerApplication", "microsoft.exchange", "-ApplicationIdentifier", EXCHANGE];
    installation.run(&[&new[..], &["-ApplicationTrustLevel", "Full", "-UseOAuthServer"]].concat());
    assert_told!("configuration_in_json", &installation.run(&["Get-CsOAuthConfiguration", "-Output", "json"]));
}

#[test]
fn autodiscover_has_one_path_and_prefers_https() {
    let installation = Installation::new();
    let set = |url| installation.run(&["Set-CsOAuthConfiguration", "-ExchangeAutodiscoverUrl", url]);
    assert_told!("autodiscover_of_another_path", &set("https://mail.contoso.example/autodiscover/autodiscover.xml"));
    assert_eq!(
        installation.objects(&["Get-CsOAuthConfiguration"])[0]["ExchangeAutodiscoverUrl"],
        serde_json::Value::Null
    );
    assert_told!("autodiscover_over_http", &set("http://autodiscover.contoso.example/autodiscover/autodiscover.svc"));
}

#[test]
fn a_test_before_anything_is_configured() {
    let installation = Installation::new();
    let words = ["Test-CsExStorageConnectivity", "sip:adam@contoso.example"];
    assert_told!("test_before_anything_is_configured", &installation.run(&words));
    let json = installation.run(&[&words[..], &["-Output", "json"]].concat());
    assert!(json.contains("\"Result\": \"Test failed\"") && json.contains("\"Phase\": \"Autodiscover\""), "{json}");
    let elsewhere = ["-Binding", "NetTCP", "-HostNameStorageService", "fe1.contoso.example"];
    assert_told!("test_of_another_machine", &installation.run(&[&words[..], &elsewhere].concat()));
}
