//! Messages and their files: made, told, changed, moved, thrown away.

use actas_exchange::ews::{BaseShape, Body as EwsBody, ExtendedFieldUri, ItemId, ItemShape};
use actas_exchange::graph::from_rest_id;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

use super::{KEY, LENA, add, conversation, get, message_path, patch, post};
use crate::world::World;

#[tokio::test]
async fn a_conversation_is_filed_and_the_same_over_ews() {
    let world = World::new().await;
    for folder in ["conversationhistory", "Inbox", "recoverableitemspurges"] {
        let made = add(&world, folder, &conversation("Lunch", "6f1c")).await;
        let told = get(&world, &message_path(&made)).await;
        let without = |mut value: Value| {
            value.as_object_mut().unwrap().remove("@odata.context");
            value
        };
        assert_eq!(without(told.clone()), without(made.clone()));
        assert_eq!(told["subject"], "Lunch");
        assert_eq!(told["body"], json!({ "contentType": "html", "content": "<p>10:02 Omar: lunch?</p>" }));
        assert_eq!(told["bodyPreview"], "10:02 Omar: lunch?");
        assert_eq!(
            (&told["isDraft"], &told["isRead"], &told["importance"]),
            (&json!(false), &json!(true), &json!("high"))
        );
        assert_eq!(told["receivedDateTime"], "2026-11-20T10:02:00Z");
        assert_eq!(told["sentDateTime"], "2026-11-20T10:02:00Z");
        assert_eq!(told["from"]["emailAddress"]["address"], "omar@fabrikam.example");
        assert_eq!(told["@odata.etag"], format!("W/\"{}\"", told["changeKey"].as_str().unwrap()));
        assert!(told.get("singleValueExtendedProperties").is_none(), "unless they are asked for");

        let shape = ItemShape::new(BaseShape::AllProperties).with([KEY.parse::<ExtendedFieldUri>().unwrap().into()]);
        let id = ItemId::new(from_rest_id(told["id"].as_str().unwrap()));
        let item = crate::items::get(&world, &world.lena, vec![id], shape).await.remove(0).into_result().unwrap();
        assert_eq!(item.item_class.as_deref(), Some("IPM.Note.Microsoft.Conversation"));
        assert_eq!(item.body, Some(EwsBody::html("<p>10:02 Omar: lunch?</p>")));
        assert_eq!(item.extended[0].text(), Some("6f1c"));
        assert_eq!(item.item_id.unwrap().change_key.as_deref(), told["changeKey"].as_str());
    }
}

#[tokio::test]
async fn extended_properties_are_told_where_they_are_asked_for() {
    let world = World::new().await;
    let mut sent = conversation("Lunch", "6f1c");
    let list = json!([{ "id": "StringArray {00020329-0000-0000-c000-000000000046} Name Tags", "value": ["a", "b"] }]);
    sent["multiValueExtendedProperties"] = list.clone();
    sent["internetMessageHeaders"] = json!([{ "name": "x-caller", "value": "c1" }]);
    let path = message_path(&add(&world, "inbox", &sent).await);
    let encoded = |text: &str| text.replace(' ', "%20").replace('{', "%7B").replace('}', "%7D");
    // In the spelling of the request, whose letters may be of another case.
    let spelled = "String {00020329-0000-0000-C000-000000000046} Name DeliveryKey";
    let expand = format!(
        "singleValueExtendedProperties($filter=id eq '{spelled}' or id eq 'String 0x001A' or id eq 'String 0x3001'),\
         multiValueExtendedProperties($filter=id eq 'StringArray {{00020329-0000-0000-c000-000000000046}} Name Tags')"
    );
    let told = get(&world, &format!("{path}?$expand={}&$select=internetMessageHeaders", encoded(&expand))).await;
    assert_eq!(
        told["singleValueExtendedProperties"],
        json!([
            { "id": spelled, "value": "6f1c" },
            { "id": "String 0x001A", "value": "IPM.Note.Microsoft.Conversation" },
        ])
    );
    assert_eq!(told["multiValueExtendedProperties"], list);
    assert_eq!(told["internetMessageHeaders"], json!([{ "name": "x-caller", "value": "c1" }]));
    assert!(told.get("subject").is_none() && told["id"].is_string());
    for (expand, code) in [
        ("singleValueExtendedProperties", "ErrorInvalidUrlQuery"),
        ("singleValueExtendedProperties($filter=id eq 'nonsense')", "ErrorInvalidExtendedProperty"),
        ("singleValueExtendedProperties($filter=id eq 'StringArray 0x3001')", "ErrorInvalidUrlQuery"),
        ("extensions", "ErrorInvalidUrlQuery"),
    ] {
        let reply = world.graph(Method::GET, &format!("{path}?$expand={}", encoded(expand)), None).await;
        reply.assert_refused(400, code);
    }
}

