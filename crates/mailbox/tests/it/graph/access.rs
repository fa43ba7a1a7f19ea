//! Who may, and what the others are told.

use actas_directory::{User, well_known};
use axum::body::Body;
use http::Method;
use serde_json::json;
use uuid::Uuid;

use super::{LENA, add, conversation, message_path};
use crate::world::{APP, EWS_PATH, GRAPH, Reply, Signer, World};

const INBOX: &str = "/users/lena@fabrikam.example/mailFolders/inbox";

async fn ask(world: &World, token: &str, path: &str) -> Reply {
    world.graph_with(token, Method::GET, path, &[], Body::empty()).await
}

#[tokio::test]
async fn an_application_opens_the_mailboxes_of_its_tenant() {
    let world = World::new().await;
    let token = world.graph_token(world.fabrikam, &["Mail.ReadWrite"]);
    for user in ["lena@fabrikam.example", "LENA@fabrikam.example", &world.lena.id.to_string(), "omar@fabrikam.example"]
    {
        ask(&world, &token, &format!("/users/{user}/mailFolders/inbox")).await.told(200);
    }
    let accepted = world.audits("token accepted").await;
    assert_eq!(accepted.len(), 4);
    let record = &accepted[3].details;
    assert_eq!((&record["actor"], &record["user"]), (&json!(APP.to_string()), &json!("lena@fabrikam.example")));
    assert_eq!((&record["operation"], &record["resource"]), (&json!("GetMailFolder"), &json!(format!("{GRAPH}/v1.0"))));
    assert_eq!(record["token"], actas_token::token_hash(&token));
    let reply = world.graph_with(&token, Method::GET, INBOX, &[("client-request-id", "c1")], Body::empty()).await;
    assert_eq!(reply.header("client-request-id"), Some("c1"));
    assert!(reply.header("request-id").is_some_and(|id| Uuid::try_parse(id).is_ok()));
}

#[tokio::test]
async fn nobody_is_told_from_the_user_of_another_tenant() {
    let world = World::new().await;
    let token = world.graph_token(world.fabrikam, &["Mail.ReadWrite"]);
    let eve = world.eve.id.to_string();
    for user in ["nobody@fabrikam.example", "eve@contoso.example", eve.as_str(), &Uuid::nil().to_string()] {
        let reply = ask(&world, &token, &format!("/users/{user}/messages")).await;
        reply.assert_refused(404, "ErrorInvalidUser");
        assert_eq!(reply.json()["error"]["message"], format!("The requested user '{user}' is invalid."));
    }
    ask(&world, &world.graph_token(world.contoso, &["Mail.ReadWrite"]), &format!("/users/{eve}/messages"))
        .await
        .told(200);
    for (number, change) in
        [(301, (|user: &mut User| user.mailbox = false) as fn(&mut User)), (302, |user| user.enabled = false)]
    {
        let mut user = User::new(Uuid::from_u128(number), world.fabrikam, "x", &format!("x{number}@fabrikam.example"));
        change(&mut user);
        world.add_user(&user).await;
        let reply = ask(&world, &token, &format!("/users/{}/messages", user.upn)).await;
        reply.assert_refused(404, "MailboxNotEnabledForRESTAPI");
    }
}

