//! A `tower` layer: requests with a good token pass, with who they come from in their
//! extensions; all others are answered here.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actas_token::{Accepted, Refusal};
use http::{Request, Response};
use jiff::Timestamp;
use tower_layer::Layer;
use tower_service::Service;

use crate::challenge::Details;
use crate::header::bearer_token;
use crate::validator::Validator;

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
        Self(Arc::new(Settings { validator, now: Box::new(now), realm: None, details: Details::default() }))
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

    fn with(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = match Arc::try_unwrap(self.0) {
            Ok(own) => own,
            Err(shared) => Settings {
                validator: shared.validator.clone(),
                realm: shared.realm.clone(),
                details: shared.details,
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
    async fn judge(&self, headers: &http::HeaderMap) -> Result<Accepted, Refusal> {
        self.validator.validate(bearer_token(headers)?, (self.now)()).await
    }

    fn deny<R: Default>(&self, refusal: &Refusal) -> Response<R> {
        let denial = self.validator.denial(refusal, self.realm.as_deref(), self.details);
        let mut response = Response::new(R::default());
        *response.status_mut() = denial.status;
        response.headers_mut().extend(denial.headers());
        response
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

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The one that is ready answers; its clone gets ready for the next.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let settings = Arc::clone(&self.settings);
        Box::pin(async move {
            match settings.judge(request.headers()).await {
                Ok(accepted) => {
                    request.extensions_mut().insert(accepted);
                    inner.call(request).await
                }
                Err(refusal) => {
                    tracing::info!(rule = refusal.rule().name(), %refusal, "request refused");
                    Ok(settings.deny(&refusal))
                }
            }
        })
    }
}

impl<S> fmt::Debug for Admit<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Admit({:?})", self.settings.validator)
    }
}
