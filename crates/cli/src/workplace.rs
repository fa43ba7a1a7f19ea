//! Where a command works: its data folder, its configuration, its way to the network.

use std::path::{Path, PathBuf};

use actas_agent::Agent;
use actas_certificate::file;
use actas_runtime::{ClientOptions, Config, HttpClient, SystemClock, TlsIdentity};
use actas_store::{Database, Schema};

use crate::arguments::global::Global;
use crate::cloud::DATABASE_FILE;
use crate::problem::Problem;

/// The configuration that is read from the data folder when none is named.
pub(crate) const CONFIG_FILE: &str = "actas.toml";
/// The on-premises side's folder in the data folder.
pub(crate) const ONPREM_FOLDER: &str = "onprem";
/// The cloud side's folder in the data folder.
pub(crate) const CLOUD_FOLDER: &str = "cloud";

/// A data folder with its configuration.
pub(crate) struct Workplace {
    pub(crate) data: PathBuf,
    pub(crate) config: Config,
}

// === impl Workplace ===

impl Workplace {
    /// The folder and configuration that the global options name.
    pub(crate) fn open(global: &Global) -> Result<Self, Problem> {
        let data = global.data_dir()?;
        let config = if let Some(file) = &global.config {
            load(file)?
        } else {
            let file = data.join(CONFIG_FILE);
            if file.exists() { load(&file)? } else { Config::default() }
        };
        Ok(Self { data, config })
    }

    /// Where the on-premises side keeps its data.
    pub(crate) fn onprem_folder(&self) -> PathBuf {
        self.config.onprem.as_ref().map_or_else(|| self.data.join(ONPREM_FOLDER), |onprem| onprem.data.clone())
    }

    /// A client that finds and trusts peers as configured.
    pub(crate) fn http(&self) -> Result<HttpClient, Problem> {
        http(&self.config, &[])
    }

    /// Where the cloud side keeps its data.
    pub(crate) fn cloud_folder(&self) -> PathBuf {
        self.config.cloud.as_ref().map_or_else(|| self.data.join(CLOUD_FOLDER), |cloud| cloud.data.clone())
    }

    /// The database of the cloud side, which may be running.
    pub(crate) fn cloud_database(&self) -> Result<Database, Problem> {
        let folder = self.cloud_folder();
        let file = folder.join(DATABASE_FILE);
        if !file.exists() {
            return Err(Problem::failed(format!("there is no cloud in `{}`", folder.display())).hint(
                "name its folder with `--data DIR`, or its configuration with `--config FILE`; `actas serve cloud` makes one",
            ));
        }
        Ok(Database::open(&file, Schema::Cloud)?)
    }

    /// The on-premises side of this folder, made if it is not there.
    pub(crate) fn agent(&self) -> Result<Agent, Problem> {
        let folder = self.onprem_folder();
        make_folder(&folder)?;
        let agent = Agent::open(&folder, self.http()?, SystemClock::shared())?;
        if let Some(onprem) = &self.config.onprem {
            agent.set_id_profile(onprem.events.id_profile);
        }
        Ok(agent)
    }
}

/// A client as configured, trusting further authorities.
pub(crate) fn http(config: &Config, more_ca_files: &[PathBuf]) -> Result<HttpClient, Problem> {
    let mut options = ClientOptions { hosts: config.client.hosts.clone(), ..ClientOptions::default() };
    for ca_file in config.client.ca_files.iter().chain(more_ca_files) {
        let authorities =
            file::read_certificates(ca_file).map_err(|error| Problem::failed(error.to_string()).hint(error.hint()))?;
        options.extra_roots.extend(authorities.iter().map(actas_certificate::Certificate::to_tls));
    }
    HttpClient::new(&options).map_err(|error| Problem::failed("the HTTPS client cannot be set up").because(&error))
}

/// A server's certificate chain, and its key where that is in a file of its own.
pub(crate) fn identity(certificate_file: &Path, key_file: Option<&PathBuf>) -> Result<TlsIdentity, Problem> {
    let unusable = |error: file::FileError| Problem::failed(error.to_string()).hint(error.hint());
    let chain = file::read_certificates(certificate_file).map_err(unusable)?;
    let key = file::read_private_key(key_file.map_or(certificate_file, PathBuf::as_path)).map_err(unusable)?;
    let chain = chain.iter().map(|certificate| certificate.der().to_vec()).collect();
    Ok(TlsIdentity::new(chain, key.pkcs8_der().to_vec()))
}

/// Makes a folder that only its owner can read.
pub(crate) fn make_folder(folder: &Path) -> Result<(), Problem> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| {
        Problem::failed(format!("the folder `{}` cannot be made", folder.display()))
            .because(&error)
            .hint("name another with `--data DIR`")
    })
}

fn load(file: &Path) -> Result<Config, Problem> {
    Config::load(file).map_err(|error| Problem::failed(error.to_string()).hint(error.hint()))
}

impl From<actas_agent::Error> for Problem {
    fn from(error: actas_agent::Error) -> Self {
        let problem = Self::failed(error.to_string());
        match error.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

impl From<actas_store::Error> for Problem {
    fn from(error: actas_store::Error) -> Self {
        let problem = Self::failed(error.to_string());
        match error.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

/// Writes a file that only its owner can read, whole or not at all.
pub(crate) fn write_atomically(path: &Path, contents: &[u8]) -> Result<(), Problem> {
    use std::io::Write;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        // A temporary file has mode 0600 from the start.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(contents)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| Problem::failed(format!("`{}` cannot be written", path.display())).because(&error))
}
