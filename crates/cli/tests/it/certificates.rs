//! Certificates, from request to removal.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use actas_certificate::{Certificate, KeyPair, file, issue};

use crate::installation::{Installation, bytes, certificate, pem};

const SILENT: &str = "exit code: 0\n----- stdout -----\n----- stderr -----\n";
/// An RSA key of 1024 bits, with its certificate.
const SHORT: &str = include_str!("fixtures/short-key.pem");

#[test]
fn a_certificate_from_its_request_to_its_export() {
    let installation = Installation::new();
    let request = ["Request-CsCertificate", "-New", "-Type", "OAuthTokenIssuer", "-DomainName"];
    assert_told!(
        "certificate_made",
        &installation.run(&[&request[..], &["contoso.example,fabrikam.example"]].concat())
    );
    let thumbprint = installation.request("contoso.example");
    assert!(installation.objects(&["Get-CsCertificate"]).is_empty(), "one that is made signs nothing yet");

    let set = ["Set-CsCertificate", "-Identity", "Global", "-Type", "OAuthTokenIssuer", "-Thumbprint", &thumbprint];
    assert_eq!(installation.run(&set), SILENT);
    assert_told!("certificate_again", &installation.run(&set));
    assert_told!("certificate_assigned", &installation.run(&["Get-CsCertificate", "-Type", "OAuthTokenIssuer"]));

    let path = installation.path("oauth.cer");
    let export = ["Export-CsCertificate", "-Type", "OAuthTokenIssuer", "-Path", &path];
    assert_told!("certificate_exported", &installation.run(&export));
    let written = bytes(Path::new(&path));
    assert!(!written.escape_ascii().to_string().contains("PRIVATE"));
    assert_eq!(file::read_certificate(Path::new(&path)).unwrap().thumbprint(), thumbprint);
    assert_told!("certificate_file_is_there", &installation.run(&export));
    assert_eq!(bytes(Path::new(&path)), written);

    let der = installation.path("oauth.der");
    let export = ["export-cs-certificate", "--type", "oauthtokenissuer", "--path", &der, "--encoding", "der"];
    assert_eq!(installation.property(&export, "Encoding"), "Der");
    assert_eq!(Certificate::from_der(&bytes(Path::new(&der))).unwrap().thumbprint(), thumbprint);
    let forced = installation.run(&[&export[..], &["--force"]].concat());
    assert!(forced.starts_with("exit code: 0\n"), "{forced}");
    assert_told!("no_next_certificate", &installation.run(&[&export[..], &["--force", "--next"]].concat()));
}

#[test]
fn a_certificate_needs_a_name() {
    let installation = Installation::new();
    let request = ["Request-CsCertificate", "-New", "-Type", "OAuthTokenIssuer"];
    assert_told!("certificate_without_name", &installation.run(&request));
    installation.run(&["Set-CsOAuthConfiguration", "-Realm", "contoso.example"]);
    assert_eq!(installation.property(&request, "Subject"), "CN=contoso.example");
    assert_told!("certificate_of_no_name", &installation.run(&[&request[..], &["-DomainName", "not a name"]].concat()));
}

#[test]
fn a_certificate_follows_another() {
    let installation = Installation::new();
    let (first, second) = (installation.request("contoso.example"), installation.request("contoso.example"));
    let stage =
        |date| installation.run(&["Set-CsCertificate", "-Thumbprint", &second, "-Roll", "-EffectiveDate", date]);
    assert_told!("certificate_staged_first", &stage("2100-01-01"));
    installation.run(&["Set-CsCertificate", "-Thumbprint", &first]);
    assert_told!("certificate_staged_too_late", &stage("2100-01-01"));
    assert_told!("certificate_staged_in_the_past", &stage("2020-01-01"));
    let later = installation.run(&["Set-CsCertificate", "-Thumbprint", &second, "-EffectiveDate", "2100-01-01"]);
    assert_told!("certificate_set_for_later", &later);

    assert_told!("certificate_set_over_another", &installation.run(&["Set-CsCertificate", "-Thumbprint", &second]));
    let slots = || -> Vec<(String, String)> {
        let of = |object: &serde_json::Value, name: &str| object[name].as_str().unwrap().to_owned();
        let all = installation.objects(&["Get-CsCertificate"]);
        all.iter().map(|object| (of(object, "Slot"), of(object, "Thumbprint"))).collect()
    };
    assert_eq!(slots(), [("current".to_owned(), second.clone()), ("previous".to_owned(), first.clone())]);
    assert_eq!(installation.property(&["Get-CsCertificate"], "PreviousThumbprint"), first);
    assert_eq!(installation.run(&["Remove-CsCertificate", "-Previous"]), SILENT);
    assert_eq!(slots(), [("current".to_owned(), second)]);
    assert_told!("certificate_without_previous", &installation.run(&["Remove-CsCertificate", "-Previous"]));
    assert_told!("certificate_in_use", &installation.run(&["Remove-CsCertificate"]));
    assert_told!("certificate_removed", &installation.run(&["Remove-CsCertificate", "-Force"]));
    assert!(slots().is_empty());
}

