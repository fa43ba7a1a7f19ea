//! Sources: what real systems emit, turned into items. Call records and conversations over
//! HTTP, mail of voice-mail systems, and a folder for everything else.
//!
//! A source reads one foreign format, finds whose mailbox it is for, and hands the item to
//! the intake like anybody else. Its key comes from the foreign system, so that what is
//! sent twice is one item. What has no owner here is put aside as a file and told, never
//! dropped.

mod asterisk;
mod call;
mod freeswitch;
mod http;
mod kamailio;
mod mail;
mod owner;
mod record;
mod smtp;
mod spool;
mod unclaimed;
mod xmpp;

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use actas_runtime::config::{CallRecords, SourcesConfig};
use actas_runtime::event;
use actas_store::queue::Put;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::call::Reading;
use self::owner::Owners;
use self::record::System;
use self::unclaimed::Unclaimed;
use crate::Agent;
use crate::error::Error;
use crate::intake::{Prepared, Refusal};
use crate::item::StorageItem;

pub use self::http::router;

/// The sources of an agent, as they are configured now. Cheap to clone.
#[derive(Clone)]
pub struct Sources {
    agent: Agent,
    setup: Arc<RwLock<Arc<Setup>>>,
}

/// What the configuration says, checked.
struct Setup {
    owners: Owners,
    call_records: Vec<CallRecords>,
    conversations: bool,
    spool: Option<PathBuf>,
    smtp: Option<smtp::Listen>,
    unclaimed: Unclaimed,
}

/// What a record tells.
struct Told {
    id: String,
    /// Who took part.
    users: String,
    /// None if none of them has a mailbox here.
    items: Vec<StorageItem>,
}

/// What became of what a source was given.
enum HandedIn {
    /// The keys of its items, which are on disk.
    Kept(Vec<String>),
    /// It is no item, for this reason.
    Nothing(&'static str),
    /// It belongs to nobody here; the file that it was put into.
    Unclaimed(PathBuf),
}

// === impl Sources ===

impl Sources {
    /// The sources that a configuration names.
    pub fn new(agent: Agent, config: &SourcesConfig) -> Result<Self, Error> {
        let setup = Arc::new(RwLock::new(Arc::new(Setup::read(&agent, config)?)));
        Ok(Self { agent, setup })
    }

    /// What is wrong with a configuration, if anything is. Nothing changes.
    pub fn check(&self, config: &SourcesConfig) -> Result<(), Error> {
        Setup::read(&self.agent, config).map(drop)
    }

    /// Goes by another configuration from now on. What was wrong with it, and then nothing
    /// changed.
    pub fn replace(&self, config: &SourcesConfig) -> Result<(), Error> {
        let setup = Arc::new(Setup::read(&self.agent, config)?);
        *self.setup.write().unwrap_or_else(PoisonError::into_inner) = setup;
        Ok(())
    }

    /// Watches the folder and takes mail, until told to stop. A port or folder that cannot
    /// be had is an error before anything runs.
    pub fn start(&self, stop: &watch::Receiver<bool>) -> Result<JoinSet<()>, Error> {
        let setup = self.setup();
        let mut tasks = JoinSet::new();
        if let Some(folder) = &setup.spool {
            let spool = spool::Spool::open(self.clone(), folder)?;
            tasks.spawn(spool.run(stop.clone()));
        }
        if let Some(listen) = setup.smtp {
            let server = smtp::Submission::bind(self.clone(), listen)?;
            tasks.spawn(server.run(stop.clone()));
        }
        Ok(tasks)
    }

    /// Takes mail over one connection, as over those that are made to `smtp_listen`, to its end.
    pub async fn take_mail(&self, connection: impl AsyncRead + AsyncWrite + Unpin) {
        smtp::serve(self.clone(), connection).await;
    }

