use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actas_runtime::listener::{bind, serve_plain, serve_tls};
use actas_runtime::{HttpClient, HttpRequest, Limits, ListenError};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode, header};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::{authority, client, identity, loopback, plain_server, tls_server};

async fn status(client: &HttpClient, request: HttpRequest) -> u16 {
    client.send(request).await.unwrap().status.as_u16()
}

#[test]
fn a_port_in_use_is_told_at_once() {
    let first = bind(loopback()).unwrap();
    let address = first.local_addr();
    assert_ne!(address.port(), 0);
    let error = bind(address).unwrap_err();
    assert_eq!(error.to_string(), format!("address {address} is already in use"));
    assert!(error.hint().contains(&format!(":{}", address.port())));
}

#[test]
fn an_address_of_another_machine_is_told() {
    let error = bind("192.0.2.1:0".parse().unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "this machine does not have the address 192.0.2.1:0");
}

#[tokio::test]
async fn a_key_of_another_certificate_is_refused() {
    let authority = authority();
    let names = ["localhost".parse().unwrap()];
    let issue = || {
        let now = actas_runtime::Clock::now(&actas_runtime::SystemClock);
        authority.issue_server(&names, now, crate::DAY).unwrap()
    };
    let identity =
        actas_runtime::TlsIdentity::new(vec![issue().certificate().der().to_vec()], issue().key().pkcs8_der().to_vec());
    let bound = bind(loopback()).unwrap();
    let error = serve_tls(bound, Router::new(), identity, &Limits::default()).unwrap_err();
    assert!(matches!(error, ListenError::Identity { .. }), "{error}");
}

#[tokio::test]
async fn handlers_know_their_peer_and_http_2_is_spoken() {
    let authority = authority();
    let router = Router::new().route(
        "/",
        get(|ConnectInfo(peer): ConnectInfo<SocketAddr>, version: http::Version| async move {
            format!("{} {version:?}", peer.ip())
        }),
    );
    let server = tls_server(&authority, &["localhost"], router);
    let url = format!("https://localhost:{}/", server.local_addr().port());
    let response = client(&authority, &[]).send(HttpRequest::get(url)).await.unwrap();
    assert_eq!(response.body, "127.0.0.1 HTTP/2.0");
}

#[tokio::test]
async fn an_identity_is_replaced_while_serving() {
    let authority = authority();
    let server = tls_server(&authority, &["old.example"], Router::new());
    let hosts = [format!("new.example:443={}", server.local_addr())];
    let ask = async || client(&authority, &hosts).send(HttpRequest::get("https://new.example/")).await;
    assert!(ask().await.is_err());
    server.replace_identity(identity(&authority, &["new.example"])).unwrap();
    assert_eq!(ask().await.unwrap().status, StatusCode::NOT_FOUND);

    let plain = plain_server(Router::new());
    assert!(plain.replace_identity(identity(&authority, &["new.example"])).is_err());
}

