//! What fails, and how.

use std::sync::Arc;

use actas_exchange::ews::{
    BaseShape, CreateItem, CreateItemResponse, DistinguishedFolder, FolderShape, GetFolder, GetFolderResponse, Message,
    MessageDisposition, Request as Operation, ResponseCode, ResponseMessage,
};
use actas_exchange::soap::{Fault, Reply as SoapReply};
use actas_mailbox::FaultKind;
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::world::{EWS_PATH, World, answer};

fn create(count: usize) -> Operation {
    Operation::CreateItem(CreateItem {
        disposition: MessageDisposition::SaveOnly,
        folder: Some(DistinguishedFolder::ConversationHistory.into()),
        items: vec![Message::default(); count],
    })
}

fn history() -> Operation {
    Operation::GetFolder(GetFolder {
        shape: FolderShape::new(BaseShape::Default),
        folders: vec![DistinguishedFolder::ConversationHistory.into()],
    })
}

#[tokio::test]
async fn a_mailbox_can_be_told_to_fail() {
    let world = World::new().await;
    world.server.set_fault("LENA@fabrikam.example", Some(FaultKind::ServerBusy { back_off_ms: 1500 }));
    let reply = world.ews(&world.lena, create(2)).await;
    reply.assert_fault("ErrorServerBusy");
    let parsed = CreateItemResponse::parse(reply.body.as_bytes(), 1 << 20).unwrap();
    assert_eq!(parsed, SoapReply::Fault(Fault::busy(1500)));
    answer!(CreateItemResponse, world.ews(&world.omar, create(1)).await);

    world.server.set_fault("lena@fabrikam.example", Some(FaultKind::Http503));
    assert_eq!(world.ews(&world.lena, create(2)).await.status, StatusCode::SERVICE_UNAVAILABLE);

    world.server.set_fault("lena@fabrikam.example", Some(FaultKind::InternalErrorInside200));
    let messages = answer!(CreateItemResponse, world.ews(&world.lena, create(2)).await).messages;
    assert_eq!(messages.len(), 2);
    for message in messages {
        assert_eq!(message.into_result().unwrap_err().code, ResponseCode::ErrorInternalServerError);
    }

    world.server.set_fault("lena@fabrikam.example", None);
    let messages = answer!(GetFolderResponse, world.ews(&world.lena, history()).await).messages;
    let [ResponseMessage::Success(folder)] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!(folder.total_count, Some(0), "nothing was made while it failed");
}

#[tokio::test]
async fn operations_that_are_not_there_are_one_fault() {
    let world = World::new().await;
    for name in ["SendItem", "GetStreamingEvents", "SubscribePush", "NoSuchThing"] {
        let reply = world.ews(&world.lena, Operation::Unsupported(name.to_owned())).await;
        reply.assert_fault("ErrorInvalidOperation");
        assert!(reply.body.contains(name));
    }
}

#[tokio::test]
async fn bad_requests_are_one_fault() {
    let world = World::new().await;
    let token = world.act_as(&world.lena);
    let envelope = |header: &str, body: &str| {
        format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\" \
             xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">\
             <s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
        )
    };
    let cases = [
        (String::new(), "ErrorSchemaValidation"),
        ("<s:Envelope><a & b></s:Envelope>".to_owned(), "ErrorSchemaValidation"),
        (envelope("", ""), "ErrorSchemaValidation"),
        (envelope("", "<m:GetItem/>"), "ErrorSchemaValidation"),
        (envelope("<t:RequestServerVersion Version=\"Exchange1998\"/>", "<m:GetItem/>"), "ErrorInvalidServerVersion"),
        (envelope("<t:ExchangeImpersonation/>", "<m:GetItem/>"), "ErrorInvalidExchangeImpersonationHeaderData"),
    ];
    for (body, code) in cases {
        world.post(EWS_PATH, &token, body).await.assert_fault(code);
    }
}

#[tokio::test]
async fn bodies_are_bounded() {
    let world = World::with(|config| config.request_bytes_max = 4096).await;
    let token = world.act_as(&world.lena);
    let announced = world.post(EWS_PATH, &token, "x".repeat(5000)).await;
    assert_eq!(announced.status, StatusCode::PAYLOAD_TOO_LARGE);
    let chunks = axum::body::Body::from_stream(futures_util::stream::iter(
        (0..10).map(|_| Ok::<_, std::io::Error>("x".repeat(1000))),
    ));
    assert_eq!(world.post(EWS_PATH, &token, chunks).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

/// Sends requests on one connection, and reads one answer after each.
#[tokio::test]
async fn a_connection_outlives_refusals_and_faults() {
    let world = Arc::new(World::new().await);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = world.router();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    let token = world.act_as(&world.lena);
    let cases = [
        (String::new(), "x".repeat(200_000), "401"),
        ("Bearer a.b.c".to_owned(), "<x/>".to_owned(), "401"),
        (format!("Bearer {token}"), "<broken".to_owned(), "500"),
        (format!("Bearer {token}"), "<broken".to_owned(), "500"),
        ("Bearer".to_owned(), String::new(), "401"),
    ];
    for (authorization, body, status) in cases {
        let request = format!(
            "POST {EWS_PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {authorization}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let mut buffer = [0; 8192];
        let head = loop {
            let read = connection.read(&mut buffer).await.unwrap();
            assert_ne!(read, 0, "the connection was closed");
            answer.extend_from_slice(&buffer[..read]);
            if let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
                break String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase();
            }
        };
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{head}");
        assert!(!head.contains("connection: close"), "{head}");
        let length: usize =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
        let mut rest = length - (answer.len() - head.len() - 4);
        while rest > 0 {
            let read = connection.read(&mut buffer).await.unwrap();
            assert_ne!(read, 0);
            rest -= read;
        }
    }
    server.abort();
}
