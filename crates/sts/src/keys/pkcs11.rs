//! Signing keys in a PKCS#11 token, such as a hardware security module: made there, used
//! there, destroyed there. What leaves it are public keys and signatures.
//!
//! The interface of such modules blocks, so a few threads of their own talk to it. Each
//! question has a deadline, and those that wait are bounded: a token that hangs costs its
//! callers an error and the runtime nothing.

mod connection;

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actas_certificate::Certificate;
use actas_token::Algorithm;
use aws_lc_rs::digest;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::sync::oneshot;

use crate::policy::SigningKeyKind;
use connection::Connection;

/// Sessions with the token, each with its thread.
const SESSIONS: usize = 4;
/// Questions that wait at once; beyond them the token counts as busy.
const WAITING_MAX: usize = 256;
/// How long an answer may take.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// How long a new key may take: small devices look for primes for a while.
const MADE_WITHIN: Duration = Duration::from_mins(2);

/// A PKCS#11 token, and what opens it. `Debug` does not show the PIN.
#[derive(Clone, Debug)]
pub struct HardwareTokenSettings {
    /// The module: a shared library of the token's vendor.
    pub module: PathBuf,
    /// The token's label (PKCS#11 §3.2, `CK_TOKEN_INFO`).
    pub label: String,
    /// The PIN of the token's user.
    pub pin: SecretString,
}

/// A PKCS#11 token that holds signing keys. Cheap to clone; all clones share its sessions,
/// which end with the last of them.
#[derive(Clone)]
pub struct HardwareToken {
    shared: Arc<Shared>,
    queue: SyncSender<Job>,
}

/// What the threads of a token share.
pub(super) struct Shared {
    settings: HardwareTokenSettings,
    /// The PIN was refused. It is not tried again: a few tries more lock a token.
    pin_refused: AtomicBool,
    /// One logs in at a time, so that a wrong PIN is tried once and not by each thread.
    login: Mutex<()>,
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A key's name on a token, `CKA_ID`: its certificate's SHA-1, so that the vendor's tools
/// show the thumbprint.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct KeyId([u8; 20]);

/// Why a token did not do what was asked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HardwareTokenError {
    /// The library.
    #[error("the PKCS#11 module `{}` cannot be used: {why}", module.display())]
    Module {
        /// Its path.
        module: PathBuf,
        /// What the loader or the library said.
        why: String,
    },
    /// No token of that label, or several.
    #[error("the PKCS#11 module `{}` has {} with the label `{label}`; it has {}", module.display(), count(*found), listed(seen))]
    Label {
        /// The module.
        module: PathBuf,
        /// The label that is wanted.
        label: String,
        /// How many have it.
        found: usize,
        /// The labels that there are.
        seen: Vec<String>,
    },
    /// The token does not open.
    #[error("the PKCS#11 token `{label}` refuses the PIN: {why}")]
    Pin {
        /// The token.
        label: String,
        /// What it said.
        why: String,
    },
    /// It holds no such key.
    #[error("the PKCS#11 token `{label}` holds no private key with the id {id}")]
    NoKey {
        /// The token.
        label: String,
        /// The thumbprint.
        id: String,
    },
    /// It failed.
    #[error("the PKCS#11 token `{label}` does not {what}: {why}")]
    Failed {
        /// The token.
        label: String,
        /// What it should have done.
        what: &'static str,
        /// What it said.
        why: String,
    },
    /// Too many wait for it.
    #[error("the PKCS#11 token `{label}` is busy: {WAITING_MAX} requests wait for it already")]
    Busy {
        /// The token.
        label: String,
    },
    /// It did not answer.
    #[error("the PKCS#11 token `{label}` has not answered within {seconds} seconds")]
    TimedOut {
        /// The token.
        label: String,
        /// How long it had.
        seconds: u64,
    },
}

// === impl HardwareTokenError ===

impl HardwareTokenError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Module { .. } => {
                "name the token's own PKCS#11 library as `pkcs11_module` of `[cloud.signing_keys]`; its package may have to be installed"
            }
            Self::Label { .. } => {
                "correct `token_label` of `[cloud.signing_keys]`, or connect the token; `pkcs11-tool --module FILE --list-token-slots` shows those that there are"
            }
            Self::Pin { .. } => {
                "correct the PIN and start again; it is not tried twice, since a token locks after a few wrong ones"
            }
            Self::NoKey { .. } => {
                "check that this is the token on which the keys were made; if it is lost, `actas signing-keys replace --with-next --yes` makes new ones"
            }
            Self::Failed { .. } => "check the token and its module's own log",
            Self::Busy { .. } | Self::TimedOut { .. } => {
                "check that the token answers, such as with `pkcs11-tool --module FILE --list-token-slots`; it is asked again with the next request"
            }
        }
    }
}

