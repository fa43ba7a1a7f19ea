//! Query options, and what is refused rather than ignored.

use actas_token::well_known;
use serde_json::json;
use uuid::Uuid;

use super::{Client, lync, refused};
use crate::cloud::{ADMIN, Cloud, ORIGIN};

#[tokio::test]
async fn lists_pages_and_filters() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let mut next = Some("/v1.0/servicePrincipals?$top=2&$count=true".to_owned());
    let (mut pages, mut found) = (0, 0);
    while let Some(url) = next {
        let page = admin.eventual(&url).await.json();
        assert_eq!(page["@odata.count"].as_i64(), (pages == 0).then_some(6));
        found += page["value"].as_array().unwrap().len();
        assert!(page["value"][0]["keyCredentials"].as_array().unwrap().iter().all(|key| key["key"].is_null()));
        next = page["@odata.nextLink"].as_str().map(|link| link.strip_prefix(ORIGIN).unwrap().to_owned());
        pages += 1;
    }
    assert_eq!((pages, found), (3, 6));
    for (filter, count) in [
        (format!("appId eq '{}'", well_known::LYNC), 1),
        (format!("appId eq '{}'", Uuid::nil()), 0),
        ("startswith(displayName,'microsoft')".to_owned(), 2),
        (format!("servicePrincipalNames/any(c:c eq '{}')", well_known::STS), 1),
    ] {
        let answer = admin.filtered("servicePrincipals", &filter).await.json();
        assert_eq!(answer["value"].as_array().unwrap().len(), count, "{filter}");
    }
    refused(&admin.get("/v1.0/servicePrincipals?$filter=appId%20gt%20'a'").await, 400, "Request_UnsupportedQuery");
    refused(&admin.get("/v1.0/servicePrincipals?$top=1000").await, 400, "Request_BadRequest");
    refused(&admin.get("/v1.0/servicePrincipals?$select=secret").await, 400, "Request_BadRequest");
    refused(&admin.get(&format!("/v1.0/servicePrincipals/{}", Uuid::nil())).await, 404, "Request_ResourceNotFound");
    refused(&admin.get("/v1.0/nothing").await, 400, "BadRequest");
    let encoded = lync().replace('(', "%28").replace(')', "%29").replace('\'', "%27");
    assert_eq!(admin.get(&format!("{encoded}?$select=id,appId")).await.json().as_object().unwrap().len(), 3);
}

#[tokio::test]
async fn advanced_queries_ask_for_the_eventual_view() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    for query in [
        "$count=true",
        "$filter=not(appId%20eq%20'x')&$count=true",
        "$filter=appId%20ne%20'x'&$count=true",
        "$filter=endswith(displayName,'n')&$count=true",
        "$filter=startswith(displayName,'a')&$orderby=displayName&$count=true",
    ] {
        let path = format!("/v1.0/servicePrincipals?{query}");
        refused(&admin.get(&path).await, 400, "Request_UnsupportedQuery");
        let answer = admin.eventual(&path).await.json();
        assert_eq!(answer["@odata.count"].as_u64(), Some(answer["value"].as_array().unwrap().len() as u64), "{query}");
    }
    let half = "/v1.0/servicePrincipals?$filter=appId%20ne%20'x'";
    refused(&admin.eventual(half).await, 400, "Request_UnsupportedQuery");
}

#[tokio::test]
async fn bare_counts() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let path = "/v1.0/servicePrincipals/$count";
    refused(&admin.get(path).await, 400, "Request_UnsupportedQuery");
    let answer = admin.eventual(path).await;
    assert_eq!(
        (answer.text.as_str(), &answer.headers["content-type"]),
        ("6", &"text/plain; charset=utf-8".parse().unwrap())
    );
    let some = admin.eventual(&format!("{path}?$filter=startswith(displayName,'microsoft')")).await;
    assert_eq!(some.text, "2");
    refused(&admin.eventual(&format!("{path}?$top=1")).await, 400, "Request_UnsupportedQuery");
}

#[tokio::test]
async fn sorted_by_name_page_by_page() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let names = async |order: &str| {
        let mut next = Some(format!("/v1.0/servicePrincipals?$orderby={order}&$top=2&$select=displayName"));
        let mut names = Vec::new();
        while let Some(url) = next {
            let page = admin.get(&url).await.json();
            let value = page["value"].as_array().unwrap();
            names.extend(value.iter().map(|own| own["displayName"].as_str().unwrap().to_lowercase()));
            next = page["@odata.nextLink"].as_str().map(|link| link.strip_prefix(ORIGIN).unwrap().to_owned());
        }
        names
    };
    let ascending = names("displayName").await;
    assert!(ascending.len() == 6 && ascending.is_sorted(), "{ascending:?}");
    assert_eq!(names("displayName%20desc").await, ascending.iter().rev().cloned().collect::<Vec<_>>());
    refused(&admin.get("/v1.0/servicePrincipals?$orderby=appId").await, 400, "Request_UnsupportedQuery");
}

#[tokio::test]
async fn a_page_survives_changes_before_it() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    for n in 0..5 {
        admin.add("applications", json!({ "displayName": format!("a{n}") })).await;
    }
    let first = admin.get("/v1.0/applications?$top=2").await.json();
    let next = first["@odata.nextLink"].as_str().unwrap().strip_prefix(ORIGIN).unwrap().to_owned();
    let gone = format!("/v1.0/applications/{}", first["value"][0]["id"].as_str().unwrap());
    assert_eq!(admin.delete(&gone).await.status, 204);
    let second = admin.get(&next).await.json();
    assert_eq!(second["value"].as_array().unwrap().len(), 2, "none skipped");
}

