//! What a configuration says of the token service.

use std::collections::BTreeSet;

use actas_runtime::config::{CloudConfig, RateConfig, RatesConfig, SigningAlgorithm, Span, TenantChoice};
use actas_store::directory::Directory;
use actas_sts::{Policy, Rate, Rates, SigningKeyKind, Tenants};

use crate::problem::Problem;

/// The policy of a configuration. Where it names tenants, which only the directory knows,
/// it is as strict with all of them until [`with_tenants`] has looked.
pub(crate) fn configured(config: &CloudConfig) -> Policy {
    let said = &config.token_service;
    let base = Policy::default();
    Policy {
        token_lifetime: said.token_lifetime.map_or(base.token_lifetime, Span::duration),
        act_as_lifetime: said.act_as_lifetime.map_or(base.act_as_lifetime, Span::duration),
        allow_secrets: said.allow_secrets.unwrap_or(base.allow_secrets),
        tls_client_auth: config.tls_client_auth,
        require_key_hint: said.require_key_hint.unwrap_or(base.require_key_hint),
        skew: said.clock_skew.map_or(base.skew, Span::duration),
        assertion_lifetime_max: said.assertion_lifetime_max.map_or(base.assertion_lifetime_max, Span::duration),
        client_assertion_lifetime_max: said
            .client_assertion_lifetime_max
            .map_or(base.client_assertion_lifetime_max, Span::duration),
        single_use_assertions: match &said.single_use_assertions {
            None | Some(TenantChoice::None) => Tenants::None,
            Some(TenantChoice::These(tenants)) if tenants.is_empty() => Tenants::None,
            Some(TenantChoice::All | TenantChoice::These(_)) => Tenants::All,
        },
        require_dpop_nonce: config.require_dpop_nonce,
        signing_key_age_max: said.signing_key_age_max.map_or(base.signing_key_age_max, Span::duration),
        signing_key_kind: match said.signing_key_algorithm {
            None => base.signing_key_kind,
            Some(SigningAlgorithm::Es256) => SigningKeyKind::P256,
            Some(SigningAlgorithm::Rs256) => SigningKeyKind::Rsa,
        },
        rates: rates(&said.rates, base.rates),
    }
}

/// The policy with the tenants that the configuration names, by id or domain.
pub(crate) async fn with_tenants(config: &CloudConfig, directory: &Directory) -> Result<Policy, Problem> {
    let policy = configured(config);
    let Some(TenantChoice::These(named)) = &config.token_service.single_use_assertions else { return Ok(policy) };
    let mut tenants = BTreeSet::new();
    for name in named {
        let tenant = directory.tenant_by_realm(name).await?;
        let tenant = tenant.ok_or_else(|| {
            Problem::failed(format!(
                "`single_use_assertions` of `[cloud.token_service]` names `{name}`, which no tenant of the directory has as id or domain"
            ))
            .hint("correct the name, or make the tenant in the file that `seed_file` of `[cloud]` names")
        })?;
        tenants.insert(tenant.id);
    }
    Ok(Policy { single_use_assertions: Tenants::These(tenants), ..policy })
}

fn rates(said: &RatesConfig, base: Rates) -> Rates {
    let rate = |said: Option<RateConfig>, base: Rate| {
        said.map_or(base, |said| Rate { per_second: said.per_second.get(), burst: said.burst.get() })
    };
    Rates {
        token_by_address: rate(said.token_by_address, base.token_by_address),
        token_by_client: rate(said.token_by_client, base.token_by_client),
        refusals_by_address: rate(said.refusals_by_address, base.refusals_by_address),
        graph_by_address: rate(said.graph_by_address, base.graph_by_address),
        device_codes_by_address: rate(said.device_codes_by_address, base.device_codes_by_address),
    }
}

#[cfg(test)]
mod tests {
    use actas_runtime::Config;
    use jiff::SignedDuration;

    use super::*;

    fn policy(text: &str) -> Policy {
        let text = format!(
            "[cloud]\nlisten = \"127.0.0.1:0\"\npublic_origin = \"https://cloud.contoso.example\"\ndata = \"cloud\"\ntls_client_auth = true\nrequire_dpop_nonce = true\n{text}"
        );
        configured(&Config::parse(&text).unwrap().cloud.unwrap())
    }

    #[test]
    fn what_is_not_said_stays_careful() {
        let expected = Policy { tls_client_auth: true, require_dpop_nonce: true, ..Policy::default() };
        assert_eq!(format!("{:?}", policy("")), format!("{expected:?}"));
    }

    #[test]
    fn every_key_reaches_its_field() {
        let said = policy(
            "[cloud.token_service]\ntoken_lifetime = \"2h\"\nact_as_lifetime = \"7m\"\nallow_secrets = true\n\
             clock_skew = \"9s\"\nassertion_lifetime_max = \"11m\"\nclient_assertion_lifetime_max = \"13m\"\n\
             single_use_assertions = \"all\"\nrequire_key_hint = true\n\
             signing_key_age_max = \"17d\"\nsigning_key_algorithm = \"ES256\"\n[cloud.token_service.rates]\n\
             token_by_address = { per_second = 1, burst = 2 }\ntoken_by_client = { per_second = 3, burst = 4 }\n\
             refusals_by_address = { per_second = 5, burst = 6 }\ngraph_by_address = { per_second = 7, burst = 8 }\n\
             device_codes_by_address = { per_second = 9, burst = 10 }\n",
        );
        let rate = |per_second, burst| Rate { per_second, burst };
        let expected = Policy {
            token_lifetime: SignedDuration::from_hours(2),
            act_as_lifetime: SignedDuration::from_mins(7),
            allow_secrets: true,
            tls_client_auth: true,
            require_key_hint: true,
            skew: SignedDuration::from_secs(9),
            assertion_lifetime_max: SignedDuration::from_mins(11),
            client_assertion_lifetime_max: SignedDuration::from_mins(13),
            single_use_assertions: Tenants::All,
            signing_key_age_max: SignedDuration::from_hours(17 * 24),
            signing_key_kind: SigningKeyKind::P256,
            require_dpop_nonce: true,
            rates: Rates {
                token_by_address: rate(1, 2),
                token_by_client: rate(3, 4),
                refusals_by_address: rate(5, 6),
                graph_by_address: rate(7, 8),
                device_codes_by_address: rate(9, 10),
            },
        };
        assert_eq!(format!("{said:?}"), format!("{expected:?}"));
    }

    #[test]
    fn tenants_that_are_not_looked_up_yet_are_all() {
        let choice = |text: &str| {
            policy(&format!("[cloud.token_service]\nsingle_use_assertions = {text}\n")).single_use_assertions
        };
        assert_eq!(choice("[\"contoso.example\"]"), Tenants::All);
        assert_eq!((choice("[]"), choice("\"none\"")), (Tenants::None, Tenants::None));
    }
}
