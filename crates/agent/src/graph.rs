//! The cloud's directory, over Graph: the same calls for ours and for Microsoft's.

mod change;

use actas_runtime::{HttpClient, HttpRequest, HttpResponse};
use http::header::{ETAG, IF_MATCH};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::Serializer;
use uuid::Uuid;

use crate::error::Error;

const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Pages of a list that are read.
const PAGES_MAX: usize = 1_000;

/// The caller's tenant (`GET /organization`).
#[derive(Clone, Debug, PartialEq)]
pub struct Organization {
    /// The tenant's GUID: the value that belongs into a metadata URL.
    pub id: String,
    /// For people.
    pub display_name: String,
    /// Verified domains, the default one first.
    pub domains: Vec<String>,
    /// `countryLetterCode`.
    pub country_letter_code: Option<String>,
    /// `country`.
    pub country: Option<String>,
    /// `state`.
    pub state: Option<String>,
    /// `onPremisesSyncEnabled`.
    pub synchronised: Option<bool>,
}

/// A key to add to a principal.
#[derive(Clone, Debug)]
pub struct PrincipalKey {
    /// `AsymmetricX509Cert` or `Symmetric`.
    pub kind: &'static str,
    /// `Verify` or `Sign`.
    pub usage: &'static str,
    /// Base64 of the DER certificate, or of the shared key.
    pub key: String,
    /// From when it counts.
    pub start: Timestamp,
    /// Until when it counts.
    pub end: Timestamp,
}

/// A signed-in client of the directory.
pub struct GraphClient {
    http: HttpClient,
    root: String,
    token: String,
    /// What to do when the directory no longer believes the token.
    again: String,
}

/// A secret that the directory made for a principal.
#[derive(Clone)]
pub struct MadePassword {
    /// The id by which it is removed.
    pub key_id: Uuid,
    /// The secret: told once, never again.
    pub secret: String,
    /// From when it counts, as the directory has it.
    pub start: String,
    /// Until when it counts, as the directory has it.
    pub end: String,
}

impl std::fmt::Debug for MadePassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MadePassword({})", self.key_id)
    }
}

impl std::fmt::Debug for GraphClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GraphClient({})", self.root)
    }
}

pub(crate) fn root(graph_url: &str) -> String {
    format!("{}/v1.0", graph_url.trim_end_matches('/').trim_end_matches("/v1.0"))
}

// === impl GraphClient ===

impl GraphClient {
    /// A client with a token. `again` says how to come by another one.
    pub(crate) fn new(http: HttpClient, graph_url: &str, token: String, again: String) -> Self {
        Self { http, root: root(graph_url), token, again }
    }

    /// The caller's tenant.
    pub async fn organization(&self) -> Result<Organization, Error> {
        let answer = self.get(&format!("{}/organization", self.root)).await?.1;
        let tenant = answer["value"].get(0).ok_or_else(|| Error::peer("the directory names no organisation"))?;
        let text = |name: &str| tenant.get(name).and_then(Value::as_str).map(str::to_owned);
        let mut domains: Vec<(bool, String)> = tenant["verifiedDomains"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|domain| {
                Some((domain["isDefault"].as_bool() != Some(true), domain["name"].as_str()?.to_owned()))
            })
            .collect();
        domains.sort();
        Ok(Organization {
            id: text("id").unwrap_or_default(),
            display_name: text("displayName").unwrap_or_default(),
            domains: domains.into_iter().map(|(_, name)| name).collect(),
            country_letter_code: text("countryLetterCode"),
            country: text("country"),
            state: text("state"),
            synchronised: tenant["onPremisesSyncEnabled"].as_bool(),
        })
    }

    /// Service principals, as Graph shows them. `filter` is OData; at most `count`.
    pub async fn principals(&self, filter: Option<&str>, count: usize) -> Result<Vec<Value>, Error> {
        let options = filter
            .map(|filter| ("$filter", filter.to_owned()))
            .into_iter()
            .chain([("$top", count.clamp(1, 999).to_string())]);
        let query = Serializer::new(String::new()).extend_pairs(options).finish();
        let mut next = Some(format!("{}/servicePrincipals?{query}", self.root));
        let mut found = Vec::new();
        for _ in 0..PAGES_MAX {
            let Some(url) = next.take() else { break };
            let answer = self.get(&url).await?.1;
            found.extend(answer["value"].as_array().cloned().unwrap_or_default());
            if found.len() >= count {
                break;
            }
            // A next page on another host would get our token.
            next = answer["@odata.nextLink"].as_str().filter(|link| same_host(link, &self.root)).map(str::to_owned);
        }
        found.truncate(count);
        Ok(found)
    }

    /// One principal with its keys, and its ETag where the directory gives one.
    pub async fn principal_with_keys(&self, id: &str) -> Result<(Option<String>, Value), Error> {
        let select = "id,appId,displayName,accountEnabled,servicePrincipalNames,keyCredentials,passwordCredentials";
        self.get(&format!("{}/servicePrincipals/{id}?$select={select}", self.root)).await
    }