#[tokio::test]
async fn every_refusal_says_why() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    for path in ["/v1.0", "/v1.0/", "/v1.0/nothing", "/v1.0/v1.0/users", "/v1.0/users(", "/v1.0/a/b/c/d/e/f/g/h/i"] {
        refused(&admin.get(path).await, 400, "BadRequest");
    }
    refused(&admin.post("/v1.0/openapi.json", json!({})).await, 400, "BadRequest");
    for path in ["/v1.0/servicePrincipals", "/v1.0/applications", "/v1.0/users", "/v1.0/organization"] {
        refused(&admin.call(http::Method::PUT, path, None, None).await, 405, "Request_BadRequest");
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let cloud = Cloud::start().await;
    let admin = Client::with_permissions(&cloud, ADMIN, &["Application.ReadWrite.All", "Directory.Read.All"]).await;
    let lync = lync();
    for (path, allowed) in [
        ("/v1.0/applications", "GET, POST"),
        ("/v1.0/applications/$count", "GET"),
        (lync.as_str(), "GET, PATCH, DELETE"),
        (&format!("{lync}/addKey"), "POST"),
        (&format!("{lync}/microsoft.graph.addKey"), "POST"),
        ("/v1.0/organization", "GET"),
        ("/v1.0/$batch", "POST"),
        ("/v1.0/domains/fabrikam.example", "GET"),
        ("/v1.0/directory/deletedItems/microsoft.graph.user", "GET"),
    ] {
        let answer = admin.call(http::Method::PUT, path, None, None).await;
        refused(&answer, 405, "Request_BadRequest");
        assert_eq!(answer.headers["allow"], allowed, "{path}");
    }
    assert!(!admin.get("/v1.0/nothing").await.headers.contains_key("allow"));
}

#[tokio::test]
async fn nothing_is_ignored() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    for query in ["$expand=owners", "$search=%22displayName:a%22", "$skip=1", "$apply=x", "$format=xml"] {
        for path in ["/v1.0/servicePrincipals".to_owned(), lync()] {
            refused(&admin.get(&format!("{path}?{query}")).await, 400, "Request_UnsupportedQuery");
        }
    }
    refused(&admin.get(&format!("{}?$filter=appId%20eq%20'a'", lync())).await, 400, "Request_UnsupportedQuery");
    for query in ["$top=0", "$top=x", "$count=maybe", "$skiptoken=x", "$top=1&$top=2", "$select=", "$select=id,x"] {
        refused(&admin.get(&format!("/v1.0/servicePrincipals?{query}")).await, 400, "Request_BadRequest");
    }
    assert_eq!(admin.get("/v1.0/servicePrincipals?api-version=1").await.status, 200);
}

#[tokio::test]
async fn short_lists_take_the_same_options() {
    let cloud = Cloud::start().await;
    let permissions = ["Application.ReadWrite.All", "Directory.Read.All", "Domain.Read.All", "User.Read.All"];
    let client = Client::with_permissions(&cloud, ADMIN, &permissions).await;
    let own = cloud.directory.principal_by_app(cloud.tenant, ADMIN).await.unwrap().unwrap();
    let graph = cloud.directory.principal_by_app(cloud.tenant, well_known::GRAPH).await.unwrap().unwrap();
    let path = format!("/v1.0/servicePrincipals/{}/appRoleAssignments", own.id);
    let mut next = Some(format!("{path}?$top=3&$select=id,appRoleId"));
    let mut found = Vec::new();
    while let Some(url) = next {
        let page = client.get(&url).await.json();
        assert!(page["value"].as_array().unwrap().iter().all(|one| one.as_object().unwrap().len() == 2));
        found.push(page["value"].as_array().unwrap().len());
        next = page["@odata.nextLink"].as_str().map(|link| link.strip_prefix(ORIGIN).unwrap().to_owned());
    }
    assert_eq!(found, [3, 1]);
    let collection = path.strip_prefix("/v1.0/").unwrap();
    for (filter, count) in [(format!("resourceId eq '{}'", graph.id), 4), ("resourceId eq 'x'".to_owned(), 0)] {
        let list = client.filtered(collection, &filter).await.json();
        assert_eq!(list["value"].as_array().unwrap().len(), count, "{filter}");
    }
    let domains = client.get("/v1.0/domains?$select=id,isDefault").await.json();
    assert_eq!(domains["value"], json!([{"id": "fabrikam.example", "isDefault": true}]));
    let one = client.get("/v1.0/domains/fabrikam.example?$select=isVerified").await.json();
    assert_eq!(one["@odata.context"], format!("{ORIGIN}/v1.0/$metadata#domains(isVerified)/$entity"));
    let organization = client.get("/v1.0/organization?$select=id,displayName").await.json();
    assert_eq!(organization["value"], json!([{"id": cloud.tenant.to_string(), "displayName": "Fabrikam"}]));
    assert_eq!(client.eventual("/v1.0/domains?$count=true").await.json()["@odata.count"], 1);
    for query in ["$select=nothing", "$top=0", "$skiptoken=x", "$count=x"] {
        refused(&client.get(&format!("/v1.0/domains?{query}")).await, 400, "Request_BadRequest");
    }
    for query in ["$orderby=id", "$expand=x", "$count=true", "$filter=supportedServices%20eq%20'x'"] {
        refused(&client.get(&format!("/v1.0/domains?{query}")).await, 400, "Request_UnsupportedQuery");
    }
}
