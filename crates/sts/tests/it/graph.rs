//! Graph: who may see and change what, and what a change of keys does.

use actas_token::issue;
use actas_token::well_known;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Request, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cloud::{ADMIN, APP, Answer, Cloud, ORIGIN, pair, signing};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

struct Client<'c> {
    cloud: &'c Cloud,
    token: String,
}

impl<'c> Client<'c> {
    async fn new(cloud: &'c Cloud, app_id: Uuid, scope: &str) -> Self {
        let path = format!("/{}/oauth2/v2.0/token", cloud.tenant);
        let id = app_id.to_string();
        let text = issue::client_assertion(
            &signing(&cloud.app),
            &id,
            &format!("{ORIGIN}{path}"),
            "id",
            SignedDuration::from_mins(5),
            cloud.now(),
        )
        .unwrap();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", TYPE),
            ("client_assertion", &text),
            ("scope", scope),
        ];
        let answer = cloud.post(&path, &form).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        Self { cloud, token: answer.json()["access_token"].as_str().unwrap().to_owned() }
    }

    async fn admin(cloud: &'c Cloud) -> Self {
        Self::new(cloud, ADMIN, &format!("{ORIGIN}/.default")).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>, etag: Option<&str>) -> Answer {
        let mut request =
            Request::builder().method(method).uri(path).header("authorization", format!("Bearer {}", self.token));
        if let Some(etag) = etag {
            request = request.header("if-match", etag);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.cloud.send(request.body(body).unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None, None).await
    }

    async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(&body), None).await
    }
}

#[track_caller]
fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        (answer.status.as_u16(), answer.json()["error"]["code"].as_str()),
        (status, Some(code)),
        "{}",
        answer.text
    );
    let inner = &answer.json()["error"]["innerError"];
    assert!(inner["date"].is_string() && inner["request-id"].is_string() && inner["client-request-id"].is_string());
}

fn lync() -> String {
    format!("/v1.0/servicePrincipals(appId='{}')", well_known::LYNC)
}

#[tokio::test]
async fn callers() {
    let cloud = Cloud::start().await;
    let anonymous = Client { cloud: &cloud, token: String::new() };
    let answer = anonymous.get("/v1.0/organization").await;
    refused(&answer, 401, "InvalidAuthenticationToken");
    assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer "));
    let garbage = Client { cloud: &cloud, token: "a.b.c".into() };
    refused(&garbage.get("/v1.0/organization").await, 401, "InvalidAuthenticationToken");
    let for_exchange = Client::new(&cloud, APP, "https://mail.cloud.example/.default").await;
    refused(&for_exchange.get("/v1.0/servicePrincipals").await, 401, "InvalidAuthenticationToken");
    let admin = Client::admin(&cloud).await;
    assert_eq!(admin.get("/v1.0/organization").await.status, StatusCode::OK);
    let changed = Client { cloud: &cloud, token: format!("{}A", admin.token) };
    refused(&changed.get("/v1.0/organization").await, 401, "InvalidAuthenticationToken");
    cloud.clock.advance(SignedDuration::from_mins(66));
    refused(&admin.get("/v1.0/organization").await, 401, "InvalidAuthenticationToken");
    let admin = Client::admin(&cloud).await;
    cloud.change(ADMIN, |own| own.enabled = false).await;
    refused(&admin.get("/v1.0/organization").await, 401, "InvalidAuthenticationToken");
}

#[tokio::test]
async fn an_application_sees_and_changes_itself_alone() {
    let cloud = Cloud::start().await;
    let own = Client::new(&cloud, APP, "https://graph.microsoft.com/.default").await;
    let list = own.get("/v1.0/servicePrincipals").await.json();
    assert_eq!(list["value"].as_array().unwrap().len(), 1);
    assert_eq!(list["value"][0]["appId"], APP.to_string());
    refused(&own.get(&lync()).await, 403, "Authorization_RequestDenied");
    refused(&own.get("/v1.0/organization").await, 403, "Authorization_RequestDenied");
    let path = format!("/v1.0/servicePrincipals(appId='{APP}')");
    // As the SDKs send it: with the type of the object.
    let change = json!({"@odata.type": "#microsoft.graph.servicePrincipal", "keyCredentials": []});
    assert_eq!(own.patch(&path, change).await.status, StatusCode::NO_CONTENT);
    refused(
        &own.patch(&path, json!({"servicePrincipalNames": ["https://mail.evil.example/"]})).await,
        403,
        "Authorization_RequestDenied",
    );
    refused(&own.patch(&path, json!({"accountEnabled": true})).await, 403, "Authorization_RequestDenied");
    refused(&own.patch(&lync(), json!({"keyCredentials": []})).await, 403, "Authorization_RequestDenied");
    refused(
        &own.call(Method::POST, "/v1.0/servicePrincipals", Some(&json!({"appId": Uuid::new_v4()})), None).await,
        403,
        "Authorization_RequestDenied",
    );
}

