//! The cloud's directory, over Graph: the same calls for ours and for Microsoft's.

use actas_certificate::{KeyPair, file};
use actas_runtime::{HttpClient, HttpRequest, HttpResponse};
use actas_store::settings::Kind;
use actas_token::{SigningKey, issue, well_known};
use http::header::{ETAG, IF_MATCH};
use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::PathBuf;
use url::Url;
use url::form_urlencoded::Serializer;
use uuid::Uuid;

use crate::Agent;
use crate::acquire::{TokenFailure, lifetime};
use crate::certificates::certificate_in;
use crate::error::Error;
use crate::metadata::{describe_refusal, https_url};

const CONNECTION: &str = "directory";
const ASSERTION_LIFETIME: SignedDuration = SignedDuration::from_mins(5);
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Pages of a list that are read.
const PAGES_MAX: usize = 1_000;
/// How often a change is repeated that somebody else's change got in the way of.
const TRIES_MAX: usize = 4;

/// How to reach the directory and sign in to it. It holds no secret: the key stays in
/// its file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Connection {
    /// Graph's service root, without version: `https://graph.microsoft.com`.
    pub graph_url: String,
    /// The token service: `https://login.microsoftonline.com`.
    pub authority: String,
    /// Tenant, by GUID or verified domain.
    pub tenant: String,
    /// The application that signs in.
    pub client_id: Uuid,
    /// Its certificate.
    pub certificate_file: PathBuf,
    /// Its key; in the certificate's file where absent.
    pub key_file: Option<PathBuf>,
}

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
    pub country: Option<String>,
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
}

impl std::fmt::Debug for GraphClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GraphClient({})", self.root)
    }
}

// === impl Agent ===

impl Agent {
    /// Signs in, and remembers how. Gives the tenant that was reached.
    pub async fn connect(&self, connection: &Connection) -> Result<Organization, Error> {
        let client = self.sign_in(connection).await?;
        let organization = client.organization().await?;
        self.remember_connection(connection).await?;
        Ok(organization)
    }

    /// Remembers how to sign in, without trying it.
    pub async fn remember_connection(&self, connection: &Connection) -> Result<(), Error> {
        Ok(self.0.settings.put(Kind::Connection, CONNECTION, connection).await?)
    }

    /// The remembered connection.
    pub async fn connection(&self) -> Result<Option<Connection>, Error> {
        Ok(self.0.settings.get(Kind::Connection, CONNECTION).await?.map(|stored| stored.value))
    }

    /// A client, signed in by the remembered connection.
    pub async fn graph(&self) -> Result<GraphClient, Error> {
        let connection = self.connection().await?.ok_or_else(|| {
            Error::invalid("you are not connected to the cloud's directory").with_hint(
                "sign in first: `actas Connect-MsolService -TenantId <tenant> -ClientId <application id> -CertificateFile <pem> -KeyFile <pem>`",
            )
        })?;
        self.sign_in(&connection).await
    }

    /// A client with a token from elsewhere.
    pub fn graph_with_token(&self, graph_url: &str, token: String) -> Result<GraphClient, Error> {
        https_url(graph_url)?;
        Ok(GraphClient { http: self.0.http.clone(), root: root(graph_url), token })
    }

    async fn sign_in(&self, connection: &Connection) -> Result<GraphClient, Error> {
        https_url(&connection.graph_url)?;
        let (token, _) = self.sign_in_token(connection).await.map_err(|failure| match failure {
            TokenFailure::Unreachable { error, .. } => error.into(),
            TokenFailure::Configuration(error) => error,
            TokenFailure::Refused { sts, status, description, .. } => {
                Error::peer(format!("`{sts}` gave no token: {status}{description}"))
                    .with_hint("check tenant, client id and certificate of `actas Connect-MsolService`")
            }
            other => Error::peer(other.to_string()),
        })?;
        Ok(GraphClient { http: self.0.http.clone(), root: root(&connection.graph_url), token })
    }

    /// A token for Graph, and how long it lives.
    pub(crate) async fn sign_in_token(
        &self,
        connection: &Connection,
    ) -> Result<(String, SignedDuration), TokenFailure> {
        let (endpoint, request) = self.sign_in_request(connection).map_err(TokenFailure::Configuration)?;
        let resource = well_known::GRAPH.to_string();
        let response = self.0.http.send(request).await;
        let response = response.map_err(|error| TokenFailure::Unreachable {
            sts: endpoint.clone(),
            resource: resource.clone(),
            error,
        })?;
        let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let token = answer.get("access_token").and_then(Value::as_str).filter(|_| response.status == StatusCode::OK);
        let token = token.ok_or_else(|| TokenFailure::Refused {
            sts: endpoint,
            resource,
            status: response.status,
            description: describe_refusal(&response.body),
        })?;
        Ok((token.to_owned(), lifetime(&answer)))
    }

