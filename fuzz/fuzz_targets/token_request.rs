//! The token service's endpoints: a request as text, in which `@client@` and `@s2s@` are good
//! assertions and `@token@` is a token.

#![no_main]

use std::cell::RefCell;

use actas_fuzz::cloud::{CANARY, Cloud, client_assertion, s2s_assertion};
use actas_fuzz::request::Text;
use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::Value;

struct Service {
    cloud: Cloud,
    client: String,
    s2s: String,
}

impl Service {
    fn new() -> Self {
        Self { cloud: Cloud::with_token(), client: client_assertion(), s2s: s2s_assertion() }
    }
}

thread_local! {
    static SERVICE: RefCell<Service> = RefCell::new(Service::new());
}

fuzz_target!(|text: &str| -> Corpus {
    let Some(request) = Text::read(text).filter(|request| !request.target.starts_with("/v1.0")) else {
        return Corpus::Reject;
    };
    SERVICE.with_borrow_mut(|service| {
        let fill = |text: &str| {
            text.replace("@client@", &service.client)
                .replace("@s2s@", &service.s2s)
                .replace("@token@", &service.cloud.token)
        };
        let Some(built) = request.build(fill) else { return Corpus::Reject };
        let answer = service.cloud.send(built);
        assert!(!answer.status.is_server_error(), "{}: {}", answer.status, answer.text);
        assert!(!answer.text.contains(CANARY) || text.contains(CANARY), "the other tenant's: {}", answer.text);
        let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        if body.get("access_token").is_some() {
            assert!(answer.status.is_success());
            assert!(["@client@", "@s2s@"].iter().any(|known| text.contains(known)), "a token for nothing");
            assert_eq!(answer.headers.get("cache-control").map(|value| value.as_bytes()), Some(&b"no-store"[..]));
            // An assertion that was used is used up.
            *service = Service::new();
        }
        Corpus::Keep
    })
});
