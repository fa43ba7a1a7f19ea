//! The frozen test vector: a certificate whose private key is destroyed, an actor token
//! signed with it, and the act-as token around it.

use actas_token::{
    Issuer, IssuerKeys, KeySource, Limits, Partner, RealmRule, Resource, TenantId, Trust, TrustLevel, VerifyingKey,
    Voice, well_known,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};

pub const TENANT: &str = "11112222-3333-4444-5555-666677778888";
pub const USER: &str = "adele@fabrikam.example";
/// The clock of the vector.
pub const NOW: i64 = 1_700_000_600;
pub const ACT_AS_SHA256: &str = "8e799753c8766974a8950bb00da2f780c612732f520be5ec11542b2119641e65";

pub const CERTIFICATE: &str = concat!(
    "MIIDBDCCAeygAwIBAgIBATANBgkqhkiG9w0BAQsFADAaMRgwFgYDVQQDDA9zMnMtdGVzdC12ZWN0b3IwIBcNMjYxMTIzMjAyMjM2",
    "WhgPMjEyNjEwMzAyMDIyMzZaMBoxGDAWBgNVBAMMD3Mycy10ZXN0LXZlY3RvcjCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoC",
    "ggEBAKfG0N5ewH4vOwJKaIQaL/BvxyRjL6+pKFIIoLPlXkmRtxORxfwcGIN6fMDHynbqZ2or1GznOjpN6y7+4aoIq492s6HkLQkb",
    "Tf8k2XImt57sNHqAGORd9wDBhu4p5q76clX1c8BMT/aQbyiUWY3wtHn1Mr4V5qjve/w0/OgmF6XW4TW91gUTeENslYvIfos7qDeT",
    "S31CVo0QqFKHp256DU6J0aM0DHY3oJJAQVYWLak855yPFo/IP108eJB5M00VmI6nqKxfk2DbB5GZFHaIlQKb1lkiecvBbKNbqJGY",
    "e6hOqdx/bJ5aMC92TCoTbW348or1BXji+iY+0gdNi415f7cCAwEAAaNTMFEwHQYDVR0OBBYEFFAgPC0oFAuVwOc7/6OpQY7g4wcO",
    "MB8GA1UdIwQYMBaAFFAgPC0oFAuVwOc7/6OpQY7g4wcOMA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADggEBAJ3aFElt",
    "/19dV5ELgkU3sJPQZppO1YtgT5hs21USkKV88MRNc62N+2qxWl0k/RXt5CFVwQK0lRL1Tetko4iUjPET44bXqWBiHgq+dwtU7vit",
    "tD5EPEeeurQH1ubqiR8GlE/vaRF0EK2UokLJmCWZCxM9CloHQS7XqTe/JGiQH0S6xH/C82UYgYqITFfIcoptzTVfdjz7hQf4/r3W",
    "YtX/GpAkXSO0+q8MD8UL16cui3lFG3ZwehmkkNFHMIMqOUKpr/ahKfQJaNOj/Xo8/5iyPtudn6gFhQJEYZcBTfNm2rT0LHPD9Y7H",
    "jkxUhz4qSof2vP2IsyNTLfZM0Gc2BeFqng4=",
);

