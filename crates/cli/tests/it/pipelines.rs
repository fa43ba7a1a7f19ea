//! Objects that travel from one command to another.

use serde_json::{Value, json};

use crate::installation::{Installation, certificate};

const EXCHANGE: &str = "00000002-0000-0ff1-ce00-000000000000";
const SILENT: &str = "exit code: 0\n----- stdout -----\n----- stderr -----\n";

/// An installation that trusts Exchange in the cloud and an archive by its certificate.
fn two_partners() -> Installation {
    let installation = Installation::new();
    let exchange = ["New-CsPartnerApplication", "microsoft.exchange", "-ApplicationIdentifier", EXCHANGE];
    installation.objects(&[&exchange[..], &["-ApplicationTrustLevel", "Full", "-UseOAuthServer"]].concat());
    let file = installation
        .place("archive.cer", certificate("archive.example", "2026-01-01T00:00:00Z").certificate().to_pem());
    let id = "5e1a7c90-6f0d-4b7e-9d0c-2f1d4f0e8a11";
    let archive =
        ["New-CsPartnerApplication", "archive", "-ApplicationIdentifier", id, "-ApplicationTrustLevel", "User"];
    installation.objects(&[&archive[..], &["-CertificateFileData", &file, "-Realm", "archive.example"]].concat());
    installation
}

fn text(objects: &[Value]) -> String {
    serde_json::to_string(objects).unwrap()
}

