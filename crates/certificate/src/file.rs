//! Certificates and keys in files: the one place that touches private key bytes on disk.
//!
//! A file is replaced whole or not at all, a key's file is readable by its owner alone, and a
//! key whose file others can read is refused.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use crate::certificate::Certificate;
use crate::decode::{CERTIFICATE_BYTES_MAX, CertificateError, text_of};
use crate::key::{KeyError, KeyPair, PrivateKey};
use crate::pkcs12::Pkcs12Error;

/// The most bytes read from a file: a bundle of authorities is the largest of them.
pub const FILE_BYTES_MAX: usize = CERTIFICATE_BYTES_MAX;

/// Reads the one certificate in a file.
pub fn read_certificate(path: &Path) -> Result<Certificate, FileError> {
    let (bytes, _) = read(path)?;
    Certificate::from_pem_or_der(&bytes).map_err(|source| FileError::certificate(path, source))
}

/// Reads every certificate in a file, such as a bundle of authorities.
pub fn read_certificates(path: &Path) -> Result<Vec<Certificate>, FileError> {
    let (bytes, _) = read(path)?;
    Certificate::several_from_pem_or_der(&bytes).map_err(|source| FileError::certificate(path, source))
}

/// Reads the first certificate in a file that may hold its key and its authorities beside
/// it. Fails with [`CertificateError::HoldsPrivateKey`] if it holds a key alone.
pub fn read_first_certificate(path: &Path) -> Result<Certificate, FileError> {
    let (bytes, _) = read(path)?;
    Certificate::first_beside_keys(&bytes).map_err(|source| FileError::certificate(path, source))
}

/// Reads the private key in a PEM file that only its owner can read.
pub fn read_private_key(path: &Path) -> Result<PrivateKey, FileError> {
    let bytes = read_unexposed(path, "private key")?;
    let of_key = |source| FileError::Key { path: path.to_owned(), source };
    let text = Zeroizing::new(text_of(&bytes).map_err(|_| of_key(KeyError::Missing))?);
    PrivateKey::from_pem(&text).map_err(of_key)
}

/// Reads a private key from a PEM file under a password. The password guards an encrypted key,
/// so that the file's mode matters only where the key is not encrypted.
pub fn read_encrypted_private_key(path: &Path, password: &str) -> Result<PrivateKey, FileError> {
    let (bytes, _) = read(path)?;
    let of_key = |source| FileError::Key { path: path.to_owned(), source };
    let text = Zeroizing::new(text_of(&bytes).map_err(|_| of_key(KeyError::Missing))?);
    match PrivateKey::from_pem(&text) {
        Err(KeyError::Encrypted) => PrivateKey::from_encrypted_pem(&text, password).map_err(of_key),
        _ => read_private_key(path),
    }
}

/// Whether the private key in a PEM file is encrypted. Whoever has no key is told when it is
/// read.
pub fn is_key_encrypted(path: &Path) -> Result<bool, FileError> {
    let (bytes, _) = read(path)?;
    let text = text_of(&bytes).map(Zeroizing::new);
    Ok(text.is_ok_and(|text| matches!(PrivateKey::from_pem(&text), Err(KeyError::Encrypted))))
}

/// Reads a PIN or password from the first line of a file that only its owner can read.
pub fn read_secret(path: &Path) -> Result<Zeroizing<String>, FileError> {
    let bytes = read_unexposed(path, "secret")?;
    let line = std::str::from_utf8(&bytes).ok().and_then(|text| text.lines().next()).map(str::trim);
    let line = line.filter(|line| (1..=SECRET_BYTES_MAX).contains(&line.len()));
    line.map(|line| Zeroizing::new(line.to_owned())).ok_or_else(|| FileError::NoSecret { path: path.to_owned() })
}

fn read_unexposed(path: &Path, what: &'static str) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let (bytes, mode) = read(path)?;
    match mode.filter(|mode| mode & OTHERS != 0) {
        Some(mode) => Err(FileError::Exposed { path: path.to_owned(), what, mode: mode & 0o7777 }),
        None => Ok(bytes),
    }
}

/// Reads a certificate and the key that it is about.
pub fn read_key_pair(certificate: &Path, key: &Path) -> Result<KeyPair, FileError> {
    KeyPair::new(read_certificate(certificate)?, read_private_key(key)?)
        .map_err(|source| FileError::Key { path: key.to_owned(), source })
}

/// Reads a certificate and its key from a PKCS#12 file. Its password guards the key, so that
/// the file's mode does not matter.
pub fn read_pkcs12(path: &Path, password: &str) -> Result<KeyPair, FileError> {
    let (bytes, _) = read(path)?;
    KeyPair::from_pkcs12(&bytes, password).map_err(|source| FileError::Pkcs12 { path: path.to_owned(), source })
}

