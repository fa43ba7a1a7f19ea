//! `PartnerApplication` of Exchange.

use actas_directory::exchange_side::{ActAsPermission, AppOnlyPermission, AuthServerKind, PartnerApplication};
use actas_directory::well_known;

use super::metadata::https;
use super::{Exchange, changed_meanwhile, piped, refuse_any_certificate, tell_bound};
use crate::{
    app::Context,
    arguments::exchange_partner::{AccountType, Get, New, Remove, Rights, Set},
    commands::{
        change::{self, Default},
        shown::{self, Wanted},
    },
    output::Record,
    problem::Problem,
};

pub(super) async fn new(asked: New, context: &Context) -> Result<(), Problem> {
    check(&asked.rights)?;
    let url = asked.auth_metadata_url.as_ref().map(https).transpose()?;
    if asked.use_auth_server.is_some_and(|by_server| by_server == url.is_some()) {
        return Err(if url.is_some() {
            Problem::usage("`-UseAuthServer $true` does not go with `-AuthMetadataUrl`")
                .hint("a partner that the token service vouches for is named by `-ApplicationIdentifier`")
        } else {
            Problem::usage("`-UseAuthServer $false` does not go with `-ApplicationIdentifier`")
                .hint("a partner that issues its own tokens is named by `-AuthMetadataUrl`")
        });
    }
    if !change::may(context, asked.change, Default::Go, "New-PartnerApplication", &asked.name).await? {
        return Ok(());
    }
    let exchange = Exchange::open(context, &asked.organization).await?;
    let mut partner = match (url, asked.application_identifier) {
        (Some(url), _) => exchange.self_issuing(&asked.name, url).await?,
        (None, Some(app_id)) => {
            let realm = asked.realm.as_deref().unwrap_or_default();
            if !realm.is_empty() && !exchange.owns(realm) {
                return Err(Problem::failed(format!(
                    "the realm `{realm}` is none of `{}`",
                    exchange.tenant.display_name
                ))
                .hint("leave `-Realm` out: the token service's tokens carry the realm of the tenant"));
            }
            PartnerApplication::new(&asked.name, exchange.tenant.id, app_id)
        }
        (None, None) => return Err(Problem::usage("neither an application id nor a metadata document was given")),
    };
    exchange.check_only(&partner).await?;
    exchange.apply(&mut partner, &asked.rights).await?;
    let audit = exchange.audit("partner added", "New-PartnerApplication", &partner.name);
    let added = exchange.trust.add_partner(&partner, audit).await;
    let hint = "`actas Set-PartnerApplication` changes it, `actas Remove-PartnerApplication` removes it";
    added.map_err(|error| shown::failed(error, hint))?;
    if !partner.use_auth_server && !partner.app_asserted_act_as {
        context.console.warning(&format!(
            "`{}` may not act as users: of its own tokens, that takes `-AppAssertedActAs $true`",
            partner.name
        ));
    }
    tell_bound(&context.console);
    context.console.records(&[exchange.record(&partner).await?])
}

pub(super) async fn get(asked: Get, context: &Context) -> Result<(), Problem> {
    let exchange = Exchange::open(context, &asked.organization).await?;
    let wanted = Wanted {
        what: "partner application",
        adds: "New-PartnerApplication",
        identity: asked.identity.as_deref(),
        filter: None,
    };
    let found = wanted.of(exchange.own_partners().await?, |partner: &PartnerApplication| &partner.name)?;
    let mut records = Vec::with_capacity(found.len());
    for partner in &found {
        records.push(exchange.record(partner).await?);
    }
    context.console.records(&records)
}

pub(super) async fn set(asked: Set, context: &Context) -> Result<(), Problem> {
    check(&asked.rights)?;
    let url = asked.auth_metadata_url.as_ref().map(https).transpose()?;
    for name in piped::names(&asked.identity).await? {
        if change::may(context, asked.change, Default::Go, "Set-PartnerApplication", &name).await? {
            set_one(&name, url.as_deref(), &asked, context).await?;
        }
    }
    Ok(())
}