#[tokio::test]
async fn changes_count_by_version_where_the_client_names_one() {
    let world = World::new().await;
    let made = add(&world, "inbox", &conversation("Lunch", "6f1c")).await;
    let (path, first) = (message_path(&made), made["@odata.etag"].as_str().unwrap().to_owned());
    let change = json!({
        "subject": "Dinner",
        "importance": "low",
        "isRead": false,
        "categories": ["Blue", "Green"],
        "toRecipients": [],
        "flag": { "flagStatus": "flagged" },
        "isReadReceiptRequested": true,
        "singleValueExtendedProperties": [{ "id": KEY, "value": "other" }],
    });
    let changed = patch(&world, &path, Some(&first), &change).await.told(200);
    for name in ["subject", "importance", "isRead", "categories", "toRecipients", "flag", "isReadReceiptRequested"] {
        assert_eq!(changed[name], change[name], "{name}");
    }
    assert_ne!(changed["@odata.etag"], first.as_str());
    // The first version is over; without one, the newest is meant.
    patch(&world, &path, Some(&first), &json!({ "subject": "x" }))
        .await
        .assert_refused(412, "ErrorIrresolvableConflict");
    patch(&world, &path, Some("nonsense"), &json!({ "subject": "x" }))
        .await
        .assert_refused(412, "ErrorIrresolvableConflict");
    assert_eq!(patch(&world, &path, Some("*"), &json!({ "subject": "y" })).await.told(200)["subject"], "y");
    let removed = patch(&world, &path, None, &json!({ "subject": null, "from": null, "body": null })).await.told(200);
    assert_eq!((&removed["subject"], &removed["from"], &removed["body"]), (&Value::Null, &Value::Null, &Value::Null));
    // What the server says alone changes nothing.
    let same = patch(&world, &path, None, &json!({ "id": "x", "isDraft": true })).await.told(200);
    assert_eq!((&same["@odata.etag"], &same["isDraft"]), (&removed["@odata.etag"], &json!(false)));
    for (change, code) in [
        (json!({ "nothing": 1 }), "RequestBodyRead"),
        (json!({ "subject": 1 }), "RequestBodyRead"),
        (json!({ "isRead": null }), "RequestBodyRead"),
        (json!({ "importance": "urgent" }), "RequestBodyRead"),
        (json!({ "inferenceClassification": "other" }), "RequestBodyRead"),
        (json!({ "flag": { "flagStatus": "flagged", "dueDateTime": {} } }), "RequestBodyRead"),
        (json!({ "internetMessageHeaders": [{ "name": "Subject", "value": "x" }] }), "RequestBodyRead"),
        (
            json!({ "singleValueExtendedProperties": [{ "id": "nonsense", "value": "x" }] }),
            "ErrorInvalidExtendedProperty",
        ),
        (
            json!({ "singleValueExtendedProperties": [{ "id": "Integer 0x3001", "value": "x" }] }),
            "ErrorInvalidExtendedPropertyValue",
        ),
        // Whether it is a draft was decided when it was made.
        (
            json!({ "singleValueExtendedProperties": [{ "id": "Integer 0x0E07", "value": "8" }] }),
            "ErrorInvalidPropertySet",
        ),
        (json!([]), "RequestBodyRead"),
    ] {
        patch(&world, &path, None, &change).await.assert_refused(400, code);
    }
}