/// Writes a certificate as PEM, readable by all.
pub fn write_certificate(path: &Path, certificate: &Certificate) -> Result<(), FileError> {
    replace(path, certificate.to_pem().as_bytes(), MODE_PUBLIC)
}

/// Writes a certificate as DER, readable by all.
pub fn write_certificate_der(path: &Path, certificate: &Certificate) -> Result<(), FileError> {
    replace(path, certificate.der(), MODE_PUBLIC)
}

/// Writes a private key as PKCS#8 PEM, readable by its owner alone.
pub fn write_private_key(path: &Path, key: &PrivateKey) -> Result<(), FileError> {
    replace(path, key.to_pem().as_bytes(), MODE_SECRET)
}

/// What went wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It does not hold the certificate that is wanted.
    #[error("`{}`: {source}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: CertificateError,
    },
    /// Others than its owner may read a private key, or another secret.
    #[error("others can read the {what} in `{}`: its mode is {mode:04o}", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// What it holds.
        what: &'static str,
        /// Its permission bits.
        mode: u32,
    },
    /// The system refused; the message names the file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It does not hold the key that is wanted.
    #[error("`{}`: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: KeyError,
    },
    /// Its first line is no PIN or password.
    #[error("the first line of `{}` is not a secret of 1 to {SECRET_BYTES_MAX} bytes", path.display())]
    NoSecret {
        /// The file.
        path: PathBuf,
    },
    /// It is a PKCS#12 file that gives no key pair.
    #[error("`{}`: {source}", path.display())]
    Pkcs12 {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Pkcs12Error,
    },
}

impl FileError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Certificate { source, .. } => source.hint().to_owned(),
            Self::Exposed { path, .. } => format!("run `chmod 600 {}`", path.display()),
            Self::Io(error) => match error.kind() {
                io::ErrorKind::NotFound => "check the path".to_owned(),
                io::ErrorKind::PermissionDenied => {
                    "run as the user that owns the file, or as one that may write its directory".to_owned()
                }
                io::ErrorKind::StorageFull => "make room on the disk".to_owned(),
                _ => "check the disk and its permissions".to_owned(),
            },
            Self::Key { source, .. } => source.hint().to_owned(),
            Self::Pkcs12 { source, .. } => source.hint().to_owned(),
            Self::NoSecret { .. } => "write the secret alone into the file, on its first line".to_owned(),
        }
    }

    fn certificate(path: &Path, source: CertificateError) -> Self {
        Self::Certificate { path: path.to_owned(), source }
    }
}

/// The bytes of a file and the mode it had when they were read.
fn read(path: &Path) -> Result<(Zeroizing<Vec<u8>>, Option<u32>), FileError> {
    let file = fs_err::File::open(path)?;
    let metadata = file.metadata()?;
    // Sized beforehand: a growing buffer would leave copies of a key behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX + 1));
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > FILE_BYTES_MAX {
        let bytes = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        return Err(FileError::certificate(path, CertificateError::TooLarge { bytes }));
    }
    Ok((bytes, mode(&metadata)))
}

/// Writes a file beside `path`, brings it to the disk, and puts it in the place of `path`.
fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let temporary = directory.join(temporary_name(path)?);
    let written = create(&temporary, mode)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs_err::rename(&temporary, path));
    if let Err(error) = written {
        let _ = fs_err::remove_file(&temporary);
        return Err(error.into());
    }
    // The name is on disk only when its directory is.
    Ok(fs_err::File::open(directory)?.sync_all()?)
}

fn temporary_name(path: &Path) -> io::Result<String> {
    let name = path.file_name().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("`{}` does not name a file", path.display()))
    })?;
    let mut random = [0; 8];
    SystemRandom::new().fill(&mut random).map_err(io::Error::other)?;
    Ok(format!(".{}.{:016x}.new", name.to_string_lossy(), u64::from_ne_bytes(random)))
}

#[cfg(unix)]
fn create(path: &Path, mode: u32) -> io::Result<fs_err::File> {
    use fs_err::os::unix::fs::OpenOptionsExt as _;

    fs_err::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

#[cfg(not(unix))]
fn create(path: &Path, _mode: u32) -> io::Result<fs_err::File> {
    fs_err::OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no mode")]
fn mode(metadata: &std::fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;

    Some(metadata.permissions().mode())
}

#[cfg(not(unix))]
fn mode(_: &std::fs::Metadata) -> Option<u32> {
    None
}

const MODE_PUBLIC: u32 = 0o644;
const MODE_SECRET: u32 = 0o600;
/// The bits of the group and of others.
const OTHERS: u32 = 0o077;
/// The longest PIN or password, in bytes.
const SECRET_BYTES_MAX: usize = 256;
