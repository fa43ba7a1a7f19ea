//! A peer on real TLS: a token service, Autodiscover and EWS whose answers a test
//! scripts, and which remembers what it was sent.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actas_agent::{Agent, ConfigurationChange, NewOAuthServer, NewPartner, PartnerProof, Use};
use actas_certificate::{Authority, issue};
use actas_directory::onprem::ApplicationTrustLevel;
use actas_directory::well_known;
use actas_exchange::autodiscover::{GetUserSettingsResponse, UserResponse, UserSetting, setting};
use actas_exchange::ews::{
    BaseShape, Call, CreateItemResponse, DeleteItemResponse, Event, EventObject, EventType, ExtendedProperty, Failure,
    FindItemResponse, FolderKey, GetEvents, GetEventsResponse, ItemId, ItemShape, Message, Notification, Page, Request,
    ResponseCode, ResponseMessage, SubscribeResponse, Subscribed, UnsubscribeResponse,
};
use actas_runtime::hosts::HostEntry;
use actas_runtime::{
    ClientOptions, HostTable, HttpClient, Limits, Server, SharedClock, SystemClock, TlsIdentity, listener,
};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::json;
use uuid::Uuid;

pub const STS: &str = "sts.cloud.example";
pub const AUTODISCOVER: &str = "autodiscover.cloud.example";
pub const EWS: &str = "ews.cloud.example";
/// Leads to the peer and is on no allow-list.
pub const STRANGER: &str = "autodiscover.stranger.example";
/// Leads to the peer and is not in its certificate.
pub const UNNAMED: &str = "autodiscover.fabrikam.example";
pub const GRAPH: &str = "graph.cloud.example";
pub const USER: &str = "adele@fabrikam.example";

/// One request as the peer saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub host: String,
    pub path: String,
    pub query: String,
    pub method: Method,
    pub token: bool,
    pub body: String,
}

/// What the peer does with EWS requests that create.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Creating {
    /// Keeps the item and says so.
    Answers,
    /// Keeps the item, and the answer is lost.
    KeepsAndFails,
    /// Keeps nothing.
    Refuses(StatusCode),
    /// Keeps nothing, and says for how long to stay away.
    Throttles(&'static str),
    /// Keeps nothing, and says so in a fault with a time to stay away, in milliseconds.
    Busy(u64),
}

/// What the peer does about subscriptions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Notifying {
    /// Tells of each item, and of others before it, in several answers.
    #[default]
    Tells,
    /// Says each time that nothing happened.
    StaysSilent,
    /// Makes no subscription.
    RefusesToSubscribe,
    /// Makes one, and does not know it the next time.
    Forgets,
    /// Makes one, and refuses whoever asks.
    RefusesToTell(StatusCode),
}

type Autodiscover = Arc<dyn Fn(&Seen) -> Response + Send + Sync>;

#[derive(Clone)]
pub struct Peer(Arc<Inner>);

struct Inner {
    pub seen: Mutex<Vec<Seen>>,
    autodiscover: Mutex<Autodiscover>,
    creating: Mutex<Vec<Creating>>,
    notifying: Mutex<Notifying>,
    subscriptions: Mutex<Vec<String>>,
    pub kept: Mutex<Vec<Message>>,
    token_status: Mutex<StatusCode>,
    /// A request with an item of this subject is refused whole.
    poison: Mutex<Option<(String, StatusCode)>>,
    graph: Mutex<Graph>,
    hostile: Mutex<Option<fn() -> Response>>,
}

type Graph = Option<Arc<dyn Fn(&Seen) -> Response + Send + Sync>>;

pub struct Scene {
    pub peer: Peer,
    pub agent: Agent,
    pub servers: Vec<Server>,
    pub authority: Authority,
    options: ClientOptions,
    folder: tempfile::TempDir,
    http: HttpClient,
}

