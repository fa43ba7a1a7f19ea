//! The suites in `tests/interop`: unmodified clients of other people against the binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::report::Report;
use crate::workspace::{actas, command, root, target};
use crate::{step, summary};

/// Makes the Python environment, then runs every suite.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let suites = root().join("tests/interop");
    let python = environment(&target()?.join("interop"), &suites.join("requirements.txt"))?;
    let title = "Interop";
    let mut pytest = command(python);
    pytest.args(["-m", "pytest"]).arg(suites).env("ACTAS_BIN", actas()?).env("PYTHONDONTWRITEBYTECODE", "1");
    let finished = step::run(title, &mut pytest)?;
    report.suite(title, &finished, summary::pytest(&finished.lines));
    Ok(())
}

/// Returns the Python of an environment with exactly `requirements`, making it if there is none.
fn environment(folder: &Path, requirements: &Path) -> Result<PathBuf> {
    let venv = folder.join("venv");
    let python = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let wanted = fs::read_to_string(requirements).with_context(|| format!("{} is missing", requirements.display()))?;
    // The list it was made from, written when everything was in place.
    let made_from = folder.join("requirements.txt");
    if fs::read_to_string(&made_from).is_ok_and(|made| made == wanted)
        && step::succeeds(command(&python).args(["-m", "pytest", "--version"]))
    {
        return Ok(python);
    }
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let make = || step::run("Python environment", command("python3").args(["-m", "venv", "--clear"]).arg(&venv));
    if !make().is_ok_and(|finished| finished.success) {
        install_python()?;
        if !make()?.success {
            bail!("`python3 -m venv` fails, so the interop suites cannot run");
        }
    }
    let mut pip = command(&python);
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--requirement"]).arg(requirements);
    if !step::run("Python packages", &mut pip)?.success {
        bail!("the packages of {} cannot be installed, so the interop suites cannot run", requirements.display());
    }
    fs::write(&made_from, wanted).with_context(|| format!("{} cannot be written", made_from.display()))?;
    Ok(python)
}

/// Installs Python with its `venv` module, as Debian and its kin package them.
fn install_python() -> Result<()> {
    let steps = [
        ("Package lists", &["apt-get", "update"][..]),
        ("Install Python", &["apt-get", "install", "--yes", "--no-install-recommends", "python3", "python3-venv"]),
    ];
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|answer| answer.stdout.trim_ascii() == b"0");
    for (title, words) in steps {
        let words = if is_root { words.to_vec() } else { [&["sudo"], words].concat() };
        let mut install = command(words[0]);
        install.args(&words[1..]).env("DEBIAN_FRONTEND", "noninteractive");
        if !step::run(title, &mut install)?.success {
            bail!("`{}` fails; install Python 3.10 or newer with its `venv` module", words.join(" "));
        }
    }
    Ok(())
}
