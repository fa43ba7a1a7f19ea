//! Files that are too large for memory: they go to the store as they arrive, and come out of it as
//! they are sent.

use std::sync::LazyLock;
use std::time::Duration;

use actas_exchange::ews::{Request as Operation, *};
use actas_runtime::listener::{self, Limits, Server};
use axum::body::Body as HttpBody;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use jiff::SignedDuration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::hostile::peak_memory;
use crate::items::{create, get};
use crate::world::{EWS_PATH, HOST, World, answer};

const MIB: usize = 1024 * 1024;
const BLOCK_BYTES: usize = 3 * 65_536;
/// What the largest item that is accepted may add to the memory of the process.
const MEMORY_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// The bytes of a file from the beginning of a block on, no block like another.
fn bytes(from: usize, count: usize) -> Vec<u8> {
    static BLOCK: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let byte = |at: usize| (at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes()[1];
        (0..BLOCK_BYTES).map(byte).collect()
    });
    let mut bytes = Vec::with_capacity(count);
    for block in from / BLOCK_BYTES.. {
        if bytes.len() >= count {
            break;
        }
        bytes.extend_from_slice(&(block as u64).to_be_bytes());
        bytes.extend_from_slice(&BLOCK[8..]);
    }
    bytes.truncate(count);
    bytes
}

fn file(name: &str, size: usize) -> FileAttachment {
    FileAttachment {
        name: Some(name.to_owned()),
        content_type: Some("application/octet-stream".to_owned()),
        content: Some(bytes(0, size)),
        ..FileAttachment::default()
    }
}

fn message(files: Vec<FileAttachment>) -> Message {
    Message { subject: Some("large".to_owned()), attachments: files, ..Message::default() }
}

async fn try_create(world: &World, message: Message) -> Result<CreatedItem, Failure> {
    let folder = Some(DistinguishedFolder::Inbox.into());
    let request = CreateItem { disposition: MessageDisposition::SaveOnly, folder, items: vec![message] };
    let reply = world.ews(&world.lena, Operation::CreateItem(request)).await;
    answer!(CreateItemResponse, reply).messages.remove(0).into_result().map(Option::unwrap)
}

async fn try_add(world: &World, parent: &ItemId, file: FileAttachment) -> Result<CreatedAttachment, Failure> {
    let request = CreateAttachment { parent: parent.clone(), attachments: vec![file] };
    let reply = world.ews(&world.lena, Operation::CreateAttachment(request)).await;
    answer!(CreateAttachmentResponse, reply).messages.remove(0).into_result()
}

async fn content(world: &World, id: &str) -> Result<Vec<u8>, Failure> {
    let request = Operation::GetAttachment(GetAttachment { ids: vec![id.to_owned()] });
    let got = answer!(GetAttachmentResponse, world.ews(&world.lena, request).await).messages.remove(0).into_result();
    got.map(|file| file.content.unwrap())
}

/// How many files lie around that no item names, once it is time to sweep them.
async fn loose(world: &World) -> usize {
    world.clock.advance(SignedDuration::from_mins(11));
    world.server.sweep().await.unwrap()
}

// === the largest ===

struct Connection {
    stream: BufReader<TcpStream>,
    token: String,
}

impl Connection {
    async fn to(server: &Server, token: String) -> Self {
        Self { stream: BufReader::new(TcpStream::connect(server.local_addr()).await.unwrap()), token }
    }

    async fn send_head(&mut self, length: usize) {
        let head = format!(
            "POST {EWS_PATH} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {}\r\nContent-Type: text/xml\r\n\
             Content-Length: {length}\r\n\r\n",
            self.token
        );
        self.stream.write_all(head.as_bytes()).await.unwrap();
    }

    /// Sends a request with a file in place of `@`, which is never whole in memory here either.
    async fn send(&mut self, text: &str, size: usize) {
        let (before, after) = text.split_once('@').unwrap();
        self.send_head(before.len() + size.div_ceil(3) * 4 + after.len()).await;
        self.stream.write_all(before.as_bytes()).await.unwrap();
        for from in (0..size).step_by(BLOCK_BYTES) {
            let part = STANDARD.encode(bytes(from, (size - from).min(BLOCK_BYTES)));
            self.stream.write_all(part.as_bytes()).await.unwrap();
        }
        self.stream.write_all(after.as_bytes()).await.unwrap();
    }

