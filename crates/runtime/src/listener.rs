//! Listeners for HTTPS and HTTP, with a bound on everything a peer can take.

mod certificate;
mod connection;
mod usage;

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::middleware::from_fn;
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use http::StatusCode;
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::task::JoinHandle;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use self::certificate::{AnyClient, CertificateAcceptor};
use self::connection::LimitAcceptor;
use crate::tls;

pub use self::certificate::ClientCertificate;

/// What a peer may take of the machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long the header of a request may take to arrive, and how long a connection may stay
    /// silent before its first request and, with HTTP/1.1, between two.
    pub header_read_timeout: Duration,
    /// How long a handler may take to answer, the arrival of the body included.
    pub request_timeout: Duration,
    /// How long a peer may take to read the next 16 KiB of an answer.
    pub write_timeout: Duration,
    /// How long a connection may live that is not used: no request comes, and of no answer a
    /// part is taken. Pings are no use.
    pub idle_timeout: Duration,
    /// The most bytes of a request's header.
    pub header_bytes_max: u32,
    /// The most bytes of a request's body unless a route says otherwise with
    /// [`axum::extract::DefaultBodyLimit`].
    pub body_bytes_max: usize,
    /// The most connections at once; one more is closed at once.
    pub connections_max: usize,
    /// The most connections at once from one address.
    pub connections_per_address_max: usize,
    /// The most requests at once on one HTTP/2 connection.
    pub streams_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(10),
            header_read_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_mins(2),
            write_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_mins(3),
            // Tokens travel in header fields, and one that carries another is long.
            header_bytes_max: 64 * 1024,
            body_bytes_max: 2 * 1024 * 1024,
            connections_max: 4096,
            // A site behind one address may be large, and still leaves room for others.
            connections_per_address_max: 2048,
            streams_max: 200,
        }
    }
}

/// A port that is ours. Nothing is answered on it until it is served.
#[derive(Debug)]
pub struct BoundListener {
    listener: TcpListener,
    local_addr: SocketAddr,
}

impl BoundListener {
    /// The address, with the port that was picked if 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }
}

/// Takes an address. Port 0 picks a free port.
pub fn bind(address: SocketAddr) -> Result<BoundListener, ListenError> {
    let refused = |error: io::Error| match error.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse { address },
        io::ErrorKind::PermissionDenied => ListenError::NotPermitted { address },
        io::ErrorKind::AddrNotAvailable => ListenError::NotOurs { address },
        _ => ListenError::Io { address, why: error.to_string() },
    };
    let listener = TcpListener::bind(address).map_err(refused)?;
    let local_addr = listener.local_addr().map_err(refused)?;
    Ok(BoundListener { listener, local_addr })
}

/// A server's certificate chain, leaf first, and its key.
pub struct TlsIdentity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivatePkcs8KeyDer<'static>,
    asks_clients: bool,
}

impl TlsIdentity {
    /// An identity from DER: the chain, leaf first, and the key as PKCS#8.
    pub fn new(chain_der: Vec<Vec<u8>>, key_pkcs8_der: Vec<u8>) -> Self {
        Self {
            chain: chain_der.into_iter().map(CertificateDer::from).collect(),
            key: PrivatePkcs8KeyDer::from(key_pkcs8_der),
            asks_clients: false,
        }
    }

    /// Asks every client for a certificate and lets in those without. Handlers find it as
    /// [`ClientCertificate`] in a request's extensions: whose it is, is theirs to judge.
    #[must_use]
    pub fn asking_clients(self) -> Self {
        Self { asks_clients: true, ..self }
    }

