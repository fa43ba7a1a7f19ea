//! The folders of a mailbox.

use std::collections::HashMap;

use actas_directory::User;
use actas_exchange::ews::{DistinguishedFolder, EffectiveRights, Folder as Told, FolderKind, FolderName};
use actas_store::mailbox::{Folder, FolderCounts, Mailboxes, Owner};
use actas_store::{Database, Error};
use jiff::Timestamp;
use uuid::Uuid;

use crate::ids;

/// Makes the folders of a user's mailbox that are not there yet.
pub async fn ensure_mailbox(database: Database, user: &User, now: Timestamp) -> Result<(), Error> {
    let mailboxes = Mailboxes::new(database);
    let owner = owner(user);
    let there = mailboxes.folders(owner).await?;
    make(&mailboxes, owner, &there, now).await
}

pub(crate) fn owner(user: &User) -> Owner {
    Owner { tenant: user.tenant, user: user.id }
}

/// Makes what is missing, below the parents that are there. Of two that do this at once,
/// the second finds every role taken and makes nothing.
async fn make(mailboxes: &Mailboxes, owner: Owner, there: &[Folder], now: Timestamp) -> Result<(), Error> {
    let mut by_role: HashMap<&str, Uuid> =
        there.iter().filter_map(|folder| Some((folder.distinguished.as_deref()?, folder.id))).collect();
    let mut missing = Vec::new();
    for (role, parent, name, class) in PLAN {
        let role = role.as_str();
        if by_role.contains_key(role) {
            continue;
        }
        let id = Uuid::new_v4();
        by_role.insert(role, id);
        missing.push(Folder {
            id,
            parent: parent.and_then(|parent| by_role.get(parent.as_str()).copied()),
            distinguished: Some(role.to_owned()),
            name: (*name).to_owned(),
            class: class.map(str::to_owned),
            version: 1,
        });
    }
    if missing.is_empty() { Ok(()) } else { mailboxes.ensure_folders(owner, &missing, now).await }
}

type Planned = (DistinguishedFolder, Option<DistinguishedFolder>, &'static str, Option<&'static str>);

const TOP: Option<DistinguishedFolder> = Some(DistinguishedFolder::MsgFolderRoot);
const ROOT: Option<DistinguishedFolder> = Some(DistinguishedFolder::Root);
const RECOVERABLE: Option<DistinguishedFolder> = Some(DistinguishedFolder::RecoverableItemsRoot);

/// Role, parent, name and class, parents first.
const PLAN: &[Planned] = &[
    (DistinguishedFolder::Root, None, "Root", None),
    (DistinguishedFolder::MsgFolderRoot, ROOT, "Top of Information Store", Some("IPF.Note")),
    (DistinguishedFolder::SearchFolders, ROOT, "Finder", None),
    (DistinguishedFolder::RecoverableItemsRoot, ROOT, "Recoverable Items", None),
    (DistinguishedFolder::RecoverableItemsDeletions, RECOVERABLE, "Deletions", None),
    (DistinguishedFolder::RecoverableItemsVersions, RECOVERABLE, "Versions", None),
    (DistinguishedFolder::RecoverableItemsPurges, RECOVERABLE, "Purges", None),
    (DistinguishedFolder::Inbox, TOP, "Inbox", Some("IPF.Note")),
    (DistinguishedFolder::Drafts, TOP, "Drafts", Some("IPF.Note")),
    (DistinguishedFolder::SentItems, TOP, "Sent Items", Some("IPF.Note")),
    (DistinguishedFolder::DeletedItems, TOP, "Deleted Items", Some("IPF.Note")),
    (DistinguishedFolder::Outbox, TOP, "Outbox", Some("IPF.Note")),
    (DistinguishedFolder::JunkEmail, TOP, "Junk Email", Some("IPF.Note")),
    (DistinguishedFolder::ConversationHistory, TOP, "Conversation History", Some("IPF.Note")),
    (DistinguishedFolder::Voicemail, TOP, "Voice Mail", Some("IPF.Note.Microsoft.Voicemail")),
    (DistinguishedFolder::Calendar, TOP, "Calendar", Some("IPF.Appointment")),
    (DistinguishedFolder::Contacts, TOP, "Contacts", Some("IPF.Contact")),
    (DistinguishedFolder::Tasks, TOP, "Tasks", Some("IPF.Task")),
    (DistinguishedFolder::Notes, TOP, "Notes", Some("IPF.StickyNote")),
    (DistinguishedFolder::Journal, TOP, "Journal", Some("IPF.Journal")),
];