#[tokio::test]
async fn a_permission_counts_in_the_token_and_in_the_directory() {
    let world = World::new().await;
    let made = add(&world, "inbox", &conversation("Lunch", "k")).await;
    let path = message_path(&made);
    // What the directory assigns, what the token says, and what it takes to read, see and write.
    for (assigned, told, expected) in [
        (&["Mail.ReadWrite"][..], &["Mail.ReadWrite"][..], [200, 200, 200]),
        (&["Mail.Read"], &["Mail.Read"], [200, 200, 403]),
        (&["Mail.ReadBasic.All"], &["Mail.ReadBasic.All"], [200, 403, 403]),
        (&["Mail.ReadBasic"], &["Mail.ReadBasic"], [200, 403, 403]),
        (&["Mail.Read"], &["Mail.Read", "Mail.ReadWrite"], [200, 200, 403]),
        (&["Mail.Read", "Mail.ReadWrite"], &["Mail.Read"], [200, 200, 403]),
        (&["Mail.ReadWrite"], &["full_access_as_app"], [403, 403, 403]),
        (&["Mail.Send", "User.ReadWrite.All"], &["Mail.Send", "User.ReadWrite.All"], [403, 403, 403]),
        (&[], &["Mail.ReadWrite"], [403, 403, 403]),
    ] {
        world.grant(world.fabrikam, assigned).await;
        for token in [world.graph_token(world.fabrikam, told), world.graph_acting(&world.lena, &told.join(" "))] {
            let change = json!({ "subject": "x" }).to_string();
            let statuses = [
                ask(&world, &token, &path).await,
                ask(&world, &token, &format!("{path}/$value")).await,
                world.graph_with(&token, Method::PATCH, &path, &[], change).await,
            ];
            let statuses = statuses.map(|reply| {
                if reply.status.as_u16() == 403 {
                    reply.assert_refused(403, "ErrorAccessDenied");
                }
                reply.status.as_u16()
            });
            assert_eq!(statuses, expected, "{assigned:?} {told:?}");
        }
    }
    let refused = world.audits("access refused").await;
    assert_eq!(refused.len(), 1, "of a flood one is recorded");
    assert_eq!(
        (&refused[0].details["rule"], &refused[0].details["reason"]),
        (&json!("V19"), &json!("ErrorAccessDenied"))
    );
    assert_eq!(refused[0].details["mailbox"], "lena@fabrikam.example");
}

