//! Folders by their ids and well-known names.

use http::Method;
use serde_json::{Value, json};

use super::{LENA, add, conversation, get, patch};
use crate::world::World;

fn names(list: &Value) -> Vec<&str> {
    list["value"].as_array().unwrap().iter().map(|one| one["displayName"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn well_known_folders_are_found_by_name() {
    let world = World::new().await;
    for (name, shown) in [
        ("inbox", "Inbox"),
        ("SentItems", "Sent Items"),
        ("drafts", "Drafts"),
        ("deleteditems", "Deleted Items"),
        ("conversationhistory", "Conversation History"),
        ("recoverableitemspurges", "Purges"),
        ("msgfolderroot", "Top of Information Store"),
    ] {
        let folder = get(&world, &format!("{LENA}/mailFolders/{name}")).await;
        assert_eq!(folder["displayName"], shown);
        let same = get(&world, &format!("{LENA}/mailFolders('{}')", folder["id"].as_str().unwrap())).await;
        assert_eq!(same, folder);
    }
    let top = get(&world, &format!("{LENA}/mailFolders?$top=100&$count=true")).await;
    assert!(names(&top).contains(&"Inbox") && !names(&top).contains(&"Calendar"), "{top}");
    assert_eq!(top["@odata.count"], names(&top).len());
    let first = get(&world, &format!("{LENA}/mailFolders?$top=2&$select=displayName")).await;
    let next = first["@odata.nextLink"].as_str().unwrap().split_once("/v1.0").unwrap().1.to_owned();
    assert_ne!(names(&first), names(&get(&world, &next).await));
    let found = get(&world, &format!("{LENA}/mailFolders?$filter=displayName%20eq%20'sent%20items'")).await;
    assert_eq!(names(&found), ["Sent Items"]);
    for name in ["calendar", "contacts"] {
        world
            .graph(Method::GET, &format!("{LENA}/mailFolders/{name}"), None)
            .await
            .assert_refused(404, "ErrorFolderNotFound");
    }
    world
        .graph(Method::GET, &format!("{LENA}/mailFolders/archive"), None)
        .await
        .assert_refused(400, "ErrorInvalidIdMalformed");
}

#[tokio::test]
async fn folders_are_made_renamed_and_thrown_away() {
    let world = World::new().await;
    let make = |path: String, name: &'static str| {
        let world = &world;
        async move { world.graph(Method::POST, &format!("{LENA}{path}"), Some(&json!({ "displayName": name }))).await }
    };
    let outer = make("/mailFolders".to_owned(), "Projects").await.told(201);
    let id = outer["id"].as_str().unwrap().to_owned();
    assert_eq!(get(&world, &format!("{LENA}/mailFolders/{id}")).await["parentFolderId"], outer["parentFolderId"]);
    let inner = make(format!("/mailFolders/{id}/childFolders"), "2026").await.told(201);
    assert_eq!((&inner["parentFolderId"], &inner["totalItemCount"]), (&outer["id"], &json!(0)));
    let inner_id = inner["id"].as_str().unwrap();
    add(&world, inner_id, &conversation("Lunch", "k")).await;
    let children = get(&world, &format!("{LENA}/mailFolders/{id}/childFolders")).await;
    assert_eq!((names(&children), &children["value"][0]["totalItemCount"]), (vec!["2026"], &json!(1)));
    let deep = get(&world, &format!("{LENA}/mailFolders/{id}/childFolders/{inner_id}/messages")).await;
    assert_eq!(super::subjects(&deep), ["Lunch"]);
    make("/mailFolders".to_owned(), "projects").await.assert_refused(409, "ErrorFolderExists");
    make("/mailFolders".to_owned(), " ").await.assert_refused(400, "ErrorFolderSave");
    let path = format!("{LENA}/mailFolders/{id}");
    let renamed = patch(&world, &path, None, &json!({ "displayName": "Work" })).await.told(200);
    assert_eq!((&renamed["displayName"], &get(&world, &path).await["displayName"]), (&json!("Work"), &json!("Work")));
    patch(&world, &format!("{LENA}/mailFolders/inbox"), None, &json!({ "displayName": "x" }))
        .await
        .assert_refused(403, "ErrorAccessDenied");
    patch(&world, &path, None, &json!({ "nothing": 1 })).await.assert_refused(400, "RequestBodyRead");
    let inbox = world.graph(Method::DELETE, &format!("{LENA}/mailFolders/inbox"), None).await;
    inbox.assert_refused(403, "ErrorDeleteDistinguishedFolder");
    assert_eq!(world.graph(Method::DELETE, &path, None).await.status.as_u16(), 204);
    let deleted = get(&world, &format!("{LENA}/mailFolders/deleteditems/childFolders")).await;
    assert_eq!(names(&deleted), ["Work"]);
}
