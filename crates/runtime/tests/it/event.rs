use std::collections::BTreeSet;

use actas_runtime::config::IdProfile;
use actas_runtime::event::{
    AutodiscoverFailure, CATALOGUE, CertificateRolled, CredentialChange, DeliveryGivenUp, Level, MemorySink,
    OAuthFailure, RateLimiter, Space, TokenAudit, TrustChange, autodiscover_failed, certificate_rolled,
    credential_published, credential_retired, delivery_given_up, find, flush_completed, flush_started,
    oauth_configured, oauth_failed, source_refused, source_unclaimed, space_critical, space_error, space_flush,
    space_normal, target_recovered, target_unavailable, token_issued, token_refused, trust_settings_changed,
};
use actas_runtime::{Event, EventSink as _};
use jiff::{SignedDuration, Timestamp};

fn now() -> Timestamp {
    "2026-12-01T08:00:00Z".parse().unwrap()
}

/// One of each kind, with everything that can be known.
fn one_of_each() -> Vec<Event> {
    let credential = CredentialChange {
        application: "00000004-0000-0ff1-ce00-000000000000",
        key_id: "8d5ee1ea-0000-4000-8000-000000000001",
        thumbprint: Some("AB12"),
        end_date: now(),
    };
    let audit = TokenAudit {
        tenant: "contoso.example",
        actor: Some("00000004-0000-0ff1-ce00-000000000000"),
        subject: Some("kim@contoso.example"),
        resource: Some("00000002-0000-0ff1-ce00-000000000000/mail.contoso.example"),
        token_hash: Some("3q2-7w"),
        expires: Some(now()),
    };
    let space = Space { used: 9_100, capacity: 10_000 };
    assert_eq!(space.percent(), 91);
    vec![
        oauth_configured(now()),
        autodiscover_failed(
            now(),
            &AutodiscoverFailure {
                web_exception_status: Some("TrustFailure"),
                inner: &[
                    (
                        "Microsoft.Exchange.WebServices.Data.ServiceRequestException",
                        "The request failed. The request was aborted: The request was canceled.",
                    ),
                    ("System.Net.WebException", "The request was aborted: The request was canceled."),
                ],
                ..AutodiscoverFailure::new(
                    "kim@fabrikam.example",
                    "https://autodiscover.fabrikam.example/autodiscover/autodiscover.svc",
                )
            },
        ),
        oauth_failed(
            now(),
            &OAuthFailure::new(
                "https://sts.contoso.example/tokens/OAuth/2",
                "00000002-0000-0ff1-ce00-000000000000/autodiscover.fabrikam.example",
                "The remote server returned an error: (401) Unauthorized.",
            ),
        ),
        space_error(now(), space),
        space_critical(now(), space),
        flush_started(now(), true, "flushed"),
        flush_completed(now(), true, "flushed", 12, 1),
        flush_started(now(), false, "flushed"),
        flush_completed(now(), false, "flushed", 12, 1),
        space_flush(now(), space),
        trust_settings_changed(
            now(),
            &TrustChange {
                command: "Set-CsOAuthServer",
                object: "OAuthServer",
                identity: "microsoft.sts",
                by: Some("admin"),
            },
        ),
        certificate_rolled(now(), &CertificateRolled { thumbprint: "CD34", not_after: now(), previous: Some("AB12") }),
        credential_published(now(), &credential),
        credential_retired(now(), &credential),
        delivery_given_up(
            now(),
            &DeliveryGivenUp {
                item: "8d5ee1ea",
                component: "ConversationHistory",
                mailbox: "kim@fabrikam.example",
                attempts: 12,
                reason: "ErrorAccessDenied",
            },
        ),
        target_unavailable(now(), "mail.contoso.example"),
        target_recovered(now(), "mail.contoso.example"),
        space_normal(now(), space),
        token_refused(now(), &audit, "actor-signature", Some("the key is not known")),
        token_issued(now(), &audit),
        source_unclaimed(now(), "kamailio", "1001, 1002", "unclaimed/kamailio-1.json"),
        source_refused(now(), "spool", "spool/bad/one.json", "the item is not JSON"),
    ]
}