fn count(found: usize) -> String {
    if found == 0 { "no token".to_owned() } else { format!("{found} tokens") }
}

fn listed(labels: &[String]) -> String {
    if labels.is_empty() {
        return "none at all".to_owned();
    }
    labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ")
}

// === impl HardwareToken ===

impl HardwareToken {
    /// Opens the token, to know at once whether module, label and PIN are right.
    pub async fn open(settings: HardwareTokenSettings) -> Result<Self, HardwareTokenError> {
        let token = Self::start(settings)?;
        token.call(ANSWERED_WITHIN, Connection::check, |_, ()| ()).await?;
        Ok(token)
    }

    fn start(settings: HardwareTokenSettings) -> Result<Self, HardwareTokenError> {
        let shared = Arc::new(Shared { settings, pin_refused: AtomicBool::new(false), login: Mutex::default() });
        let (queue, jobs) = sync_channel::<Job>(WAITING_MAX);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..SESSIONS {
            let (jobs, mut connection) = (Arc::clone(&jobs), Connection::new(Arc::clone(&shared)));
            let thread = std::thread::Builder::new().name(format!("pkcs11-{number}"));
            let spawned = thread.spawn(move || {
                while let Some(job) = next(&jobs) {
                    job(&mut connection);
                }
            });
            spawned.map_err(|error| shared.failed("get a thread of its own", &error))?;
        }
        Ok(Self { shared, queue })
    }

    /// Makes a key that never leaves the token, and a certificate for it.
    pub(super) async fn make(&self, kind: SigningKeyKind, now: Timestamp) -> Result<Certificate, HardwareTokenError> {
        let forget = |connection: &mut Connection, made: Certificate| {
            if let Some(id) = KeyId::from_thumbprint(made.thumbprint()) {
                // Nobody waits for it any more, so nobody can be told.
                let _ = connection.destroy(&[id]);
            }
        };
        self.call(MADE_WITHIN, move |connection| connection.make(kind, now), forget).await
    }

    /// Signs by RS256 or ES256, the signature as RFC 7518 writes it.
    pub(super) async fn sign(
        &self,
        id: KeyId,
        algorithm: Algorithm,
        input: &[u8],
    ) -> Result<Vec<u8>, HardwareTokenError> {
        let digest = sha256(input);
        self.call(ANSWERED_WITHIN, move |connection| connection.sign(id, algorithm, &digest), |_, _| ()).await
    }

    /// Whether it holds this private key.
    pub(super) async fn holds(&self, id: KeyId) -> Result<(), HardwareTokenError> {
        self.call(ANSWERED_WITHIN, move |connection| connection.holds(id), |_, ()| ()).await
    }

    /// Destroys these keys where they are there; says how many were.
    pub(super) async fn destroy(&self, ids: Vec<KeyId>) -> Result<usize, HardwareTokenError> {
        self.call(ANSWERED_WITHIN, move |connection| connection.destroy(&ids), |_, _| ()).await
    }

    /// Has a thread do something. What comes of it too late is given to `unwanted`.
    async fn call<T: Send + 'static>(
        &self,
        within: Duration,
        work: impl FnOnce(&mut Connection) -> Result<T, HardwareTokenError> + Send + 'static,
        unwanted: impl FnOnce(&mut Connection, T) + Send + 'static,
    ) -> Result<T, HardwareTokenError> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            if answer.is_closed() {
                return;
            }
            let done = work(connection);
            if let Err(Ok(late)) = answer.send(done) {
                unwanted(connection, late);
            }
        });
        let label = || self.shared.settings.label.clone();
        self.queue.try_send(job).map_err(|_| HardwareTokenError::Busy { label: label() })?;
        match tokio::time::timeout(within, answered).await {
            Ok(Ok(done)) => done,
            // The thread is gone, which nothing but a panic in it explains.
            Ok(Err(_)) => Err(self.shared.failed("answer", &"its thread ended")),
            Err(_) => Err(HardwareTokenError::TimedOut { label: label(), seconds: within.as_secs() }),
        }
    }
}

impl fmt::Debug for HardwareToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HardwareToken").field(&self.shared.settings.label).finish()
    }
}

fn sha256(message: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, message).as_ref());
    bytes
}

