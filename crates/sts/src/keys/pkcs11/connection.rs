//! One session with a token: every call here blocks.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use actas_certificate::{Certificate, PublicHalf, issue};
use actas_token::Algorithm;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use jiff::Timestamp;
use uuid::Uuid;

use super::{HardwareTokenError, KeyId, Shared, sha256};
use crate::keys::{CERTIFICATE_LIFETIME, CERTIFICATE_NAME, KEY_BITS};
use crate::policy::SigningKeyKind;

/// A thread's way to the token: opened when it is needed, and anew when it broke.
pub(crate) struct Connection {
    shared: Arc<Shared>,
    open: Option<Open>,
}

struct Open {
    session: Session,
    /// Handles of private keys, which are good as long as the session.
    keys: HashMap<KeyId, ObjectHandle>,
}

/// What went wrong within a session.
enum Fault {
    Module(Error),
    NoKey(KeyId),
    Other(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Module(error)
    }
}

// === impl Connection ===

impl Connection {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, open: None }
    }

    pub(super) fn check(&mut self) -> Result<(), HardwareTokenError> {
        self.with("open a session", |_| Ok(()))
    }

    pub(super) fn holds(&mut self, id: KeyId) -> Result<(), HardwareTokenError> {
        self.with("look for a key", |open| open.private_key(id).map(drop))
    }

    pub(super) fn sign(
        &mut self,
        id: KeyId,
        algorithm: Algorithm,
        digest: &[u8; 32],
    ) -> Result<Vec<u8>, HardwareTokenError> {
        self.with("sign", |open| {
            let key = open.private_key(id)?;
            Ok(sign(&open.session, key, algorithm, digest)?)
        })
    }

    pub(super) fn make(&mut self, kind: SigningKeyKind, now: Timestamp) -> Result<Certificate, HardwareTokenError> {
        self.with("make a key", |open| open.make(kind, now))
    }

    pub(super) fn destroy(&mut self, ids: &[KeyId]) -> Result<usize, HardwareTokenError> {
        self.with("destroy a key", |open| {
            let mut destroyed = 0;
            for id in ids {
                open.keys.remove(id);
                destroyed += destroy(&open.session, &id.0)?;
            }
            Ok(destroyed)
        })
    }

    /// Does something in a session. Where the session, or what it knew, is gone, it is done
    /// once more in a new one.
    fn with<T>(
        &mut self,
        what: &'static str,
        mut work: impl FnMut(&mut Open) -> Result<T, Fault>,
    ) -> Result<T, HardwareTokenError> {
        let mut again = true;
        loop {
            let open = match &mut self.open {
                Some(open) => open,
                none => none.insert(self.shared.open()?),
            };
            match work(open) {
                Ok(done) => return Ok(done),
                Err(Fault::Module(error)) if again && is_stale(&error) => {
                    tracing::warn!(%error, "the session with the PKCS#11 token is opened anew");
                    (self.open, again) = (None, false);
                }
                Err(Fault::NoKey(id)) => {
                    let label = self.shared.settings.label.clone();
                    return Err(HardwareTokenError::NoKey { label, id: id.to_string() });
                }
                Err(Fault::Other(why)) => return Err(self.shared.failed(what, &why)),
                Err(Fault::Module(error)) => {
                    // Whatever it was, the next one begins afresh.
                    self.open = None;
                    return Err(self.shared.failed(what, &error));
                }
            }
        }
    }
}

/// Whether a new session may mend it.
fn is_stale(error: &Error) -> bool {
    let Error::Pkcs11(reason, _) = error else { return false };
    matches!(
        reason,
        RvError::DeviceError
            | RvError::DeviceRemoved
            | RvError::KeyHandleInvalid
            | RvError::ObjectHandleInvalid
            | RvError::SessionClosed
            | RvError::SessionHandleInvalid
            | RvError::TokenNotPresent
            | RvError::UserNotLoggedIn
    )
}

// === impl Shared ===

impl Shared {
    fn open(&self) -> Result<Open, HardwareTokenError> {
        let settings = &self.settings;
        self.check_pin()?;
        let unusable = |error: Error| HardwareTokenError::Module {
            module: settings.module.clone(),
            why: match error {
                // Its own text names the system's.
                Error::LibraryLoading(why) => why.to_string(),
                other => other.to_string(),
            },
        };
        let module = module(&settings.module).map_err(unusable)?;
        let slot = self.slot(&module, unusable)?;
        let session = module.open_rw_session(slot).map_err(|error| self.failed("open a session", &error))?;
        self.log_in(&session)?;
        Ok(Open { session, keys: HashMap::new() })
    }

