//! `token validate`: the verdict of a resource, rule by rule.

use std::path::Path;
use std::sync::Arc;

use actas_runtime::SystemClock;
use actas_token::accept::{Outcome, Step};
use actas_token::metadata::{DOCUMENT_BYTES_MAX, Metadata};
use actas_token::{
    How, Issuer, IssuerKeys, Judge, KeySource, Limits, Partner, Possession, Principal, RealmRule, Resource, Rule,
    TenantId, Trace, Trust, TrustLevel, VerifyingKey, Voice, token_hash, well_known,
};
use actas_validator::{MetadataSource, Validator};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;

use super::source;
use crate::{
    app::Context,
    arguments::date::Date,
    arguments::global::Format,
    arguments::token::{Level, Validate},
    commands::shown,
    gatekeeping::GateFile,
    metadata::OverHttps,
    output::Record,
    problem::Problem,
    workplace::Workplace,
};

/// Shows the verdict and what became of every rule; fails if one failed.
pub(super) async fn run(asked: Validate, context: &Context) -> Result<(), Problem> {
    if asked.trust.is_none() {
        told_whom_to_trust(&asked)?;
    }
    let token = source::read(asked.source.clone()).await?;
    let token = token.expose_secret();
    let now = asked.at.map_or_else(|| SystemClock::shared().now(), Date::timestamp);
    let trace = match &asked.trust {
        Some(file) => by_gate(&GateFile::load(file)?, &asked, token, now).await?,
        None => by_document(&asked, token, now, context).await?,
    };
    let console = &context.console;
    let for_a_person = console.format() != Format::Json;
    let verdict = verdict(&trace);
    if for_a_person {
        console.line(&verdict)?;
        if let Err(refusal) = &trace.verdict {
            console.line(&format!("what to do: {}", hint(refusal.rule())))?;
        }
        console.line("")?;
        let rows: Vec<Record> = trace.steps.iter().map(|step| line(*step)).collect();
        console.table(&rows)?;
    } else {
        let records: Vec<Record> = trace.steps.iter().map(|step| row(*step, &trace)).collect();
        console.records(&records)?;
    }
    match &trace.verdict {
        Ok(_) => {
            if !for_a_person {
                console.note(&verdict);
            }
            Ok(())
        }
        Err(refusal) => {
            let problem = Problem::failed(format!("the token is {verdict}"))
                .detail(format!("its hash, by which logs name it: {}", token_hash(token)));
            // A person has read it above.
            Err(if for_a_person { problem } else { problem.hint(hint(refusal.rule())) })
        }
    }
}

/// The verdict in one line.
fn verdict(trace: &Trace) -> String {
    match &trace.verdict {
        Ok(accepted) => {
            let said = format!(
                "accepted: {} by the application {} of the tenant {}, until {}",
                accepted.way(),
                accepted.app_id,
                accepted.tenant,
                shown::time(accepted.expires)
            );
            match &accepted.how {
                How::ActAs(user) => {
                    let mut ids: Vec<&str> = user.keys().map(|key| *key.id()).collect();
                    ids.dedup();
                    format!("{said}; as {}", ids.join(", "))
                }
                How::AppOnly => said,
            }
        }
        Err(refusal) => {
            format!("refused by rule {} ({}): {refusal}", refusal.rule().name(), refusal.diagnostics().code)
        }
    }
}

/// What a verdict needs beside the token.
fn told_whom_to_trust(asked: &Validate) -> Result<(), Problem> {
    let audience = format!("`--audience {}/HOST`", well_known::EXCHANGE);
    let by_document = "`--metadata https://HOST/metadata/json/1` names the issuer's document, which \
                       `actas Get-CsOAuthServer` shows of a token service that is registered";
    Err(match (&asked.metadata, &asked.audience) {
        (Some(_), Some(_)) => return Ok(()),
        (Some(_), None) => Problem::usage("`token validate` is not told which resource validates: `--audience` is missing")
            .hint(format!("name it as a token for it does: {audience}; `actas token inspect` shows the token's own `aud`")),
        (None, Some(_)) => {
            Problem::usage("`token validate` is not told whose tokens to believe: `--metadata` is missing")
                .hint(by_document)
        }
        (None, None) => Problem::usage(
            "`token validate` is not told whom to trust: `--trust` is missing, or `--metadata` and `--audience`",
        )
        .detail(format!("{by_document}; {audience} names the resource"))
        .hint("`actas token validate --trust gate.toml --file token.txt` goes by the file of `actas gate`; `actas token inspect` shows what a token says without any trust"),
    })
}

