use std::time::Duration;

use actas_runtime::client::ClientBuildError;
use actas_runtime::{ClientError, ClientOptions, HttpClient, HttpRequest};
use axum::Router;
use axum::response::Redirect;
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::{authority, client, loopback, options, plain_server, tls_server};

fn saying(word: &'static str) -> Router {
    Router::new().route("/", get(move || async move { word }))
}

#[tokio::test]
async fn tls_goes_where_the_host_table_says() {
    let authority = authority();
    let server = tls_server(&authority, &["sts.contoso.example"], saying("secure"));
    let client = client(&authority, &[format!("sts.contoso.example:443={}", server.local_addr())]);
    let response = client.send(HttpRequest::get("https://STS.contoso.example/")).await.unwrap();
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.body, "secure");
    assert_eq!(response.url, "https://sts.contoso.example/");
    let named = client.send(HttpRequest::get("https://sts.contoso.example:443/")).await.unwrap();
    assert_eq!(named.body, "secure");
}

#[tokio::test]
async fn http_and_https_of_one_host_go_to_different_places() {
    let authority = authority();
    let secure = tls_server(&authority, &["autodiscover.fabrikam.example"], saying("secure"));
    let plain = plain_server(saying("plain"));
    let client = client(
        &authority,
        &[
            format!("autodiscover.fabrikam.example:443={}", secure.local_addr()),
            format!("autodiscover.fabrikam.example:80={}", plain.local_addr()),
        ],
    );
    for (url, expected) in [
        ("https://autodiscover.fabrikam.example/", "secure"),
        ("http://autodiscover.fabrikam.example/", "plain"),
        ("https://autodiscover.fabrikam.example/", "secure"),
    ] {
        let response = client.send(HttpRequest::get(url)).await.unwrap();
        assert_eq!(response.body, expected, "{url}");
    }
}

#[tokio::test]
async fn an_entry_is_for_its_port_alone() {
    let authority = authority();
    let server = plain_server(saying("here"));
    let address = server.local_addr();
    let port = address.port();
    let client = client(
        &authority,
        &[format!("a.fabrikam.invalid:{port}={address}"), format!("b.fabrikam.invalid:80={address}")],
    );
    let here = client.send(HttpRequest::get(format!("http://a.fabrikam.invalid:{port}/"))).await;
    assert_eq!(here.unwrap().body, "here");
    for url in [
        "http://a.fabrikam.invalid/".to_owned(),
        "https://b.fabrikam.invalid/".to_owned(),
        "https://b.fabrikam.invalid:80/".to_owned(),
        format!("http://b.fabrikam.invalid:{port}/"),
    ] {
        let error = client.send(HttpRequest::get(&url)).await.unwrap_err();
        assert!(matches!(error, ClientError::NameResolution { .. }), "{url}: {error}");
    }
}

#[tokio::test]
async fn other_names_go_to_the_machines_resolver() {
    let server = plain_server(saying("here"));
    let client = client(&authority(), &[]);
    let url = format!("http://localhost:{}/", server.local_addr().port());
    assert_eq!(client.send(HttpRequest::get(url)).await.unwrap().body, "here");

    let error = client.send(HttpRequest::get("http://nowhere.invalid/")).await.unwrap_err();
    let ClientError::NameResolution { host, .. } = &error else { panic!("{error:?}") };
    assert_eq!(host, "nowhere.invalid");
    assert!(error.to_string().starts_with("the name `nowhere.invalid` does not resolve"));
}

#[tokio::test]
async fn a_name_that_the_certificate_lacks_is_told_with_those_it_has() {
    let authority = authority();
    let server = tls_server(&authority, &["mail.fabrikam.example", "127.0.0.2"], saying("secure"));
    let client = client(&authority, &[format!("autodiscover.fabrikam.example:443={}", server.local_addr())]);
    let request = HttpRequest::get("https://autodiscover.fabrikam.example/");
    let error = client.send(request).await.unwrap_err();
    assert_eq!(
        error,
        ClientError::TlsName {
            host: "autodiscover.fabrikam.example".to_owned(),
            presented: vec!["mail.fabrikam.example".to_owned(), "127.0.0.2".to_owned()],
        }
    );
    assert_eq!(
        error.to_string(),
        "the certificate of autodiscover.fabrikam.example is not for that name but for mail.fabrikam.example, 127.0.0.2"
    );
    assert!(!error.is_transient());
}

