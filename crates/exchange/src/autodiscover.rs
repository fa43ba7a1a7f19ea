//! Autodiscover: `GetUserSettings` over SOAP, and the older form without
//!
//! See "GetUserSettings operation (SOAP)" and "Handling Autodiscover error messages".

mod pox;
mod request;
mod response;

pub use pox::{POX_RESPONSE_SCHEMA, PoxError, PoxRequest, PoxResponse, PoxSettings};
pub use request::GetUserSettingsRequest;
pub use response::{GetUserSettingsResponse, SettingError, UserResponse, UserSetting};

/// Users of one request
pub const USERS_MAX: usize = 100;
/// Settings that one request may ask for; exchangelib asks for 62
pub const SETTINGS_MAX: usize = 100;

/// The action of the request, as `wsa:Action` names it
pub(crate) const ACTION: &str = "http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/GetUserSettings";

names! {
    /// What went wrong: with the request, with one user or with one setting ("ErrorCode (SOAP)")
    pub enum ErrorCode {
        NoError = "NoError",
        /// Ask again for the address in the redirect target
        RedirectAddress = "RedirectAddress",
        /// Ask again at the URL in the redirect target
        RedirectUrl = "RedirectUrl",
        InvalidUser = "InvalidUser",
        InvalidRequest = "InvalidRequest",
        InvalidSetting = "InvalidSetting",
        SettingIsNotAvailable = "SettingIsNotAvailable",
        ServerBusy = "ServerBusy",
        InvalidDomain = "InvalidDomain",
        NotFederated = "NotFederated",
        InternalServerError = "InternalServerError",
    }
}

/// Names of settings ("Setting (SOAP)")
pub mod setting {
    /// EWS for clients outside: the one that every client needs
    pub const EXTERNAL_EWS_URL: &str = "ExternalEwsUrl";
    /// EWS for clients inside
    pub const INTERNAL_EWS_URL: &str = "InternalEwsUrl";
    /// EWS for partner servers; exchangelib doesn't know it
    pub const EWS_PARTNER_URL: &str = "EwsPartnerUrl";
    /// A comma list of schema names
    pub const EWS_SUPPORTED_SCHEMAS: &str = "EwsSupportedSchemas";
    /// The version of the server, as `15.02.1544.004`
    pub const CAS_VERSION: &str = "CasVersion";
    /// The version of the EWS server
    pub const EXTERNAL_EWS_VERSION: &str = "ExternalEwsVersion";
    pub const USER_DN: &str = "UserDN";
    pub const USER_DISPLAY_NAME: &str = "UserDisplayName";
    pub const USER_DEPLOYMENT_ID: &str = "UserDeploymentId";
    pub const MAILBOX_DN: &str = "MailboxDN";
    /// The primary address; exchangelib takes it for the account's
    pub const AUTODISCOVER_SMTP_ADDRESS: &str = "AutoDiscoverSMTPAddress";
}
