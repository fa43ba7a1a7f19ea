//! Commands on the directory, as far as they need none.

use crate::installation::{Installation, certificate};

const LYNC: &str = "00000004-0000-0ff1-ce00-000000000000";

#[test]
fn nobody_is_signed_in() {
    let installation = Installation::new();
    assert_told!("not_connected", &installation.run(&["Get-CsTenant"]));
    for words in [
        &["Get-MsolServicePrincipal"][..],
        &["Get-MsolServicePrincipalCredential", "-AppPrincipalId", LYNC, "-ReturnKeyValues", "$true"],
        &["New-MsolServicePrincipal", "-DisplayName", "Archive"],
        &["Set-MsolServicePrincipal", "-AppPrincipalId", LYNC, "-AccountEnabled", "true"],
        &["Remove-MsolServicePrincipalCredential", "-AppPrincipalId", LYNC, "-KeyIds", LYNC],
        &["renew"],
    ] {
        let told = installation.run(words);
        assert!(told.starts_with("exit code: 1\n----- stdout -----\n----- stderr -----\n"), "{words:?}\n{told}");
        assert!(told.contains("actas Connect-MsolService"), "{words:?}\n{told}");
    }
}

#[test]
fn what_cannot_be_connected_to() {
    let installation = Installation::new();
    let token = ["Connect-MsolService", "-AccessToken", "secret"];
    let closed = installation.run(&[&token[..], &["-AzureEnvironment", "AzureGermanyCloud"]].concat());
    assert_told!("cloud_that_was_closed", &closed);
    assert_told!("token_that_is_empty", &installation.run(&["Connect-MsolService", "-AccessToken", "-"]));
    let refused = installation.run(&[&token[..], &["-GraphUrl", "https://127.0.0.1:1"]].concat());
    assert_told!("directory_that_does_not_answer", &refused);
    let words = ["-TenantId", "contoso.example", "-ClientId", LYNC, "-CertificateFile", &installation.path("none.pem")];
    assert_told!("connection_without_file", &installation.run(&[&["Connect-MsolService"][..], &words].concat()));
}

#[test]
fn what_is_no_credential() {
    let installation = Installation::new();
    let pair = certificate("contoso.example", "2020-01-01T00:00:00Z");
    let value = pair.certificate().to_base64();
    let new = ["New-MsolServicePrincipalCredential", "-AppPrincipalId", LYNC];
    let told = |more: &[&str]| installation.run(&[&new[..], more].concat());
    assert_told!("credential_of_the_default_type", &told(&["-Value", &value]));
    assert_told!("credential_with_armour", &told(&["-Type", "Asymmetric", "-Value", &pair.certificate().to_pem()]));
    assert_told!("credential_that_expired", &told(&["-Type", "Asymmetric", "-Value", &value]));
    assert_told!("credential_with_key", &told(&["-Type", "Asymmetric", "-Value", pair.key().to_pem().as_str()]));
    assert_told!("credential_of_words", &told(&["-Type", "Password", "-Value", "secret"]));
    assert_told!("credential_of_no_base64", &told(&["-Value", "not base64!"]));
    let told = told(&["-WhatIf"]);
    assert!(told.starts_with("exit code: 0\n") && told.contains("What if: "), "{told}");
}

#[test]
fn a_service_of_the_cloud_is_not_removed() {
    let installation = Installation::new();
    let words = ["Remove-MsolServicePrincipal", "-AppPrincipalId", LYNC, "-Force"];
    assert_told!("service_of_the_cloud", &installation.run(&words));
}
