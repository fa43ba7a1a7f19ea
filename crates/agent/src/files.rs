//! Files on their way out: their bytes come from the queue part by part and go into the
//! request as Base64, so that no file is ever whole in memory.

use std::io;

use actas_exchange::ews::FileAttachment;
use actas_runtime::BodyStream;
use actas_store::queue::Queue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::item::Attachment;

/// Bytes of one part. A multiple of three, so that parts are Base64 one after another.
pub(crate) const PART_BYTES: usize = 240 * 1024;
/// Pieces that wait for the network.
const PIECES_AHEAD: usize = 2;

/// Where files go in a text that is written before they are read: for each a sequence
/// that nothing else contains.
pub(crate) struct Marks(Vec<[u8; 24]>);

impl Marks {
    pub(crate) fn new(files: &[Attachment]) -> Self {
        let mark = || {
            let mut mark = [0; 24];
            mark[..16].copy_from_slice(Uuid::new_v4().as_bytes());
            mark[16..].copy_from_slice(&Uuid::new_v4().as_bytes()[..8]);
            mark
        };
        Self(files.iter().map(|_| mark()).collect())
    }

    /// The files with marks for contents, for a request that writes them.
    pub(crate) fn placeholders(&self, files: &[Attachment]) -> Vec<FileAttachment> {
        let placeholder = |(file, mark): (&Attachment, &[u8; 24])| FileAttachment {
            name: Some(file.name.clone()),
            content_type: Some(file.content_type.clone()),
            content: Some(mark.to_vec()),
            ..FileAttachment::default()
        };
        files.iter().zip(&self.0).map(placeholder).collect()
    }

    /// The mark of a file as it stands in the text.
    pub(crate) fn text(&self, file: usize) -> String {
        self.0.get(file).map(|mark| STANDARD.encode(mark)).unwrap_or_default()
    }

    /// The text with the files in place of their marks.
    pub(crate) fn stream(&self, text: &str, files: &[Attachment], queue: Queue, upload: String) -> BodyStream {
        let mut pieces = Vec::with_capacity(files.len() + 1);
        let mut rest = text;
        for file in 0..files.len() {
            let (before, after) = rest.split_once(&self.text(file)).unwrap_or((rest, ""));
            pieces.push(Bytes::copy_from_slice(before.as_bytes()));
            rest = after;
        }
        pieces.push(Bytes::copy_from_slice(rest.as_bytes()));
        let texts: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        let length = texts + files.iter().map(|file| file.size.div_ceil(3) * 4).sum::<u64>();
        let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
        // It ends when all is sent, or when nobody listens any more.
        tokio::spawn(async move {
            for (file, piece) in pieces.into_iter().enumerate() {
                if sender.send(Ok(piece)).await.is_err() {
                    return;
                }
                let file = i64::try_from(file).unwrap_or(i64::MAX);
                if let Err(error) = send_file(&queue, &upload, file, &sender).await {
                    let _ = sender.send(Err(error)).await;
                    return;
                }
            }
        });
        BodyStream { length, pieces: receiver }
    }
}

/// Sends the parts of one file. Behind the last text there is none, which is no failure.
async fn send_file(queue: &Queue, upload: &str, file: i64, sender: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    for part in 0.. {
        let Some(content) = queue.part(upload, file, part).await.map_err(io::Error::other)? else { break };
        let piece = Bytes::from(STANDARD.encode(content));
        if sender.send(Ok(piece)).await.is_err() {
            break;
        }
    }
    Ok(())
}