    /// The length of an answer that is a success.
    async fn head(&mut self) -> usize {
        let mut length = None;
        for number in 0.. {
            let mut line = String::new();
            self.stream.read_line(&mut line).await.unwrap();
            assert!(number > 0 || line.starts_with("HTTP/1.1 200"), "{line}");
            match line.trim_end().split_once(": ") {
                Some(("content-length", value)) => length = value.parse().ok(),
                None if number > 0 => break,
                _ => {}
            }
        }
        length.unwrap()
    }

    async fn answer(&mut self) -> String {
        let mut body = vec![0; self.head().await];
        self.stream.read_exact(&mut body).await.unwrap();
        String::from_utf8(body).unwrap()
    }

    /// Reads the file that the answer brings, and holds it against the one that was sent.
    async fn check_file(&mut self, size: usize) {
        let length = self.head().await;
        let mut before = Vec::new();
        while !before.ends_with(b"<t:Content>") {
            before.push(self.stream.read_u8().await.unwrap());
        }
        for from in (0..size).step_by(BLOCK_BYTES) {
            let expected = bytes(from, (size - from).min(BLOCK_BYTES));
            let mut digits = vec![0; expected.len().div_ceil(3) * 4];
            self.stream.read_exact(&mut digits).await.unwrap();
            assert!(STANDARD.decode(digits).unwrap() == expected, "from byte {from} on");
        }
        let mut after = vec![0; length - before.len() - size.div_ceil(3) * 4];
        self.stream.read_exact(&mut after).await.unwrap();
        assert!(after.starts_with(b"</t:Content>"), "{}", String::from_utf8_lossy(&after));
    }
}

#[tokio::test]
async fn a_file_of_150_megabytes_comes_back_and_is_never_whole_in_memory() {
    const SIZE: usize = 150_000_000;
    let world = World::new().await;
    let loopback = "127.0.0.1:0".parse().unwrap();
    let server = listener::serve_plain(listener::bind(loopback).unwrap(), world.router(), &Limits::default()).unwrap();
    let mut connection = Connection::to(&server, world.act_as(&world.lena)).await;
    let header = RequestHeader { version: None, impersonation: None };
    let call = |request| Call { header: header.clone(), request }.write();
    let attached = FileAttachment { content: Some(b"here".to_vec()), ..file("large.bin", 0) };
    let create = CreateItem {
        disposition: MessageDisposition::SaveOnly,
        folder: Some(DistinguishedFolder::Inbox.into()),
        items: vec![message(vec![attached])],
    };
    let text = call(Operation::CreateItem(create)).replace(&STANDARD.encode("here"), "@");

    let before = peak_memory();
    connection.send(&text, SIZE).await;
    let reply = connection.answer().await;
    let made = CreateItemResponse::parse(reply.as_bytes(), MIB).unwrap().answer().unwrap().messages.remove(0);
    let keys = made.into_result().unwrap().unwrap().attachments;
    let ids = keys.into_iter().map(|key| key.id).collect();
    let request = call(Operation::GetAttachment(GetAttachment { ids }));
    connection.send_head(request.len()).await;
    connection.stream.write_all(request.as_bytes()).await.unwrap();
    connection.check_file(SIZE).await;
    let grown = peak_memory().saturating_sub(before);
    assert!(grown < MEMORY_BYTES_MAX, "{} MiB more", grown / MIB as u64);
    assert_eq!(server.connections(), 1);
    server.stop(Duration::from_secs(1)).await.unwrap();
}

// === what is told of them ===

