//! Mail over Graph's REST shapes (v1.0), on the mailboxes that EWS serves. `docs/graph.md`
//! tells what is served, `openapi/graph-mail-v1.0.json` tells it to programs.

mod answer;
mod attachments;
mod caller;
mod filter;
mod folders;
mod list;
mod messages;
mod openapi;
mod permission;
mod route;

use actas_directory::odata::{self, Options, ResourcePath};
use actas_directory::well_known;
use actas_exchange::graph::from_rest_id;
use actas_runtime::ClientCertificate;
use actas_store::Database;
use actas_token::authorization::{Authorization, Scheme};
use actas_token::dpop::Proofs;
use actas_token::possession::ResourceRequest;
use actas_token::{Refusal, Resource};
use actas_validator::{MetadataSource, Validator, authorization, dpop_challenge, resource_request};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, IF_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Uri};
use jiff::Timestamp;
use std::sync::Arc;
use uuid::Uuid;

use self::answer::GraphError;
use self::caller::GraphCaller;
use self::permission::Operation;
use self::route::{Route, Target};
use crate::arrive::Contents;
use crate::audit::{self, Subject};
use crate::config::{FaultKind, GraphAddress, MailboxConfig};
use crate::ews::OpenMailbox;
use crate::serve::{
    CLIENT_REQUEST_ID, CLIENT_REQUEST_ID_BYTES_MAX, PARSED_INLINE_BYTES_MAX, add_fresh_nonce, drain, read,
};
use crate::trust::{TrustSource, Trusted};
use crate::{Inner, MailboxServer, ids};

pub(crate) use openapi::document;
pub(crate) use route::serves;

/// The host that scopes name which were written for the original.
const PUBLIC_HOST: &str = "graph.microsoft.com";
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// Whom Graph believes, and where it is.
pub(crate) struct GraphSide {
    validator: Validator,
    trust: TrustSource,
    /// Proofs of possession, and those that were used.
    proofs: Proofs,
    /// `https://graph.cloud.example/v1.0`
    base: String,
    authority: String,
}

// === impl GraphSide ===

impl GraphSide {
    pub(crate) fn new(
        address: &GraphAddress,
        config: &MailboxConfig,
        database: Database,
        metadata: Arc<dyn MetadataSource>,
    ) -> Self {
        let uris: Vec<Uri> = address.origins.iter().filter_map(|origin| origin.parse().ok()).collect();
        let own = uris.iter().filter_map(Uri::host).map(str::to_owned);
        let resource = Resource {
            app_id: well_known::GRAPH,
            hosts: own.chain([PUBLIC_HOST.to_owned()]).collect(),
            app_role: None,
            port: uris.iter().find_map(Uri::port_u16),
        };
        let validator = Validator::new(resource, config.limits, metadata);
        let trusted = Trusted::Authority(address.authority.trim_end_matches('/').to_owned());
        let origin = address.origins.first().map_or("", |origin| origin.trim_end_matches('/'));
        Self {
            trust: TrustSource::new(trusted, database, validator.clone(), config.trust_refresh),
            validator,
            proofs: Proofs::new(address.origins.iter().map(String::as_str), config.require_dpop_nonce),
            base: format!("{origin}/v1.0"),
            authority: address.authority.trim_end_matches('/').to_owned(),
        }
    }

    /// The values of `WWW-Authenticate` for a refused request, in Graph's form.
    fn challenges(&self, request: &ResourceRequest<'_>, refusal: &Refusal) -> Vec<String> {
        let read = Authorization::read(request.authorization.iter().copied());
        let scheme = read.ok().map(|read| read.scheme);
        let bearer = (scheme != Some(Scheme::Dpop)).then(|| {
            format!(
                "Bearer realm=\"\", authorization_uri=\"{}/common/oauth2/authorize\", client_id=\"{}\"",
                self.authority,
                well_known::GRAPH
            )
        });
        bearer.into_iter().chain(dpop_challenge(scheme, refusal, Some("invalid_token"))).collect()
    }
}

pub(crate) fn router(server: MailboxServer) -> Router {
    Router::new().fallback(serve).with_state(server)
}