/// A rule as a person reads it; why one failed is in the verdict.
fn line(step: Step) -> Record {
    Record::new()
        .with("Rule", step.rule.name())
        .with("Result", step.outcome.name())
        .with("Token", step.layer.map(|layer| layer.to_string()))
        .with("Asks", step.rule.title())
}

/// A rule as a program reads it.
fn row(step: Step, trace: &Trace) -> Record {
    let why = match (step.outcome, &trace.verdict) {
        (Outcome::Failed, Err(refusal)) => refusal.to_string(),
        (Outcome::NotApplicable, _) if step.rule == Rule::V19 => "the resource decides".to_owned(),
        (Outcome::NotApplicable, _) if step.rule != Rule::V20 => "not for this kind of token".to_owned(),
        _ => String::new(),
    };
    Record::new()
        .with("Rule", step.rule.name())
        .with("Asks", step.rule.title())
        .with("Token", step.layer.map(|layer| layer.to_string()))
        .with("Result", step.outcome.name())
        .with("Why", why)
}

/// What to look at when a rule fails.
fn hint(rule: Rule) -> &'static str {
    match rule {
        Rule::V1 | Rule::V2 | Rule::V3 | Rule::V4 | Rule::V5 | Rule::V6 | Rule::V7 => {
            "`actas token inspect` shows what it says; the sender has to make it otherwise"
        }
        Rule::V8 => "compare `iss` with the issuers that are trusted; `--metadata` names another",
        Rule::V9 => "compare `x5t` with the keys of the metadata document; the issuer may have rolled its key",
        Rule::V10 => "the token was changed, or signed by another key of that name",
        Rule::V11 => "compare the realms with the tenant; `--realm` or `domains` names a further one",
        Rule::V12 => "compare `aud` with the audience of this resource",
        Rule::V13 => "compare `nbf` and `exp` with the clock; `--at` judges at another time",
        Rule::V14 => "`iss` of the act-as token has to be `nameid` of the actor token, to the letter",
        Rule::V15 => "register the application as a partner, with the right one to vouch for it",
        Rule::V16 | Rule::V17 => "the partner's trust level, linked account and switches say what it may do",
        Rule::V18 => "compare the user ids with what is accepted from this partner",
        _ => "`actas token inspect` shows what it says",
    }
}

async fn by_gate(file: &GateFile, asked: &Validate, token: &str, now: Timestamp) -> Result<Trace, Problem> {
    let source = Arc::new(OverHttps::new(file.http()?));
    let validator = Validator::new(file.resource(), limits(asked, file.limits()), source);
    validator.configure(&file.configuration());
    let trace = validator.trace(token, Possession::default(), now).await;
    // Then the refusal would blame the token for what is not its fault.
    if trace.verdict.as_ref().is_err_and(|refusal| refusal.rule() == Rule::V8)
        && let [first, ..] = validator.without_keys(now).await.as_slice()
    {
        return Err(Problem::failed(format!("there are no keys from `{first}`, so tokens of its issuer are refused"))
            .hint("`curl` that address; `ca_files` of `[client]` names authorities to trust"));
    }
    Ok(trace)
}