    /// The items that `POST /sources/<system>` would make of a body of this type, none of which
    /// is handed in. None where there is nothing to keep, or nobody who has a mailbox.
    ///
    /// # Errors
    ///
    /// When the body is no record of that system, or the system is unknown.
    pub fn items_of(&self, system: &str, content_type: &str, body: &[u8]) -> Result<Vec<StorageItem>, Error> {
        let of_refusal = |refusal: Refusal| Error::invalid(refusal.to_string());
        let from = System::named(system).ok_or_else(|| {
            Error::invalid(format!("`{system}` is no system whose records are read"))
                .with_hint("`asterisk`, `freeswitch`, `kamailio` and `xmpp` are")
        })?;
        let record = http::record(content_type, body).map_err(of_refusal)?;
        Ok(self.read_record(from, &record).map_err(of_refusal)?.map_or_else(|_| Vec::new(), |told| told.items))
    }

    fn setup(&self) -> Arc<Setup> {
        Arc::clone(&self.setup.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Turns a record of another system into items and hands them in.
    async fn hand_in_record(&self, from: System, record: &Value) -> Result<HandedIn, Refusal> {
        let Told { id, users, items } = match self.read_record(from, record)? {
            Ok(told) => told,
            Err(why) => return Ok(HandedIn::Nothing(why)),
        };
        if items.is_empty() {
            return self.put_aside(from, &id, &users, record).await;
        }
        self.agent.check_room().await?;
        let keys = items.iter().map(|item| item.key().to_owned()).collect();
        let prepared: Vec<Prepared> = items.into_iter().map(|item| Ok((item, None))).collect();
        self.take_in(&prepared).await?;
        Ok(HandedIn::Kept(keys))
    }

    /// What a record tells, or why it tells nothing.
    fn read_record(&self, from: System, record: &Value) -> Result<Result<Told, &'static str>, Refusal> {
        let setup = self.setup();
        let of_agent = |error: Error| Refusal::of_agent(&error);
        Ok(Ok(match record::read(from, record).map_err(Refusal::invalid)? {
            Reading::Nothing(why) => return Ok(Err(why)),
            Reading::Call(call) => {
                let users = format!("{}, {}", call.caller.address, call.callee.address);
                let items = call.items(&setup.owners).map_err(of_agent)?;
                Told { id: call.id, users, items }
            }
            Reading::Conversation(talk) => {
                let items = talk.items(&setup.owners).map_err(of_agent)?;
                Told { id: format!("{} {}", talk.owner, talk.id), users: talk.owner, items }
            }
        }))
    }

    /// Hands items in. A key that is known stands for the same event, whatever else a
    /// repetition of it says.
    async fn take_in(&self, prepared: &[Prepared]) -> Result<Vec<Put>, Refusal> {
        let put = self.agent.take_in(prepared).await?;
        for ((item, _), put) in prepared.iter().flatten().zip(&put) {
            if *put == Put::Other {
                tracing::info!(key = item.key(), "this was told before in other words; the first stands");
            }
        }
        Ok(put)
    }

    async fn put_aside(&self, from: System, id: &str, users: &str, record: &Value) -> Result<HandedIn, Refusal> {
        let file = self.setup().unclaimed.keep(from, id, record)?;
        let shown = file.display().to_string();
        let event = event::source_unclaimed(self.agent.clock().now(), from.as_str(), users, &shown);
        self.agent.tell_limited(event, users).await;
        Ok(HandedIn::Unclaimed(file))
    }
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sources")
    }
}

// === impl Setup ===

impl Setup {
    fn read(agent: &Agent, config: &SourcesConfig) -> Result<Self, Error> {
        Ok(Self {
            owners: Owners::read(config)?,
            call_records: config.call_records.clone(),
            conversations: config.conversations,
            spool: config.spool.clone(),
            smtp: config.smtp_listen.map(smtp::Listen::on).transpose()?,
            unclaimed: Unclaimed::under(agent.folder()),
        })
    }

    fn takes(&self, from: System) -> bool {
        match from {
            System::Calls(from) => self.call_records.contains(&from),
            System::Xmpp => self.conversations,
        }
    }
}