#[tokio::test]
async fn lists_pages_and_filters() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let mut next = Some("/v1.0/servicePrincipals?$top=2&$count=true".to_owned());
    let (mut pages, mut found) = (0, 0);
    while let Some(url) = next {
        let page = admin.get(&url).await.json();
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
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("$filter", &filter).finish();
        let answer = admin.get(&format!("/v1.0/servicePrincipals?{query}")).await.json();
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
async fn keys_are_replaced_as_a_whole() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let with_keys = format!("{}?$select=keyCredentials", lync());
    let old = admin.get(&with_keys).await.json()["keyCredentials"][0].clone();
    assert_eq!(old["key"], STANDARD.encode(cloud.lync.certificate().der()), "given on $select alone");
    assert_eq!(old["customKeyIdentifier"], cloud.lync.certificate().thumbprint());
    let next = pair("next", cloud.now());
    let new =
        json!({"type": "AsymmetricX509Cert", "usage": "Verify", "key": STANDARD.encode(next.certificate().der())});
    let keep = json!({"keyId": old["keyId"], "@odata.type": "#microsoft.graph.keyCredential"});
    assert_eq!(admin.patch(&lync(), json!({"keyCredentials": [keep, new]})).await.status, StatusCode::NO_CONTENT);
    let both = admin.get(&with_keys).await.json()["keyCredentials"].clone();
    assert_eq!(both.as_array().unwrap().len(), 2);
    assert_eq!(both[0], old, "kept as it was");
    // The same certificate without an id is the same credential.
    let resent = json!({"type": "AsymmetricX509Cert", "usage": "Verify", "key": old["key"]});
    assert_eq!(admin.patch(&lync(), json!({"keyCredentials": [resent, both[1]]})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.get(&with_keys).await.json()["keyCredentials"], both);
    // All or nothing.
    for wrong in [
        json!([{"keyId": Uuid::new_v4()}]),
        json!([{"key": "AAAA"}]),
        json!([{"key": "not base64"}]),
        json!([{"keyId": old["keyId"], "endDateTime": "2099-01-01T00:00:00Z"}]),
        json!([both[0], both[0]]),
        json!({"a": 1}),
    ] {
        refused(&admin.patch(&lync(), json!({"keyCredentials": wrong})).await, 400, "Request_BadRequest");
    }
    let dated = |start: &str, end: &str| json!({"keyCredentials": [{"key": old["key"], "startDateTime": start, "endDateTime": end}]});
    refused(
        &admin.patch(&lync(), dated("2027-01-10T00:00:00Z", "2027-01-01T00:00:00Z")).await,
        400,
        "KeyCredentialsInvalidEndDate",
    );
    refused(
        &admin.patch(&lync(), dated("2020-01-01T00:00:00Z", "2027-06-01T00:00:00Z")).await,
        400,
        "KeyCredentialsInvalidStartDate",
    );
    assert_eq!(admin.get(&with_keys).await.json()["keyCredentials"], both, "nothing of it happened");
    assert_eq!(admin.patch(&lync(), json!({"keyCredentials": [both[1]]})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.get(&with_keys).await.json()["keyCredentials"], json!([both[1]]));
}

#[tokio::test]
async fn a_change_in_between_is_noticed() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let etag = admin.get(&lync()).await.headers["etag"].to_str().unwrap().to_owned();
    let rename = |name: &str| json!({ "displayName": name });
    assert_eq!(
        admin.call(Method::PATCH, &lync(), Some(&rename("a")), Some(&etag)).await.status,
        StatusCode::NO_CONTENT
    );
    refused(
        &admin.call(Method::PATCH, &lync(), Some(&rename("b")), Some(&etag)).await,
        412,
        "Request_PreconditionFailed",
    );
    assert_eq!(admin.get(&lync()).await.json()["displayName"], "a");
}

#[tokio::test]
async fn principals_come_and_go() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let app_id = Uuid::new_v4();
    let body = json!({"appId": app_id, "displayName": "New", "servicePrincipalNames": ["https://new.example/"]});
    let made = admin.call(Method::POST, "/v1.0/servicePrincipals", Some(&body), None).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let location = made.headers["location"].to_str().unwrap().strip_prefix(ORIGIN).unwrap().to_owned();
    refused(
        &admin.call(Method::POST, "/v1.0/servicePrincipals", Some(&body), None).await,
        409,
        "Request_MultipleObjectsWithSameKeyValue",
    );
    refused(
        &admin.patch(&lync(), json!({"servicePrincipalNames": ["https://NEW.example"]})).await,
        409,
        "Request_MultipleObjectsWithSameKeyValue",
    );
    assert_eq!(admin.call(Method::DELETE, &location, None, None).await.status, StatusCode::NO_CONTENT);
    refused(&admin.get(&location).await, 404, "Request_ResourceNotFound");
    refused(&admin.call(Method::DELETE, &lync(), None, None).await, 400, "Request_BadRequest");
    refused(&admin.patch(&lync(), json!({"objectType": 1})).await, 400, "Request_BadRequest");
}

#[tokio::test]
async fn tenants_do_not_see_each_other() {
    let cloud = Cloud::start().await;
    let admin = Client::admin(&cloud).await;
    let foreign = cloud.directory.principal_by_app(cloud.other, well_known::LYNC).await.unwrap().unwrap();
    refused(&admin.get(&format!("/v1.0/servicePrincipals/{}", foreign.id)).await, 404, "Request_ResourceNotFound");
    let organization = admin.get("/v1.0/organization").await.json();
    assert_eq!(organization["value"].as_array().unwrap().len(), 1);
    assert_eq!(organization["value"][0]["id"], cloud.tenant.to_string());
    refused(&admin.get(&format!("/v1.0/organization/{}", cloud.other)).await, 404, "Request_ResourceNotFound");
}
