//! Whether a resource believes a token, behind the signature: the input is a header and a payload
//! that are signed by whom the first line names, or an envelope around such a token.
//!
//! ```text
//! sts                              who signs the actor token
//! {"typ":"JWT","alg":"none"}       the header and
//! {"actortoken":"@actor@",…}       the payload of the envelope, unsigned
//! {"typ":"JWT","alg":"ES256",…}    those of the actor token, if there is one
//! {…}
//! ```

#![no_main]

use std::sync::LazyLock;

use actas_fuzz::NOW;
use actas_fuzz::signer::{By, PARTNER, STS};
use actas_token::Possession;
use actas_token::accept::accept_from;
use actas_token::{
    How, Issuer, IssuerKeys, KeySource, Limits, Partner, RealmRule, Resource, TenantId, Trust, TrustLevel, Voice,
    well_known,
};
use libfuzzer_sys::fuzz_target;
use uuid::{Uuid, uuid};

const TENANT: TenantId = TenantId(uuid!("11112222-3333-4444-5555-666677778888"));
const OTHER: TenantId = TenantId(uuid!("99992222-3333-4444-5555-666677778888"));
/// Calls as itself alone.
const SERVICE: Uuid = uuid!("0a990000-0000-4000-8000-000000000001");
/// Issues its own tokens.
const OWN: Uuid = uuid!("0a990000-0000-4000-8000-000000000002");
/// Is switched off.
const OFF: Uuid = uuid!("0a990000-0000-4000-8000-000000000003");

static TRUST: LazyLock<Trust> = LazyLock::new(|| {
    let sts = |issuer| IssuerKeys { issuer, voice: Voice::TokenService, keys: [STS.verifying()].into() };
    let partner = |app_id, trust_level| Partner {
        tenant: TENANT,
        app_id,
        enabled: app_id != OFF,
        trust_level,
        key_source: KeySource::TokenService,
        act_as: app_id != SERVICE,
        sts_issued_act_as: app_id != SERVICE,
        accept_sids: app_id == well_known::LYNC,
        linked_account: Some("application".into()),
    };
    let own =
        Partner { key_source: KeySource::Own { realm: "onprem.example".into() }, ..partner(OWN, TrustLevel::Full) };
    Trust {
        issuers: vec![
            sts(Issuer::Principal(well_known::STS, RealmRule::Exactly(TENANT.to_string()))),
            sts(Issuer::Url(format!("https://sts.cloud.example/{TENANT}/"), TENANT)),
            IssuerKeys {
                issuer: Issuer::Principal(OWN, RealmRule::Exactly("onprem.example".into())),
                voice: Voice::Partner(TENANT),
                keys: [PARTNER.verifying()].into(),
            },
        ],
        partners: vec![
            partner(well_known::LYNC, TrustLevel::Full),
            partner(SERVICE, TrustLevel::Application),
            partner(OFF, TrustLevel::Full),
            own,
        ],
        realms: [TENANT, OTHER].into_iter().map(|tenant| (tenant.to_string(), tenant)).collect(),
    }
});

static RESOURCE: LazyLock<Resource> = LazyLock::new(|| Resource {
    app_id: well_known::EXCHANGE,
    hosts: vec!["mail.fabrikam.example".into()],
    app_role: Some("full_access_as_app".into()),
    port: Some(8443),
});

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let by = lines.next().and_then(By::named);
    let (Some(by), Some(header), Some(payload)) = (by, lines.next(), lines.next()) else {
        // Nobody has the keys: a bare text is never a token.
        assert!(judged(text, Possession::default()).is_none(), "a token without a signer");
        return;
    };
    let enveloped = lines.next().zip(lines.next());
    let token = match enveloped {
        Some((inner_header, inner_payload)) => {
            let actor = by.token(inner_header, inner_payload);
            By::Nobody.token(header, &payload.replace("@actor@", &actor))
        }
        None => by.token(header, payload),
    };
    let thumbprint = PARTNER.public().thumbprint();
    for possession in [Possession::default(), Possession { jkt: Some(&thumbprint), certificate: None }] {
        let Some(accepted) = judged(&token, possession) else { continue };
        assert!(matches!(by, By::Sts | By::Partner), "{by:?} was believed");
        assert_eq!(accepted.tenant, TENANT, "a tenant that trusts nobody");
        assert!(NOW <= accepted.expires + Limits::default().skew, "it ended before");
        let partner = TRUST.partners.iter().find(|partner| partner.app_id == accepted.app_id).expect("a partner");
        assert!(partner.enabled, "a partner that is switched off");
        assert_eq!(partner.app_id == OWN, by == By::Partner, "the key of another");
        match accepted.how {
            How::AppOnly => assert!(enveloped.is_none() && accepted.linked_account.is_some()),
            How::ActAs(user) => {
                assert_eq!(partner.trust_level, TrustLevel::Full);
                assert!(if enveloped.is_some() { partner.act_as } else { partner.sts_issued_act_as });
                assert!(user.keys().next().is_some());
            }
        }
    }
});

fn judged(token: &str, possession: Possession<'_>) -> Option<actas_token::Accepted> {
    match accept_from(token, possession, &RESOURCE, &TRUST, &Limits::default(), NOW) {
        Ok(accepted) => Some(accepted),
        Err(refusal) => {
            // What an operator sees of it is bounded, whatever the token said.
            assert!(refusal.to_string().len() < 4096, "{refusal}");
            None
        }
    }
}
