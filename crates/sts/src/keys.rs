//! The token service's signing keys: made on first start, kept over restarts, rolled
//! while it runs. One signs, the next is published already, previous ones stay until
//! their last token has ended.

mod roll;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actas_certificate::file::{self, FileError};
use actas_certificate::{Certificate, PrivateKey, issue};
use actas_store::sts::{KeyState, SigningKeyRecord, SigningKeys};
use actas_token::{KeyError, SigningKey, VerifyingKey};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::policy::SigningKeyKind;
use roll::{Change, Slot};

pub use roll::RollError;
pub(crate) use roll::Times;

/// How long a signing certificate is good for on paper; trust comes from publication.
const CERTIFICATE_LIFETIME: Duration = Duration::from_hours(24 * 365 * 5);
const KEY_BITS: usize = 2048;

/// The signing keys of a running service. Cheap to clone; all clones are one ring.
#[derive(Clone, Debug)]
pub struct KeyRing(Arc<Inner>);

struct Inner {
    store: SigningKeys,
    folder: PathBuf,
    keys: ArcSwap<Keys>,
    /// One roll at a time in this process; others are told apart by the store.
    rolling: Mutex<()>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KeyRing").field(&self.keys.load().signer).finish()
    }
}

/// The keys at one moment: the one that signs, and the certificates that are published,
/// the signing one first.
#[derive(Debug)]
pub(crate) struct Keys {
    signer: SigningKey,
    published: Vec<(Certificate, VerifyingKey)>,
}

