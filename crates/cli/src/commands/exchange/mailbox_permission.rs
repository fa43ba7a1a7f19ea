//! `MailboxPermission`.

use actas_directory::exchange_side::{AccessRight, MailboxPermission};

use super::Exchange;
use crate::{
    app::Context,
    arguments::mailbox_permission::{About, Add, Get, Remove, Right},
    commands::change::{self, Default},
    output::Record,
    problem::Problem,
};

pub(super) async fn add(asked: Add, context: &Context) -> Result<(), Problem> {
    let target = target(&asked.about);
    if !change::may(context, asked.change, Default::Go, "Add-MailboxPermission", &target).await? {
        return Ok(());
    }
    let exchange = Exchange::open(context, &asked.organization).await?;
    let permission = exchange.permission(&asked.about).await?;
    let audit = exchange.audit("mailbox permission added", "Add-MailboxPermission", &target);
    if !exchange.trust.grant(&permission, audit).await? {
        context.console.warning(&format!("`{}` may open that mailbox already", asked.about.user));
    }
    context.console.records(&[exchange.shown(&permission).await?])
}

pub(super) async fn get(asked: Get, context: &Context) -> Result<(), Problem> {
    let exchange = Exchange::open(context, &asked.organization).await?;
    let id = async |named: Option<String>| match named {
        Some(named) => exchange.user(&named).await.map(|user| Some(user.id)),
        None => Ok(None),
    };
    let (mailbox, trustee) = (id(asked.identity).await?, id(asked.user).await?);
    let mut records = Vec::new();
    for permission in exchange.trust.permissions(exchange.tenant.id).await? {
        if mailbox.is_none_or(|id| id == permission.mailbox) && trustee.is_none_or(|id| id == permission.trustee) {
            records.push(exchange.shown(&permission).await?);
        }
    }
    context.console.records(&records)
}

pub(super) async fn remove(asked: Remove, context: &Context) -> Result<(), Problem> {
    let target = target(&asked.about);
    if !change::may(context, asked.change, Default::Go, "Remove-MailboxPermission", &target).await? {
        return Ok(());
    }
    let exchange = Exchange::open(context, &asked.organization).await?;
    let gone = exchange.permission(&asked.about).await?;
    let audit = exchange.audit("mailbox permission removed", "Remove-MailboxPermission", &target);
    let revoked = exchange.trust.revoke(gone.tenant, gone.mailbox, gone.trustee, audit).await;
    revoked.map_err(|error| {
        if error.is_stale() {
            let About { identity, user, .. } = &asked.about;
            Problem::failed(format!("`{user}` has no permission on the mailbox of `{identity}`"))
                .hint(format!("`actas Get-MailboxPermission {identity}` shows who has"))
        } else {
            Problem::from(error)
        }
    })
}

// === impl Exchange ===

impl Exchange {
    async fn permission(&self, about: &About) -> Result<MailboxPermission, Problem> {
        let (owner, trustee) = (self.user(&about.identity).await?, self.user(&about.user).await?);
        if !owner.mailbox {
            return Err(Problem::failed(format!("`{}` has no mailbox", owner.upn))
                .hint("name the user whose mailbox it is first, and the one who may open it as `-User`"));
        }
        if owner.id == trustee.id {
            return Err(Problem::failed(format!("`{}` may open the own mailbox anyway", owner.upn))
                .hint("name somebody else as `-User`"));
        }
        let Right::FullAccess = about.access_rights;
        Ok(MailboxPermission {
            tenant: self.tenant.id,
            mailbox: owner.id,
            trustee: trustee.id,
            right: AccessRight::FullAccess,
        })
    }

    async fn shown(&self, permission: &MailboxPermission) -> Result<Record, Problem> {
        Ok(Record::new()
            .with("Identity", self.name_of(&permission.mailbox.to_string()).await?)
            .with("User", self.name_of(&permission.trustee.to_string()).await?)
            .with("AccessRights", vec![permission.right.as_str()])
            .with("IsInherited", false)
            .with("Deny", false))
    }
}

fn target(about: &About) -> String {
    format!("{} for {}", about.identity, about.user)
}
