//! Items in items: what was attached is what is read, over EWS and Graph.

use actas_exchange::ews::{Request as Operation, *};
use actas_exchange::graph::to_rest_id;
use http::Method;

use crate::items::{create, get};
use crate::world::{World, answer};

fn item(message: Message) -> FileAttachment {
    let name = message.subject.clone();
    FileAttachment { name, item: Some(Box::new(message)), ..FileAttachment::default() }
}

fn file() -> FileAttachment {
    FileAttachment {
        name: Some("a.bin".to_owned()),
        content_type: Some("image/png".to_owned()),
        content: Some(vec![0, 1, 2]),
        ..FileAttachment::default()
    }
}

fn message(subject: &str, attachments: Vec<FileAttachment>) -> Message {
    Message {
        item_class: Some("IPM.Note".to_owned()),
        subject: Some(subject.to_owned()),
        body: Some(Body::html("<p>x & y</p>")),
        is_read: Some(true),
        extended: vec![ExtendedProperty::public_string("DeliveryKey", "k")],
        has_attachments: Some(!attachments.is_empty()),
        attachments,
        ..Message::default()
    }
}

/// Messages in each other.
fn nested(depth: usize) -> Message {
    let inner = if depth == 0 { Vec::new() } else { vec![item(nested(depth - 1))] };
    message(&format!("depth {depth}"), inner)
}

pub(crate) async fn attachment(world: &World, id: &str) -> FileAttachment {
    let request = Operation::GetAttachment(GetAttachment { ids: vec![id.to_owned()] });
    answer!(GetAttachmentResponse, world.ews(&world.lena, request).await).messages.remove(0).into_result().unwrap()
}

async fn told(world: &World, id: &ItemId) -> Message {
    let shape = ItemShape { include_mime_content: true, ..ItemShape::new(BaseShape::AllProperties) };
    get(world, &world.lena, vec![id.clone()], shape).await.remove(0).into_result().unwrap()
}

#[tokio::test]
async fn what_was_attached_is_what_is_read() {
    let world = World::new().await;
    let mut inner = message("inner", vec![file(), item(message("innermost", Vec::new()))]);
    let outer = message("outer", vec![file(), item(inner.clone())]);
    let made = create(&world, &world.lena, DistinguishedFolder::Inbox, vec![outer]).await.remove(0);
    let listed = told(&world, &made).await;
    let kinds: Vec<_> = listed.attachments.iter().map(|one| (one.name.as_deref(), one.item.is_some())).collect();
    assert_eq!(kinds, [(Some("a.bin"), false), (Some("inner"), true)]);
    assert_eq!(listed.attachments[1].item, Some(Box::default()), "it is told without its contents");
    let read = attachment(&world, listed.attachments[1].id.as_ref().unwrap()).await;
    inner.attachments[0].size = Some(3);
    assert_eq!(read.item.as_deref(), Some(&inner));

    // One more, told as what it is.
    let more = CreateAttachment { parent: made.clone(), attachments: vec![item(message("more", Vec::new())), file()] };
    let added = answer!(CreateAttachmentResponse, world.ews(&world.lena, Operation::CreateAttachment(more)).await);
    let keys: Vec<_> = added.messages.into_iter().map(|added| added.into_result().unwrap().key).collect();
    assert_eq!(keys.iter().map(|key| key.is_item).collect::<Vec<_>>(), [true, false]);
    assert_eq!(attachment(&world, &keys[0].id).await.item.unwrap().subject.as_deref(), Some("more"));

    // In the stream that is made of it they are messages.
    let stream = String::from_utf8(told(&world, &made).await.mime_content.unwrap().content).unwrap();
    assert_eq!(stream.matches("Content-Type: message/rfc822\r\n").count(), 3, "{stream}");
    let parsed = mime::read(stream.into_bytes()).unwrap();
    assert_eq!(parsed.attachments.len(), 4);

    let copied = Operation::CopyItem(TransferItems { items: vec![made], to: DistinguishedFolder::Drafts.into() });
    let copy = answer!(CopyItemResponse, world.ews(&world.lena, copied).await).messages.remove(0).into_result();
    let copy = told(&world, &copy.unwrap()).await;
    assert_eq!(attachment(&world, copy.attachments[1].id.as_ref().unwrap()).await.item.as_deref(), Some(&inner));
}

#[tokio::test]
async fn graph_tells_them_as_items_and_as_streams() {
    let world = World::new().await;
    let outer = message("outer", vec![item(message("inner", vec![file()]))]);
    let made = create(&world, &world.lena, DistinguishedFolder::Inbox, vec![outer]).await.remove(0);
    let path = format!("/users/{}/messages/{}/attachments", world.lena.id, to_rest_id(&made.id));
    let listed = world.graph(Method::GET, &path, None).await.told(200);
    let one = &listed["value"][0];
    assert_eq!(one["@odata.type"], "#microsoft.graph.itemAttachment");
    assert_eq!((one["name"].as_str(), one.get("contentBytes")), (Some("inner"), None));
    let path = format!("{path}/{}", one["id"].as_str().unwrap());
    assert_eq!(world.graph(Method::GET, &path, None).await.told(200).get("contentBytes"), None);
    let stream = world.graph(Method::GET, &format!("{path}/$value"), None).await;
    assert_eq!(stream.header("content-type"), Some("message/rfc822"));
    let parsed = mime::read(stream.body.into_bytes()).unwrap();
    assert_eq!(parsed.subject.as_deref(), Some("inner"));
    assert_eq!(parsed.attachments[0].content, file().content);
}

#[tokio::test]
async fn items_in_items_have_an_end() {
    let world = World::new().await;
    for (depth, code) in [(8, None), (9, Some("ErrorAttachmentNestLevelLimitExceeded"))] {
        let request = CreateItem {
            disposition: MessageDisposition::SaveOnly,
            folder: Some(DistinguishedFolder::Inbox.into()),
            items: vec![nested(depth)],
        };
        let reply = world.ews(&world.lena, Operation::CreateItem(request)).await;
        let made = answer!(CreateItemResponse, reply).messages.remove(0).into_result();
        assert_eq!(made.err().map(|failure| failure.code.as_str().to_owned()).as_deref(), code, "{depth}");
    }
    // Deeper than elements may be in each other.
    let request = CreateItem { disposition: MessageDisposition::SaveOnly, folder: None, items: vec![nested(25)] };
    world.ews(&world.lena, Operation::CreateItem(request)).await.assert_fault("ErrorSchemaValidation");
}
