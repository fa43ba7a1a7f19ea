//! The EWS client: one operation a call, as one user, with a token for the very host.

use std::time::Duration;

use actas_exchange::Result as Parsed;
use actas_exchange::ews::{
    BaseShape, Call, CreateItem, CreateItemResponse, DeleteItem, DeleteItemResponse, DeleteType, Failure, FindItem,
    FindItemResponse, FolderId, GetItem, GetItemResponse, ItemId, ItemShape, Message, MessageDisposition, PropertyPath,
    Request, RequestHeader, Restriction, ServerVersion,
};
use actas_exchange::soap::{Fault, Reply};
use actas_runtime::{ClientError, HttpRequest, HttpResponse};
use actas_token::issue::ActAsUser;
use http::{Method, StatusCode};
use url::Url;

use crate::Agent;
use crate::acquire::TokenFailure;
use crate::discover::{authority, diagnostics};
use crate::item::{StorageItem, delivery_key_uri};

const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Why a call came to nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum EwsFailure {
    #[error("{0}")]
    Token(TokenFailure),
    /// Nothing was sent.
    #[error("{0}")]
    NotSent(ClientError),
    /// It was sent, and what became of it is not known.
    #[error("{0}")]
    Lost(ClientError),
    #[error("The remote server returned an error: ({}){diagnostics}", status.as_u16())]
    Refused { status: StatusCode, diagnostics: String, retry_after: Option<Duration> },
    #[error("{0}")]
    Fault(Fault),
    #[error("the answer is not an EWS answer: {0}")]
    NotEws(String),
}

/// A mailbox as this server reaches it.
pub(crate) struct EwsMailbox<'a> {
    pub(crate) agent: &'a Agent,
    pub(crate) url: Url,
    pub(crate) user: ActAsUser,
}

// === impl EwsMailbox ===

impl EwsMailbox<'_> {
    /// Creates items in one folder, in order. One outcome an item.
    pub(crate) async fn create(
        &self,
        folder: FolderId,
        items: Vec<Message>,
    ) -> Result<Vec<Result<Option<ItemId>, Failure>>, EwsFailure> {
        let count = items.len();
        let request =
            Request::CreateItem(CreateItem { disposition: MessageDisposition::SaveOnly, folder: Some(folder), items });
        let response = self.call(request, CreateItemResponse::parse).await?;
        let created = response.messages.into_iter().map(|message| message.map(|item| item.map(|item| item.id)));
        exactly(count, created.map(actas_exchange::ews::ResponseMessage::into_result).collect())
    }

    /// The item with a key, if it is in a folder.
    pub(crate) async fn find(&self, item: &StorageItem) -> Result<Option<ItemId>, EwsFailure> {
        let folder = item.folder_id().map_err(|error| EwsFailure::NotEws(error.to_string()))?;
        let restriction = Restriction::equals(PropertyPath::Extended(delivery_key_uri()), item.key());
        let response =
            self.call(Request::FindItem(FindItem::ids(folder, restriction)), FindItemResponse::parse).await?;
        let message = response
            .messages
            .into_iter()
            .next()
            .ok_or_else(|| EwsFailure::NotEws("it has no response message".to_owned()))?;
        let page = message.into_result().map_err(|failure| EwsFailure::NotEws(failure.text))?;
        Ok(page.entries.into_iter().find_map(|found| found.item_id))
    }

    /// Reads an item back.
    pub(crate) async fn get(&self, id: ItemId) -> Result<Message, EwsFailure> {
        let shape = ItemShape::new(BaseShape::AllProperties).with(vec![PropertyPath::Extended(delivery_key_uri())]);
        let response = self.call(Request::GetItem(GetItem { shape, items: vec![id] }), GetItemResponse::parse).await?;
        let message = response
            .messages
            .into_iter()
            .next()
            .ok_or_else(|| EwsFailure::NotEws("it has no response message".to_owned()))?;
        message.into_result().map_err(|failure| EwsFailure::NotEws(failure.text))
    }

    /// Removes an item for good.
    pub(crate) async fn delete(&self, id: ItemId) -> Result<(), EwsFailure> {
        let request = Request::DeleteItem(DeleteItem { delete_type: DeleteType::HardDelete, items: vec![id] });
        let response = self.call(request, DeleteItemResponse::parse).await?;
        let message = response
            .messages
            .into_iter()
            .next()
            .ok_or_else(|| EwsFailure::NotEws("it has no response message".to_owned()))?;
        message.into_result().map_err(|failure| EwsFailure::NotEws(failure.text))
    }

    async fn call<T>(&self, request: Request, parse: fn(&[u8], usize) -> Parsed<Reply<T>>) -> Result<T, EwsFailure> {
        let actor = self.agent.actor_token(&authority(&self.url)).await.map_err(EwsFailure::Token)?;
        let token = self.agent.act_as(&actor, &self.user);
        let header = RequestHeader { version: Some(ServerVersion::EXCHANGE2013_SP1), impersonation: None };
        let mut message =
            HttpRequest::new(Method::POST, self.url.as_str()).timeout(REQUEST_TIMEOUT).body_max(ANSWER_BYTES_MAX);
        message.headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/xml; charset=utf-8"));
        message.body = Call { header, request }.write().into();
        let message = message.bearer(&token).map_err(|error| EwsFailure::NotEws(error.to_string()))?;
        let response = self.agent.0.http.send(message).await.map_err(|error| {
            let never_left = matches!(
                error,
                ClientError::Connect { .. }
                    | ClientError::InvalidUrl { .. }
                    | ClientError::NameResolution { .. }
                    | ClientError::Tls { .. }
                    | ClientError::TlsName { .. }
                    | ClientError::TlsUntrusted { .. }
            );
            if never_left { EwsFailure::NotSent(error) } else { EwsFailure::Lost(error) }
        })?;
        read(&response, parse)
    }
}

fn read<T>(response: &HttpResponse, parse: fn(&[u8], usize) -> Parsed<Reply<T>>) -> Result<T, EwsFailure> {
    let refused = || EwsFailure::Refused {
        status: response.status,
        diagnostics: diagnostics(response),
        retry_after: response
            .header(&http::header::RETRY_AFTER)
            .and_then(|text| text.parse().ok())
            .map(Duration::from_secs),
    };
    // A fault comes with 500; everything else that is no success has no SOAP in it.
    if !response.status.is_success() && response.status != StatusCode::INTERNAL_SERVER_ERROR {
        return Err(refused());
    }
    match parse(&response.body, ANSWER_BYTES_MAX) {
        Ok(Reply::Answer(answer)) => Ok(answer),
        Ok(Reply::Fault(fault)) => Err(EwsFailure::Fault(fault)),
        Err(_) if !response.status.is_success() => Err(refused()),
        Err(error) => Err(EwsFailure::NotEws(error.to_string())),
    }
}

fn exactly<T>(count: usize, messages: Vec<T>) -> Result<Vec<T>, EwsFailure> {
    if messages.len() == count {
        return Ok(messages);
    }
    Err(EwsFailure::NotEws(format!("it has {} response messages for {count} items", messages.len())))
}
