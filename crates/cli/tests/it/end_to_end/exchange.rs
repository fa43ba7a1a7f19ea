//! The Exchange side of a trust: what it trusts by commands, and a partner that issues its own
//! tokens.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actas_certificate::Authority;
use actas_runtime::{
    ClientOptions, Clock as _, HttpClient, HttpRequest, Limits, Server, SystemClock, TlsIdentity, listener,
};
use actas_testkit::{Finished, Lab, LabOptions, wait_for};
use axum::{Router, routing::get};
use jiff::SignedDuration;
use serde_json::Value;

use super::{lab, servers::Started};
use crate::{actas, installation::Installation};

const ORGANIZATION: [&str; 2] = ["-Organization", "fabrikam.example"];
/// A command and the five seconds within which a server takes a change up, on a busy machine.
pub(super) const TAKEN_UP: Duration = Duration::from_secs(30);

/// Runs a command on the lab's own data.
#[track_caller]
fn told(lab: &Lab, words: &[&str]) -> Finished {
    lab.actas(&[words, &ORGANIZATION].concat())
}

#[track_caller]
pub(super) fn objects(lab: &Lab, words: &[&str]) -> Vec<Value> {
    let finished = told(lab, &[words, &["-Output", "json"]].concat());
    assert_eq!(finished.code, Some(0), "{words:?} {finished}");
    serde_json::from_str(&finished.stdout).expect("an array of objects")
}

#[track_caller]
pub(super) fn done(lab: &Lab, words: &[&str]) {
    let finished = told(lab, words);
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(0), ""), "{words:?} {finished}");
    assert!(finished.stderr.contains("within 5 seconds"), "{finished}");
}

#[track_caller]
fn fails(lab: &Lab, words: &[&str], with: &str) {
    let finished = told(lab, words);
    assert_eq!(finished.code, Some(1), "{words:?} {finished}");
    assert!(finished.stderr.contains(with) && finished.stderr.contains("hint: "), "{words:?} {finished}");
}

