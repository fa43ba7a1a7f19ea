//! SOAP 1.1: the envelope and the fault

mod fault;

pub use fault::Fault;
pub(crate) use fault::{BACK_OFF, message_value};

use crate::error::{Error, Result};
use crate::xml::{self, Document, Node, Writer};

/// Which service speaks; their headers differ
///
/// Exhaustive: there are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Autodiscover,
    Ews,
}

/// What came back: an answer to what was asked, or a fault of the whole request
///
/// Exhaustive: SOAP knows nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply<T> {
    Answer(T),
    Fault(Fault),
}

impl<T> Reply<T> {
    /// The answer, or the fault as an error
    pub fn answer(self) -> Result<T, Fault> {
        match self {
            Self::Answer(answer) => Ok(answer),
            Self::Fault(fault) => Err(fault),
        }
    }
}

/// A read envelope.
pub(crate) struct Envelope<'a>(Document<'a>);

impl<'a> Envelope<'a> {
    pub(crate) fn parse(bytes: &'a [u8], bytes_max: usize) -> Result<Self> {
        let document = Document::parse(bytes, bytes_max)?;
        let root = document.root();
        if root.name() == "Envelope" && root.namespace() != Some(xml::SOAP) {
            return Err(root.unexpected("the envelope is not SOAP 1.1"));
        }
        if !root.is(xml::SOAP, "Envelope") {
            return Err(root.unexpected("not a SOAP envelope"));
        }
        Ok(Self(document))
    }

    pub(crate) fn header(&self) -> Option<Node<'_>> {
        self.0.root().child(xml::SOAP, "Header")
    }

    /// The first element of the body: it names the operation.
    pub(crate) fn body(&self) -> Result<Node<'_>> {
        let body = self.0.root().required(xml::SOAP, "Body")?;
        body.elements().next().ok_or_else(|| body.unexpected("`Body` is empty"))
    }

    /// Reads the body as an answer, unless it is a fault.
    pub(crate) fn reply<T>(
        &self,
        namespace: &str,
        name: &str,
        read: impl FnOnce(Node<'_>) -> Result<T>,
    ) -> Result<Reply<T>> {
        let body = self.body()?;
        if body.is(xml::SOAP, "Fault") {
            return Fault::read(body).map(Reply::Fault);
        }
        if !body.is(namespace, name) {
            return Err(body.unexpected(format!("not `{name}`")));
        }
        read(body).map(Reply::Answer)
    }
}

/// Writes an envelope; `declared` are further namespaces of its root.
pub(crate) fn write(
    declared: &[(&str, &str)],
    header: impl FnOnce(&mut Writer),
    body: impl FnOnce(&mut Writer),
) -> String {
    let mut namespaces = vec![("xmlns:s", xml::SOAP)];
    namespaces.extend(declared);
    let mut writer = Writer::new();
    writer.element("s:Envelope", &namespaces, |w| {
        w.element("s:Header", &[], header);
        w.element("s:Body", &[], body);
    });
    writer.finish()
}

/// The version that our server claims: the newest that exchangelib knows by name.
const VERSION: [(&str, &str); 5] = [
    ("MajorVersion", "15"),
    ("MinorVersion", "2"),
    ("MajorBuildNumber", "1544"),
    ("MinorBuildNumber", "4"),
    ("Version", "Exchange2016"),
];

/// `ServerVersionInfo`: attributes for EWS, elements for Autodiscover, and never absent, since both
/// clients fail without it.
pub(crate) fn write_server_version(w: &mut Writer, service: Service) {
    match service {
        Service::Ews => {
            let mut attributes = vec![("xmlns:h", xml::TYPES)];
            attributes.extend(VERSION);
            w.empty("h:ServerVersionInfo", &attributes);
        }
        Service::Autodiscover => {
            let namespace = [("xmlns:h", xml::AUTODISCOVER)];
            w.element("h:ServerVersionInfo", &namespace, |w| {
                for (name, value) in VERSION {
                    w.text(&format!("h:{name}"), value);
                }
            });
        }
    }
}

impl From<&Error> for Fault {
    /// The fault that a server answers to a request that it cannot read
    fn from(error: &Error) -> Self {
        let mut fault = Self::new(error.response_code(), "The request failed schema validation.");
        fault.line = error.position().map(|position| position.line);
        fault.position = error.position().map(|position| position.column);
        fault.violation = Some(error.violation());
        fault
    }
}
