//! Certificates, from request to removal.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use actas_certificate::{Certificate, KeyPair, file, issue};

use crate::installation::{Installation, bytes, certificate, pem};

const SILENT: &str = "exit code: 0\n----- stdout -----\n----- stderr -----\n";
/// An RSA key of 1024 bits, with its certificate.
const SHORT: &str = include_str!("fixtures/short-key.pem");
/// What OpenSSL wrote, as its own tests tell; the certificate ends in 2126.
const AES: &[u8] = include_bytes!("../../../certificate/tests/it/fixtures/pkcs12/aes.pfx");
const WINDOWS_3DES: &[u8] = include_bytes!("../../../certificate/tests/it/fixtures/pkcs12/windows-3des.pfx");
const EMPTY: &[u8] = include_bytes!("../../../certificate/tests/it/fixtures/pkcs12/empty.pfx");
/// The same as PEM, its key encrypted under "secret".
const ENCRYPTED: &[u8] = include_bytes!("../../../certificate/tests/it/fixtures/pkcs8/leaf.pem");
const NO_KEY: &[u8] = include_bytes!("../../../certificate/tests/it/fixtures/pkcs12/nokey.pfx");

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
    let damaged = [&[0x30, 0x82, 0x01, 0x00, 0x02, 0x01, 0x03][..], &[0x30; 253]].concat();
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
        ("import_of_damaged_pkcs12", installation.place("damaged.pfx", damaged)),
        ("import_of_pkcs12_without_password", installation.place("oauth.pfx", AES)),
        ("import_of_pkcs12_without_key", installation.place("nokey.pfx", NO_KEY)),
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
    // Authorities answer in DER as often as in PEM.
    let answer = installation.place("oauth.cer", signed.certificate().der());
    let imported = installation.property(&["Import-CsCertificate", "-Path", &answer], "Thumbprint");
    assert_eq!(imported, signed.certificate().thumbprint());
    assert!(!key_file.exists(), "the key has its certificate, and waits no longer");
}

#[test]
fn a_request_says_what_an_authority_asks_for() {
    let installation = Installation::new();
    installation.run(&["Set-CsOAuthConfiguration", "-Realm", "contoso.example"]);
    let path = installation.path("oauth.csr");
    let request = ["Request-CsCertificate", "-New", "-Type", "OAuthTokenIssuer"];
    let content = ["-ComputerFqdn", "pool.contoso.example", "-DomainName", "fabrikam.example", "-AllSipDomain"];
    let subject =
        ["-Organization", "Contoso", "-OU", "Voice", "-City", "Galway", "-State", "Connacht", "-Country", "IE"];
    let more = ["-KeySize", "2048", "-KeyAlg", "RSA", "-ClientEKU", "$true", "-OutputFile", &path];
    assert_told!(
        "request_with_a_whole_subject",
        &installation.run(&[&request[..], &content, &subject, &more].concat())
    );

    let waiting = installation.objects(&["Request-CsCertificate", "-List"]);
    assert_eq!(waiting.len(), 1);
    let id = waiting[0]["RequestId"].as_str().unwrap();
    assert_told!("requests_to_forget", &installation.run(&["Request-CsCertificate", "-Clear"]));
    let clear = ["Request-CsCertificate", "-Clear", "-RequestId", id, "-Confirm:$false"];
    assert_eq!(installation.run(&clear), SILENT);
    assert!(installation.objects(&["Request-CsCertificate", "-List"]).is_empty());
    let again = installation.run(&clear);
    assert!(again.starts_with("exit code: 1\n") && again.contains("Request-CsCertificate -List"), "{again}");

    assert_told!("request_to_an_authority", &installation.run(&[&request[..], &["-CA", "dc1\\Contoso CA"]].concat()));
    assert_told!("request_with_a_curve", &installation.run(&[&request[..], &["-KeyAlg", "ECDH_P256"]].concat()));
    assert_told!("request_for_another_use", &installation.run(&["Request-CsCertificate", "-New", "-Type", "Default"]));
    assert_told!("request_of_no_country", &installation.run(&[&request[..], &["-Country", "Ireland"]].concat()));
}

