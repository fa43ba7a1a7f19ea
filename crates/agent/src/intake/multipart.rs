//! Files of a request: read part by part, and stored part by part, so that a file takes a
//! few hundred kilobytes of memory however large it is.

use axum::body::Bytes;
use axum::extract::Multipart;
use axum::extract::multipart::Field;
use http::StatusCode;
use uuid::Uuid;

use super::Prepared;
use super::answer::Refusal;
use super::item::{File, Submitted};
use crate::Agent;
use crate::item::{ATTACHMENT_BYTES_MAX, Attachment, StorageItem};
use crate::upload::FileWriter;

/// The name of the part that holds the items; it comes first.
const ITEMS: &str = "items";

/// The files of one item on their way to the disk.
pub(crate) struct Upload<'a> {
    agent: &'a Agent,
    id: String,
    files: Vec<Attachment>,
}

// === impl Upload ===

impl<'a> Upload<'a> {
    pub(crate) fn new(agent: &'a Agent) -> Self {
        Self { agent, id: Uuid::new_v4().to_string(), files: Vec::new() }
    }

    /// Stores a file that is in memory already.
    pub(crate) async fn whole(&mut self, name: &str, content_type: &str, content: &[u8]) -> Result<(), Refusal> {
        let mut writer = self.begin(name);
        writer.push(content).await.map_err(|error| Refusal::of_agent(&error))?;
        let file = writer.end(content_type).await.map_err(|error| Refusal::of_agent(&error))?;
        self.files.push(file);
        Ok(())
    }

    /// Stores a file as it comes.
    async fn streamed(&mut self, file: &File, field: &mut Field<'_>) -> Result<(), Refusal> {
        let mut writer = self.begin(&file.name);
        while let Some(piece) = chunk(field).await? {
            if writer.size() + piece.len() as u64 > ATTACHMENT_BYTES_MAX {
                let what = format!("the file `{}` has more than {ATTACHMENT_BYTES_MAX} bytes", file.name);
                return Err(Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", what));
            }
            writer.push(&piece).await.map_err(|error| Refusal::of_agent(&error))?;
        }
        let stored = writer.end(&file.content_type).await.map_err(|error| Refusal::of_agent(&error))?;
        self.files.push(stored);
        Ok(())
    }

    pub(crate) fn begin(&self, name: &str) -> FileWriter<'a> {
        FileWriter::new(self.agent, &self.id, self.files.len(), name)
    }

    /// Drops what was stored.
    pub(crate) async fn abandon(self) {
        if let Err(error) = self.agent.queue().drop_upload(&self.id).await {
            tracing::warn!(%error, "an upload is left for the sweeper");
        }
    }

    /// Notes a file that was written.
    pub(crate) fn add(&mut self, file: Attachment) {
        self.files.push(file);
    }

    /// The item with its files.
    pub(crate) async fn finish(self, item: StorageItem) -> Prepared {
        match item.with_attachments(self.files.clone()) {
            Ok(item) if self.files.is_empty() => Ok((item, None)),
            Ok(item) => Ok((item, Some(self.id))),
            Err(error) => {
                self.abandon().await;
                Err(Refusal::invalid(error.to_string()))
            }
        }
    }
}

/// The part with the items.
pub(super) async fn first(form: &mut Multipart, bytes_max: usize) -> Result<Vec<u8>, Refusal> {
    let field = form.next_field().await.map_err(|error| Refusal::invalid(error.body_text()))?;
    let mut field = field.filter(|field| field.name() == Some(ITEMS)).ok_or_else(|| {
        Refusal::invalid("the first part has to be `items`, with an item or an array of items as JSON")
    })?;
    let mut text = Vec::new();
    while let Some(piece) = chunk(&mut field).await? {
        if text.len() + piece.len() > bytes_max {
            return Err(Refusal::too_large(bytes_max));
        }
        text.extend_from_slice(&piece);
    }
    Ok(text)
}

/// Stores the files of a request. Parts come in the order in which the items name them.
pub(super) async fn receive(
    agent: &Agent,
    mut form: Multipart,
    items: Vec<Submitted>,
) -> Result<Vec<Prepared>, Refusal> {
    let mut prepared = Vec::with_capacity(items.len());
    let mut uploads: Vec<String> = Vec::new();
    for submitted in items {
        match receive_item(agent, &mut form, submitted).await {
            Ok(item) => {
                uploads.extend(item.as_ref().ok().and_then(|(_, upload)| upload.clone()));
                prepared.push(item);
            }
            Err(refusal) => {
                for upload in uploads {
                    if let Err(error) = agent.queue().drop_upload(&upload).await {
                        tracing::warn!(%error, "an upload is left for the sweeper");
                    }
                }
                return Err(refusal);
            }
        }
    }
    Ok(prepared)
}

async fn receive_item(agent: &Agent, form: &mut Multipart, submitted: Submitted) -> Result<Prepared, Refusal> {
    let mut upload = Upload::new(agent);
    for file in &submitted.files {
        let stored = match (&file.content, &file.part) {
            (Some(content), _) => upload.whole(&file.name, &file.content_type, content).await,
            (None, part) => receive_file(form, &mut upload, file, part.as_deref().unwrap_or_default()).await,
        };
        if let Err(refusal) = stored {
            upload.abandon().await;
            return Err(refusal);
        }
    }
    match submitted.item {
        Ok(item) => Ok(upload.finish(item).await),
        Err(refusal) => Ok(Err(refusal)),
    }
}

async fn receive_file(form: &mut Multipart, upload: &mut Upload<'_>, file: &File, part: &str) -> Result<(), Refusal> {
    let field = form.next_field().await.map_err(|error| Refusal::invalid(error.body_text()))?;
    let Some(mut field) = field.filter(|field| field.name() == Some(part)) else {
        return Err(Refusal::invalid(format!("the next part has to be `{part}`, the file `{}`", file.name))
            .hint("parts come in the order in which the items name them"));
    };
    upload.streamed(file, &mut field).await
}

async fn chunk(field: &mut Field<'_>) -> Result<Option<Bytes>, Refusal> {
    field.chunk().await.map_err(|error| Refusal::invalid(error.body_text()))
}
