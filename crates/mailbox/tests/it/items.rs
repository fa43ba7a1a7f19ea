//! Items: made, told, thrown away.

use actas_directory::User;
use actas_exchange::ews::{
    BaseShape, Body, BodyTypeResponse, CreateItem, CreateItemResponse, DeleteItem, DeleteItemResponse, DeleteType,
    DistinguishedFolder, ExtendedFieldUri, ExtendedProperty, Field, FileAttachment, FindItem, FindItemResponse,
    FolderId, GetItem, GetItemResponse, ItemId, ItemShape, ItemTraversal, Mailbox, Message, MessageDisposition,
    MimeContent, PropertyTag, PropertyType, Request as Operation, ResponseCode, ResponseMessage, SortOrder,
};

use crate::world::{World, answer};

pub async fn create(world: &World, user: &User, folder: DistinguishedFolder, items: Vec<Message>) -> Vec<ItemId> {
    let request = CreateItem { disposition: MessageDisposition::SaveOnly, folder: Some(folder.into()), items };
    let reply = world.ews(user, Operation::CreateItem(request)).await;
    let messages = answer!(CreateItemResponse, reply).messages;
    messages.into_iter().map(|message| message.into_result().unwrap().unwrap().id).collect()
}

pub async fn get(world: &World, user: &User, items: Vec<ItemId>, shape: ItemShape) -> Vec<ResponseMessage<Message>> {
    let reply = world.ews(user, Operation::GetItem(GetItem { shape, items })).await;
    answer!(GetItemResponse, reply).messages
}

async fn get_one(world: &World, id: &ItemId, shape: ItemShape) -> Message {
    get(world, &world.lena, vec![id.clone()], shape).await.remove(0).into_result().unwrap()
}

async fn list(world: &World, user: &User, folder: DistinguishedFolder) -> Vec<ItemId> {
    let request = FindItem {
        traversal: ItemTraversal::Shallow,
        shape: ItemShape::new(BaseShape::IdOnly),
        view: None,
        restriction: None,
        sort: SortOrder::default(),
        folders: vec![folder.into()],
        query: None,
    };
    let reply = world.ews(user, Operation::FindItem(request)).await;
    let page = answer!(FindItemResponse, reply).messages.remove(0).into_result().unwrap();
    page.entries.into_iter().filter_map(|message| message.item_id).collect()
}

fn conversation() -> Message {
    let flags = ExtendedFieldUri::tag(PropertyTag::MESSAGE_FLAGS, PropertyType::INTEGER);
    let address = |text: &str| Mailbox::from(&text.parse().unwrap());
    Message {
        item_class: Some("IPM.Note.Microsoft.Conversation".to_owned()),
        subject: Some("Conversation with Omar & Zoë".to_owned()),
        body: Some(Body::html("<p>10:02 Omar: lunch?</p>")),
        extended: vec![
            ExtendedProperty::one(flags, "1").unwrap(),
            ExtendedProperty::public_string("DeliveryKey", "6f1c"),
        ],
        to: vec![address("lena@fabrikam.example")],
        from: Some(address("omar@fabrikam.example")),
        ..Message::default()
    }
}

const ALL: BaseShape = BaseShape::AllProperties;

#[tokio::test]
async fn a_conversation_goes_into_each_folder_of_the_storage_service() {
    let world = World::new().await;
    for folder in [
        DistinguishedFolder::ConversationHistory,
        DistinguishedFolder::Inbox,
        DistinguishedFolder::RecoverableItemsPurges,
    ] {
        let ids = create(&world, &world.lena, folder, vec![conversation(), conversation()]).await;
        let listed = list(&world, &world.lena, folder).await;
        assert_eq!(listed.len(), 2);
        assert!(ids.iter().all(|id| listed.contains(id) && id.change_key.is_some()));
        let class = ExtendedFieldUri::tag(PropertyTag::MESSAGE_CLASS, PropertyType::STRING);
        let message = get_one(&world, &ids[0], ItemShape::new(ALL).with([class.clone().into()])).await;
        assert_eq!(message.item_class.as_deref(), Some("IPM.Note.Microsoft.Conversation"));
        assert_eq!(message.extended_text(&class).as_deref(), Some("IPM.Note.Microsoft.Conversation"));
        assert_eq!(message.subject, conversation().subject);
        assert_eq!(message.body, conversation().body);
        assert_eq!((message.is_draft, message.is_read), (Some(false), Some(true)));
        assert_eq!(message.received, Some(world.now()));
    }
}