#[tokio::test]
async fn basic_reading_shows_nothing_of_the_contents() {
    let world = World::new().await;
    let mut sent = conversation("Lunch", "k");
    sent["internetMessageHeaders"] = json!([{ "name": "x-secret", "value": "v" }]);
    let path = message_path(&add(&world, "inbox", &sent).await);
    world.grant(world.fabrikam, &["Mail.ReadBasic.All"]).await;
    let token = world.graph_token(world.fabrikam, &["Mail.ReadBasic.All"]);
    let list = format!("{LENA}/messages");
    for told in
        [ask(&world, &token, &path).await.told(200), ask(&world, &token, &list).await.told(200)["value"][0].clone()]
    {
        assert_eq!(told["subject"], "Lunch");
        assert!(
            ["body", "bodyPreview", "internetMessageHeaders"].iter().all(|name| told.get(name).is_none()),
            "{told}"
        );
    }
    let filter =
        "singleValueExtendedProperties/any(ep:%20ep/id%20eq%20'String%200x001A'%20and%20startswith(ep/value,'I'))";
    for path in [
        format!("{path}?$select=body"),
        format!("{path}?$select=internetMessageHeaders"),
        format!("{path}?$expand=attachments"),
        format!("{path}?$expand=singleValueExtendedProperties($filter=id%20eq%20'String%200x001A')"),
        format!("{path}/attachments"),
        format!("{list}?$filter={filter}"),
        format!("{list}/$count?$filter=not({filter})"),
    ] {
        ask(&world, &token, &path).await.assert_refused(403, "ErrorAccessDenied");
    }
    assert_eq!(
        ask(&world, &token, &format!("{list}?$filter=isRead%20eq%20true")).await.told(200)["value"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn who_acts_as_a_user_has_that_users_mailbox() {
    let world = World::new().await;
    let token = world.graph_acting(&world.lena, "Mail.ReadWrite");
    let me = ask(&world, &token, "/me/mailFolders/inbox").await.told(200);
    assert_eq!(me, ask(&world, &token, INBOX).await.told(200));
    for user in ["omar@fabrikam.example", "nobody@fabrikam.example", "eve@contoso.example"] {
        ask(&world, &token, &format!("/users/{user}/mailFolders/inbox")).await.assert_refused(403, "ErrorAccessDenied");
    }
    let alone = world.graph_token(world.fabrikam, &["Mail.ReadWrite"]);
    ask(&world, &alone, "/me/mailFolders/inbox").await.assert_refused(400, "BadRequest");
    // Delegation that was taken away counts for nothing any more; for the application alone it never did.
    world.change_app(world.fabrikam, |app| app.trusted_for_delegation = false).await;
    ask(&world, &token, "/me/mailFolders/inbox").await.assert_refused(401, "InvalidAuthenticationToken");
    ask(&world, &alone, INBOX).await.told(200);
}

#[tokio::test]
async fn tokens_are_for_graph_and_of_its_token_service() {
    let world = World::new().await;
    let with = |name: &'static str, value: serde_json::Value| {
        world.graph_token_with(world.fabrikam, |claims| {
            claims["roles"] = json!(["Mail.ReadWrite"]);
            claims[name] = value;
        })
    };
    for good in [
        with("ver", json!("1.0")),
        with("aud", json!("https://graph.microsoft.com")),
        with("aud", json!(well_known::GRAPH)),
    ] {
        ask(&world, &good, INBOX).await.told(200);
    }
    let forged = actas_token::issue::access_token(
        &Signer::stranger().key,
        &json!({ "aud": GRAPH, "iss": format!("https://sts.cloud.example/{}/", world.fabrikam) }),
    );
    for wrong in [
        with("aud", json!(well_known::EXCHANGE)),
        with("aud", json!("https://ews.outlook.cloud.example")),
        with("iss", json!(format!("https://sts.cloud.example/{}/", world.contoso))),
        with("iss", json!(format!("https://stranger.cloud.example/{}/", world.fabrikam))),
        with("tid", json!(world.contoso.to_string())),
        with("oid", json!(Uuid::nil().to_string())),
        with("appid", json!(well_known::LYNC.to_string())),
        with("exp", json!(world.now().as_second() - 400)),
        with("scp", json!("Mail.ReadWrite")),
        with("cnf", json!({ "jkt": "x" })),
        forged.unwrap(),
        world.app_only(world.fabrikam),
        world.act_as(&world.lena),
        "a.b.c".to_owned(),
    ] {
        let reply = ask(&world, &wrong, INBOX).await;
        reply.assert_refused(401, "InvalidAuthenticationToken");
        assert!(reply.header("www-authenticate").is_some_and(|challenge| challenge.starts_with("Bearer realm=")));
    }
    assert!(world.audits("token refused").await.len() > 5);
    let reply = Reply::of(
        world.server.graph_router(),
        http::Request::get(format!("/v1.0{INBOX}")).body(Body::empty()).unwrap(),
    );
    reply.await.assert_refused(401, "InvalidAuthenticationToken");
    // And what Graph takes, EWS does not, though the two are one host in a lab.
    let audience = World::audience(world.fabrikam);
    let claims = json!({ "aud": audience, "scp": "Mail.ReadWrite" });
    let elsewhere = world.graph_acting_with(&world.lena, &claims);
    assert_eq!(world.post(EWS_PATH, &elsewhere, "x").await.status.as_u16(), 401);
}

#[tokio::test]
async fn a_disabled_or_removed_application_is_out_at_once() {
    let world = World::new().await;
    let token = world.graph_token(world.fabrikam, &["Mail.ReadWrite"]);
    ask(&world, &token, INBOX).await.told(200);
    world.change_app(world.fabrikam, |app| app.enabled = false).await;
    ask(&world, &token, INBOX).await.assert_refused(401, "InvalidAuthenticationToken");
    world.change_app(world.fabrikam, |app| app.enabled = true).await;
    ask(&world, &token, INBOX).await.told(200);
    let mut lena = world.lena.clone();
    lena.enabled = false;
    actas_store::directory::Directory::new(world.database.clone())
        .update_user(&lena, world.audit(world.fabrikam))
        .await
        .unwrap();
    let acting = world.graph_acting(&world.lena, "Mail.ReadWrite");
    ask(&world, &acting, "/me/messages").await.assert_refused(401, "InvalidAuthenticationToken");
}

#[tokio::test]
async fn faults_are_told_as_graph_tells_them() {
    use actas_mailbox::FaultKind;
    let world = World::new().await;
    let token = world.graph_token(world.fabrikam, &["Mail.ReadWrite"]);
    for (fault, status, code) in [
        (FaultKind::Http503, 503, "ServiceUnavailable"),
        (FaultKind::InternalErrorInside200, 500, "ErrorInternalServerError"),
        (FaultKind::ServerBusy { back_off_ms: 1500 }, 429, "ApplicationThrottled"),
    ] {
        world.server.set_fault("lena@fabrikam.example", Some(fault));
        let reply = ask(&world, &token, INBOX).await;
        reply.assert_refused(status, code);
        assert_eq!(reply.header("retry-after"), (status == 429).then_some("2"));
    }
    world.server.set_fault("lena@fabrikam.example", None);
    ask(&world, &token, INBOX).await.told(200);
}

#[tokio::test]
async fn without_an_address_there_is_no_graph() {
    let world = World::with(|config| config.graph = None).await;
    let token = world.graph_token(world.fabrikam, &["Mail.ReadWrite"]);
    ask(&world, &token, INBOX).await.assert_refused(400, "BadRequest");
}
