//! Tokens: assertion in, actor token out, act-as token around it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actas_directory::onprem::{AuthToken, OAuthServer, PartnerApplication};
use actas_runtime::{ClientError, HttpRequest};
use actas_token::issue::{self, ActAsUser};
use actas_token::{Principal, SigningKey, well_known};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;
use url::form_urlencoded::Serializer;
use uuid::Uuid;

use crate::Agent;
use crate::certificates::Use;
use crate::discover::authority;
use crate::error::Error;
use crate::metadata::describe_refusal;

/// How long an assertion lives: long enough for one request.
const ASSERTION_LIFETIME: SignedDuration = SignedDuration::from_mins(5);
/// How long an act-as token lives.
const ACT_AS_LIFETIME: SignedDuration = SignedDuration::from_mins(5);
/// How long an actor token of our own issue lives.
const SELF_ISSUED_LIFETIME: SignedDuration = SignedDuration::from_hours(1);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// A token that ends sooner is not sent: it has to live until it is looked at.
const LEAST_LEFT: SignedDuration = SignedDuration::from_secs(30);
/// How long a renewal that failed is left alone while the present token does.
const RENEWAL_PAUSE: SignedDuration = SignedDuration::from_secs(30);
/// Actor tokens that are kept.
const TOKENS_MAX: usize = 1_000;

/// An actor token, good for one resource at one host.
#[derive(Clone)]
pub struct ActorToken {
    token: String,
    /// The resource it is good for: `appid/host@realm`.
    pub resource: String,
    caller: Principal,
    /// Where it came from.
    pub issuer: String,
    /// When it ends.
    pub expires: Timestamp,
    made: Timestamp,
    renew_at: Timestamp,
}

impl std::fmt::Debug for ActorToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ActorToken(for {})", self.resource)
    }
}

impl ActorToken {
    /// The token itself, for someone who asked to see it. It opens mailboxes: it belongs
    /// into no log.
    pub fn reveal(&self) -> &str {
        &self.token
    }
}

/// Why there is no token.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenFailure {
    /// Nothing is configured that could vouch for us: the trust is not declared.
    #[error("no enabled partner application for Exchange is configured")]
    NoTrust,
    /// The trust is declared and incomplete or contradictory on this side.
    #[error("{0}")]
    Configuration(Error),
    /// The token service did not answer.
    #[error("{error}")]
    Unreachable {
        /// Where.
        sts: String,
        /// What was asked for.
        resource: String,
        /// Why.
        error: ClientError,
    },
    /// The token service did not answer, and is left alone for now.
    #[error("the token service {target} does not answer; it is asked again at {until}")]
    Waiting {
        /// Its host.
        target: String,
        /// When it is asked again.
        until: Timestamp,
    },
    /// The token service refused.
    #[error("The remote server returned an error: ({}){description}", status.as_u16())]
    Refused {
        /// Where.
        sts: String,
        /// What was asked for.
        resource: String,
        /// With what status.
        status: StatusCode,
        /// `error_description`, with a colon before it.
        description: String,
    },
}

impl TokenFailure {
    /// Whether it says nothing about us: the token service is away.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Waiting { .. } => true,
            Self::Refused { status, .. } => status.is_server_error(),
            Self::NoTrust | Self::Configuration(_) => false,
        }
    }
}

impl From<TokenFailure> for Error {
    fn from(failure: TokenFailure) -> Self {
        match failure {
            TokenFailure::Unreachable { error, .. } => error.into(),
            TokenFailure::Configuration(error) => error,
            TokenFailure::Refused { sts, status, description, .. } => {
                Self::peer(format!("`{sts}` gave no token: {status}{description}"))
            }
            other => Self::peer(other.to_string()),
        }
    }
}

/// One lock a key, so that many waiting for one token ask for it once.
#[derive(Default)]
pub(crate) struct TokenCache {
    slots: Mutex<HashMap<String, Arc<Mutex<Option<ActorToken>>>>>,
    plans: Mutex<HashMap<String, Planned>>,
}

struct Planned {
    plan: Arc<Plan>,
    revision: i64,
    made: Timestamp,
}