/// The folders of one mailbox, as they are now.
#[derive(Debug)]
pub(crate) struct Tree {
    owner: Owner,
    folders: Vec<Folder>,
}

impl Tree {
    /// Reads the folders; those of a mailbox that was never opened are made first.
    pub(crate) async fn load(mailboxes: &Mailboxes, owner: Owner, now: Timestamp) -> Result<Self, Error> {
        let mut folders = mailboxes.folders(owner).await?;
        if folders.is_empty() {
            make(mailboxes, owner, &folders, now).await?;
            folders = mailboxes.folders(owner).await?;
        }
        Ok(Self { owner, folders })
    }

    /// How many folders there are.
    pub(crate) fn len(&self) -> usize {
        self.folders.len()
    }

    pub(crate) fn by_role(&self, role: DistinguishedFolder) -> Option<&Folder> {
        self.folders.iter().find(|folder| folder.distinguished.as_deref() == Some(role.as_str()))
    }

    pub(crate) fn by_id(&self, id: Uuid) -> Option<&Folder> {
        self.folders.iter().find(|folder| folder.id == id)
    }

    /// The folders directly in another.
    pub(crate) fn children(&self, parent: Uuid) -> impl Iterator<Item = &Folder> {
        self.folders.iter().filter(move |folder| folder.parent == Some(parent))
    }

    /// All folders below another, each before what is in it.
    pub(crate) fn below(&self, parent: Uuid) -> Vec<&Folder> {
        let mut found: Vec<&Folder> = self.children(parent).collect();
        let mut next = 0;
        while let Some(folder) = found.get(next).copied() {
            next += 1;
            // A folder is in one other, so the walk ends unless the store holds a circle.
            if found.len() <= self.folders.len() {
                found.extend(self.children(folder.id));
            }
        }
        found
    }

    /// The folder as a response tells of it.
    pub(crate) fn tell(&self, folder: &Folder, counts: Option<FolderCounts>) -> Told {
        let mut told = Told::new(ids::folder(self.owner, folder.id, folder.version));
        told.kind = kind(folder.class.as_deref());
        told.parent_id = folder
            .parent
            .and_then(|parent| self.by_id(parent))
            .map(|parent| ids::folder(self.owner, parent.id, parent.version));
        told.class.clone_from(&folder.class);
        told.display_name = Some(folder.name.clone());
        told.distinguished = folder.distinguished.as_deref().map(FolderName::from_name);
        told.effective_rights =
            Some(EffectiveRights { delete: folder.distinguished.is_none(), ..EffectiveRights::ALL });
        let count = |count: i64| u32::try_from(count).unwrap_or(u32::MAX);
        told.child_folder_count = u32::try_from(self.children(folder.id).count()).ok();
        told.total_count = counts.map(|counts| count(counts.total));
        told.unread_count = counts.map(|counts| count(counts.unread));
        told
    }
}

/// The element that a folder of this class is.
fn kind(class: Option<&str>) -> FolderKind {
    match class {
        Some("IPF.Appointment") => FolderKind::Calendar,
        Some("IPF.Contact") => FolderKind::Contacts,
        Some("IPF.Task") => FolderKind::Tasks,
        _ => FolderKind::Folder,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_its_place_below_one_before_it() {
        let mut seen = Vec::new();
        for (role, parent, ..) in PLAN {
            assert!(parent.is_none_or(|parent| seen.contains(&parent)), "{role}");
            seen.push(*role);
        }
        seen.sort_unstable();
        assert_eq!(seen, {
            let mut all = DistinguishedFolder::ALL.to_vec();
            all.sort_unstable();
            all
        });
    }
}
