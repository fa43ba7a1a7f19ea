//! `attachments`: files of a message.

use actas_exchange::ews::FileAttachment;
use actas_exchange::graph::{from_rest_id, read_attachment, write_attachment};
use actas_store::mailbox::Content;
use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Call;
use super::answer::{self, GraphError};
use super::route::At;
use crate::content::{Piece, Reel};
use crate::ews::failures::item_not_found;
use crate::ids;

/// What `$select` can name.
pub(super) const NAMES: &[&str] = &[
    "contentBytes",
    "contentId",
    "contentType",
    "id",
    "isInline",
    "lastModifiedDateTime",
    "microsoft.graph.fileAttachment/contentBytes",
    "name",
    "size",
];

impl Call<'_> {
    fn file_context(&self, at: &At, behind: &str) -> String {
        self.context(&format!("/messages('{}')/attachments{behind}", at.message))
    }

    /// Without their bytes where `$select` leaves them out.
    pub(super) async fn list_files(&self, at: &At) -> Result<Response, GraphError> {
        self.check_options(&["$select", "$count"])?;
        let count = self.options.count()?;
        let item = self.stored(at).await?;
        let (message, _) = self.mailbox.message(&item)?;
        let select = self.file_select()?;
        let mut value = Vec::with_capacity(message.attachments.len());
        for file in &message.attachments {
            let whole = match &file.id {
                Some(id) if selects(select.as_deref(), "contentBytes") => self.mailbox.get_attachment(id).await?,
                _ => file.clone(),
            };
            value.push(selected(write_attachment(&whole, message.last_modified), select.as_deref()));
        }
        let mut body = json!({ "@odata.context": self.file_context(at, ""), "value": value });
        if count {
            body["@odata.count"] = message.attachments.len().into();
        }
        Ok(answer::json(StatusCode::OK, &body))
    }

    fn file_select(&self) -> Result<Option<Vec<String>>, GraphError> {
        let text = self.options.get("$select");
        actas_directory::odata::Select::parse(text, "attachment", |name| NAMES.contains(&name))?;
        let bare = |name: &str| name.trim().trim_start_matches("microsoft.graph.fileAttachment/").to_owned();
        Ok(text.map(|text| text.split(',').map(bare).collect()))
    }

    pub(super) async fn add_file(&self, at: &At) -> Result<Response, GraphError> {
        self.check_options(&[])?;
        let file = self.parse(|body| Ok(read_attachment(body)?)).await?;
        let item = self.stored(at).await?;
        let id = ids::item(self.mailbox.owner, item.id, item.version);
        let (_, files) = self.mailbox.add_files(&id, std::slice::from_ref(&file)).await?;
        let size = file.content.as_ref().and_then(|content| u64::try_from(content.len()).ok());
        let made = files.first().map(|(made, _)| ids::write(ids::Of::Attachment, self.mailbox.owner, *made));
        let told = write_attachment(&FileAttachment { id: made, size, ..file }, Some(self.mailbox.now));
        Ok(answer::json(StatusCode::CREATED, &with_context(told, self.file_context(at, "/$entity"))))
    }

    pub(super) async fn tell_file(&self, at: &At, id: &str) -> Result<Response, GraphError> {
        self.check_options(&["$select"])?;
        let select = self.file_select()?;
        let (file, content, modified) = self.file(at, id).await?;
        let content = file.item.is_none().then(|| self.mailbox.splices.content(content));
        let file = FileAttachment { content, ..file };
        let told = selected(write_attachment(&file, modified), select.as_deref());
        Ok(answer::json(StatusCode::OK, &with_context(told, self.file_context(at, "/$entity"))))
    }

    pub(super) async fn file_bytes(&self, at: &At, id: &str) -> Result<Response, GraphError> {
        self.check_options(&[])?;
        let (file, content, _) = self.file(at, id).await?;
        let reel = Reel::new(self.mailbox.server.mailboxes.clone(), [Piece::of(content)]);
        Ok(answer::bytes(file.content_type.as_deref().unwrap_or_default(), reel))
    }

    pub(super) async fn remove_file(&self, at: &At, id: &str) -> Result<Response, GraphError> {
        self.check_options(&[])?;
        let (file, ..) = self.file(at, id).await?;
        self.mailbox.delete_attachment(file.id.as_deref().unwrap_or_default()).await?;
        Ok(answer::no_content())
    }

    /// A file of that very message.
    async fn file(&self, at: &At, id: &str) -> Result<(FileAttachment, Content, Option<Timestamp>), GraphError> {
        let item = self.stored(at).await?;
        let (message, _) = self.mailbox.message(&item)?;
        let (file, content) = self.mailbox.attachment_bytes(&from_rest_id(id)).await?;
        if message.attachments.iter().any(|own| own.id == file.id) {
            Ok((file, content, message.last_modified))
        } else {
            Err(item_not_found().into())
        }
    }
}

fn selects(select: Option<&[String]>, name: &str) -> bool {
    select.is_none_or(|names| names.iter().any(|own| own == name))
}

fn selected(mut told: Value, select: Option<&[String]>) -> Value {
    if let Some(map) = told.as_object_mut() {
        map.retain(|name, _| name.starts_with('@') || name == "id" || selects(select, name));
    }
    told
}

fn with_context(mut told: Value, context: String) -> Value {
    told["@odata.context"] = context.into();
    told
}