pub const ACTOR: &str = concat!(
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiIsIng1dCI6IkdxVzhMNk43NkhwTU41RkNTa0gzRFlxbThKTSJ9.eyJhdWQiOiIwMDA",
    "wMDAwMi0wMDAwLTBmZjEtY2UwMC0wMDAwMDAwMDAwMDAvbWFpbC5mYWJyaWthbS5leGFtcGxlQDExMTEyMjIyLTMzMzMtNDQ0NC0",
    "1NTU1LTY2NjY3Nzc3ODg4OCIsImlzcyI6IjAwMDAwMDAxLTAwMDAtMDAwMC1jMDAwLTAwMDAwMDAwMDAwMEAxMTExMjIyMi0zMzM",
    "zLTQ0NDQtNTU1NS02NjY2Nzc3Nzg4ODgiLCJuYmYiOiIxNzAwMDAwMDAwIiwiZXhwIjoiMTcwMDA4NjcwMCIsIm5hbWVpZCI6IjA",
    "wMDAwMDA0LTAwMDAtMGZmMS1jZTAwLTAwMDAwMDAwMDAwMEAxMTExMjIyMi0zMzMzLTQ0NDQtNTU1NS02NjY2Nzc3Nzg4ODgiLCJ",
    "0cnVzdGVkZm9yZGVsZWdhdGlvbiI6InRydWUifQ.hhZsT-NsFS0JbFdA2zjpcHuLY8aBWHZWshk6Zs6IIUv5HpOqnqE5ZuHrgaRg",
    "dnBbFss3owVxZwDS9NYgjFdpYlWYz5RngTBjFkEl-isjqx-MouXSwPlrsdM5ayxKexJaWvaFHDnK8D76XREWnnxNwa82-Hhyu-Io",
    "FVTfUgBPfJ6Y-wyRkzQRBZWLDK-o-vzvVDR35pku6gkHGJLPyebkA6T670j8yaK8gJfR7C1839GTFCR0hqbnSmW-FUIPIMmGCkkM",
    "QH7ATaKBvd3TGNXUd6w1hVo1cp9x-7U594C5RAMqJsChAVFkE74wYLigOtXZEq0mvsndWKwj2NYeU-QbLg",
);

/// The payload of the act-as token, members in order, without white space.
pub fn act_as_payload() -> String {
    format!(
        concat!(
            r#"{{"aud":"00000002-0000-0ff1-ce00-000000000000/mail.fabrikam.example@{tenant}","#,
            r#""iss":"00000004-0000-0ff1-ce00-000000000000@{tenant}","nbf":"1700000300","exp":"1700029100","#,
            r#""nameid":"{user}","nii":"urn:office:idp:activedirectory","upn":"{user}","smtp":"{user}","sip":"{user}","#,
            r#""actortoken":"{actor}"}}"#
        ),
        tenant = TENANT,
        user = USER,
        actor = ACTOR,
    )
}

pub fn unsigned(payload: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"none"}"#);
    format!("{header}.{}.", URL_SAFE_NO_PAD.encode(payload))
}

pub fn act_as() -> String {
    unsigned(&act_as_payload())
}

pub fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

pub fn key() -> VerifyingKey {
    VerifyingKey::from_certificate(&STANDARD.decode(CERTIFICATE).unwrap()).unwrap()
}

pub fn tenant() -> TenantId {
    TENANT.parse().unwrap()
}

pub fn resource() -> Resource {
    Resource { app_id: well_known::EXCHANGE, hosts: vec!["mail.fabrikam.example".into()], app_role: None, port: None }
}

pub fn partner() -> Partner {
    Partner {
        tenant: tenant(),
        app_id: well_known::LYNC,
        enabled: true,
        trust_level: TrustLevel::Full,
        key_source: KeySource::TokenService,
        act_as: true,
        sts_issued_act_as: true,
        accept_sids: false,
        linked_account: Some("lync-application".into()),
    }
}

pub fn trust() -> Trust {
    Trust {
        issuers: vec![IssuerKeys {
            issuer: Issuer::Principal(well_known::STS, RealmRule::Exactly(TENANT.into())),
            voice: Voice::TokenService,
            keys: vec![key()].into(),
        }],
        partners: vec![partner()],
        realms: [(TENANT.to_owned(), tenant())].into(),
    }
}

/// The maxima under which the vector is accepted: a day, and eight hours.
pub fn generous() -> Limits {
    Limits {
        actor_lifetime_max: SignedDuration::from_hours(24),
        act_as_lifetime_max: SignedDuration::from_hours(8),
        ..Limits::default()
    }
}