#[test]
fn a_pkcs12_file_is_brought_in() {
    let installation = Installation::new();
    let file = installation.place("oauth.pfx", WINDOWS_3DES);
    let import = ["Import-CsCertificate", "-Identity", "Global", "-Type", "OAuthTokenIssuer", "-Path", &file];
    assert_told!("import_of_pkcs12", &installation.run(&[&import[..], &["-Password", "secret"]].concat()));
    let pair = KeyPair::from_pkcs12(WINDOWS_3DES, "secret").unwrap();
    assert_eq!(installation.property(&["Get-CsCertificate"], "Thumbprint"), pair.certificate().thumbprint());
    let key = installation.data().join(format!("onprem/certificates/{}.key", pair.certificate().thumbprint()));
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(file::read_private_key(&key).unwrap().matches(pair.certificate()));

    let wrong = installation.run(&[&import[..], &["-Password", "s3kret"]].concat());
    assert!(!wrong.contains("s3kret"), "{wrong}");
    assert_told!("import_with_a_wrong_password", &wrong);
}

#[test]
fn a_password_comes_from_where_nobody_sees_it() {
    let thumbprint = |installation: &Installation| installation.property(&["Get-CsCertificate"], "Thumbprint");
    let expected = KeyPair::from_pkcs12(AES, "secret").unwrap().certificate().thumbprint().to_owned();

    let by_file = Installation::new();
    let (file, password) = (by_file.place("oauth.pfx", AES), by_file.place("password", "secret\n"));
    let import = ["Import-CsCertificate", "Global", "-Path", &file, "-PasswordFile", &password];
    let told = by_file.run(&import);
    assert!(told.starts_with("exit code: 0\n") && !told.contains("warning"), "{told}");
    assert_eq!(thumbprint(&by_file), expected);
    fs::set_permissions(&password, PermissionsExt::from_mode(0o644)).unwrap();
    assert_told!("password_that_all_can_read", &by_file.run(&import));
    let twice = by_file.run(&[&import[..], &["-Password", "secret"]].concat());
    assert!(twice.starts_with("exit code: 2\n"), "{twice}");

    let by_pipe = Installation::new();
    let file = by_pipe.place("oauth.pfx", AES);
    let told = by_pipe.piped(&["import-cs-certificate", "Global", "--path", &file, "--password-file", "-"], "secret\n");
    assert!(told.starts_with("exit code: 0\n"), "{told}");
    assert_eq!(thumbprint(&by_pipe), expected);

    let by_variable = Installation::new();
    let file = by_variable.place("oauth.pfx", AES);
    let mut command = crate::actas();
    command.env("ACTAS_CERTIFICATE_PASSWORD", "secret").arg("--data").arg(by_variable.data());
    let output = command.args(["Set-CsCertificate", "-Path", &file]).output().unwrap();
    assert!(output.status.success(), "{}", crate::shown(&output));
    assert_eq!(thumbprint(&by_variable), expected);

    let none = Installation::new();
    let file = none.place("oauth.pfx", EMPTY);
    assert!(none.run(&["Set-CsCertificate", "-Path", &file]).starts_with("exit code: 0\n"), "none is needed");
    let nothing_to_open = none.run(&["Set-CsCertificate", "-Thumbprint", &expected, "-Password", "secret"]);
    assert!(nothing_to_open.starts_with("exit code: 2\n"), "{nothing_to_open}");
}

#[test]
fn a_certificate_is_brought_in_first_and_assigned_afterwards() {
    let installation = Installation::new();
    let pair = certificate("contoso.example", &yesterday());
    let path = installation.place("oauth.pem", pem(&pair));
    assert_told!("import_unassigned", &installation.run(&["Import-CsCertificate", "-Path", &path]));
    assert!(installation.objects(&["Get-CsCertificate"]).is_empty());
    let imported = serde_json::to_string(&installation.objects(&["Import-CsCertificate", "-Path", &path])).unwrap();
    let set = ["Set-CsCertificate", "-Identity", "Global", "-Type", "OAuthTokenIssuer", "-Reference", "-"];
    assert_told!("reference_without_thumbprint", &installation.piped(&set, "[{}]"));
    assert_eq!(installation.piped(&set, &imported), SILENT);
    assert_eq!(installation.property(&["Get-CsCertificate"], "Thumbprint"), pair.certificate().thumbprint());
}

