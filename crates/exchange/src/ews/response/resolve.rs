//! The response of `ResolveNames`

use super::message::{self, Failure, ResponseMessage};
use super::operation::map;
use crate::error::Result;
use crate::ews::RESOLUTIONS_MAX;
use crate::ews::response_code::ResponseCode;
use crate::soap::Reply;
use crate::xml::{self, Node, Writer};

/// Whom the name can stand for: one, or several with a warning
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolveNamesResponse {
    pub messages: Vec<ResponseMessage<Resolutions>>,
}

/// Everybody whom the name can stand for ("ResolutionSet")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolutions {
    pub people: Vec<Resolution>,
    /// Whether nobody is left
    pub includes_last: bool,
}

/// Somebody ("Resolution")
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    pub name: String,
    pub address: String,
}

impl ResolveNamesResponse {
    /// Reads an envelope of at most `bytes_max` bytes
    pub fn parse(bytes: &[u8], bytes_max: usize) -> Result<Reply<Self>> {
        let reply = message::parse(bytes, bytes_max, "ResolveNames", |node| {
            let set = node.required(xml::MESSAGES, "ResolutionSet")?;
            Ok(Resolutions {
                people: set.each("resolutions", RESOLUTIONS_MAX, Resolution::read)?,
                includes_last: set.bool_attribute("IncludesLastItemInRange")?.unwrap_or(true),
            })
        })?;
        Ok(map(reply, |messages| Self { messages }))
    }

    /// Writes the envelope, with contacts if they are wanted
    pub fn write(&self, full_contact_data: bool) -> String {
        let warning = |found: &Resolutions| {
            (found.people.len() > 1)
                .then(|| Failure::new(ResponseCode::ErrorNameResolutionMultipleResults, "Multiple results were found."))
        };
        message::write_with(
            "ResolveNames",
            &self.messages,
            |_| {},
            warning,
            |w, found| {
                let total = found.people.len().to_string();
                let last = if found.includes_last { "true" } else { "false" };
                let range = [("TotalItemsInView", total.as_str()), ("IncludesLastItemInRange", last)];
                w.element("m:ResolutionSet", &range, |w| {
                    for person in &found.people {
                        person.write(w, full_contact_data);
                    }
                });
            },
        )
    }
}

impl Resolution {
    fn read(node: Node<'_>) -> Result<Self> {
        let mailbox = node.required(xml::TYPES, "Mailbox")?;
        let child = |name| mailbox.required(xml::TYPES, name)?.text();
        Ok(Self { name: child("Name")?, address: child("EmailAddress")? })
    }

    fn write(&self, w: &mut Writer, full_contact_data: bool) {
        w.element("t:Resolution", &[], |w| {
            w.element("t:Mailbox", &[], |w| {
                w.text("t:Name", &self.name);
                w.text("t:EmailAddress", &self.address);
                w.text("t:RoutingType", "SMTP");
                w.text("t:MailboxType", "Mailbox");
            });
            if !full_contact_data {
                return;
            }
            w.element("t:Contact", &[], |w| {
                w.text("t:DisplayName", &self.name);
                w.element("t:EmailAddresses", &[], |w| {
                    w.text_with("t:Entry", &[("Key", "EmailAddress1")], format!("SMTP:{}", self.address));
                });
                w.text("t:ContactSource", "ActiveDirectory");
            });
        });
    }
}