    fn sign_in_request(&self, connection: &Connection) -> Result<(String, HttpRequest), Error> {
        https_url(&connection.authority)?;
        let key_file = connection.key_file.as_ref().unwrap_or(&connection.certificate_file);
        let certificate = certificate_in(&connection.certificate_file)?;
        let pair = KeyPair::new(certificate, file::read_private_key(key_file)?)?;
        let now = self.0.clock.now();
        pair.certificate().check_usable_for_tokens(now)?;
        let key = SigningKey::new(pair.key().pkcs8_der(), pair.certificate().der())
            .map_err(|error| Error::machine(error.to_string()))?;
        let endpoint =
            format!("{}/{}/oauth2/v2.0/token", connection.authority.trim_end_matches('/'), connection.tenant);
        let client_id = connection.client_id.to_string();
        let assertion =
            issue::client_assertion(&key, &client_id, &endpoint, &Uuid::new_v4().to_string(), ASSERTION_LIFETIME, now)
                .map_err(|error| Error::machine(error.to_string()))?;
        let body = Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &client_id)
            .append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            .append_pair("client_assertion", &assertion)
            .append_pair("scope", &format!("{}/.default", well_known::GRAPH))
            .finish();
        let request = HttpRequest::post(endpoint.as_str(), "application/x-www-form-urlencoded", body);
        Ok((endpoint, request))
    }
}

pub(crate) fn root(graph_url: &str) -> String {
    format!("{}/v1.0", graph_url.trim_end_matches('/').trim_end_matches("/v1.0"))
}

// === impl GraphClient ===

impl GraphClient {
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
            country: text("countryLetterCode"),
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

    /// Adds a principal.
    pub async fn add_principal(&self, body: &Value) -> Result<Value, Error> {
        let url = format!("{}/servicePrincipals", self.root);
        let response = self.send(Method::POST, &url, Some(body), None).await?;
        serde_json::from_slice(&response.body)
            .map_err(|error| Error::peer(format!("the directory's answer is not JSON: {error}")))
    }

    /// Changes a principal.
    pub async fn change_principal(&self, id: &str, body: &Value) -> Result<(), Error> {
        self.send(Method::PATCH, &format!("{}/servicePrincipals/{id}", self.root), Some(body), None).await.map(drop)
    }

    /// Removes a principal.
    pub async fn remove_principal(&self, id: &str) -> Result<(), Error> {
        self.send(Method::DELETE, &format!("{}/servicePrincipals/{id}", self.root), None, None).await.map(drop)
    }

    /// Adds a key beside those that are there. Graph replaces the whole collection, so
    /// it is read, completed and replaced; a change in between is read again.
    pub async fn add_key(&self, id: &str, key: &PrincipalKey) -> Result<Uuid, Error> {
        let key_id = Uuid::new_v4();
        let time = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let new = json!({
            "keyId": key_id.to_string(),
            "type": key.kind,
            "usage": key.usage,
            "key": key.key,
            "startDateTime": time(key.start),
            "endDateTime": time(key.end),
        });
        self.edit_keys(id, |keys| {
            keys.push(new.clone());
            Ok(())
        })
        .await?;
        Ok(key_id)
    }

    /// Removes keys by id, all or none.
    pub async fn remove_keys(&self, id: &str, ids: &[Uuid]) -> Result<(), Error> {
        self.edit_keys(id, |keys| {
            for wanted in ids {
                let is_wanted = |key: &Value| key["keyId"].as_str().is_some_and(|id| id.eq_ignore_ascii_case(&wanted.to_string()));
                if !keys.iter().any(is_wanted) {
                    return Err(Error::not_found(format!("the service principal has no credential with the key id {wanted}"))
                        .with_hint("`actas Get-MsolServicePrincipalCredential -AppPrincipalId <id> -ReturnKeyValues $false` lists them"));
                }
                keys.retain(|key| !is_wanted(key));
            }
            Ok(())
        })
        .await
    }

    async fn edit_keys(&self, id: &str, edit: impl Fn(&mut Vec<Value>) -> Result<(), Error>) -> Result<(), Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            let (etag, principal) = self.principal_with_keys(id).await?;
            let mut keys = principal["keyCredentials"].as_array().cloned().unwrap_or_default();
            edit(&mut keys)?;
            let url = format!("{}/servicePrincipals/{id}", self.root);
            let response =
                self.request(Method::PATCH, &url, Some(&json!({ "keyCredentials": keys })), etag.as_deref()).await?;
            if response.status == StatusCode::PRECONDITION_FAILED && tries < TRIES_MAX {
                continue;
            }
            return refuse(&url, response).map(drop);
        }
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
        refuse(url, self.request(method, url, body, etag).await?)
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
}

/// Graph's error body in one sentence.
fn refuse(url: &str, response: HttpResponse) -> Result<HttpResponse, Error> {
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
        StatusCode::FORBIDDEN => {
            Error::peer(what).with_hint("the application that signed in needs the permission Application.ReadWrite.All")
        }
        StatusCode::UNAUTHORIZED => Error::peer(what).with_hint("sign in again with `actas Connect-MsolService`"),
        _ => Error::peer(what),
    })
}

fn same_host(a: &str, b: &str) -> bool {
    match (Url::parse(a), Url::parse(b)) {
        (Ok(a), Ok(b)) => a.origin() == b.origin(),
        _ => false,
    }
}