async fn by_document(asked: &Validate, token: &str, now: Timestamp, context: &Context) -> Result<Trace, Problem> {
    let named = asked.metadata.as_deref().unwrap_or_default();
    let document = document(named, context).await?;
    let document = Metadata::parse(&document).map_err(|error| {
        Problem::failed(format!("`{named}` is no metadata document: {error}"))
            .hint("name the document of the server-to-server protocol (`…/metadata/json/1`); for others, write a file for `--trust`")
    })?;
    let tenant = tenant(asked, &document)?;
    let own_realm = document.realm.as_deref().filter(|realm| *realm != "*");
    let realm = own_realm.map_or_else(|| tenant.to_string(), str::to_owned);
    let is_token_service = document.issuer.app_id == well_known::STS;
    let issuer = IssuerKeys {
        issuer: Issuer::Principal(document.issuer.app_id, RealmRule::Exactly(realm.clone())),
        voice: if is_token_service { Voice::TokenService } else { Voice::Partner(tenant) },
        keys: document.keys.into_iter().map(|(_, key)| key).collect::<Vec<VerifyingKey>>().into(),
    };
    let partner = Partner {
        tenant,
        app_id: asked.partner.unwrap_or(if is_token_service { well_known::LYNC } else { document.issuer.app_id }),
        enabled: true,
        trust_level: match asked.trust_level {
            Level::Application => TrustLevel::Application,
            Level::Full => TrustLevel::Full,
            Level::User => TrustLevel::User,
        },
        key_source: if is_token_service { KeySource::TokenService } else { KeySource::Own { realm: realm.clone() } },
        act_as: !asked.no_act_as,
        sts_issued_act_as: true,
        accept_sids: asked.accept_sids,
        linked_account: Some("linked-account".to_owned()),
    };
    let realms = asked.realm.iter().map(|realm| realm.to_ascii_lowercase()).chain([tenant.to_string()]);
    let realms = realms.chain(is_token_service.then_some(realm)).map(|realm| (realm, tenant)).collect();
    let trust = Trust { issuers: vec![issuer], partners: vec![partner], realms };
    let (resource, limits) = (resource(asked)?, limits(asked, Limits::default()));
    Ok(Judge::new(&resource, &trust, &limits).trace(token, Possession::default(), now))
}

async fn document(named: &str, context: &Context) -> Result<Vec<u8>, Problem> {
    if named.contains("://") {
        let source = OverHttps::new(Workplace::open(&context.global)?.http()?);
        return source.fetch(named).await.map_err(|why| {
            Problem::failed(format!("the metadata document cannot be fetched: {why}"))
                .hint("name a file with the document, or an https URL; `ca_files` of `[client]` in the file that `--config` names are trusted")
        });
    }
    let unreadable = |error: std::io::Error| Problem::failed(format!("`{named}` cannot be read")).because(&error);
    let length = fs_err::metadata(Path::new(named)).map_err(unreadable)?.len();
    if length > DOCUMENT_BYTES_MAX as u64 {
        return Err(Problem::failed(format!("`{named}` has {length} bytes; {DOCUMENT_BYTES_MAX} are allowed")));
    }
    fs_err::read(named).map_err(unreadable)
}

fn tenant(asked: &Validate, document: &Metadata) -> Result<TenantId, Problem> {
    let published = document.realm.as_deref().and_then(|realm| realm.parse().ok());
    asked.tenant.map(TenantId).or(published).ok_or_else(|| {
        let realm = document.realm.as_deref().unwrap_or("*");
        Problem::usage(format!("the metadata document is of the realm `{realm}`, which is no tenant's GUID"))
            .hint("name the tenant with `--tenant GUID`")
    })
}

fn resource(asked: &Validate) -> Result<Resource, Problem> {
    let named = asked.audience.as_deref().unwrap_or_default();
    let read = named.parse::<Principal>().ok().and_then(|read| Some((read.app_id, read.host?)));
    let (app_id, authority) = read.ok_or_else(|| {
        Problem::usage(format!("`{named}` is no audience")).hint(format!("write it as `{}/HOST`", well_known::EXCHANGE))
    })?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) => (host.to_owned(), port.parse().ok()),
        None => (authority, None),
    };
    Ok(Resource { app_id, hosts: vec![host], app_role: None, port })
}

fn limits(asked: &Validate, default: Limits) -> Limits {
    let or =
        |seconds: Option<u32>, default| seconds.map_or(default, |seconds| SignedDuration::from_secs(seconds.into()));
    Limits {
        actor_lifetime_max: or(asked.actor_lifetime_max, default.actor_lifetime_max),
        act_as_lifetime_max: or(asked.act_as_lifetime_max, default.act_as_lifetime_max),
        ..default
    }
}
