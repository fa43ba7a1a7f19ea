//! `mailFolders` and `childFolders`

use actas_directory::odata::Select;
use actas_directory::query::{Filter, Property};
use actas_exchange::ews::{
    DeleteType, DistinguishedFolder, Field, Folder as Told, FolderChange, FolderId, FolderKey, FolderUpdate,
};
use actas_exchange::graph::{FOLDER_PROPERTIES, from_rest_id, read_folder, write_folder};
use actas_store::mailbox::Folder;
use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::Call;
use super::answer::{self, GraphError};
use crate::ews::failures::folder_not_found;

/// Folders of a page, unless `$top` says how many.
const PAGE_DEFAULT: usize = 10;
pub(super) const PAGE_MAX: usize = 1000;

/// Whether a folder holds mail: calendars, contacts and tasks are resources of their own in
/// the original, and served nowhere here but over EWS.
pub(super) fn is_of_mail(folder: &Folder) -> bool {
    folder.class.as_deref().is_none_or(|class| class.starts_with("IPF.Note"))
}

impl Call<'_> {
    /// A folder by its id or well-known name.
    pub(super) fn mail_folder(&self, named: &str) -> Result<&Folder, GraphError> {
        let role = DistinguishedFolder::from_name(&named.to_ascii_lowercase());
        let found = match role {
            Some(role) => self.mailbox.tree.by_role(role).ok_or_else(folder_not_found),
            None => self.mailbox.folder(&FolderId::Opaque(FolderKey::new(from_rest_id(named)))),
        };
        let found = found.and_then(|folder| if is_of_mail(folder) { Ok(folder) } else { Err(folder_not_found()) });
        Ok(found?)
    }

    fn top(&self) -> Result<&Folder, GraphError> {
        self.mail_folder(DistinguishedFolder::MsgFolderRoot.as_str())
    }

    fn parent(&self, named: Option<&str>) -> Result<&Folder, GraphError> {
        named.map_or_else(|| self.top(), |named| self.mail_folder(named))
    }

    fn folder_select(&self) -> Result<Select, GraphError> {
        Ok(Select::parse(self.options.get("$select"), "mailFolder", |name| FOLDER_PROPERTIES.contains(&name))?)
    }

    async fn told_folder(&self, folder: &Folder) -> Result<Told, GraphError> {
        Ok(self.mailbox.tell_folder(folder, true).await?)
    }

    pub(super) async fn list_folders(&self, parent: Option<&str>) -> Result<Response, GraphError> {
        self.check_options(&["$select", "$filter", "$top", "$skip", "$count"])?;
        let select = self.folder_select()?;
        let filter = self.options.get("$filter").map(Filter::parse).transpose()?;
        let (top, skip) = (self.options.top(PAGE_MAX)?.unwrap_or(PAGE_DEFAULT), self.skip()?);
        let count = self.options.count()?;
        let parent = self.parent(parent)?;
        let mut found = Vec::new();
        for folder in self.mailbox.tree.children(parent.id).filter(|folder| is_of_mail(folder)) {
            let property = |name: &str| (name == "displayName").then(|| Property::Text(folder.name.clone()));
            if filter.as_ref().map_or(Ok(true), |filter| filter.matches(&property))? {
                found.push(folder);
            }
        }
        let mut value = Vec::new();
        for folder in found.iter().skip(skip).take(top) {
            let told = self.told_folder(folder).await?;
            value.push(Value::Object(write_folder(&told, |name| select.selects(name).unwrap_or(true))));
        }
        let next = skip.saturating_add(value.len());
        let mut body = json!({
            "@odata.context": self.context(&format!("/mailFolders{}", select.context())),
            "value": value,
        });
        if count {
            body["@odata.count"] = found.len().into();
        }
        if next < found.len() {
            body["@odata.nextLink"] = self.next_link(next).into();
        }
        Ok(answer::json(StatusCode::OK, &body))
    }

    pub(super) async fn tell_one_folder(&self, id: &str) -> Result<Response, GraphError> {
        self.check_options(&["$select"])?;
        let select = self.folder_select()?;
        let told = self.told_folder(self.mail_folder(id)?).await?;
        Ok(answer::json(StatusCode::OK, &self.folder_body(&told, &select)))
    }

    fn folder_body(&self, told: &Told, select: &Select) -> Value {
        let mut body = write_folder(told, |name| select.selects(name).unwrap_or(true));
        let context = self.context(&format!("/mailFolders{}/$entity", select.context()));
        body.insert("@odata.context".to_owned(), context.into());
        Value::Object(body)
    }

    pub(super) async fn add_folder(&self, parent: Option<&str>) -> Result<Response, GraphError> {
        self.check_options(&[])?;
        let new = read_folder(&self.body)?;
        let (name, parent) = (new.display_name.clone(), self.parent(parent)?);
        let made = self.mailbox.create_folder(parent, new, &mut Vec::new()).await?;
        let told = Told {
            parent_id: Some(FolderKey::new(crate::ids::folder(self.mailbox.owner, parent.id, 1).id)),
            display_name: name.map(|name| name.trim().to_owned()),
            child_folder_count: Some(0),
            total_count: Some(0),
            unread_count: Some(0),
            ..made
        };
        Ok(answer::json(StatusCode::CREATED, &self.folder_body(&told, &Select::default())))
    }

    pub(super) async fn change_folder(&self, id: &str) -> Result<Response, GraphError> {
        self.check_options(&[])?;
        let (new, folder) = (read_folder(&self.body)?, self.mail_folder(id)?);
        self.check_unchanged(folder.version)?;
        let mut told = self.told_folder(folder).await?;
        if let Some(name) = &new.display_name {
            told.display_name = Some(name.trim().to_owned());
            let updates = vec![FolderUpdate::Set { path: Field::FolderDisplayName.into(), folder: new.clone() }];
            self.mailbox.update_folder(FolderChange { id: told.id.clone().into(), updates }).await?;
        }
        Ok(answer::json(StatusCode::OK, &self.folder_body(&told, &Select::default())))
    }

    /// As people throw things away: into the folder for it, and from there out of sight.
    pub(super) async fn remove_folder(&self, id: &str) -> Result<Response, GraphError> {
        self.check_options(&[])?;
        let folder = self.mail_folder(id)?;
        self.check_unchanged(folder.version)?;
        self.mailbox.delete_folder(folder, DeleteType::MoveToDeletedItems).await?;
        Ok(answer::no_content())
    }
}
