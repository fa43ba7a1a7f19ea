//! Requests that mean harm, over a real connection: one clean answer each, memory bounded, and the
//! connection goes on.

use std::fmt::Write as _;
use std::time::Duration;

use actas_exchange::ews::{
    BaseShape, Call, DistinguishedFolder, FolderShape, GetFolder, Request as Operation, RequestHeader,
};
use actas_runtime::listener::{self, Limits, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{EWS_PATH, HOST, World};

/// What a request of a few megabytes may add to the memory of the process.
const MEMORY_BYTES_MAX: u64 = 200 * 1024 * 1024;

struct Connection {
    stream: TcpStream,
    token: String,
}

struct Answer {
    status: u16,
    headers: String,
    body: String,
}

impl Connection {
    async fn to(server: &Server, token: String) -> Self {
        Self { stream: TcpStream::connect(server.local_addr()).await.unwrap(), token }
    }

    /// Sends a request and reads its answer whole.
    async fn post(&mut self, path: &str, body: &[u8]) -> Answer {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {}\r\nContent-Type: text/xml\r\n\
             Content-Length: {}\r\n\r\n",
            self.token,
            body.len()
        );
        self.stream.write_all(head.as_bytes()).await.unwrap();
        self.stream.write_all(body).await.unwrap();
        self.answer().await
    }

    async fn answer(&mut self) -> Answer {
        let mut bytes = Vec::new();
        loop {
            let mut part = [0; 8192];
            let read = self.stream.read(&mut part).await.unwrap();
            assert_ne!(read, 0, "the connection was closed: {}", String::from_utf8_lossy(&bytes));
            bytes.extend_from_slice(&part[..read]);
            let text = String::from_utf8_lossy(&bytes);
            let Some((headers, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = headers.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap() {
                let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
                return Answer { status, headers: headers.to_lowercase(), body: body.to_owned() };
            }
        }
    }
}

fn envelope(body: &str) -> String {
    format!(
        "<?xml version='1.0' encoding='utf-8'?><s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' \
         xmlns:m='http://schemas.microsoft.com/exchange/services/2006/messages' \
         xmlns:t='http://schemas.microsoft.com/exchange/services/2006/types'><s:Body>{body}</s:Body></s:Envelope>"
    )
}

/// As the JavaScript port writes it: the text of elements is not escaped.
fn unescaped(subject: &str, body: &str) -> String {
    envelope(&format!(
        "<m:CreateItem MessageDisposition='SaveOnly'><m:Items><t:Message><t:Subject>{subject}</t:Subject>\
         <t:Body BodyType='HTML'>{body}</t:Body></t:Message></m:Items></m:CreateItem>"
    ))
}

fn entity_bomb() -> String {
    let mut text = "<?xml version='1.0'?><!DOCTYPE b [<!ENTITY e0 'boom'>".to_owned();
    for level in 1..12 {
        let inner = format!("&e{};", level - 1).repeat(10);
        write!(text, "<!ENTITY e{level} '{inner}'>").unwrap();
    }
    text + "]>" + &envelope("<m:GetItem>&e11;</m:GetItem>")
}

fn many_attributes(bytes: usize) -> String {
    let element = "<t:a a='' b='' c='' d='' e='' f='' g='' h='' i='' j=''/>";
    envelope(&format!("<m:GetItem>{}</m:GetItem>", element.repeat(bytes / element.len())))
}

fn many_namespaces(bytes: usize) -> String {
    let declared: String = (0..40).fold(String::new(), |mut text, n| {
        write!(text, " xmlns:n{n}='u{n}'").unwrap();
        text
    });
    let element = "<t:a xmlns:x='y'/>";
    envelope(&format!("<m:GetItem{declared}>{}</m:GetItem>", element.repeat(bytes / element.len())))
}

fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    const LARGE: usize = 6 * 1024 * 1024;
    let good = envelope("<m:GetItem/>");
    let utf16: Vec<u8> = std::iter::once(0xFEFF).chain(good.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let external =
        format!("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>{}", envelope("<m:GetItem>&x;</m:GetItem>"));
    let mut invalid = good.clone().into_bytes();
    invalid[200] = 0xFF;
    vec![
        ("entities that multiply", entity_bomb().into_bytes()),
        ("an external entity", external.into_bytes()),
        ("depth", envelope(&"<t:a>".repeat(LARGE / 5)).into_bytes()),
        ("closed depth", envelope(&format!("{}{}", "<t:a>".repeat(5000), "</t:a>".repeat(5000))).into_bytes()),
        ("nodes", envelope(&format!("<m:GetItem>{}</m:GetItem>", "<t:a/>".repeat(LARGE / 6))).into_bytes()),
        ("attributes", many_attributes(LARGE).into_bytes()),
        ("namespaces", many_namespaces(LARGE).into_bytes()),
        ("comments", envelope(&format!("<m:GetItem>{}</m:GetItem>", "<!---->".repeat(LARGE / 7))).into_bytes()),
        ("a long name", envelope(&format!("<m:{}/>", "a".repeat(LARGE))).into_bytes()),
        ("UTF-16", utf16),
        ("another encoding", good.replace("utf-8", "ISO-8859-1").into_bytes()),
        ("bytes that are no text", invalid),
        ("an ampersand", unescaped("this & that", "x").into_bytes()),
        ("an unknown entity", unescaped("a &nbsp; b", "x").into_bytes()),
        ("HTML that is not closed", unescaped("a", "<p>one<br>two").into_bytes()),
        ("HTML as elements", unescaped("a", "<p>one</p>").into_bytes()),
        ("a control character", unescaped("a\u{1}b", "x").into_bytes()),
        ("half of it", good.as_bytes()[..good.len() / 2].to_vec()),
        ("nothing", Vec::new()),
        ("no XML", b"{\"a\": 1}".to_vec()),
        ("zeros", vec![0; LARGE]),
        ("no envelope", b"<a/>".to_vec()),
    ]
}

#[tokio::test]
async fn one_clean_fault_each_on_one_connection() {
    let world = World::new().await;
    let loopback = "127.0.0.1:0".parse().unwrap();
    let limits = Limits::default();
    let server = listener::serve_plain(listener::bind(loopback).unwrap(), world.router(), &limits).unwrap();
    let mut connection = Connection::to(&server, world.act_as(&world.lena)).await;
    for (what, body) in hostile() {
        let before = peak_memory();
        let answer = connection.post(EWS_PATH, &body).await;
        assert_eq!(answer.status, 500, "{what}: {}", answer.body);
        assert!(answer.body.contains(">ErrorSchemaValidation</e:ResponseCode>"), "{what}: {}", answer.body);
        assert_eq!(answer.body.matches("<s:Fault>").count(), 1, "{what}");
        assert!(answer.body.len() < 4096, "{what}: {} bytes", answer.body.len());
        assert!(!answer.headers.contains("connection: close"), "{what}: {}", answer.headers);
        let grown = peak_memory().saturating_sub(before);
        assert!(grown < MEMORY_BYTES_MAX, "{what}: {} MiB more", grown / 1024 / 1024);
    }
    let shape = FolderShape::new(BaseShape::IdOnly);
    let request = Operation::GetFolder(GetFolder { shape, folders: vec![DistinguishedFolder::Inbox.into()] });
    let call = Call { header: RequestHeader { version: None, impersonation: None }, request };
    let answer = connection.post(EWS_PATH, call.write().as_bytes()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(server.connections(), 1);
    server.stop(Duration::from_secs(1)).await.unwrap();
}

/// The most memory that the process ever had, where that is known.
pub(crate) fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