#[tokio::test]
async fn a_message_without_flags_is_a_draft_in_drafts() {
    let world = World::new().await;
    let request = CreateItem {
        disposition: MessageDisposition::SaveOnly,
        folder: None,
        items: vec![Message { subject: Some("x".to_owned()), ..Message::default() }],
    };
    answer!(CreateItemResponse, world.ews(&world.lena, Operation::CreateItem(request)).await);
    let ids = list(&world, &world.lena, DistinguishedFolder::Drafts).await;
    let message = get_one(&world, &ids[0], ItemShape::new(ALL)).await;
    assert_eq!((message.is_draft, message.is_read), (Some(true), Some(false)));
    assert_eq!(message.item_class.as_deref(), Some("IPM.Note"));
}

#[tokio::test]
async fn nothing_is_sent() {
    let world = World::new().await;
    for disposition in [MessageDisposition::SendOnly, MessageDisposition::SendAndSaveCopy] {
        let request = CreateItem { disposition, folder: None, items: vec![conversation(); 2] };
        let reply = world.ews(&world.lena, Operation::CreateItem(request)).await;
        let messages = answer!(CreateItemResponse, reply).messages;
        assert_eq!(messages.len(), 2);
        for message in messages {
            assert_eq!(message.into_result().unwrap_err().code.as_str(), "ErrorInvalidOperation");
        }
    }
}

