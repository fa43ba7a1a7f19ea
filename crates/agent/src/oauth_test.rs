//! `Test-OAuthConnectivity`: a real token, and a real call with it.

use std::time::Duration;

use actas_exchange::autodiscover::{ErrorCode, GetUserSettingsRequest, GetUserSettingsResponse, setting};
use actas_exchange::ews::{
    AlternateId, BaseShape, Call, ConnectingSid, ConvertId, ConvertIdResponse, DistinguishedFolder, FolderShape,
    GetFolder, GetFolderResponse, Request, RequestHeader, ServerVersion,
};
use actas_exchange::soap::Reply;
use actas_runtime::{HttpRequest, HttpResponse};
use actas_token::issue::ActAsUser;
use http::{Method, StatusCode};
use url::Url;

use crate::Agent;
use crate::discover::{authority, diagnostics};
use crate::error::Error;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// What is called (`Service`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OAuthService {
    /// Autodiscover.
    AutoD,
    /// Exchange Web Services.
    Ews,
    /// Anything: that the token is not refused is all that is looked at.
    Generic,
}

/// What to test.
#[derive(Clone, Debug)]
pub struct OAuthTest {
    /// What is called.
    pub service: OAuthService,
    /// Where; `https` only, since a token goes there.
    pub target: Url,
    /// The SMTP address of the user to act as, or whose mailbox an application names.
    pub mailbox: Option<String>,
    /// Whether to call as the application itself.
    pub app_only: bool,
    /// Whether a token that is still good may be used.
    pub use_cached_token: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct OAuthVerdict {
    /// One line each, in the order of events. No token is in it.
    pub trace: Vec<String>,
    /// Why it failed, if it did.
    pub failed: Option<String>,
}

// === impl Agent ===

impl Agent {
    /// Runs the test. What failed is in the verdict, not in the error: that is for this
    /// machine's own failures.
    pub async fn test_oauth(&self, test: &OAuthTest) -> Result<OAuthVerdict, Error> {
        let mut trace = Vec::new();
        if test.target.scheme() != "https" {
            return Err(Error::invalid(format!("`{}` does not begin with https://", test.target))
                .with_hint("a token is sent there, which may not travel in the clear"));
        }
        if !test.use_cached_token {
            self.0.tokens.clear().await;
        }
        let outcome = self.call_with_token(test, &mut trace).await;
        Ok(OAuthVerdict { trace, failed: outcome.err() })
    }

    async fn call_with_token(&self, test: &OAuthTest, trace: &mut Vec<String>) -> Result<(), String> {
        let host = authority(&test.target);
        let actor = self.actor_token(&host).await.map_err(|failure| {
            trace.push(format!("No token for {host}."));
            failure.to_string()
        })?;
        trace.push(format!(
            "The token for {} came from {} and is good until {}.",
            actor.resource, actor.issuer, actor.expires
        ));
        let mailbox = test.mailbox.as_deref();
        let token = if let Some(mailbox) = mailbox.filter(|_| !test.app_only) {
            trace.push(format!("It is used for {mailbox}."));
            self.act_as(&actor, &ActAsUser { upn: None, smtp: Some(mailbox.to_lowercase()), sip: None })
        } else {
            trace.push("It is used for the application itself.".to_owned());
            actor.reveal().to_owned()
        };
        let request = request(test).bearer(&token).map_err(|error| error.to_string())?;
        let response = self.0.http.send(request).await.map_err(|error| error.to_string())?;
        trace.push(format!("{} answered {}.", test.target, response.status));
        judge(test, &response, trace)
    }
}

fn request(test: &OAuthTest) -> HttpRequest {
    let method = if test.service == OAuthService::Generic { Method::GET } else { Method::POST };
    let mut request =
        HttpRequest::new(method, test.target.as_str()).timeout(REQUEST_TIMEOUT).body_max(ANSWER_BYTES_MAX);
    let body = match test.service {
        OAuthService::Generic => return request,
        OAuthService::Ews => ews_call(test).write(),
        OAuthService::AutoD => GetUserSettingsRequest {
            requested_version: Some("Exchange2013".to_owned()),
            to: Some(test.target.to_string()),
            impersonated: None,
            users: test.mailbox.clone().into_iter().collect(),
            settings: vec![setting::EXTERNAL_EWS_URL.to_owned()],
        }
        .write(),
    };
    request.headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/xml; charset=utf-8"));
    request.body = body.into();
    request
}

/// The inbox of a mailbox; without one, what needs none.
fn ews_call(test: &OAuthTest) -> Call {
    let named = test.mailbox.as_deref().and_then(|mailbox| mailbox.parse().ok());
    let request = if named.is_some() {
        Request::GetFolder(GetFolder {
            shape: FolderShape::new(BaseShape::IdOnly),
            folders: vec![DistinguishedFolder::Inbox.into()],
        })
    } else {
        let id = AlternateId { format: "EwsId".into(), id: "DUMMY".into(), mailbox: "DUMMY".into() };
        Request::ConvertId(ConvertId { destination_format: "OwaId".to_owned(), ids: vec![id] })
    };
    let impersonation = named.filter(|_| test.app_only).map(ConnectingSid::SmtpAddress);
    Call { header: RequestHeader { version: Some(ServerVersion::EXCHANGE2013_SP1), impersonation }, request }
}

fn judge(test: &OAuthTest, response: &HttpResponse, trace: &mut Vec<String>) -> Result<(), String> {
    let refused =
        || format!("The remote server returned an error: ({}){}", response.status.as_u16(), diagnostics(response));
    if matches!(response.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return Err(refused());
    }
    match test.service {
        OAuthService::Generic if response.status.is_server_error() => Err(refused()),
        OAuthService::Generic => Ok(()),
        OAuthService::AutoD => match GetUserSettingsResponse::parse(&response.body, ANSWER_BYTES_MAX) {
            Ok(Reply::Answer(answer)) => {
                // That the user is not known there says that the token was good.
                let user = answer.users.first().filter(|user| user.error != ErrorCode::NoError);
                trace.extend(user.map(|user| format!("Autodiscover says {}.", user.error.as_str())));
                Ok(())
            }
            Ok(Reply::Fault(fault)) => Err(fault.to_string()),
            Err(error) if response.status.is_success() => {
                Err(format!("the answer is not one of Autodiscover: {error}"))
            }
            Err(_) => Err(refused()),
        },
        OAuthService::Ews if test.mailbox.is_some() => {
            let failure = match GetFolderResponse::parse(&response.body, ANSWER_BYTES_MAX) {
                Ok(Reply::Answer(answer)) => match answer.messages.into_iter().next() {
                    Some(message) => message.into_result().map(drop).map_err(|failure| failure.text),
                    None => Err("the answer is empty".to_owned()),
                },
                Ok(Reply::Fault(fault)) => Err(fault.to_string()),
                Err(error) if response.status.is_success() => Err(format!("the answer is not one of EWS: {error}")),
                Err(_) => Err(refused()),
            };
            failure.inspect(|()| trace.push("EWS: GetFolder -> NoError".to_owned()))
        }
        OAuthService::Ews => match ConvertIdResponse::parse(&response.body, ANSWER_BYTES_MAX) {
            Ok(Reply::Answer(_)) => Ok(()),
            Ok(Reply::Fault(fault)) => Err(fault.to_string()),
            Err(error) if response.status.is_success() => Err(format!("the answer is not one of EWS: {error}")),
            Err(_) => Err(refused()),
        },
    }
}