#[tokio::test]
async fn an_unknown_authority_is_not_trusted() {
    let server = tls_server(&authority(), &["localhost"], saying("secure"));
    let url = format!("https://localhost:{}/", server.local_addr().port());
    let error = client(&authority(), &[]).send(HttpRequest::get(url)).await.unwrap_err();
    assert!(matches!(error, ClientError::TlsUntrusted { .. }), "{error:?}");
}

#[tokio::test]
async fn an_ended_certificate_is_not_trusted() {
    use actas_certificate::Authority;
    use actas_runtime::listener::{bind, serve_tls};
    use actas_runtime::{Clock as _, Limits, SystemClock, TlsIdentity};

    let past = SystemClock.now() - jiff::SignedDuration::from_hours(48);
    let authority = Authority::create("Test CA", past, crate::DAY * 9).unwrap();
    let names = ["localhost".parse().unwrap()];
    let pair = authority.issue_server(&names, past, crate::DAY).unwrap();
    let identity = TlsIdentity::new(vec![pair.certificate().der().to_vec()], pair.key().pkcs8_der().to_vec());
    let bound = bind(loopback()).unwrap();
    let server = serve_tls(bound, saying("old"), identity, &Limits::default()).unwrap();
    let url = format!("https://localhost:{}/", server.local_addr().port());
    let error = client(&authority, &[]).send(HttpRequest::get(url)).await.unwrap_err();
    let ended = pair.certificate().not_after();
    assert_eq!(error.to_string(), format!("the certificate of localhost is not trusted: it expired at {ended}"));
}

#[tokio::test]
async fn plain_http_behind_https_is_told() {
    let server = plain_server(saying("plain"));
    let url = format!("https://localhost:{}/", server.local_addr().port());
    let error = client(&authority(), &[]).send(HttpRequest::get(url)).await.unwrap_err();
    assert_eq!(error.to_string(), "the TLS handshake with localhost failed: what answers there does not speak TLS");
}

#[tokio::test]
async fn a_closed_port_is_told() {
    let address = {
        let listener = std::net::TcpListener::bind(loopback()).unwrap();
        listener.local_addr().unwrap()
    };
    let hosts = [format!("sts.contoso.example:443={address}")];
    let request = HttpRequest::get("https://sts.contoso.example/");
    let error = client(&authority(), &hosts).send(request).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("no connection to sts.contoso.example:443 ({address}): nothing listens there")
    );
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_handshake_that_hangs_ends_with_the_connection_timeout() {
    let silent = tokio::net::TcpListener::bind(loopback()).await.unwrap();
    let mut options = options(&authority(), &[]);
    options.connect_timeout = Duration::from_millis(100);
    let client = HttpClient::new(&options).unwrap();
    let url = format!("https://localhost:{}/", silent.local_addr().unwrap().port());
    let error = client.send(HttpRequest::get(url)).await.unwrap_err();
    assert!(error.to_string().ends_with("no connection within 0.1 s"), "{error}");
}

#[tokio::test]
async fn a_slow_answer_ends_at_the_deadline() {
    // The body never ends, so that the deadline has to cover it too.
    let listener = tokio::net::TcpListener::bind(loopback()).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let peer = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = [0; 1024];
        let _ = stream.read(&mut heard).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").await.unwrap();
        std::future::pending::<()>().await;
    });
    let after = Duration::from_millis(200);
    let request = HttpRequest::get(url).timeout(after);
    let error = client(&authority(), &[]).send(request).await.unwrap_err();
    assert_eq!(error, ClientError::Timeout { after });
    assert_eq!(error.to_string(), "no complete answer within 0.2 s");
    peer.abort();
}

