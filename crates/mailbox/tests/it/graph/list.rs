//! Lists: filtered, sorted, in pages.

use http::Method;
use serde_json::{Value, json};

use super::{LENA, add, conversation, get, subjects};
use crate::world::World;

fn encoded(text: &str) -> String {
    text.replace('%', "%25").replace(' ', "%20").replace('\'', "%27").replace('{', "%7B").replace('}', "%7D")
}

fn at(subject: &str, key: &str, day: u32, read: bool) -> Value {
    let mut message = conversation(subject, key);
    message["isRead"] = json!(read);
    for index in [2, 3] {
        message["singleValueExtendedProperties"][index]["value"] = json!(format!("2026-11-{day:02}T10:02:00Z"));
    }
    message
}

async fn filled(world: &World) {
    for (subject, key, day, read) in [("b", "k1", 3, true), ("a", "k2", 1, false), ("c", "k3", 2, true)] {
        add(world, "inbox", &at(subject, key, day, read)).await;
    }
    add(world, "conversationhistory", &at("d", "k4", 4, true)).await;
    add(world, "recoverableitemspurges", &at("hidden", "k5", 9, true)).await;
}

#[tokio::test]
async fn filters_and_orders() {
    let world = World::new().await;
    filled(&world).await;
    let inbox = format!("{LENA}/mailFolders/inbox/messages");
    let key =
        |key: &str| format!("singleValueExtendedProperties/any(ep: ep/id eq '{}' and ep/value eq '{key}')", super::KEY);
    for (query, expected) in [
        (String::new(), &["b", "c", "a"][..]),
        ("$orderby=subject".to_owned(), &["a", "b", "c"]),
        ("$orderby=subject desc".to_owned(), &["c", "b", "a"]),
        ("$orderby=isRead,receivedDateTime desc".to_owned(), &["a", "b", "c"]),
        ("$filter=isRead eq true".to_owned(), &["b", "c"]),
        ("$filter=isRead eq true and subject ne 'b'".to_owned(), &["c"]),
        ("$filter=receivedDateTime ge 2026-11-02T00:00:00Z and receivedDateTime lt 2026-11-03".to_owned(), &["c"]),
        (
            "$filter=from/emailAddress/address eq 'OMAR@fabrikam.example'&$orderby=receivedDateTime".to_owned(),
            &["a", "c", "b"],
        ),
        (format!("$filter={}", key("k3")), &["c"]),
        (format!("$filter={}", key("k4")), &[]),
    ] {
        let list = get(&world, &format!("{inbox}?{}", encoded(&query))).await;
        assert_eq!(subjects(&list), expected, "{query}");
    }
    // Of the whole mailbox, what its owner sees.
    let all = format!("{LENA}/messages");
    assert_eq!(subjects(&get(&world, &all).await), ["d", "b", "c", "a"]);
    assert_eq!(subjects(&get(&world, &format!("{all}?{}", encoded(&format!("$filter={}", key("k4"))))).await), ["d"]);
    let count = |query: &str| {
        let path = format!("{all}/$count{}", encoded(query));
        let world = &world;
        async move { world.graph(Method::GET, &path, None).await.body }
    };
    assert_eq!((count("").await, count("?$filter=isRead eq false").await), ("4".to_owned(), "1".to_owned()));
}

#[tokio::test]
async fn pages_follow_each_other() {
    let world = World::new().await;
    filled(&world).await;
    for (path, query, expected) in [
        ("messages", "", vec!["d", "b", "c", "a"]),
        ("mailFolders/inbox/messages", "", vec!["b", "c", "a"]),
        ("messages", "&$filter=isRead eq true&$orderby=subject", vec!["b", "c", "d"]),
    ] {
        let mut next = Some(format!("{LENA}/{path}?$top=2&$count=true&$select=subject{}", encoded(query)));
        let (mut seen, mut pages) = (Vec::new(), 0);
        while let Some(path) = next {
            let page = get(&world, &path).await;
            assert_eq!(page["@odata.count"], expected.len());
            assert!(page["value"].as_array().unwrap().iter().all(|one| one.get("body").is_none()));
            seen.extend(subjects(&page).into_iter().map(str::to_owned));
            let prefix = "https://graph.cloud.example/v1.0";
            next = page["@odata.nextLink"].as_str().map(|link| link.strip_prefix(prefix).unwrap().to_owned());
            pages += 1;
        }
        assert_eq!((seen, pages), (expected.iter().map(|one| (*one).to_owned()).collect(), expected.len().div_ceil(2)));
    }
    let past = get(&world, &format!("{LENA}/messages?$skip=100")).await;
    assert_eq!((subjects(&past).len(), past.get("@odata.nextLink")), (0, None));
}

#[tokio::test]
async fn nothing_is_ignored() {
    let world = World::new().await;
    for query in [
        "$search=x",
        "$top=0",
        "$top=1001",
        "$skip=x",
        "$skip=99999999999",
        "$count=x",
        "$select=nothing",
        "$orderby=nothing",
        "$filter=nothing eq 'x'",
        "$filter=subject",
        "$top=1&$top=2",
    ] {
        let path = format!("{LENA}/messages?{}", encoded(query));
        world.graph(Method::GET, &path, None).await.assert_refused(400, "ErrorInvalidUrlQuery");
    }
    for (skip, status) in [(10_000_000, 200), (10_000_001, 400)] {
        let reply = world.graph(Method::GET, &format!("{LENA}/mailFolders?$skip={skip}"), None).await;
        assert_eq!(reply.status.as_u16(), status);
    }
    let refused = world.graph(Method::PUT, &format!("{LENA}/messages"), None).await;
    refused.assert_refused(405, "ErrorInvalidRequest");
    assert_eq!(refused.headers["allow"], "GET, POST");
    let reply = world.graph(Method::GET, &format!("{LENA}/messages?$top=1000&x=1"), None).await;
    assert_eq!(reply.told(200)["value"], json!([]), "what does not begin with $ is not a system option");
}
