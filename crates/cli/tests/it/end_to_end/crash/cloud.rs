//! One cloud for all rounds, killed now and then, and an on-premises side that trusts it,
//! to be copied for each round.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use actas_directory::{TenantId, UserKey};
use actas_store::directory::Directory;
use actas_store::mailbox::{ChangeKind, Content, Mailboxes, Owner};
use actas_store::{Database, Schema};
use actas_testkit::{Background, run};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::actas;
use crate::end_to_end::EXCHANGE;

const DEADLINE: Duration = Duration::from_mins(1);

/// What happened, over all rounds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    pub(super) items: u64,
    pub(super) kills: u64,
    pub(super) cloud_kills: u64,
    pub(super) faults: u64,
    /// Faults of those that came after what was asked for had happened.
    pub(super) lost_answers: u64,
}

/// A running cloud.
pub(super) struct Cloud {
    process: Mutex<Background>,
    address: SocketAddr,
    pub(super) values: Value,
    pub(super) runtime: Runtime,
    pub(super) token: String,
    mailboxes: Mailboxes,
    owners: Vec<Owner>,
    told: Mutex<Told>,
    kills: AtomicU64,
    // After the process, which writes into it.
    folder: TempDir,
}

// === impl Cloud ===

impl Cloud {
    pub(super) fn start(mailboxes: usize) -> Self {
        let folder = TempDir::with_prefix("actas-crash-").expect("a temporary folder can be made");
        let mut seed = "[[tenant]]\ndisplay_name = \"Fabrikam\"\ndomains = [\"fabrikam.example\"]\n".to_owned();
        seed.extend((0..mailboxes).map(|number| format!("[[tenant.user]]\naddress = \"{}\"\n", address(number))));
        seed += "[[tenant.application]]\nname = \"Telephones\"\nexchange_partner = true\n\
            roles = [\"Application.ReadWrite.All\", \"full_access_as_app\"]\n";
        fs::write(folder.path().join("seed.toml"), seed).expect("a file can be written");
        // A port of its own, so that it comes back where it was.
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let at = free.local_addr().expect("an address");
        drop(free);
        let process = launch(folder.path(), at);
        let text = fs::read_to_string(folder.path().join("ready.json")).expect("the ready file can be read");
        let values: Value = serde_json::from_str(&text).expect("the ready file is JSON");
        let runtime = Runtime::new().expect("a runtime");
        let database = Database::open(&folder.path().join("cloud/cloud/cloud.db"), Schema::Cloud).expect("it opens");
        let directory = Directory::new(database.clone());
        let tenant = TenantId(values["TENANT"].as_str().expect("a tenant").parse().expect("a GUID"));
        let owner = |number| {
            let key = UserKey::Smtp(address(number));
            let users = runtime.block_on(directory.users_by_key(tenant, &key)).expect("users can be read");
            Owner { tenant, user: users[0].id }
        };
        let owners = (0..mailboxes).map(owner).collect();
        let token = trust(folder.path(), &values);
        Self {
            process: Mutex::new(process),
            address: at,
            values,
            runtime,
            token,
            mailboxes: Mailboxes::new(database),
            owners,
            told: Mutex::default(),
            kills: AtomicU64::new(0),
            folder,
        }
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn value(&self, key: &str) -> &str {
        self.values[key].as_str().unwrap_or_else(|| panic!("the ready file has no {key}"))
    }

    /// Kills the cloud as a power cut would, and starts it again.
    pub(super) fn kill(&self) {
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        process.kill();
        *process = launch(self.folder.path(), self.address);
        self.kills.fetch_add(1, Ordering::Relaxed);
    }

    /// Copies the on-premises side that trusts the cloud.
    pub(super) fn copy_onprem(&self, to: &Path) {
        copy(&self.folder.path().join("template/onprem"), to);
    }

    /// A place in the log of a mailbox.
    pub(super) fn place(&self, mailbox: usize) -> i64 {
        self.runtime.block_on(self.mailboxes.newest_change(self.owners[mailbox])).expect("the mailbox can be read")
    }

    /// Documents of the items that came into a mailbox after a place in its log, in order,
    /// each with the contents of its files.
    pub(super) fn arrived(&self, mailbox: usize, after: i64) -> Vec<(String, Vec<Vec<u8>>)> {
        let owner = self.owners[mailbox];
        let read = async {
            let changes = self.mailboxes.all_changes(owner, after, 100_000).await?;
            let mut arrived = Vec::new();
            for change in changes.iter().filter(|change| change.kind == ChangeKind::Create) {
                if let Some(item) = self.mailboxes.item(owner, change.object).await? {
                    let mut contents = Vec::new();
                    for file in self.mailboxes.attachments(item.id).await? {
                        contents.push(self.bytes(file.content).await?);
                    }
                    arrived.push((item.document, contents));
                }
            }
            Ok::<_, actas_store::Error>(arrived)
        };
        self.runtime.block_on(read).expect("the mailbox can be read")
    }

    async fn bytes(&self, content: Content) -> Result<Vec<u8>, actas_store::Error> {
        let upload = match content {
            Content::Bytes(bytes) => return Ok(bytes),
            Content::Upload(upload) => upload,
        };
        let mut bytes = Vec::new();
        for part in 0.. {
            let Some(part) = self.mailboxes.upload_part(upload.id, part).await? else { break };
            bytes.extend(part);
        }
        Ok(bytes)
    }

    pub(super) fn tell(&self, add: impl FnOnce(&mut Told)) {
        add(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn told(&self) -> Told {
        let told = *self.told.lock().unwrap_or_else(PoisonError::into_inner);
        Told { cloud_kills: self.kills.load(Ordering::Relaxed), ..told }
    }
}

pub(super) fn address(mailbox: usize) -> String {
    format!("user{mailbox}@fabrikam.example")
}

fn launch(folder: &Path, at: SocketAddr) -> Background {
    let ready = folder.join("ready.json");
    let _ = fs::remove_file(&ready);
    let mut command = actas();
    command.args(["lab", "--listen", &at.to_string(), "--ready-file"]).arg(&ready);
    command.arg("--seed-file").arg(folder.join("seed.toml")).arg("--data").arg(folder.join("cloud"));
    let mut process = Background::start(&mut command, &folder.join("cloud.txt"));
    process.wait_for("a ready file", DEADLINE, || ready.exists().then_some(()));
    process
}

/// Sets an on-premises side up that trusts the cloud. Gives a token for its intake.
fn trust(folder: &Path, values: &Value) -> String {
    let data = folder.join("template");
    let value = |key: &str| values[key].as_str().unwrap_or_default();
    let told = |words: &[&str]| {
        let mut command = actas();
        let finished = run(command.arg("--data").arg(&data).args(words), DEADLINE);
        assert_eq!(finished.code, Some(0), "{words:?}\n{finished}");
        finished.stdout
    };
    fs::create_dir(&data).expect("a folder can be made");
    fs::write(data.join("actas.toml"), format!("[client]\nca_files = [{:?}]\n", value("CA_PEM")))
        .expect("it can be written");
    told(&[
        "Connect-MsolService",
        "-GraphUrl",
        value("GRAPH_URL"),
        "-Authority",
        value("BASE_URL"),
        "-TenantId",
        value("TENANT"),
        "-ClientId",
        value("CLIENT_ID"),
        "-CertificateFile",
        value("CERT_PEM"),
        "-KeyFile",
        value("KEY_PEM"),
    ]);
    told(&["New-CsOAuthServer", "microsoft.sts", "-MetadataUrl", value("METADATA_URL")]);
    let partner = ["New-CsPartnerApplication", "microsoft.exchange", "-ApplicationIdentifier", EXCHANGE];
    told(&[&partner[..], &["-ApplicationTrustLevel", "Full", "-UseOAuthServer"]].concat());
    let url = value("AUTODISCOVER_URL");
    told(&["Set-CsOAuthConfiguration", "-ExchangeAutodiscoverUrl", url, "-ServiceName", value("CLIENT_ID")]);
    let made = ["Request-CsCertificate", "-New", "-Type", "OAuthTokenIssuer", "-DomainName", "fabrikam.example"];
    let made: Value = serde_json::from_str(&told(&[&made[..], &["-Output", "json"]].concat())).expect("JSON");
    told(&["Set-CsCertificate", "-Thumbprint", made[0]["Thumbprint"].as_str().expect("a thumbprint")]);
    let path = folder.join("oauth.cer").display().to_string();
    told(&["Export-CsCertificate", "-Type", "OAuthTokenIssuer", "-Path", &path]);
    let exported = fs::read_to_string(&path).expect("the certificate can be read");
    let key: String = exported.lines().filter(|line| !line.starts_with("-----")).collect();
    let credential =
        ["New-MsolServicePrincipalCredential", "-AppPrincipalId", value("CLIENT_ID"), "-Type", "Asymmetric"];
    told(&[&credential[..], &["-Usage", "Verify", "-Value", &key]].concat());
    told(&["Test-CsExStorageConnectivity", &address(0), "-DeleteItem"]);
    let token: Value =
        serde_json::from_str(&told(&["storage", "token", "new", "test", "-Output", "json"])).expect("JSON");
    token[0]["Token"].as_str().expect("a token").to_owned()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("the folder can be read") {
        let from: PathBuf = entry.expect("an entry").path();
        let to = to.join(from.file_name().expect("a name"));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).expect("a file can be copied");
        }
    }
}
