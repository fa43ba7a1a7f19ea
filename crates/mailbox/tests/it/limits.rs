//! Callers that ask for too much.

use std::net::SocketAddr;

use actas_directory::User;
use actas_exchange::ews::{
    BaseShape, ConnectingSid, DistinguishedFolder, FolderShape, GetFolder, Request as Operation,
};
use actas_mailbox::Rates;
use actas_runtime::rate::Rate;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Method, Request, StatusCode};
use jiff::SignedDuration;

use crate::world::{EWS_PATH, Reply, SOAP_PATH, World};

const HERE: &str = "192.0.2.1:1";
const THERE: &str = "192.0.2.2:1";
const FEW: Rate = Rate { per_second: 1, burst: 3 };

async fn world(change: impl FnOnce(&mut Rates)) -> World {
    World::with(|config| change(&mut config.rates)).await
}

/// What is no SOAP is a fault, once its sender is admitted.
async fn ask(world: &World, from: &str, path: &str, token: &str) -> Reply {
    let from: SocketAddr = from.parse().unwrap();
    let request = Request::post(path).header("authorization", format!("Bearer {token}")).extension(ConnectInfo(from));
    world.send(request.body(Body::from("<not-soap/>")).unwrap()).await
}

const ADMITTED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

#[tokio::test]
async fn an_address_and_the_rate_it_has() {
    let world = world(|rates| rates.by_address = FEW).await;
    let token = world.act_as(&world.lena);
    for path in [EWS_PATH, SOAP_PATH, EWS_PATH] {
        assert_eq!(ask(&world, HERE, path, &token).await.status, ADMITTED);
    }
    let reply = ask(&world, HERE, EWS_PATH, &token).await;
    assert_eq!((reply.status, reply.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, Some("1")));
    assert_eq!(ask(&world, THERE, EWS_PATH, &token).await.status, ADMITTED, "another address");
    world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(ask(&world, HERE, EWS_PATH, &token).await.status, ADMITTED, "after Retry-After");
}

#[tokio::test]
async fn an_application_from_anywhere() {
    let world = world(|rates| rates.by_client = FEW).await;
    let token = world.act_as(&world.lena);
    for from in [HERE, THERE, HERE] {
        ask(&world, from, EWS_PATH, &token).await.assert_fault("ErrorSchemaValidation");
    }
    let reply = ask(&world, THERE, EWS_PATH, &token).await;
    reply.assert_fault("ErrorServerBusy");
    assert!(reply.body.contains("BackOffMilliseconds"), "{}", reply.body);
    assert_eq!(ask(&world, THERE, SOAP_PATH, &token).await.status, StatusCode::TOO_MANY_REQUESTS);
    let other = world.act_as(&world.eve);
    ask(&world, THERE, EWS_PATH, &other).await.assert_fault("ErrorSchemaValidation");
}

#[tokio::test]
async fn an_application_has_a_budget_for_each_mailbox() {
    let world = world(|rates| rates.by_mailbox = FEW).await;
    world.grant(world.fabrikam, &["Mail.ReadWrite"]).await;
    let shape = FolderShape::new(BaseShape::IdOnly);
    let get =
        || Operation::GetFolder(GetFolder { shape: shape.clone(), folders: vec![DistinguishedFolder::Inbox.into()] });
    // The application as itself, in the name of a user.
    let ask = async |user: &User| {
        let address = user.primary_smtp().unwrap().parse().unwrap();
        let token = world.app_only(world.fabrikam);
        world.ews_with(&token, Some(ConnectingSid::PrimarySmtpAddress(address)), get()).await
    };
    for _ in 0..2 {
        assert_eq!(ask(&world.lena).await.status, StatusCode::OK);
    }
    // Graph takes from the same budget.
    let of_lena = format!("/users/{}/mailFolders/inbox", world.lena.upn);
    assert_eq!(world.graph(Method::GET, &of_lena, None).await.status, StatusCode::OK);
    let busy = ask(&world.lena).await;
    busy.assert_fault("ErrorServerBusy");
    assert!(busy.body.contains("Name=\"BackOffMilliseconds\">1000<"), "{}", busy.body);
    let busy = world.graph(Method::GET, &of_lena, None).await;
    assert_eq!((busy.status, busy.header("retry-after")), (StatusCode::TOO_MANY_REQUESTS, Some("1")));
    assert_eq!(ask(&world.omar).await.status, StatusCode::OK, "another mailbox");
    assert_eq!(world.ews(&world.lena, get()).await.status, StatusCode::OK, "another application");
    world.clock.advance(SignedDuration::from_millis(1000));
    assert_eq!(ask(&world.lena).await.status, StatusCode::OK, "after BackOffMilliseconds");
}

#[tokio::test]
async fn guessing_ends_and_locks_nobody_else_out() {
    let world = world(|rates| rates.refusals_by_address = FEW).await;
    let token = world.act_as(&world.lena);
    for _ in 0..3 {
        assert_eq!(ask(&world, HERE, EWS_PATH, "a.b.c").await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(ask(&world, HERE, EWS_PATH, &token).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(ask(&world, THERE, EWS_PATH, &token).await.status, ADMITTED);
    world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(ask(&world, HERE, EWS_PATH, &token).await.status, ADMITTED);
}
