//! Renewal with overlap: make the next certificate, publish its credential beside the
//! old one, prove it, roll, wait, retire the old one. Each stage is on disk before the
//! next begins, so a renewal that was cut off goes on where it stopped.

use std::time::Duration;

use actas_certificate::{KeyPair, Name};
use actas_directory::credential::one_year_after;
use actas_runtime::event::{self, CertificateRolled, CredentialChange};
use actas_store::settings::Kind;
use actas_token::well_known;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::Agent;
use crate::certificates::Use;
use crate::discover::authority;
use crate::error::Error;
use crate::graph::{GraphClient, PrincipalKey};

const RENEWAL: &str = "oauthtokenissuer";
/// How long a certificate that we make ourselves lives.
const LIFETIME: Duration = Duration::from_hours(24 * 365 * 2);
const KEY_BITS: usize = 2048;
/// A directory may take a while to make a new credential known to its token service.
const PROOF_TRIES_MAX: u32 = 8;

/// How to renew.
#[derive(Clone, Debug)]
pub struct RenewOptions {
    /// How long the old credential stays after the roll: the longest life of a token and
    /// of the caches of those who validate.
    pub retire_after: SignedDuration,
    /// The next certificate; one is made where absent.
    pub next: Option<KeyPair>,
}

/// How far a renewal is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum RenewStage {
    /// The next certificate is in the store.
    Made,
    /// Its credential stands beside the old one in the directory.
    Published,
    /// The token service gave a token for it.
    Proved,
    /// It signs.
    Rolled,
    /// The old credential is gone.
    Retired,
}

/// A renewal.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RenewState {
    /// How far it is.
    pub stage: RenewStage,
    /// Thumbprint of the old certificate.
    pub old: Option<String>,
    /// Thumbprint of the next one.
    pub next: String,
    /// The next one's credential.
    pub key_id: Option<Uuid>,
    /// Credentials that go at the end.
    pub old_key_ids: Vec<Uuid>,
    /// When it rolled.
    pub rolled: Option<Timestamp>,
}

// === impl Agent ===

impl Agent {
    /// The renewal under way, or the last one.
    pub async fn renewal(&self) -> Result<Option<RenewState>, Error> {
        Ok(self.0.settings.get(Kind::Renewal, RENEWAL).await?.map(|stored| stored.value))
    }

    /// Takes a renewal as far as it goes now. `told` hears of each stage that is
    /// reached. Retiring waits for `retire_after`: call again then.
    pub async fn renew(
        &self,
        graph: &GraphClient,
        options: &RenewOptions,
        mut told: impl FnMut(&RenewState),
    ) -> Result<RenewState, Error> {
        let mut state = match self.renewal().await?.filter(|state| state.stage != RenewStage::Retired) {
            Some(state) => state,
            None => self.make_next(options).await?,
        };
        loop {
            told(&state);
            state = match state.stage {
                RenewStage::Made => self.publish(graph, state).await?,
                RenewStage::Published => self.prove(state).await?,
                RenewStage::Proved => self.roll(state).await?,
                RenewStage::Rolled if !self.may_retire(&state, options.retire_after) => return Ok(state),
                RenewStage::Rolled => self.retire(graph, state).await?,
                RenewStage::Retired => return Ok(state),
            };
            self.0.settings.put(Kind::Renewal, RENEWAL, &state).await?;
        }
    }

    async fn make_next(&self, options: &RenewOptions) -> Result<RenewState, Error> {
        let now = self.0.clock.now();
        let slots = self.0.certificates.slots(Use::OAuthTokenIssuer, now).await?;
        let current = slots.current().map(|slot| slot.item.clone()).ok_or_else(|| {
            Error::not_found("there is no current token certificate to renew")
                .with_hint("the first one is assigned with `actas Set-CsCertificate -Type OAuthTokenIssuer -Identity Global -Thumbprint <thumbprint>`")
        })?;
        let next = if let Some(pair) = &options.next {
            self.0.certificates.import(pair, now)?;
            pair.certificate().clone()
        } else {
            let names: Vec<Name> = current.dns_names().iter().filter_map(|name| name.parse().ok()).collect();
            self.0.certificates.make(common_name(current.subject()), &names, KEY_BITS, LIFETIME, now)?
        };
        if next.thumbprint() == current.thumbprint() {
            return Err(Error::invalid(format!("the next certificate is the current one, {}", current.thumbprint())));
        }
        let state = RenewState {
            stage: RenewStage::Made,
            old: Some(current.thumbprint().to_owned()),
            next: next.thumbprint().to_owned(),
            key_id: None,
            old_key_ids: Vec::new(),
            rolled: None,
        };
        self.0.settings.put(Kind::Renewal, RENEWAL, &state).await?;
        Ok(state)
    }

    async fn publish(&self, graph: &GraphClient, mut state: RenewState) -> Result<RenewState, Error> {
        let now = self.0.clock.now();
        let pair = self.0.certificates.pair(&state.next)?;
        let certificate = pair.certificate();
        let principal = self.own_principal(graph).await?;
        let keys = keys_of(&principal);
        state.old_key_ids =
            keys.iter().filter(|key| Some(&key.thumbprint) == state.old.as_ref()).map(|key| key.id).collect();
        // A renewal that was cut off after publishing finds its credential here.
        state.key_id = keys.iter().find(|key| key.thumbprint == state.next).map(|key| key.id);
        if state.key_id.is_none() {
            let key = PrincipalKey {
                kind: "AsymmetricX509Cert",
                usage: "Verify",
                key: certificate.to_base64(),
                start: now.max(certificate.not_before()),
                end: one_year_after(now).min(certificate.not_after()),
            };
            let id = principal["id"].as_str().unwrap_or_default();
            let key_id = graph.add_key(id, &key).await?;
            let change = CredentialChange {
                application: principal["displayName"].as_str().unwrap_or_default(),
                key_id: &key_id.to_string(),
                thumbprint: Some(certificate.thumbprint()),
                end_date: key.end,
            };
            self.record(event::credential_published(now, &change)).await?;
            state.key_id = Some(key_id);
        }
        state.stage = RenewStage::Published;
        Ok(state)
    }