#[tokio::test]
async fn a_body_is_cut_at_its_bound() {
    let chunked = get(|| async {
        // No length is declared.
        axum::body::Body::from_stream(futures(vec![vec![b'a'; 600], vec![b'a'; 600]]))
    });
    let router = Router::new()
        .route("/declared", get(|| async { "a".repeat(1001) }))
        .route("/chunked", chunked)
        .route("/fits", get(|| async { "a".repeat(1000) }));
    let server = plain_server(router);
    let client = client(&authority(), &[]);
    for (path, fits) in [("declared", false), ("chunked", false), ("fits", true)] {
        let url = format!("http://{}/{path}", server.local_addr());
        match client.send(HttpRequest::get(url).body_max(1000)).await {
            Ok(response) => assert!(fits && response.body.len() == 1000, "{path}"),
            Err(error) => {
                assert_eq!(error, ClientError::BodyTooLarge { limit: 1000 }, "{path}");
                assert!(!fits, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn a_compressed_body_is_cut_at_its_real_size() {
    // 64 MiB of zeros in about 64 KiB.
    let bomb = gzip(&vec![0; 64 * 1024 * 1024]);
    assert!(bomb.len() < 200 * 1024);
    let small = gzip(b"small");
    let zipped = |bytes: Vec<u8>| get(move || async move { ([("content-encoding", "gzip")], bytes) });
    let router = Router::new().route("/bomb", zipped(bomb)).route("/small", zipped(small));
    let server = plain_server(router);
    let client = client(&authority(), &[]);
    let url = |path| format!("http://{}/{path}", server.local_addr());
    let error = client.send(HttpRequest::get(url("bomb"))).await.unwrap_err();
    assert_eq!(error, ClientError::BodyTooLarge { limit: 1024 * 1024 });
    assert_eq!(client.send(HttpRequest::get(url("small"))).await.unwrap().body, "small");
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let router = Router::new()
        .route("/old", get(|| async { Redirect::temporary("/new?x=1") }))
        .route("/new", get(|| async { "new" }));
    let server = plain_server(router);
    let origin = format!("http://{}", server.local_addr());
    let response = client(&authority(), &[]).send(HttpRequest::get(format!("{origin}/old"))).await.unwrap();
    assert_eq!(response.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(response.location(), Some(format!("{origin}/new?x=1")));
}

#[tokio::test]
async fn headers_and_body_arrive() {
    let router = Router::new().route(
        "/",
        post(|headers: HeaderMap, body: String| async move {
            let text = |name| headers.get(name).unwrap().to_str().unwrap().to_owned();
            [text("authorization"), text("content-type"), text("user-agent"), body].join("|")
        }),
    );
    let server = plain_server(router);
    let url = format!("http://{}/", server.local_addr());
    let request = HttpRequest::post(url, "text/plain", "hello").bearer("abc").unwrap();
    let response = client(&authority(), &[]).send(request).await.unwrap();
    assert!(response.body.starts_with(b"Bearer abc|text/plain|actas/"), "{response:?}");
    assert!(response.body.ends_with(b"|hello"));
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_without_its_secrets() {
    let client = client(&authority(), &[]);
    for url in [
        "",
        "sts.contoso.example",
        "ftp://sts.contoso.example/",
        "https://kim:secret@sts.contoso.example/?code=secret#secret",
        "kim:secret@sts.contoso.example",
        "https:///?secret",
    ] {
        let error = client.send(HttpRequest::get(url)).await.unwrap_err();
        assert!(!error.to_string().contains("secret@"), "{error}");
        assert!(!error.to_string().contains("=secret"), "{error}");
        assert!(!matches!(error, ClientError::Other { .. }), "{error}");
    }
}

#[test]
fn nothing_secret_is_printed() {
    let request = HttpRequest::post("https://a.example/?code=secret", "text/plain", "secret").bearer("secret").unwrap();
    assert_eq!(
        format!("{request:?}"),
        r#"HttpRequest { method: POST, url: "https://a.example/?…", headers: ["content-type", "authorization"], body: 6 bytes, .. }"#
    );
}

#[test]
fn somebody_has_to_be_trusted() {
    let options = ClientOptions { only_extra_roots: true, ..ClientOptions::default() };
    assert_eq!(HttpClient::new(&options).unwrap_err(), ClientBuildError::NoRoots);
    let options = ClientOptions { extra_roots: vec![vec![1, 2, 3].into()], ..options };
    let error = HttpClient::new(&options).unwrap_err();
    assert!(matches!(error, ClientBuildError::Root { place: 0, .. }), "{error}");
}

#[tokio::test]
async fn the_machines_roots_and_others_are_trusted_together() {
    let authority = authority();
    let server = tls_server(&authority, &["localhost"], saying("secure"));
    let mut options = options(&authority, &[]);
    options.only_extra_roots = false;
    let client = HttpClient::new(&options).unwrap();
    let url = format!("https://localhost:{}/", server.local_addr().port());
    assert_eq!(client.send(HttpRequest::get(url)).await.unwrap().body, "secure");
}

/// A stream of chunks.
fn futures(chunks: Vec<Vec<u8>>) -> impl futures_util::Stream<Item = Result<Vec<u8>, std::io::Error>> {
    futures_util::stream::iter(chunks.into_iter().map(Ok))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;

    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
