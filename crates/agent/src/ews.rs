//! The EWS client: one operation a call, as one user, with a token for the very host.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actas_exchange::Result as Parsed;
use actas_exchange::ews::{
    BaseShape, Call, CreateItem, CreateItemResponse, DeleteItem, DeleteItemResponse, DeleteType, EventType, Failure,
    FindItem, FindItemResponse, FolderId, GetEvents, GetEventsResponse, GetItem, GetItemResponse, ItemId, ItemShape,
    Message, MessageDisposition, Notification, PropertyPath, Request, RequestHeader, ResponseMessage, Restriction,
    ServerVersion, Subscribe, SubscribeResponse, Subscribed, Unsubscribe, UnsubscribeResponse,
};
use actas_exchange::soap::{Fault, Reply};
use actas_runtime::{BodyStream, ClientError, HttpRequest, HttpResponse};
use actas_token::issue::ActAsUser;
use bytes::Bytes;
use http::{Method, StatusCode};
use jiff::Timestamp;
use url::Url;

use crate::Agent;
use crate::acquire::TokenFailure;
use crate::discover::{authority, diagnostics, media_type};
use crate::error::Error;
use crate::files::Marks;
use crate::item::{StorageItem, delivery_key_uri};
use crate::schedule::Patience;
use crate::trace::Trace;
use crate::verdict;

const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// Files take their time.
const STREAM_TIMEOUT: Duration = Duration::from_mins(5);
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Why a call came to nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum CallFailure {
    #[error("{0}")]
    Token(TokenFailure),
    /// Nothing was sent.
    #[error("{0}")]
    NotSent(ClientError),
    /// It was sent, and what became of it is not known.
    #[error("{0}")]
    Lost(ClientError),
    #[error("The remote server returned an error: ({}){diagnostics}", status.as_u16())]
    Refused { status: StatusCode, target: String, diagnostics: String, retry_after: Option<Duration> },
    #[error("{0}")]
    Fault(Fault),
    #[error("the answer is not an EWS answer: {0}")]
    NotEws(String),
    /// Something on this machine.
    #[error("{0}")]
    Local(Error),
    /// The target's circuit is open.
    #[error("{target} does not answer; it is asked again at {until}")]
    Waiting { target: String, until: Timestamp },
}

/// A mailbox as this server reaches it.
pub(crate) struct EwsMailbox<'a> {
    pub(crate) agent: &'a Agent,
    pub(crate) url: Url,
    pub(crate) user: ActAsUser,
    trace: Mutex<Trace>,
}

// === impl EwsMailbox ===

impl<'a> EwsMailbox<'a> {
    pub(crate) fn new(agent: &'a Agent, url: Url, user: ActAsUser) -> Self {
        Self::traced(agent, url, user, Trace::default())
    }

    /// The same with what is told of its calls.
    pub(crate) fn traced(agent: &'a Agent, url: Url, user: ActAsUser, trace: Trace) -> Self {
        Self { agent, url, user, trace: Mutex::new(trace) }
    }

    pub(crate) fn trace(&self) -> MutexGuard<'_, Trace> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates items in one folder, in order. One outcome an item.
    pub(crate) async fn create(
        &self,
        folder: FolderId,
        items: Vec<Message>,
    ) -> Result<Vec<Result<Option<ItemId>, Failure>>, CallFailure> {
        let count = items.len();
        let text = write(create_item(folder, items));
        let response = self.send(text.into(), CreateItemResponse::parse).await?;
        let created = response.messages.into_iter().map(|message| message.map(|item| item.map(|item| item.id)));
        exactly(count, created.map(ResponseMessage::into_result).collect())
    }

    /// Creates one item with its files, whose bytes come from the queue part by part.
    pub(crate) async fn create_with_files(
        &self,
        item: &StorageItem,
        upload: &str,
    ) -> Result<Result<Option<ItemId>, Failure>, CallFailure> {
        let mut message = item.to_message().map_err(CallFailure::Local)?;
        let marks = Marks::new(item.attachments());
        message.attachments = marks.placeholders(item.attachments());
        let folder = item.folder_id().map_err(CallFailure::Local)?;
        let text = write(create_item(folder, vec![message]));
        let body = marks.stream(&text, item.attachments(), self.agent.0.queue.clone(), upload.to_owned());
        let response = self.send(Sent::Streamed(body), CreateItemResponse::parse).await?;
        let created = response.messages.into_iter().map(|message| message.map(|item| item.map(|item| item.id)));
        let mut one = exactly(1, created.map(ResponseMessage::into_result).collect())?;
        Ok(one.pop().unwrap_or(Ok(None)))
    }