    async fn prove(&self, mut state: RenewState) -> Result<RenewState, Error> {
        let pair = self.0.certificates.pair(&state.next)?;
        let host = self.exchange_host().await?;
        let mut tries = 0;
        loop {
            tries += 1;
            match self.prove_key(&pair, &host).await {
                Ok(_) => break,
                Err(failure) if tries >= PROOF_TRIES_MAX => {
                    return Err(Error::peer(format!(
                        "the token service does not accept the next certificate yet: {failure}"
                    ))
                    .with_hint(
                        "nothing was rolled and the old certificate works on; run `actas renew` again in a few minutes",
                    ));
                }
                Err(_) => {
                    let (seed, _) = Uuid::new_v4().as_u64_pair();
                    tokio::time::sleep(crate::schedule::delay(
                        crate::schedule::Patience::BackOff,
                        tries,
                        crate::schedule::FIRST,
                        seed,
                    ))
                    .await;
                }
            }
        }
        state.stage = RenewStage::Proved;
        Ok(state)
    }

    async fn roll(&self, mut state: RenewState) -> Result<RenewState, Error> {
        let now = self.0.clock.now();
        let certificates = &self.0.certificates;
        let slots = certificates.slots(Use::OAuthTokenIssuer, now).await?;
        if slots.current().is_none_or(|slot| slot.item.thumbprint() != state.next) {
            certificates.set(Use::OAuthTokenIssuer, &state.next, now).await?;
            let pair = certificates.pair(&state.next)?;
            let rolled = CertificateRolled {
                thumbprint: &state.next,
                not_after: pair.certificate().not_after(),
                previous: state.old.as_deref(),
            };
            self.record(event::certificate_rolled(now, &rolled)).await?;
        }
        state.rolled = Some(now);
        state.stage = RenewStage::Rolled;
        Ok(state)
    }

    fn may_retire(&self, state: &RenewState, retire_after: SignedDuration) -> bool {
        state.rolled.is_some_and(|rolled| self.0.clock.now().duration_since(rolled) >= retire_after)
    }

    async fn retire(&self, graph: &GraphClient, mut state: RenewState) -> Result<RenewState, Error> {
        let now = self.0.clock.now();
        let principal = self.own_principal(graph).await?;
        let there: Vec<KeyOfPrincipal> =
            keys_of(&principal).into_iter().filter(|key| state.old_key_ids.contains(&key.id)).collect();
        if !there.is_empty() {
            let ids: Vec<Uuid> = there.iter().map(|key| key.id).collect();
            graph.remove_credentials(principal["id"].as_str().unwrap_or_default(), &ids).await?;
        }
        for key in &there {
            let change = CredentialChange {
                application: principal["displayName"].as_str().unwrap_or_default(),
                key_id: &key.id.to_string(),
                thumbprint: Some(&key.thumbprint),
                end_date: key.end.unwrap_or(now),
            };
            self.record(event::credential_retired(now, &change)).await?;
        }
        let slots = self.0.certificates.slots(Use::OAuthTokenIssuer, now).await?;
        if slots.previous().is_some_and(|slot| Some(slot.item.thumbprint()) == state.old.as_deref()) {
            self.0.certificates.remove(Use::OAuthTokenIssuer, true, now).await?;
        }
        state.stage = RenewStage::Retired;
        Ok(state)
    }

    /// Our own principal in the cloud's directory, with its keys.
    async fn own_principal(&self, graph: &GraphClient) -> Result<Value, Error> {
        let app_id = self.oauth_configuration().await?.service_name.unwrap_or(well_known::LYNC);
        let found = graph.principals(Some(&format!("appId eq '{app_id}'")), 1).await?;
        let id = found.first().and_then(|principal| principal["id"].as_str()).ok_or_else(|| {
            Error::not_found(format!("the directory has no service principal {app_id}, which this server signs in as"))
                .with_hint("`actas Set-CsOAuthConfiguration -ServiceName <application id>` names another")
        })?;
        Ok(graph.principal_with_keys(id).await?.1)
    }

    /// The host that tokens are for: where Autodiscover is, over a redirect if need be.
    pub async fn exchange_host(&self) -> Result<String, Error> {
        let url = self.autodiscover_url().await.map_err(|failure| Error::peer(failure.to_string()))?;
        Ok(authority(&url))
    }
}

struct KeyOfPrincipal {
    id: Uuid,
    thumbprint: String,
    end: Option<Timestamp>,
}

/// The principal's certificates, by what they are rather than by what a client called
/// them.
fn keys_of(principal: &Value) -> Vec<KeyOfPrincipal> {
    let all = principal["keyCredentials"].as_array().into_iter().flatten();
    all.filter_map(|key| {
        let certificate =
            key["key"].as_str().and_then(|text| actas_certificate::Certificate::from_base64(text).ok())?;
        Some(KeyOfPrincipal {
            id: key["keyId"].as_str()?.parse().ok()?,
            thumbprint: certificate.thumbprint().to_owned(),
            end: key["endDateTime"].as_str().and_then(|text| text.parse().ok()),
        })
    })
    .collect()
}

fn common_name(subject: &str) -> &str {
    subject.split(',').find_map(|part| part.trim().strip_prefix("CN=")).unwrap_or(subject)
}
