//! The directory over Graph's REST shapes: a request as text, sent with a token that may do
//! everything in its tenant.

#![no_main]

use std::cell::RefCell;

use actas_fuzz::cloud::{CANARY, Cloud};
use actas_fuzz::request::{Answer, Text};
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::Value;

thread_local! {
    static CLOUD: RefCell<Cloud> = RefCell::new(Cloud::with_token());
}

fuzz_target!(|text: &str| -> Corpus {
    let Some(request) = Text::read(text).filter(|request| request.target.starts_with("/v1.0")) else {
        return Corpus::Reject;
    };
    CLOUD.with_borrow_mut(|cloud| {
        let Some(mut built) = request.build(str::to_owned) else { return Corpus::Reject };
        let header = format!("Bearer {}", cloud.token).parse().expect("a token is a header");
        built.headers_mut().entry(AUTHORIZATION).or_insert(header);
        let answer = cloud.send(built);
        check(text, &answer);
        if answer.status.is_success() && request.method != Method::GET {
            *cloud = Cloud::with_token();
        }
        Corpus::Keep
    })
});

fn check(request: &str, answer: &Answer) {
    let Answer { status, headers, text } = answer;
    assert!(!status.is_server_error(), "{status}: {text}");
    assert!(!text.contains(CANARY) || request.contains(CANARY), "the other tenant's: {text}");
    if text.is_empty() {
        return;
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.starts_with("text/plain") {
        assert!(text.parse::<u64>().is_ok(), "{text}");
        return;
    }
    let body: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let error = &body["error"];
    assert_eq!(status.is_success(), error.is_null(), "{status}: {text}");
    assert!(error.is_null() || error["code"].is_string() && error["message"].is_string(), "{text}");
}
