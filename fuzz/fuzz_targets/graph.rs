//! The directory over Graph's REST shapes: a request as text, sent with a token that may do
//! everything in its tenant.

#![no_main]

use std::cell::RefCell;

use actas_fuzz::cloud::{CANARY, Cloud};
use actas_fuzz::request::{Answer, Text};
use http::Method;
use http::header::AUTHORIZATION;
use libfuzzer_sys::{Corpus, fuzz_target};

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
    answer.check_graph();
    let text = &answer.text;
    assert!(!text.contains(CANARY) || request.contains(CANARY), "the other tenant's: {text}");
}
