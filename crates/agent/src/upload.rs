//! Files on their way in: stored part by part, so that a file takes a few hundred
//! kilobytes of memory however large it is.

use std::io::Read;
use std::path::Path;

use actas_store::queue::{Part, Put};
use aws_lc_rs::digest::{Context, SHA256};
use uuid::Uuid;

use crate::Agent;
use crate::error::{Error, ErrorKind};
use crate::files::PART_BYTES;
use crate::item::{ATTACHMENT_BYTES_MAX, Attachment, StorageItem, hex};

/// One file, cut into parts.
pub(crate) struct FileWriter<'a> {
    agent: &'a Agent,
    upload: String,
    file: i64,
    name: String,
    part: i64,
    size: u64,
    hash: Context,
    waiting: Vec<u8>,
}

// === impl FileWriter ===

impl<'a> FileWriter<'a> {
    pub(crate) fn new(agent: &'a Agent, upload: &str, file: usize, name: &str) -> Self {
        Self {
            agent,
            upload: upload.to_owned(),
            file: i64::try_from(file).unwrap_or(i64::MAX),
            name: name.to_owned(),
            part: 0,
            size: 0,
            hash: Context::new(&SHA256),
            waiting: Vec::new(),
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) async fn push(&mut self, mut piece: &[u8]) -> Result<(), Error> {
        self.size += piece.len() as u64;
        if self.size > ATTACHMENT_BYTES_MAX {
            return Err(Error::invalid(format!("the file `{}` has more than {ATTACHMENT_BYTES_MAX} bytes", self.name)));
        }
        self.hash.update(piece);
        while !piece.is_empty() {
            let room = PART_BYTES - self.waiting.len();
            let (now, later) = piece.split_at(room.min(piece.len()));
            self.waiting.extend_from_slice(now);
            piece = later;
            if self.waiting.len() == PART_BYTES {
                self.store().await?;
            }
        }
        Ok(())
    }

    async fn store(&mut self) -> Result<(), Error> {
        let content = std::mem::take(&mut self.waiting);
        let part = Part { file: self.file, part: self.part, content };
        self.part += 1;
        Ok(self.agent.queue().add_part(&self.upload, part, self.agent.clock().now()).await?)
    }

    /// What is known of the file once all of it is on disk.
    pub(crate) async fn end(mut self, content_type: &str) -> Result<Attachment, Error> {
        // An empty file has a part too: its upload exists by that.
        if !self.waiting.is_empty() || self.part == 0 {
            self.store().await?;
        }
        Ok(Attachment {
            name: self.name,
            content_type: content_type.to_owned(),
            size: self.size,
            sha256: hex(self.hash.finish().as_ref()),
        })
    }
}

// === impl Agent ===

impl Agent {
    /// Accepts one item with files of this machine. Whether it is new; the same key with
    /// other contents is refused.
    pub async fn put_with_files(&self, item: StorageItem, paths: &[impl AsRef<Path>]) -> Result<bool, Error> {
        if paths.is_empty() {
            return Ok(self.put(std::slice::from_ref(&item)).await?.contains(&true));
        }
        let upload = Uuid::new_v4().to_string();
        let outcome = self.put_uploaded(item, &upload, paths).await;
        if !matches!(outcome, Ok(Put::New)) {
            self.queue().drop_upload(&upload).await?;
        }
        match outcome? {
            Put::New => Ok(true),
            Put::Same => Ok(false),
            Put::Other => Err(Error::new(ErrorKind::Exists, "another item has that key already")),
        }
    }

    async fn put_uploaded(&self, item: StorageItem, upload: &str, paths: &[impl AsRef<Path>]) -> Result<Put, Error> {
        let mut files = Vec::with_capacity(paths.len());
        for (index, path) in paths.iter().enumerate() {
            files.push(self.store_file(upload, index, path.as_ref()).await?);
        }
        let item = item.with_attachments(files)?;
        let put = self.accept(&[item], vec![Some(upload.to_owned())]).await?;
        Ok(put.first().copied().unwrap_or(Put::Other))
    }

    async fn store_file(&self, upload: &str, index: usize, path: &Path) -> Result<Attachment, Error> {
        let unreadable = |error: std::io::Error| {
            Error::invalid(format!("the file `{}` cannot be read: {error}", path.display()))
                .with_hint("name a file that this user can read")
        };
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("file");
        let mut source = std::fs::File::open(path).map_err(unreadable)?;
        let mut writer = FileWriter::new(self, upload, index, name);
        let mut piece = vec![0; PART_BYTES];
        loop {
            let count = source.read(&mut piece).map_err(unreadable)?;
            if count == 0 {
                return writer.end("application/octet-stream").await;
            }
            writer.push(&piece[..count]).await?;
        }
    }
}
