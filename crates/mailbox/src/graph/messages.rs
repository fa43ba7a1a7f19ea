//! `messages`: made, told, changed, moved, thrown away.

use actas_exchange::ews::{
    ConflictResolution, DeleteType, DistinguishedFolder, ItemChange, ItemId, Message, mime as format,
};
use actas_exchange::graph::{read_changes, read_message, write_attachment, write_extended, write_message};
use actas_store::mailbox::Item;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::{ETAG, HeaderName, HeaderValue, LOCATION};
use serde_json::{Map, Value};

use super::answer::{self, GraphError};
use super::list::Shape;
use super::route::{At, Transfer};
use super::{Call, item_id};
use crate::content::Reel;
use crate::ews::failures::item_not_found;
use crate::{body, ids, mime};

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

impl Call<'_> {
    // === told ===

    /// The stored message that a path names, in the folder that it names.
    pub(super) async fn stored(&self, at: &At) -> Result<Item, GraphError> {
        let item = self.mailbox.item(&item_id(&at.message)).await?;
        match &at.folder {
            Some(folder) if self.mail_folder(folder)?.id != item.folder => Err(item_not_found().into()),
            _ => Ok(item),
        }
    }

    pub(super) async fn tell_one_message(&self, at: &At) -> Result<Response, GraphError> {
        self.check_options(&["$select", "$expand"])?;
        let shape = self.shape()?;
        let item = self.stored(at).await?;
        self.message_answer(StatusCode::OK, &item, &shape).await
    }

    async fn message_answer(&self, status: StatusCode, item: &Item, shape: &Shape) -> Result<Response, GraphError> {
        let mut told = self.told(item, shape).await?;
        let context = self.context(&format!("/messages{}/$entity", shape.select.context()));
        told.insert("@odata.context".to_owned(), context.into());
        let etag = told.get("@odata.etag").and_then(Value::as_str).and_then(|etag| HeaderValue::from_str(etag).ok());
        let place = told
            .get("id")
            .and_then(Value::as_str)
            .map(|id| HeaderValue::from_str(&format!("{}/users/{}/messages/{id}", self.base, self.mailbox.user.id)));
        let mut response = answer::json(status, &Value::Object(told));
        let headers = response.headers_mut();
        if let Some(etag) = etag {
            headers.insert(ETAG, etag);
        }
        if let (StatusCode::CREATED, Some(Ok(place))) = (status, place) {
            headers.insert(LOCATION, place);
        }
        if let Some(form) = self.body_form() {
            let form = form.as_str().to_ascii_lowercase();
            let applied = HeaderValue::from_str(&format!("outlook.body-content-type=\"{form}\""));
            headers.extend(applied.ok().map(|applied| (PREFERENCE_APPLIED, applied)));
        }
        Ok(response)
    }

    /// A message as an answer tells it.
    pub(super) async fn told(&self, item: &Item, shape: &Shape) -> Result<Map<String, Value>, GraphError> {
        let (mut message, _) = self.mailbox.message(item)?;
        let basic = self.check_contents().is_err();
        let wants_preview = !basic && shape.select.selects("bodyPreview").unwrap_or(true);
        let preview = message.body.as_ref().filter(|_| wants_preview).map(body::preview);
        message.body = message.body.map(|stored| body::wanted(stored, self.body_form()));
        let mut told = write_message(&message, preview.as_deref().or(wants_preview.then_some("")), |name| match name {
            "body" | "bodyPreview" if basic => Some(false),
            name => shape.select.selects(name),
        });
        for (name, asked) in
            [("singleValueExtendedProperties", &shape.single), ("multiValueExtendedProperties", &shape.multi)]
        {
            if let Some(values) = write_extended(&message, asked) {
                told.insert(name.to_owned(), values);
            }
        }
        if shape.files {
            told.insert("attachments".to_owned(), self.files_of(item, &message).await?);
        }
        Ok(told)
    }

    /// All files with their bytes: an item is bounded, and so are its files together.
    async fn files_of(&self, item: &Item, message: &Message) -> Result<Value, GraphError> {
        let stored = self.mailbox.server.mailboxes.attachments(item.id).await;
        let mut stored = stored.map_err(|error| GraphError::storage(&error))?;
        let mut told = Vec::with_capacity(message.attachments.len());
        for file in &message.attachments {
            let id = file.id.as_deref().and_then(|id| ids::read(ids::Of::Attachment, self.mailbox.owner, id).ok());
            let content =
                stored.iter().position(|stored| Some(stored.id) == id).map(|at| stored.swap_remove(at).content);
            let content = content.filter(|_| file.item.is_none());
            let content = content.map(|content| self.mailbox.splices.content(content));
            let file = actas_exchange::ews::FileAttachment { content, ..file.clone() };
            told.push(write_attachment(&file, message.last_modified));
        }
        Ok(told.into())
    }

    pub(super) async fn mime_of(&self, at: &At) -> Result<Response, GraphError> {
        self.check_options(&[])?;
        let item = self.stored(at).await?;
        let (message, stored) = self.mailbox.message(&item)?;
        let mailboxes = &self.mailbox.server.mailboxes;
        let stream = mime::of_item(mailboxes, &item, stored.as_ref(), &message).await;
        let stream = stream.map_err(|error| GraphError::storage(&error))?;
        Ok(answer::bytes("text/plain", Reel::new(mailboxes.clone(), stream.pieces)))
    }

    // === made and changed ===

    /// From JSON, or from a MIME stream in Base64 under the type `text/plain`.
    pub(super) async fn add_message(&self, folder: Option<&str>) -> Result<Response, GraphError> {
        self.check_options(&[])?;
        let folder = match folder {
            Some(folder) => self.mail_folder(folder)?,
            None => self.mailbox.role(DistinguishedFolder::Drafts)?,
        };
        let message = if self.is_json() {
            self.parse(|body| Ok(read_message(body)?)).await?
        } else {
            self.parse(read_mime).await?
        };
        let made = self.mailbox.create_item(message, folder.id).await?;
        self.made(&made.id).await
    }

    async fn made(&self, id: &ItemId) -> Result<Response, GraphError> {
        let item = self.mailbox.item(id).await?;
        self.message_answer(StatusCode::CREATED, &item, &Shape::default()).await
    }

    /// Without `If-Match` a change is applied to the message as it is then.
    pub(super) async fn change_message(&self, at: &At) -> Result<Response, GraphError> {
        self.check_options(&[])?;
        let updates = self.parse(|body| Ok(read_changes(body)?)).await?;
        let item = self.stored(at).await?;
        self.check_unchanged(item.version)?;
        let id = ids::item(self.mailbox.owner, item.id, item.version);
        if !updates.is_empty() {
            let resolution = match self.if_match() {
                Some(tag) if tag.trim() != "*" => ConflictResolution::NeverOverwrite,
                _ => ConflictResolution::AlwaysOverwrite,
            };
            self.mailbox.update_item(&ItemChange { id: id.clone(), updates }, resolution).await?;
        }
        let item = self.mailbox.item(&id).await?;
        self.message_answer(StatusCode::OK, &item, &Shape::default()).await
    }

    // === moved and thrown away ===

    pub(super) async fn transfer(&self, at: &At, kind: Transfer) -> Result<Response, GraphError> {
        self.check_options(&[])?;
        let item = self.stored(at).await?;
        let id = ids::item(self.mailbox.owner, item.id, item.version);
        let moved = match kind {
            Transfer::Copy => self.mailbox.copy_item(&id, self.destination()?).await?,
            Transfer::Move => self.mailbox.move_item(&id, self.destination()?).await?,
            Transfer::PermanentDelete => {
                let purges = self.mailbox.role(DistinguishedFolder::RecoverableItemsPurges)?;
                self.mailbox.move_item(&id, purges.id).await?;
                return Ok(answer::no_content());
            }
        };
        self.made(&moved).await
    }

    fn destination(&self) -> Result<uuid::Uuid, GraphError> {
        let body: Value = serde_json::from_slice(&self.body)
            .map_err(|error| GraphError::unreadable(format!("The body is not a JSON object: {error}.")))?;
        let named = body.get("destinationId").or(body.get("DestinationId")).and_then(Value::as_str);
        let named = named.ok_or_else(|| GraphError::unreadable("The property 'destinationId' is required."))?;
        Ok(self.mail_folder(named)?.id)
    }

    /// As people throw things away: into the folder for it, and from there out of sight.
    pub(super) async fn remove_message(&self, at: &At) -> Result<Response, GraphError> {
        self.check_options(&[])?;
        let item = self.stored(at).await?;
        self.check_unchanged(item.version)?;
        let id = ids::item(self.mailbox.owner, item.id, item.version);
        self.mailbox.delete_item(&id, DeleteType::MoveToDeletedItems).await?;
        Ok(answer::no_content())
    }
}

/// A MIME stream in Base64. What comes in this way is a draft, as in the original.
fn read_mime(encoded: &[u8]) -> Result<Message, GraphError> {
    let dense: Vec<u8> = encoded.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let content = STANDARD.decode(dense).map_err(|error| {
        GraphError::mime("ErrorMimeContentInvalidBase64String", format!("The body is not Base64: {error}."))
    })?;
    format::read(content).ok_or_else(|| GraphError::mime("ErrorMimeContentInvalid", "The content is not MIME."))
}
