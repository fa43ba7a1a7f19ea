//! `GetUserSettingsRequestMessage`

use super::{ACTION, SETTINGS_MAX, USERS_MAX};
use crate::error::Result;
use crate::ews::ConnectingSid;
use crate::soap::{self, Envelope};
use crate::xml::{self, Node};

/// A request for the settings of users
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetUserSettingsRequest {
    /// `RequestedServerVersion` of the header; any text is accepted
    pub requested_version: Option<String>,
    /// `wsa:To`: the URL as the client knows it; nothing may depend on it
    pub to: Option<String>,
    /// Who is impersonated: exchangelib sends the header of EWS here, too
    pub impersonated: Option<ConnectingSid>,
    /// The addresses as they were sent: a wrong one is `InvalidUser` in its own response
    pub users: Vec<String>,
    /// The names of the settings asked for
    pub settings: Vec<String>,
}

impl GetUserSettingsRequest {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Self> {
        let envelope = Envelope::parse(bytes, bytes_max)?;
        let mut parsed = Self::default();
        if let Some(header) = envelope.header() {
            let version = header.child(xml::AUTODISCOVER, "RequestedServerVersion");
            parsed.requested_version = version.map(Node::token).transpose()?;
            let to = header.child(xml::ADDRESSING, "To");
            parsed.to = to.map(Node::token).transpose()?;
            parsed.impersonated = ConnectingSid::read(header)?;
        }
        let body = envelope.body()?;
        if !body.is(xml::AUTODISCOVER, "GetUserSettingsRequestMessage") {
            return Err(body.not_supported());
        }
        let request = body.required(xml::AUTODISCOVER, "Request")?;
        parsed.users =
            request
                .required(xml::AUTODISCOVER, "Users")?
                .each("users in one request", USERS_MAX, |user| user.required(xml::AUTODISCOVER, "Mailbox")?.token())?;
        parsed.settings = request.required(xml::AUTODISCOVER, "RequestedSettings")?.each(
            "settings in one request",
            SETTINGS_MAX,
            Node::token,
        )?;
        Ok(parsed)
    }

    /// Writes the envelope
    pub fn write(&self) -> String {
        let namespaces = [("xmlns:wsa", xml::ADDRESSING), ("xmlns:a", xml::AUTODISCOVER), ("xmlns:t", xml::TYPES)];
        soap::write(
            &namespaces,
            |w| {
                let version = self.requested_version.as_ref();
                w.text_opt("a:RequestedServerVersion", version);
                if let Some(sid) = &self.impersonated {
                    sid.write(w);
                }
                w.text("wsa:Action", ACTION);
                w.text_opt("wsa:To", self.to.as_ref());
            },
            |w| {
                w.element("a:GetUserSettingsRequestMessage", &[], |w| {
                    w.element("a:Request", &[], |w| {
                        w.element("a:Users", &[], |w| {
                            for user in &self.users {
                                w.element("a:User", &[], |w| w.text("a:Mailbox", user));
                            }
                        });
                        w.element("a:RequestedSettings", &[], |w| {
                            for setting in &self.settings {
                                w.text("a:Setting", setting);
                            }
                        });
                    });
                });
            },
        )
    }
}