#[tokio::test]
async fn drafts_go_to_drafts_and_a_stream_is_kept_as_it_came() {
    let world = World::new().await;
    let draft = post(&world, &format!("{LENA}/messages"), &json!({ "subject": "later" })).await;
    let drafts = get(&world, &format!("{LENA}/mailFolders/drafts")).await;
    assert_eq!((&draft["parentFolderId"], &draft["isDraft"]), (&drafts["id"], &json!(true)));

    let stream = "From: Omar <omar@fabrikam.example>\r\nTo: lena@fabrikam.example\r\nSubject: =?utf-8?Q?Zo=C3=AB?=\r\n\
        X-Odd:  spaced\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
        Content-Type: text/plain\r\n\r\nhello\r\n--b\r\nContent-Type: text/csv\r\n\
        Content-Disposition: attachment; filename=a.csv\r\n\r\n1,2\r\n--b--\r\n";
    let token = world.graph_token(world.fabrikam, &["Mail.ReadWrite"]);
    let plain = [("content-type", "text/plain")];
    let sent = |body: String| {
        let token = &token;
        let world = &world;
        async move { world.graph_with(token, Method::POST, &format!("{LENA}/messages"), &plain, body).await }
    };
    let made = sent(STANDARD.encode(stream)).await.told(201);
    assert_eq!((&made["subject"], &made["isDraft"]), (&json!("Zoë"), &json!(true)));
    assert_eq!(made["body"], json!({ "contentType": "text", "content": "hello" }));
    assert_eq!(made["hasAttachments"], true);
    let path = message_path(&made);
    let value = world.graph(Method::GET, &format!("{path}/$value"), None).await;
    assert_eq!((value.status.as_u16(), value.body.as_str()), (200, stream));
    let files = get(&world, &format!("{path}/attachments")).await;
    assert_eq!((&files["value"][0]["name"], &files["value"][0]["contentBytes"]), (&json!("a.csv"), &json!("MSwy")));
    // Once the message says something else, so does its stream.
    patch(&world, &path, None, &json!({ "subject": "changed" })).await.told(200);
    let value = world.graph(Method::GET, &format!("{path}/$value"), None).await;
    assert!(value.body.contains("Subject: changed\r\n") && !value.body.contains("X-Odd"), "{}", value.body);
    sent("%%%".to_owned()).await.assert_refused(400, "ErrorMimeContentInvalidBase64String");
    sent(STANDARD.encode("\r\nno headers")).await.assert_refused(400, "ErrorMimeContentInvalid");
}

#[tokio::test]
async fn bodies_come_in_the_form_that_is_preferred() {
    let world = World::new().await;
    let path = message_path(&add(&world, "inbox", &conversation("Lunch", "6f1c")).await);
    let token = world.graph_token(world.fabrikam, &["Mail.Read"]);
    let prefer = [("prefer", "outlook.timezone=\"UTC\", outlook.body-content-type=\"text\"")];
    world.grant(world.fabrikam, &["Mail.Read"]).await;
    let reply = world.graph_with(&token, Method::GET, &path, &prefer, Body::empty()).await;
    assert_eq!(reply.header("preference-applied"), Some("outlook.body-content-type=\"text\""));
    assert_eq!(reply.told(200)["body"], json!({ "contentType": "text", "content": "10:02 Omar: lunch?" }));
}

#[tokio::test]
async fn messages_move_and_go() {
    let world = World::new().await;
    let made = add(&world, "inbox", &conversation("Lunch", "6f1c")).await;
    let path = message_path(&made);
    let folder = |name: &'static str| {
        let world = &world;
        async move { get(world, &format!("{LENA}/mailFolders/{name}")).await }
    };
    let action = |name: &'static str, to: &'static str| {
        let (world, path) = (&world, path.clone());
        async move { world.graph(Method::POST, &format!("{path}/{name}"), Some(&json!({ "destinationId": to }))).await }
    };
    let moved = action("move", "conversationhistory").await.told(201);
    assert_eq!((&moved["id"], &moved["parentFolderId"]), (&made["id"], &folder("conversationhistory").await["id"]));
    let copy = action("copy", "inbox").await.told(201);
    assert_ne!(copy["id"], made["id"]);
    assert_eq!((&copy["subject"], &folder("inbox").await["totalItemCount"]), (&made["subject"], &json!(1)));
    action("move", "nowhere").await.assert_refused(400, "ErrorInvalidIdMalformed");
    action("move", "calendar").await.assert_refused(404, "ErrorFolderNotFound");
    // It is in the folder that a path names, or not there.
    let id = made["id"].as_str().unwrap();
    world
        .graph(Method::GET, &format!("{LENA}/mailFolders/inbox/messages/{id}"), None)
        .await
        .assert_refused(404, "ErrorItemNotFound");
    get(&world, &format!("{LENA}/mailFolders/conversationhistory/messages/{id}")).await;
    // Thrown away twice, it is out of sight, and still not gone.
    for left in ["deleteditems", "recoverableitemsdeletions"] {
        assert_eq!(world.graph(Method::DELETE, &path, None).await.status.as_u16(), 204);
        assert_eq!(get(&world, &path).await["parentFolderId"], folder(left).await["id"]);
    }
    let reply = world.graph(Method::POST, &format!("{}/permanentDelete", message_path(&copy)), None).await;
    assert_eq!(reply.status.as_u16(), 204);
    assert_eq!(folder("recoverableitemspurges").await["totalItemCount"], 1);
}