    fn slot(
        &self,
        module: &Pkcs11,
        unusable: impl Fn(Error) -> HardwareTokenError,
    ) -> Result<Slot, HardwareTokenError> {
        let wanted = &self.settings.label;
        let (mut found, mut seen) = (Vec::new(), Vec::new());
        for slot in module.get_slots_with_initialized_token().map_err(unusable)? {
            // A token that was taken out in between is none.
            let Ok(info) = module.get_token_info(slot) else { continue };
            let label = info.label().trim_end();
            if label == wanted {
                found.push(slot);
            }
            seen.push(label.to_owned());
        }
        match found.as_slice() {
            [only] => Ok(*only),
            others => Err(HardwareTokenError::Label {
                module: self.settings.module.clone(),
                label: wanted.clone(),
                found: others.len(),
                seen,
            }),
        }
    }

    fn check_pin(&self) -> Result<(), HardwareTokenError> {
        if self.pin_refused.load(Ordering::Relaxed) {
            let label = self.settings.label.clone();
            return Err(HardwareTokenError::Pin { label, why: "it was refused before".to_owned() });
        }
        Ok(())
    }

    /// A process is logged in once for all of its sessions.
    fn log_in(&self, session: &Session) -> Result<(), HardwareTokenError> {
        let _one = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_pin()?;
        match session.login(UserType::User, Some(&self.settings.pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(Error::Pkcs11(
                reason @ (RvError::PinExpired
                | RvError::PinIncorrect
                | RvError::PinInvalid
                | RvError::PinLenRange
                | RvError::PinLocked
                | RvError::UserPinNotInitialized),
                _,
            )) => {
                self.pin_refused.store(true, Ordering::Relaxed);
                Err(HardwareTokenError::Pin { label: self.settings.label.clone(), why: refusal(reason).to_owned() })
            }
            Err(error) => Err(self.failed("let the user log in", &error)),
        }
    }
}

fn refusal(reason: RvError) -> &'static str {
    match reason {
        RvError::PinExpired => "it has expired",
        RvError::PinLocked => "it is locked after too many wrong ones",
        RvError::UserPinNotInitialized => "none was ever set for the user",
        _ => "it is not the user's",
    }
}

/// The module, loaded and initialised once for the whole process, as PKCS#11 wants it
/// (§5.4, `C_Initialize`), and never unloaded.
fn module(path: &Path) -> Result<Pkcs11, Error> {
    static MODULES: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());
    let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(module) = modules.get(path) {
        return Ok(module.clone());
    }
    let module = Pkcs11::new(path)?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(error),
    }
    modules.insert(path.to_owned(), module.clone());
    Ok(module)
}

// === impl Open ===

impl Open {
    fn private_key(&mut self, id: KeyId) -> Result<ObjectHandle, Fault> {
        if let Some(handle) = self.keys.get(&id) {
            return Ok(*handle);
        }
        let wanted = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Token(true), Attribute::Id(id.0.to_vec())];
        let handle = self.session.find_objects(&wanted)?.first().copied().ok_or(Fault::NoKey(id))?;
        self.keys.insert(id, handle);
        Ok(handle)
    }

    fn make(&mut self, kind: SigningKeyKind, now: Timestamp) -> Result<Certificate, Fault> {
        // Its name follows from its certificate, which is made with it: until then another.
        let temporary = Uuid::new_v4().as_bytes().to_vec();
        let made = self.make_as(kind, &temporary, now);
        if made.is_err() {
            // What was made is of no use to anybody.
            let _ = destroy(&self.session, &temporary);
        }
        made
    }

    fn make_as(&mut self, kind: SigningKeyKind, temporary: &[u8], now: Timestamp) -> Result<Certificate, Fault> {
        let session = &self.session;
        let common = [
            Attribute::Token(true),
            Attribute::Id(temporary.to_vec()),
            Attribute::Label(CERTIFICATE_NAME.as_bytes().to_vec()),
        ];
        let mut public = vec![Attribute::Private(false), Attribute::Verify(true)];
        let (mechanism, algorithm) = match kind {
            SigningKeyKind::P256 => {
                public.push(Attribute::EcParams(PRIME256V1.to_vec()));
                (Mechanism::EccKeyPairGen, Algorithm::Es256)
            }
            SigningKeyKind::Rsa => {
                let bits = u32::try_from(KEY_BITS).map_err(|error| Fault::Other(error.to_string()))?;
                public.push(Attribute::ModulusBits(u64::from(bits).into()));
                public.push(Attribute::PublicExponent(vec![1, 0, 1]));
                (Mechanism::RsaPkcsKeyPairGen, Algorithm::Rs256)
            }
        };
        public.extend(common.iter().cloned());
        let mut private = vec![
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
        ];
        private.extend(common);
        let (public, private) = session.generate_key_pair(&mechanism, &public, &private)?;
        check_kept(session, private)?;
        let half = match kind {
            SigningKeyKind::P256 => p256_half(session, public)?,
            SigningKeyKind::Rsa => rsa_half(session, public)?,
        };
        let sign = |message: &[u8]| sign(session, private, algorithm, &sha256(message));
        let certificate = issue::self_signed_elsewhere(&half, sign, CERTIFICATE_NAME, &[], now, CERTIFICATE_LIFETIME)
            .map_err(|error| Fault::Other(error.to_string()))?;
        let id = KeyId::from_thumbprint(certificate.thumbprint())
            .ok_or_else(|| Fault::Other("the certificate has no thumbprint".to_owned()))?;
        // The private key last: until it has its name, the key is found by the other one.
        for handle in [public, private] {
            session.update_attributes(handle, &[Attribute::Id(id.0.to_vec())])?;
        }
        Ok(certificate)
    }
}

