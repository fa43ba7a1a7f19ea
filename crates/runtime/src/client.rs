//! The HTTP client: one deadline for a whole exchange, one bound for a body, no redirects.
//!
//! A redirect is an answer here, never a thing to follow: who asks decides, and what was offered
//! stays visible.

mod error;
mod message;
mod resolve;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use url::Url;

use crate::hosts::{HTTP, HTTPS, HostTable};
use crate::tls;

pub use self::error::{ClientBuildError, ClientError};
pub use self::message::{BODY_BYTES_MAX, BodyStream, HttpRequest, HttpResponse, TIMEOUT};
use self::resolve::TableResolver;

/// How the client finds and trusts its peers.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Names that are not looked up in DNS.
    pub hosts: HostTable,
    /// Authorities trusted beside the machine's own.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Whether to trust `extra_roots` alone.
    pub only_extra_roots: bool,
    /// How long a connection, with its TLS handshake, may take.
    pub connect_timeout: Duration,
    /// What the client calls itself.
    pub user_agent: String,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            hosts: HostTable::default(),
            extra_roots: Vec::new(),
            only_extra_roots: false,
            connect_timeout: Duration::from_secs(10),
            user_agent: concat!("actas/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// A client for HTTP and HTTPS. Cloning is cheap and shares connections.
///
/// It goes to its peers directly: a proxy that the environment names is not used.
#[derive(Clone)]
pub struct HttpClient(Arc<Inner>);

struct Inner {
    /// For hosts and ports that the table does not know.
    plain: reqwest::Client,
    /// By the port of the URL, since a resolver is told the name alone.
    mapped: BTreeMap<u16, reqwest::Client>,
    hosts: Arc<HostTable>,
    connect_timeout: Duration,
}

impl HttpClient {
    /// Makes a client.
    pub fn new(options: &ClientOptions) -> Result<Self, ClientBuildError> {
        let hosts = Arc::new(options.hosts.clone());
        let tls = tls_config(options)?;
        let build = |port: Option<u16>| {
            let resolver = TableResolver { table: Arc::clone(&hosts), port };
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .dns_resolver(resolver)
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .no_proxy()
                .connect_timeout(options.connect_timeout)
                .pool_max_idle_per_host(POOL_IDLE_MAX)
                .pool_idle_timeout(POOL_IDLE_TIMEOUT)
                .tcp_nodelay(true)
                .user_agent(options.user_agent.as_str())
                .build()
                .map_err(|error| ClientBuildError::Refused { why: error::chain_text(&error) })
        };
        let mapped =
            hosts.ports().map(|port| Ok((port, build(Some(port))?))).collect::<Result<_, ClientBuildError>>()?;
        Ok(Self(Arc::new(Inner {
            plain: build(None)?,
            mapped,
            hosts: Arc::clone(&hosts),
            connect_timeout: options.connect_timeout,
        })))
    }

    /// Sends a request and reads the whole answer, whatever its status.
    pub async fn send(&self, mut request: HttpRequest) -> Result<HttpResponse, ClientError> {
        let body = std::mem::take(&mut request.body);
        self.send_body(request, body.into()).await
    }

    /// As [`HttpClient::send`], with a body that comes piece by piece. One that ends short,
    /// or fails, breaks the exchange off.
    pub async fn send_streamed(
        &self,
        mut request: HttpRequest,
        stream: BodyStream,
    ) -> Result<HttpResponse, ClientError> {
        request.headers.insert(http::header::CONTENT_LENGTH, stream.length.into());
        self.send_body(request, stream.into_body()).await
    }

    async fn send_body(&self, request: HttpRequest, body: reqwest::Body) -> Result<HttpResponse, ClientError> {
        let target = Target::of(&request.url)?;
        let limit = request.timeout;
        tokio::time::timeout(limit, self.exchange(request, body, target))
            .await
            .unwrap_or(Err(ClientError::Timeout { after: limit }))
    }

    /// The table that names are looked up in first.
    pub fn hosts(&self) -> &HostTable {
        &self.0.hosts
    }

    async fn exchange(
        &self,
        request: HttpRequest,
        body: reqwest::Body,
        target: Target,
    ) -> Result<HttpResponse, ClientError> {
        let classify = |error: &reqwest::Error| {
            let mapped = self.0.hosts.lookup(&target.host, target.port);
            error::classify(error, &target.host, target.port, mapped, self.0.connect_timeout)
        };
        let mut response = self
            .client(&target)
            .request(request.method, target.url.clone())
            .headers(request.headers)
            .body(body)
            .send()
            .await
            .map_err(|error| classify(&error))?;

        let too_large = ClientError::BodyTooLarge { limit: request.body_max };
        let declared = response.content_length().unwrap_or(0);
        if declared > request.body_max as u64 {
            return Err(too_large);
        }
        let mut body =
            BytesMut::with_capacity(usize::try_from(declared).map_or(0, |bytes| bytes.min(BODY_BYTES_FIRST)));
        while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
            if chunk.len() > request.body_max - body.len() {
                return Err(too_large);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpResponse {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: body.freeze(),
            url: target.url.into(),
        })
    }

    fn client(&self, target: &Target) -> &reqwest::Client {
        let inner = &self.0;
        // A resolver can change the port of a URL that names none; a named one stands.
        let fits = match target.port {
            HTTPS => target.url.scheme() == "https",
            HTTP => target.url.scheme() == "http",
            _ => true,
        };
        inner.mapped.get(&target.port).filter(|_| fits).unwrap_or(&inner.plain)
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("hosts", &self.0.hosts).finish_non_exhaustive()
    }
}

/// A URL that can be asked.
struct Target {
    url: Url,
    host: String,
    port: u16,
}

impl Target {
    fn of(text: &str) -> Result<Self, ClientError> {
        let refuse = |why: &str| ClientError::InvalidUrl { url: message::shown(text), why: why.to_owned() };
        let url = Url::parse(text).map_err(|error| refuse(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse("it must begin with `https://` or `http://`"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("it holds a user name or password"));
        }
        let host = url.host_str().ok_or_else(|| refuse("it names no host"))?.to_owned();
        let port = url.port_or_known_default().ok_or_else(|| refuse("it names no port"))?;
        Ok(Self { url, host, port })
    }
}

fn tls_config(options: &ClientOptions) -> Result<ClientConfig, ClientBuildError> {
    let provider = tls::crypto_provider();
    let refused = |error: rustls::Error| ClientBuildError::Refused { why: error.to_string() };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(refused)?;
    for (place, root) in options.extra_roots.iter().enumerate() {
        RootCertStore::empty()
            .add(root.clone())
            .map_err(|error| ClientBuildError::Root { place, why: error.to_string() })?;
    }
    let mut config = if options.only_extra_roots {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(options.extra_roots.iter().cloned());
        if roots.is_empty() {
            return Err(ClientBuildError::NoRoots);
        }
        builder.with_root_certificates(roots)
    } else {
        let roots = options.extra_roots.iter().cloned();
        let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(roots, provider)
            .map_err(|_| ClientBuildError::NoRoots)?;
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
    }
    .with_no_client_auth();
    config.alpn_protocols = tls::alpn();
    Ok(config)
}

/// What is set aside for a body before any of it has come.
const BODY_BYTES_FIRST: usize = 64 * 1024;
/// Idle connections kept for one peer.
const POOL_IDLE_MAX: usize = 8;
/// Shorter than the idle time-out of usual servers, so that a connection is not used as it dies.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