#[tokio::test]
async fn a_large_file_is_read_over_ews_and_graph_and_goes_with_copies() {
    let world = World::new().await;
    let (first, second) = (file("a.bin", 2 * MIB + 1), file("b.bin", MIB));
    let files = vec![first.clone(), FileAttachment { content: Some(b"small".to_vec()), ..file("c.txt", 0) }, second];
    let made = create(&world, &world.lena, DistinguishedFolder::Inbox, vec![message(files.clone())]).await.remove(0);
    let shape = || ItemShape { include_mime_content: true, ..ItemShape::new(BaseShape::AllProperties) };
    let read = async |id: ItemId| get(&world, &world.lena, vec![id], shape()).await.remove(0).into_result().unwrap();
    let told = read(made.clone()).await;
    let told_files = told.attachments.iter().zip(&files);
    for (told, sent) in told_files {
        assert_eq!(told.size, sent.content.as_ref().map(|content| content.len() as u64));
        assert!(Some(content(&world, told.id.as_ref().unwrap()).await.unwrap()) == sent.content);
    }
    // The stream that is made of it has them, too.
    let parsed = mime::read(told.mime_content.unwrap().content).unwrap();
    let contents = |files: &[FileAttachment]| files.iter().map(|file| file.content.clone()).collect::<Vec<_>>();
    assert!(contents(&parsed.attachments) == contents(&files));

    let path = format!("/users/{}/messages/{}", world.lena.id, actas_exchange::graph::to_rest_id(&made.id));
    let body = world.graph(Method::GET, &format!("{path}?$expand=attachments"), None).await.told(200);
    let listed = body["attachments"].as_array().unwrap();
    let expected: Vec<_> = contents(&files).into_iter().map(|content| STANDARD.encode(content.unwrap())).collect();
    assert!(listed.iter().map(|file| file["contentBytes"].as_str().unwrap()).eq(&expected));
    let one = format!("{path}/attachments/{}", listed[0]["id"].as_str().unwrap());
    assert!(world.graph(Method::GET, &one, None).await.told(200)["contentBytes"] == expected[0].as_str());

    let to = DistinguishedFolder::Drafts.into();
    let request = Operation::CopyItem(TransferItems { items: vec![made.clone()], to });
    let copy = answer!(CopyItemResponse, world.ews(&world.lena, request).await).messages.remove(0);
    let copy = copy.into_result().unwrap();
    let request = DeleteItem { items: vec![made], delete_type: DeleteType::HardDelete };
    answer!(DeleteItemResponse, world.ews(&world.lena, Operation::DeleteItem(request)).await);
    assert_eq!(loose(&world).await, 0);
    let told = read(copy.clone()).await;
    assert!(content(&world, told.attachments[0].id.as_ref().unwrap()).await.unwrap() == first.content.unwrap());
    let request = DeleteItem { items: vec![copy], delete_type: DeleteType::HardDelete };
    answer!(DeleteItemResponse, world.ews(&world.lena, Operation::DeleteItem(request)).await);
    assert_eq!(loose(&world).await, 2);
    assert_eq!(loose(&world).await, 0);
}

#[tokio::test]
async fn a_large_stream_comes_back_byte_for_byte() {
    let world = World::new().await;
    let mut content = b"Subject: x\r\n\r\n".to_vec();
    content.extend(bytes(0, 3 * MIB + 1).into_iter().map(|byte| byte & 0x7F));
    let mime = MimeContent { character_set: Some("UTF-8".to_owned()), content: content.clone() };
    let sent = Message { mime_content: Some(mime.clone()), ..message(Vec::new()) };
    let made = create(&world, &world.lena, DistinguishedFolder::Inbox, vec![sent]).await;
    let shape = ItemShape { include_mime_content: true, ..ItemShape::new(BaseShape::IdOnly) };
    let told = get(&world, &world.lena, made.clone(), shape).await.remove(0).into_result().unwrap();
    assert!(told.mime_content == Some(mime));
    let path = format!("/users/{}/messages/{}/$value", world.lena.id, actas_exchange::graph::to_rest_id(&made[0].id));
    let reply = world.graph(Method::GET, &path, None).await;
    assert!(reply.status == StatusCode::OK && reply.body.as_bytes() == content);
}

// === what is refused leaves nothing ===