async fn serve(State(server): State<MailboxServer>, request: Request) -> Response {
    let (id, now) = (Uuid::new_v4(), server.0.clock.now());
    let (parts, body) = request.into_parts();
    let client_id = parts.headers.get(&CLIENT_REQUEST_ID).filter(|id| id.len() <= CLIENT_REQUEST_ID_BYTES_MAX);
    let outcome = match &server.0.graph {
        Some(side) => server.0.graph(side, &parts, body, id, now).await,
        None => Err(GraphError::no_segment("v1.0")),
    };
    let mut response = answer::finish(outcome, id, client_id, now);
    if let Some(side) = &server.0.graph {
        add_fresh_nonce(&side.proofs, &parts.headers, now, response.headers_mut());
    }
    response
}

impl Inner {
    async fn graph(
        &self,
        side: &GraphSide,
        parts: &Parts,
        body: Body,
        id: Uuid,
        now: Timestamp,
    ) -> Result<Response, GraphError> {
        let token = authorization(&parts.headers).map(|read| read.token).unwrap_or_default();
        let subject = Subject { token, resource: &side.base, request_id: id, now, mailbox: None };
        let shown = parts.extensions.get::<ClientCertificate>().and_then(|shown| shown.0.as_deref());
        let request = resource_request(&parts.method, parts.uri.path(), &parts.headers, shown);
        let admitted = match self.graph_caller(side, &request, subject).await {
            Ok(caller) => self.graph_target(&caller, parts, subject).await.and_then(|(route, user)| {
                match self.limits.admit_to_mailbox(&caller.caller, &user, now) {
                    Ok(()) => Ok((caller, route, user)),
                    Err(back_off_ms) => Err(GraphError::busy(back_off_ms)),
                }
            }),
            Err(refused) => Err(refused),
        };
        let (caller, route, user) = match admitted {
            Ok(admitted) => admitted,
            Err(refused) => {
                drain(body).await;
                return Err(refused);
            }
        };
        let body = read(&parts.headers, body, self.config.request_bytes_max).await.map_err(GraphError::from)?;
        match self.fault_of(&user) {
            Some(FaultKind::Http503) => return Err(GraphError::unavailable()),
            Some(FaultKind::ServerBusy { back_off_ms }) => return Err(GraphError::busy(back_off_ms)),
            Some(FaultKind::InternalErrorInside200) => return Err(GraphError::internal()),
            None => {}
        }
        let record = self.audit.accepted(subject, &caller.caller, Some(&user.upn), route.name());
        let answer = async {
            let contents = Contents::none();
            let mailbox = OpenMailbox::open(self, &user, &contents, now).await;
            let mailbox = mailbox.map_err(|error| GraphError::storage(&error))?;
            let call = Call {
                mailbox: &mailbox,
                caller: &caller,
                base: &side.base,
                path: parts.uri.path(),
                headers: &parts.headers,
                options: Options::parse(parts.uri.query()),
                body,
            };
            let response = call.perform(route).await?;
            Ok(mailbox.splices.into_response(response, &self.mailboxes).await)
        };
        audit::recorded(record, answer).await.unwrap_or_else(|| Err(GraphError::unavailable()))
    }

    /// What is asked for, of whose mailbox, if the caller may.
    async fn graph_target(
        &self,
        caller: &GraphCaller,
        parts: &Parts,
        subject: Subject<'_>,
    ) -> Result<(Route, actas_directory::User), GraphError> {
        let path = ResourcePath::parse(parts.uri.path())?;
        let (target, route) = Route::of(&path, &parts.method)?;
        let refused = match caller.check(route.operation()) {
            Ok(()) => match caller.user(&self.directory, &target).await {
                Err(refused) if refused.is_denial() => refused,
                user => return user.map(|user| (route, user)),
            },
            Err(refused) => refused,
        };
        let named = match &target {
            Target::Me => "me",
            Target::User(name) => name,
        };
        self.audit.access_refused(subject, &caller.caller, named, route.name(), refused.code()).await;
        Err(refused)
    }
}

/// A request to a mailbox that is admitted.
struct Call<'a> {
    mailbox: &'a OpenMailbox<'a>,
    caller: &'a GraphCaller,
    base: &'a str,
    path: &'a str,
    headers: &'a HeaderMap,
    options: Options,
    body: Bytes,
}

// === impl Call ===

