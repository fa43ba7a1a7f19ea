//! Where the binary under test is.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the path of the `actas` binary: the one that the variable
/// `ACTAS_BIN` names, else the one beside the running test, built if there is none.
///
/// The tests of the cli crate have `env!("CARGO_BIN_EXE_actas")`, which cargo
/// keeps current; this is for the tests of other crates.
#[track_caller]
pub fn binary() -> PathBuf {
    if let Some(named) = env::var_os("ACTAS_BIN") {
        return named.into();
    }
    let Some(beside) = beside_the_test() else { panic!("the running test lies in no target folder") };
    if !beside.exists() {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let built = Command::new(cargo).args(["build", "--quiet", "--bin", "actas"]).current_dir(root).status();
        assert!(built.is_ok_and(|status| status.success()), "`cargo build --bin actas` fails");
    }
    beside
}

/// Returns where cargo puts the binary: a test runs in `deps`, one folder below.
fn beside_the_test() -> Option<PathBuf> {
    let test = env::current_exe().ok()?;
    let folder = test.parent()?.parent()?;
    Some(folder.join(format!("actas{}", env::consts::EXE_SUFFIX)))
}