#[test]
fn what_a_get_prints_a_set_reads() {
    let installation = two_partners();
    let get = || installation.objects(&["Get-CsPartnerApplication"]);
    let set = |input: &str| installation.piped(&["Set-CsPartnerApplication", "-Instance", "-"], input);
    let before = get();
    assert_eq!(set(&text(&before)), SILENT);
    assert_eq!(get(), before, "what was not changed stays");

    let mut changed = before.clone();
    for object in &mut changed {
        object["Enabled"] = json!(false);
        object["ApplicationTrustLevel"] = json!("Application");
    }
    assert_eq!(set(&text(&changed)), SILENT);
    assert_eq!(get(), changed);
    assert_eq!(set(&before[0].to_string()), SILENT, "one object is read too");
    assert_eq!(get(), [before[0].clone(), changed[1].clone()]);
    let file = installation.place("partners.json", text(&before));
    assert_eq!(installation.run(&["set-cs-partner-application", "--instance", &file]), SILENT);
    assert_eq!(get(), before);
    assert_eq!(set(r#"{"Identity":"ARCHIVE","Enabled":"False"}"#), SILENT, "what is absent stays");
    assert_eq!(get()[0]["Enabled"], false);
    assert_eq!(get()[0]["ApplicationTrustLevel"], "User");
}

#[test]
fn an_object_of_memory_is_stored_by_a_set() {
    let installation = Installation::new();
    let new = ["New-CsPartnerApplication", "microsoft.exchange", "-ApplicationIdentifier", EXCHANGE];
    let made =
        installation.objects(&[&new[..], &["-ApplicationTrustLevel", "Full", "-UseOAuthServer", "-InMemory"]].concat());
    assert!(installation.objects(&["Get-CsPartnerApplication"]).is_empty());
    let set = ["Set-CsPartnerApplication", "-Instance", "-"];
    let stored = installation.piped(&set, &text(&made));
    assert!(stored.starts_with("exit code: 0\n") && stored.contains("no OAuth server is configured"), "{stored}");
    assert_eq!(installation.objects(&["Get-CsPartnerApplication"]), made);
    // The rules of a new one hold for it.
    let mut second = made;
    second[0]["Identity"] = json!("second");
    second[0]["Name"] = json!("second");
    assert_told!("instance_of_an_id_that_is_taken", &installation.piped(&set, &text(&second)));
}

#[test]
fn what_an_object_cannot_change() {
    let installation = two_partners();
    let before = installation.objects(&["Get-CsPartnerApplication"]);
    let archive = &before[0];
    let with = |property: &str, value: Value| {
        let mut object = archive.clone();
        object[property] = value;
        installation.piped(&["Set-CsPartnerApplication", "-Instance", "-"], &object.to_string())
    };
    assert_told!("instance_of_another_id", &with("ApplicationIdentifier", json!(EXCHANGE)));
    assert_told!("instance_of_another_realm", &with("Realm", json!("other.example")));
    assert_told!("instance_of_two_names", &with("Name", json!("other")));
    assert_told!("instance_of_a_trust_level_that_is_none", &with("ApplicationTrustLevel", json!("All")));
    assert_told!("instance_of_no_boolean", &with("Enabled", Value::Null));
    assert_told!("instance_of_a_misspelt_property", &with("Enable", json!(false)));
    assert_told!("instance_of_no_certificate", &with("AuthToken", json!("MIIC")));
    let set = |input: &str| installation.piped(&["Set-CsPartnerApplication", "-Instance", "-"], input);
    assert_told!("instance_that_is_no_json", &set("Identity : archive"));
    assert_told!("instance_without_name", &set("[{}]"));
    assert_told!(
        "instance_of_a_file_that_is_not_there",
        &installation.run(&["Set-CsPartnerApplication", "-Instance", "none.json"])
    );
    assert_eq!(installation.objects(&["Get-CsPartnerApplication"]), before);
    let what_if = installation.piped(&["Set-CsPartnerApplication", "-Instance", "-", "-WhatIf"], &text(&before));
    assert_eq!(what_if.matches("What if: Performing the operation \"Set-CsPartnerApplication\" on target").count(), 2);
    assert!(what_if.contains("target \"archive\""), "{what_if}");
}

#[test]
fn a_remove_reads_names() {
    let installation = two_partners();
    let all = text(&installation.objects(&["Get-CsPartnerApplication"]));
    let remove = ["Remove-CsPartnerApplication", "-"];
    let what_if = installation.piped(&[&remove[..], &["-WhatIf"]].concat(), &all);
    assert_eq!(what_if.matches("What if: ").count(), 2, "{what_if}");
    assert_eq!(installation.objects(&["Get-CsPartnerApplication"]).len(), 2);
    assert_eq!(installation.piped(&remove, &all), SILENT);
    assert!(installation.objects(&["Get-CsPartnerApplication"]).is_empty());
    let again = installation.piped(&remove, &all);
    assert!(
        again.starts_with("exit code: 1\n") && again.contains("there is no partner application `archive`"),
        "{again}"
    );
}

#[test]
fn the_configuration_travels_too() {
    let installation = two_partners();
    let get = || installation.objects(&["Get-CsOAuthConfiguration"]).remove(0);
    let set = |input: &str| installation.piped(&["Set-CsOAuthConfiguration", "-Instance", "-"], input);
    let before = get();
    assert_eq!(set(&before.to_string()), SILENT);
    assert_eq!(get(), before);
    let mut changed = before.clone();
    changed["Realm"] = json!("contoso.example");
    changed["ExchangeAutodiscoverUrl"] = json!("https://mail.contoso.example/autodiscover/autodiscover.svc");
    changed["ServiceName"] = Value::Null;
    assert_eq!(set(&json!([changed]).to_string()), SILENT);
    assert_eq!(get(), changed);
    assert_eq!(set(&before.to_string()), SILENT, "null takes away");
    assert_eq!(get(), before);

    changed["PartnerApplications"] = json!([]);
    assert_told!("configuration_with_other_partners", &set(&changed.to_string()));
    changed["ExchangeAutodiscoverUrl"] = json!("https://mail.contoso.example/");
    assert_told!("configuration_of_another_path", &set(&changed.to_string()));
    assert_told!("configuration_of_another_scope", &set(r#"{"Identity":"site:Redmond"}"#));
    assert_told!("configuration_twice", &set(&json!([before, before]).to_string()));
    assert_told!("scope_that_is_not_there", &installation.run(&["Get-CsOAuthConfiguration", "site:Redmond"]));
}

#[test]
fn the_storage_service_is_configured_by_an_object() {
    let installation = Installation::new();
    let get = || installation.objects(&["Get-CsStorageServiceConfiguration"]).remove(0);
    let set = |input: &str| installation.piped(&["Set-CsStorageServiceConfiguration", "-Instance", "-"], input);
    let mut changed = get();
    changed["EnableAutoImportFlushedData"] = json!(false);
    changed["CapacityBytes"] = json!(50_000_000);
    changed["FabricInvalidStateTimeoutDuration"] = json!("7");
    assert_eq!(set(&changed.to_string()), SILENT);
    changed["FabricInvalidStateTimeoutDuration"] = json!(7);
    assert_eq!(get(), changed);
    changed["CapacityBytes"] = json!(-1);
    let refused = set(&changed.to_string());
    assert!(refused.starts_with("exit code: 1\n") && refused.contains("`CapacityBytes` cannot be `-1`"), "{refused}");
    let elsewhere = installation.run(&["Get-CsStorageServiceConfiguration", "service:Registrar:fe1.example"]);
    assert!(elsewhere.starts_with("exit code: 1\n") && elsewhere.contains("only `global` exists"), "{elsewhere}");
}
