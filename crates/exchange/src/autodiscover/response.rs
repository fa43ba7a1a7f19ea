//! `GetUserSettingsResponseMessage`

use super::{ACTION, ErrorCode, SETTINGS_MAX, USERS_MAX};
use crate::error::Result;
use crate::soap::{self, Envelope, Reply, Service};
use crate::xml::{self, Node, Writer};

/// The answer, with one [`UserResponse`] for each user of the request, in its order
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetUserSettingsResponse {
    /// About the whole request
    pub error: ErrorCode,
    pub message: String,
    pub users: Vec<UserResponse>,
}

/// What is said about one user ("UserResponse (SOAP)")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserResponse {
    pub error: ErrorCode,
    pub message: String,
    /// The URL or the address to ask next, with `RedirectUrl` or `RedirectAddress`
    pub redirect_target: Option<String>,
    /// Only what was asked for: exchangelib fails on a name that it doesn't know
    pub settings: Vec<UserSetting>,
    /// Likewise
    pub setting_errors: Vec<SettingError>,
}

/// A setting and its text
///
/// Settings that hold more than text are not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSetting {
    pub name: String,
    pub value: String,
}

/// A setting that cannot be told
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingError {
    pub name: String,
    pub error: ErrorCode,
    pub message: String,
}

// === impl GetUserSettingsResponse ===

impl GetUserSettingsResponse {
    /// An answer about users
    pub fn new(users: Vec<UserResponse>) -> Self {
        Self { error: ErrorCode::NoError, message: String::new(), users }
    }

    /// A refusal of the whole request
    pub fn refused(error: ErrorCode, message: impl Into<String>) -> Self {
        Self { error, message: message.into(), users: Vec::new() }
    }

    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let envelope = Envelope::parse(bytes, bytes_max)?;
        envelope.reply(xml::AUTODISCOVER, "GetUserSettingsResponseMessage", Self::read)
    }

    fn read(node: Node<'_>) -> Result<Self> {
        let response = node.required(xml::AUTODISCOVER, "Response")?;
        let (error, message) = read_error(response)?;
        let users = match response.child(xml::AUTODISCOVER, "UserResponses") {
            Some(users) => users.each("users in one response", USERS_MAX, UserResponse::read)?,
            None => Vec::new(),
        };
        Ok(Self { error, message, users })
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        soap::write(
            &[("xmlns:wsa", xml::ADDRESSING)],
            |w| {
                let action = format!("{ACTION}Response");
                w.text_with("wsa:Action", &[("s:mustUnderstand", "1")], action);
                soap::write_server_version(w, Service::Autodiscover);
            },
            |w| {
                let namespace = [("xmlns", xml::AUTODISCOVER)];
                w.element("GetUserSettingsResponseMessage", &namespace, |w| {
                    let instance = [("xmlns:i", xml::INSTANCE)];
                    w.element("Response", &instance, |w| {
                        write_error(w, self.error, &self.message);
                        w.element("UserResponses", &[], |w| {
                            for user in &self.users {
                                user.write(w);
                            }
                        });
                    });
                });
            },
        )
    }
}

// === impl UserResponse ===

impl UserResponse {
    /// An answer with settings
    pub fn new(settings: Vec<UserSetting>, setting_errors: Vec<SettingError>) -> Self {
        Self {
            error: ErrorCode::NoError,
            message: "No error.".to_owned(),
            redirect_target: None,
            settings,
            setting_errors,
        }
    }

    /// An answer that sends the client elsewhere: to another address, or to a URL
    pub fn redirected(error: ErrorCode, target: impl Into<String>) -> Self {
        let message = "Redirection.".to_owned();
        Self { error, message, redirect_target: Some(target.into()), settings: Vec::new(), setting_errors: Vec::new() }
    }

    /// An answer without settings
    pub fn refused(error: ErrorCode, message: impl Into<String>) -> Self {
        Self { error, message: message.into(), redirect_target: None, settings: Vec::new(), setting_errors: Vec::new() }
    }

    /// The text of a setting
    pub fn setting(&self, name: &str) -> Option<&str> {
        let setting = self.settings.iter().find(|setting| setting.name == name);
        setting.map(|setting| setting.value.as_str())
    }

    fn read(node: Node<'_>) -> Result<Self> {
        let (error, message) = read_error(node)?;
        let redirect_target = match node.child(xml::AUTODISCOVER, "RedirectTarget") {
            Some(target) => Some(target.token()?).filter(|text| !text.is_empty()),
            None => None,
        };
        let setting_errors = match node.child(xml::AUTODISCOVER, "UserSettingErrors") {
            Some(errors) => errors.each(SETTINGS, SETTINGS_MAX, SettingError::read)?,
            None => Vec::new(),
        };
        let settings = match node.child(xml::AUTODISCOVER, "UserSettings") {
            Some(settings) => settings.each(SETTINGS, SETTINGS_MAX, UserSetting::read)?,
            None => Vec::new(),
        };
        Ok(Self { error, message, redirect_target, settings: settings.into_iter().flatten().collect(), setting_errors })
    }

    fn write(&self, w: &mut Writer) {
        w.element("UserResponse", &[], |w| {
            write_error(w, self.error, &self.message);
            match &self.redirect_target {
                Some(target) => w.text("RedirectTarget", target),
                None => w.empty("RedirectTarget", &[("i:nil", "true")]),
            }
            w.element("UserSettingErrors", &[], |w| {
                for error in &self.setting_errors {
                    w.element("UserSettingError", &[], |w| {
                        write_error(w, error.error, &error.message);
                        w.text("SettingName", &error.name);
                    });
                }
            });
            w.element("UserSettings", &[], |w| {
                for setting in &self.settings {
                    // Without a prefix: with one, the JavaScript port drops the setting.
                    let kind = [("i:type", "StringSetting")];
                    w.element("UserSetting", &kind, |w| {
                        w.text("Name", &setting.name);
                        w.text("Value", &setting.value);
                    });
                }
            });
        });
    }
}

const SETTINGS: &str = "settings of one user";

impl UserSetting {
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }

    fn read(node: Node<'_>) -> Result<Option<Self>> {
        let kind = node.attribute_in(xml::INSTANCE, "type").unwrap_or(STRING);
        if kind.rsplit(':').next() != Some(STRING) {
            return Ok(None);
        }
        let name = node.required(xml::AUTODISCOVER, "Name")?.token()?;
        let value = match node.child(xml::AUTODISCOVER, "Value") {
            Some(value) => value.text()?,
            None => String::new(),
        };
        Ok(Some(Self { name, value }))
    }
}

const STRING: &str = "StringSetting";

impl SettingError {
    /// A setting that this server doesn't tell
    pub fn not_available(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            error: ErrorCode::SettingIsNotAvailable,
            message: "Setting is not available.".to_owned(),
        }
    }

    fn read(node: Node<'_>) -> Result<Self> {
        let (error, message) = read_error(node)?;
        let name = node.required(xml::AUTODISCOVER, "SettingName")?.token()?;
        Ok(Self { name, error, message })
    }
}

fn read_error(node: Node<'_>) -> Result<(ErrorCode, String)> {
    let error = node.required(xml::AUTODISCOVER, "ErrorCode")?.named()?;
    let message = match node.child(xml::AUTODISCOVER, "ErrorMessage") {
        Some(message) => message.text()?,
        None => String::new(),
    };
    Ok((error, message))
}

fn write_error(w: &mut Writer, error: ErrorCode, message: &str) {
    w.text("ErrorCode", error.as_str());
    w.text("ErrorMessage", message);
}
