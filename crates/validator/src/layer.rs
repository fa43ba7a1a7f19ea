//! A `tower` layer: requests with a good token pass, with who they come from in their
//! extensions; all others are answered here.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actas_token::dpop::Proofs;
use actas_token::{Accepted, Refusal};
use http::header::CACHE_CONTROL;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response};
use jiff::Timestamp;
use tower_layer::Layer;
use tower_service::Service;

use crate::challenge::{Details, Wording};
use crate::header::{DPOP, authorization, bearer_token, resource_request};
use crate::validator::Validator;

const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// Admits requests by their token.
///
/// The handler finds an [`Accepted`] in the request's extensions. The user of an act-as
/// call is claimed until every id of it was looked up in that tenant and
/// [`actas_token::UserClaims::agree`] found them to be one.
///
/// ```
/// use actas_validator::{AdmitLayer, Validator};
/// # fn layer(validator: Validator) -> AdmitLayer {
/// // The library reads no clock; a server has one.
/// AdmitLayer::new(validator, jiff::Timestamp::now)
/// # }
/// ```
#[derive(Clone)]
pub struct AdmitLayer(Arc<Settings>);

struct Settings {
    validator: Validator,
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    realm: Option<String>,
    details: Details,
    proofs: Option<Arc<Proofs>>,
}

/// The service that [`AdmitLayer`] makes.
#[derive(Clone)]
pub struct Admit<S> {
    settings: Arc<Settings>,
    inner: S,
}

// === impl AdmitLayer ===

impl AdmitLayer {
    /// A layer that asks `validator`, with the time that `now` tells.
    pub fn new(validator: Validator, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let (realm, details, proofs) = (None, Details::default(), None);
        Self(Arc::new(Settings { validator, now: Box::new(now), realm, details, proofs }))
    }

    /// The same, naming a realm in challenges.
    #[must_use]
    pub fn realm(self, realm: impl Into<String>) -> Self {
        self.with(|settings| settings.realm = Some(realm.into()))
    }

    /// The same, telling refused callers more or less.
    #[must_use]
    pub fn details(self, details: Details) -> Self {
        self.with(|settings| settings.details = details)
    }

    /// The same, taking tokens that are bound to a key with their proof (RFC 9449), which
    /// `proofs` checks; without it such tokens are refused. Its origins are those that
    /// callers dial, and the layer has to see the path that they asked for: it stands in
    /// front of routers that shorten it. A layer does not see the client's certificate, so a
    /// token that is bound to one is refused either way.
    #[must_use]
    pub fn proofs(self, proofs: Arc<Proofs>) -> Self {
        self.with(|settings| settings.proofs = Some(proofs))
    }

    fn with(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = match Arc::try_unwrap(self.0) {
            Ok(own) => own,
            Err(shared) => Settings {
                validator: shared.validator.clone(),
                realm: shared.realm.clone(),
                details: shared.details,
                proofs: shared.proofs.clone(),
                now: Box::new(move || (shared.now)()),
            },
        };
        change(&mut settings);
        Self(Arc::new(settings))
    }
}

impl<S> Layer<S> for AdmitLayer {
    type Service = Admit<S>;

    fn layer(&self, inner: S) -> Admit<S> {
        Admit { settings: Arc::clone(&self.0), inner }
    }
}

impl fmt::Debug for AdmitLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AdmitLayer({:?})", self.0.validator)
    }
}

// === impl Settings ===

impl Settings {
    async fn judge(&self, request: &Parts, now: Timestamp) -> Result<Accepted, Refusal> {
        match &self.proofs {
            Some(proofs) => {
                let request = resource_request(&request.method, request.uri.path(), &request.headers, None);
                self.validator.admit(&request, proofs, now).await
            }
            None => self.validator.validate(bearer_token(&request.headers)?, now).await,
        }
    }

    fn deny<R: Default>(&self, request: &Parts, refusal: &Refusal) -> Response<R> {
        let scheme = authorization(&request.headers).ok().map(|read| read.scheme);
        let wording =
            Wording { realm: self.realm.as_deref(), authorization_uri: None, takes_proofs: self.proofs.is_some() };
        let denial = self.validator.denial(scheme, refusal, wording, self.details);
        let mut response = Response::new(R::default());
        *response.status_mut() = denial.status;
        for (name, value) in denial.headers() {
            response.headers_mut().append(name, value);
        }
        response
    }

    /// What an answer to a request with a proof brings: a nonce for the next, so that a
    /// client need not be refused to get one (RFC 9449 §8.2, §9).
    fn fresh_nonce(&self, request: &Parts, now: Timestamp) -> Option<HeaderValue> {
        let proofs = self.proofs.as_ref().filter(|_| request.headers.contains_key(DPOP))?;
        HeaderValue::try_from(proofs.nonce(now)?).ok()
    }
}

// === impl Admit ===

impl<S, B, R> Service<Request<B>> for Admit<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The one that is ready answers; its clone gets ready for the next.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let settings = Arc::clone(&self.settings);
        Box::pin(async move {
            let now = (settings.now)();
            let (mut parts, body) = request.into_parts();
            let nonce = settings.fresh_nonce(&parts, now);
            let mut response = match settings.judge(&parts, now).await {
                Ok(accepted) => {
                    parts.extensions.insert(accepted);
                    inner.call(Request::from_parts(parts, body)).await?
                }
                Err(refusal) => {
                    tracing::info!(rule = refusal.rule().name(), %refusal, "request refused");
                    settings.deny(&parts, &refusal)
                }
            };
            if let Some(nonce) = nonce {
                response.headers_mut().insert(DPOP_NONCE, nonce);
                response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
            Ok(response)
        })
    }
}

impl<S> fmt::Debug for Admit<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Admit({:?})", self.settings.validator)
    }
}