/// Why the signing keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// The database.
    #[error(transparent)]
    Store(#[from] actas_store::Error),
    /// A key file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Making a key.
    #[error("cannot make a signing key: {0}")]
    Issue(#[from] issue::IssueError),
    /// Using a key.
    #[error("a signing key is not usable: {0}")]
    Key(#[from] KeyError),
    /// The database knows a key whose certificate cannot be read.
    #[error("a stored signing certificate cannot be read: {0}")]
    Certificate(String),
    /// No key signs.
    #[error("none of the stored signing keys is current")]
    NoneCurrent,
    /// They cannot be rolled now.
    #[error(transparent)]
    Roll(#[from] RollError),
}

/// What a roll did, as an audit record tells it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rolled {
    /// The key that signs from now on, by thumbprint.
    pub current: String,
    /// Keys that are no longer published.
    pub retired: Vec<String>,
    /// Whether the signing key changed.
    pub changed_signer: bool,
}

// === impl KeyRing ===

impl KeyRing {
    /// Loads the keys, and makes current and next of this kind when there are none.
    /// Private keys are files of mode 0600 in `folder`.
    pub async fn load_or_make(
        store: &SigningKeys,
        folder: &Path,
        kind: SigningKeyKind,
        now: Timestamp,
    ) -> Result<Self, KeyRingError> {
        if store.all().await?.is_empty() {
            // Files first: a crash in between leaves files without a record, never the
            // other way round.
            let first = [make(folder, kind, KeyState::Current, now)?, make(folder, kind, KeyState::Next, now)?];
            store.add(&first).await?;
        }
        let keys = Keys::load(&store.all().await?, folder)?;
        Ok(Self(Arc::new(Inner {
            store: store.clone(),
            folder: folder.to_owned(),
            keys: ArcSwap::from_pointee(keys),
            rolling: Mutex::default(),
        })))
    }

    /// The keys at this moment.
    pub(crate) fn load(&self) -> Arc<Keys> {
        self.0.keys.load_full()
    }

    /// Does what is due by age, and takes up what another process did.
    pub(crate) async fn maintain(
        &self,
        times: Times,
        kind: SigningKeyKind,
        now: Timestamp,
    ) -> Result<Option<Rolled>, KeyRingError> {
        self.change(kind, now, |keys| Ok(roll::due(keys, times, now))).await
    }

    /// Makes next current; see [`RollError`] for when not.
    pub(crate) async fn rotate(&self, kind: SigningKeyKind, now: Timestamp) -> Result<Option<Rolled>, KeyRingError> {
        self.change(kind, now, |keys| roll::rotate(keys, now)).await
    }

    /// Withdraws the current key and all before it, at once.
    pub(crate) async fn emergency(&self, kind: SigningKeyKind, now: Timestamp) -> Result<Option<Rolled>, KeyRingError> {
        self.change(kind, now, |keys| roll::emergency(keys, now)).await
    }

    async fn change(
        &self,
        kind: SigningKeyKind,
        now: Timestamp,
        decide: impl Fn(&[Slot]) -> Result<Change, RollError>,
    ) -> Result<Option<Rolled>, KeyRingError> {
        let Inner { store, folder, keys, rolling } = &*self.0;
        let _one = rolling.lock().await;
        let before = store.all().await?;
        let slots: Vec<Slot> = before.iter().map(slot).collect();
        let change = decide(&slots)?;
        if !change.is_nothing() {
            let new: Vec<SigningKeyRecord> =
                if change.make_next { vec![make(folder, kind, KeyState::Next, now)?] } else { Vec::new() };
            match store.change(&change.moves, &new).await {
                // Somebody else rolled them: what stands now is as good.
                Err(error) if error.is_stale() => new.iter().for_each(|unused| remove(folder, &unused.thumbprint)),
                other => other?,
            }
        }
        let after = store.all().await?;
        let loaded = Keys::load(&after, folder)?;
        let signed_before = keys.load().signer.x5t().to_owned();
        let changed_signer = signed_before != loaded.signer.x5t();
        keys.store(Arc::new(loaded));
        let is_retired = |thumbprint: &str| in_state(&after, KeyState::Retired).any(|key| key.thumbprint == thumbprint);
        let retired = change.moves.iter().filter(|step| step.to == KeyState::Retired && is_retired(&step.thumbprint));
        let retired: Vec<String> = retired.map(|step| step.thumbprint.clone()).collect();
        // The record went first: a file without one signs nothing.
        for thumbprint in &retired {
            remove(folder, thumbprint);
        }
        if change.is_nothing() && !changed_signer {
            return Ok(None);
        }
        let current = current(&after)?.thumbprint.clone();
        Ok(Some(Rolled { current, retired, changed_signer }))
    }
}

// === impl Keys ===

impl Keys {
    fn load(records: &[SigningKeyRecord], folder: &Path) -> Result<Self, KeyRingError> {
        let current = current(records)?;
        let private = file::read_private_key(&key_file(folder, &current.thumbprint))?;
        let signer = SigningKey::new(private.pkcs8_der(), &current.certificate)?;
        let others = [KeyState::Next, KeyState::Previous].into_iter().flat_map(|state| in_state(records, state));
        let published = std::iter::once(current).chain(others).map(read).collect::<Result<_, _>>()?;
        Ok(Self { signer, published })
    }

    /// The key that signs.
    pub(crate) fn signer(&self) -> &SigningKey {
        &self.signer
    }

    /// Certificates that verifiers should know, the signing one first.
    pub(crate) fn published(&self) -> &[(Certificate, VerifyingKey)] {
        &self.published
    }
}

fn current(records: &[SigningKeyRecord]) -> Result<&SigningKeyRecord, KeyRingError> {
    in_state(records, KeyState::Current).next().ok_or(KeyRingError::NoneCurrent)
}

fn in_state(records: &[SigningKeyRecord], state: KeyState) -> impl Iterator<Item = &SigningKeyRecord> {
    records.iter().filter(move |record| record.state == state)
}

fn slot(record: &SigningKeyRecord) -> Slot {
    Slot { thumbprint: record.thumbprint.clone(), state: record.state, since: record.since }
}

fn read(record: &SigningKeyRecord) -> Result<(Certificate, VerifyingKey), KeyRingError> {
    let key = VerifyingKey::from_certificate(&record.certificate)?;
    let certificate = Certificate::from_der(&record.certificate);
    Ok((certificate.map_err(|error| KeyRingError::Certificate(error.to_string()))?, key))
}

fn make(
    folder: &Path,
    kind: SigningKeyKind,
    state: KeyState,
    now: Timestamp,
) -> Result<SigningKeyRecord, KeyRingError> {
    let key = match kind {
        SigningKeyKind::P256 => PrivateKey::generate_p256(),
        SigningKeyKind::Rsa => PrivateKey::generate_rsa(KEY_BITS),
    };
    let key = key.map_err(issue::IssueError::from)?;
    let pair = issue::self_signed_with(key, "actas token service", &[], now, CERTIFICATE_LIFETIME)?;
    let thumbprint = pair.certificate().thumbprint().to_owned();
    file::write_private_key(&key_file(folder, &thumbprint), pair.key())?;
    Ok(SigningKeyRecord { thumbprint, state, since: now, certificate: pair.certificate().der().to_vec() })
}

/// A key that stays behind is of no use to anybody who has not got the folder anyway, so
/// a failure is told and no more.
fn remove(folder: &Path, thumbprint: &str) {
    if let Err(error) = std::fs::remove_file(key_file(folder, thumbprint)) {
        tracing::warn!(%error, thumbprint, "the file of a retired signing key stays behind");
    }
}

fn key_file(folder: &Path, thumbprint: &str) -> PathBuf {
    folder.join(format!("{thumbprint}.key"))
}
