//! A PKCS#11 token in software, made for one test: the module is SoftHSM's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::run;

/// Where distributions install the module.
const MODULES: [&str; 6] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];
const DEADLINE: Duration = Duration::from_secs(30);

/// The store of a software token, which goes when this is dropped. Processes see it when
/// they are started with [`SoftHsm::variable`].
#[derive(Debug)]
pub struct SoftHsm {
    module: PathBuf,
    folder: TempDir,
}

impl SoftHsm {
    /// Makes a store with one token.
    ///
    /// Fails the test where SoftHSM is not installed: what it would show is then not shown.
    #[track_caller]
    pub fn with_token(label: &str, pin: &str) -> Self {
        let folder = match TempDir::with_prefix("actas-hsm-") {
            Ok(folder) => folder,
            Err(error) => panic!("no temporary folder can be made: {error}"),
        };
        let tokens = folder.path().join("tokens");
        let text = format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display());
        let made = fs::create_dir(&tokens).and_then(|()| fs::write(folder.path().join("softhsm2.conf"), text));
        if let Err(error) = made {
            panic!("the store of a token cannot be made: {error}");
        }
        let hsm = Self { module: module(), folder };
        hsm.add_token(label, pin);
        hsm
    }

    /// Adds a token.
    #[track_caller]
    pub fn add_token(&self, label: &str, pin: &str) {
        let mut init = Command::new("softhsm2-util");
        init.args(["--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", "12345678"]);
        let (name, value) = self.variable();
        let finished = run(init.env(name, value), DEADLINE);
        assert_eq!(finished.code, Some(0), "no token can be made\n{finished}");
    }

    /// Returns the path of the PKCS#11 module.
    pub fn module(&self) -> &Path {
        &self.module
    }

    /// Returns the variable, and its value, by which the module finds the store.
    pub fn variable(&self) -> (&'static str, PathBuf) {
        (VARIABLE, self.folder.path().join("softhsm2.conf"))
    }

    /// Returns the folder with all that the tokens hold.
    pub fn tokens(&self) -> PathBuf {
        self.folder.path().join("tokens")
    }
}

#[track_caller]
fn module() -> PathBuf {
    match MODULES.iter().map(Path::new).find(|path| path.exists()) {
        Some(path) => path.to_owned(),
        None => panic!("SoftHSM is not installed; `cargo xtask test` installs it, as `apt-get install softhsm2` does"),
    }
}

const VARIABLE: &str = "SOFTHSM2_CONF";
