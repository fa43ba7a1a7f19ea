//! The token service's keys and policy as an operator has them: by configuration, by
//! command, and in a PKCS#11 token.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use actas_certificate::file;
use actas_runtime::hosts::HostEntry;
use actas_runtime::{ClientOptions, Clock as _, HostTable, HttpClient, HttpRequest, HttpResponse, SystemClock};
use actas_store::sts::{KeyMove, KeyState, SigningKeys};
use actas_store::{Database, Schema};
use actas_testkit::{Finished, SoftHsm, run};
use actas_token::jws::{Compact, Reading};
use actas_token::{Claims, SigningKey, issue};
use http::StatusCode;
use jiff::SignedDuration;
use serde_json::Value;
use tempfile::TempDir;

use super::servers::{DEADLINE, Started, folder};
use crate::actas;

const HOST: &str = "cloud.contoso.example";
const TENANT: &str = "6f1d3f5e-0a50-4f0e-9d0c-2f1d4f0e8a01";
const APP: &str = "6f1d3f5e-0a50-4f0e-9d0c-2f1d4f0e8a02";
const PIN: &str = "481516";
/// Longer than a server takes to look for what a command did.
const TAKEN_UP: Duration = Duration::from_secs(20);

/// A data folder with a configuration, and what is started on it.
struct Place {
    folder: TempDir,
    environment: Vec<(&'static str, PathBuf)>,
}

/// A server that runs, and a way to it.
struct Served {
    started: Started,
    http: HttpClient,
    runtime: tokio::runtime::Runtime,
    key: SigningKey,
}

// === impl Place ===

impl Place {
    fn new() -> Self {
        let place = Self { folder: folder(), environment: Vec::new() };
        fs::create_dir(place.data()).unwrap();
        let seed = format!(
            "[[tenant]]\nid = \"{TENANT}\"\ndisplay_name = \"Contoso\"\ndomains = [\"contoso.example\"]\n\
             [[tenant.application]]\nid = \"{APP}\"\nname = \"Administrator\"\nroles = [\"Application.ReadWrite.All\"]\n"
        );
        fs::write(place.data().join("seed.toml"), seed).unwrap();
        place.configure("");
        place
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Writes the configuration, with further sections.
    fn configure(&self, more: &str) {
        let text = format!(
            "[cloud]\nlisten = \"127.0.0.1:0\"\npublic_origin = \"https://{HOST}\"\ndata = \"cloud\"\nseed_file = \"seed.toml\"\n{more}"
        );
        fs::write(self.data().join("actas.toml"), text).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = actas();
        command.args(words).arg("--data").arg(self.data()).env_remove("ACTAS_PKCS11_PIN");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn run(&self, words: &[&str]) -> Finished {
        run(&mut self.command(words), DEADLINE)
    }

    fn serve(&self) -> Served {
        let ready = self.folder.path().join("ready.json");
        let mut command = self.command(&["serve"]);
        command.arg("--ready-file").arg(&ready);
        let started = Started::start(command, self.folder.path(), ready);
        let mut hosts = HostTable::default();
        hosts.add(HostEntry::new(HOST, 443, started.value("CLOUD_LISTEN").parse().unwrap()).unwrap()).unwrap();
        let roots = file::read_certificates(Path::new(&started.value("CA_PEM"))).unwrap();
        let extra_roots = roots.iter().map(actas_certificate::Certificate::to_tls).collect();
        let http = HttpClient::new(&ClientOptions { hosts, extra_roots, ..ClientOptions::default() }).unwrap();
        let applications = self.data().join("cloud/applications");
        let certificate = applications.join(format!("{APP}.cer"));
        let pair = file::read_key_pair(&certificate, &applications.join(format!("{APP}.key"))).unwrap();
        let key = SigningKey::new(pair.key().pkcs8_der(), pair.certificate().der()).unwrap();
        Served { started, http, runtime: tokio::runtime::Runtime::new().unwrap(), key }
    }

    fn keys(&self) -> Vec<Value> {
        let finished = self.run(&["signing-keys", "list", "--output", "json"]);
        assert_eq!(finished.code, Some(0), "{finished}");
        serde_json::from_str(&finished.stdout).unwrap()
    }

    fn key_files(&self) -> usize {
        fs::read_dir(self.data().join("cloud/keys")).unwrap().count()
    }

    /// Makes the next key look as if it had been published for a day.
    fn let_next_age(&self) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let table = SigningKeys::new(Database::open(&self.data().join("cloud/cloud.db"), Schema::Cloud).unwrap());
            let next = table.all().await.unwrap().into_iter().find(|key| key.state == KeyState::Next).unwrap();
            let at = next.since - SignedDuration::from_hours(24);
            let step = KeyMove { thumbprint: next.thumbprint, from: KeyState::Next, to: KeyState::Next, at };
            table.change(&[step], &[]).await.unwrap();
        });
    }
}