#[tokio::test]
async fn a_stop_lets_a_request_finish() {
    let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (entered, leave) = (entered.clone(), leave.clone());
        move || async move {
            entered.notify_one();
            leave.notified().await;
            "done"
        }
    };
    let authority = authority();
    let router = Router::new().route("/", get(handler));
    let server = tls_server(&authority, &["localhost"], router);
    let address = server.local_addr();
    let client = client(&authority, &[]);
    let request = HttpRequest::get(format!("https://localhost:{}/", address.port()));
    let asking = tokio::spawn(async move { client.send(request).await });
    entered.notified().await;

    let stopping = tokio::spawn(server.stop(Duration::from_mins(1)));
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!stopping.is_finished());
    leave.notify_one();
    assert_eq!(asking.await.unwrap().unwrap().body, "done");
    stopping.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stop_does_not_wait_beyond_its_grace() {
    let entered = Arc::new(Notify::new());
    let told = entered.clone();
    let router = Router::new().route(
        "/",
        get(move || async move {
            told.notify_one();
            std::future::pending::<()>().await;
        }),
    );
    let server = plain_server(router);
    let request = HttpRequest::get(format!("http://{}/", server.local_addr()));
    let asking = tokio::spawn(async move { client(&authority(), &[]).send(request).await });
    entered.notified().await;
    server.stop(Duration::from_millis(50)).await.unwrap();
    assert!(asking.await.unwrap().is_err());
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_a_stop() {
    let server = plain_server(Router::new());
    let client = client(&authority(), &[]);
    let url = format!("http://{}/", server.local_addr());
    assert_eq!(status(&client, HttpRequest::get(url)).await, 404);
    let _silent = TcpStream::connect(server.local_addr()).await.unwrap();
    while server.connections() < 2 {
        tokio::task::yield_now().await;
    }
    let stopped = tokio::time::timeout(Duration::from_secs(10), server.stop(Duration::from_mins(1)));
    stopped.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_dropped_server_is_gone() {
    let server = plain_server(Router::new());
    let address = server.local_addr();
    drop(server);
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn long_headers_pass_and_endless_ones_do_not() {
    let echo = get(|headers: HeaderMap| async move { headers.get(header::AUTHORIZATION).unwrap().len().to_string() });
    let authority = authority();
    let router = Router::new().route("/", echo);
    let plain = plain_server(router.clone());
    let tls = tls_server(&authority, &["localhost"], router);
    let client = client(&authority, &[]);
    for url in [format!("http://{}/", plain.local_addr()), format!("https://localhost:{}/", tls.local_addr().port())] {
        let request = |bytes| HttpRequest::get(&url).bearer(&"a".repeat(bytes)).unwrap();
        let response = client.send(request(48 * 1024)).await.unwrap();
        assert_eq!(response.body, (48 * 1024 + 7).to_string());
        let refused = client.send(request(80 * 1024)).await;
        assert!(
            refused.as_ref().is_err() || refused.as_ref().is_ok_and(|response| response.status.as_u16() == 431),
            "{url}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_body_has_a_bound_that_a_route_can_change() {
    let count = |body: axum::body::Bytes| async move { body.len().to_string() };
    let large = axum::extract::DefaultBodyLimit::max(5000);
    let router = Router::new().route("/usual", post(count)).route("/large", post(count).layer(large));
    let limits = Limits { body_bytes_max: 1000, ..Limits::default() };
    let server = serve_plain(bind(loopback()).unwrap(), router, &limits).unwrap();
    let client = client(&authority(), &[]);
    for (path, bytes, expected) in
        [("usual", 1000, 200), ("usual", 1001, 413), ("large", 5000, 200), ("large", 5001, 413)]
    {
        let url = format!("http://{}/{path}", server.local_addr());
        let request = HttpRequest::post(url, "text/plain", vec![b'a'; bytes]);
        assert_eq!(status(&client, request).await, expected, "{path} {bytes}");
    }
}

#[tokio::test]
async fn one_connection_too_many_is_closed() {
    let limits = Limits { connections_max: 1, ..Limits::default() };
    let router = Router::new().route("/", get(|| async { "here" }));
    let server = serve_plain(bind(loopback()).unwrap(), router, &limits).unwrap();
    let mut first = TcpStream::connect(server.local_addr()).await.unwrap();
    first.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut heard = [0; 512];
    assert!(first.read(&mut heard).await.unwrap() > 0);

    let mut second = TcpStream::connect(server.local_addr()).await.unwrap();
    assert_eq!(second.read(&mut heard).await.unwrap_or(0), 0, "closed without a word");
    drop(first);
    let client = client(&authority(), &[]);
    let url = format!("http://{}/", server.local_addr());
    while client.send(HttpRequest::get(&url)).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_address_has_a_share_of_the_connections() {
    let limits = Limits { connections_per_address_max: 1, ..Limits::default() };
    let router = Router::new().route("/", get(|| async { "here" }));
    let server = serve_plain(bind(loopback()).unwrap(), router, &limits).unwrap();
    let ask = async |from: &str| {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(from.parse().unwrap()).unwrap();
        let mut stream = socket.connect(server.local_addr()).await.unwrap();
        let sent = stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let heard = stream.read(&mut [0; 512]).await.unwrap_or(0);
        (stream, sent.is_ok() && heard > 0)
    };
    let (first, heard) = ask("127.0.0.1:0").await;
    assert!(heard);
    assert!(!ask("127.0.0.1:0").await.1, "closed without a word");
    assert!(ask("127.0.0.2:0").await.1, "another address");
    drop(first);
    while !ask("127.0.0.1:0").await.1 {
        tokio::task::yield_now().await;
    }
}

/// Waits until nobody is connected.
async fn deserted(server: &actas_runtime::Server) {
    let gone = async {
        while server.connections() > 0 {
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(10), gone).await.is_ok(), "the connection is not closed");
}

#[tokio::test]
async fn who_does_not_read_the_answer_is_cut_off() {
    const BYTES: usize = 64 * 1024 * 1024;
    let limits = Limits { write_timeout: Duration::from_millis(50), ..Limits::default() };
    let authority = authority();
    let router = Router::new().route("/", get(|| async { vec![b'a'; BYTES] }));
    let plain = serve_plain(bind(loopback()).unwrap(), router.clone(), &limits).unwrap();
    let tls = serve_tls(bind(loopback()).unwrap(), router, identity(&authority, &["localhost"]), &limits).unwrap();

    let mut stream = TcpStream::connect(plain.local_addr()).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    stream.readable().await.unwrap();
    deserted(&plain).await;
    // Its own system still holds what was sent before the cut, and no more comes.
    let mut heard = Vec::new();
    let _ = stream.read_to_end(&mut heard).await;
    assert!(heard.len() < BYTES, "{}", heard.len());

    // Who reads gets everything, also over TLS.
    for url in [format!("http://{}/", plain.local_addr()), format!("https://localhost:{}/", tls.local_addr().port())] {
        let request = HttpRequest::get(&url).body_max(2 * BYTES);
        let answer = client(&authority, &[]).send(request).await.unwrap();
        assert_eq!(answer.body.len(), BYTES, "{url}");
    }
}

#[tokio::test]
async fn a_peer_that_only_pings_is_cut_off() {
    // RFC 9113: the preface; then length, type, flags and stream of each frame.
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const NO_WINDOW: &[u8] = &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];
    const WINDOW: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    // RFC 7541, appendix A: `:method: GET`, `:scheme: http`, `:path: /`, `:authority: a`.
    const REQUEST: &[u8] = &[0, 0, 6, 1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x41, 1, b'a'];
    const PING: &[u8] = &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];

    let limits = Limits { idle_timeout: Duration::from_millis(200), ..Limits::default() };
    let slowly = || async {
        let part = async |n: u8| {
            tokio::time::sleep(Duration::from_millis(150)).await;
            (n < 6).then(|| (Ok::<_, std::io::Error>(vec![n; 1024]), n + 1))
        };
        Body::from_stream(futures_util::stream::unfold(0, part))
    };
    let router = Router::new().route("/", get(|| async { vec![b'a'; 8 * 1024] })).route("/slowly", get(slowly));
    let server = serve_plain(bind(loopback()).unwrap(), router, &limits).unwrap();
    let until_the_end = async |settings: &[u8]| {
        let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
        stream.write_all(&[PREFACE, settings, REQUEST].concat()).await.unwrap();
        let (mut reading, mut writing) = stream.split();
        let mut heard = Vec::new();
        let pinging = async {
            while writing.write_all(PING).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let ended = async {
            tokio::select! {
                _ = reading.read_to_end(&mut heard) => {}
                () = pinging => {}
            }
        };
        tokio::time::timeout(Duration::from_secs(10), ended).await.expect("the connection is closed");
        heard
    };
    let a = |heard: Vec<u8>| heard.into_iter().filter(|byte| *byte == b'a').count();
    assert!(a(until_the_end(NO_WINDOW).await) < 100, "nothing of the answer could be sent");
    assert!(a(until_the_end(WINDOW).await) >= 8 * 1024, "answered, and then of no use");
    deserted(&server).await;

    // An answer that takes us longer is none of the peer's doing.
    let url = format!("http://{}/slowly", server.local_addr());
    let answer = client(&authority(), &[]).send(HttpRequest::get(&url)).await.unwrap();
    assert_eq!(answer.body.len(), 6 * 1024);
}

#[tokio::test]
async fn a_body_that_never_ends_is_an_answer() {
    let limits = Limits { request_timeout: Duration::from_millis(50), ..Limits::default() };
    let router = Router::new().route("/", post(|body: axum::body::Bytes| async move { body.len().to_string() }));
    let server = serve_plain(bind(loopback()).unwrap(), router, &limits).unwrap();
    let answer = async |sent: &[u8]| {
        let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
        stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n").await.unwrap();
        stream.write_all(sent).await.unwrap();
        let mut heard = [0; 512];
        let bytes = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut heard)).await.unwrap().unwrap();
        String::from_utf8_lossy(&heard[..bytes]).lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(answer(b"abc").await, "HTTP/1.1 408 Request Timeout");
    assert_eq!(answer(b"abcd").await, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn an_idle_connection_ends() {
    // Between two requests of HTTP/1.1, and of HTTP/2.
    let router = Router::new().route("/", get(|| async { "here" }));
    let of_header = Limits { header_read_timeout: Duration::from_millis(50), ..Limits::default() };
    let of_idleness = Limits { idle_timeout: Duration::from_millis(50), ..Limits::default() };
    for limits in [of_header, of_idleness.clone()] {
        let server = serve_plain(bind(loopback()).unwrap(), router.clone(), &limits).unwrap();
        let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut heard = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut heard)).await;
        assert!(ended.is_ok() && heard.ends_with(b"here"), "answered, and then closed");
    }
    let authority = authority();
    let identity = identity(&authority, &["localhost"]);
    let server = serve_tls(bind(loopback()).unwrap(), router, identity, &of_idleness).unwrap();
    let client = client(&authority, &[]);
    let url = format!("https://localhost:{}/", server.local_addr().port());
    assert_eq!(status(&client, HttpRequest::get(&url)).await, 200);
    deserted(&server).await;
    assert_eq!(status(&client, HttpRequest::get(&url)).await, 200, "and another may come");
}

#[tokio::test]
async fn who_says_nothing_is_cut_off() {
    let limits = Limits {
        handshake_timeout: Duration::from_millis(50),
        header_read_timeout: Duration::from_millis(50),
        request_timeout: Duration::from_millis(50),
        ..Limits::default()
    };
    let router = Router::new().route("/", get(std::future::pending::<()>));
    let authority = authority();
    let tls =
        serve_tls(bind(loopback()).unwrap(), router.clone(), identity(&authority, &["localhost"]), &limits).unwrap();
    let plain = serve_plain(bind(loopback()).unwrap(), router, &limits).unwrap();
    let mut heard = Vec::new();
    for (server, said) in [
        (&tls, &b""[..]),
        (&tls, b"\x16\x03\x01\x02\x00"),
        (&plain, b""),
        (&plain, b"GET / HTT"),
        (&plain, b"GET / HTTP/1.1\r\nA: b\r\n"),
    ] {
        let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
        stream.write_all(said).await.unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut heard));
        let _ = ended.await.expect("the connection is closed");
    }
    let url = format!("http://{}/", plain.local_addr());
    assert_eq!(status(&client(&authority, &[]), HttpRequest::get(url)).await, 408);
}

#[tokio::test]
async fn a_handler_that_panics_is_an_answer() {
    async fn falls() -> &'static str {
        panic!("on purpose")
    }
    let server = plain_server(Router::new().route("/", get(falls)));
    let url = format!("http://{}/", server.local_addr());
    let response = client(&authority(), &[]).send(HttpRequest::get(url)).await.unwrap();
    assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!response.body.windows(7).any(|window| window == b"purpose"));
}
