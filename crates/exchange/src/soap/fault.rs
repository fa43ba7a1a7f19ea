//! The fault: what answers a request that fails as a whole

use std::fmt;

use crate::error::Result;
use crate::ews::ResponseCode;
use crate::soap::{self, Service};
use crate::xml::{self, Node, Writer};

/// The failure of a whole request, sent with HTTP status 500
///
/// The failure of one item among others is a
/// [`ResponseMessage::Error`](crate::ews::ResponseMessage::Error) instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub code: ResponseCode,
    pub message: String,
    /// Where in the request (`LineNumber`)
    pub line: Option<u32>,
    /// Where in the line (`LinePosition`)
    pub position: Option<u32>,
    /// What was wrong there
    pub violation: Option<String>,
    /// How long the server wants to be left alone (`BackOffMilliseconds`, EWS throttling in Exchange)
    pub back_off_ms: Option<u64>,
}

impl Fault {
    pub fn new(code: ResponseCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), line: None, position: None, violation: None, back_off_ms: None }
    }

    /// `ErrorServerBusy` with the time to wait
    pub fn busy(back_off_ms: u64) -> Self {
        let mut fault = Self::new(
            ResponseCode::ErrorServerBusy,
            "The server cannot service this request right now. Try again later.",
        );
        fault.back_off_ms = Some(back_off_ms);
        fault
    }

    /// Writes the envelope
    pub fn write(&self, service: Service) -> String {
        soap::write(
            &[],
            |w| soap::write_server_version(w, service),
            |w| w.element("s:Fault", &[], |w| self.write_content(w)),
        )
    }

    fn write_content(&self, w: &mut Writer) {
        let code = self.code.as_str();
        w.text_with("faultcode", &[("xmlns:q", xml::TYPES)], format!("q:{code}"));
        let text = match &self.violation {
            Some(violation) => format!("{} {violation}", self.message),
            None => self.message.clone(),
        };
        w.text_with("faultstring", &[("xml:lang", "en-US")], text);
        w.element("detail", &[], |w| {
            let namespace = [("xmlns:e", xml::ERRORS)];
            w.text_with("e:ResponseCode", &namespace, code);
            w.text_with("e:Message", &namespace, &self.message);
            if self.has_details() {
                w.element("t:MessageXml", &[("xmlns:t", xml::TYPES)], |w| {
                    self.write_details(w);
                });
            }
        });
    }

    fn has_details(&self) -> bool {
        self.line.is_some() || self.position.is_some() || self.violation.is_some() || self.back_off_ms.is_some()
    }

    fn write_details(&self, w: &mut Writer) {
        w.number_opt("t:LineNumber", self.line);
        w.number_opt("t:LinePosition", self.position);
        w.text_opt("t:Violation", self.violation.as_ref());
        // exchangelib reads the first `Value` and no other.
        if let Some(back_off_ms) = self.back_off_ms {
            let name = [("Name", BACK_OFF)];
            w.text_with("t:Value", &name, back_off_ms.to_string());
        }
    }

    /// Reads `s:Fault`, whoever wrote it: what stands in `detail` goes first, since only EWS and
    /// Autodiscover fill it.
    pub(crate) fn read(node: Node<'_>) -> Result<Self> {
        let plain = |name: &str| node.elements().find(|child| child.name() == name);
        let detail = plain("detail");
        let in_detail = |name: &str| detail.and_then(|detail| detail.child(xml::ERRORS, name));
        let code = match (in_detail("ResponseCode"), plain("faultcode")) {
            (Some(code), _) => code.token()?,
            (None, Some(code)) => {
                let text = code.token()?;
                let local = text.rsplit_once(':').map(|(_, local)| local.to_owned());
                local.unwrap_or(text)
            }
            (None, None) => return Err(node.unexpected("`Fault` has no code")),
        };
        let message = match in_detail("Message").or_else(|| plain("faultstring")) {
            Some(message) => message.text()?,
            None => String::new(),
        };
        let mut fault = Self::new(ResponseCode::from_name(&code), message);
        if let Some(details) = detail.and_then(|detail| detail.child(xml::TYPES, "MessageXml")) {
            let child = |name| details.child(xml::TYPES, name);
            fault.line = child("LineNumber").map(Node::number).transpose()?;
            fault.position = child("LinePosition").map(Node::number).transpose()?;
            fault.violation = child("Violation").map(Node::text).transpose()?;
            fault.back_off_ms = message_value(details, BACK_OFF).map(Node::number).transpose()?;
        }
        Ok(fault)
    }
}

pub(crate) const BACK_OFF: &str = "BackOffMilliseconds";

/// The `Value` of this name in a `MessageXml`.
pub(crate) fn message_value<'a>(details: Node<'a>, name: &str) -> Option<Node<'a>> {
    details.children(xml::TYPES, "Value").find(|value| value.attribute("Name") == Some(name))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        if let Some(violation) = &self.violation {
            write!(f, " {violation}")?;
        }
        if let (Some(line), Some(position)) = (self.line, self.position) {
            write!(f, " (line {line}, column {position})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
