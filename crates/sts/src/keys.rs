//! The token service's signing keys: made on first start, kept over restarts, rolled
//! while it runs. One signs, the next is published already, previous ones stay until
//! their last token has ended.

mod pkcs11;
mod place;
mod roll;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actas_certificate::file::FileError;
use actas_certificate::{Certificate, issue};
use actas_store::sts::{KeyState, SigningKeyRecord, SigningKeys};
use actas_token::{KeyError, KeyName, Unsigned, VerifyingKey};
use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use crate::policy::SigningKeyKind;
use place::Signer;
use roll::{Change, Slot};

pub use pkcs11::{HardwareToken, HardwareTokenError, HardwareTokenSettings};
pub use place::KeyPlace;
pub use roll::RollError;
pub(crate) use roll::{Emergency, Times};

/// How long a signing certificate is good for on paper; trust comes from publication.
const CERTIFICATE_LIFETIME: Duration = Duration::from_hours(24 * 365 * 5);
/// Whom a signing certificate is about, and the label of a key on a token.
const CERTIFICATE_NAME: &str = "actas token service";
const KEY_BITS: usize = 2048;
/// How long it is tried to remove a key that retired.
const REMOVED_WITHIN: SignedDuration = SignedDuration::from_hours(24 * 30);

/// The signing keys of a running service. Cheap to clone; all clones are one ring.
#[derive(Clone, Debug)]
pub struct KeyRing(Arc<Inner>);

struct Inner {
    store: SigningKeys,
    place: KeyPlace,
    keys: ArcSwap<Keys>,
    /// One roll at a time in this process; others are told apart by the store.
    rolling: Mutex<()>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KeyRing").field(&self.keys.load().signer.name()).finish()
    }
}

/// The keys at one moment: the one that signs, and the certificates that are published,
/// the signing one first.
pub(crate) struct Keys {
    signer: Signer,
    published: Vec<(Certificate, VerifyingKey)>,
    /// The records they were made of, without those that are retired.
    places: Vec<(String, KeyState)>,
}

