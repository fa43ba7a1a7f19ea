//! The certificate that the Exchange-like server signs with, and is known by.

use std::path::Path;
use std::time::Duration;

use actas_certificate::{Certificate, file, issue};
use jiff::Timestamp;

use crate::problem::Problem;
use crate::workplace::make_folder;

const NAME: &str = "actas Exchange authentication";
const FOLDER: &str = "exchange";
const DAY: Duration = Duration::from_hours(24);
const LIFETIME: Duration = Duration::from_hours(24 * 5 * 365);
const KEY_BITS: usize = 2048;

/// The certificate in the cloud's folder, made on first start. An administrator puts another
/// pair in its place.
pub(super) fn certificate(cloud: &Path, now: Timestamp) -> Result<Certificate, Problem> {
    let folder = cloud.join(FOLDER);
    let (certificate, key) = (folder.join("auth.cer"), folder.join("auth.key"));
    if certificate.exists() {
        return Ok(file::read_key_pair(&certificate, &key)?.certificate().clone());
    }
    make_folder(&folder)?;
    let pair = issue::self_signed(NAME, &[], now - DAY, LIFETIME, KEY_BITS)?;
    // The certificate last: without it the pair is made anew.
    file::write_private_key(&key, pair.key())?;
    file::write_certificate(&certificate, pair.certificate())?;
    Ok(pair.certificate().clone())
}
