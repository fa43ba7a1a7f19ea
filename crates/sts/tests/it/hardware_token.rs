//! Signing keys in a PKCS#11 token: SoftHSM, which behaves as a device does.
//!
//! The module reads its configuration from the environment of the process, so each test
//! runs in a process of its own: the test binary again, with that one test.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use actas_store::sts::{KeyState, SigningKeys};
use actas_sts::{
    HardwareToken, HardwareTokenError, HardwareTokenSettings, KeyPlace, KeyRing, KeyRingError, Policy, SigningKeyKind,
    Sts,
};
use actas_testkit::{SoftHsm, run};
use actas_token::jws::{Algorithm, Compact, Reading, SignedBy};
use cryptoki::context::Pkcs11;
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use jiff::SignedDuration;
use secrecy::SecretString;

use crate::cloud::{Cloud, ORIGIN};
use crate::keys::kid;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DEADLINE: Duration = Duration::from_mins(1);
const LABEL: &str = "actas keys";
const PIN: &str = "481516";
const MODULE: &str = "ACTAS_TEST_PKCS11_MODULE";

/// Runs a test in a process that has a token; `test` is its path in this binary.
fn in_a_process_with_a_token(test: &str, body: impl AsyncFnOnce(&Path)) {
    if let Some(module) = std::env::var_os(MODULE) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(body(Path::new(&module)));
    }
    let hsm = SoftHsm::with_token(LABEL, PIN);
    hsm.add_token("another", PIN);
    let (name, value) = hsm.variable();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(name, value).env(MODULE, hsm.module());
    let finished = run(&mut command, DEADLINE);
    assert!(finished.code == Some(0) && finished.stdout.contains("1 passed"), "{finished}");
}

fn settings(module: &Path) -> HardwareTokenSettings {
    HardwareTokenSettings { module: module.to_owned(), label: LABEL.to_owned(), pin: SecretString::from(PIN) }
}

async fn place(module: &Path, folder: &Path) -> KeyPlace {
    KeyPlace::from(folder).with_token(HardwareToken::open(settings(module)).await.unwrap())
}

async fn cloud(module: &Path, kind: SigningKeyKind) -> Cloud {
    let policy = Policy { allow_secrets: true, signing_key_kind: kind, ..Policy::default() };
    Cloud::with_keys(policy, async |folder| place(module, folder).await).await
}

/// The same service started again.
async fn restarted(cloud: Cloud, place: KeyPlace) -> Cloud {
    let store = SigningKeys::new(cloud.database.clone());
    let ring = KeyRing::load_or_make(&store, place, SigningKeyKind::Rsa, cloud.now()).await.unwrap();
    let policy = Policy { allow_secrets: true, ..Policy::default() };
    let sts = Sts::new(cloud.directory.clone(), ring, vec![ORIGIN.parse().unwrap()], policy, cloud.clock.clone());
    Cloud { router: sts.router(), sts, ..cloud }
}

/// The private keys on the token by id, as the vendor's tools see them. The process is
/// logged in already.
fn private_keys(module: &Path) -> Vec<String> {
    let (session, keys) = session(module);
    let id = |key| match session.get_attributes(key, &[AttributeType::Id]).unwrap().remove(0) {
        Attribute::Id(id) => hex(&id),
        other => panic!("{other:?}"),
    };
    let mut ids: Vec<String> = keys.into_iter().map(id).collect();
    ids.sort();
    ids
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02X}"))
}

fn session(module: &Path) -> (cryptoki::session::Session, Vec<cryptoki::object::ObjectHandle>) {
    let module = Pkcs11::new(module).unwrap();
    let slots = module.get_slots_with_initialized_token().unwrap();
    let slot = slots.into_iter().find(|slot| module.get_token_info(*slot).unwrap().label() == LABEL).unwrap();
    let session = module.open_ro_session(slot).unwrap();
    let keys = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]).unwrap();
    (session, keys)
}

fn key_files(cloud: &Cloud) -> usize {
    let files = fs::read_dir(cloud.folder.path()).unwrap();
    files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|kind| kind == "key")).count()
}

async fn in_states(cloud: &Cloud, states: &[KeyState]) -> Vec<String> {
    let all = cloud.states().await.into_iter().filter(|(_, state)| states.contains(state));
    let mut thumbprints: Vec<String> = all.map(|(thumbprint, _)| thumbprint).collect();
    thumbprints.sort();
    thumbprints
}

const LIVE: [KeyState; 3] = [KeyState::Current, KeyState::Next, KeyState::Previous];