#[tokio::test]
async fn each_item_fails_on_its_own() {
    let world = World::with(|config| config.item_bytes_max = 1024 * 1024).await;
    let large = Message { body: Some(Body::text("x".repeat(1024 * 1024))), ..Message::default() };
    let request = CreateItem {
        disposition: MessageDisposition::SaveOnly,
        folder: Some(DistinguishedFolder::Inbox.into()),
        items: vec![conversation(), large, conversation()],
    };
    let reply = world.ews(&world.lena, Operation::CreateItem(request)).await;
    let messages = answer!(CreateItemResponse, reply).messages;
    let [ResponseMessage::Success(Some(first)), ResponseMessage::Error(failure), ResponseMessage::Success(Some(_))] =
        messages.as_slice()
    else {
        panic!("{messages:?}")
    };
    assert_eq!(failure.code, ResponseCode::ErrorMessageSizeExceeded);
    let missing = ItemId::new("no id");
    let told = get(&world, &world.lena, vec![missing, first.id.clone()], ItemShape::new(BaseShape::IdOnly)).await;
    let [ResponseMessage::Error(failure), ResponseMessage::Success(message)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(failure.code, ResponseCode::ErrorInvalidIdMalformed);
    assert_eq!(message.item_id.as_ref(), Some(&first.id));
}

#[tokio::test]
async fn an_unknown_folder_takes_nothing() {
    let world = World::new().await;
    let folders = [
        (FolderId::of("omar@fabrikam.example".parse().unwrap(), DistinguishedFolder::Inbox), "ErrorAccessDenied"),
        (actas_exchange::ews::FolderKey::new("x").into(), "ErrorInvalidIdMalformed"),
    ];
    for (folder, code) in folders {
        let request =
            CreateItem { disposition: MessageDisposition::SaveOnly, folder: Some(folder), items: vec![conversation()] };
        let reply = world.ews(&world.lena, Operation::CreateItem(request)).await;
        let failure = answer!(CreateItemResponse, reply).messages.remove(0).into_result().unwrap_err();
        assert_eq!(failure.code.as_str(), code);
    }
    assert_eq!(list(&world, &world.omar, DistinguishedFolder::Inbox).await, []);
}

#[tokio::test]
async fn files_are_listed_and_mime_is_made() {
    let world = World::new().await;
    let file = |name: &str, content: &[u8]| FileAttachment {
        name: Some(name.to_owned()),
        content_type: Some("text/plain".to_owned()),
        content: Some(content.to_vec()),
        ..FileAttachment::default()
    };
    let message = Message { attachments: vec![file("a.txt", b"one"), file("b.txt", b"three")], ..conversation() };
    let ids = create(&world, &world.lena, DistinguishedFolder::Inbox, vec![message]).await;
    let told = get_one(&world, &ids[0], ItemShape::new(ALL)).await;
    assert_eq!(told.has_attachments, Some(true));
    assert_eq!(told.mime_content, None);
    let sizes: Vec<_> = told.attachments.iter().map(|file| (file.name.as_deref(), file.size)).collect();
    assert_eq!(sizes, [(Some("a.txt"), Some(3)), (Some("b.txt"), Some(5))]);
    assert!(told.attachments.iter().all(|file| file.id.is_some() && file.content.is_none()));

    let shape = ItemShape::new(BaseShape::IdOnly).with([Field::MimeContent.into()]);
    let mime = get_one(&world, &ids[0], shape).await.mime_content.unwrap();
    let text = String::from_utf8(mime.content).unwrap();
    assert!(text.contains("To: lena@fabrikam.example\r\n"), "{text}");
    assert!(text.contains("filename=\"b.txt\""), "{text}");
}

#[tokio::test]
async fn an_item_that_came_as_mime_goes_as_mime() {
    let world = World::new().await;
    let mime = MimeContent { character_set: Some("UTF-8".to_owned()), content: b"Subject: x\r\n\r\ny".to_vec() };
    let message = Message { mime_content: Some(mime.clone()), ..conversation() };
    let ids = create(&world, &world.lena, DistinguishedFolder::Inbox, vec![message]).await;
    let shape = ItemShape { include_mime_content: true, ..ItemShape::new(ALL) };
    let told = get_one(&world, &ids[0], shape).await;
    assert_eq!(told.mime_content, Some(mime));
    assert_eq!((told.attachments, told.has_attachments), (Vec::new(), Some(false)));
}

#[tokio::test]
async fn a_body_comes_in_the_form_that_is_wanted() {
    let world = World::new().await;
    let ids = create(&world, &world.lena, DistinguishedFolder::Inbox, vec![conversation()]).await;
    let shape = ItemShape { body_type: Some(BodyTypeResponse::Text), ..ItemShape::new(ALL) };
    assert_eq!(get_one(&world, &ids[0], shape).await.body, Some(Body::text("10:02 Omar: lunch?")));
}

#[tokio::test]
async fn nobody_reads_or_deletes_anothers_items() {
    let world = World::new().await;
    let ids = create(&world, &world.lena, DistinguishedFolder::Inbox, vec![conversation()]).await;
    for other in [&world.omar, &world.eve] {
        assert_eq!(list(&world, other, DistinguishedFolder::Inbox).await, []);
        let told = get(&world, other, ids.clone(), ItemShape::new(ALL)).await;
        assert_eq!(told[0].clone().into_result().unwrap_err().code, ResponseCode::ErrorItemNotFound);
        assert_eq!(delete(&world, other, &ids, DeleteType::HardDelete).await, [Err("ErrorItemNotFound".to_owned())]);
    }
    assert_eq!(list(&world, &world.lena, DistinguishedFolder::Inbox).await, ids);
}

async fn delete(world: &World, user: &User, ids: &[ItemId], delete_type: DeleteType) -> Vec<Result<(), String>> {
    let request = Operation::DeleteItem(DeleteItem { delete_type, items: ids.to_vec() });
    let messages = answer!(DeleteItemResponse, world.ews(user, request).await).messages;
    let code = |failure: actas_exchange::ews::Failure| failure.code.to_string();
    messages.into_iter().map(|message| message.into_result().map_err(code)).collect()
}

#[tokio::test]
async fn deletion() {
    let world = World::new().await;
    let lena = &world.lena;
    let ids = create(&world, lena, DistinguishedFolder::Inbox, vec![conversation(); 3]).await;
    let [hard, soft, moved] = ids.as_slice() else { panic!("{ids:?}") };
    let one = std::slice::from_ref;

    assert_eq!(delete(&world, lena, one(hard), DeleteType::HardDelete).await, [Ok(())]);
    let gone = [Err("ErrorItemNotFound".to_owned())];
    assert_eq!(delete(&world, lena, one(hard), DeleteType::HardDelete).await, gone);

    assert_eq!(delete(&world, lena, one(soft), DeleteType::SoftDelete).await, [Ok(())]);
    assert_eq!(list(&world, lena, DistinguishedFolder::RecoverableItemsDeletions).await.len(), 1);

    assert_eq!(delete(&world, lena, one(moved), DeleteType::MoveToDeletedItems).await, [Ok(())]);
    let deleted = list(&world, lena, DistinguishedFolder::DeletedItems).await;
    assert_eq!(deleted[0].id, moved.id);
    assert_ne!(deleted[0].change_key, moved.change_key, "a new version");
    assert_eq!(delete(&world, lena, &deleted, DeleteType::MoveToDeletedItems).await, [Ok(())]);
    assert_eq!(list(&world, lena, DistinguishedFolder::DeletedItems).await, []);
    assert_eq!(list(&world, lena, DistinguishedFolder::RecoverableItemsDeletions).await.len(), 2);
    assert_eq!(list(&world, lena, DistinguishedFolder::Inbox).await, []);
}
