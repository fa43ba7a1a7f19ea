//! Delivery of one mailbox's items, in order: discover, look for what may be there
//! already, create the rest.

use std::time::Duration;

use actas_exchange::ews::{DeliveryClass, Failure, ItemId};
use actas_token::issue::ActAsUser;

use crate::Agent;
use crate::discover::DiscoverFailure;
use crate::error::Error;
use crate::ews::{EwsFailure, EwsMailbox};
use crate::item::StorageItem;
use crate::schedule::Patience;

/// Items of one request.
const BATCH_ITEMS_MAX: usize = 20;

/// What became of an item.
#[derive(Clone, Debug)]
pub(crate) enum Delivery {
    Done(ItemId),
    GiveUp(String),
    /// `uncertain`: it may be in the mailbox all the same.
    Retry {
        reason: String,
        patience: Patience,
        uncertain: bool,
    },
    /// Not tried: something before it has to be delivered first.
    Untouched,
}

/// An item to deliver, and whether an earlier attempt may have succeeded.
pub(crate) struct Pending {
    pub(crate) item: StorageItem,
    pub(crate) uncertain: bool,
}

// === impl Agent ===

impl Agent {
    /// Delivers items of one mailbox in order. `before_sending` is told which items may
    /// now reach the mailbox; if it fails, nothing is sent.
    pub(crate) async fn deliver<F>(
        &self,
        owner: &str,
        pending: &[Pending],
        before_sending: impl Fn(Vec<String>) -> F,
    ) -> Result<Vec<Delivery>, Error>
    where
        F: Future<Output = Result<(), Error>>,
    {
        let mut outcomes = vec![Delivery::Untouched; pending.len()];
        let user = ActAsUser { upn: None, smtp: Some(owner.to_owned()), sip: None };
        let mailbox = match self.discover(owner, &user, true, &mut Vec::new()).await {
            Ok(discovered) => EwsMailbox { agent: self, url: discovered.ews_url, user },
            Err(failure) => {
                self.note_discover_failure(owner, &failure).await?;
                fail_first(&mut outcomes, pending, after_discover_failure(&failure));
                return Ok(outcomes);
            }
        };
        let mut next = 0;
        while next < pending.len() {
            if pending[next].uncertain {
                match mailbox.find(&pending[next].item).await {
                    Ok(Some(id)) => {
                        outcomes[next] = Delivery::Done(id);
                        next += 1;
                        continue;
                    }
                    Ok(None) => {}
                    Err(failure) => {
                        outcomes[next] = self.after_failure(owner, mailbox.url.as_str(), &failure, true).await?;
                        return Ok(outcomes);
                    }
                }
            }
            let run = run_of(&pending[next..]);
            let (done, stop) = self.send(owner, &mailbox, &pending[next..next + run], &before_sending).await?;
            for (outcome, done) in outcomes[next..].iter_mut().zip(done) {
                *outcome = done;
            }
            if stop {
                return Ok(outcomes);
            }
            next += run;
        }
        self.note_success().await?;
        Ok(outcomes)
    }

    /// Sends one batch. Whether what follows has to wait.
    async fn send<F>(
        &self,
        owner: &str,
        mailbox: &EwsMailbox<'_>,
        batch: &[Pending],
        before_sending: &impl Fn(Vec<String>) -> F,
    ) -> Result<(Vec<Delivery>, bool), Error>
    where
        F: Future<Output = Result<(), Error>>,
    {
        let messages = batch.iter().map(|pending| pending.item.to_message()).collect::<Result<Vec<_>, _>>()?;
        let folder = batch[0].item.folder_id()?;
        before_sending(batch.iter().map(|pending| pending.item.key().to_owned()).collect()).await?;
        match mailbox.create(folder, messages).await {
            Ok(results) => {
                let done: Vec<Delivery> = results
                    .into_iter()
                    .map(|result| result.map_or_else(|failure| after_item_failure(&failure), created))
                    .collect();
                let stop = done.iter().any(|delivery| matches!(delivery, Delivery::Retry { .. }));
                Ok((done, stop))
            }
            Err(failure) => {
                let outcome = self.after_failure(owner, mailbox.url.as_str(), &failure, false).await?;
                Ok((vec![outcome; batch.len()], true))
            }
        }
    }

