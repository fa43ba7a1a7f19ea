//! The directory's commands against a lab: every way to sign in, every kind of credential.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use actas_testkit::{Lab, LabOptions};
use serde_json::Value;

use super::{assert_told_of, lab};
use crate::{actas, installation::Installation, shown};

const LYNC: &str = "00000004-0000-0ff1-ce00-000000000000";

/// A lab whose application may change every principal.
fn lab_of_an_administrator() -> Lab {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let seed = folder.path().join("seed.toml");
    let text = "[[tenant]]\ndisplay_name = \"Fabrikam\"\ndomains = [\"fabrikam.example\"]\n\
        [[tenant.user]]\naddress = \"adele@fabrikam.example\"\n\
        [[tenant.application]]\nname = \"Administrator\"\nroles = [\"Application.ReadWrite.All\"]\n";
    fs::write(&seed, text).expect("a file can be written");
    let options = LabOptions::default().argument("--seed-file").argument(&seed);
    Lab::start_with(Path::new(env!("CARGO_BIN_EXE_actas")), &options)
}

/// The words that name a lab, its tenant and its application.
fn place(lab: &Lab) -> Vec<&str> {
    let (url, tenant, client) = (lab.value("BASE_URL"), lab.value("TENANT"), lab.value("CLIENT_ID"));
    let place = ["Connect-MsolService", "-Environment", url, "-TenantId", tenant, "-ClientId", client];
    [&place[..], &["-CaFile", lab.value("CA_PEM")]].concat()
}

fn connect_with_certificate(installation: &Installation, lab: &Lab) -> String {
    let proof = ["-CertificateFile", lab.value("CERT_PEM"), "-KeyFile", lab.value("KEY_PEM")];
    installation.run(&[place(lab), proof.to_vec()].concat())
}

fn command(installation: &Installation, words: &[&str]) -> Command {
    let mut command = actas();
    command.arg("--data").arg(installation.data()).args(words);
    command
}

#[test]
fn every_way_to_sign_in() {
    let (installation, lab) = (Installation::new(), lab());
    let told = |name: &str, words: &[&str]| assert_told_of(&lab, name, &installation.run(words));
    let status = ["Connect-MsolService", "-Status"];
    told("no_connection", &status);
    let connected = connect_with_certificate(&installation, &lab);
    assert!(connected.starts_with("exit code: 0\n"), "{connected}");
    told("connected_to_a_cloud_of_our_kind", &status);

    // A secret in a file signs in whenever it is needed.
    let secret = lab.value("CLIENT_SECRET");
    let file = installation.place("secret", format!("{secret}\n"));
    told("connected_by_secret", &[place(&lab), vec!["-ClientSecretFile", &file]].concat());
    assert_eq!(installation.property(&["Get-CsTenant"], "TenantId"), lab.value("TENANT"));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    told("secret_that_all_can_read", &["Get-CsTenant"]);

    // One that was typed or given is not kept; the token is.
    let from_variable = [place(&lab), vec!["-ClientSecret", "env"]].concat();
    let output = command(&installation, &from_variable).env("ACTAS_CLIENT_SECRET", secret).output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    assert_eq!(installation.property(&status, "SignIn"), "Secret");
    let mut from_input = command(&installation, &[place(&lab), vec!["-ClientSecret", "-"]].concat());
    let mut child = from_input.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(secret.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(installation.property(&["Get-CsTenant"], "TenantId"), lab.value("TENANT"));
    let session = installation.data().join("onprem/session.json");
    assert_eq!(fs::metadata(&session).unwrap().permissions().mode() & 0o777, 0o600);
    for file in fs::read_dir(installation.data().join("onprem")).unwrap() {
        let path = file.unwrap().path();
        let bytes = if path.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "the secret is in {}", path.display());
    }

    // The session ends by itself, and says how to begin another.
    let mut ended: Value = serde_json::from_slice(&fs::read(&session).unwrap()).unwrap();
    ended["expires"] = "2020-01-01T00:00:00Z".into();
    fs::write(&session, ended.to_string()).unwrap();
    told("session_that_ended", &["Get-CsTenant"]);
    told("status_of_a_session_that_ended", &status);

    told("signed_out", &["Connect-MsolService", "-SignOut"]);
    assert!(!session.exists());
    assert!(installation.run(&["Get-CsTenant"]).contains("you are not connected"));

    // Without anything, the variable is used, and nothing is kept.
    let mut by_variable = command(&installation, &place(&lab));
    let refused = shown(&by_variable.env("ACTAS_GRAPH_TOKEN", "nonsense").output().unwrap());
    assert!(refused.contains("refused (401") && !refused.contains("nonsense"), "{refused}");
    let stranger = "2f3d7a52-7c3e-4d7b-9a6c-0a4f9d1b5e11";
    let words = ["-Environment", lab.value("BASE_URL"), "-TenantId", stranger, "-ClientId", LYNC];
    let proof = ["-CaFile", lab.value("CA_PEM"), "-ClientSecretFile", &file];
    let refused = installation.run(&[&["Connect-MsolService"][..], &words, &proof].concat());
    assert!(refused.contains("does not say where the directory is") && refused.contains("AADSTS90002"), "{refused}");
}

