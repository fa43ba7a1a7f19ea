//! Where a user signs in for a device that waits elsewhere (RFC 8628 §3.3): name and
//! password beside the code, and then a decision, knowing which application asks.
//!
//! There is no cookie and no session: what a form does, it does by what is in it. So
//! nothing can be done in the name of somebody whose browser is led here. A code is looked
//! up only for somebody who proved who they are, so that nobody guesses codes.

pub(crate) mod code;
mod html;

use std::collections::HashMap;

use actas_directory::device_sign_in::DeviceSignIn;
use actas_directory::{Tenant, User, UserKey};
use actas_runtime::rate::retry_after;
use actas_store::directory::Audit;
use aws_lc_rs::digest;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::Response;
use axum::routing::get;
use http::header::{HeaderName, ORIGIN, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::limit::{NameKey, Peer};
use crate::token::answer::Refused;
use crate::{Sts, secret};
use code::UserCode;
use html::Page;

const REQUEST_BYTES_MAX: usize = 8 * 1024;
/// How often a sign-in is read again because the device's question came in between.
const TRIES_MAX: usize = 4;
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

pub(crate) fn routes() -> Router<Sts> {
    Router::new()
        .route("/{tenant}/oauth2/deviceauth", get(show).post(submit))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
}

/// Why a user does not get on.
enum Trouble {
    /// Something in the form; it is shown again.
    Again(&'static str),
    /// It cannot go on from here.
    Over(&'static str, &'static str),
    /// Too often; wait so long.
    Wait(SignedDuration),
    /// Our fault.
    Unavailable,
}

impl From<actas_store::Error> for Trouble {
    fn from(error: actas_store::Error) -> Self {
        tracing::error!(%error, "a user cannot sign in");
        Self::Unavailable
    }
}

async fn show(State(sts): State<Sts>, Path(segment): Path<String>) -> Response {
    match sts.tenant(&segment).await {
        Ok(Some(tenant)) => Page::SignIn { tenant: &tenant.display_name, problem: None }.answer(StatusCode::OK),
        Ok(None) => no_tenant(),
        Err(error) => unhappy(&Trouble::from(error), ""),
    }
}

async fn submit(
    State(sts): State<Sts>,
    Path(segment): Path<String>,
    peer: Peer,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let tenant = match sts.tenant(&segment).await {
        Ok(Some(tenant)) => tenant,
        Ok(None) => return no_tenant(),
        Err(error) => return unhappy(&Trouble::from(error), ""),
    };
    if !is_own_form(&sts, &headers) {
        let (title, text) = ("This form is not ours", "Open the page by its address, and enter the code there.");
        return Page::Done { title, text }.answer(StatusCode::FORBIDDEN);
    }
    let now = sts.0.clock.now();
    if let Err(wait) = sts.admit(peer, now) {
        return unhappy(&Trouble::Wait(wait), &tenant.display_name);
    }
    let form: HashMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let visit = Visit { sts: &sts, tenant: &tenant, form: &form, peer, now };
    let outcome = if form.contains_key("ticket") { visit.decide().await } else { visit.sign_in().await };
    outcome.unwrap_or_else(|trouble| unhappy(&trouble, &tenant.display_name))
}

/// Whether a form was sent from our own page, as far as the browser tells.
fn is_own_form(sts: &Sts, headers: &HeaderMap) -> bool {
    let site = headers.get(SEC_FETCH_SITE).is_none_or(|site| site == "same-origin");
    let origin = headers
        .get(ORIGIN)
        .is_none_or(|origin| sts.0.origins.iter().any(|own| origin.as_bytes() == own.as_str().as_bytes()));
    site && origin
}

/// One form that was sent.
struct Visit<'v> {
    sts: &'v Sts,
    tenant: &'v Tenant,
    form: &'v HashMap<String, String>,
    peer: Peer,
    now: Timestamp,
}

// === impl Visit ===

impl Visit<'_> {
    fn field(&self, name: &str) -> &str {
        self.form.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Who they are, and then which sign-in they mean.
    async fn sign_in(&self) -> Result<Response, Trouble> {
        let Self { sts, tenant, now, .. } = *self;
        let user = self.authenticated().await?;
        let unknown = || {
            // A code that is typed wrong is typed again; many of them are guesses.
            sts.note_refusal(self.peer, &Refused::unknown_code(), now);
            Trouble::Again("There is no such code, or it has ended. Look at the device again.")
        };
        let typed = UserCode::read(self.field("user_code")).ok_or_else(unknown)?;
        let ticket = code::random().map_err(|error| {
            tracing::error!(%error, "a user cannot sign in");
            Trouble::Unavailable
        })?;
        for _ in 0..TRIES_MAX {
            let found = sts.0.directory.device_sign_in_by_code(tenant.id, &typed.hash(tenant.id)).await?;
            let mut sign_in = found.ok_or_else(unknown)?;
            if !sign_in.sign_in(user.id, code::hash(&ticket), now) {
                return Err(unknown());
            }
            match sts.0.directory.update_device_sign_in(&sign_in, None).await {
                Err(error) if error.is_stale() => {}
                Err(error) => return Err(error.into()),
                Ok(()) => return self.consent(&sign_in, &user, &ticket).await,
            }
        }
        Err(Trouble::Unavailable)
    }

    async fn consent(&self, sign_in: &DeviceSignIn, user: &User, ticket: &str) -> Result<Response, Trouble> {
        let asks = self.sts.0.directory.principal_by_app(self.tenant.id, sign_in.app_id).await?;
        let gone = Trouble::Over("Nobody asks any more", "The application was disabled or removed.");
        let asks = asks.filter(|principal| principal.enabled).ok_or(gone)?;
        let page = Page::Consent {
            application: &asks.display_name,
            app_id: &sign_in.app_id.to_string(),
            user: &user.upn,
            scopes: &sign_in.scopes,
            ticket,
        };
        Ok(page.answer(StatusCode::OK))
    }

    /// What the user decided who signed in before.
    async fn decide(&self) -> Result<Response, Trouble> {
        let Self { sts, tenant, now, .. } = *self;
        let approves = match self.field("decision") {
            "approve" => true,
            "deny" => false,
            _ => return Err(Trouble::Over("Nothing was decided", "Open the page again, and enter the code.")),
        };
        let ended = Trouble::Over("It is too late", "The code has ended, or was decided on before.");
        let ticket_hash = code::hash(self.field("ticket"));
        for _ in 0..TRIES_MAX {
            let found = sts.0.directory.device_sign_in_by_ticket(tenant.id, &ticket_hash).await?;
            let Some(mut sign_in) = found else { return Err(ended) };
            let Some(user) = sign_in.decide(approves, now) else { return Err(ended) };
            let details = json!({
                "actor": sign_in.app_id.to_string(),
                "subject": user.to_string(),
                "resource": sign_in.resource,
                "from": self.peer.address().map(|address| address.to_string()),
            });
            let kind = if approves { "device sign-in approved" } else { "device sign-in refused" };
            let audit = Audit { time: now, tenant: tenant.id, kind, details };
            match sts.0.directory.update_device_sign_in(&sign_in, Some(audit)).await {
                Err(error) if error.is_stale() => {}
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    let (title, text) = if approves {
                        ("You are signed in", "Close this page: the device goes on by itself.")
                    } else {
                        ("You refused", "Close this page: the device was not signed in.")
                    };
                    return Ok(Page::Done { title, text }.answer(StatusCode::OK));
                }
            }
        }
        Err(Trouble::Unavailable)
    }

    /// The enabled user with that name and password. All else is told in one way, and takes
    /// as long.
    async fn authenticated(&self) -> Result<User, Trouble> {
        const WRONG: &str = "The user name or the password is wrong.";
        let Self { sts, tenant, peer, now, .. } = *self;
        let typed = self.field("username").trim().to_lowercase();
        let name = name_key(tenant, &typed);
        let limits = &sts.0.limits;
        let pair = (name, peer.key());
        limits.passwords_by_name_and_address.has(pair, now).map_err(Trouble::Wait)?;
        limits.passwords_by_name.has(name, now).map_err(Trouble::Wait)?;

        let found = sts.0.directory.users_by_key(tenant.id, &UserKey::Upn(typed)).await?;
        let user = found.into_iter().next().filter(|user| user.enabled);
        let password = self.field("password").to_owned();
        let hash = user.as_ref().and_then(|user| user.password.clone());
        let hash = hash.filter(|_| password.len() <= secret::SECRET_BYTES_MAX);
        // Hashing takes a while on purpose, so it happens off the async threads.
        let check = move || {
            if let Some(hash) = hash {
                return secret::verifies(&password, &hash.0);
            }
            secret::verify_in_vain(&password);
            false
        };
        let fits = tokio::task::spawn_blocking(check).await.map_err(|_| Trouble::Unavailable)?;
        match user {
            Some(user) if fits => Ok(user),
            user => {
                let _ = limits.passwords_by_name_and_address.take(pair, now);
                let _ = limits.passwords_by_name.take(name, now);
                sts.note_refusal(peer, &Refused::wrong_password(), now);
                self.record_refusal(user.as_ref()).await;
                Err(Trouble::Again(WRONG))
            }
        }
    }

    /// Puts a wrong password on record, unless the same happened just now.
    async fn record_refusal(&self, user: Option<&User>) {
        let Self { sts, tenant, peer, now, .. } = *self;
        let rule = format!("AADSTS{}", Refused::wrong_password().code());
        let subject = user.map(|user| user.id.to_string());
        let Some(unrecorded) = sts.0.refusals.admit(&rule, subject.as_deref(), now) else { return };
        let details = json!({
            "rule": rule,
            "subject": subject,
            "from": peer.address().map(|address| address.to_string()),
            "unrecorded": unrecorded,
        });
        let audit = Audit { time: now, tenant: tenant.id, kind: "sign-in refused", details };
        if let Err(error) = sts.0.directory.record(audit).await {
            tracing::error!(%error, "a refusal could not be recorded");
        }
    }
}

fn name_key(tenant: &Tenant, typed: &str) -> NameKey {
    let mut key = [0; 32];
    key.copy_from_slice(digest::digest(&digest::SHA256, format!("{} {typed}", tenant.id).as_bytes()).as_ref());
    key
}

fn no_tenant() -> Response {
    let text = "The address of this page names no tenant that there is.";
    Page::Done { title: "There is no such tenant", text }.answer(StatusCode::NOT_FOUND)
}

fn unhappy(trouble: &Trouble, tenant: &str) -> Response {
    match trouble {
        Trouble::Again(problem) => Page::SignIn { tenant, problem: Some(problem) }.answer(StatusCode::BAD_REQUEST),
        Trouble::Over(title, text) => Page::Done { title, text }.answer(StatusCode::BAD_REQUEST),
        Trouble::Wait(wait) => {
            let seconds = retry_after(*wait);
            let text = format!("Try again in {seconds} seconds.");
            let mut response =
                Page::Done { title: "That was too often", text: &text }.answer(StatusCode::TOO_MANY_REQUESTS);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            response
        }
        Trouble::Unavailable => {
            let text = "Try again in a moment.";
            Page::Done { title: "This does not work now", text }.answer(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}