#[test]
fn tokens_are_signed_by_keys_that_never_leave_it() {
    in_a_process_with_a_token("hardware_token::tokens_are_signed_by_keys_that_never_leave_it", async |module| {
        // Keeps the process logged in, whatever comes and goes below.
        let _open = HardwareToken::open(settings(module)).await.unwrap();
        for (kind, algorithm) in [(SigningKeyKind::Rsa, Algorithm::Rs256), (SigningKeyKind::P256, Algorithm::Es256)] {
            let before = private_keys(module);
            let cloud = cloud(module, kind).await;
            let text = cloud.token().await;
            let token = Compact::parse(&text, Reading::Strict).unwrap();
            assert_eq!(token.header.signed_by, SignedBy::Algorithm(algorithm));
            assert!(cloud.graph_reads(&text).await, "validated against what is published");
            let (head, signature) = text.rsplit_once('.').unwrap();
            let forged = format!("{head}x.{signature}");
            assert!(!cloud.graph_reads(&forged).await);
            assert_eq!(key_files(&cloud), 0, "nothing private is on disk");

            let made: Vec<String> = private_keys(module).into_iter().filter(|id| !before.contains(id)).collect();
            assert_eq!(made, in_states(&cloud, &LIVE).await, "named as their certificates");
        }
        let (session, keys) = session(module);
        assert_eq!(keys.len(), 4);
        let (secret, public) = (
            [AttributeType::PrivateExponent, AttributeType::Prime1, AttributeType::Value],
            [AttributeType::Sensitive, AttributeType::Extractable, AttributeType::NeverExtractable],
        );
        for key in keys {
            for attribute in secret {
                let told = session.get_attributes(key, &[attribute]).unwrap_or_default();
                assert!(told.is_empty(), "{told:?}");
            }
            assert_eq!(
                session.get_attributes(key, &public).unwrap(),
                [Attribute::Sensitive(true), Attribute::Extractable(false), Attribute::NeverExtractable(true)]
            );
        }
    });
}

#[test]
fn a_restart_and_every_roll_are_as_with_files() {
    in_a_process_with_a_token("hardware_token::a_restart_and_every_roll_are_as_with_files", async |module| {
        let cloud = cloud(module, SigningKeyKind::Rsa).await;
        let published = cloud.published().await;
        let place = place(module, cloud.folder.path()).await;
        let cloud = restarted(cloud, place).await;
        assert_eq!(cloud.published().await, published, "the same keys");
        assert_eq!(kid(&cloud.token().await), published[0]);

        // A token of the last moment: the secret of this cloud lives for a day.
        cloud.clock.advance(HOUR * 24 - SignedDuration::from_secs(1));
        let old = cloud.token().await;
        cloud.clock.advance(SignedDuration::from_secs(1));
        let rolled = cloud.sts.rotate_signing_key(cloud.now()).await.unwrap().unwrap();
        assert!(rolled.changed_signer && rolled.retired.is_empty());
        assert_eq!(cloud.published().await[0], published[1], "what was next signs");
        assert!(cloud.graph_reads(&old).await, "previous verifies");
        assert_eq!(private_keys(module).len(), 3);

        cloud.clock.advance(HOUR * 26);
        let rolled = cloud.sts.maintain(cloud.now()).await.unwrap().unwrap();
        assert_eq!(rolled.retired.len(), 1);
        assert_eq!(private_keys(module), in_states(&cloud, &LIVE).await, "the retired one is destroyed");

        let stolen = cloud.published().await;
        cloud.sts.replace_stolen_signing_key(cloud.now()).await.unwrap().unwrap();
        assert!(!cloud.published().await.contains(&stolen[0]));
        assert_eq!(cloud.published().await[0], stolen[1]);
        cloud.sts.replace_all_signing_keys(cloud.now()).await.unwrap().unwrap();
        let all_new = cloud.published().await;
        assert!(all_new.len() == 2 && all_new.iter().all(|key| !stolen.contains(key)));
        assert_eq!(private_keys(module), in_states(&cloud, &LIVE).await);
        assert_eq!(key_files(&cloud), 0);
    });
}

/// Another process withdrew the key: this one must not go on with a key that is gone.
#[test]
fn a_key_that_another_process_destroyed_is_followed_at_once() {
    in_a_process_with_a_token(
        "hardware_token::a_key_that_another_process_destroyed_is_followed_at_once",
        async |module| {
            let cloud = cloud(module, SigningKeyKind::P256).await;
            let before = kid(&cloud.token().await);
            let store = SigningKeys::new(cloud.database.clone());
            let ring = KeyRing::load_to_roll(&store, place(module, cloud.folder.path()).await).await.unwrap();
            let origins = vec![ORIGIN.parse().unwrap()];
            let policy = Policy { signing_key_kind: SigningKeyKind::P256, ..Policy::default() };
            let other = Sts::new(cloud.directory.clone(), ring, origins, policy, cloud.clock.clone());
            other.replace_all_signing_keys(cloud.now()).await.unwrap();
            let after = cloud.token().await;
            assert_ne!(kid(&after), before);
            assert!(cloud.graph_reads(&after).await);
            assert!(!cloud.sts.follow_signing_keys().await.unwrap(), "nothing is left to follow");
        },
    );
}