#[tokio::test]
async fn files_come_and_go() {
    let world = World::new().await;
    let mut sent = conversation("Lunch", "6f1c");
    let file = |name: &str, bytes: &str| {
        json!({
            "@odata.type": "#microsoft.graph.fileAttachment", "name": name, "contentType": "text/plain",
            "contentBytes": STANDARD.encode(bytes), "contentId": "c1", "isInline": true,
        })
    };
    sent["attachments"] = json!([file("a.txt", "first")]);
    let made = add(&world, "inbox", &sent).await;
    assert_eq!(made["hasAttachments"], true);
    let path = message_path(&made);
    let added =
        world.graph(Method::POST, &format!("{path}/attachments"), Some(&file("b.txt", "second"))).await.told(201);
    assert_eq!((&added["name"], &added["size"], &added["isInline"]), (&json!("b.txt"), &json!(6), &json!(true)));
    let listed = get(&world, &format!("{path}/attachments?$select=id,name&$count=true")).await;
    assert_eq!(listed["@odata.count"], 2);
    assert!(listed["value"][1].get("contentBytes").is_none() && listed["value"][1]["name"] == "b.txt");
    let id = added["id"].as_str().unwrap();
    let one = get(&world, &format!("{path}/attachments/{id}")).await;
    assert_eq!((&one["contentBytes"], &one["contentId"]), (&json!(STANDARD.encode("second")), &json!("c1")));
    let bytes = world.graph(Method::GET, &format!("{path}/attachments/{id}/$value"), None).await;
    assert_eq!((bytes.body.as_str(), bytes.header("content-type")), ("second", Some("text/plain")));
    assert_eq!(bytes.header("x-content-type-options"), Some("nosniff"));
    let whole = get(&world, &format!("{path}?$expand=attachments")).await;
    assert_eq!(whole["attachments"][0]["contentBytes"], STANDARD.encode("first"));
    assert_ne!(whole["@odata.etag"], made["@odata.etag"]);
    // A file is one of its message.
    let other = message_path(&add(&world, "inbox", &conversation("x", "y")).await);
    world.graph(Method::GET, &format!("{other}/attachments/{id}"), None).await.assert_refused(404, "ErrorItemNotFound");
    world
        .graph(Method::DELETE, &format!("{other}/attachments/{id}"), None)
        .await
        .assert_refused(404, "ErrorItemNotFound");
    assert_eq!(world.graph(Method::DELETE, &format!("{path}/attachments/{id}"), None).await.status.as_u16(), 204);
    world.graph(Method::GET, &format!("{path}/attachments/{id}"), None).await.assert_refused(404, "ErrorItemNotFound");
    for wrong in [
        json!({ "name": "x", "contentBytes": "" }),
        json!({ "@odata.type": "#microsoft.graph.itemAttachment", "name": "x" }),
        json!({ "@odata.type": "#microsoft.graph.fileAttachment", "name": "x", "contentBytes": "%" }),
        json!({ "@odata.type": "#microsoft.graph.fileAttachment", "contentBytes": "" }),
        json!({ "@odata.type": "#microsoft.graph.fileAttachment", "name": "x", "nothing": 1 }),
    ] {
        world
            .graph(Method::POST, &format!("{path}/attachments"), Some(&wrong))
            .await
            .assert_refused(400, "RequestBodyRead");
    }
}

#[tokio::test]
async fn what_is_too_much_is_refused() {
    let world = World::with(|config| {
        config.quota_bytes = 20_000;
        config.request_bytes_max = 64 * 1024;
    })
    .await;
    let message =
        |bytes: usize| json!({ "subject": "x", "body": { "contentType": "text", "content": "x".repeat(bytes) } });
    let path = format!("{LENA}/messages");
    world.graph(Method::POST, &path, Some(&message(10_000))).await.told(201);
    world.graph(Method::POST, &path, Some(&message(10_000))).await.assert_refused(507, "ErrorQuotaExceeded");
    world.graph(Method::POST, &path, Some(&message(70_000))).await.assert_refused(413, "ErrorMessageSizeExceeded");
    let many: Vec<Value> = (0..1001).map(|_| json!("x")).collect();
    world.graph(Method::POST, &path, Some(&json!({ "categories": many }))).await.assert_refused(400, "RequestBodyRead");
    for (id, code, status) in [("nonsense", "ErrorInvalidIdMalformed", 400), ("AUk=", "ErrorInvalidIdMalformed", 400)] {
        world.graph(Method::GET, &format!("{path}/{id}"), None).await.assert_refused(status, code);
    }
    let made = world.graph(Method::POST, &path, Some(&message(1))).await.told(201);
    let own = message_path(&made);
    let theirs = own.replace("lena@", "omar@");
    get(&world, &own).await;
    world.graph(Method::GET, &theirs, None).await.assert_refused(404, "ErrorItemNotFound");
}
