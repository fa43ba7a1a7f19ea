//! Refused requests on record: who is said to have asked for what, and why not. Never what
//! was sent as proof, only its hash.

use actas_directory::TenantId;
use actas_directory::refusal::short;
use actas_store::directory::Audit;
use actas_token::jws::{Compact, Reading};
use actas_token::{Principal, token_hash};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::answer::Refused;
use crate::Sts;
use crate::limit::Peer;

/// What a request claims, without regard to whether it is true.
#[derive(Debug, Default)]
struct Claimed {
    grant: Option<String>,
    actor: Option<String>,
    resource: Option<String>,
    assertion: Option<String>,
}

/// Records a refusal, unless the same happened just now. The request is refused whether it
/// can be recorded or not; one that is answered "later" is not refused.
pub(super) async fn record(sts: &Sts, segment: &str, body: &[u8], refused: &Refused, peer: Peer, now: Timestamp) {
    if refused.is_temporary() {
        return;
    }
    let claimed = Claimed::read(body);
    let rule = format!("AADSTS{}", refused.code());
    let Some(unrecorded) = sts.0.refusals.admit(&rule, claimed.actor.as_deref(), now) else {
        return;
    };
    let details = json!({
        "grant": claimed.grant,
        "actor": claimed.actor,
        "resource": claimed.resource,
        "rule": rule,
        "reason": short(refused.text()),
        "from": peer.address().map(|address| address.to_string()),
        "assertionHash": claimed.assertion.as_deref().map(token_hash),
        "unrecorded": unrecorded,
    });
    // A tenant that does not exist has no records: they are nobody's.
    let tenant = match sts.tenant(segment).await {
        Ok(tenant) => tenant.map_or(TenantId(Uuid::nil()), |tenant| tenant.id),
        Err(error) => return tracing::error!(%error, "a refusal could not be recorded"),
    };
    if let Err(error) = sts.0.directory.record(Audit { time: now, tenant, kind: "token refused", details }).await {
        tracing::error!(%error, "a refusal could not be recorded");
    }
}

// === impl Claimed ===

impl Claimed {
    fn read(body: &[u8]) -> Self {
        let mut claimed = Self::default();
        let mut client = None;
        for (name, value) in url::form_urlencoded::parse(body) {
            match name.as_ref() {
                "grant_type" => claimed.grant = Some(short(&value)),
                "client_id" => client = Some(short(&value)),
                "resource" | "scope" | "audience" => claimed.resource = Some(short(&value)),
                "assertion" | "client_assertion" => claimed.assertion = Some(value.into_owned()),
                _ => {}
            }
        }
        claimed.actor = client.or_else(|| claimed.assertion.as_deref().and_then(issuer));
        claimed
    }
}

/// The application that an assertion says it is of.
fn issuer(assertion: &str) -> Option<String> {
    let assertion = Compact::parse(assertion, Reading::Lenient).ok()?;
    let issuer = assertion.claims.optional_text("iss").ok().flatten()?;
    Some(issuer.parse::<Principal>().map_or_else(|_| short(issuer), |principal| principal.app_id.to_string()))
}
