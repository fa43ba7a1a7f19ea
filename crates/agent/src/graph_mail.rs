//! Delivery over Graph mail v1.0, as an application with the permission Mail.ReadWrite:
//! a message in a folder, found again by an extended property that carries the item's key.

use std::time::Duration;

use actas_runtime::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_RANGE, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use url::Url;

use crate::Agent;
use crate::acquire::TokenFailure;
use crate::discover::authority;
use crate::error::Error;
use crate::ews::{CallFailure, Sent, retry_after};
use crate::files::PART_BYTES;
use crate::item::{Attachment, DELIVERY_KEY, StorageItem, TargetFolder};
use crate::sign_in::Issued;

const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// The property set of names that anybody may define (PS_PUBLIC_STRINGS).
const PUBLIC_STRINGS: &str = "{00020329-0000-0000-c000-000000000046}";
/// Files up to this much together go with the message; Graph takes requests of 4 MB.
const INLINE_BYTES_MAX: u64 = 2_500_000;
/// Parts of one piece of an upload session, whose pieces are multiples of 320 KiB.
const PARTS_OF_PIECE: i64 = 16;
/// A token is used up to four fifths of its life.
const RENEWED_AT: (i32, i32) = (4, 5);

/// A token for Graph, kept for all mailboxes.
pub(crate) struct MailToken {
    token: String,
    root: Url,
    made: Timestamp,
    renew_at: Timestamp,
    expires: Timestamp,
}

/// A mailbox as the application reaches it.
pub(crate) struct GraphMailbox<'a> {
    pub(crate) agent: &'a Agent,
    pub(crate) owner: String,
}

// === impl Agent ===

impl Agent {
    /// Graph's root and a token for it. Whoever comes first asks; the others wait for that.
    async fn mail_token(&self) -> Result<(Url, String), TokenFailure> {
        let mut kept = self.0.mail_token.lock().await;
        let now = self.0.clock.now();
        let earlier = kept.as_ref().filter(|token| now >= token.made && now < token.expires);
        if let Some(token) = earlier.filter(|token| now < token.renew_at) {
            return Ok((token.root.clone(), token.token.clone()));
        }
        let connection = self.connection().await.map_err(TokenFailure::Configuration)?;
        let connection = connection.ok_or_else(|| {
            TokenFailure::Configuration(Error::invalid("delivery over Graph needs an application that signs in").with_hint(
                "`actas Connect-MsolService -TenantId <tenant> -ClientId <application id> -CertificateFile <pem> -KeyFile <pem>`",
            ))
        })?;
        match self.sign_in(&connection).await {
            Ok(Issued { token, expires }) => {
                let root = Url::parse(&crate::graph::root(&connection.graph_url)).map_err(|error| {
                    TokenFailure::Configuration(Error::invalid(format!("`{}`: {error}", connection.graph_url)))
                })?;
                let renew_at = now + expires.duration_since(now) * RENEWED_AT.0 / RENEWED_AT.1;
                let expires = expires - SignedDuration::from_secs(30);
                *kept = Some(MailToken { token: token.clone(), root: root.clone(), made: now, renew_at, expires });
                Ok((root, token))
            }
            // The present one does while the token service is away.
            Err(failure) => match earlier {
                Some(token) if failure.may_pass() => Ok((token.root.clone(), token.token.clone())),
                _ => Err(failure),
            },
        }
    }
}

// === impl GraphMailbox ===

