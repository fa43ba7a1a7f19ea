//! What an operator decides.

use std::collections::BTreeMap;
use std::time::Duration;

use actas_runtime::rate::Rate;
use actas_token::Limits;

/// How a server is reached, and what it allows itself.
#[derive(Clone, Debug)]
pub struct MailboxConfig {
    /// Host names that an audience may name, for instance `ews.outlook.cloud.example`.
    /// Configured, never taken from a request.
    pub hosts: Vec<String>,
    /// The port that an audience may add to the host.
    pub port: Option<u16>,
    /// EWS as clients reach it; what Autodiscover tells.
    pub ews_url: String,
    /// Autodiscover as clients reach it.
    pub autodiscover_url: String,
    /// Where interactive clients would get a token; stands in the challenge.
    pub authorization_uri: Option<String>,
    /// Policy on times of tokens.
    pub limits: Limits,
    /// The bound within which a revoked auth server or partner stops working. A disabled
    /// user stops with the next request.
    pub trust_refresh: Duration,
    /// Whether a refused caller is told which rule failed. Never what was in its token.
    pub verbose_diagnostics: bool,
    /// Whether proofs of possession must carry a nonce of this server's (RFC 9449 §9).
    pub require_dpop_nonce: bool,
    /// The most bytes of a request that are held in memory: of an EWS request all but its long
    /// contents, of one to Graph all.
    pub request_bytes_max: usize,
    /// The most bytes of one item, files included. Those of EWS requests that are long go to the
    /// store as they arrive.
    pub item_bytes_max: i64,
    /// Domains whose mailboxes are elsewhere, lower case. A mailbox that is here comes first.
    /// That redirections end is for the client to see to.
    pub elsewhere: BTreeMap<String, Elsewhere>,
    /// How much one caller may ask for.
    pub rates: Rates,
    /// Requests without credentials (JSON Autodiscover, metadata) that one address may make in
    /// a minute.
    pub anonymous_requests_max: u32,
    /// Who the server is when it signs; without it, it publishes no metadata.
    pub identity: Option<Identity>,
    /// The most bytes of all items of one mailbox, files included.
    pub quota_bytes: i64,
    /// Where mail is served in the shapes of Graph; without it, it is not.
    pub graph: Option<GraphAddress>,
}

/// Where Graph is, and whose tokens it takes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GraphAddress {
    /// Origins such as `https://graph.cloud.example`, the canonical one first: what answers
    /// refer to, and what an audience may name beside `https://graph.microsoft.com`.
    pub origins: Vec<String>,
    /// The origin of the cloud's token service, which publishes its keys for each tenant.
    pub authority: String,
}

/// The limits of the server, generous beside what real clients do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rates {
    /// Requests from one address, before a token is looked at.
    pub by_address: Rate,
    /// Tokens from one address that are refused; one more and it waits.
    pub refusals_by_address: Rate,
    /// Requests of one application of one tenant.
    pub by_client: Rate,
    /// Requests of one application to one mailbox, over EWS and Graph together; off unless
    /// configured.
    pub by_mailbox: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            by_address: Rate { per_second: 5_000, burst: 50_000 },
            refusals_by_address: Rate { per_second: 20, burst: 2_000 },
            by_client: Rate { per_second: 5_000, burst: 50_000 },
            by_mailbox: Rate { per_second: 0, burst: 1 },
        }
    }
}

/// Where Autodiscover sends those who ask for a domain.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Elsewhere {
    /// To the same local part in another domain.
    Domain(String),
    /// To another Autodiscover, such as
    /// `https://autodiscover.cloud.example/autodiscover/autodiscover.svc`.
    Url(String),
}

/// What the server's metadata document says of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// The certificate of the key that it signs with (DER).
    pub certificate: Vec<u8>,
    /// Its realm where none is asked for: a tenant's id, or an accepted domain. Without one
    /// it speaks for any.
    pub realm: Option<String>,
}

/// A way in which EWS can fail for one mailbox.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FaultKind {
    /// HTTP 503, as a server in front answers whose queue is full.
    Http503,
    /// HTTP 200, and `ErrorInternalServerError` for each item.
    InternalErrorInside200,
    /// The fault `ErrorServerBusy`.
    ServerBusy {
        /// How long the server wants to be left alone.
        back_off_ms: u64,
    },
}

/// The most bytes of a request in memory, unless configured.
const REQUEST_BYTES_MAX: usize = 40 * 1024 * 1024;
/// The most bytes of one item, unless configured.
const ITEM_BYTES_MAX: i64 = 150 * 1024 * 1024;
/// Requests without credentials of one address in a minute, unless configured.
const ANONYMOUS_REQUESTS_MAX: u32 = 600;
/// The most bytes of one mailbox, unless configured.
const QUOTA_BYTES: i64 = 50 * 1024 * 1024 * 1024;
/// How old the server's knowledge of its trust may be, unless configured.
const TRUST_REFRESH: Duration = Duration::from_secs(5);

impl MailboxConfig {
    /// A careful configuration: trust at most five seconds old, terse diagnostics,
    /// requests of at most 40 MiB in memory, items of at most 150 MiB, mailboxes of at most 50 GiB.
    pub fn new(hosts: Vec<String>, ews_url: impl Into<String>, autodiscover_url: impl Into<String>) -> Self {
        Self {
            hosts,
            port: None,
            ews_url: ews_url.into(),
            autodiscover_url: autodiscover_url.into(),
            authorization_uri: None,
            limits: Limits::default(),
            trust_refresh: TRUST_REFRESH,
            verbose_diagnostics: false,
            require_dpop_nonce: false,
            request_bytes_max: REQUEST_BYTES_MAX,
            item_bytes_max: ITEM_BYTES_MAX,
            elsewhere: BTreeMap::new(),
            rates: Rates::default(),
            anonymous_requests_max: ANONYMOUS_REQUESTS_MAX,
            identity: None,
            quota_bytes: QUOTA_BYTES,
            graph: None,
        }
    }

    /// The origins at which clients reach the server: what the address in a proof of theirs
    /// may begin with.
    pub(crate) fn origins(&self) -> Vec<String> {
        let hosts = self.hosts.iter().map(|host| format!("https://{host}"));
        let with_port =
            self.port.into_iter().flat_map(|port| self.hosts.iter().map(move |host| format!("https://{host}:{port}")));
        hosts.chain(with_port).chain([self.ews_url.clone(), self.autodiscover_url.clone()]).collect()
    }
}
