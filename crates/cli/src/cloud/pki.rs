//! The cloud's certificates for TLS: a private authority, made on first start, and a
//! fresh server certificate at every start.

use std::path::Path;
use std::time::Duration;

use actas_certificate::file::FileError;
use actas_certificate::{Authority, IssueError, Name, file};
use actas_runtime::TlsIdentity;
use jiff::Timestamp;

use super::CA_FILE;
use crate::problem::Problem;
use crate::workplace::make_folder;

const CA_KEY_FILE: &str = "tls/ca.key";
const CA_NAME: &str = "actas private authority";
const DAY: Duration = Duration::from_hours(24);
const CA_LIFETIME: Duration = Duration::from_hours(24 * 3650);
const SERVER_LIFETIME: Duration = Duration::from_hours(24 * 90);

/// A server certificate for these names, by the folder's authority.
pub(super) fn server_identity(folder: &Path, names: &[Name], now: Timestamp) -> Result<TlsIdentity, Problem> {
    let authority = authority(folder, now)?;
    let pair = authority.issue_server(names, now, SERVER_LIFETIME).map_err(Problem::from)?;
    let chain = vec![pair.certificate().der().to_vec(), authority.certificate().der().to_vec()];
    Ok(TlsIdentity::new(chain, pair.key().pkcs8_der().to_vec()))
}

fn authority(folder: &Path, now: Timestamp) -> Result<Authority, Problem> {
    let (certificate, key) = (folder.join(CA_FILE), folder.join(CA_KEY_FILE));
    if certificate.exists() {
        return Ok(Authority::from_key_pair(file::read_key_pair(&certificate, &key)?)?);
    }
    make_folder(&folder.join("tls"))?;
    let authority = Authority::create(CA_NAME, now - DAY, CA_LIFETIME)?;
    // The certificate last: without it the pair is made anew.
    file::write_private_key(&key, authority.key_pair().key())?;
    file::write_certificate(&certificate, authority.certificate())?;
    Ok(authority)
}

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        Self::failed(error.to_string()).hint(error.hint())
    }
}

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        Self::failed(error.to_string()).hint(error.hint())
    }
}
