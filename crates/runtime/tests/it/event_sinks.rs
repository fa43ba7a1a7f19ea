//! Sinks of events, with who listens at the other end.

use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use actas_runtime::event::{Dialect, LinesSink, Space, SystemLogSink, Webhook, WebhookError, space_error};
use actas_runtime::{ClientOptions, Event, EventSink as _, HttpClient, Limits, Server, listener};
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

fn event() -> Event {
    space_error(Timestamp::from_second(1_764_000_000).unwrap(), Space { used: 9_100, capacity: 10_000 })
}

fn received(dialect: Dialect) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    assert!(SystemLogSink::new(&path, dialect).is_err(), "nobody listens");
    let daemon = UnixDatagram::bind(&path).unwrap();
    daemon.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let sink = SystemLogSink::new(&path, dialect).unwrap();
    sink.record(event());
    let mut message = vec![0; 8192];
    let mut length = 0;
    while length == 0 {
        length = daemon.recv(&mut message).unwrap();
    }
    // One that ended is no reason to fail.
    drop(daemon);
    sink.record(event());
    message.truncate(length);
    message
}

#[test]
fn journald_gets_fields_by_its_own_protocol() {
    let message = received(Dialect::Journald);
    let mut rest = message.as_slice();
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
        let name = std::str::from_utf8(&rest[..end]).unwrap();
        let length = usize::try_from(u64::from_le_bytes(rest[end + 1..end + 9].try_into().unwrap())).unwrap();
        let value = std::str::from_utf8(&rest[end + 9..end + 9 + length]).unwrap();
        assert_eq!(rest[end + 9 + length], b'\n');
        fields.push((name, value));
        rest = &rest[end + 10 + length..];
    }
    let of = |wanted: &str| fields.iter().find(|(name, _)| *name == wanted).unwrap().1;
    assert_eq!(of("MESSAGE"), event().message);
    assert!(of("MESSAGE").contains('\n'));
    assert_eq!((of("PRIORITY"), of("SYSLOG_IDENTIFIER"), of("ACTAS_EVENT_ID")), ("3", "actas", "32058"));
    assert_eq!((of("ACTAS_CHECKS"), of("ACTAS_FIELD_PERCENT")), ("lyss-size", "91"));
}

#[test]
fn syslog_gets_one_line() {
    let line = String::from_utf8(received(Dialect::Syslog)).unwrap();
    let expected = format!("<27>1 2025-11-24T16:00:00.000000Z - actas {} 32058 - The database", std::process::id());
    assert!(line.starts_with(&expected), "{line}");
    assert!(!line.contains('\n'));
}

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A reader that does not read until it is gone.
struct Stuck(mpsc::Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        let _ = self.0.recv();
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_line_is_an_event_and_the_end_waits_for_it() {
    let page = Page::default();
    let sink = LinesSink::new(Box::new(page.clone())).unwrap();
    sink.record(event());
    sink.record(event());
    drop(sink);
    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    let events: Vec<Event> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events, [event(), event()]);
}

#[test]
fn a_stream_that_nobody_reads_holds_nothing_up() {
    let (release, held) = mpsc::channel();
    let sink = LinesSink::new(Box::new(Stuck(held))).unwrap();
    for _ in 0..5_000 {
        sink.record(event());
    }
    drop(sink);
    release.send(()).unwrap_or_default();
}

#[derive(Clone)]
struct Hook {
    answers: Arc<Vec<StatusCode>>,
    asked: Arc<AtomicUsize>,
    seen: Arc<Mutex<Vec<(String, String)>>>,
}

async fn answer(State(hook): State<Hook>, headers: HeaderMap, body: String) -> StatusCode {
    let token = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    hook.seen.lock().unwrap().push((token, body));
    let asked = hook.asked.fetch_add(1, Ordering::Relaxed);
    hook.answers.get(asked).copied().unwrap_or(StatusCode::OK)
}

fn serve(answers: &[StatusCode]) -> (Server, Hook) {
    let hook = Hook { answers: Arc::new(answers.to_vec()), asked: Arc::default(), seen: Arc::default() };
    let bound = listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let router = Router::new().route("/hook", post(answer)).with_state(hook.clone());
    (listener::serve_plain(bound, router, &Limits::default()).unwrap(), hook)
}

fn webhook(server: &Server) -> Webhook {
    let http = HttpClient::new(&ClientOptions::default()).unwrap();
    let url = format!("http://{}/hook", server.local_addr());
    Webhook::new(http, &url, Some("a-token".to_owned())).with_first_pause(Duration::from_millis(1))
}

#[tokio::test]
async fn a_web_server_is_asked_until_it_takes_the_event() {
    let (server, hook) = serve(&[StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS]);
    webhook(&server).send("{}", 0.5).await.unwrap();
    let seen = hook.seen.lock().unwrap().clone();
    assert_eq!(seen, vec![("Bearer a-token".to_owned(), "{}".to_owned()); 3]);
}

#[tokio::test]
async fn a_web_server_that_never_takes_it_is_given_up() {
    let (server, hook) = serve(&[StatusCode::INTERNAL_SERVER_ERROR; 100]);
    let error = webhook(&server).send("{}", 0.0).await.unwrap_err();
    assert!(matches!(error, WebhookError::Refused(StatusCode::INTERNAL_SERVER_ERROR)), "{error}");
    assert_eq!(hook.asked.load(Ordering::Relaxed), 8);

    let (server, hook) = serve(&[StatusCode::FORBIDDEN; 100]);
    assert!(webhook(&server).send("{}", 0.0).await.is_err());
    assert_eq!(hook.asked.load(Ordering::Relaxed), 1, "what is refused for good is not sent again");
    assert!(!format!("{:?}", webhook(&server)).contains("a-token"));
}