#[test]
fn the_catalogue_is_in_order_and_explains_itself() {
    let ids: Vec<u32> = CATALOGUE.iter().map(|entry| entry.id).collect();
    assert!(ids.is_sorted());
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    let names: BTreeSet<&str> = CATALOGUE.iter().map(|entry| entry.name).collect();
    assert_eq!(names.len(), CATALOGUE.len());
    for entry in CATALOGUE {
        assert!(entry.remedy.len() > 40 && !entry.remedy.contains("  "), "{}", entry.name);
        assert!(!entry.text.contains("  "), "{}", entry.name);
    }
}

#[test]
fn every_kind_is_built_whole() {
    let events = one_of_each();
    let ids: Vec<u32> = events.iter().map(|event| event.id).collect();
    let all: Vec<u32> = CATALOGUE.iter().map(|entry| entry.id).collect();
    assert_eq!(ids, all);
    for event in events {
        let entry = find(event.id).unwrap();
        assert!(!event.message.contains(['{', '}', '[', ']']), "{}", event.message);
        assert_eq!((event.level, event.source.as_str()), (entry.level, entry.source));
        for (field, value) in &event.fields {
            assert!(entry.text.contains(&format!("{{{field}}}")), "{field}");
            assert!(event.message.contains(value), "{field}");
        }
    }
}

#[test]
fn the_texts_are_those_that_administrators_know() {
    let texts: Vec<String> = one_of_each().into_iter().map(|event| event.message).collect();
    assert_eq!(
        texts[0],
        "OAuth was properly configured for Storage Service.\n\nCsOAuthConfiguration validly configured"
    );
    assert_eq!(
        texts[1],
        "Storage Service had an EWS Autodiscovery failure.\n\n\
         ExchangeAutodiscoverException: code=ErrorEwsAutodiscover, reason=GetUserSettings failed, \
         smtpAddress=kim@fabrikam.example, \
         Autodiscover Uri=https://autodiscover.fabrikam.example/autodiscover/autodiscover.svc, \
         Autodiscover WebProxy=<NULL>, WebExceptionStatus=TrustFailure ---> \
         Microsoft.Exchange.WebServices.Data.ServiceRequestException: The request failed. \
         The request was aborted: The request was canceled. ---> System.Net.WebException: \
         The request was aborted: The request was canceled."
    );
    assert_eq!(
        texts[2],
        "Storage Service had an OAuth authentication failure.\n\n\
         CreateAppActAsToken failed, ex=OAuthConfigException: code=ErrorOAuthSts, \
         reason=Recv RST response, failed, sts=https://sts.contoso.example/tokens/OAuth/2, \
         resource=00000002-0000-0ff1-ce00-000000000000/autodiscover.fabrikam.example, \
         ex=The remote server returned an error: (401) Unauthorized."
    );
}

#[test]
fn what_is_not_known_is_left_out() {
    let event = autodiscover_failed(now(), &AutodiscoverFailure::new("a@b.example", ""));
    assert!(event.message.ends_with("Autodiscover Uri=, Autodiscover WebProxy=<NULL>"));
    let audit = TokenAudit { tenant: "contoso.example", ..TokenAudit::default() };
    assert_eq!(token_issued(now(), &audit).message, "A token was issued.\n\ntenant=contoso.example");
}

#[test]
fn a_value_stays_a_value() {
    let long = format!("{{sts}}[x]\r\n\u{1b}[31m{}", "a".repeat(5000));
    let event = oauth_failed(now(), &OAuthFailure::new("sts", "resource", &long));
    assert!(event.message.contains("ex={sts}[x]   [31maaa"), "{}", event.message);
    assert!(event.fields["inner"].chars().count() == 2049);
}

