//! The two ways into a mailbox, behind one face: EWS as the user, and Graph mail as the
//! application.

use actas_exchange::ews::ItemId;
use actas_token::issue::ActAsUser;

use crate::Agent;
use crate::discover::DiscoverFailure;
use crate::ews::{CallFailure, EwsMailbox};
use crate::graph_mail::GraphMailbox;
use crate::item::StorageItem;
use crate::storage_settings::Channel;
use crate::trace::Trace;
use crate::verdict::{self, Verdict};

/// What became of one item of a request.
pub(crate) enum Created {
    /// It has this id in the mailbox.
    Done(String),
    /// The server says yes and names no id.
    NoId,
    /// The server refused this one.
    Refused(Verdict, String),
}

/// A way into one mailbox.
pub(crate) enum Adaptor<'a> {
    Ews(EwsMailbox<'a>),
    Graph(GraphMailbox<'a>),
}

// === impl Adaptor ===

impl<'a> Adaptor<'a> {
    /// The way that is configured; over EWS the mailbox is found first.
    pub(crate) async fn open(agent: &'a Agent, owner: &str) -> Result<Self, DiscoverFailure> {
        let settings = agent.storage_settings_cached().await;
        let settings = settings.map_err(|error| DiscoverFailure::Configuration(error.to_string()))?;
        match settings.delivery {
            Channel::Ews => {
                let user = ActAsUser { upn: None, smtp: Some(owner.to_owned()), sip: None };
                let discovered = agent.discover(owner, &user, true, &mut Trace::default()).await?;
                Ok(Self::Ews(EwsMailbox::new(agent, discovered.ews_url, user)))
            }
            Channel::Graph => Ok(Self::Graph(GraphMailbox { agent, owner: owner.to_owned() })),
        }
    }

    /// Items that one request takes.
    pub(crate) fn batch_max(&self) -> usize {
        match self {
            Self::Ews(_) => usize::MAX,
            Self::Graph(_) => 1,
        }
    }

    /// The id of an item that may be there, complete.
    pub(crate) async fn find(&self, item: &StorageItem, upload: Option<&str>) -> Result<Option<String>, CallFailure> {
        match self {
            // Items with their files are one write there.
            Self::Ews(mailbox) => Ok(mailbox.find(item).await?.map(|id| id.id)),
            Self::Graph(mailbox) => mailbox.find(item, upload).await,
        }
    }

    /// Creates items of one folder in order; one with files goes alone.
    pub(crate) async fn create(
        &self,
        items: &[&StorageItem],
        upload: Option<&str>,
    ) -> Result<Vec<Created>, CallFailure> {
        let mailbox = match (self, items) {
            (Self::Graph(mailbox), items) => {
                let mut created = Vec::with_capacity(items.len());
                for item in items {
                    created.push(Created::Done(mailbox.create(item, upload).await?));
                }
                return Ok(created);
            }
            (Self::Ews(mailbox), _) => mailbox,
        };
        let told = |result: Result<Option<ItemId>, _>| match result {
            Ok(Some(id)) => Created::Done(id.id),
            Ok(None) => Created::NoId,
            Err(failure) => Created::Refused(verdict::of_item(&failure), format!("{}: {}", failure.code, failure.text)),
        };
        if let ([item], Some(upload)) = (items, upload) {
            return Ok(vec![told(mailbox.create_with_files(item, upload).await?)]);
        }
        let Some(first) = items.first() else { return Ok(Vec::new()) };
        let folder = first.folder_id().map_err(CallFailure::Local)?;
        let messages = items.iter().map(|item| item.to_message()).collect::<Result<Vec<_>, _>>();
        let results = mailbox.create(folder, messages.map_err(CallFailure::Local)?).await?;
        Ok(results.into_iter().map(told).collect())
    }
}