async fn set_one(name: &str, url: Option<&str>, asked: &Set, context: &Context) -> Result<(), Problem> {
    let exchange = Exchange::open(context, &asked.organization).await?;
    let known = exchange.trust.partner(exchange.tenant.id, name).await?.ok_or_else(|| missing(name))?;
    let mut partner = known.value;
    if url.is_some() || asked.refresh_auth_metadata {
        let Some(url) = url.or(partner.auth_metadata_url.as_deref()).filter(|_| !partner.use_auth_server) else {
            return Err(Problem::failed(format!(
                "`{name}` has no metadata document: the token service vouches for it"
            ))
            .hint("`actas Set-AuthServer NAME -RefreshAuthMetadata` has the token service's keys fetched anew"));
        };
        let read = exchange.self_issuing(name, url.to_owned()).await?;
        if (read.application_identifier, &read.realm) != (partner.application_identifier, &partner.realm) {
            return Err(Problem::failed(format!(
                "`{url}` speaks for `{}`, and `{name}` was registered for `{}`",
                read.issuer().unwrap_or_default(),
                partner.issuer().unwrap_or_default()
            ))
            .hint("if that is right, remove it and add it anew: `actas Remove-PartnerApplication`, `actas New-PartnerApplication`"));
        }
        partner.auth_metadata_url = read.auth_metadata_url;
        partner.published = read.published;
    }
    partner.name = asked.name.clone().unwrap_or(partner.name);
    exchange.apply(&mut partner, &asked.rights).await?;
    let audit = exchange.audit("partner changed", "Set-PartnerApplication", name);
    let stored = exchange.trust.update_partner(name, known.version, &partner, audit).await;
    stored.map_err(|error| changed_meanwhile(error, name))?;
    tell_bound(&context.console);
    Ok(())
}

pub(super) async fn remove(asked: Remove, context: &Context) -> Result<(), Problem> {
    for name in piped::names(&asked.identity).await? {
        if !change::may(context, asked.change, Default::Go, "Remove-PartnerApplication", &name).await? {
            continue;
        }
        let exchange = Exchange::open(context, &asked.organization).await?;
        let audit = exchange.audit("partner removed", "Remove-PartnerApplication", &name);
        let removed = exchange.trust.remove_partner(exchange.tenant.id, &name, audit).await;
        removed.map_err(|error| if error.is_stale() { missing(&name) } else { Problem::from(error) })?;
        tell_bound(&context.console);
    }
    Ok(())
}

// === impl Exchange ===

impl Exchange {
    async fn own_partners(&self) -> Result<Vec<PartnerApplication>, Problem> {
        let all = self.trust.partners().await?;
        Ok(all.into_iter().filter(|partner| partner.tenant == self.tenant.id).collect())
    }

    async fn record(&self, partner: &PartnerApplication) -> Result<Record, Problem> {
        let account = match &partner.linked_account {
            Some(id) => Some(self.name_of(id).await?),
            None => None,
        };
        Ok(shown::record(partner.properties(account.as_deref())))
    }

    /// A partner that issues its own tokens, as its metadata has it.
    async fn self_issuing(&self, name: &str, url: String) -> Result<PartnerApplication, Problem> {
        let document = self.read_metadata(AuthServerKind::MicrosoftAcs, &url).await?;
        let realm = document.realm.ok_or_else(|| {
            Problem::failed(format!("the metadata document at `{url}` names no realm, so it could speak for anybody"))
                .hint("configure a realm on the partner's side, such as its default domain; for our own Exchange add `?realm=DOMAIN` to the address")
        })?;
        if document.published.token_issuing_endpoint.is_some() {
            return Err(Problem::failed(format!(
                "`{url}` is the document of a token service, which speaks for others"
            ))
            .hint("trust it with `actas New-AuthServer`, and name the partner by its application id"));
        }
        if self.owner_of(&realm).await?.is_some_and(|owner| owner != self.tenant.id) {
            return Err(Problem::failed(format!(
                "the metadata document at `{url}` speaks for `{realm}`, which is a name of another organisation here"
            )));
        }
        let mut partner = PartnerApplication::new(name, self.tenant.id, document.app_id);
        partner.use_auth_server = false;
        partner.sts_issued_act_as = false;
        partner.auth_metadata_url = Some(url);
        partner.realm = Some(realm);
        partner.published = document.published;
        Ok(partner)
    }

    /// Refuses a second partner of the same name in a token: which one is meant would depend
    /// on their order.
    async fn check_only(&self, new: &PartnerApplication) -> Result<(), Problem> {
        let all = self.trust.partners().await?;
        let same = all.iter().find(|known| {
            let own = known.tenant == new.tenant;
            let signs_alike = known.issuer().is_some() && known.issuer() == new.issuer();
            known.application_identifier == new.application_identifier && (own || signs_alike)
        });
        match same {
            None => Ok(()),
            Some(known) if known.tenant == new.tenant => Err(Problem::failed(format!(
                "the application {} is the partner application `{}` already",
                new.application_identifier, known.name
            ))
            .hint(format!("`actas Remove-PartnerApplication {}` makes way for another", known.name))),
            Some(_) => Err(Problem::failed(format!(
                "`{}` is a partner of another organisation here",
                new.issuer().unwrap_or_default()
            ))
            .hint("a server that serves two organisations needs a realm for each")),
        }
    }