/// A certificate may take its turn without a setting being changed.
const PLAN_AGE_MAX: SignedDuration = SignedDuration::from_secs(30);

// === impl TokenCache ===

impl TokenCache {
    async fn slot(&self, key: &str) -> Arc<Mutex<Option<ActorToken>>> {
        let mut slots = self.slots.lock().await;
        if slots.len() >= TOKENS_MAX && !slots.contains_key(key) {
            slots.clear();
        }
        slots.entry(key.to_owned()).or_default().clone()
    }

    pub(crate) async fn clear(&self) {
        self.slots.lock().await.clear();
        self.plans.lock().await.clear();
    }
}

/// Everything that a request for a token needs, read at one moment.
struct Plan {
    caller: Principal,
    resource: String,
    key: SigningKey,
    source: Source,
}

enum Source {
    /// We are our own issuer: the partner trusts our metadata.
    Ourselves,
    /// A token service.
    Server(Box<OAuthServer>),
}

// === impl Agent ===

impl Agent {
    /// A token for Exchange at a host, cached until four fifths of its life.
    pub async fn actor_token(&self, host: &str) -> Result<ActorToken, TokenFailure> {
        let plan = self.remembered_plan(host).await?;
        let slot = self.0.tokens.slot(&format!("{} {} {}", plan.caller, plan.resource, plan.key.x5t())).await;
        let mut cached = slot.lock().await;
        let now = self.0.clock.now();
        // One from the future is of a clock that was set back.
        let earlier = cached.as_ref().filter(|token| now >= token.made && now + LEAST_LEFT < token.expires);
        if let Some(token) = earlier.filter(|token| now < token.renew_at) {
            return Ok(token.clone());
        }
        match self.request(&plan, now).await {
            Ok(token) => {
                *cached = Some(token.clone());
                Ok(token)
            }
            // Four fifths are over and the last is not: it does while the token service
            // is away.
            Err(failure) => match earlier.cloned() {
                Some(token) if failure.may_pass() => {
                    tracing::warn!(%failure, "the token could not be renewed; the present one is used on");
                    *cached = Some(ActorToken { renew_at: now + RENEWAL_PAUSE, ..token.clone() });
                    Ok(token)
                }
                _ => Err(failure),
            },
        }
    }

    /// Proves that a key pair is accepted by the token service: a real token is asked
    /// for with it, and nothing is cached.
    pub(crate) async fn prove_key(
        &self,
        pair: &actas_certificate::KeyPair,
        host: &str,
    ) -> Result<ActorToken, TokenFailure> {
        let mut plan = self.plan(host).await?;
        plan.key = signing_key(pair)?;
        self.request(&plan, self.0.clock.now()).await
    }

    /// Wraps an actor token for a user, for one request.
    pub(crate) fn act_as(&self, actor: &ActorToken, user: &ActAsUser) -> String {
        issue::act_as_token(&actor.caller, &actor.resource, user, &actor.token, ACT_AS_LIFETIME, self.0.clock.now())
    }

    /// A plan takes reading settings and a key; it holds until either changes.
    async fn remembered_plan(&self, host: &str) -> Result<Arc<Plan>, TokenFailure> {
        let revision = self.0.settings.revision().await.map_err(|error| TokenFailure::Configuration(error.into()))?;
        let now = self.0.clock.now();
        let mut plans = self.0.tokens.plans.lock().await;
        let fresh = plans.get(host).filter(|known| {
            known.revision == revision && now >= known.made && now.duration_since(known.made) < PLAN_AGE_MAX
        });
        if let Some(known) = fresh {
            return Ok(Arc::clone(&known.plan));
        }
        let plan = Arc::new(self.plan(host).await?);
        if plans.len() >= TOKENS_MAX {
            plans.clear();
        }
        plans.insert(host.to_owned(), Planned { plan: Arc::clone(&plan), revision, made: now });
        Ok(plan)
    }