impl Call<'_> {
    async fn perform(&self, route: Route) -> Result<Response, GraphError> {
        match route {
            Route::Folders { parent } => self.list_folders(parent.as_deref()).await,
            Route::AddFolder { parent } => self.add_folder(parent.as_deref()).await,
            Route::Folder { id } => self.tell_one_folder(&id).await,
            Route::ChangeFolder { id } => self.change_folder(&id).await,
            Route::RemoveFolder { id } => self.remove_folder(&id).await,
            Route::Messages { folder } => self.list_messages(folder.as_deref()).await,
            Route::CountMessages { folder } => self.count_messages(folder.as_deref()).await,
            Route::AddMessage { folder } => self.add_message(folder.as_deref()).await,
            Route::Message(at) => self.tell_one_message(&at).await,
            Route::ChangeMessage(at) => self.change_message(&at).await,
            Route::RemoveMessage(at) => self.remove_message(&at).await,
            Route::Mime(at) => self.mime_of(&at).await,
            Route::Transfer(at, kind) => self.transfer(&at, kind).await,
            Route::Files(at) => self.list_files(&at).await,
            Route::AddFile(at) => self.add_file(&at).await,
            Route::File(at, file) => self.tell_file(&at, &file).await,
            Route::FileBytes(at, file) => self.file_bytes(&at, &file).await,
            Route::RemoveFile(at, file) => self.remove_file(&at, &file).await,
        }
    }

    /// Refuses system query options that would be ignored.
    fn check_options(&self, known: &[&str]) -> Result<(), GraphError> {
        Ok(self.options.check(known)?)
    }

    /// What `@odata.context` is, for what is behind the user.
    fn context(&self, behind: &str) -> String {
        format!("{}/$metadata#users('{}'){behind}", self.base, self.mailbox.user.id)
    }

    /// The address of the page that begins behind so many.
    fn next_link(&self, skip: usize) -> String {
        let path = self.path.strip_prefix("/v1.0").unwrap_or(self.path);
        format!("{}{path}?{}", self.base, self.options.with("$skip", &skip.to_string()))
    }

    /// Refuses what takes more than reading the basic properties.
    fn check_contents(&self) -> Result<(), GraphError> {
        self.caller.check(Operation::ReadContents)
    }

    /// Whether the request says which version it means, and that it is another. The version
    /// stands in the ETag as the change key.
    fn check_unchanged(&self, version: i64) -> Result<(), GraphError> {
        match self.if_match() {
            Some(header) if !odata::matches_etag(header, &format!("W/\"{}\"", ids::change_key(version))) => {
                Err(GraphError::changed())
            }
            _ => Ok(()),
        }
    }

    fn if_match(&self) -> Option<&str> {
        // What is no text is no version of ours.
        self.headers.get(IF_MATCH).map(|header| header.to_str().unwrap_or_default())
    }

    /// Whether the body is JSON; without a type it is taken for it.
    fn is_json(&self) -> bool {
        let kind = self.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        kind.is_none_or(|kind| kind.trim_start().to_ascii_lowercase().starts_with("application/json"))
    }

    /// Reads the body, away from the threads that serve others if it is large.
    async fn parse<T: Send + 'static>(
        &self,
        parse: impl FnOnce(&[u8]) -> Result<T, GraphError> + Send + 'static,
    ) -> Result<T, GraphError> {
        let body = self.body.clone();
        if body.len() <= PARSED_INLINE_BYTES_MAX {
            return parse(&body);
        }
        tokio::task::spawn_blocking(move || parse(&body)).await.unwrap_or_else(|_| Err(GraphError::internal()))
    }

    /// The form in which bodies are wanted (`Prefer: outlook.body-content-type="text"`).
    fn body_form(&self) -> Option<actas_exchange::ews::BodyTypeResponse> {
        use actas_exchange::ews::BodyTypeResponse;
        let wanted = self.headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
        let mut wanted = wanted.flat_map(|value| value.split([',', ';'])).map(str::trim);
        let form = wanted.find_map(|one| one.strip_prefix("outlook.body-content-type="))?;
        match form.trim_matches('"') {
            "text" => Some(BodyTypeResponse::Text),
            "html" => Some(BodyTypeResponse::Html),
            _ => None,
        }
    }
}

/// An id in an address as the store's own functions read it.
fn item_id(id: &str) -> actas_exchange::ews::ItemId {
    actas_exchange::ews::ItemId::new(from_rest_id(id))
}
