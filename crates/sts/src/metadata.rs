//! The authentication metadata document, in the dialect of Azure ACS.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Sts;
use crate::token::answer::{Refused, json_answer};

pub(crate) fn routes() -> Router<Sts> {
    Router::new().route("/{tenant}/metadata/json/1", get(by_path)).route("/metadata/json/1", get(by_query))
}

#[derive(Deserialize)]
struct Realm {
    realm: Option<String>,
}

async fn by_path(State(sts): State<Sts>, Path(tenant): Path<String>) -> Response {
    answer(&sts, &tenant).await
}

async fn by_query(State(sts): State<Sts>, Query(Realm { realm }): Query<Realm>) -> Response {
    match realm {
        Some(realm) => answer(&sts, &realm).await,
        None => Refused::no_tenant().answer(&sts, None),
    }
}

async fn answer(sts: &Sts, segment: &str) -> Response {
    let tenant = match sts.tenant(segment).await {
        Ok(Some(tenant)) => tenant,
        Ok(None) => return Refused::unknown_tenant(segment).answer(sts, None),
        Err(error) => return Refused::unavailable(&error).answer(sts, None),
    };
    let (id, origin) = (tenant.id, sts.origin());
    let ring = sts.0.keys.load();
    let keys: Vec<Value> = ring
        .published()
        .iter()
        .map(|(certificate, _)| {
            json!({
                "usage": "signing",
                "keyValue": {
                    "type": "x509Certificate",
                    "value": certificate.to_base64(),
                    "keyInfo": { "x5t": certificate.x5t() },
                },
            })
        })
        .collect();
    json_answer(&json!({
        "version": "1.0",
        "name": "sts",
        "realm": id.to_string(),
        "issuer": Sts::s2s_issuer(id).to_string(),
        "allowedAudiences": sts.allowed_audiences(&tenant),
        "keys": keys,
        "endpoints": [{
            "location": format!("{origin}/{id}/tokens/OAuth/2"),
            "protocol": "OAuth2",
            "usage": "issuance",
        }],
    }))
}
