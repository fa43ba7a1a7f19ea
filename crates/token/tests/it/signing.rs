//! Keys made for a test.

use std::sync::Arc;

use actas_token::{Issuer, IssuerKeys, Principal, RealmRule, SigningKey, TenantId, VerifyingKey, Voice, issue};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use serde_json::Value;
use uuid::Uuid;

use crate::vector;

/// A key with a certificate.
pub struct Signer {
    pub key: SigningKey,
    pub certificate: Vec<u8>,
    pkcs8: Vec<u8>,
}

impl Signer {
    pub fn new(name: &str) -> Self {
        Self::with(name, &rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap())
    }

    /// On the curve of ES256.
    pub fn p256(name: &str) -> Self {
        Self::with(name, &rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap())
    }

    fn with(name: &str, pair: &rcgen::KeyPair) -> Self {
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
        let certificate = parameters.self_signed(pair).unwrap().der().to_vec();
        let pkcs8 = pair.serialize_der();
        Self { key: SigningKey::new(&pkcs8, &certificate).unwrap(), certificate, pkcs8 }
    }

    /// Any header and claims, by a key on P-256: what no function of ours would sign.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", encoded(header), encoded(claims));
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.pkcs8).unwrap();
        let signature = pair.sign(&SystemRandom::new(), input.as_bytes()).unwrap();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Any header and payload to the letter, by an RSA key: members twice, white space, and
    /// whatever else a signer may be made to sign.
    pub fn sign_text(&self, header: &str, payload: &str) -> String {
        self.sign_bytes(header.as_bytes(), payload.as_bytes())
    }

    /// The same, of what may be no text.
    pub fn sign_bytes(&self, header: &[u8], payload: &[u8]) -> String {
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let pair = RsaKeyPair::from_pkcs8(&self.pkcs8).unwrap();
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input.as_bytes(), &mut signature).unwrap();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    pub fn verifying(&self) -> VerifyingKey {
        VerifyingKey::from_certificate(&self.certificate).unwrap()
    }

    pub fn as_partner(&self, app_id: Uuid, tenant: TenantId, realm: &str) -> IssuerKeys {
        IssuerKeys {
            issuer: Issuer::Principal(app_id, RealmRule::Exactly(realm.into())),
            voice: Voice::Partner(tenant),
            keys: Arc::from([self.verifying()]),
        }
    }

    /// An actor token at the vector's time and for its resource.
    pub fn actor(
        &self,
        issuer: Uuid,
        realm: &str,
        caller: Uuid,
        change: impl FnOnce(&mut issue::ActorToken<'_>),
    ) -> String {
        let audience = format!("{}/mail.fabrikam.example@{realm}", actas_token::well_known::EXCHANGE);
        let issuer = Principal::in_realm(issuer, realm);
        let caller = Principal::in_realm(caller, realm);
        let mut token = issue::ActorToken {
            audience: &audience,
            issuer: &issuer,
            caller: &caller,
            object_id: None,
            trusted_for_delegation: true,
            lifetime: SignedDuration::from_hours(1),
            confirmation: None,
        };
        change(&mut token);
        issue::actor_token(&self.key, &token, vector::now()).unwrap()
    }
}
