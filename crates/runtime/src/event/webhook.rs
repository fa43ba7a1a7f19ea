//! Events for a web server: each is one POST, repeated a while, and given up in the end.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use crate::client::{ClientError, HttpClient, HttpRequest};

/// Tries of one event; their pauses are two to three minutes.
const TRIES_MAX: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A web server that is told.
#[derive(Clone)]
pub struct Webhook {
    http: HttpClient,
    url: String,
    token: Option<String>,
    first_pause: Duration,
}

/// Why an event was not told.
#[derive(Debug)]
#[non_exhaustive]
pub enum WebhookError {
    /// The server refused it, for good or to the end.
    Refused(StatusCode),
    /// The server could not be reached, to the end.
    Unreachable(ClientError),
    /// The token cannot stand in a header.
    Token,
}

impl fmt::Display for WebhookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(status) => write!(f, "the answer was {status}"),
            Self::Unreachable(error) => write!(f, "{error}"),
            Self::Token => f.write_str("the token has characters that no header takes"),
        }
    }
}

impl std::error::Error for WebhookError {}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook({})", self.url)
    }
}

// === impl Webhook ===

impl Webhook {
    /// A server at an `https` URL, with a bearer token if it wants one.
    pub fn new(http: HttpClient, url: &str, token: Option<String>) -> Self {
        Self { http, url: url.to_owned(), token, first_pause: FIRST_PAUSE }
    }

    /// Another first pause; each further one is twice as long.
    #[must_use]
    pub fn with_first_pause(mut self, pause: Duration) -> Self {
        self.first_pause = pause;
        self
    }

    /// Sends a JSON document until it is taken, refused for good, or given up. `spread`
    /// makes the pauses of different senders differ: 0 to 1.
    pub async fn send(&self, document: &str, spread: f64) -> Result<(), WebhookError> {
        let mut pause = self.first_pause;
        let mut tries = 1;
        loop {
            let failure = match self.post(document).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            let for_good = match &failure {
                WebhookError::Refused(status) => {
                    status.is_client_error()
                        && ![StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(status)
                }
                WebhookError::Unreachable(_) => false,
                WebhookError::Token => true,
            };
            if for_good || tries == TRIES_MAX {
                return Err(failure);
            }
            tries += 1;
            tokio::time::sleep(pause.mul_f64(1.0 + spread.clamp(0.0, 1.0) / 2.0)).await;
            pause *= 2;
        }
    }

    async fn post(&self, document: &str) -> Result<(), WebhookError> {
        let mut request = HttpRequest::post(self.url.clone(), "application/json", document.to_owned())
            .timeout(TIMEOUT)
            .body_max(ANSWER_BYTES_MAX);
        if let Some(token) = &self.token {
            request = request.bearer(token).map_err(|_| WebhookError::Token)?;
        }
        let response = self.http.send(request).await.map_err(WebhookError::Unreachable)?;
        if response.status.is_success() { Ok(()) } else { Err(WebhookError::Refused(response.status)) }
    }
}
