//! An axum service that admits server-to-server tokens.
//!
//! `cargo run -p actas-validator --features tower --example axum` shows what a caller
//! without a token is told.

#![allow(clippy::print_stdout)]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actas_token::{Accepted, How, KeySource, Limits, Partner, Resource, TenantId, TrustLevel, well_known};
use actas_validator::{AdmitLayer, Configuration, ConfiguredIssuer, IssuerKind, MetadataSource, Validator};
use axum::routing::get;
use axum::{Extension, Router};
use jiff::Timestamp;
use tower::ServiceExt;

/// The service: whoever reaches a handler came with a good token. `now` is the clock, of
/// which the library has none.
pub fn service(validator: Validator, now: fn() -> Timestamp) -> Router {
    Router::new().route("/whoami", get(who)).layer(AdmitLayer::new(validator, now))
}

/// Says who called. A real service looks up every id of the user in `caller.tenant` and
/// lets `UserClaims::agree` decide who it is.
async fn who(Extension(caller): Extension<Accepted>) -> String {
    match caller.how {
        How::AppOnly => format!("application {} of tenant {}", caller.app_id, caller.tenant),
        How::ActAs(user) => format!(
            "application {} as {:?} of tenant {}",
            caller.app_id,
            user.keys().collect::<Vec<_>>(),
            caller.tenant
        ),
    }
}

/// Whom the service trusts: the token service of one tenant, and Lync as its partner.
pub fn trusted(tenant: TenantId, metadata_url: &str) -> Configuration {
    Configuration {
        issuers: vec![ConfiguredIssuer {
            kind: IssuerKind::TokenService { app_id: well_known::STS, realm: tenant.to_string() },
            metadata_url: metadata_url.to_owned(),
        }],
        partners: vec![Partner {
            tenant,
            app_id: well_known::LYNC,
            enabled: true,
            trust_level: TrustLevel::Full,
            key_source: KeySource::TokenService,
            act_as: true,
            sts_issued_act_as: true,
            accept_sids: false,
            linked_account: Some("lync-application".to_owned()),
        }],
        realms: [(tenant.to_string(), tenant)].into(),
    }
}

/// What the service is called in an audience.
pub fn resource(host: &str) -> Resource {
    Resource { app_id: well_known::EXCHANGE, hosts: vec![host.to_owned()], app_role: None, port: None }
}

/// Fetches with your HTTP client: https only, no redirects, at most 1 MiB, ten seconds.
struct Nothing;

impl MetadataSource for Nothing {
    fn fetch<'a>(&'a self, url: &'a str) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'a>> {
        Box::pin(async move { Err(format!("`{url}` is not fetched by this example")) })
    }
}

// A server of your own asks the time; here it is the one place.
#[allow(clippy::disallowed_methods)]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let validator = Validator::new(resource("mail.contoso.example"), Limits::default(), Arc::new(Nothing));
    let tenant = "11112222-3333-4444-5555-666677778888".parse()?;
    validator.configure(&trusted(tenant, "https://sts.contoso.example/metadata/json/1"));
    let request = axum::extract::Request::get("/whoami").body(axum::body::Body::empty())?;
    println!("{:?}", service(validator, Timestamp::now).oneshot(request).await?.headers());
    Ok(())
}