impl GraphMailbox<'_> {
    /// The id of an item that may be there. Files that are missing are added first.
    pub(crate) async fn find(&self, item: &StorageItem, upload: Option<&str>) -> Result<Option<String>, CallFailure> {
        let filter = format!(
            "singleValueExtendedProperties/Any(ep: ep/id eq '{}' and ep/value eq '{}')",
            key_property(),
            item.key().replace('\'', "''")
        );
        let query = [("$filter", filter.as_str()), ("$select", "id"), ("$top", "1")];
        let answer = self.call(Method::GET, &self.folder(item), &query, None).await?;
        let Some(id) = answer["value"].get(0).and_then(|message| message["id"].as_str()) else { return Ok(None) };
        if let Some(upload) = upload {
            self.complete(id, item.attachments(), upload).await?;
        }
        Ok(Some(id.to_owned()))
    }

    /// Creates an item, with its files.
    pub(crate) async fn create(&self, item: &StorageItem, upload: Option<&str>) -> Result<String, CallFailure> {
        let mut message = to_message(item);
        let files = item.attachments();
        let together: u64 = files.iter().map(|file| file.size).sum();
        let inline = upload.filter(|_| together <= INLINE_BYTES_MAX);
        if let Some(upload) = inline.filter(|_| !files.is_empty()) {
            let mut attached = Vec::with_capacity(files.len());
            for (index, file) in files.iter().enumerate() {
                attached.push(file_attachment(file, &self.whole(upload, index).await?));
            }
            message["attachments"] = attached.into();
        }
        let answer = self.call(Method::POST, &self.folder(item), &[], Some(message)).await?;
        let id = answer["id"].as_str().ok_or_else(|| CallFailure::NotEws("it names no message id".to_owned()))?;
        if let Some(upload) = upload.filter(|_| inline.is_none()) {
            self.complete(id, files, upload).await?;
        }
        Ok(id.to_owned())
    }

    /// Adds the files that a message does not have yet. They are added in order, so that
    /// their number tells which are there.
    async fn complete(&self, id: &str, files: &[Attachment], upload: &str) -> Result<(), CallFailure> {
        let path = format!("{}/messages/{}/attachments", self.user(), segment(id));
        let there = self.call(Method::GET, &path, &[("$select", "id,name,size")], None).await?;
        let there = there["value"].as_array().map_or(0, Vec::len);
        for (index, file) in files.iter().enumerate().skip(there) {
            if file.size <= INLINE_BYTES_MAX {
                let body = file_attachment(file, &self.whole(upload, index).await?);
                self.call(Method::POST, &path, &[], Some(body)).await?;
            } else {
                self.upload(&path, file, upload, index).await?;
            }
        }
        Ok(())
    }

    /// A larger file: an upload session, whose address is a secret of its own and gets no
    /// token.
    async fn upload(&self, path: &str, file: &Attachment, upload: &str, index: usize) -> Result<(), CallFailure> {
        let body = json!({"AttachmentItem": {
            "attachmentType": "file", "name": file.name, "contentType": file.content_type, "size": file.size,
        }});
        let session = self.call(Method::POST, &format!("{path}/createUploadSession"), &[], Some(body)).await?;
        let url = session["uploadUrl"].as_str().and_then(|text| Url::parse(text).ok());
        let url = url
            .filter(|url| url.scheme() == "https")
            .ok_or_else(|| CallFailure::NotEws("the upload session has no https address".to_owned()))?;
        let (mut from, mut part) = (0_u64, 0);
        while from < file.size {
            let mut piece = Vec::with_capacity(PART_BYTES * 16);
            for _ in 0..PARTS_OF_PIECE {
                match self.part(upload, index, part).await? {
                    Some(content) => piece.extend_from_slice(&content),
                    None => break,
                }
                part += 1;
            }
            if piece.is_empty() {
                return Err(CallFailure::Local(Error::machine(format!("the file `{}` is cut short", file.name))));
            }
            let to = from + piece.len() as u64;
            let mut request =
                HttpRequest::new(Method::PUT, url.as_str()).timeout(REQUEST_TIMEOUT).body_max(ANSWER_BYTES_MAX);
            let range = format!("bytes {from}-{}/{}", to - 1, file.size);
            request = request.header(CONTENT_RANGE, &range).map_err(|error| CallFailure::NotEws(error.to_string()))?;
            request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
            self.agent
                .guarded(&authority(&url), request, Sent::Whole(piece.into()), |response| read(&response))
                .await?;
            from = to;
        }
        Ok(())
    }

    async fn whole(&self, upload: &str, index: usize) -> Result<Vec<u8>, CallFailure> {
        let mut content = Vec::new();
        for part in 0.. {
            let Some(more) = self.part(upload, index, part).await? else { break };
            content.extend_from_slice(&more);
        }
        Ok(content)
    }

    async fn part(&self, upload: &str, index: usize, part: i64) -> Result<Option<Vec<u8>>, CallFailure> {
        let file = i64::try_from(index).unwrap_or(i64::MAX);
        self.agent.0.queue.part(upload, file, part).await.map_err(|error| CallFailure::Local(error.into()))
    }

    fn user(&self) -> String {
        format!("users/{}", segment(&self.owner))
    }

    fn folder(&self, item: &StorageItem) -> String {
        let folder = match item.folder() {
            TargetFolder::ConversationHistory => "conversationhistory",
            TargetFolder::Dumpster => "recoverableitemsdeletions",
            TargetFolder::Inbox => "inbox",
        };
        format!("{}/mailFolders/{folder}/messages", self.user())
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Value, CallFailure> {
        let (root, token) = self.agent.mail_token().await.map_err(CallFailure::Token)?;
        let mut url = Url::parse(&format!("{root}/{path}")).map_err(|error| CallFailure::NotEws(error.to_string()))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = HttpRequest::new(method, url.as_str()).timeout(REQUEST_TIMEOUT).body_max(ANSWER_BYTES_MAX);
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let request = request.bearer(&token).map_err(|error| CallFailure::NotEws(error.to_string()))?;
        let body = body.map_or_else(String::new, |body| body.to_string());
        self.agent.guarded(&authority(&url), request, Sent::from(body), |response| read(&response)).await
    }
}

