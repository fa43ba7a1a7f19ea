//! A gate that is told to read its file again.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;

use actas_testkit::wait_for;
use actas_token::well_known;
use tempfile::TempDir;

use super::attacker::Scene;
use super::servers::{DEADLINE, Started, folder};
use crate::actas;

const NGINX: &str = "[proxy]\nkind = \"nginx\"\norigins = [\"https://mail.contoso.example\"]\n";
const TRAEFIK: &str = "[proxy]\nkind = \"traefik\"\norigins = [\"https://mail.contoso.example\"]\n";

/// A gate in front of a resource that trusts the lab.
struct Gate {
    folder: TempDir,
    started: Started,
    /// A genuine actor token for the lab's Exchange.
    actor: String,
    host: String,
    /// How often the file was read with the same outcome.
    told: usize,
}

impl Gate {
    fn before(scene: &Scene) -> Self {
        let (folder, actor) = (folder(), scene.actor(&scene.holder("")));
        let authority = scene.lab.value("EXCHANGE_AUDIENCE_HOST");
        let host = authority.split_once(':').map_or(authority, |(host, _)| host).to_owned();
        fs::write(folder.path().join("gate.toml"), file(scene, "", &host)).unwrap();
        let ready = folder.path().join("ready.json");
        let mut command = actas();
        command.arg("gate").arg(folder.path().join("gate.toml")).arg("--ready-file").arg(&ready);
        let started = Started::start(command, folder.path(), ready);
        Self { folder, started, actor, host, told: 0 }
    }

    /// Has the gate read another file, and waits until it says this once more.
    fn reads(&mut self, text: &str, told: &str) {
        let output = || fs::read_to_string(self.folder.path().join("output")).unwrap();
        self.told = output().matches(told).count();
        fs::write(self.folder.path().join("gate.toml"), text).unwrap();
        self.started.signal("HUP");
        wait_for(DEADLINE, || (output().matches(told).count() > self.told).then_some(()))
            .unwrap_or_else(|| panic!("{told} was not told: {}", output()));
    }

    /// Asks as a proxy does, with the token under a scheme, and returns status line and fields.
    fn answers(&self, scheme: &str, fields: &str) -> String {
        let address = self.started.value("GATE_URL");
        let address = address.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/auth")).unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "GET /auth HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nauthorization: {scheme} {}\r\n{fields}\r\n",
            self.actor
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn lets_pass(&self) -> bool {
        self.answers("Bearer", "").starts_with("HTTP/1.1 200")
    }
}

/// A gate's file with further sections.
fn file(scene: &Scene, proxy: &str, host: &str) -> String {
    let value = |name: &str| scene.lab.value(name);
    let port = value("EXCHANGE_AUDIENCE_HOST").split_once(':').map_or("443", |(_, port)| port);
    format!(
        "listen = \"127.0.0.1:0\"\n{proxy}\
         [resource]\napp_id = \"{exchange}\"\nhosts = [\"{host}\"]\nport = {port}\ndiagnostics = true\n\
         [[tenants]]\nid = \"{tenant}\"\n\
         [[issuers]]\nkind = \"token-service\"\napp_id = \"{sts}\"\nrealm = \"{tenant}\"\nmetadata_url = \"{metadata}\"\n\
         [[partners]]\ntenant = \"{tenant}\"\napp_id = \"{app}\"\ntrust_level = \"Full\"\nlinked_account = \"application\"\n\
         [client]\nca_files = [\"{authority}\"]\n",
        exchange = well_known::EXCHANGE,
        sts = well_known::STS,
        tenant = value("TENANT"),
        metadata = value("METADATA_URL"),
        app = value("CLIENT_ID"),
        authority = PathBuf::from(value("CA_PEM")).display(),
    )
}

const READ: &str = "the file was read again";

#[test]
fn another_resource_takes_effect_while_it_runs() {
    let mut scene = Scene::new();
    let mut gate = Gate::before(&scene);
    let good = file(&scene, "", &gate.host);
    assert!(gate.lets_pass());
    // What is wrong changes nothing, and is told.
    gate.reads(&good.replace("[resource]", "[resource]\nhost = 1"), "error: ");
    assert!(gate.started.process.output().contains("unknown field `host`"), "{}", gate.started.process.output());
    assert!(gate.lets_pass());
    gate.reads(&good.replace(&format!("[\"{}\"]", gate.host), "[]"), "`hosts` of `[resource]` names none");
    assert!(gate.lets_pass());
    gate.reads(&file(&scene, "", "mail.contoso.example"), READ);
    let refused = gate.answers("Bearer", "");
    assert!(refused.starts_with("HTTP/1.1 401") && refused.contains("2000003;"), "{refused}");
    // The keys are those that were there: their issuer is gone by now.
    scene.lab.process().kill();
    gate.reads(&good, READ);
    assert!(gate.lets_pass(), "{}", gate.answers("Bearer", ""));
    gate.started.stops();
}

#[test]
fn another_proxy_takes_effect_while_it_runs() {
    let scene = Scene::new();
    let mut gate = Gate::before(&scene);
    // As nginx is configured to ask. The token is bound to no key, which is found out only by who
    // knows what was asked.
    let asks = |gate: &Gate| gate.answers("DPoP", "x-original-method: GET\r\nx-original-uri: /EWS/Exchange.asmx\r\n");
    let takes_proofs = |gate: &Gate| asks(gate).contains("www-authenticate: DPoP");
    let unsaid = "the proxy did not say for which request its proof is";
    assert!(!takes_proofs(&gate));
    let with = |proxy: &str| file(&scene, proxy, &gate.host);
    let (nginx, traefik, none) = (with(NGINX), with(TRAEFIK), with(""));
    gate.reads(&nginx, READ);
    assert!(takes_proofs(&gate));
    let judged = asks(&gate);
    assert!(judged.starts_with("HTTP/1.1 401") && !judged.contains(unsaid), "{judged}");
    // What is wrong changes nothing, and is told.
    gate.reads(&nginx.replace("\"nginx\"", "\"apache\""), "error: ");
    assert!(gate.started.process.output().contains("apache"), "{}", gate.started.process.output());
    gate.reads(&nginx.replace("origins", "addresses = []\norigins"), "`addresses` of `[proxy]` names none");
    assert_eq!(without_date(&asks(&gate)), without_date(&judged));
    gate.reads(&traefik, READ);
    let refused = asks(&gate);
    assert!(refused.contains(unsaid), "{refused}");
    gate.reads(&nginx.replace("origins", "addresses = [\"192.0.2.1\"]\norigins"), READ);
    assert!(asks(&gate).contains(unsaid), "nobody at another address is believed");
    gate.reads(&none, READ);
    assert!(!takes_proofs(&gate));
    assert!(gate.lets_pass());
    gate.started.stops();
}

fn without_date(answer: &str) -> String {
    answer.lines().filter(|line| !line.starts_with("date:")).collect::<Vec<_>>().join("\n")
}