#[test]
fn an_event_is_json_with_the_names_of_the_event_log() {
    let event = oauth_configured(now()).repeated(3);
    let json = serde_json::to_string(&event).unwrap();
    assert_eq!(
        json,
        r#"{"Id":32048,"Level":"Information","Source":"LS Storage Service","TimeCreated":"2026-12-01T08:00:00Z","Message":"OAuth was properly configured for Storage Service.\n\nCsOAuthConfiguration validly configured\n\nrepeated=3","Fields":{"repeated":"3"}}"#
    );
    assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    assert!(Level::Error > Level::Warning && Level::Warning > Level::Information);
}

#[test]
fn a_sink_keeps_the_order() {
    let sink = MemorySink::default();
    for event in one_of_each() {
        sink.record(event);
    }
    assert_eq!(sink.events(), one_of_each());
}

/// Minutes and keys in, what passes out: `0a` at minute 0 for key a, `.` held back.
#[track_caller]
fn check(limiter: &mut RateLimiter, events: &str, expected: &str) {
    let observed: Vec<String> = events
        .split(' ')
        .map(|event| {
            let (minute, key) = event.split_at(event.len() - 1);
            let at = now() + SignedDuration::from_mins(minute.parse().unwrap());
            limiter.admit(32053, key, at).map_or(".".to_owned(), |count| count.to_string())
        })
        .collect();
    assert_eq!(observed.join(" "), expected, "{events}");
}

#[test]
fn repeats_are_held_back_and_counted() {
    let window = SignedDuration::from_mins(10);
    let mut limiter = RateLimiter::new(window, 100);
    check(&mut limiter, "0a 1a 9a 10a 11a 20a 40a", "0 . . 2 . 1 0");
    check(&mut limiter, "40b 41b 41a", "0 . .");
    assert_eq!(limiter.admit(32054, "a", now()), Some(0));
    limiter.forget(32053, "b");
    check(&mut limiter, "42b", "0");
}

#[test]
fn a_clock_set_back_silences_nothing() {
    let mut limiter = RateLimiter::new(SignedDuration::from_mins(10), 100);
    check(&mut limiter, "60a 61a 0a 1a", "0 . 1 .");
}

#[test]
fn kinds_are_bounded() {
    let mut limiter = RateLimiter::new(SignedDuration::from_mins(10), 2);
    check(&mut limiter, "0a 1b 2c 3c 3b 3a", "0 0 0 . . 0");
}

#[test]
fn the_event_reference_is_current() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events.md");
    let made = actas_runtime::event::reference();
    if std::env::var_os("ACTAS_REGENERATE").is_some() {
        std::fs::write(file, &made).unwrap();
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), made, "run the test with ACTAS_REGENERATE=1");
}

#[test]
fn every_error_names_a_check_that_finds_its_cause() {
    for entry in CATALOGUE {
        assert!(entry.level != Level::Error || !entry.checks.is_empty(), "{}", entry.name);
    }
    let event = space_error(now(), Space { used: 9, capacity: 10 });
    assert_eq!(event.checks, ["lyss-size"]);
    let text = serde_json::to_string(&event).unwrap();
    assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
}

#[test]
fn the_article_has_failures_of_autodiscover_under_another_id() {
    let failed = autodiscover_failed(now(), &AutodiscoverFailure::new("kim@fabrikam.example", "https://a.example"));
    let of_token = oauth_failed(now(), &OAuthFailure::new("https://sts.example", "r", "401"));
    let under = |profile| [failed.clone().under(profile).id, of_token.clone().under(profile).id];
    assert_eq!(under(IdProfile::Seed), [32053, 32054]);
    assert_eq!(under(IdProfile::Article), [32054, 32054]);
    assert_eq!(failed.clone().under(IdProfile::Article).message, failed.message, "the text tells");
}