#[test]
fn keys_move_from_files_to_a_token_by_rolling() {
    in_a_process_with_a_token("hardware_token::keys_move_from_files_to_a_token_by_rolling", async |module| {
        let cloud = Cloud::start().await;
        assert_eq!(key_files(&cloud), 2);
        let published = cloud.published().await;
        let place = place(module, cloud.folder.path()).await;
        let cloud = restarted(cloud, place).await;
        assert_eq!(kid(&cloud.token().await), published[0], "the file signs on");
        cloud.sts.replace_all_signing_keys(cloud.now()).await.unwrap();
        assert_eq!(key_files(&cloud), 0, "no private key stays on disk");
        assert_eq!(private_keys(module), in_states(&cloud, &LIVE).await);
        assert!(cloud.graph_reads(&cloud.token().await).await);

        let store = SigningKeys::new(cloud.database.clone());
        let without = KeyRing::load_or_make(&store, cloud.folder.path(), SigningKeyKind::Rsa, cloud.now()).await;
        let without = without.unwrap_err();
        assert!(matches!(without, KeyRingError::Nowhere { .. }), "{without}");
        assert!(without.hint().unwrap().contains("[cloud.signing_keys]"));
    });
}

#[test]
fn what_is_wrong_with_a_token_is_said() {
    in_a_process_with_a_token("hardware_token::what_is_wrong_with_a_token_is_said", async |module| {
        let open = async |change: fn(&mut HardwareTokenSettings)| {
            let mut wrong = settings(module);
            change(&mut wrong);
            HardwareToken::open(wrong).await
        };
        let error = open(|settings| settings.module = "/nowhere/libp11.so".into()).await.unwrap_err();
        assert!(matches!(error, HardwareTokenError::Module { .. }), "{error}");
        assert!(error.to_string().contains("/nowhere/libp11.so"), "{error}");
        let error = open(|settings| settings.module = std::env::current_exe().unwrap()).await.unwrap_err();
        assert!(matches!(error, HardwareTokenError::Module { .. }), "{error}");
        let error = open(|settings| settings.label = "actas".to_owned()).await.unwrap_err();
        assert!(error.to_string().contains("no token with the label `actas`"), "{error}");
        assert!(error.to_string().contains("`actas keys`") && error.to_string().contains("`another`"), "{error}");
        let error = open(|settings| settings.pin = SecretString::from("0000")).await.unwrap_err();
        assert!(error.to_string().contains("`actas keys` refuses the PIN: it is not the user's"), "{error}");
        assert!(!format!("{error} {error:?}").contains("0000"), "{error}");
        let token = open(|_| ()).await.unwrap();

        // A key of the table that is not there, such as when the token is another one.
        let cloud = Cloud::start().await;
        let store = SigningKeys::new(cloud.database.clone());
        for record in store.all().await.unwrap() {
            fs::remove_file(cloud.folder.path().join(format!("{}.key", record.thumbprint))).unwrap();
        }
        let empty = KeyPlace::from(cloud.folder.path()).with_token(token);
        let ring = KeyRing::load_or_make(&store, empty.clone(), SigningKeyKind::Rsa, cloud.now()).await;
        let error = ring.unwrap_err();
        assert!(matches!(error, KeyRingError::Token(HardwareTokenError::NoKey { .. })), "{error}");
        assert!(error.hint().unwrap().contains("signing-keys replace --with-next"));

        // What the hint says helps, and nothing else does.
        let ring = KeyRing::load_to_roll(&store, empty.clone()).await.unwrap();
        let origins = vec![ORIGIN.parse().unwrap()];
        let other = Sts::new(cloud.directory.clone(), ring, origins, Policy::default(), cloud.clock.clone());
        let before = cloud.states().await;
        let error = other.replace_stolen_signing_key(cloud.now()).await.unwrap_err();
        assert!(matches!(error, KeyRingError::Token(HardwareTokenError::NoKey { .. })), "{error}");
        assert_eq!(cloud.states().await, before, "a key that is lost does not become current");
        other.replace_all_signing_keys(cloud.now()).await.unwrap();
        let cloud = restarted(cloud, empty).await;
        assert!(cloud.graph_reads(&cloud.token().await).await);
    });
}