fn names(object: &Value) -> Vec<&str> {
    object.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn an_auth_server_from_its_making_to_its_end() {
    let lab = lab();
    let url = lab.value("METADATA_URL");
    let seeded = objects(&lab, &["Get-AuthServer"]);
    assert_eq!(seeded.iter().map(|own| own["Name"].as_str().unwrap()).collect::<Vec<_>>(), ["evoSTS", "MicrosoftACS"]);

    let made =
        &objects(&lab, &["New-AuthServer", "sts", "-AuthMetadataUrl", url, "-DomainName", "a.example,b.example"])[0];
    assert_eq!(made["Realm"], lab.value("TENANT"));
    assert_eq!(made["IssuerIdentifier"], "00000001-0000-0000-c000-000000000000");
    assert!(made["TokenIssuingEndpoint"].as_str().unwrap().starts_with(lab.value("BASE_URL")), "{made}");
    assert!(!made["CertificateStrings"].as_array().unwrap().is_empty(), "{made}");
    assert_eq!(made["DomainName"], serde_json::json!(["a.example", "b.example"]));
    let text = told(&lab, &["Get-AuthServer", "STS", "-Output", "json"]).stdout;
    let places: Vec<_> = [
        "Name",
        "IssuerIdentifier",
        "TokenIssuingEndpoint",
        "AuthorizationEndpoint",
        "ApplicationIdentifier",
        "CertificateStrings",
        "Realm",
        "AuthMetadataUrl",
        "Enabled",
        "Type",
        "DomainName",
        "IsDefaultAuthorizationEndpoint",
    ]
    .iter()
    .map(|name| text.find(&format!("\"{name}\":")).unwrap_or_else(|| panic!("{name} in {text}")))
    .collect();
    assert!(places.is_sorted(), "in the documented order: {text}");
    assert_eq!(names(made).len(), places.len());

    fails(&lab, &["New-AuthServer", "STS", "-AuthMetadataUrl", url], "exists already");
    fails(&lab, &["Get-AuthServer", "nobody"], "there is no auth server `nobody`");
    fails(&lab, &["Set-AuthServer", "nobody", "-Enabled", "$true"], "there is no auth server `nobody`");
    let other = format!("{}/{}/metadata/json/1", lab.value("BASE_URL"), lab.value("TENANT2"));
    fails(&lab, &["New-AuthServer", "other", "-AuthMetadataUrl", &other], "is none of `Fabrikam`");
    fails(
        &lab,
        &["New-AuthServer", "none", "-AuthMetadataUrl", &format!("{url}/x")],
        "cannot acquire the auth metadata",
    );

    let application = "5e1a7c90-6f0d-4b7e-9d0c-2f1d4f0e8a11";
    let noted = ["-ApplicationIdentifier", application, "-GraphBaseUrl", "https://graph.example"];
    let set = told(&lab, &[&["Set-AuthServer", "sts", "-DomainController", "dc1.example"], &noted[..]].concat());
    assert_eq!(set.code, Some(0), "{set}");
    for without_effect in ["`-DomainController` has no effect", "`-GraphBaseUrl` has no effect"] {
        assert!(set.stderr.contains(without_effect), "{set}");
    }
    assert_eq!(objects(&lab, &["Get-AuthServer", "sts"])[0]["ApplicationIdentifier"], application);
    done(&lab, &["Set-AuthServer", "sts", "-RefreshAuthMetadata", "-Name", "sts2", "-Enabled", "false"]);
    assert_eq!(objects(&lab, &["Get-AuthServer", "sts2"])[0]["Enabled"], false);
    let open_id = format!("{}/{}/.well-known/openid-configuration", lab.value("BASE_URL"), lab.value("TENANT"));
    let made = &objects(&lab, &["New-AuthServer", "oidc", "-Type", "AzureAD", "-AuthMetadataUrl", &open_id])[0];
    assert_eq!(made["Type"], "AzureAD");

    // What a Get- prints is what a Set- and a Remove- read.
    let file = lab.folder().join("servers.json");
    let both: Vec<Value> = ["sts2", "oidc"].map(|name| objects(&lab, &["Get-AuthServer", name]).remove(0)).to_vec();
    fs::write(&file, Value::from(both).to_string()).unwrap();
    let piped = |words: &[&str]| {
        let mut command = actas();
        command.arg("--data").arg(lab.value("DATA_DIR")).args(words).args(ORGANIZATION);
        let output = command.stdin(File::open(&file).unwrap()).output().unwrap();
        assert!(output.status.success(), "{}", crate::shown(&output));
    };
    piped(&["Set-AuthServer", "-", "-Enabled", "$true"]);
    assert_eq!(objects(&lab, &["Get-AuthServer", "sts2"])[0]["Enabled"], true);
    piped(&["Remove-AuthServer", "-"]);
    assert_eq!(objects(&lab, &["Get-AuthServer"]).len(), 2);
    fails(&lab, &["Remove-AuthServer", "sts2"], "there is no auth server `sts2`");

    let several = lab.actas(&["Get-AuthServer"]);
    assert_eq!(several.code, Some(2), "{several}");
    assert!(several.stderr.contains("`fabrikam.example`") && several.stderr.contains("`contoso.example`"), "{several}");
}

/// A server in front of another one that speaks plain HTTP.
pub(super) struct Front {
    _runtime: tokio::runtime::Runtime,
    server: Server,
    pub(super) ca_file: PathBuf,
    asked: Arc<AtomicUsize>,
}

impl Front {
    pub(super) fn of(folder: &Path, plain: String) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let now = SystemClock.now();
        let authority =
            Authority::create("front", now - SignedDuration::from_hours(1), Duration::from_hours(48)).unwrap();
        let pair = authority.issue_server(&["localhost".parse().unwrap()], now, Duration::from_hours(24)).unwrap();
        let identity = TlsIdentity::new(vec![pair.certificate().der().to_vec()], pair.key().pkcs8_der().to_vec());
        let ca_file = folder.join("front.cer");
        actas_certificate::file::write_certificate(&ca_file, authority.certificate()).unwrap();
        let http = HttpClient::new(&ClientOptions::default()).unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let forward = move || async move {
            count.fetch_add(1, Ordering::SeqCst);
            let answer = http.send(HttpRequest::get(format!("{plain}/metadata/json/1"))).await.unwrap();
            (answer.status, answer.body)
        };
        let router = Router::new().route("/metadata/json/1", get(forward));
        let server = {
            let _inside = runtime.enter();
            let bound = listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
            listener::serve_tls(bound, router, identity, &Limits::default()).unwrap()
        };
        Self { _runtime: runtime, server, ca_file, asked }
    }

    /// How often the document was asked for.
    pub(super) fn served(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(super) fn url(&self) -> String {
        format!("https://localhost:{}/metadata/json/1", self.server.local_addr().port())
    }
}

#[test]
fn a_partner_on_premises_that_issues_its_own_tokens_delivers_until_it_is_disabled() {
    let installation = Installation::new();
    fs::create_dir(installation.data()).unwrap();
    let config = installation.data().join("actas.toml");
    fs::write(&config, "[onprem]\nlisten = \"127.0.0.1:0\"\ndata = \"onprem\"\n").unwrap();
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

    // The Exchange side: this partner comes in place of the one that the token service vouches for.
    let url = front.url();
    let new =
        [&["New-PartnerApplication", "Lync", "-AuthMetadataUrl", &url, "-AppAssertedActAs", "$true"][..], &trusting]
            .concat();
    fails(&lab, &new, "answered 404"); // nothing is published before there is a realm and a certificate

    // The partner's side: it trusts Exchange by its metadata, and signs for itself.
    fs::write(
        &config,
        format!(
            "[onprem]\nlisten = \"127.0.0.1:0\"\ndata = \"onprem\"\n[client]\nca_files = [\"{}\"]\n",
            lab.value("CA_PEM")
        ),
    )
    .unwrap();
    let exchange = format!("{}/autodiscover/metadata/json/1?realm=fabrikam.example", lab.value("BASE_URL"));
    let partner = ["New-CsPartnerApplication", "Exchange", "-MetadataUrl", &exchange, "-ApplicationTrustLevel", "Full"];
    let known = &installation.objects(&partner)[0];
    assert_eq!(known["ApplicationIdentifier"], super::EXCHANGE);
    assert_eq!(known["Realm"], "fabrikam.example");
    let autodiscover = lab.value("AUTODISCOVER_URL");
    installation.run(&[
        "Set-CsOAuthConfiguration",
        "-Realm",
        "fabrikam.example",
        "-ExchangeAutodiscoverUrl",
        autodiscover,
    ]);
    let thumbprint = installation.request("fabrikam.example");
    installation.run(&["Set-CsCertificate", "-Thumbprint", &thumbprint]);

    fails(&lab, &new, "is the partner application `Microsoft Lync Server` already");
    done(&lab, &["Remove-PartnerApplication", "Microsoft Lync Server"]);
    let made = &objects(&lab, &new)[0];
    assert_eq!(made["IssuerIdentifier"], "00000004-0000-0ff1-ce00-000000000000@fabrikam.example");
    assert_eq!((&made["UseAuthServer"], &made["Realm"]), (&false.into(), &"fabrikam.example".into()));
    assert_eq!(made["LinkedAccount"], Value::Null);

    let mailbox = lab.value("MAILBOX");
    let delivers = || installation.run(&["Test-CsExStorageConnectivity", mailbox]);
    let passed = || Some(delivers()).filter(|told| told.contains("Test passed"));
    wait_for(TAKEN_UP, passed).unwrap_or_else(|| panic!("{}", delivers()));
    // Beside it, what the token service vouches for goes on: the lab's own application is asked for.
    assert_eq!(objects(&lab, &["Get-PartnerApplication", "Lab application"])[0]["UseAuthServer"], true);
    let issuer = |named: &'static str| ["Set-PartnerApplication", "Lab application", "-IssuerIdentifier", named];
    done(&lab, &issuer("00000001-0000-0000-c000-000000000000"));
    fails(&lab, &issuer("00000004-0000-0ff1-ce00-000000000000"), "is not who signs for `Lab application`");

    let oauth = |more: &[&str]| {
        let words =
            ["Test-OAuthConnectivity", "-Service", "EWS", "-TargetUri", lab.value("EWS_URL"), "-Mailbox", mailbox];
        installation.run(&[&words[..], more].concat())
    };
    let acting = oauth(&["-Verbose"]);
    assert!(acting.starts_with("exit code: 0\n") && acting.contains("ResultType  : Success"), "{acting}");
    assert!(acting.contains("EWS: GetFolder -> NoError") && !acting.contains("eyJ"), "{acting}");
    let alone = oauth(&["-AppOnly"]);
    assert!(alone.starts_with("exit code: 1\n") && alone.contains("ResultType  : Error"), "{alone}");

    // As itself it has the rights of its linked account.
    let account = lab.value("MAILBOX2");
    done(&lab, &["Set-PartnerApplication", "lync", "-LinkedAccount", account]);
    assert_eq!(objects(&lab, &["Get-PartnerApplication", "Lync"])[0]["LinkedAccount"], account);
    let succeeds = |more: &[&str]| Some(oauth(more)).filter(|told| told.contains("ResultType  : Success"));
    let own = || {
        let words = [
            "Test-OAuthConnectivity",
            "-Service",
            "EWS",
            "-TargetUri",
            lab.value("EWS_URL"),
            "-Mailbox",
            account,
            "-AppOnly",
        ];
        Some(installation.run(&words)).filter(|told| told.contains("ResultType  : Success"))
    };
    wait_for(TAKEN_UP, own).expect("its own mailbox is open");
    assert!(succeeds(&["-AppOnly"]).is_none(), "another one is not");
    let grant = ["Add-MailboxPermission", mailbox, "-User", account, "-AccessRights", "FullAccess"];
    let granted = &objects(&lab, &grant)[0];
    assert_eq!((&granted["Identity"], &granted["User"]), (&mailbox.into(), &account.into()));
    assert!(succeeds(&["-AppOnly"]).is_some(), "{}", oauth(&["-AppOnly"]));
    assert_eq!(objects(&lab, &["Get-MailboxPermission", mailbox]).len(), 1);
    let revoke = ["Remove-MailboxPermission", mailbox, "-User", account, "-AccessRights", "FullAccess"];
    assert_eq!(told(&lab, &revoke).code, Some(0));
    assert!(succeeds(&["-AppOnly"]).is_none(), "{}", oauth(&["-AppOnly"]));
    fails(&lab, &revoke, "has no permission on the mailbox");

    // Another key: the server looks at the published ones when it is told to.
    let thumbprint = installation.request("fabrikam.example");
    installation.run(&["Set-CsCertificate", "-Thumbprint", &thumbprint]);
    done(&lab, &[&["Set-PartnerApplication", "Lync", "-RefreshAuthMetadata"][..], &trusting].concat());
    wait_for(TAKEN_UP, passed).unwrap_or_else(|| panic!("{}", delivers()));

    done(&lab, &["Set-PartnerApplication", "Lync", "-Enabled", "$false"]);
    let refused = || Some(delivers()).filter(|told| told.contains("(401)"));
    wait_for(TAKEN_UP, refused).expect("a disabled partner is refused within the bound");
    done(&lab, &["Set-PartnerApplication", "Lync", "-Enabled", "$true"]);
    wait_for(TAKEN_UP, passed).expect("and let in again");
    onprem.stops();
}
