//! A data folder of its own for a test, and certificates to bring into it.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use actas_certificate::{KeyPair, issue};
use insta::Settings;
use jiff::Timestamp;
use tempfile::TempDir;

use crate::{actas, shown};

/// An installation in a temporary folder.
pub(crate) struct Installation(TempDir);

impl Installation {
    /// Returns one that nothing was done in yet.
    pub(crate) fn new() -> Self {
        Self(TempDir::with_prefix("actas-it-").expect("a temporary folder can be made"))
    }

    /// Runs a command here and shows all that came back.
    pub(crate) fn run(&self, words: &[&str]) -> String {
        let output = actas().arg("--data").arg(self.data()).args(words).output().expect("the binary starts");
        shown(&output).replace(self.0.path().to_str().expect("a path in UTF-8"), "[FOLDER]")
    }

    /// Runs a command with that on standard input, and shows all that came back.
    pub(crate) fn piped(&self, words: &[&str], input: &str) -> String {
        let mut command = actas();
        command.arg("--data").arg(self.data()).args(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        // One that was refused before it read is gone already.
        let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
        let output = child.wait_with_output().expect("the binary ends");
        shown(&output).replace(self.0.path().to_str().expect("a path in UTF-8"), "[FOLDER]")
    }

    /// Runs a command that has to succeed, and returns the objects that it printed.
    #[track_caller]
    pub(crate) fn objects(&self, words: &[&str]) -> Vec<serde_json::Value> {
        let command = [words, &["-Output", "json"]].concat();
        let output = actas().arg("--data").arg(self.data()).args(&command).output().expect("the binary starts");
        assert!(output.status.success(), "{words:?}\n{}", shown(&output));
        serde_json::from_slice(&output.stdout).expect("an array of objects")
    }

    /// Runs a command that has to succeed, and returns a property of its one object.
    #[track_caller]
    pub(crate) fn property(&self, words: &[&str], name: &str) -> String {
        let objects = self.objects(words);
        let value = objects.first().and_then(|object| object[name].as_str());
        value.unwrap_or_else(|| panic!("{words:?} printed no {name}: {objects:?}")).to_owned()
    }

    /// Makes a certificate, and returns its thumbprint.
    #[track_caller]
    pub(crate) fn request(&self, domain: &str) -> String {
        let words = ["Request-CsCertificate", "-New", "-Type", "OAuthTokenIssuer", "-DomainName", domain];
        self.property(&words, "Thumbprint")
    }

    /// Returns the folder that `--data` names.
    pub(crate) fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// Returns the on-premises database.
    pub(crate) fn database(&self) -> PathBuf {
        self.data().join("onprem/onprem.db")
    }

    /// Returns the path of a file beside the data.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().expect("a path in UTF-8").to_owned()
    }

    /// Writes a file beside the data that only its owner can read.
    pub(crate) fn place(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, contents).expect("the file can be written");
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("its mode can be set");
        path
    }
}

/// Returns the settings that leave out of a snapshot what changes from run to run.
pub(crate) fn filters() -> Settings {
    let mut settings = Settings::clone_current();
    settings.add_filter(r"\b[0-9A-F]{40}\b", "[THUMBPRINT]");
    settings.add_filter(r"\b[0-9A-F]{32}\b", "[SERIAL]");
    settings.add_filter(r"(X5t +: )[\w-]{27}", "${1}[X5T]");
    settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[TIME]");
    settings.add_filter(r"localhost:\d+", "localhost:[PORT]");
    settings.add_filter(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "[GUID]");
    settings.add_filter(r"eyJ[\w-]+\.[\w-]+\.[\w-]*", "[TOKEN]");
    settings.add_filter(r"(\bItem: |ItemId +: )\S+", "${1}[ITEM]");
    settings.add_filter(r"(HTTP: < date: ).*", "${1}[DATE]");
    settings.add_filter(r"(HTTP: < content-length: |authorization: \()\d+", "${1}[LENGTH]");
    settings
}

/// Makes a certificate with its key, which is valid for a year from a moment.
pub(crate) fn certificate(domain: &str, from: &str) -> KeyPair {
    let from: Timestamp = from.parse().expect("a moment");
    let names = [domain.parse().expect("a name")];
    issue::self_signed(domain, &names, from, Duration::from_hours(24 * 365), 2048).expect("a certificate")
}

/// Returns certificate and key as the text of one file.
pub(crate) fn pem(pair: &KeyPair) -> String {
    format!("{}{}", pair.certificate().to_pem(), pair.key().to_pem().as_str())
}

/// Returns the bytes of a file.
pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).expect("the file can be read")
}
