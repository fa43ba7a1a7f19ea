//! Certificates of this server: a folder of key pairs, and which of them is current,
//! next and previous for a use.

use std::path::{Path, PathBuf};

use actas_certificate::file::FileError;
use actas_certificate::issue::Subject;
use actas_certificate::slots::{Slot, StageWarning};
use actas_certificate::{Certificate, CertificateError, KeyPair, Name, PrivateKey, Slots, file, issue};
use actas_store::settings::{Kind, Settings};
use aws_lc_rs::digest;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What a certificate is assigned to (`CertType`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Use {
    /// Signing tokens.
    OAuthTokenIssuer,
}

impl Use {
    /// The vendor's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OAuthTokenIssuer => "OAuthTokenIssuer",
        }
    }
}

/// A certificate in its place.
#[derive(Clone, Debug)]
pub struct AssignedCertificate {
    /// The certificate.
    pub certificate: Certificate,
    /// From when it is first in line.
    pub effective: Timestamp,
    /// The one that validated before it, if that is kept.
    pub previous: Option<String>,
    /// `current`, `next` or `previous`.
    pub slot: &'static str,
}

/// A request whose certificate has not come.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PendingRequest {
    /// The hash of its public key, in hexadecimal digits.
    pub id: String,
    /// When it was made, by the clock of the file system.
    pub made: Timestamp,
}

/// The slots as they are stored: thumbprints.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Stored {
    current: Option<StoredSlot>,
    next: Option<StoredSlot>,
    previous: Option<StoredSlot>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct StoredSlot {
    thumbprint: String,
    effective: Timestamp,
}

/// The certificate store.
#[derive(Clone, Debug)]
pub struct CertificateStore {
    folder: PathBuf,
    settings: Settings,
}

// === impl CertificateStore ===

impl CertificateStore {
    pub(crate) fn new(folder: PathBuf, settings: Settings) -> Self {
        Self { folder, settings }
    }

    /// Makes a self-signed certificate and keeps it, unassigned. It begins a day ago, so
    /// that a credential from today's midnight lies inside its window.
    pub fn make(
        &self,
        subject: impl Into<Subject>,
        names: &[Name],
        bits: usize,
        lifetime: std::time::Duration,
        now: Timestamp,
    ) -> Result<Certificate, Error> {
        let day = std::time::Duration::from_hours(24);
        let pair = issue::self_signed(subject, names, now - day, lifetime + day, bits)?;
        self.keep(&pair)?;
        Ok(pair.certificate().clone())
    }

    /// Keeps a key pair, unassigned. It must be fit for signing tokens.
    pub fn import(&self, pair: &KeyPair, now: Timestamp) -> Result<(), Error> {
        pair.certificate().check_usable_for_tokens(now)?;
        self.keep(pair)?;
        // The key has its certificate now; one that is gone already waits for none.
        let _ = std::fs::remove_file(self.pending_key_file(pair.certificate().spki_der()));
        Ok(())
    }

    /// Makes a key and a request for an authority to sign, as PEM. The key waits here for
    /// the certificate. `client_tls` asks that clients of TLS may use it as well.
    pub fn request(&self, subject: &Subject, names: &[Name], client_tls: bool, bits: usize) -> Result<String, Error> {
        let key = PrivateKey::generate_rsa(bits)?;
        let request = issue::certificate_request(subject, names, client_tls, &key)?;
        make_folder(&self.folder)?;
        file::write_private_key(&self.pending_key_file(key.spki_der()), &key)?;
        Ok(request)
    }

    /// The key that was made here with the request for a certificate.
    pub fn requested_key(&self, certificate: &Certificate) -> Result<Option<PrivateKey>, Error> {
        let path = self.pending_key_file(certificate.spki_der());
        if path.exists() { Ok(Some(file::read_private_key(&path)?)) } else { Ok(None) }
    }