#[tokio::test]
async fn an_item_has_its_bound() {
    let world = World::with(|config| config.item_bytes_max = 2 * 1024 * 1024).await;
    let failure = try_create(&world, message(vec![file("a", 2 * MIB + 1)])).await.unwrap_err();
    assert_eq!(failure.code, ResponseCode::ErrorMessageSizeExceeded);
    let failure = try_create(&world, message(vec![file("a", MIB), file("b", MIB)])).await.unwrap_err();
    assert_eq!(failure.code, ResponseCode::ErrorMessageSizeExceeded);
    let made = try_create(&world, message(vec![file("a", MIB)])).await.unwrap();
    let failure = try_add(&world, &made.id, file("b", 2 * MIB + 1)).await.unwrap_err();
    assert_eq!(failure.code.as_str(), "ErrorAttachmentSizeLimitExceeded");
    let failure = try_add(&world, &made.id, file("b", MIB)).await.unwrap_err();
    assert_eq!(failure.code, ResponseCode::ErrorMessageSizeExceeded);
    let added = try_add(&world, &made.id, file("b", MIB / 2)).await.unwrap();
    assert!(content(&world, &added.key.id).await.unwrap() == bytes(0, MIB / 2));
    let huge = format!("{}{}", "x".repeat(300_000), "y".repeat(45 * MIB));
    assert_eq!(world.post(EWS_PATH, &world.act_as(&world.lena), huge).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(loose(&world).await, 0);
}

#[tokio::test]
async fn the_quota_counts_large_files() {
    let world = World::with(|config| config.quota_bytes = 5 * 1024 * 1024).await;
    let made = try_create(&world, message(vec![file("a", 3 * MIB)])).await.unwrap();
    let failure = try_create(&world, message(vec![file("b", 3 * MIB)])).await.unwrap_err();
    assert_eq!(failure.code, ResponseCode::ErrorQuotaExceeded);
    let request = DeleteAttachment { ids: made.attachments.into_iter().map(|key| key.id).collect() };
    answer!(DeleteAttachmentResponse, world.ews(&world.lena, Operation::DeleteAttachment(request)).await);
    try_create(&world, message(vec![file("b", 3 * MIB)])).await.unwrap();
    assert_eq!(loose(&world).await, 1);
}

#[tokio::test]
async fn what_comes_to_nothing_leaves_nothing() {
    let world = World::new().await;
    let token = world.act_as(&world.lena);
    let header = RequestHeader { version: None, impersonation: None };
    let create = |folder| {
        let items = vec![message(vec![file("a", 2 * MIB)])];
        let request = CreateItem { disposition: MessageDisposition::SaveOnly, folder: Some(folder), items };
        Call { header: header.clone(), request: Operation::CreateItem(request) }.write()
    };
    let good = create(DistinguishedFolder::Inbox.into());
    let unknown = FolderName::Other("nowhere".to_owned());
    let nowhere = create(FolderId::Distinguished { name: unknown, mailbox: None });
    // Nobody is let in, nothing is stored.
    assert_eq!(world.post(EWS_PATH, "nobody", good.clone()).await.status, StatusCode::UNAUTHORIZED);
    let reply = world.post(EWS_PATH, &token, nowhere).await;
    assert!(reply.body.contains("ErrorFolderNotFound"), "{}", reply.body);
    let digit = good.find("<t:Content>").unwrap() + 2 * MIB;
    let spoiled = format!("{}%{}", &good[..digit], &good[digit + 1..]);
    for bad in [spoiled, good[..digit].to_owned(), format!("{good}<"), good.replace("</t:Content>", "<b/></t:Content>")]
    {
        world.post(EWS_PATH, &token, bad).await.assert_fault("ErrorSchemaValidation");
    }
    let half = good.as_bytes()[..digit].to_vec();
    let pieces = [Ok(half), Err(std::io::Error::other("gone"))];
    let broken = HttpBody::from_stream(futures_util::stream::iter(pieces));
    assert_eq!(world.post(EWS_PATH, &token, broken).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.post(EWS_PATH, &token, good).await.status, StatusCode::OK);
    assert_eq!(loose(&world).await, 0);
}
