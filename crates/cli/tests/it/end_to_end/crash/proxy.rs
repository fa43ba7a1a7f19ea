//! A proxy between the two sides that speaks TLS with both: it passes on, hangs, resets,
//! throttles, and loses answers after what they answer has happened.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actas_certificate::{Authority, file};
use actas_runtime::{
    ClientOptions, HttpClient, HttpRequest, HttpResponse, Limits, Server, SystemClock, TlsIdentity, listener,
};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, Uri};
use url::Url;

use super::cloud::Cloud;
use super::round::Random;

#[derive(Clone)]
struct Shared {
    http: HttpClient,
    upstream: String,
    /// Faults are made while this is so.
    stormy: Arc<AtomicBool>,
    random: Arc<Mutex<Random>>,
    under_way: Arc<AtomicUsize>,
    faults: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
}

/// A proxy of one lane.
pub(super) struct Proxy {
    shared: Shared,
    address: SocketAddr,
    pub(super) ca_file: PathBuf,
    upstream: Url,
    _server: Server,
}

// === impl Proxy ===

impl Proxy {
    pub(super) fn start(cloud: &Cloud, lane: usize) -> Self {
        let _entered = cloud.runtime.enter();
        let now = SystemClock::shared().now();
        let upstream: Url = cloud.value("BASE_URL").parse().expect("a URL");
        let authority =
            Authority::create("proxy", now - Duration::from_hours(1), Duration::from_hours(100)).expect("an authority");
        let host = upstream.host_str().expect("a host").parse().expect("a name");
        let server = authority.issue_server(&[host], now, Duration::from_hours(10)).expect("a certificate");
        let identity = TlsIdentity::new(vec![server.certificate().der().to_vec()], server.key().pkcs8_der().to_vec());
        // The cloud's own port on another address of loopback: the host table maps names to
        // addresses, and tokens name host and port.
        let last = u8::try_from(lane + 2).expect("few lanes");
        let port = upstream.port_or_known_default().expect("a port");
        let bound = listener::bind(SocketAddr::from(([127, 0, 0, last], port))).expect("an address of loopback");
        let address = bound.local_addr();
        let ca_file = cloud.folder().join(format!("proxy-{lane}.cer"));
        file::write_certificate(&ca_file, authority.certificate()).expect("a file can be written");
        let roots = file::read_certificates(cloud.value("CA_PEM").as_ref()).expect("the lab's authority");
        let options = ClientOptions {
            extra_roots: roots.iter().map(actas_certificate::Certificate::to_tls).collect(),
            only_extra_roots: true,
            ..ClientOptions::default()
        };
        let shared = Shared {
            http: HttpClient::new(&options).expect("a client"),
            upstream: upstream.as_str().trim_end_matches('/').to_owned(),
            stormy: Arc::default(),
            random: Arc::new(Mutex::new(Random::new(0))),
            under_way: Arc::default(),
            faults: Arc::default(),
            lost: Arc::default(),
        };
        let router = Router::new().fallback(pass).layer(DefaultBodyLimit::disable()).with_state(shared.clone());
        let server = listener::serve_tls(bound, router, identity, &Limits::default()).expect("it is served");
        Self { shared, address, ca_file, upstream, _server: server }
    }

    /// The line of the host table that leads here.
    pub(super) fn host(&self) -> String {
        let port = self.upstream.port_or_known_default().expect("a port");
        format!("{}:{port}={}", self.upstream.host_str().expect("a host"), self.address)
    }

    pub(super) fn storm(&self, seed: u64) {
        *self.shared.random.lock().unwrap_or_else(PoisonError::into_inner) = Random::new(seed);
        self.shared.stormy.store(true, Ordering::SeqCst);
    }

    pub(super) fn calm(&self) {
        self.shared.stormy.store(false, Ordering::SeqCst);
    }

    /// Whether nothing is on its way to the cloud.
    pub(super) fn is_idle(&self) -> bool {
        self.shared.under_way.load(Ordering::SeqCst) == 0
    }

    /// Faults that were made, and answers that were lost, since the last question.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.shared.faults.swap(0, Ordering::SeqCst), self.shared.lost.swap(0, Ordering::SeqCst))
    }
}

async fn pass(State(shared): State<Shared>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let chance = if shared.stormy.load(Ordering::SeqCst) {
        shared.random.lock().unwrap_or_else(PoisonError::into_inner).below(100)
    } else {
        100
    };
    if chance < 50 {
        shared.faults.fetch_add(1, Ordering::Relaxed);
    }
    match chance {
        0..8 => return reset(),
        8..15 => {
            tokio::time::sleep(Duration::from_millis(150)).await;
            return reset();
        }
        15..22 => return (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")]).into_response(),
        22..28 => return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")]).into_response(),
        _ => {}
    }
    // What was sent arrives, even if the sender dies meanwhile.
    let forwarded = tokio::spawn(forward(shared.clone(), method, uri, headers, body));
    let answer = forwarded.await.expect("forwarding does not fail");
    match (chance, answer) {
        (28..43, Some(_)) => {
            shared.lost.fetch_add(1, Ordering::Relaxed);
            reset()
        }
        (43..50, Some(_)) => {
            shared.lost.fetch_add(1, Ordering::Relaxed);
            StatusCode::BAD_GATEWAY.into_response()
        }
        (_, Some(answer)) => {
            let mut response = (answer.status, answer.body).into_response();
            for name in ["content-type", "www-authenticate", "location", "x-ms-diagnostics"] {
                if let Some(value) = answer.headers.get(name) {
                    response.headers_mut().insert(http::HeaderName::from_static(name), value.clone());
                }
            }
            response
        }
        (_, None) => reset(),
    }
}

async fn forward(shared: Shared, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Option<HttpResponse> {
    shared.under_way.fetch_add(1, Ordering::SeqCst);
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut request = HttpRequest::new(method, format!("{}{path}", shared.upstream)).body_max(64 * 1024 * 1024);
    for name in ["content-type", "authorization", "accept"] {
        if let Some(value) = headers.get(name) {
            request.headers.insert(http::HeaderName::from_static(name), value.clone());
        }
    }
    request.body = body;
    let answer = shared.http.send(request).await.ok();
    shared.under_way.fetch_sub(1, Ordering::SeqCst);
    answer
}

/// A body that fails breaks the connection off.
fn reset() -> Response {
    Body::from_stream(Broken).into_response()
}

struct Broken;

impl futures_util::Stream for Broken {
    type Item = std::io::Result<Bytes>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into())))
    }
}