    /// The item with a key, if it is in a folder.
    pub(crate) async fn find(&self, item: &StorageItem) -> Result<Option<ItemId>, CallFailure> {
        let folder = item.folder_id().map_err(|error| CallFailure::NotEws(error.to_string()))?;
        let restriction = Restriction::equals(PropertyPath::Extended(delivery_key_uri()), item.key());
        let response =
            self.call(Request::FindItem(FindItem::ids(folder, restriction)), FindItemResponse::parse).await?;
        let message = response
            .messages
            .into_iter()
            .next()
            .ok_or_else(|| CallFailure::NotEws("it has no response message".to_owned()))?;
        let page = message.into_result().map_err(|failure| CallFailure::NotEws(failure.text))?;
        Ok(page.entries.into_iter().find_map(|found| found.item_id))
    }

    /// Reads an item back.
    pub(crate) async fn get(&self, id: ItemId) -> Result<Message, CallFailure> {
        let shape = ItemShape::new(BaseShape::AllProperties).with(vec![PropertyPath::Extended(delivery_key_uri())]);
        let response = self.call(Request::GetItem(GetItem { shape, items: vec![id] }), GetItemResponse::parse).await?;
        let message = response
            .messages
            .into_iter()
            .next()
            .ok_or_else(|| CallFailure::NotEws("it has no response message".to_owned()))?;
        message.into_result().map_err(|failure| CallFailure::NotEws(failure.text))
    }

    /// Removes an item for good.
    pub(crate) async fn delete(&self, id: ItemId) -> Result<Result<(), Failure>, CallFailure> {
        let request = Request::DeleteItem(DeleteItem { delete_type: DeleteType::HardDelete, items: vec![id] });
        only(self.call(request, DeleteItemResponse::parse).await?.messages)
    }

    /// Asks to be told what is created in some folders ("Subscribe operation").
    pub(crate) async fn subscribe(
        &self,
        folders: Vec<FolderId>,
        timeout_minutes: u32,
    ) -> Result<Result<Subscribed, Failure>, CallFailure> {
        let request =
            Subscribe { folders: Some(folders), events: vec![EventType::Created], watermark: None, timeout_minutes };
        only(self.call(Request::Subscribe(request), SubscribeResponse::parse).await?.messages)
    }

    /// What happened since a watermark ("GetEvents operation").
    pub(crate) async fn events(
        &self,
        subscription: &str,
        watermark: &str,
    ) -> Result<Result<Notification, Failure>, CallFailure> {
        let request = GetEvents { subscription: subscription.to_owned(), watermark: watermark.to_owned() };
        only(self.call(Request::GetEvents(request), GetEventsResponse::parse).await?.messages)
    }

    /// Asks to be told no longer ("Unsubscribe operation").
    pub(crate) async fn unsubscribe(&self, subscription: &str) -> Result<Result<(), Failure>, CallFailure> {
        let request = Unsubscribe { subscription: subscription.to_owned() };
        only(self.call(Request::Unsubscribe(request), UnsubscribeResponse::parse).await?.messages)
    }

    async fn call<T>(&self, request: Request, parse: fn(&[u8], usize) -> Parsed<Reply<T>>) -> Result<T, CallFailure> {
        self.send(write(request).into(), parse).await
    }

    async fn send<T>(&self, body: Sent, parse: fn(&[u8], usize) -> Parsed<Reply<T>>) -> Result<T, CallFailure> {
        let host = authority(&self.url);
        let actor = self.agent.actor_token(&host).await.map_err(CallFailure::Token)?;
        let token = self.agent.act_as(&actor, &self.user);
        let mut message =
            HttpRequest::new(Method::POST, self.url.as_str()).timeout(REQUEST_TIMEOUT).body_max(ANSWER_BYTES_MAX);
        message.headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/xml; charset=utf-8"));
        let mut message = message.bearer(&token).map_err(|error| CallFailure::NotEws(error.to_string()))?;
        self.trace().request(&mut message);
        let told = |response: HttpResponse| {
            self.trace().response(&response);
            read(&response, parse)
        };
        self.agent.guarded(&host, message, body, told).await
    }
}