/// Why the signing keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyRingError {
    /// The database.
    #[error(transparent)]
    Store(#[from] actas_store::Error),
    /// A key file.
    #[error(transparent)]
    File(#[from] FileError),
    /// A PKCS#11 token.
    #[error(transparent)]
    Token(#[from] HardwareTokenError),
    /// Making a key.
    #[error("cannot make a signing key: {0}")]
    Issue(#[from] issue::IssueError),
    /// Using a key.
    #[error("a signing key is not usable: {0}")]
    Key(#[from] KeyError),
    /// A token signs, but not with the key that it should.
    #[error("the PKCS#11 token signs with the key {thumbprint} what its certificate does not verify")]
    BadSignature {
        /// The key.
        thumbprint: String,
    },
    /// The database knows a key that is in no file, and no token is configured.
    #[error("the signing key {thumbprint} is not in `{}`, and no PKCS#11 token is configured", path.display())]
    Nowhere {
        /// The key.
        thumbprint: String,
        /// Where its file would be.
        path: PathBuf,
    },
    /// The database knows a key whose certificate cannot be read.
    #[error("a stored signing certificate cannot be read: {0}")]
    Certificate(String),
    /// No key signs.
    #[error("none of the stored signing keys is current")]
    NoneCurrent,
    /// The keys were loaded to be rolled.
    #[error("the signing key {thumbprint} was not opened to sign")]
    NotOpened {
        /// The key.
        thumbprint: String,
    },
    /// There are no keys yet.
    #[error("there are no signing keys yet")]
    NoKeys,
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

// === impl KeyRingError ===

impl KeyRingError {
    /// What to do about it, where something can be done.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Store(error) => error.hint()?,
            Self::File(error) => error.hint(),
            Self::Token(error) => error.hint().to_owned(),
            Self::Issue(error) => error.hint().to_owned(),
            Self::BadSignature { .. } => "check the token; it may be failing".to_owned(),
            Self::Nowhere { .. } => {
                "configure the token under `[cloud.signing_keys]` if the key is in one, or bring the file back; `actas signing-keys replace --with-next --yes` makes new keys".to_owned()
            }
            Self::NoKeys => "`actas serve cloud` makes them when it starts".to_owned(),
            Self::Roll(RollError::NoNext) => "start `actas serve`, which makes one".to_owned(),
            Self::Roll(RollError::TooFresh(..)) => {
                "wait until then; if a stranger has the current key, `actas signing-keys replace` does not wait".to_owned()
            }
            Self::Certificate(_) | Self::Key(_) | Self::NoneCurrent | Self::NotOpened { .. } => return None,
        })
    }

    /// Whether the key that was to sign is gone, as when another process withdrew it.
    fn is_gone(&self) -> bool {
        matches!(self, Self::Token(HardwareTokenError::NoKey { .. }))
    }
}

// === impl KeyRing ===

impl KeyRing {
    /// Loads the keys, and makes current and next of this kind when there are none.
    pub async fn load_or_make(
        store: &SigningKeys,
        place: impl Into<KeyPlace>,
        kind: SigningKeyKind,
        now: Timestamp,
    ) -> Result<Self, KeyRingError> {
        let place = place.into();
        if store.all().await?.is_empty() {
            // Keys first: a crash in between leaves keys without a record, never the other
            // way round.
            let first = made(&place, kind, &[KeyState::Current, KeyState::Next], now).await?;
            store.add(&first).await?;
        }
        let keys = Keys::load(&store.all().await?, &place).await?;
        Ok(Self::of(store, place, keys))
    }

    /// Loads the keys, which must be there, to roll them and not to sign: the private key
    /// that signs may be lost.
    pub async fn load_to_roll(store: &SigningKeys, place: impl Into<KeyPlace>) -> Result<Self, KeyRingError> {
        let records = store.all().await?;
        if records.is_empty() {
            return Err(KeyRingError::NoKeys);
        }
        let signer = Signer::unopened(current(&records)?)?;
        let keys = Keys::with(signer, &records)?;
        Ok(Self::of(store, place.into(), keys))
    }

    fn of(store: &SigningKeys, place: KeyPlace, keys: Keys) -> Self {
        let (store, keys) = (store.clone(), ArcSwap::from_pointee(keys));
        Self(Arc::new(Inner { store, place, keys, rolling: Mutex::default() }))
    }

    /// The keys at this moment.
    pub(crate) fn load(&self) -> Arc<Keys> {
        self.0.keys.load_full()
    }

    /// Signs a token that is made for the key's name.
    pub(crate) async fn issue(&self, token: impl Fn(&KeyName) -> Unsigned) -> Result<String, KeyRingError> {
        let signer = |keys: &Keys| token(keys.signer.name());
        let keys = self.load();
        match keys.signer.sign(signer(&keys)).await {
            Err(error) if error.is_gone() && self.follow().await? => {
                let keys = self.load();
                keys.signer.sign(signer(&keys)).await
            }
            outcome => outcome,
        }
    }

    /// Takes up what another process did; says whether there was anything.
    pub(crate) async fn follow(&self) -> Result<bool, KeyRingError> {
        let _one = self.0.rolling.lock().await;
        let records = self.0.store.all().await?;
        Ok(self.take_up(&records).await?.is_some())
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
    pub(crate) async fn emergency(
        &self,
        emergency: Emergency,
        kind: SigningKeyKind,
        now: Timestamp,
    ) -> Result<Option<Rolled>, KeyRingError> {
        self.change(kind, now, |keys| roll::emergency(keys, emergency, now)).await
    }

    async fn change(
        &self,
        kind: SigningKeyKind,
        now: Timestamp,
        decide: impl Fn(&[Slot]) -> Result<Change, RollError>,
    ) -> Result<Option<Rolled>, KeyRingError> {
        let Inner { store, place, rolling, .. } = &*self.0;
        let _one = rolling.lock().await;
        let before = store.all().await?;
        let slots: Vec<Slot> = before.iter().map(slot).collect();
        let change = decide(&slots)?;
        if !change.is_nothing() {
            // A key that cannot be used must not become the one that signs.
            let promoted = change.moves.iter().find(|step| step.to == KeyState::Current);
            if let Some(record) = promoted.and_then(|step| before.iter().find(|key| key.thumbprint == step.thumbprint))
            {
                place.open(record).await?;
            }
            let new = made(place, kind, &change.make, now).await?;
            match store.change(&change.moves, &new).await {
                // Somebody else rolled them: what stands now is as good.
                Err(error) if error.is_stale() => place.remove(&thumbprints(&new)).await,
                other => other?,
            }
        }
        let after = store.all().await?;
        let changed_signer = self.take_up(&after).await? == Some(true);
        // The record went first: a key without one signs nothing. Those that retired a while
        // ago are looked for as well: the token may not have answered then.
        let recent = |key: &&SigningKeyRecord| now.duration_since(key.since) < REMOVED_WITHIN;
        let gone = in_state(&after, KeyState::Retired).filter(recent).map(|key| key.thumbprint.as_str());
        let gone: Vec<&str> = gone.collect();
        place.remove(&gone).await;
        if change.is_nothing() && !changed_signer {
            return Ok(None);
        }
        let retired = change.moves.into_iter().filter(|step| step.to == KeyState::Retired).map(|step| step.thumbprint);
        let retired = retired.filter(|thumbprint| gone.contains(&thumbprint.as_str())).collect();
        let current = current(&after)?.thumbprint.clone();
        Ok(Some(Rolled { current, retired, changed_signer }))
    }

    /// Makes the keys of these records the ones in use. Says whether another key signs
    /// then, or nothing if they are in use already.
    async fn take_up(&self, records: &[SigningKeyRecord]) -> Result<Option<bool>, KeyRingError> {
        let Inner { place, keys, .. } = &*self.0;
        let used = keys.load_full();
        if used.places == places(records) {
            return Ok(None);
        }
        let loaded = Keys::load(records, place).await?;
        let changed_signer = used.signer.name() != loaded.signer.name();
        keys.store(Arc::new(loaded));
        Ok(Some(changed_signer))
    }
}

// === impl Keys ===

impl Keys {
    async fn load(records: &[SigningKeyRecord], place: &KeyPlace) -> Result<Self, KeyRingError> {
        let signer = place.open(current(records)?).await?;
        Self::with(signer, records)
    }

    fn with(signer: Signer, records: &[SigningKeyRecord]) -> Result<Self, KeyRingError> {
        let current = current(records)?;
        let others = [KeyState::Next, KeyState::Previous].into_iter().flat_map(|state| in_state(records, state));
        let published = std::iter::once(current).chain(others).map(read).collect::<Result<_, _>>()?;
        Ok(Self { signer, published, places: places(records) })
    }

    /// Certificates that verifiers should know, the signing one first.
    pub(crate) fn published(&self) -> &[(Certificate, VerifyingKey)] {
        &self.published
    }
}

/// Makes keys for these states: all of them, or none that stays.
async fn made(
    place: &KeyPlace,
    kind: SigningKeyKind,
    states: &[KeyState],
    now: Timestamp,
) -> Result<Vec<SigningKeyRecord>, KeyRingError> {
    let mut made = Vec::with_capacity(states.len());
    for state in states {
        match place.make(kind, *state, now).await {
            Ok(record) => made.push(record),
            Err(error) => {
                place.remove(&thumbprints(&made)).await;
                return Err(error);
            }
        }
    }
    Ok(made)
}

fn thumbprints(records: &[SigningKeyRecord]) -> Vec<&str> {
    records.iter().map(|record| record.thumbprint.as_str()).collect()
}

fn places(records: &[SigningKeyRecord]) -> Vec<(String, KeyState)> {
    let published = records.iter().filter(|record| record.state != KeyState::Retired);
    published.map(|record| (record.thumbprint.clone(), record.state)).collect()
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