    async fn plan(&self, host: &str) -> Result<Plan, TokenFailure> {
        let configuration = self.oauth_configuration().await.map_err(TokenFailure::Configuration)?;
        let partner = self.exchange_partner().await?;
        let server = match &partner.auth_token {
            AuthToken::UseOAuthServer => {
                Some(self.token_server(configuration.client_authorization_oauth_server_identity.as_deref()).await?)
            }
            // It trusts our own metadata or certificate.
            _ => None,
        };
        // A resource is in the realm of whoever vouches for us there: a partner that trusts our
        // own word has its own, which need not be ours.
        let theirs = partner.realm.clone().filter(|_| server.is_none());
        let realm = configuration
            .realm
            .or_else(|| server.as_ref().map(|server| server.realm.clone()))
            .or_else(|| partner.realm.clone())
            .ok_or_else(|| {
                TokenFailure::Configuration(
                    Error::invalid("no realm is configured for tokens of our own issue")
                        .with_hint("`actas Set-CsOAuthConfiguration -Realm <default SIP domain>`"),
                )
            })?;
        let app_id: Uuid = configuration.service_name.unwrap_or(well_known::LYNC);
        let now = self.0.clock.now();
        let pair =
            self.0.certificates.signing(Use::OAuthTokenIssuer, now).await.map_err(TokenFailure::Configuration)?;
        Ok(Plan {
            resource: Principal::audience(partner.application_identifier, host, theirs.as_deref().unwrap_or(&realm))
                .to_string(),
            caller: Principal::in_realm(app_id, realm),
            key: signing_key(&pair)?,
            source: server.map_or(Source::Ourselves, |server| Source::Server(Box::new(server))),
        })
    }

    async fn exchange_partner(&self) -> Result<PartnerApplication, TokenFailure> {
        let partners = self.partners().await.map_err(TokenFailure::Configuration)?;
        let exchange = partners
            .into_iter()
            .find(|partner| partner.enabled && partner.application_identifier == well_known::EXCHANGE);
        exchange.ok_or(TokenFailure::NoTrust)
    }

    /// The OAuth server that issues server-to-server tokens: any but the one that
    /// clients sign in at.
    async fn token_server(&self, client_sign_in: Option<&str>) -> Result<OAuthServer, TokenFailure> {
        let servers = self.oauth_servers().await.map_err(TokenFailure::Configuration)?;
        let is_sign_in =
            |server: &OAuthServer| client_sign_in.is_some_and(|name| name.eq_ignore_ascii_case(&server.name));
        let mut issuing: Vec<OAuthServer> =
            servers.into_iter().filter(|server| server.token_endpoint.is_some()).collect();
        issuing.sort_by_key(is_sign_in);
        issuing.into_iter().next().ok_or_else(|| {
            TokenFailure::Configuration(
                Error::not_found("no OAuth server is configured").with_hint(
                    "`actas New-CsOAuthServer microsoft.sts -MetadataUrl https://accounts.accesscontrol.windows.net/<tenant id>/metadata/json/1`",
                ),
            )
        })
    }

    async fn request(&self, plan: &Plan, now: Timestamp) -> Result<ActorToken, TokenFailure> {
        match &plan.source {
            Source::Ourselves => self_issue(plan, now),
            Source::Server(server) => {
                let endpoint = server.token_endpoint.as_deref().and_then(|text| Url::parse(text).ok());
                let target = endpoint.as_ref().map(authority).unwrap_or_default();
                self.admit(&target).map_err(|until| TokenFailure::Waiting { target: target.clone(), until })?;
                let outcome = self.request_from(server, plan, now).await;
                let is_away = outcome.as_ref().is_err_and(TokenFailure::may_pass);
                self.report(&target, if is_away { Err(None) } else { Ok(()) }).await;
                outcome
            }
        }
    }

