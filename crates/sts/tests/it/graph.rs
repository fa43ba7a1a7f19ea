//! Graph: who may see and change what, and what a change of keys does.

mod app_role_assignment;
mod application;
mod audit;
mod batch;
mod caller;
mod credential_action;
mod deleted_item;
mod openapi;
mod query;
mod service_principal;
mod user;
mod workload;

use actas_sts::seed::grant;
use actas_token::issue;
use actas_token::well_known;
use axum::body::Body;
use http::{Method, Request, StatusCode};
use jiff::SignedDuration;
use serde_json::Value;
use uuid::Uuid;

use crate::cloud::{ADMIN, Answer, Cloud, ORIGIN, audit, signing};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub struct Client<'c> {
    pub cloud: &'c Cloud,
    pub token: String,
}

impl<'c> Client<'c> {
    pub async fn new(cloud: &'c Cloud, app_id: Uuid, scope: &str) -> Self {
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

    pub async fn admin(cloud: &'c Cloud) -> Self {
        Self::new(cloud, ADMIN, &format!("{ORIGIN}/.default")).await
    }

    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>, etag: Option<&str>) -> Answer {
        let mut request =
            Request::builder().method(method).uri(path).header("authorization", format!("Bearer {}", self.token));
        if let Some(etag) = etag {
            request = request.header("if-match", etag);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.cloud.send(request.body(body).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None, None).await
    }

    /// An application that holds these permissions and no others.
    pub async fn with_permissions(cloud: &'c Cloud, app_id: Uuid, permissions: &[&str]) -> Self {
        let mut own = cloud.directory.principal_by_app(cloud.tenant, app_id).await.unwrap().unwrap();
        own.assignments.clear();
        for permission in permissions {
            assert!(grant(&cloud.directory, &mut own, permission, cloud.now()).await.unwrap(), "{permission}");
        }
        cloud.directory.update_principal(&own, audit(cloud.tenant, cloud.now())).await.unwrap();
        Self::new(cloud, app_id, &format!("{ORIGIN}/.default")).await
    }

    /// A GET of an advanced query.
    pub async fn eventual(&self, path: &str) -> Answer {
        let request = Request::get(path)
            .header("authorization", format!("Bearer {}", self.token))
            .header("consistencylevel", "eventual");
        self.cloud.send(request.body(Body::empty()).unwrap()).await
    }

    /// A list by a filter, which is encoded here.
    pub async fn filtered(&self, collection: &str, filter: &str) -> Answer {
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("$filter", filter).finish();
        self.get(&format!("/v1.0/{collection}?{query}")).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(&body), None).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None, None).await
    }

    /// Adds an object and gives it as it is shown.
    pub async fn add(&self, collection: &str, body: Value) -> Value {
        let made = self.post(&format!("/v1.0/{collection}"), body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        made.json()
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(&body), None).await
    }
}

#[track_caller]
pub fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        (answer.status.as_u16(), answer.json()["error"]["code"].as_str()),
        (status, Some(code)),
        "{}",
        answer.text
    );
    let inner = &answer.json()["error"]["innerError"];
    assert!(inner["date"].is_string() && inner["request-id"].is_string() && inner["client-request-id"].is_string());
}

pub fn lync() -> String {
    format!("/v1.0/servicePrincipals(appId='{}')", well_known::LYNC)
}