#[test]
fn a_certificate_that_is_not_there() {
    let installation = Installation::new();
    let thumbprint = "A9993E364706816ABA3E25717850C26C9CD0D89D";
    assert_told!("certificate_not_there", &installation.run(&["Set-CsCertificate", "-Thumbprint", thumbprint]));
    assert_told!("certificate_of_another_scope", &installation.run(&["Get-CsCertificate", "site:Redmond"]));
}

#[test]
fn a_certificate_is_brought_in() {
    let installation = Installation::new();
    let pair = certificate("contoso.example", &yesterday());
    let path = installation.place("oauth.pem", pem(&pair));
    let import = ["Import-CsCertificate", "-Identity", "Global", "-Type", "OAuthTokenIssuer", "-Path", &path];
    assert_eq!(installation.property(&import, "Thumbprint"), pair.certificate().thumbprint());
    let key = installation.data().join(format!("onprem/certificates/{}.key", pair.certificate().thumbprint()));
    assert_eq!(fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_cannot_be_brought_in() {
    let installation = Installation::new();
    let expired = certificate("contoso.example", "2020-01-01T00:00:00Z");
    let pair = certificate("contoso.example", &yesterday());
    let other = certificate("contoso.example", &yesterday());
    let crossed = format!("{}{}", pair.certificate().to_pem(), other.key().to_pem().as_str());
    // A PKCS#12 file begins with a sequence and the version 3.
    let pkcs12 = [&[0x30, 0x82, 0x01, 0x00, 0x02, 0x01, 0x03][..], &[0x30; 253]].concat();
    let alone = installation.path("key.pem");
    file::write_private_key(Path::new(&alone), pair.key()).unwrap();
    let files = [
        ("import_of_a_short_key", installation.place("short.pem", SHORT)),
        ("import_of_what_expired", installation.place("expired.pem", pem(&expired))),
        ("import_without_key", installation.place("keyless.cer", pair.certificate().to_pem())),
        ("import_of_text", installation.place("text.pem", "not a certificate\n")),
        ("import_of_what_was_cut_short", installation.place("cut.pem", &pem(&pair)[..500])),
        ("import_of_a_key_alone", alone),
        ("import_of_another_key", installation.place("crossed.pem", crossed)),
        ("import_of_pkcs12", installation.place("oauth.pfx", pkcs12)),
        ("import_of_no_file", installation.path("none.pem")),
    ];
    for (name, path) in &files {
        assert_told!(*name, &installation.run(&["Import-CsCertificate", "-Path", path]));
    }
    let open = installation.place("open.pem", pem(&pair));
    fs::set_permissions(&open, PermissionsExt::from_mode(0o644)).unwrap();
    assert_told!("import_of_a_key_that_all_can_read", &installation.run(&["Import-CsCertificate", "-Path", &open]));
    assert!(installation.objects(&["Get-CsCertificate"]).is_empty());
}

#[test]
fn an_authority_signs_a_request() {
    let installation = Installation::new();
    let path = installation.path("oauth.csr");
    let words =
        ["Request-CsCertificate", "-New", "-Type", "OAuthTokenIssuer", "-DomainName", "contoso.example", "-Csr", &path];
    assert_told!("request_written", &installation.run(&words));
    assert!(bytes(Path::new(&path)).starts_with(b"-----BEGIN CERTIFICATE REQUEST-----\n"));
    assert_told!("request_is_there", &installation.run(&words));

    // The key waits in the store; the authority is played by signing with that very key.
    let waiting = fs::read_dir(installation.data().join("onprem/certificates")).unwrap();
    let key_file = waiting.map(|entry| entry.unwrap().path()).next().unwrap();
    assert_eq!(fs::metadata(&key_file).unwrap().permissions().mode() & 0o777, 0o600);
    let key = file::read_private_key(&key_file).unwrap();
    let from = yesterday().parse().unwrap();
    let year = std::time::Duration::from_hours(24 * 365);
    let signed: KeyPair = issue::self_signed_with(key, "contoso.example", &[], from, year).unwrap();
    let answer = installation.place("oauth.cer", signed.certificate().to_pem());
    let imported = installation.property(&["Import-CsCertificate", "-Path", &answer], "Thumbprint");
    assert_eq!(imported, signed.certificate().thumbprint());
    assert!(!key_file.exists(), "the key has its certificate, and waits no longer");
}

fn yesterday() -> String {
    use actas_runtime::{Clock, SystemClock};
    let day = jiff::SignedDuration::from_hours(24);
    (SystemClock.now() - day).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