fn write(request: Request) -> String {
    let header = RequestHeader { version: Some(ServerVersion::EXCHANGE2013_SP1), impersonation: None };
    Call { header, request }.write()
}

fn create_item(folder: FolderId, items: Vec<Message>) -> Request {
    Request::CreateItem(CreateItem { disposition: MessageDisposition::SaveOnly, folder: Some(folder), items })
}

/// What is sent: in memory, or from the queue part by part.
pub(crate) enum Sent {
    Whole(Bytes),
    Streamed(BodyStream),
}

impl From<String> for Sent {
    fn from(text: String) -> Self {
        Self::Whole(text.into())
    }
}

impl Agent {
    /// One call behind its target's circuit, with what the answer says counted there.
    pub(crate) async fn guarded<T>(
        &self,
        target: &str,
        mut message: HttpRequest,
        body: Sent,
        read: impl FnOnce(HttpResponse) -> Result<T, CallFailure>,
    ) -> Result<T, CallFailure> {
        self.admit(target).map_err(|until| CallFailure::Waiting { target: target.to_owned(), until })?;
        let sent = match body {
            Sent::Whole(body) => {
                message.body = body;
                self.0.http.send(message).await
            }
            Sent::Streamed(stream) => self.0.http.send_streamed(message.timeout(STREAM_TIMEOUT), stream).await,
        };
        let outcome = sent.map_err(not_answered).and_then(read);
        match outcome.as_ref().err().map(verdict::of_call) {
            Some(verdict) if verdict.scope == verdict::Scope::Target => {
                let told = match verdict.next {
                    verdict::Next::Retry(Patience::Told(told)) => Some(told),
                    _ => None,
                };
                self.report(target, Err(told)).await;
            }
            _ => self.report(target, Ok(())).await,
        }
        outcome
    }
}

fn not_answered(error: ClientError) -> CallFailure {
    let never_left = matches!(
        error,
        ClientError::Connect { .. }
            | ClientError::InvalidUrl { .. }
            | ClientError::NameResolution { .. }
            | ClientError::Tls { .. }
            | ClientError::TlsName { .. }
            | ClientError::TlsUntrusted { .. }
    );
    if never_left { CallFailure::NotSent(error) } else { CallFailure::Lost(error) }
}

fn read<T>(response: &HttpResponse, parse: fn(&[u8], usize) -> Parsed<Reply<T>>) -> Result<T, CallFailure> {
    let refused = || CallFailure::Refused {
        status: response.status,
        target: response.url.clone(),
        diagnostics: diagnostics(response),
        retry_after: retry_after(response),
    };
    // A fault comes with 500; everything else that is no success has no SOAP in it.
    if !response.status.is_success() && response.status != StatusCode::INTERNAL_SERVER_ERROR {
        return Err(refused());
    }
    match parse(&response.body, ANSWER_BYTES_MAX) {
        Ok(Reply::Answer(answer)) => Ok(answer),
        Ok(Reply::Fault(fault)) => Err(CallFailure::Fault(fault)),
        Err(_) if !response.status.is_success() => Err(refused()),
        Err(error) => Err(CallFailure::NotEws(format!("{error}{}", media_type(response)))),
    }
}

/// `Retry-After` in seconds; the form with a date is left to our own patience.
pub(crate) fn retry_after(response: &HttpResponse) -> Option<Duration> {
    let seconds = response.header(&http::header::RETRY_AFTER)?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn exactly<T>(count: usize, messages: Vec<T>) -> Result<Vec<T>, CallFailure> {
    if messages.len() == count {
        return Ok(messages);
    }
    Err(CallFailure::NotEws(format!("it has {} response messages for {count} items", messages.len())))
}

fn only<T>(messages: Vec<ResponseMessage<T>>) -> Result<Result<T, Failure>, CallFailure> {
    let message = messages.into_iter().next();
    message
        .map(ResponseMessage::into_result)
        .ok_or_else(|| CallFailure::NotEws("it has no response message".to_owned()))
}