/// A module that lets a key out, whatever was asked for, is no place for it.
fn check_kept(session: &Session, private: ObjectHandle) -> Result<(), Fault> {
    let asked = [AttributeType::Sensitive, AttributeType::Extractable];
    let kept = session.get_attributes(private, &asked)?;
    if kept.contains(&Attribute::Sensitive(true)) && kept.contains(&Attribute::Extractable(false)) {
        Ok(())
    } else {
        Err(Fault::Other("it would let the private key out".to_owned()))
    }
}

fn rsa_half(session: &Session, public: ObjectHandle) -> Result<PublicHalf, Fault> {
    let (mut modulus, mut exponent) = (Vec::new(), Vec::new());
    for attribute in session.get_attributes(public, &[AttributeType::Modulus, AttributeType::PublicExponent])? {
        match attribute {
            Attribute::Modulus(bytes) => modulus = bytes,
            Attribute::PublicExponent(bytes) => exponent = bytes,
            _ => {}
        }
    }
    PublicHalf::rsa(&modulus, &exponent).map_err(|error| Fault::Other(error.to_string()))
}

fn p256_half(session: &Session, public: ObjectHandle) -> Result<PublicHalf, Fault> {
    let point = session
        .get_attributes(public, &[AttributeType::EcPoint])?
        .into_iter()
        .find_map(|attribute| if let Attribute::EcPoint(bytes) = attribute { Some(bytes) } else { None });
    let point = point.unwrap_or_default();
    // The standard wraps it in an OCTET STRING (PKCS#11 mechanisms §2.3.3); some modules do not.
    let bare = point.strip_prefix(&[0x04, 0x41]).filter(|bare| bare.len() == 65).unwrap_or(&point);
    PublicHalf::p256(bare).map_err(|error| Fault::Other(error.to_string()))
}

/// Signs a digest. Every token signs what is hashed already; not every one hashes.
fn sign(session: &Session, key: ObjectHandle, algorithm: Algorithm, digest: &[u8; 32]) -> Result<Vec<u8>, Error> {
    match algorithm {
        Algorithm::Es256 => session.sign(&Mechanism::Ecdsa, key, digest),
        _ => session.sign(&Mechanism::RsaPkcs, key, &[DIGEST_INFO_SHA256, digest].concat()),
    }
}

/// Destroys both halves of the keys with this id; says whether there were any.
fn destroy(session: &Session, id: &[u8]) -> Result<usize, Error> {
    let mut found = 0;
    for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
        let wanted = [Attribute::Class(class), Attribute::Token(true), Attribute::Id(id.to_vec())];
        for handle in session.find_objects(&wanted)? {
            session.destroy_object(handle)?;
            found = 1;
        }
    }
    Ok(found)
}

/// OID of P-256 in DER (RFC 5480 §2.1.1.1).
const PRIME256V1: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// What stands before a SHA-256 digest that RSASSA-PKCS1-v1_5 signs (RFC 8017 §9.2).
const DIGEST_INFO_SHA256: &[u8] =
    &[0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];