    /// Registers an application of the tenant.
    pub async fn add_application(&self, display_name: &str) -> Result<Value, Error> {
        self.add("applications", &json!({ "displayName": display_name })).await
    }

    /// Removes an application by its object id.
    pub async fn remove_application(&self, id: &str) -> Result<(), Error> {
        self.send(Method::DELETE, &format!("{}/applications/{id}", self.root), None, None).await.map(drop)
    }

    /// Adds a principal.
    pub async fn add_principal(&self, body: &Value) -> Result<Value, Error> {
        self.add("servicePrincipals", body).await
    }

    async fn add(&self, collection: &str, body: &Value) -> Result<Value, Error> {
        let url = format!("{}/{collection}", self.root);
        let response = self.send(Method::POST, &url, Some(body), None).await?;
        serde_json::from_slice(&response.body)
            .map_err(|error| Error::peer(format!("the directory's answer is not JSON: {error}")))
    }

    /// Removes a principal.
    pub async fn remove_principal(&self, id: &str) -> Result<(), Error> {
        self.send(Method::DELETE, &format!("{}/servicePrincipals/{id}", self.root), None, None).await.map(drop)
    }

    /// Has the directory make a secret for a principal (`addPassword`): it takes none.
    pub async fn add_password(
        &self,
        id: &str,
        display_name: &str,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<MadePassword, Error> {
        let url = format!("{}/servicePrincipals/{id}/addPassword", self.root);
        let body = json!({ "passwordCredential": {
            "displayName": display_name,
            "startDateTime": time(start),
            "endDateTime": time(end),
        }});
        let response = self.send(Method::POST, &url, Some(&body), None).await?;
        let made: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
        let key_id = made["keyId"].as_str().and_then(|id| Uuid::try_parse(id).ok());
        match (key_id, text("secretText")) {
            (Some(key_id), secret) if !secret.is_empty() => {
                Ok(MadePassword { key_id, secret, start: text("startDateTime"), end: text("endDateTime") })
            }
            _ => Err(Error::peer("the directory made a secret and does not tell it")
                .with_hint("remove it, and try again: `actas Get-MsolServicePrincipalCredential` shows its key id")),
        }
    }

    /// The user who signed in, by name; nobody where an application did.
    pub(crate) async fn signed_in_user(&self) -> Option<String> {
        let (_, me) = self.get(&format!("{}/me?$select=id,userPrincipalName", self.root)).await.ok()?;
        me["userPrincipalName"].as_str().map(str::to_owned)
    }

    async fn get(&self, url: &str) -> Result<(Option<String>, Value), Error> {
        let response = self.send(Method::GET, url, None, None).await?;
        let etag = response.header(&ETAG).map(str::to_owned);
        let body = serde_json::from_slice(&response.body)
            .map_err(|error| Error::peer(format!("the directory's answer is not JSON: {error}")))?;
        Ok((etag, body))
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        body: Option<&Value>,
        etag: Option<&str>,
    ) -> Result<HttpResponse, Error> {
        self.refuse(url, self.request(method, url, body, etag).await?)
    }

    async fn request(
        &self,
        method: Method,
        url: &str,
        body: Option<&Value>,
        etag: Option<&str>,
    ) -> Result<HttpResponse, Error> {
        let unfit = |error: http::header::InvalidHeaderValue| Error::invalid(error.to_string());
        let mut request =
            HttpRequest::new(method, url).body_max(ANSWER_BYTES_MAX).bearer(&self.token).map_err(unfit)?;
        if let Some(body) = body {
            request.headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
            request.body = body.to_string().into();
        }
        if let Some(etag) = etag {
            request = request.header(IF_MATCH, etag).map_err(unfit)?;
        }
        Ok(self.http.send(request).await?)
    }

    /// Graph's error body in one sentence.
    fn refuse(&self, url: &str, response: HttpResponse) -> Result<HttpResponse, Error> {
        if response.status.is_success() {
            return Ok(response);
        }
        let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let text = |name: &str| {
            body["error"][name]
                .as_str()
                .unwrap_or_default()
                .chars()
                .filter(|c| !c.is_control())
                .take(300)
                .collect::<String>()
        };
        let (code, message) = (text("code"), text("message"));
        let host = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
        let what = format!("the directory at {host} refused ({} {code}): {message}", response.status.as_u16());
        Err(match response.status {
            StatusCode::NOT_FOUND => Error::not_found(what),
            StatusCode::FORBIDDEN => Error::peer(what).with_hint(
                "the application that signed in needs the permission Application.ReadWrite.All, and a user who signed \
                 in must be an administrator besides",
            ),
            StatusCode::UNAUTHORIZED => Error::peer(what).with_hint(self.again.clone()),
            _ => Error::peer(what),
        })
    }
}

/// A moment as Graph reads it.
fn time(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn same_host(a: &str, b: &str) -> bool {
    match (Url::parse(a), Url::parse(b)) {
        (Ok(a), Ok(b)) => a.origin() == b.origin(),
        _ => false,
    }
}