impl Peer {
    fn new() -> Self {
        Self(Arc::new(Inner {
            seen: Mutex::default(),
            autodiscover: Mutex::new(Arc::new(|_| settings(&format!("https://{EWS}/EWS/Exchange.asmx")))),
            creating: Mutex::default(),
            notifying: Mutex::default(),
            subscriptions: Mutex::default(),
            kept: Mutex::default(),
            token_status: Mutex::new(StatusCode::OK),
            poison: Mutex::default(),
            graph: Mutex::default(),
            hostile: Mutex::default(),
        }))
    }

    pub fn autodiscover(&self, answer: impl Fn(&Seen) -> Response + Send + Sync + 'static) {
        *self.0.autodiscover.lock().unwrap() = Arc::new(answer);
    }

    /// What happens to the next creations, first first; later ones are answered.
    pub fn creating(&self, script: &[Creating]) {
        *self.0.creating.lock().unwrap() = script.iter().rev().copied().collect();
    }

    pub fn notifying(&self, script: Notifying) {
        *self.0.notifying.lock().unwrap() = script;
    }

    /// How many subscriptions were made and not ended.
    pub fn subscriptions(&self) -> usize {
        self.0.subscriptions.lock().unwrap().len()
    }

    pub fn token_status(&self, status: StatusCode) {
        *self.0.token_status.lock().unwrap() = status;
    }

    /// Refuses every request with an item of a subject.
    pub fn poison(&self, subject: &str, status: StatusCode) {
        *self.0.poison.lock().unwrap() = Some((subject.to_owned(), status));
    }

    /// What answers for EWS instead.
    pub fn hostile(&self, answer: Option<fn() -> Response>) {
        *self.0.hostile.lock().unwrap() = answer;
    }

    /// What answers for Graph.
    pub fn graph(&self, answer: impl Fn(&Seen) -> Response + Send + Sync + 'static) {
        *self.0.graph.lock().unwrap() = Some(Arc::new(answer));
    }

    pub fn messages(&self) -> Vec<Message> {
        self.0.kept.lock().unwrap().clone()
    }

    /// An item is there already, with its delivery key.
    pub fn keep(&self, key: &str) {
        let message = Message {
            item_id: Some(ItemId::new(Uuid::new_v4().to_string())),
            subject: Some(key.to_owned()),
            extended: vec![ExtendedProperty::public_string("ActasDeliveryKey", key)],
            ..Message::default()
        };
        self.0.kept.lock().unwrap().push(message);
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.0.seen.lock().unwrap().clone()
    }

    pub fn kept(&self) -> Vec<String> {
        self.0.kept.lock().unwrap().iter().map(|message| message.subject.clone().unwrap_or_default()).collect()
    }
}

pub fn settings(ews_url: &str) -> Response {
    let user = UserResponse::new(vec![UserSetting::new(setting::EXTERNAL_EWS_URL, ews_url)], Vec::new());
    xml(GetUserSettingsResponse::new(vec![user]).write())
}

pub fn redirect(target: impl Into<String>) -> Response {
    (StatusCode::FOUND, [("location", target.into())]).into_response()
}

pub fn xml(text: String) -> Response {
    (StatusCode::OK, [("content-type", "text/xml; charset=utf-8")], text).into_response()
}