    /// What to do after a call failed as a whole. `asked_only`: nothing was to be made.
    async fn after_failure(
        &self,
        owner: &str,
        url: &str,
        failure: &EwsFailure,
        asked_only: bool,
    ) -> Result<Delivery, Error> {
        let reason = failure.to_string();
        let retry = |patience, uncertain| Delivery::Retry {
            reason: reason.clone(),
            patience,
            uncertain: uncertain || asked_only,
        };
        Ok(match failure {
            EwsFailure::Token(failure) => {
                self.note_token_failure(failure).await?;
                retry(Patience::BackOff, false)
            }
            EwsFailure::NotSent(_) => {
                self.forget_discovery(owner).await;
                retry(Patience::BackOff, false)
            }
            EwsFailure::Lost(_) | EwsFailure::NotEws(_) => retry(Patience::BackOff, true),
            EwsFailure::Refused { status, retry_after, .. } => {
                let class = DeliveryClass::of_http_status(status.as_u16());
                if matches!(class, DeliveryClass::NewToken) {
                    self.0.tokens.clear().await;
                    self.forget_discovery(owner).await;
                    self.note_rejected(url, &reason).await?;
                }
                retry(retry_after.map_or(Patience::BackOff, Patience::Told), status.is_server_error())
            }
            EwsFailure::Fault(fault) => {
                let told = fault.back_off_ms.map(Duration::from_millis);
                let class = fault.code.delivery_class();
                if matches!(class, DeliveryClass::Rediscover) {
                    self.forget_discovery(owner).await;
                }
                match class {
                    DeliveryClass::OurBug => Delivery::GiveUp(reason),
                    class => retry(told.map_or(patience_of(class), Patience::Told), true),
                }
            }
        })
    }
}

fn created(id: Option<ItemId>) -> Delivery {
    id.map_or_else(
        || Delivery::Retry {
            reason: "the answer names no item id".to_owned(),
            patience: Patience::BackOff,
            uncertain: true,
        },
        Delivery::Done,
    )
}

/// Items that follow in the same folder, as many as one request takes. An uncertain
/// item is looked for first, so it starts a run of its own.
fn run_of(pending: &[Pending]) -> usize {
    let folder = pending[0].item.folder();
    let rest = pending[1..].iter().take_while(|next| next.item.folder() == folder && !next.uncertain).count();
    (1 + rest).min(BATCH_ITEMS_MAX)
}

fn fail_first(outcomes: &mut [Delivery], pending: &[Pending], delivery: Delivery) {
    match delivery {
        // What is true of the mailbox is true of everything for it.
        Delivery::GiveUp(_) => outcomes.fill(delivery),
        Delivery::Retry { reason, patience, .. } => {
            outcomes[0] = Delivery::Retry { reason, patience, uncertain: pending[0].uncertain };
        }
        _ => {}
    }
}

fn after_discover_failure(failure: &DiscoverFailure) -> Delivery {
    let reason = failure.to_string();
    if failure.is_permanent() {
        return Delivery::GiveUp(reason);
    }
    Delivery::Retry { reason, patience: Patience::BackOff, uncertain: false }
}

fn after_item_failure(failure: &Failure) -> Delivery {
    let reason = format!("{}: {}", failure.code, failure.text);
    match failure.delivery_class() {
        DeliveryClass::Permanent | DeliveryClass::OurBug => Delivery::GiveUp(reason),
        class => {
            let told = failure.back_off_ms.map(Duration::from_millis);
            Delivery::Retry { reason, patience: told.map_or(patience_of(class), Patience::Told), uncertain: false }
        }
    }
}

fn patience_of(class: DeliveryClass) -> Patience {
    match class {
        DeliveryClass::Configuration | DeliveryClass::LongHold => Patience::Hold,
        _ => Patience::BackOff,
    }
}