/// Waits for work; none when all handles of the token are gone.
fn next(jobs: &Mutex<Receiver<Job>>) -> Option<Job> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

// === impl Shared ===

impl Shared {
    fn failed(&self, what: &'static str, why: &dyn fmt::Display) -> HardwareTokenError {
        HardwareTokenError::Failed { label: self.settings.label.clone(), what, why: why.to_string() }
    }
}

// === impl KeyId ===

impl KeyId {
    /// Of 40 hexadecimal digits.
    pub(super) fn from_thumbprint(thumbprint: &str) -> Option<Self> {
        let mut id = [0; 20];
        if thumbprint.len() != 2 * id.len() || !thumbprint.is_ascii() {
            return None;
        }
        for (at, byte) in id.iter_mut().enumerate() {
            *byte = u8::from_str_radix(thumbprint.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(Self(id))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> HardwareToken {
        let settings = HardwareTokenSettings {
            module: "libnone.so".into(),
            label: "keys".to_owned(),
            pin: SecretString::from("4711"),
        };
        HardwareToken::start(settings).unwrap()
    }

    /// Keeps every thread of a token, as a token that hangs does, until what it returns is
    /// dropped.
    fn hang(token: &HardwareToken) -> Vec<std::sync::mpsc::Sender<()>> {
        let (begun, begins) = std::sync::mpsc::channel();
        let release = (0..SESSIONS).map(|_| {
            let (release, held) = std::sync::mpsc::channel::<()>();
            let begun = begun.clone();
            let job: Job = Box::new(move |_| {
                begun.send(()).unwrap();
                // Ends when the other half is gone.
                let _ = held.recv();
            });
            token.queue.try_send(job).unwrap();
            release
        });
        let hang = release.collect();
        (0..SESSIONS).for_each(|_| begins.recv().unwrap());
        hang
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_hangs_costs_an_error() {
        let token = token();
        let hang = hang(&token);
        let id = KeyId([7; 20]);
        let error = token.holds(id).await.unwrap_err();
        assert_eq!(error, HardwareTokenError::TimedOut { label: "keys".to_owned(), seconds: 10 });
        let fill = |_| token.queue.try_send(Box::new(|_| ())).is_ok();
        assert!((0..WAITING_MAX).map(fill).filter(|fits| *fits).count() < WAITING_MAX, "the one that gave up waits");
        let error = token.holds(id).await.unwrap_err();
        assert_eq!(error, HardwareTokenError::Busy { label: "keys".to_owned() });
        drop(hang);
    }

    #[tokio::test]
    async fn what_comes_too_late_is_undone() {
        let token = token();
        let (begun, begins) = oneshot::channel();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let (undo, undone) = oneshot::channel();
        let work = move |_: &mut Connection| {
            begun.send(()).unwrap();
            held.recv().unwrap();
            Ok(4711)
        };
        let call = async move { token.call(ANSWERED_WITHIN, work, |_, made| undo.send(made).unwrap()).await };
        let call = tokio::spawn(call);
        begins.await.unwrap();
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        release.send(()).unwrap();
        assert_eq!(undone.await, Ok(4711));
    }

    #[tokio::test]
    async fn a_module_that_is_none_is_named() {
        let error = token().holds(KeyId([7; 20])).await.unwrap_err();
        assert!(error.to_string().contains("`libnone.so` cannot be used"), "{error}");
        assert!(error.hint().contains("pkcs11_module"));
    }

    #[tokio::test]
    async fn a_pin_that_was_refused_is_not_tried_again() {
        let token = token();
        token.shared.pin_refused.store(true, std::sync::atomic::Ordering::Relaxed);
        let error = token.holds(KeyId([7; 20])).await.unwrap_err();
        assert!(error.to_string().ends_with("refuses the PIN: it was refused before"), "{error}");
    }

    #[test]
    fn a_key_has_the_name_of_its_certificate() {
        let thumbprint = "A9993E364706816ABA3E25717850C26C9CD0D89D";
        assert_eq!(KeyId::from_thumbprint(thumbprint).unwrap().to_string(), thumbprint);
        for wrong in
            ["", "A9993E", "Z9993E364706816ABA3E25717850C26C9CD0D89D", "ü9993E364706816ABA3E25717850C26C9CD0D89D"]
        {
            assert!(KeyId::from_thumbprint(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn no_pin_is_shown() {
        let token = token();
        let shown = format!("{token:?} {:?}", token.shared.settings);
        assert!(shown.contains("keys") && !shown.contains("4711"), "{shown}");
    }
}