    /// The requests whose certificate has not come, the oldest first.
    pub fn requests(&self) -> Result<Vec<PendingRequest>, Error> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(&self.folder, &error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| unreadable(&self.folder, &error))?;
            let name = entry.file_name();
            let id = name.to_str().and_then(|name| name.strip_prefix(PENDING)?.strip_suffix(KEY_ENDING));
            let Some(id) = id else { continue };
            let made = entry.metadata().and_then(|metadata| metadata.modified());
            let made = made.ok().and_then(|made| Timestamp::try_from(made).ok()).unwrap_or_default();
            found.push(PendingRequest { id: id.to_owned(), made });
        }
        found.sort_by(|a, b| (a.made, &a.id).cmp(&(b.made, &b.id)));
        Ok(found)
    }

    /// Forgets a request, with its key: the certificate for it can then not be used here.
    pub fn forget_request(&self, id: &str) -> Result<(), Error> {
        let known = self.requests()?.into_iter().find(|request| request.id.eq_ignore_ascii_case(id));
        let request = known.ok_or_else(|| {
            Error::not_found(format!("no request `{id}` is waiting for its certificate"))
                .with_hint("`actas Request-CsCertificate -List` shows those that are")
        })?;
        let path = self.folder.join(format!("{PENDING}{}{KEY_ENDING}", request.id));
        std::fs::remove_file(&path)
            .map_err(|error| Error::machine(format!("`{}` cannot be removed: {error}", path.display())))
    }

    fn keep(&self, pair: &KeyPair) -> Result<(), Error> {
        make_folder(&self.folder)?;
        let thumbprint = pair.certificate().thumbprint();
        // The key first: a certificate without its key would look usable.
        file::write_private_key(&self.key_file(thumbprint), pair.key())?;
        file::write_certificate(&self.certificate_file(thumbprint), pair.certificate())?;
        Ok(())
    }

    /// A kept certificate with its key.
    pub fn pair(&self, thumbprint: &str) -> Result<KeyPair, Error> {
        if thumbprint.len() != 40 || !thumbprint.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Error::invalid(format!("`{thumbprint}` is not a thumbprint: 40 hexadecimal digits")));
        }
        let path = self.certificate_file(thumbprint);
        if !path.exists() {
            return Err(Error::not_found(format!("there is no certificate {thumbprint} in the store"))
                .with_hint("make one with `actas Request-CsCertificate -New -Type OAuthTokenIssuer`, or import one with `actas Import-CsCertificate`"));
        }
        Ok(file::read_key_pair(&path, &self.key_file(thumbprint))?)
    }

    /// The slots of a use, with any roll whose time has come made.
    pub async fn slots(&self, of: Use, now: Timestamp) -> Result<Slots<Certificate>, Error> {
        Ok(self.load(of, now).await?.0)
    }

    async fn load(&self, of: Use, now: Timestamp) -> Result<(Slots<Certificate>, Option<i64>), Error> {
        let stored = self.settings.get::<Stored>(Kind::Certificates, of.as_str()).await?;
        let (stored, version) = stored.map_or((Stored::default(), None), |stored| (stored.value, Some(stored.version)));
        let read = |slot: Option<StoredSlot>| -> Result<Option<Slot<Certificate>>, Error> {
            slot.map(|slot| {
                let item = file::read_certificate(&self.certificate_file(&slot.thumbprint))?;
                Ok(Slot { item, effective: slot.effective })
            })
            .transpose()
        };
        let mut slots = Slots::restore(read(stored.current)?, read(stored.next)?, read(stored.previous)?)?;
        if slots.advance(now) {
            self.save(of, &slots, version).await?;
            return Ok((slots, version.map(|version| version + 1)));
        }
        Ok((slots, version))
    }

    async fn save(&self, of: Use, slots: &Slots<Certificate>, version: Option<i64>) -> Result<(), Error> {
        let write = |slot: Option<&Slot<Certificate>>| {
            slot.map(|slot| StoredSlot { thumbprint: slot.item.thumbprint().to_owned(), effective: slot.effective })
        };
        let stored =
            Stored { current: write(slots.current()), next: write(slots.next()), previous: write(slots.previous()) };
        match version {
            Some(version) => self.settings.update(Kind::Certificates, of.as_str(), version, &stored).await?,
            None => self.settings.add(Kind::Certificates, of.as_str(), &stored).await?,
        }
        Ok(())
    }

    /// Makes a kept certificate current at once; the old one is kept as previous.
    pub async fn set(&self, of: Use, thumbprint: &str, now: Timestamp) -> Result<(), Error> {
        let certificate = self.usable(thumbprint, now)?;
        let (mut slots, version) = self.load(of, now).await?;
        slots.set(certificate, now)?;
        self.save(of, &slots, version).await
    }

    /// Stages a kept certificate to become current at a time.
    pub async fn stage(
        &self,
        of: Use,
        thumbprint: &str,
        effective: Timestamp,
        now: Timestamp,
    ) -> Result<Option<StageWarning>, Error> {
        let certificate = self.usable(thumbprint, now)?;
        let (mut slots, version) = self.load(of, now).await?;
        let warning = slots.stage(certificate, effective, now)?;
        self.save(of, &slots, version).await?;
        Ok(warning)
    }

    /// Un-assigns: the previous one, or all. The files stay.
    pub async fn remove(&self, of: Use, previous_only: bool, now: Timestamp) -> Result<(), Error> {
        let (mut slots, version) = self.load(of, now).await?;
        if previous_only {
            slots.remove_previous()?;
        } else {
            slots.remove()?;
        }
        self.save(of, &slots, version).await
    }

    /// The certificates of a use: current, then next, then previous.
    pub async fn assigned(&self, of: Use, now: Timestamp) -> Result<Vec<AssignedCertificate>, Error> {
        let slots = self.slots(of, now).await?;
        let previous = slots.previous().map(|slot| slot.item.thumbprint().to_owned());
        let places = [("current", slots.current()), ("next", slots.next()), ("previous", slots.previous())];
        let assigned = places.into_iter().filter_map(|(slot, place)| {
            place.map(|place| AssignedCertificate {
                certificate: place.item.clone(),
                effective: place.effective,
                previous: previous.clone().filter(|_| slot == "current"),
                slot,
            })
        });
        Ok(assigned.collect())
    }

    /// The key pair that signs now.
    pub async fn signing(&self, of: Use, now: Timestamp) -> Result<KeyPair, Error> {
        let slots = self.slots(of, now).await?;
        let certificate = slots.signing(now).ok_or_else(|| {
            Error::not_found(format!("no certificate is assigned for {}", of.as_str())).with_hint(format!(
                "make one with `actas Request-CsCertificate -New -Type {0}` and assign it with `actas Set-CsCertificate -Type {0} -Identity Global -Thumbprint <thumbprint>`",
                of.as_str()
            ))
        })?;
        certificate.check_usable_for_tokens(now)?;
        self.pair(certificate.thumbprint())
    }

    fn usable(&self, thumbprint: &str, now: Timestamp) -> Result<Certificate, Error> {
        let pair = self.pair(thumbprint)?;
        pair.certificate().check_usable_for_tokens(now)?;
        Ok(pair.certificate().clone())
    }

    fn certificate_file(&self, thumbprint: &str) -> PathBuf {
        self.folder.join(format!("{thumbprint}.cer"))
    }

    fn key_file(&self, thumbprint: &str) -> PathBuf {
        self.folder.join(format!("{thumbprint}.key"))
    }

    /// A key without certificate goes by its public half.
    fn pending_key_file(&self, spki_der: &[u8]) -> PathBuf {
        let hash = digest::digest(&digest::SHA256, spki_der);
        let name = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        self.folder.join(format!("{PENDING}{name}{KEY_ENDING}"))
    }
}

/// How the file of a key without certificate is called.
const PENDING: &str = "request-";
const KEY_ENDING: &str = ".key";

fn unreadable(folder: &Path, error: &std::io::Error) -> Error {
    Error::machine(format!("the folder `{}` cannot be read: {error}", folder.display()))
}

/// The certificate in a file that may hold its key and its authorities behind it: the
/// first one.
pub fn certificate_in(path: &Path) -> Result<Certificate, Error> {
    file::read_first_certificate(path).map_err(|error| match error {
        FileError::Certificate { source: CertificateError::HoldsPrivateKey, .. } => {
            Error::invalid(format!("`{}` holds a private key and no certificate", path.display())).with_hint(
                "give a PEM file with a section `CERTIFICATE`, and the key beside it or in a file of its own",
            )
        }
        other => other.into(),
    })
}

/// Makes a folder that only its owner can look into.
fn make_folder(folder: &Path) -> Result<(), Error> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(|error| Error::machine(format!("the folder `{}` cannot be made: {error}", folder.display())))
}
