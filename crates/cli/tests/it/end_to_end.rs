//! Commands against a cloud that runs.

mod attacker;
mod attacks;
mod crash;
mod device;
mod directory;
mod disk;
mod exchange;
mod gate;
mod notification;
mod onprem;
mod published_breaks;
mod reload;
mod servers;
mod signing_keys;

use std::{fs, path::Path};

use actas_testkit::Lab;

use crate::installation::Installation;

const EXCHANGE: &str = "00000002-0000-0ff1-ce00-000000000000";

fn lab() -> Lab {
    Lab::start(Path::new(env!("CARGO_BIN_EXE_actas")))
}

fn connect(installation: &Installation, lab: &Lab) -> String {
    installation.run(&[
        "Connect-MsolService",
        "-GraphUrl",
        lab.value("GRAPH_URL"),
        "-Authority",
        lab.value("BASE_URL"),
        "-TenantId",
        lab.value("TENANT"),
        "-ClientId",
        lab.value("CLIENT_ID"),
        "-CertificateFile",
        lab.value("CERT_PEM"),
        "-KeyFile",
        lab.value("KEY_PEM"),
        "-CaFile",
        lab.value("CA_PEM"),
    ])
}

/// Shows what was told with the lab's own values by their names.
#[track_caller]
fn assert_told_of(lab: &Lab, name: &str, told: &str) {
    let mut told = told.replace(&lab.folder().display().to_string(), "[LAB]");
    for key in ["TENANT", "CLIENT_ID"] {
        told = told.replace(lab.value(key), &format!("[{key}]"));
    }
    assert_told!(name, &told);
}

#[test]
fn a_trust_is_set_up_tested_and_renewed() {
    let (installation, lab) = (Installation::new(), lab());
    let told = |name: &str, words: &[&str]| assert_told_of(&lab, name, &installation.run(words));
    let silent = |words: &[&str]| {
        assert_eq!(installation.run(words), "exit code: 0\n----- stdout -----\n----- stderr -----\n", "{words:?}");
    };
    assert_told_of(&lab, "connected", &connect(&installation, &lab));
    let config = fs::read_to_string(installation.data().join("actas.toml")).unwrap();
    assert_eq!(config, format!("[client]\nca_files = [\"{}\"]\n", lab.value("CA_PEM")));
    told("tenant", &["Get-CsTenant"]);
    assert_eq!(installation.objects(&["Get-CsTenant", "-Filter", "*.EXAMPLE"]).len(), 1);
    assert!(installation.objects(&["Get-CsTenant", "-Filter", "Tailspin*"]).is_empty());

    // Guides have the display name in the address.
    let by_name = format!("{}/Fabrikam/metadata/json/1", lab.value("BASE_URL"));
    told("oauth_server_by_display_name", &["New-CsOAuthServer", "microsoft.sts", "-MetadataUrl", &by_name]);
    told(
        "oauth_server_of_nobody",
        &[
            "New-CsOAuthServer",
            "other.sts",
            "-MetadataUrl",
            &format!("{}/2f3d7a52-7c3e-4d7b-9a6c-0a4f9d1b5e11/metadata/json/1", lab.value("BASE_URL")),
            "-WhatIf",
        ],
    );
    let partner = ["New-CsPartnerApplication", "microsoft.exchange", "-ApplicationIdentifier", EXCHANGE];
    installation.objects(&[&partner[..], &["-ApplicationTrustLevel", "Full", "-UseOAuthServer"]].concat());
    let url = lab.value("AUTODISCOVER_URL");
    silent(&["Set-CsOAuthConfiguration", "-ExchangeAutodiscoverUrl", url, "-ServiceName", lab.value("CLIENT_ID")]);
    let thumbprint = installation.request("fabrikam.example");
    silent(&["Set-CsCertificate", "-Thumbprint", &thumbprint]);

    // The cloud does not know the certificate yet.
    let test = ["Test-CsExStorageConnectivity", lab.value("MAILBOX")];
    let failed = installation.run(&test);
    assert!(failed.contains("Test failed: OAuth: ") && failed.contains("-Id 32053,32054 -MaxEvents 1"), "{failed}");
    assert_eq!(installation.objects(&["events", "-Id", "32054"]).len(), 1);
    let refused = installation.run(&["token", "request"]);
    assert!(refused.starts_with("exit code: 1\n") && refused.contains("(401)"), "{refused}");

    let path = installation.path("oauth.cer");
    installation.objects(&["Export-CsCertificate", "-Type", "OAuthTokenIssuer", "-Path", &path]);
    let exported = fs::read_to_string(&path).unwrap();
    let value: String = exported.lines().filter(|line| !line.starts_with("-----")).collect();
    let credential =
        ["New-MsolServicePrincipalCredential", "-AppPrincipalId", lab.value("CLIENT_ID"), "-Type", "Asymmetric"];
    told("credential", &[&credential[..], &["-Usage", "Verify", "-Value", &value]].concat());

    told("test_passed", &[&test[..], &["-Verbose"]].concat());
    assert_eq!(installation.objects(&["events", "-Id", "32048"]).len(), 1);
    assert_eq!(installation.property(&[&test[..], &["-DeleteItem"]].concat(), "Result"), "Test passed");
    let stranger = ["Test-CsExStorageConnectivity", "sip:nobody@fabrikam.example"];
    told("test_of_a_stranger", &stranger);
    let verbose = installation.run(&[&stranger[..], &["-Verbose"]].concat());
    for field in ["HTTP: < 401 ", "HTTP: < www-authenticate: Bearer client_id=", "HTTP: < x-ms-diagnostics: 2000005;"] {
        assert!(verbose.contains(field), "{field}\n{verbose}");
    }
    told("token", &["token", "request"]);

    told("renewal", &["renew"]);
    told("renewal_that_waits", &["renew", "--status"]);
    assert_eq!(installation.property(&["renew", "--retire-after", "0s"], "Stage"), "Retired");
    assert_eq!(installation.property(&test, "Result"), "Test passed");
}

