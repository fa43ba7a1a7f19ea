//! Project Wycheproof's signatures against our own path of verification: keys as we
//! parse them, signatures as a JWS carries them.

use actas_token::{Algorithm, PublicKey};
use wycheproof::{TestResult, ecdsa, rsa_pkcs1_verify, rsa_pss_verify};

/// A valid signature must verify and an invalid one must not. Of those that a verifier
/// may take or leave, the counts say that each was tried.
#[derive(Default)]
struct Tally {
    valid: usize,
    invalid: usize,
    acceptable: usize,
}

impl Tally {
    fn check(
        &mut self,
        key: &PublicKey,
        algorithm: Algorithm,
        input: &[u8],
        signature: &[u8],
        test: (usize, TestResult),
    ) {
        let verifies = key.verifies(algorithm, input, signature);
        match test.1 {
            TestResult::Valid => {
                assert!(verifies, "{algorithm:?}: test {} is valid", test.0);
                self.valid += 1;
            }
            TestResult::Invalid => {
                assert!(!verifies, "{algorithm:?}: test {} is invalid", test.0);
                self.invalid += 1;
            }
            TestResult::Acceptable => self.acceptable += 1,
        }
    }
}

#[test]
fn es256() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let mut tally = Tally::default();
    for group in &set.test_groups {
        let key = PublicKey::from_spki_der(&group.der).unwrap();
        for test in &group.tests {
            tally.check(&key, Algorithm::Es256, &test.msg, &test.sig, (test.tc_id, test.result));
        }
    }
    assert_eq!((tally.valid, tally.invalid), (173, 89));
}

/// A signature in DER is no JWS signature, however good it is.
#[test]
fn es256_takes_no_der() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256).unwrap();
    let mut tried = 0;
    for group in &set.test_groups {
        let key = PublicKey::from_spki_der(&group.der).unwrap();
        for test in &group.tests {
            assert!(!key.verifies(Algorithm::Es256, &test.msg, &test.sig), "test {}", test.tc_id);
            tried += 1;
        }
    }
    assert!(tried > 300, "{tried}");
}

#[test]
fn rs256() {
    use rsa_pkcs1_verify::TestName;
    let mut tally = Tally::default();
    for name in [TestName::Rsa2048Sha256, TestName::Rsa3072Sha256, TestName::Rsa4096Sha256, TestName::Rsa8192Sha256] {
        for group in &rsa_pkcs1_verify::TestSet::load(name).unwrap().test_groups {
            let Ok(key) = PublicKey::from_spki_der(&group.der) else {
                panic!("a key of {} bits is refused", group.key_size)
            };
            for test in &group.tests {
                tally.check(&key, Algorithm::Rs256, &test.msg, &test.sig, (test.tc_id, test.result));
            }
        }
    }
    assert!(tally.valid > 20 && tally.invalid > 700, "{} {}", tally.valid, tally.invalid);
}

#[test]
fn ps256() {
    use rsa_pss_verify::TestName;
    let mut tally = Tally::default();
    let sets = [
        TestName::RsaPss2048Sha256Mgf1SaltLen32,
        TestName::RsaPss3072Sha256Mgf1SaltLen32,
        TestName::RsaPss4096Sha256Mgf1SaltLen32,
    ];
    for name in sets {
        for group in &rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki_der(&group.der).unwrap();
            for test in &group.tests {
                tally.check(&key, Algorithm::Ps256, &test.msg, &test.sig, (test.tc_id, test.result));
                assert!(!key.verifies(Algorithm::Es256, &test.msg, &test.sig), "an algorithm of another kind of key");
            }
        }
    }
    assert!(tally.valid > 50 && tally.invalid > 100, "{} {}", tally.valid, tally.invalid);
}

/// PS256 has a salt of 32 bytes and MGF1 with SHA-256 (RFC 7518 §3.5); other parameters
/// are another algorithm.
#[test]
fn ps256_of_other_parameters() {
    use rsa_pss_verify::TestName;
    for name in [TestName::RsaPss2048Sha256Mgf1SaltLen0, TestName::RsaPss2048Sha256Mgf1Sha1_20] {
        for group in &rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let key = PublicKey::from_spki_der(&group.der).unwrap();
            for test in group.tests.iter().filter(|test| test.result == TestResult::Valid) {
                assert!(!key.verifies(Algorithm::Ps256, &test.msg, &test.sig), "test {}", test.tc_id);
            }
        }
    }
}
