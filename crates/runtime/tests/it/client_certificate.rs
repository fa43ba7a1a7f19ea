//! Certificates that clients show.

use std::sync::Arc;
use std::time::Duration;

use actas_certificate::{KeyPair, issue};
use actas_runtime::listener::{bind, serve_tls};
use actas_runtime::{ClientCertificate, Clock, Limits, Server, SystemClock, TlsIdentity, crypto_provider};
use axum::Router;
use axum::extract::Extension;
use axum::routing::get;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::{authority, identity, loopback};

async fn shown(Extension(ClientCertificate(shown)): Extension<ClientCertificate>) -> String {
    shown.map_or_else(|| "none".to_owned(), |der| format!("{} bytes", der.len()))
}

fn server(identity: TlsIdentity) -> Server {
    let router = Router::new().route("/", get(shown));
    serve_tls(bind(loopback()).unwrap(), router, identity, &Limits::default()).unwrap()
}

fn self_signed() -> KeyPair {
    issue::self_signed("client", &[], SystemClock.now(), Duration::from_hours(24), 2048).unwrap()
}

/// Asks over HTTP/1.1, with a certificate or without; two requests on one connection.
async fn ask(
    server: &Server,
    ca: &[u8],
    certificate: Option<&KeyPair>,
    key: Option<&KeyPair>,
) -> std::io::Result<String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(ca.to_vec())).unwrap();
    let builder = rustls::ClientConfig::builder_with_provider(crypto_provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match (certificate, key) {
        (Some(certificate), Some(key)) => {
            let chain = vec![CertificateDer::from(certificate.certificate().der().to_vec())];
            let key = PrivatePkcs8KeyDer::from(key.key().pkcs8_der().to_vec());
            builder.with_client_auth_cert(chain, PrivateKeyDer::Pkcs8(key))
        }
        _ => Ok(builder.with_no_client_auth()),
    };
    let config = config.map_err(std::io::Error::other)?;
    let stream = TcpStream::connect(server.local_addr()).await?;
    let name = "localhost".try_into().unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let request =
        "GET / HTTP/1.1\r\nhost: localhost\r\n\r\nGET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn a_certificate_is_asked_for_and_not_demanded() {
    let authority = authority();
    let server = server(identity(&authority, &["localhost"]).asking_clients());
    let (ca, own) = (authority.certificate().der(), self_signed());
    let with = ask(&server, ca, Some(&own), Some(&own)).await.unwrap();
    let expected = format!("{} bytes", own.certificate().der().len());
    assert_eq!(with.matches(&expected).count(), 2, "of every request of the connection: {with}");
    let without = ask(&server, ca, None, None).await.unwrap();
    assert_eq!(without.matches("none").count(), 2, "{without}");
}

#[tokio::test]
async fn nobody_is_asked_unless_that_is_wanted() {
    let authority = authority();
    let server = server(identity(&authority, &["localhost"]));
    let own = self_signed();
    let answer = ask(&server, authority.certificate().der(), Some(&own), Some(&own)).await.unwrap();
    assert_eq!(answer.matches("none").count(), 2, "{answer}");
}

/// The library will not sign with a key that does not fit; a client that would has to be
/// refused by the server, which is what a stolen certificate without its key looks like.
#[tokio::test]
async fn a_certificate_without_its_key_is_of_no_use() {
    let authority = authority();
    let server = server(identity(&authority, &["localhost"]).asking_clients());
    let (own, other) = (self_signed(), self_signed());
    let outcome = ask(&server, authority.certificate().der(), Some(&own), Some(&other)).await;
    assert!(outcome.is_err() || !outcome.unwrap().contains("bytes"));
}

#[tokio::test]
async fn a_replaced_identity_asks_as_it_is_told() {
    let authority = authority();
    let server = server(identity(&authority, &["localhost"]));
    server.replace_identity(identity(&authority, &["localhost"]).asking_clients()).unwrap();
    let own = self_signed();
    let answer = ask(&server, authority.certificate().der(), Some(&own), Some(&own)).await.unwrap();
    assert_eq!(answer.matches("bytes").count(), 2, "{answer}");
}