    async fn apply(&self, partner: &mut PartnerApplication, rights: &Rights) -> Result<(), Problem> {
        check_issuer(partner, rights.issuer_identifier.as_deref(), &self.tenant.id.to_string())?;
        if let Some(account) = &rights.linked_account {
            partner.linked_account =
                if account.is_empty() { None } else { Some(self.user(account).await?.id.to_string()) };
        }
        if let Some(permissions) = &rights.app_only_permissions {
            partner.app_only_permissions =
                named(permissions, &AppOnlyPermission::ALL, AppOnlyPermission::as_str, "-AppOnlyPermissions")?;
        }
        if let Some(permissions) = &rights.act_as_permissions {
            partner.act_as_permissions =
                named(permissions, &ActAsPermission::ALL, ActAsPermission::as_str, "-ActAsPermissions")?;
        }
        if partner.linked_account.is_none() && !partner.app_only_permissions.is_empty() {
            return Err(Problem::failed(format!(
                "`{}` would have permissions as itself and no linked account",
                partner.name
            ))
            .detail("without a linked account it cannot call as itself at all")
            .hint("name one with `-LinkedAccount`, or take the permissions away with `-AppOnlyPermissions \"\"`"));
        }
        partner.app_asserted_act_as = rights.app_asserted_act_as.unwrap_or(partner.app_asserted_act_as);
        partner.sts_issued_act_as = rights.sts_issued_act_as.unwrap_or(partner.sts_issued_act_as);
        partner.accept_security_identifier_information =
            rights.accept_security_identifier_information.unwrap_or(partner.accept_security_identifier_information);
        partner.enabled = rights.enabled.unwrap_or(partner.enabled);
        Ok(())
    }
}

fn check(rights: &Rights) -> Result<(), Problem> {
    refuse_any_certificate(rights.trust_any_ssl_certificate)?;
    let permissions = |given: Option<&Vec<String>>| given.map(|all| all.as_slice().to_vec()).unwrap_or_default();
    named(
        &permissions(rights.app_only_permissions.as_ref()),
        &AppOnlyPermission::ALL,
        AppOnlyPermission::as_str,
        "-AppOnlyPermissions",
    )?;
    named(
        &permissions(rights.act_as_permissions.as_ref()),
        &ActAsPermission::ALL,
        ActAsPermission::as_str,
        "-ActAsPermissions",
    )?;
    if rights.account_type == Some(AccountType::ConsumerAccount) {
        return Err(Problem::failed("there are no accounts of consumers here")
            .hint("leave `-AccountType` out, or give `OrganizationalAccount`"));
    }
    Ok(())
}

/// An issuer that a script names has to be the one whose key signs: it follows from how the
/// partner came, and is not chosen.
fn check_issuer(partner: &PartnerApplication, named: Option<&str>, tenant: &str) -> Result<(), Problem> {
    let Some(named) = named.filter(|named| !named.is_empty()) else { return Ok(()) };
    let bare = if partner.use_auth_server { well_known::STS } else { partner.application_identifier }.to_string();
    let whole = partner.issuer().unwrap_or_else(|| format!("{bare}@{tenant}"));
    if named.eq_ignore_ascii_case(&bare) || named.eq_ignore_ascii_case(&whole) {
        return Ok(());
    }
    Err(Problem::failed(format!("`-IssuerIdentifier {named}` is not who signs for `{}`", partner.name))
        .detail(format!("that is `{whole}`"))
        .hint("leave the parameter out; a partner that issues its own tokens is named by `-AuthMetadataUrl`"))
}

/// The permissions of these names, each once.
fn named<T: Copy + PartialEq>(
    names: &[String],
    known: &[T],
    name_of: fn(T) -> &'static str,
    parameter: &str,
) -> Result<Vec<T>, Problem> {
    let mut found = Vec::new();
    for name in names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        let permission = known.iter().copied().find(|one| name_of(*one).eq_ignore_ascii_case(name));
        let permission = permission.ok_or_else(|| {
            let all: Vec<_> = known.iter().map(|one| format!("`{}`", name_of(*one))).collect();
            Problem::usage(format!("`{parameter} {name}` is not a permission that is known here"))
                .hint(format!("there is {}; an empty text takes all away", all.join(", ")))
        })?;
        if !found.contains(&permission) {
            found.push(permission);
        }
    }
    Ok(found)
}

fn missing(name: &str) -> Problem {
    Problem::failed(format!("there is no partner application `{name}`"))
        .hint("`actas Get-PartnerApplication` shows what there is")
}