#[test]
fn uses_that_the_vendor_knows() {
    let installation = Installation::new();
    let thumbprint = installation.request("contoso.example");
    installation.run(&["Set-CsCertificate", "-Thumbprint", &thumbprint]);
    assert_eq!(installation.objects(&["Get-CsCertificate", "-Type", "Default,WebServicesInternal"]).len(), 0);
    assert_eq!(installation.objects(&["Get-CsCertificate", "-Type", "Default,oauthtokenissuer"]).len(), 1);
    let other = installation.run(&["Set-CsCertificate", "-Type", "Default", "-Thumbprint", &thumbprint]);
    assert_told!("certificate_for_another_use", &other);
    let removed = installation.run(&["Remove-CsCertificate", "-Type", "Default", "-Force"]);
    assert!(removed.starts_with("exit code: 1\n"), "{removed}");
    assert_eq!(installation.objects(&["Get-CsCertificate"]).len(), 1);
}

#[test]
fn a_report_is_written() {
    let installation = Installation::new();
    let thumbprint = installation.request("contoso.example");
    let report = installation.path("report.html");
    let set = ["Set-CsCertificate", "-Thumbprint", &thumbprint, "-Report", &report, "-NetportId", "0"];
    assert_eq!(installation.run(&set), SILENT);
    let page = fs::read_to_string(&report).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains(&thumbprint), "{page}");
    installation.run(&["Remove-CsCertificate", "-Force", "-Report", &report]);
    let page = fs::read_to_string(&report).unwrap();
    assert!(page.contains("0 certificate(s)") && !page.contains(&thumbprint), "{page}");
    let nowhere = installation.path("none/report.html");
    let failed = installation.run(&["Get-CsCertificate", "-Report", &nowhere]);
    assert!(failed.starts_with("exit code: 1\n") && failed.contains("report.html"), "{failed}");
}

fn yesterday() -> String {
    use actas_runtime::{Clock, SystemClock};
    let day = jiff::SignedDuration::from_hours(24);
    (SystemClock.now() - day).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[test]
fn an_encrypted_key_in_pem_comes_in_with_its_password() {
    let installation = Installation::new();
    let (file, password) = (installation.place("oauth.pem", ENCRYPTED), installation.place("password", "secret\n"));
    let import = ["Import-CsCertificate", "Global", "-Path", &file];
    assert_told!("import_of_encrypted_pem_without_password", &installation.run(&import));
    let wrong = installation.run(&[&import[..], &["-Password", "s3kret"]].concat());
    assert!(wrong.starts_with("exit code: 1\n") && wrong.contains("not that of the private key"), "{wrong}");
    assert!(!wrong.contains("s3kret"), "{wrong}");
    let imported = installation.objects(&[&import[..], &["-PasswordFile", &password]].concat());
    let by_pfx = Installation::new();
    let pfx = by_pfx.place("oauth.pfx", AES);
    let same = by_pfx.objects(&["Import-CsCertificate", "Global", "-Path", &pfx, "-Password", "secret"]);
    assert_eq!(imported[0]["Thumbprint"], same[0]["Thumbprint"]);
    // What is kept is guarded by its mode, and opens without the password.
    assert_eq!(installation.objects(&["Get-CsCertificate"]).len(), 1);

    // The next one by `renew`: nothing is asked of a directory before the key is open.
    let renew = ["renew", "--certificate", &file, "--key", &file];
    let closed = installation.run(&renew);
    assert!(closed.contains("is encrypted, and no password was given"), "{closed}");
    let open = installation.run(&[&renew[..], &["--password-file", &password]].concat());
    assert!(open.contains("Connect-MsolService") && !open.contains("encrypted"), "{open}");
    let no_key = installation.run(&["renew", "--password-file", &password]);
    assert!(no_key.starts_with("exit code: 2\n") && no_key.contains("`--key FILE`"), "{no_key}");
}