    fn config(self) -> Result<Arc<ServerConfig>, ListenError> {
        let refused = |error: rustls::Error| ListenError::Identity { why: error.to_string() };
        let builder = ServerConfig::builder_with_provider(tls::crypto_provider())
            .with_safe_default_protocol_versions()
            .map_err(refused)?;
        let builder = if self.asks_clients {
            builder.with_client_cert_verifier(Arc::new(AnyClient::new(tls::crypto_provider())))
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder.with_single_cert(self.chain, PrivateKeyDer::Pkcs8(self.key)).map_err(refused)?;
        config.alpn_protocols = tls::alpn();
        Ok(Arc::new(config))
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsIdentity({} certificates)", self.chain.len())
    }
}

/// Answers HTTPS, HTTP/2 or HTTP/1.1, with `router`.
///
/// Handlers can take `ConnectInfo<SocketAddr>`: the peer's address. Has to be called inside of a
/// tokio runtime.
pub fn serve_tls(
    bound: BoundListener,
    router: Router,
    identity: TlsIdentity,
    limits: &Limits,
) -> Result<Server, ListenError> {
    let config = RustlsConfig::from_config(identity.config()?);
    let acceptor = RustlsAcceptor::new(config.clone())
        .handshake_timeout(limits.handshake_timeout)
        .acceptor(LimitAcceptor::new(limits));
    let acceptor = CertificateAcceptor::new(acceptor);
    let (local_addr, handle) = (bound.local_addr, Handle::new());
    let server = prepare(bound, handle.clone(), limits)?.acceptor(acceptor);
    let task = tokio::spawn(server.serve(service(router, limits)));
    Ok(Server { local_addr, handle, task: Some(task), identity: Some(config) })
}

/// Answers plain HTTP with `router`.
///
/// Handlers can take `ConnectInfo<SocketAddr>`: the peer's address. Has to be called inside of a
/// tokio runtime.
pub fn serve_plain(bound: BoundListener, router: Router, limits: &Limits) -> Result<Server, ListenError> {
    let acceptor = LimitAcceptor::new(limits);
    let (local_addr, handle) = (bound.local_addr, Handle::new());
    let server = prepare(bound, handle.clone(), limits)?.acceptor(acceptor);
    let task = tokio::spawn(server.serve(service(router, limits)));
    Ok(Server { local_addr, handle, task: Some(task), identity: None })
}

fn prepare(
    bound: BoundListener,
    handle: Handle<SocketAddr>,
    limits: &Limits,
) -> Result<axum_server::Server<SocketAddr>, ListenError> {
    let BoundListener { listener, local_addr } = bound;
    let mut server = axum_server::from_tcp(listener)
        .map_err(|error| ListenError::Io { address: local_addr, why: error.to_string() })?
        .handle(handle)
        .first_request_timeout(limits.header_read_timeout)
        .accept_error_handler(move |peer: Option<&SocketAddr>, error| {
            tracing::debug!(%local_addr, ?peer, %error, "connection refused");
        });
    let header_bytes_max = limits.header_bytes_max.max(HEADER_BYTES_MIN);
    let builder = server.http_builder();
    builder.http1().header_read_timeout(limits.header_read_timeout).max_buf_size(header_bytes_max as usize);
    builder.http2().max_header_list_size(header_bytes_max).max_concurrent_streams(limits.streams_max);
    Ok(server)
}

fn service(router: Router, limits: &Limits) -> IntoMakeServiceWithConnectInfo<Router, SocketAddr> {
    let in_time = TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, limits.request_timeout);
    router
        .layer(DefaultBodyLimit::max(limits.body_bytes_max))
        .layer(CatchPanicLayer::new())
        .layer(in_time)
        .layer(from_fn(usage::count))
        .into_make_service_with_connect_info::<SocketAddr>()
}

/// A running server. It stops, without grace, when it is dropped.
#[derive(Debug)]
pub struct Server {
    local_addr: SocketAddr,
    handle: Handle<SocketAddr>,
    task: Option<JoinHandle<io::Result<()>>>,
    identity: Option<RustlsConfig>,
}

impl Server {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.handle.connection_count()
    }

    /// Presents another certificate from the next handshake on; connections live on.
    pub fn replace_identity(&self, identity: TlsIdentity) -> Result<(), ListenError> {
        let current = self
            .identity
            .as_ref()
            .ok_or_else(|| ListenError::Identity { why: format!("{} is served without TLS", self.local_addr) })?;
        current.reload_from_config(identity.config()?);
        Ok(())
    }

    /// Takes no more connections, lets requests finish for as long as `grace`, and ends.
    pub async fn stop(mut self, grace: Duration) -> Result<(), ListenError> {
        self.handle.graceful_shutdown(Some(grace));
        self.wait().await
    }

    /// Waits until the server ends.
    pub async fn wait(&mut self) -> Result<(), ListenError> {
        let Some(task) = self.task.as_mut() else {
            return Ok(());
        };
        let ended = task.await;
        self.task = None;
        let why = match ended {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        Err(ListenError::Io { address: self.local_addr, why })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

/// Why an address is not served.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The certificate or its key would not do.
    #[error("the server's certificate cannot be used: {why}")]
    Identity {
        /// The reason.
        why: String,
    },
    /// Somebody listens there already.
    #[error("address {address} is already in use")]
    InUse {
        /// The address.
        address: SocketAddr,
    },
    /// The system refused for another reason.
    #[error("{address} cannot be served: {why}")]
    Io {
        /// The address.
        address: SocketAddr,
        /// The reason.
        why: String,
    },
    /// This user may not listen there.
    #[error("this user may not listen on {address}")]
    NotPermitted {
        /// The address.
        address: SocketAddr,
    },
    /// The machine does not have that address.
    #[error("this machine does not have the address {address}")]
    NotOurs {
        /// The address.
        address: SocketAddr,
    },
}

impl ListenError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Identity { .. } => "check that certificate and key belong together".to_owned(),
            Self::InUse { address } => format!(
                "stop what listens there (`ss -ltnp 'sport = :{}'` names it), or choose another port; port 0 picks a free one",
                address.port()
            ),
            Self::Io { .. } => "check the address, and the limit of open files".to_owned(),
            Self::NotPermitted { .. } => "choose a port from 1024 on, or grant `CAP_NET_BIND_SERVICE`".to_owned(),
            Self::NotOurs { .. } => "`ip address` lists the machine's addresses".to_owned(),
        }
    }
}

/// The least that the HTTP library can be told.
const HEADER_BYTES_MIN: u32 = 8 * 1024;
