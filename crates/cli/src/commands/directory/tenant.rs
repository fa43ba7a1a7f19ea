//! `Get-CsTenant`.

use crate::{
    app::Context,
    arguments::{change::TenantId, tenant::Get},
    commands::shown,
    output::Record,
    problem::Problem,
};

/// Shows the tenant of the connection.
pub(super) async fn get(asked: Get, context: &Context) -> Result<(), Problem> {
    let tenant = super::open(context, TenantId::default()).await?.organization().await?;
    if let Some(wanted) = asked.identity.filter(|wanted| !tenant.id.eq_ignore_ascii_case(&wanted.to_string())) {
        return Err(Problem::failed(format!("there is no tenant {wanted} in this connection"))
            .hint(format!("the connection leads to {}, {}", tenant.id, tenant.display_name)));
    }
    let fits = asked.filter.is_none_or(|pattern| {
        shown::matches(&pattern, &tenant.display_name)
            || tenant.domains.iter().any(|name| shown::matches(&pattern, name))
    });
    if !fits || asked.result_size == Some(0) {
        return context.console.records(&[]);
    }
    let record = Record::new()
        .with("TenantId", tenant.id)
        .with("DisplayName", tenant.display_name)
        .with("Domains", tenant.domains)
        .with("CountryLetterCode", tenant.country)
        .with("DirSyncEnabled", tenant.synchronised);
    context.console.records(&[record])
}
