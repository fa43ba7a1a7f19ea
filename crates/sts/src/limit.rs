//! How much one caller may ask for: by address before anything is looked at, by client
//! once it is known.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use actas_directory::odata;
use actas_runtime::rate::{Limiter, Rate, address_key, retry_after};
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::request::Parts;
use http::{HeaderName, StatusCode};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::Sts;
use crate::token::answer::Refused;

/// The limits of the service, generous beside what real clients do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rates {
    /// Requests for tokens from one address.
    pub token_by_address: Rate,
    /// Tokens for one client of one tenant.
    pub token_by_client: Rate,
    /// Refusals of credentials that one address may cause; one more and it waits.
    pub refusals_by_address: Rate,
    /// Graph requests from one address.
    pub graph_by_address: Rate,
    /// Codes for devices that one address may ask for.
    pub device_codes_by_address: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            token_by_address: Rate { per_second: 1_000, burst: 10_000 },
            token_by_client: Rate { per_second: 1_000, burst: 10_000 },
            refusals_by_address: Rate { per_second: 5, burst: 500 },
            graph_by_address: Rate { per_second: 500, burst: 5_000 },
            device_codes_by_address: Rate { per_second: 1, burst: 60 },
        }
    }
}

/// The limits at work.
pub(crate) struct Limits {
    pub(crate) token_by_address: Limiter<IpAddr>,
    pub(crate) token_by_client: Limiter<Uuid>,
    pub(crate) refusals_by_address: Limiter<IpAddr>,
    pub(crate) graph_by_address: Limiter<IpAddr>,
    pub(crate) device_codes_by_address: Limiter<IpAddr>,
    /// Wrong passwords for one name from one address, and from all together: slower than
    /// anybody guesses, and no reason for others to lock a user out at once.
    pub(crate) passwords_by_name_and_address: Limiter<(NameKey, Option<IpAddr>)>,
    pub(crate) passwords_by_name: Limiter<NameKey>,
}

/// A name that somebody typed, as a hash: what it counts for may not be a user at all.
pub(crate) type NameKey = [u8; 32];

impl Limits {
    pub(crate) fn new(rates: &Rates) -> Self {
        Self {
            token_by_address: Limiter::new(rates.token_by_address),
            token_by_client: Limiter::new(rates.token_by_client),
            refusals_by_address: Limiter::new(rates.refusals_by_address),
            graph_by_address: Limiter::new(rates.graph_by_address),
            device_codes_by_address: Limiter::new(rates.device_codes_by_address),
            passwords_by_name_and_address: Limiter::slow(SignedDuration::from_mins(1), 10),
            passwords_by_name: Limiter::slow(SignedDuration::from_secs(10), 100),
        }
    }

    /// Other rates from now on; what was taken stays taken.
    pub(crate) fn set_rates(&self, rates: &Rates) {
        self.token_by_address.set_rate(rates.token_by_address);
        self.token_by_client.set_rate(rates.token_by_client);
        self.refusals_by_address.set_rate(rates.refusals_by_address);
        self.graph_by_address.set_rate(rates.graph_by_address);
        self.device_codes_by_address.set_rate(rates.device_codes_by_address);
    }
}

/// The address that a request came from, as the listener saw it. Without a listener, as
/// in a test or behind another kind of server, nobody is told apart and nobody limited.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Peer(Option<IpAddr>);

// === impl Peer ===

impl Peer {
    pub(crate) fn address(self) -> Option<IpAddr> {
        self.0
    }

    pub(crate) fn key(self) -> Option<IpAddr> {
        self.0.map(address_key)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())))
    }
}

// === impl Sts ===

impl Sts {
    /// Whether an address may ask for a token now, or how long it has to wait. One that
    /// guessed credentials too often waits as well.
    pub(crate) fn admit(&self, peer: Peer, now: Timestamp) -> Result<(), SignedDuration> {
        let Some(key) = peer.key() else { return Ok(()) };
        self.0.limits.refusals_by_address.has(key, now)?;
        self.0.limits.token_by_address.take(key, now)
    }

    /// Counts what may be guessing.
    pub(crate) fn note_refusal(&self, peer: Peer, refused: &Refused, now: Timestamp) {
        if let Some(key) = peer.key().filter(|_| refused.is_of_credentials()) {
            // The next request finds out whether it was one too many.
            let _ = self.0.limits.refusals_by_address.take(key, now);
        }
    }
}

/// Limits Graph by address, before a token is looked at.
pub(crate) async fn graph(State(sts): State<Sts>, peer: Peer, request: Request, next: Next) -> Response {
    let now = sts.0.clock.now();
    match peer.key().map_or(Ok(()), |key| sts.0.limits.graph_by_address.take(key, now)) {
        Ok(()) => next.run(request).await,
        Err(wait) => too_many(wait, now),
    }
}

/// Graph's answer to too much.
fn too_many(wait: SignedDuration, now: Timestamp) -> Response {
    let request_id = Uuid::new_v4().to_string();
    let message = "Too many requests. Wait as long as Retry-After says.";
    let body = odata::error_body("TooManyRequests", message, now, &request_id, None);
    let headers = [(RETRY_AFTER, retry_after(wait).to_string()), (HeaderName::from_static("request-id"), request_id)];
    (StatusCode::TOO_MANY_REQUESTS, headers, axum::Json(body)).into_response()
}