fn read(response: &HttpResponse) -> Result<Value, CallFailure> {
    if !response.status.is_success() {
        let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let text = |name: &str| {
            let text = body["error"][name].as_str().unwrap_or_default();
            text.chars().filter(|letter| !letter.is_control()).take(300).collect::<String>()
        };
        return Err(CallFailure::Refused {
            status: response.status,
            target: response.url.clone(),
            diagnostics: format!(" {}: {}", text("code"), text("message")),
            retry_after: retry_after(response),
        });
    }
    if response.body.is_empty() || response.status == StatusCode::NO_CONTENT {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&response.body).map_err(|error| CallFailure::NotEws(error.to_string()))
}

/// One segment of a path.
fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

fn key_property() -> String {
    format!("String {PUBLIC_STRINGS} Name {DELIVERY_KEY}")
}

fn file_attachment(file: &Attachment, content: &[u8]) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.fileAttachment",
        "name": file.name,
        "contentType": file.content_type,
        "contentBytes": STANDARD.encode(content),
    })
}

fn to_message(item: &StorageItem) -> Value {
    let address = |address: &str| json!({"emailAddress": {"address": address}});
    let mut properties = vec![
        json!({"id": key_property(), "value": item.key()}),
        json!({"id": "String 0x001A", "value": item.item_class()}),
        // Read and not unsent: without it the item is a draft for ever.
        json!({"id": "Integer 0x0E07", "value": "1"}),
        json!({"id": "SystemTime 0x0E06", "value": item.time().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()}),
    ];
    let own = item.properties().iter().map(
        |property| json!({"id": format!("String {PUBLIC_STRINGS} Name {}", property.name), "value": property.value}),
    );
    properties.extend(own);
    let mut message = json!({
        "subject": item.subject(),
        "body": {"contentType": "text", "content": item.body()},
        "isRead": true,
        "toRecipients": [address(item.owner())],
        "singleValueExtendedProperties": properties,
    });
    if let Some(from) = item.from() {
        message["from"] = address(from);
    }
    message
}
