//! `Get-CsTenant`.

use super::tenant_filter::Filter;
use crate::{
    app::Context,
    arguments::{change::TenantId, tenant::Get},
    output::Record,
    problem::Problem,
};

/// Shows the tenant of the connection.
pub(super) async fn get(asked: Get, context: &Context) -> Result<(), Problem> {
    let filter = asked.filter.as_deref().map(Filter::parse).transpose()?;
    let tenant = super::open(context, TenantId::default()).await?.organization().await?;
    if let Some(wanted) = asked.identity.filter(|wanted| !tenant.id.eq_ignore_ascii_case(&wanted.to_string())) {
        return Err(Problem::failed(format!("there is no tenant {wanted} in this connection"))
            .hint(format!("the connection leads to {}, {}", tenant.id, tenant.display_name)));
    }
    if asked.domain_controller.is_some() {
        context.console.warning("`-DomainController` has no effect: the cloud's directory is asked");
    }
    if filter.is_some_and(|filter| !filter.fits(&tenant)) || asked.result_size == Some(0) {
        return context.console.records(&[]);
    }
    let record = Record::new()
        .with("TenantId", tenant.id)
        .with("DisplayName", tenant.display_name)
        .with("Domains", tenant.domains)
        // Graph has no such property: it was the place of the tenant among the online servers.
        .with("ServiceInstance", None::<String>)
        .with("CountryLetterCode", tenant.country_letter_code)
        .with("Country", tenant.country)
        .with("State", tenant.state)
        .with("DirSyncEnabled", tenant.synchronised);
    context.console.records(&[record])
}
