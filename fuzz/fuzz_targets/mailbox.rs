//! The Exchange-like server: a request as text, in which `@token@` is Lync, acting as a user, and
//! `@graph@` the same at Graph.

#![no_main]

use std::cell::RefCell;

use actas_fuzz::mailbox::{CANARY, World, graph_token, token};
use actas_fuzz::request::Text;
use actas_mailbox::MailboxServer;
use http::Method;
use libfuzzer_sys::{Corpus, fuzz_target};

/// Operations that leave everything as it was.
const READING: [&str; 9] = [
    "ConvertId",
    "FindFolder",
    "FindItem",
    "GetAttachment",
    "GetFolder",
    "GetItem",
    "GetServerTimeZones",
    "GetUserSettings",
    "ResolveNames",
];

struct Server {
    world: World,
    token: String,
    graph_token: String,
}

impl Server {
    fn new() -> Self {
        Self { world: World::start(), token: token(), graph_token: graph_token() }
    }
}

thread_local! {
    static SERVER: RefCell<Server> = RefCell::new(Server::new());
}

fuzz_target!(|text: &str| -> Corpus {
    let Some(request) = Text::read(text) else { return Corpus::Reject };
    SERVER.with_borrow_mut(|server| {
        let fill = |text: &str| text.replace("@token@", &server.token).replace("@graph@", &server.graph_token);
        let Some(built) = request.build(fill) else { return Corpus::Reject };
        let is_graph = MailboxServer::serves_graph(built.uri().path());
        let answer = server.world.send(built);
        assert!(!answer.text.contains(CANARY) || text.contains(CANARY), "the mailbox of others: {}", answer.text);
        if is_graph {
            answer.check_graph();
            if answer.status.is_success() && request.method != Method::GET {
                *server = Server::new();
            }
            return Corpus::Keep;
        }
        // A SOAP fault is a 500; what is not the caller's mistake is named so.
        assert!(!answer.text.contains("ErrorInternalServerError"), "{}", answer.text);
        assert!(answer.status.as_u16() <= 500, "{}: {}", answer.status, answer.text);
        assert!(answer.status.as_u16() < 500 || answer.text.contains("Fault"), "{}: {}", answer.status, answer.text);
        let operation = answer.text.split("Response ").next().and_then(|start| start.rsplit(['<', ':']).next());
        let reads = operation.is_some_and(|operation| READING.contains(&operation));
        if answer.status.is_success() && !reads {
            *server = Server::new();
        }
        Corpus::Keep
    })
});