// Bodies of tests are large at times, and all of them are ours.
async fn answer(State(peer): State<Peer>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let host = uri
        .host()
        .map(str::to_owned)
        .or_else(|| headers.get("host").and_then(|host| host.to_str().ok()).map(str::to_owned));
    let bearer = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let seen = Seen {
        host: host.unwrap_or_default(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        method,
        token: bearer.len() > "Bearer ".len(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    peer.0.seen.lock().unwrap().push(seen.clone());
    match uri.path() {
        "/token" => token(&peer, &body),
        "/EWS/Exchange.asmx" => {
            let hostile = *peer.0.hostile.lock().unwrap();
            hostile.map_or_else(|| ews(&peer, &body), |answer| answer())
        }
        path if path.starts_with("/v1.0/") || path.starts_with("/upload/") => {
            let script = peer.0.graph.lock().unwrap().clone();
            script.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |script| script(&seen))
        }
        path if path.ends_with("/oauth2/v2.0/token") => token(&peer, &body),
        path if path.to_ascii_lowercase().starts_with("/autodiscover/") => {
            let script = peer.0.autodiscover.lock().unwrap().clone();
            script(&seen)
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

fn token(peer: &Peer, body: &[u8]) -> Response {
    let status = *peer.0.token_status.lock().unwrap();
    if status != StatusCode::OK {
        let body = json!({"error": "invalid_client", "error_description": "AADSTS50012: The key was not found."});
        return (status, axum::Json(body)).into_response();
    }
    let resource =
        url::form_urlencoded::parse(body).find(|(name, _)| name == "resource").map(|(_, value)| value.into_owned());
    axum::Json(json!({"token_type": "Bearer", "expires_in": "3600", "resource": resource, "access_token": "a.b.c"}))
        .into_response()
}

fn ews(peer: &Peer, body: &[u8]) -> Response {
    match Call::parse(body, 1 << 26).unwrap().request {
        Request::CreateItem(create) => {
            let step = peer.0.creating.lock().unwrap().pop().unwrap_or(Creating::Answers);
            match step {
                Creating::Refuses(status) => return status.into_response(),
                Creating::Throttles(seconds) => {
                    return (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", seconds)]).into_response();
                }
                Creating::Busy(milliseconds) => return busy(milliseconds),
                Creating::Answers | Creating::KeepsAndFails => {}
            }
            let poison = peer.0.poison.lock().unwrap().clone();
            if let Some((subject, status)) = poison
                && create.items.iter().any(|item| item.subject.as_ref() == Some(&subject))
            {
                return status.into_response();
            }
            let mut kept = peer.0.kept.lock().unwrap();
            let mut messages = Vec::new();
            for mut item in create.items {
                let id = ItemId::new(Uuid::new_v4().to_string());
                item.item_id = Some(id.clone());
                kept.push(item);
                messages.push(ResponseMessage::Success(Some(id.into())));
            }
            if step == Creating::KeepsAndFails {
                return StatusCode::BAD_GATEWAY.into_response();
            }
            xml(CreateItemResponse { messages }.write())
        }
        Request::FindItem(find) => {
            let kept = peer.0.kept.lock().unwrap();
            let fits =
                |message: &&Message| find.restriction.as_ref().is_none_or(|wanted| wanted.matches(*message).unwrap());
            let found: Vec<Message> = kept.iter().filter(fits).cloned().collect();
            let total = u32::try_from(found.len()).unwrap();
            let page = Page::new(found, 0, total);
            xml(FindItemResponse { messages: vec![ResponseMessage::Success(page)] }
                .write(&ItemShape::new(BaseShape::IdOnly)))
        }
        Request::DeleteItem(delete) => {
            let mut kept = peer.0.kept.lock().unwrap();
            let known = |item: &Message| item.item_id.as_ref().is_some_and(|id| delete.items.contains(id));
            kept.retain(|item| !known(item));
            let messages = delete.items.iter().map(|_| ResponseMessage::Success(())).collect();
            xml(DeleteItemResponse { messages }.write())
        }
        Request::Subscribe(asked) => {
            assert_eq!(asked.events, [EventType::Created]);
            if *peer.0.notifying.lock().unwrap() == Notifying::RefusesToSubscribe {
                let why = Failure::new(ResponseCode::ErrorExceededSubscriptionCount, "Too many subscriptions.");
                return xml(SubscribeResponse { messages: vec![ResponseMessage::Error(why)] }.write());
            }
            let subscription = Uuid::new_v4().to_string();
            peer.0.subscriptions.lock().unwrap().push(subscription.clone());
            let subscribed = Subscribed { subscription, watermark: "0".into() };
            xml(SubscribeResponse { messages: vec![ResponseMessage::Success(subscribed)] }.write())
        }
        Request::GetEvents(asked) => events(peer, &asked),
        Request::Unsubscribe(asked) => {
            let mut open = peer.0.subscriptions.lock().unwrap();
            let before = open.len();
            open.retain(|subscription| *subscription != asked.subscription);
            let message = if open.len() < before { ResponseMessage::Success(()) } else { not_subscribed() };
            xml(UnsubscribeResponse { messages: vec![message] }.write())
        }
        other => panic!("{}", other.name()),
    }
}

/// One event an answer: first of a stranger's item, then of those that are kept.
fn events(peer: &Peer, asked: &GetEvents) -> Response {
    let script = *peer.0.notifying.lock().unwrap();
    if let Notifying::RefusesToTell(status) = script {
        return status.into_response();
    }
    if script == Notifying::Forgets {
        peer.0.subscriptions.lock().unwrap().clear();
    }
    if !peer.0.subscriptions.lock().unwrap().contains(&asked.subscription) {
        return xml(GetEventsResponse { messages: vec![not_subscribed()] }.write());
    }
    let seen: usize = asked.watermark.parse().unwrap();
    let stranger = ItemId::new("stranger");
    let kept = peer.0.kept.lock().unwrap();
    let all = || std::iter::once(&stranger).chain(kept.iter().filter_map(|item| item.item_id.as_ref()));
    let object = all().nth(seen).filter(|_| script == Notifying::Tells).cloned();
    let watermark = if object.is_some() { (seen + 1).to_string() } else { asked.watermark.clone() };
    let event = object.map(|id| Event {
        kind: EventType::Created,
        watermark: watermark.clone(),
        time: SystemClock::shared().now(),
        object: EventObject::Item(id),
        parent: FolderKey::new("folder"),
    });
    let notification = Notification {
        subscription: asked.subscription.clone(),
        previous_watermark: asked.watermark.clone(),
        more_events: event.is_some() && all().nth(seen + 1).is_some(),
        events: event.into_iter().collect(),
        watermark,
    };
    xml(GetEventsResponse { messages: vec![ResponseMessage::Success(notification)] }.write())
}

fn not_subscribed<T>() -> ResponseMessage<T> {
    ResponseMessage::error(ResponseCode::ErrorSubscriptionNotFound, "Subscription was not found.")
}

/// `ErrorServerBusy` as the vendor's servers write it.
fn busy(milliseconds: u64) -> Response {
    let text = format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault>\
         <faultcode xmlns:a=\"http://schemas.microsoft.com/exchange/services/2006/types\">a:ErrorServerBusy</faultcode>\
         <faultstring xml:lang=\"en-US\">The server cannot service this request right now. Try again later.</faultstring>\
         <detail><e:ResponseCode xmlns:e=\"http://schemas.microsoft.com/exchange/services/2006/errors\">ErrorServerBusy</e:ResponseCode>\
         <t:MessageXml xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">\
         <t:Value Name=\"BackOffMilliseconds\">{milliseconds}</t:Value></t:MessageXml></detail></s:Fault></s:Body></s:Envelope>"
    );
    (StatusCode::INTERNAL_SERVER_ERROR, [("content-type", "text/xml; charset=utf-8")], text).into_response()
}

impl Scene {
    /// A trust that stands, with Autodiscover over https.
    pub async fn set() -> Self {
        Self::set_at(SystemClock::shared()).await
    }

    /// The same by another clock.
    pub async fn set_at(clock: SharedClock) -> Self {
        let now = clock.now();
        let authority = Authority::create("test", now - Duration::from_hours(1), Duration::from_hours(100)).unwrap();
        let names: Vec<_> =
            [STS, AUTODISCOVER, EWS, STRANGER, GRAPH].iter().map(|name| name.parse().unwrap()).collect();
        let server = authority.issue_server(&names, now, Duration::from_hours(10)).unwrap();
        let identity = TlsIdentity::new(vec![server.certificate().der().to_vec()], server.key().pkcs8_der().to_vec());
        let peer = Peer::new();
        let router = || {
            Router::new().fallback(answer).layer(axum::extract::DefaultBodyLimit::disable()).with_state(peer.clone())
        };
        let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
        let (bound, bound_http) = (listener::bind(loopback).unwrap(), listener::bind(loopback).unwrap());
        let (https, plain) = (bound.local_addr(), bound_http.local_addr());
        let servers = vec![
            listener::serve_tls(bound, router(), identity, &Limits::default()).unwrap(),
            listener::serve_plain(bound_http, router(), &Limits::default()).unwrap(),
        ];
        let mut hosts = HostTable::default();
        for name in [STS, AUTODISCOVER, EWS, STRANGER, UNNAMED, GRAPH] {
            hosts.add(HostEntry::new(name, 443, https).unwrap()).unwrap();
            hosts.add(HostEntry::new(name, 80, plain).unwrap()).unwrap();
        }
        let options = ClientOptions {
            hosts,
            extra_roots: vec![authority.certificate().to_tls()],
            only_extra_roots: true,
            ..ClientOptions::default()
        };
        let http = HttpClient::new(&options).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let agent = Agent::open(folder.path(), http.clone(), clock).unwrap();
        let scene = Self { peer, agent, servers, authority, options, folder, http };
        scene.trust().await;
        scene
    }

    /// The same settings and queue, as after a restart.
    pub fn reopened(&self) -> Agent {
        Agent::open(self.folder.path(), self.http.clone(), SystemClock::shared()).unwrap()
    }

    /// As a process that just started: without connections or tokens.
    pub fn fresh(&self) -> Agent {
        let http = HttpClient::new(&self.options).unwrap();
        Agent::open(self.folder.path(), http, self.agent.clock().clone()).unwrap()
    }

    pub fn http(&self) -> HttpClient {
        self.http.clone()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    async fn trust(&self) {
        let agent = &self.agent;
        let now = agent.clock().now();
        let own =
            agent.certificates().make("fabrikam.example", &[], 2048, Duration::from_hours(24 * 365), now).unwrap();
        agent.certificates().set(Use::OAuthTokenIssuer, own.thumbprint(), now).await.unwrap();
        self.add_oauth_server().await;
        let partner = NewPartner {
            name: "microsoft.exchange".into(),
            application_identifier: Some(well_known::EXCHANGE),
            application_trust_level: ApplicationTrustLevel::Full,
            proof: PartnerProof::OAuthServer,
            realm: None,
            accept_security_identifier_information: false,
            enabled: true,
        };
        agent.new_partner(&partner).await.unwrap();
        self.configure(&format!("https://{AUTODISCOVER}/autodiscover/autodiscover.svc"), "*.cloud.example").await;
    }

    /// The token service's metadata is served by the Autodiscover script for a moment.
    async fn add_oauth_server(&self) {
        let now = self.agent.clock().now();
        let sts = issue::self_signed("sts", &[], now, Duration::from_hours(100), 2048).unwrap();
        let metadata = json!({
            "issuer": format!("{}@{}", well_known::STS, Uuid::from_u128(7)),
            "keys": [{"usage": "signing", "keyValue": {"type": "x509Certificate", "value": sts.certificate().to_base64()}}],
            "endpoints": [{"location": format!("https://{STS}/token"), "protocol": "OAuth2", "usage": "issuance"}],
        });
        self.peer.autodiscover(move |_| axum::Json(metadata.clone()).into_response());
        let new = NewOAuthServer {
            name: "microsoft.sts".into(),
            metadata_url: format!("https://{STS}/autodiscover/metadata/json/1"),
            ..NewOAuthServer::default()
        };
        self.agent.new_oauth_server(&new, &[]).await.unwrap();
        self.peer.autodiscover(|_| settings(&format!("https://{EWS}/EWS/Exchange.asmx")));
        self.peer.0.seen.lock().unwrap().clear();
    }

    pub async fn configure(&self, url: &str, allowed: &str) {
        let change = ConfigurationChange {
            exchange_autodiscover_url: Some(url.into()),
            exchange_autodiscover_allowed_domains: Some(allowed.into()),
            ..ConfigurationChange::default()
        };
        self.agent.set_oauth_configuration(&change).await.unwrap();
    }

    /// Ids of the event log, oldest first.
    pub async fn event_ids(&self) -> Vec<u32> {
        let rows = self.agent.events().read(&actas_store::events::EventQuery::default()).await.unwrap();
        let events = rows.iter().map(|row| serde_json::from_str::<actas_runtime::Event>(&row.document).unwrap());
        events.map(|event| event.id).filter(|id| *id < 45_000).collect()
    }
}
