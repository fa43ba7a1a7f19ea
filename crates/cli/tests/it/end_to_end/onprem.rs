//! The on-premises side's commands against servers that run: objects of token servers, and a
//! trust that stands on this side's own word.

use std::{
    fs,
    path::{Path, PathBuf},
};

use actas_testkit::{Lab, LabOptions, wait_for};
use serde_json::{Value, json};

use super::{
    connect,
    exchange::{Front, TAKEN_UP, done, objects},
    lab,
    servers::Started,
};
use crate::{actas, installation::Installation};

const SILENT: &str = "exit code: 0\n----- stdout -----\n----- stderr -----\n";

#[test]
fn token_servers_travel_through_pipes() {
    let (installation, lab) = (Installation::new(), lab());
    connect(&installation, &lab);
    let url = lab.value("METADATA_URL");
    let new = ["New-CsOAuthServer", "microsoft.sts", "-MetadataUrl", url, "-InMemory"];
    let made = installation.objects(&new);
    let get = || installation.objects(&["Get-CsOAuthServer"]);
    assert!(get().is_empty());
    let set = |objects: &Value| installation.piped(&["Set-CsOAuthServer", "-Instance", "-"], &objects.to_string());
    let with = |property: &str, value: &str| {
        let mut object = made[0].clone();
        object[property] = json!(value);
        object
    };
    let lynx = set(&with("IssuerIdentifier", "00000004-0000-0ff1-ce00-000000000000"));
    assert!(lynx.starts_with("exit code: 1\n") && lynx.contains("`IssuerIdentifier` is"), "{lynx}");
    assert!(get().is_empty(), "the document speaks for somebody else");
    assert_eq!(set(&json!(made)), SILENT);
    assert_eq!(get(), made, "what was made in memory is stored");

    let accepting = json!([{ "Identity": "MICROSOFT.STS", "AcceptSecurityIdentifierInformation": true }]);
    assert_eq!(set(&accepting), SILENT);
    assert_eq!(get()[0]["AcceptSecurityIdentifierInformation"], true);
    let realm = set(&with("Realm", "fabrikam.example"));
    assert!(realm.contains("Remove-CsOAuthServer") && realm.contains("New-CsOAuthServer"), "{realm}");
    let kind = set(&with("Type", "AzureAD"));
    assert!(kind.starts_with("exit code: 1\n") && kind.contains("`AzureAD`"), "{kind}");
    let nowhere = set(&with("MetadataUrl", "https://127.0.0.1:1/metadata/json/1"));
    assert!(nowhere.starts_with("exit code: 1\n") && nowhere.contains("127.0.0.1:1"), "{nowhere}");
    assert_eq!(set(&json!(made)), SILENT);
    assert_eq!(get(), made, "nothing of those was taken up");

    // Beside it, a server for clients that sign in.
    let open_id = format!("{}/{}/.well-known/openid-configuration", lab.value("BASE_URL"), lab.value("TENANT"));
    let evo = ["New-CsOAuthServer", "evoSTS", "-MetadataUrl", &open_id, "-Type", "AzureAD"];
    let evo = installation.objects(&[&evo[..], &["-AcceptSecurityIdentifierInformation", "$true"]].concat());
    assert_eq!((&evo[0]["Type"], &evo[0]["Realm"]), (&json!("AzureAD"), &json!(lab.value("TENANT"))));
    assert_eq!(set(&json!(evo)), SILENT);
    let identity = ["Set-CsOAuthConfiguration", "-ClientAuthorizationOAuthServerIdentity", "evoSTS"];
    assert_eq!(installation.run(&identity), SILENT);
    assert_eq!(installation.run(&["Remove-CsOAuthServer", "evoSTS"]), SILENT);
    assert_eq!(installation.piped(&["Remove-CsOAuthServer", "-"], &json!(made).to_string()), SILENT);
    assert!(get().is_empty());
}

