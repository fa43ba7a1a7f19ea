//! Autodiscover without SOAP ("POX"): what Outlook sends to `autodiscover.xml`
//!
//! See "Autodiscover for Exchange" and "POX Autodiscover response for Exchange".

use crate::error::Result;
use crate::xml::{Document, Node, Writer};

/// A request for the settings of a user
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoxRequest {
    /// The address as it was sent
    pub address: Option<String>,
    /// The older name of a mailbox, which wins over an address
    pub legacy_dn: Option<String>,
    /// The namespace that the answer shall be in
    pub acceptable_schema: String,
}

/// What is said about the user
///
/// Exhaustive: the schema fixes the actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PoxResponse {
    Settings(PoxSettings),
    /// Ask again for this address
    RedirectAddress(String),
    /// Ask again at this URL
    RedirectUrl(String),
    Error(PoxError),
}

/// Where a user's mailbox is
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoxSettings {
    pub display_name: String,
    pub legacy_dn: String,
    /// The primary address
    pub address: String,
    /// The GUID of the organisation
    pub deployment_id: String,
    pub ews_url: String,
}

/// Why nothing is said
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoxError {
    /// 500: no such user; 600: no request; 601: an answer in a schema that is not spoken
    pub code: u16,
    pub message: String,
    /// The time of day, as `10:02:00.0000000`
    pub time: String,
}

const REQUEST: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006";
const RESPONSE: &str = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";
/// The one form of answer that is spoken
pub const POX_RESPONSE_SCHEMA: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

impl PoxRequest {
    /// Reads a document of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Self> {
        let document = Document::parse(bytes, bytes_max)?;
        let root = document.root();
        if !root.is(REQUEST, "Autodiscover") {
            return Err(root.unexpected("not a request of Autodiscover"));
        }
        let request = root.required(REQUEST, "Request")?;
        let child = |name| request.child(REQUEST, name).map(Node::token).transpose();
        Ok(Self {
            address: child("EMailAddress")?,
            legacy_dn: child("LegacyDN")?,
            acceptable_schema: request.required(REQUEST, "AcceptableResponseSchema")?.token()?,
        })
    }

    /// Writes the document
    pub fn write(&self) -> String {
        let mut w = Writer::new();
        w.element("Autodiscover", &[("xmlns", REQUEST)], |w| {
            w.element("Request", &[], |w| {
                w.text_opt("EMailAddress", self.address.as_ref());
                w.text_opt("LegacyDN", self.legacy_dn.as_ref());
                w.text("AcceptableResponseSchema", &self.acceptable_schema);
            });
        });
        w.finish()
    }
}

impl PoxResponse {
    /// Reads a document of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Self> {
        let document = Document::parse(bytes, bytes_max)?;
        let root = document.root();
        if !root.is(RESPONSE, "Autodiscover") {
            return Err(root.unexpected("not an answer of Autodiscover"));
        }
        if let Some(response) = root.child(RESPONSE, "Response") {
            return PoxError::read(response.required(RESPONSE, "Error")?).map(Self::Error);
        }
        let response = root.required(POX_RESPONSE_SCHEMA, "Response")?;
        let account = response.required(POX_RESPONSE_SCHEMA, "Account")?;
        let action = account.required(POX_RESPONSE_SCHEMA, "Action")?;
        let child = |name| account.required(POX_RESPONSE_SCHEMA, name)?.token();
        match action.token()?.as_str() {
            "settings" => PoxSettings::read(response, account).map(Self::Settings),
            "redirectAddr" => child("RedirectAddr").map(Self::RedirectAddress),
            "redirectUrl" => child("RedirectUrl").map(Self::RedirectUrl),
            other => Err(action.unexpected(format!("the action `{}`", crate::error::shown(other)))),
        }
    }

    /// Writes the document
    pub fn write(&self) -> String {
        let mut w = Writer::new();
        w.element("Autodiscover", &[("xmlns", RESPONSE)], |w| match self {
            Self::Error(error) => w.element("Response", &[], |w| error.write(w)),
            Self::Settings(settings) => w.element("Response", &[("xmlns", POX_RESPONSE_SCHEMA)], |w| settings.write(w)),
            Self::RedirectAddress(address) => write_redirect(w, "redirectAddr", "RedirectAddr", address),
            Self::RedirectUrl(url) => write_redirect(w, "redirectUrl", "RedirectUrl", url),
        });
        w.finish()
    }
}

