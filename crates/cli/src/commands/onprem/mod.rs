//! Commands on the settings of the organisation's own servers.

mod certificate;
mod connectivity;
mod notification;
mod oauth_configuration;
mod oauth_server;
mod partner_application;
mod storage_service;

pub(super) use self::certificate::{is_password_given, open_key};

use actas_agent::Agent;

use crate::{app::Context, arguments::OnPremises, problem::Problem, workplace::Workplace};

/// Runs a command of this group.
pub(super) async fn run(command: OnPremises, context: &Context) -> Result<(), Problem> {
    match command {
        OnPremises::NewOAuthServer(asked) => oauth_server::new(asked, context).await,
        OnPremises::GetOAuthServer(asked) => oauth_server::get(asked, context).await,
        OnPremises::SetOAuthServer(asked) => oauth_server::set(asked, context).await,
        OnPremises::RemoveOAuthServer(asked) => oauth_server::remove(asked, context).await,
        OnPremises::NewPartnerApplication(asked) => partner_application::new(asked, context).await,
        OnPremises::GetPartnerApplication(asked) => partner_application::get(asked, context).await,
        OnPremises::SetPartnerApplication(asked) => partner_application::set(asked, context).await,
        OnPremises::RemovePartnerApplication(asked) => partner_application::remove(asked, context).await,
        OnPremises::GetOAuthConfiguration(asked) => oauth_configuration::get(asked, context).await,
        OnPremises::SetOAuthConfiguration(asked) => oauth_configuration::set(asked, context).await,
        OnPremises::GetCertificate(asked) => certificate::get(asked, context).await,
        OnPremises::SetCertificate(asked) => certificate::set(asked, context).await,
        OnPremises::ImportCertificate(asked) => certificate::import::run(asked, context).await,
        OnPremises::RemoveCertificate(asked) => certificate::remove(asked, context).await,
        OnPremises::RequestCertificate(asked) => certificate::request::run(asked, context).await,
        OnPremises::ExportCertificate(asked) => certificate::export::run(asked, context).await,
        OnPremises::GetStorageConfiguration(asked) => storage_service::get(asked, context).await,
        OnPremises::SetStorageConfiguration(asked) => storage_service::set(asked, context).await,
        OnPremises::InvokeStorageFlush(asked) => storage_service::flush(asked, context).await,
        OnPremises::DebugStorageFailures(asked) => storage_service::debug(asked, context).await,
        OnPremises::TestStorageConnectivity(asked) => connectivity::run(asked, context).await,
        OnPremises::TestStorageNotification(asked) => notification::run(asked, context).await,
    }
}

/// Opens the on-premises side of the data folder.
fn open(context: &Context) -> Result<Agent, Problem> {
    Workplace::open(&context.global)?.agent()
}