#[test]
fn every_kind_of_principal_and_credential() {
    let (installation, lab) = (Installation::new(), lab_of_an_administrator());
    connect_with_certificate(&installation, &lab);
    let objects = |words: &[&str]| installation.objects(words);
    let certificate = fs::read_to_string(lab.value("CERT_PEM")).unwrap();
    let value: String = certificate.lines().filter(|line| !line.starts_with("-----")).collect();

    let archive =
        &objects(&["New-MsolServicePrincipal", "-DisplayName", "Archive", "-Type", "Asymmetric", "-Value", &value])[0];
    let (id, app_id) = (archive["ObjectId"].as_str().unwrap(), archive["AppPrincipalId"].as_str().unwrap());
    let order: Vec<&String> = archive.as_object().unwrap().keys().collect();
    assert_eq!(order.len(), 8, "{order:?}");
    let of = ["-AppPrincipalId", app_id];
    let keys = |values: &str| {
        objects(&[&["Get-MsolServicePrincipalCredential"][..], &of, &["-ReturnKeyValues", values]].concat())
    };
    assert_eq!((keys("true").len(), keys("true")[0]["Value"].as_str()), (1, Some(value.as_str())));

    // A secret that the directory makes opens what it should, and is removed like a key.
    let made = &objects(&[&["New-MsolServicePrincipalCredential"][..], &of, &["-Type", "Password"]].concat())[0];
    let (secret, key_id) = (made["Value"].as_str().unwrap(), made["KeyId"].as_str().unwrap());
    assert!(secret.len() >= 32 && made["Type"] == "Password" && made["Usage"] == "Verify", "{made}");
    let other = Installation::new();
    let file = other.place("secret", secret);
    let place = ["-Environment", lab.value("BASE_URL"), "-TenantId", lab.value("TENANT"), "-ClientId", app_id];
    let proof = ["-CaFile", lab.value("CA_PEM"), "-ClientSecretFile", &file];
    let as_archive = [&["Connect-MsolService"][..], &place, &proof].concat();
    let denied = other.run(&as_archive);
    assert!(denied.contains("refused (403"), "it signs in, and has no permission\n{denied}");
    let both = keys("true");
    assert_eq!(both.len(), 2);
    assert!(both.iter().all(|key| key["Type"] != "Password" || key["Value"].is_null()), "{both:?}");
    let remove = [&["Remove-MsolServicePrincipalCredential"][..], &of, &["-KeyIds"]].concat();
    let all = format!("{key_id},{}", keys("false")[0]["KeyId"].as_str().unwrap());
    let told = installation.run(&[&remove[..], &[&all]].concat());
    assert!(told.starts_with("exit code: 0\n") && told.contains("has no certificate left"), "{told}");
    assert!(keys("false").is_empty());
    let refused = other.run(&as_archive);
    assert!(refused.contains("AADSTS7000215") || refused.contains("AADSTS7000222"), "{refused}");

    // A symmetric key is made where its type is named and its value is not.
    let words = ["New-MsolServicePrincipal", "-DisplayName", "Shared", "-Type", "Symmetric", "-AppPrincipalId", LYNC];
    let taken = installation.run(&words);
    assert!(taken.starts_with("exit code: 1\n") && taken.contains("409"), "{taken}");
    let shared = objects(&["New-MsolServicePrincipal", "-DisplayName", "Shared", "-Type", "Symmetric"]);
    assert_eq!(shared[1]["Value"].as_str().map(str::len), Some(44), "{shared:?}");
    let bare = objects(&["New-MsolServicePrincipal", "-DisplayName", "Bare", "-AccountEnabled", "false"]);
    assert_eq!((bare.len(), &bare[0]["AccountEnabled"]), (1, &Value::Bool(false)));
    let secret = objects(&["New-MsolServicePrincipal", "-DisplayName", "Words", "-Type", "Password"]);
    assert_eq!(secret[1]["Type"], "Password");

    let set = ["Set-MsolServicePrincipal", "-ObjectId", id, "-DisplayName", "Archive two", "-Addresses"];
    let told = installation.run(&[&set[..], &["https://a.example/x,https://b.example/y"]].concat());
    assert_eq!(told, "exit code: 0\n----- stdout -----\n----- stderr -----\n");
    let now = &objects(&["Get-MsolServicePrincipal", "-ObjectId", id])[0];
    assert_eq!((&now["DisplayName"], now["Addresses"].as_array().map(Vec::len)), (&"Archive two".into(), Some(2)));
    let found = |words: &[&str]| objects(&[&["Get-MsolServicePrincipal"][..], words].concat()).len();
    assert_eq!((found(&["-SearchString", "archive"]), found(&["-SearchString", "two"])), (1, 0));
    assert_eq!((found(&["-MaxResults", "3"]), found(&["-MaxResults", "0"])), (3, 0));
    assert!(found(&["-All"]) > 6);
    let told = installation.run(&["Remove-MsolServicePrincipal", "-ObjectId", id, "-Force"]);
    assert_eq!(told, "exit code: 0\n----- stdout -----\n----- stderr -----\n");
    assert_eq!(found(&["-SearchString", "archive"]), 0);
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    const WRITERS: usize = 6;
    let (installation, lab) = (Installation::new(), lab());
    connect_with_certificate(&installation, &lab);
    let of = ["-AppPrincipalId", lab.value("CLIENT_ID")];
    let keys = || {
        let all = installation
            .objects(&[&["Get-MsolServicePrincipalCredential"][..], &of, &["-ReturnKeyValues", "false"]].concat());
        all.iter().map(|key| key["KeyId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let before = keys().len();
    let new = [&["New-MsolServicePrincipalCredential"][..], &of, &["-Output", "json"]].concat();
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| command(&installation, &new).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
        .collect();
    let mut added: Vec<String> = Vec::new();
    for writer in writers {
        let output = writer.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", shown(&output));
        let made: Value = serde_json::from_slice(&output.stdout).unwrap();
        added.push(made[0]["KeyId"].as_str().unwrap().to_owned());
    }
    let after = keys();
    assert_eq!(after.len(), before + WRITERS);
    assert!(added.iter().all(|id| after.contains(id)), "{added:?} {after:?}");
}