// === impl Served ===

impl Served {
    fn send(&self, request: HttpRequest) -> HttpResponse {
        self.runtime.block_on(self.http.send(request)).unwrap()
    }

    fn published(&self) -> Vec<String> {
        let answer = self.send(HttpRequest::get(format!("https://{HOST}/{TENANT}/discovery/v2.0/keys")));
        let keys: Value = serde_json::from_slice(&answer.body).unwrap();
        keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    /// An answer to a request for a token, by certificate.
    fn ask(&self) -> Value {
        let endpoint = format!("https://{HOST}/{TENANT}/oauth2/v2.0/token");
        let (now, jti) = (SystemClock.now(), uuid::Uuid::new_v4().to_string());
        let assertion =
            issue::client_assertion(&self.key, APP, &endpoint, &jti, SignedDuration::from_mins(5), now).unwrap();
        self.ask_with(&assertion)
    }

    fn ask_with(&self, assertion: &str) -> Value {
        let form = format!(
            "grant_type=client_credentials&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer\
             &client_assertion={assertion}&scope=https://{HOST}/.default"
        );
        let endpoint = format!("https://{HOST}/{TENANT}/oauth2/v2.0/token");
        let answer = self.send(HttpRequest::post(endpoint, "application/x-www-form-urlencoded", form));
        serde_json::from_slice(&answer.body).unwrap()
    }

    fn token(&self) -> String {
        let answer = self.ask();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// Whether Graph, which validates by the published keys, takes a token.
    fn takes(&self, token: &str) -> bool {
        let request = HttpRequest::get(format!("https://{HOST}/v1.0/servicePrincipals")).bearer(token).unwrap();
        self.send(request).status == StatusCode::OK
    }

    /// Waits until another key signs.
    fn signs_with_another_than(&mut self, before: &str) -> String {
        let found = actas_testkit::wait_for(TAKEN_UP, || Some(self.token()).filter(|token| kid(token) != before));
        found.unwrap_or_else(|| panic!("{before} signs on; {}", self.started.process.output()))
    }

    fn reloads(&mut self, output: &Path, told: &str) {
        self.started.signal("HUP");
        let told = || fs::read_to_string(output).unwrap_or_default().contains(told).then_some(());
        self.started.process.wait_for("a reload", DEADLINE, told);
    }
}

fn kid(token: &str) -> String {
    Compact::parse(token, Reading::Strict).unwrap().header.kid.unwrap()
}

fn claims(token: &str) -> Claims {
    Compact::parse(token, Reading::Strict).unwrap().claims
}

#[track_caller]
fn refused(finished: &Finished, code: i32, told: &[&str]) {
    assert_eq!(finished.code, Some(code), "{finished}");
    for text in told {
        assert!(finished.stderr.contains(text), "{text}: {finished}");
    }
}

#[test]
fn keys_are_rolled_by_command_while_it_serves() {
    let place = Place::new();
    refused(&place.run(&["signing-keys", "list"]), 1, &["there is no cloud in", "hint: "]);
    let mut served = place.serve();
    let keys = place.keys();
    let states: Vec<&str> = keys.iter().map(|key| key["State"].as_str().unwrap()).collect();
    assert_eq!(states, ["Current", "Next"]);
    assert!(keys.iter().all(|key| key["Place"] == "File" && key["Algorithm"] == "RS256"), "{keys:?}");
    let first = served.token();
    assert_eq!(keys[0]["KeyId"], kid(&first).as_str());

    refused(&place.run(&["signing-keys", "rotate"]), 1, &["is published since", "hint: wait until then"]);
    place.let_next_age();
    let rotated = place.run(&["signing-keys", "rotate", "--output", "json"]);
    assert_eq!(rotated.code, Some(0), "{rotated}");
    let second = served.signs_with_another_than(&kid(&first));
    assert_eq!(keys[1]["KeyId"], kid(&second).as_str(), "what was next");
    assert!(served.takes(&first) && served.takes(&second), "nothing is interrupted");

    let asked = place.run(&["signing-keys", "replace"]);
    refused(&asked, 1, &["has to be confirmed with `--yes`", "every token of the withdrawn keys is refused"]);
    assert_eq!(kid(&served.token()), kid(&second), "and nothing happened");
    assert_eq!(place.run(&["signing-keys", "replace", "--yes"]).code, Some(0));
    let third = served.signs_with_another_than(&kid(&second));
    assert!(served.takes(&third) && !served.takes(&second) && !served.takes(&first));
    let before = served.published();
    assert_eq!(place.run(&["signing-keys", "replace", "--with-next", "--yes"]).code, Some(0));
    served.signs_with_another_than(&kid(&third));
    assert!(served.published().iter().all(|key| !before.contains(key)));
    assert_eq!(place.key_files(), 2, "withdrawn keys are nowhere");
    served.started.stops();
}

#[test]
fn keys_are_in_a_pkcs11_token() {
    let hsm = SoftHsm::with_token("actas", PIN);
    let mut place = Place::new();
    place.environment.push(hsm.variable());
    let pin = place.data().join("pin");
    let write_pin = |text: &str, mode: u32| {
        fs::write(&pin, text).unwrap();
        fs::set_permissions(&pin, fs::Permissions::from_mode(mode)).unwrap();
    };
    let section = |module: &Path, label: &str, more: &str| {
        format!(
            "[cloud.token_service]\nsigning_key_algorithm = \"ES256\"\n\
             [cloud.signing_keys]\npkcs11_module = \"{}\"\ntoken_label = \"{label}\"\n{more}",
            module.display()
        )
    };
    let good = section(hsm.module(), "actas", "pin_file = \"pin\"\n");

    // Everything that can be wrong is said before anything is made.
    write_pin(PIN, 0o644);
    place.configure(&good);
    refused(&place.run(&["serve"]), 1, &["others can read the secret", "chmod 600"]);
    write_pin("0000", 0o600);
    let wrong = place.run(&["serve"]);
    refused(&wrong, 1, &["token `actas` refuses the PIN", "hint: correct the PIN"]);
    assert!(!wrong.stderr.contains("0000"), "{wrong}");
    write_pin(PIN, 0o600);
    place.configure(&section(hsm.module(), "acts", "pin_file = \"pin\"\n"));
    refused(&place.run(&["serve"]), 1, &["no token with the label `acts`; it has `actas`", "token_label"]);
    place.configure(&section(Path::new("/nowhere/libp11.so"), "actas", "pin_file = \"pin\"\n"));
    refused(&place.run(&["serve"]), 1, &["`/nowhere/libp11.so` cannot be used", "pkcs11_module"]);
    place.configure(&section(hsm.module(), "actas", ""));
    refused(&place.run(&["serve"]), 1, &["there is no PIN for the PKCS#11 token `actas`", "ACTAS_PKCS11_PIN"]);

    place.configure(&good);
    let mut served = place.serve();
    let first = served.token();
    assert!(served.takes(&first));
    assert_eq!(place.key_files(), 0, "nothing private is on disk");
    let keys = place.keys();
    assert!(keys.iter().all(|key| key["Place"] == "Token" && key["Algorithm"] == "ES256"), "{keys:?}");
    assert_eq!(keys[0]["KeyId"], kid(&first).as_str());
    served.started.stops();

    // The PIN from the environment, and the same keys again.
    place.configure(&section(hsm.module(), "actas", ""));
    place.environment.push(("ACTAS_PKCS11_PIN", PIN.into()));
    let mut served = place.serve();
    assert_eq!(kid(&served.token()), kid(&first));
    assert!(served.takes(&first), "a token from before the restart");
    place.let_next_age();
    assert_eq!(place.run(&["signing-keys", "rotate"]).code, Some(0));
    let second = served.signs_with_another_than(&kid(&first));
    assert!(served.takes(&second) && served.takes(&first));
    assert_eq!(place.run(&["signing-keys", "replace", "--yes"]).code, Some(0));
    let third = served.signs_with_another_than(&kid(&second));
    assert!(served.takes(&third) && !served.takes(&second));
    let output = served.started.process.output();
    assert!(!output.contains(PIN), "{output}");
    served.started.stops();

    place.environment.pop();
    place.configure("");
    refused(&place.run(&["serve"]), 1, &["no PKCS#11 token is configured", "[cloud.signing_keys]"]);
}

#[test]
fn the_policy_is_configured_and_reloaded() {
    let place = Place::new();
    let output = place.folder.path().join("output");
    place.configure("[cloud.token_service]\ntoken_lifetime = \"3d\"\n");
    refused(&place.run(&["serve"]), 1, &["actas.toml:7: `cloud.token_service.token_lifetime`: `3d` is out of bounds"]);
    // Tenants are known when the directory is, and then there are keys too.
    place.configure(
        "[cloud.token_service]\nsingle_use_assertions = [\"contoso.exampel\"]\nsigning_key_algorithm = \"ES256\"\n",
    );
    refused(&place.run(&["serve"]), 1, &["names `contoso.exampel`, which no tenant", "hint: "]);

    place.configure(
        "[cloud.token_service]\ntoken_lifetime = \"2h\"\nsingle_use_assertions = [\"contoso.example\"]\n\
         signing_key_algorithm = \"ES256\"\nsigning_key_age_max = \"30d\"\n",
    );
    let mut served = place.serve();
    // A second less, as the real cloud has it.
    assert_eq!(served.ask()["expires_in"], 7199);
    assert!(place.keys().iter().all(|key| key["Algorithm"] == "ES256"));
    let lifetime = |token: &str| {
        let claims = claims(token);
        claims.get("exp").unwrap().as_i64().unwrap() - claims.get("nbf").unwrap().as_i64().unwrap()
    };
    // Dated back by five minutes.
    assert_eq!(lifetime(&served.token()), 7200 + 300);
    let endpoint = format!("https://{HOST}/{TENANT}/oauth2/v2.0/token");
    let assertion = |jti: &str| {
        let now = SystemClock.now();
        issue::client_assertion(&served.key, APP, &endpoint, jti, SignedDuration::from_mins(5), now).unwrap()
    };
    let (once, again) = (assertion("once"), assertion("again"));
    assert!(served.ask_with(&once)["access_token"].is_string());
    assert!(served.ask_with(&once)["error"].is_string(), "good for one token");

    place.configure("tls_client_auth = true\n[cloud.token_service]\ntoken_lifetime = \"5m\"\n");
    served.reloads(&output, "`tls_client_auth` of `[cloud]` was changed; that takes effect with a restart");
    served.started.process.wait_for("the reload's end", DEADLINE, || {
        fs::read_to_string(&output).unwrap().contains("the configuration was read again").then_some(())
    });
    assert_eq!(served.ask()["expires_in"], 299, "from the next request on");
    for _ in 0..2 {
        assert!(served.ask_with(&again)["access_token"].is_string(), "good again and again");
    }
    place.configure("[cloud.token_service]\ntoken_lifetime = \"1m\"\n");
    served.reloads(&output, "`1m` is out of bounds");
    assert_eq!(served.ask()["expires_in"], 299, "what runs goes on as it was");
    served.started.stops();
}