#[test]
fn keys_of_a_principal() {
    let (installation, lab) = (Installation::new(), lab());
    connect(&installation, &lab);
    let told = |name: &str, words: &[&str]| assert_told_of(&lab, name, &installation.run(words));
    let client = lab.value("CLIENT_ID");
    let principal = ["-AppPrincipalId", client];
    told("principal", &[&["Get-MsolServicePrincipal"][..], &principal].concat());
    told("principal_that_is_not_there", &["Get-MsolServicePrincipal", "-AppPrincipalId", EXCHANGE]);
    told("principals_up_to_one", &["Get-MsolServicePrincipal", "-MaxResults", "1"]);
    assert_eq!(installation.objects(&["Get-MsolServicePrincipal", "-SearchString", "Lab"]).len(), 1);
    assert!(installation.objects(&["Get-MsolServicePrincipal", "-SearchString", "O'Neil"]).is_empty());
    assert_eq!(installation.objects(&["Get-MsolServicePrincipal", "-ServicePrincipalName", client]).len(), 1);
    told("principal_of_another_tenant", &["Get-MsolServicePrincipal", "-TenantId", EXCHANGE]);

    let keys = |values| {
        installation
            .objects(&[&["Get-MsolServicePrincipalCredential"][..], &principal, &["-ReturnKeyValues", values]].concat())
    };
    let certificate = fs::read_to_string(lab.value("CERT_PEM")).unwrap();
    let value: String = certificate.lines().filter(|line| !line.starts_with("-----")).collect();
    assert_eq!(keys("$true")[0]["Value"], value);
    assert_eq!(keys("$false")[0]["Value"], serde_json::Value::Null);

    let new = [&["New-MsolServicePrincipalCredential"][..], &principal].concat();
    told(
        "credential_beyond_its_certificate",
        &[&new[..], &["-Type", "Asymmetric", "-Value", &value, "-EndDate", "2100-01-01"]].concat(),
    );
    let shared = &installation.objects(&new)[0];
    assert_eq!(shared["Type"], "Symmetric");
    assert_eq!(shared["Value"].as_str().map(str::len), Some(44), "256 bits in Base64");
    let before = keys("false").len();
    let remove = [&["Remove-MsolServicePrincipalCredential"][..], &principal, &["-KeyIds"]].concat();
    let id = shared["KeyId"].as_str().unwrap();
    let removed = installation.run(&[&remove[..], &[id]].concat());
    assert_eq!(removed, "exit code: 0\n----- stdout -----\n----- stderr -----\n");
    assert_eq!(keys("false").len(), before - 1);
    told("credential_that_is_not_there", &[&remove[..], &[id]].concat());
    told("principal_to_remove", &[&["Remove-MsolServicePrincipal"][..], &principal].concat());
}

#[test]
fn a_token_of_the_environment() {
    let (installation, lab) = (Installation::new(), lab());
    connect(&installation, &lab);
    let mut command = crate::actas();
    command.env("ACTAS_GRAPH_TOKEN", "nonsense").arg("--data").arg(installation.data()).arg("Get-CsTenant");
    let told = crate::shown(&command.output().expect("the binary starts"));
    assert!(told.starts_with("exit code: 1\n") && told.contains("refused (401"), "{told}");
    assert!(!told.contains("nonsense"), "{told}");
}