/// The realms differ: each side has its own, and neither is asked to know the other's keys but
/// by its document.
#[test]
fn exchange_trusts_our_own_word_through_a_roll() {
    let installation = Installation::new();
    fs::create_dir(installation.data()).unwrap();
    let config = installation.data().join("actas.toml");
    let onprem_section = "[onprem]\nlisten = \"127.0.0.1:0\"\ndata = \"onprem\"\n";
    fs::write(&config, onprem_section).unwrap();
    let ready = PathBuf::from(installation.path("ready.json"));
    let mut serve = actas();
    serve.args(["serve", "--data"]).arg(installation.data()).arg("--ready-file").arg(&ready);
    let output = tempfile::tempdir().unwrap();
    let mut onprem = Started::start(serve, output.path(), ready);
    let front = Front::of(output.path(), onprem.value("ONPREM_URL"));
    let trusting = output.path().join("cloud.toml");
    fs::write(&trusting, format!("[client]\nca_files = [\"{}\"]\n", front.ca_file.display())).unwrap();
    let options = LabOptions::default().argument("--config").argument(&trusting);
    let lab = Lab::start_with(Path::new(env!("CARGO_BIN_EXE_actas")), &options);
    let trusting = ["--config", trusting.to_str().unwrap()];
    fs::write(&config, format!("{onprem_section}[client]\nca_files = [\"{}\"]\n", lab.value("CA_PEM"))).unwrap();

    // This side: Exchange by its document, ourselves in a realm of our own.
    let exchange = format!("{}/autodiscover/metadata/json/1?realm=fabrikam.example", lab.value("BASE_URL"));
    let partner = ["New-CsPartnerApplication", "Exchange", "-MetadataUrl", &exchange, "-ApplicationTrustLevel", "Full"];
    assert_eq!(installation.objects(&partner)[0]["Realm"], "fabrikam.example");
    let url = lab.value("AUTODISCOVER_URL");
    let configure = ["Set-CsOAuthConfiguration", "-Realm", "pool.example", "-ExchangeAutodiscoverUrl", url];
    assert_eq!(installation.run(&configure), SILENT);
    let first = installation.request("pool.example");
    assert_eq!(installation.run(&["Set-CsCertificate", "-Thumbprint", &first]), SILENT);

    // Their side, by Exchange's own commands.
    done(&lab, &["Remove-PartnerApplication", "Microsoft Lync Server"]);
    let front_url = front.url();
    let new = ["New-PartnerApplication", "Lync", "-AuthMetadataUrl", &front_url, "-AppAssertedActAs", "$true"];
    let made = &objects(&lab, &[&new[..], &trusting].concat())[0];
    assert_eq!(made["IssuerIdentifier"], "00000004-0000-0ff1-ce00-000000000000@pool.example");
    assert_eq!(made["CertificateStrings"].as_array().unwrap().len(), 1);

    let delivers = || installation.run(&["Test-CsExStorageConnectivity", lab.value("MAILBOX")]);
    let passed = || Some(delivers()).filter(|told| told.contains("Test passed"));
    wait_for(TAKEN_UP, passed).unwrap_or_else(|| panic!("{}", delivers()));
    let token = &installation.objects(&["token", "request"])[0];
    assert!(token.to_string().contains("@fabrikam.example"), "the audience is in their realm: {token}");

    // The next certificate is published before it signs, so that Exchange knows it by then.
    let second = installation.request("pool.example");
    let stage = ["Set-CsCertificate", "-Thumbprint", &second, "-Roll", "-EffectiveDate", "2027-06-01"];
    assert_eq!(installation.run(&stage), SILENT);
    let before = front.served();
    done(&lab, &[&["Set-PartnerApplication", "Lync", "-RefreshAuthMetadata"][..], &trusting].concat());
    let known = &objects(&lab, &["Get-PartnerApplication", "Lync"])[0];
    assert_eq!(known["CertificateStrings"].as_array().unwrap().len(), 2);
    // The command has read the document once, and the server does with the next token.
    let read_again = || passed().filter(|_| front.served() >= before + 2);
    wait_for(TAKEN_UP, read_again).unwrap_or_else(|| panic!("{}", delivers()));
    let slot = |thumbprint: &str| {
        let all = installation.objects(&["Get-CsCertificate"]);
        all.iter().find(|own| own["Thumbprint"] == thumbprint).map(|own| own["Slot"].as_str().unwrap().to_owned())
    };
    assert_eq!((slot(&first).as_deref(), slot(&second).as_deref()), (Some("current"), Some("next")));
    // Its time comes early; nobody tells Exchange, and it does not ask.
    let before = front.served();
    let set = installation.run(&["Set-CsCertificate", "-Thumbprint", &second]);
    assert!(set.starts_with("exit code: 0\n"), "{set}");
    assert_eq!((slot(&first).as_deref(), slot(&second).as_deref()), (Some("previous"), Some("current")));
    assert!(passed().is_some(), "{}", delivers());
    assert_eq!(installation.run(&["Remove-CsCertificate", "-Previous"]), SILENT);
    assert!(passed().is_some(), "{}", delivers());
    assert_eq!(front.served(), before);
    onprem.stops();
}