fn write_redirect(w: &mut Writer, action: &str, name: &str, target: &str) {
    w.element("Response", &[("xmlns", POX_RESPONSE_SCHEMA)], |w| {
        w.element("Account", &[], |w| {
            w.text("Action", action);
            w.text(name, target);
        });
    });
}

impl PoxSettings {
    fn read(response: Node<'_>, account: Node<'_>) -> Result<Self> {
        let user = response.required(POX_RESPONSE_SCHEMA, "User")?;
        let child = |name| user.required(POX_RESPONSE_SCHEMA, name)?.text();
        let outside = account.children(POX_RESPONSE_SCHEMA, "Protocol").find(|protocol| {
            let kind = protocol.child(POX_RESPONSE_SCHEMA, "Type").map(Node::token);
            matches!(kind, Some(Ok(kind)) if kind == "EXPR")
        });
        let outside = outside.ok_or_else(|| account.unexpected("no protocol for clients outside"))?;
        Ok(Self {
            display_name: child("DisplayName")?,
            legacy_dn: child("LegacyDN")?,
            address: child("AutoDiscoverSMTPAddress")?,
            deployment_id: child("DeploymentId")?,
            ews_url: outside.required(POX_RESPONSE_SCHEMA, "EwsUrl")?.token()?,
        })
    }

    fn write(&self, w: &mut Writer) {
        w.element("User", &[], |w| {
            w.text("DisplayName", &self.display_name);
            w.text("LegacyDN", &self.legacy_dn);
            w.text("AutoDiscoverSMTPAddress", &self.address);
            w.text("DeploymentId", &self.deployment_id);
        });
        w.element("Account", &[], |w| {
            w.text("AccountType", "email");
            w.text("Action", "settings");
            for kind in ["EXCH", "EXPR"] {
                w.element("Protocol", &[], |w| {
                    w.text("Type", kind);
                    w.text("ASUrl", &self.ews_url);
                    w.text("EwsUrl", &self.ews_url);
                    w.text("EwsPartnerUrl", &self.ews_url);
                });
            }
        });
    }
}

impl PoxError {
    fn read(node: Node<'_>) -> Result<Self> {
        Ok(Self {
            code: node.required(RESPONSE, "ErrorCode")?.number()?,
            message: node.required(RESPONSE, "Message")?.text()?,
            time: node.required_attribute("Time")?.to_owned(),
        })
    }

    fn write(&self, w: &mut Writer) {
        w.element("Error", &[("Time", &self.time), ("Id", "0")], |w| {
            w.text("ErrorCode", self.code.to_string());
            w.text("Message", &self.message);
            w.empty("DebugData", &[]);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES_MAX: usize = 1 << 16;

    #[test]
    fn written_and_read_again() {
        let request = PoxRequest {
            address: Some("lena@fabrikam.example".to_owned()),
            legacy_dn: Some("/o=a/cn=b & c".to_owned()),
            acceptable_schema: POX_RESPONSE_SCHEMA.to_owned(),
        };
        assert_eq!(PoxRequest::parse(request.write().as_bytes(), BYTES_MAX), Ok(request));
        let responses = [
            PoxResponse::Settings(PoxSettings {
                display_name: "Lena & <Ortiz>".to_owned(),
                legacy_dn: "/o=a/cn=b".to_owned(),
                address: "lena@fabrikam.example".to_owned(),
                deployment_id: "11112222-3333-4444-5555-666677778888".to_owned(),
                ews_url: "https://mail.fabrikam.example/EWS/Exchange.asmx".to_owned(),
            }),
            PoxResponse::RedirectAddress("lena@cloud.example".to_owned()),
            PoxResponse::RedirectUrl("https://cloud.example/autodiscover/autodiscover.xml".to_owned()),
            PoxResponse::Error(PoxError { code: 600, message: "No.".to_owned(), time: "10:02:00".to_owned() }),
        ];
        for response in responses {
            assert_eq!(PoxResponse::parse(response.write().as_bytes(), BYTES_MAX), Ok(response));
        }
        for wrong in ["<a/>", "<!DOCTYPE a><a/>", "", "<Autodiscover/>"] {
            assert!(PoxRequest::parse(wrong.as_bytes(), BYTES_MAX).is_err());
            assert!(PoxResponse::parse(wrong.as_bytes(), BYTES_MAX).is_err());
        }
    }
}