    async fn request_from(
        &self,
        server: &OAuthServer,
        plan: &Plan,
        now: Timestamp,
    ) -> Result<ActorToken, TokenFailure> {
        let endpoint = server.token_endpoint.clone().unwrap_or_default();
        let audience = assertion_audience(server, &endpoint)?;
        let assertion = issue::assertion(&plan.key, &plan.caller, &audience, ASSERTION_LIFETIME, now)
            .map_err(|error| TokenFailure::Configuration(Error::machine(error.to_string())))?;
        let body = Serializer::new(String::new())
            .append_pair("grant_type", "http://oauth.net/grant_type/jwt/1.0/bearer")
            .append_pair("assertion", &assertion)
            .append_pair("resource", &plan.resource)
            .finish();
        let request =
            HttpRequest::post(endpoint.as_str(), "application/x-www-form-urlencoded", body).timeout(REQUEST_TIMEOUT);
        let response = self.0.http.send(request).await.map_err(|error| TokenFailure::Unreachable {
            sts: endpoint.clone(),
            resource: plan.resource.clone(),
            error,
        })?;
        let refused = |description: String| TokenFailure::Refused {
            sts: endpoint.clone(),
            resource: plan.resource.clone(),
            status: response.status,
            description,
        };
        if response.status != StatusCode::OK {
            return Err(refused(describe_refusal(&response.body)));
        }
        let answer: Value = serde_json::from_slice(&response.body)
            .map_err(|error| refused(format!(": the answer is not JSON: {error}")))?;
        let token = answer
            .get("access_token")
            .and_then(Value::as_str)
            .ok_or_else(|| refused(": the answer has no access_token".to_owned()))?;
        let lifetime = lifetime(&answer);
        Ok(ActorToken {
            token: token.to_owned(),
            resource: plan.resource.clone(),
            caller: plan.caller.clone(),
            issuer: endpoint,
            expires: now + lifetime,
            made: now,
            renew_at: now + lifetime * 4 / 5,
        })
    }
}

fn signing_key(pair: &actas_certificate::KeyPair) -> Result<SigningKey, TokenFailure> {
    SigningKey::new(pair.key().pkcs8_der(), pair.certificate().der()).map_err(|error| {
        TokenFailure::Configuration(Error::machine(format!(
            "the token certificate {} cannot sign: {error}",
            pair.certificate().thumbprint()
        )))
    })
}

fn self_issue(plan: &Plan, now: Timestamp) -> Result<ActorToken, TokenFailure> {
    let token = issue::ActorToken {
        audience: &plan.resource,
        issuer: &plan.caller,
        caller: &plan.caller,
        object_id: None,
        trusted_for_delegation: true,
        lifetime: SELF_ISSUED_LIFETIME,
        confirmation: None,
    };
    let text = issue::actor_token(&plan.key, &token, now)
        .map_err(|error| TokenFailure::Configuration(Error::machine(error.to_string())))?;
    Ok(ActorToken {
        token: text,
        resource: plan.resource.clone(),
        caller: plan.caller.clone(),
        issuer: plan.caller.to_string(),
        expires: now + SELF_ISSUED_LIFETIME,
        made: now,
        renew_at: now + SELF_ISSUED_LIFETIME * 4 / 5,
    })
}

/// The audience of an assertion: one that the token service publishes for our realm at
/// the endpoint's own host, else any for our realm, else the form that it must have.
fn assertion_audience(server: &OAuthServer, endpoint: &str) -> Result<String, TokenFailure> {
    let url = Url::parse(endpoint).ok().filter(|url| url.scheme() == "https").ok_or_else(|| {
        TokenFailure::Configuration(Error::invalid(format!(
            "the token endpoint `{endpoint}` of the OAuth server `{}` is not an https URL",
            server.name
        )))
    })?;
    let authority = url.port().map_or_else(
        || url.host_str().unwrap_or_default().to_owned(),
        |port| format!("{}:{port}", url.host_str().unwrap_or_default()),
    );
    let issuer: Uuid = server.issuer_identifier.parse().unwrap_or(well_known::STS);
    let own = Principal::audience(issuer, authority, server.realm.as_str()).to_string();
    let ours = |audience: &&String| audience.ends_with(&format!("@{}", server.realm));
    let published = server
        .allowed_audiences
        .iter()
        .find(|audience| **audience == own)
        .or_else(|| server.allowed_audiences.iter().find(ours));
    Ok(published.cloned().unwrap_or(own))
}

/// `expires_in`; an hour where it tells nothing.
fn lifetime(answer: &Value) -> SignedDuration {
    SignedDuration::from_secs(number(&answer["expires_in"]).unwrap_or(3600).clamp(60, 86_400))
}

/// A number of a token service's answer, which comes as text of some.
pub(crate) fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}
