//! One message of a response

use std::fmt;

use crate::error::Result;
use crate::ews::BATCH_MAX;
use crate::ews::response_code::{DeliveryClass, ResponseCode};
use crate::soap::{self, Envelope, Reply, Service};
use crate::xml::{self, Node, Writer};

/// What became of one item or folder of a request
///
/// Exhaustive: the schema fixes the classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseMessage<T> {
    Success(T),
    /// Not done, and no failure of its own: `ErrorBatchProcessingStopped` after a fatal one
    Warning(Failure),
    Error(Failure),
}

/// Why something was not done
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub code: ResponseCode,
    pub text: String,
    /// How long the server wants to be left alone
    pub back_off_ms: Option<u64>,
    /// What `ErrorInternalServerError` hides: possibly `ErrorServerBusy`
    pub inner_code: Option<ResponseCode>,
}

// === impl ResponseMessage ===

impl<T> ResponseMessage<T> {
    /// A failure with the text that goes with it
    pub fn error(code: ResponseCode, text: impl Into<String>) -> Self {
        Self::Error(Failure::new(code, text))
    }

    /// The payload, or why there is none
    pub fn into_result(self) -> Result<T, Failure> {
        match self {
            Self::Success(payload) => Ok(payload),
            Self::Warning(failure) | Self::Error(failure) => Err(failure),
        }
    }

    /// The same with another payload
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> ResponseMessage<U> {
        match self {
            Self::Success(payload) => ResponseMessage::Success(map(payload)),
            Self::Warning(failure) => ResponseMessage::Warning(failure),
            Self::Error(failure) => ResponseMessage::Error(failure),
        }
    }
}

impl<T> From<Result<T, Failure>> for ResponseMessage<T> {
    fn from(result: Result<T, Failure>) -> Self {
        match result {
            Ok(payload) => Self::Success(payload),
            Err(failure) => Self::Error(failure),
        }
    }
}

// === impl Failure ===

impl Failure {
    pub fn new(code: ResponseCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), back_off_ms: None, inner_code: None }
    }

    /// What it means for a delivery, with what is hidden inside taken into account
    pub fn delivery_class(&self) -> DeliveryClass {
        self.inner_code.as_ref().unwrap_or(&self.code).delivery_class()
    }

    fn read(node: Node<'_>) -> Result<Self> {
        let code = node.required(xml::MESSAGES, "ResponseCode")?.token()?;
        let text = match node.child(xml::MESSAGES, "MessageText") {
            Some(text) => text.text()?,
            None => String::new(),
        };
        let mut failure = Self::new(ResponseCode::from_name(&code), text);
        if let Some(details) = node.child(xml::MESSAGES, "MessageXml") {
            failure.back_off_ms = soap::message_value(details, soap::BACK_OFF).map(Node::number).transpose()?;
            failure.inner_code = soap::message_value(details, INNER_CODE)
                .map(Node::token)
                .transpose()?
                .map(|name| ResponseCode::from_name(&name));
        }
        Ok(failure)
    }

    /// In the order of the schema: text, code, key, details.
    fn write(&self, w: &mut Writer) {
        w.text("m:MessageText", &self.text);
        w.text("m:ResponseCode", self.code.as_str());
        w.text("m:DescriptiveLinkKey", "0");
        if self.back_off_ms.is_none() && self.inner_code.is_none() {
            return;
        }
        w.element("m:MessageXml", &[], |w| {
            if let Some(back_off_ms) = self.back_off_ms {
                let name = [("Name", soap::BACK_OFF)];
                w.text_with("t:Value", &name, back_off_ms.to_string());
            }
            if let Some(code) = &self.inner_code {
                w.text_with("t:Value", &[("Name", INNER_CODE)], code.as_str());
            }
        });
    }
}

const INNER_CODE: &str = "InnerErrorResponseCode";

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.text)
    }
}

impl std::error::Error for Failure {}

// === reading and writing a response ===

/// Reads the response of an operation; `read` takes one message that is a success.
pub(super) fn parse<T>(
    bytes: &[u8],
    bytes_max: usize,
    operation: &str,
    read: impl Fn(Node<'_>) -> Result<T>,
) -> Result<Reply<Vec<ResponseMessage<T>>>> {
    let envelope = Envelope::parse(bytes, bytes_max)?;
    envelope.reply(xml::MESSAGES, &format!("{operation}Response"), |response| {
        let messages = response.required(xml::MESSAGES, "ResponseMessages")?;
        messages.each("messages in one response", BATCH_MAX, |message| {
            match message.required_attribute("ResponseClass")? {
                "Success" => read(message).map(ResponseMessage::Success),
                "Warning" if has_payload(message) => read(message).map(ResponseMessage::Success),
                "Warning" => Failure::read(message).map(ResponseMessage::Warning),
                "Error" => Failure::read(message).map(ResponseMessage::Error),
                _ => Err(message.unexpected("an unknown `ResponseClass`")),
            }
        })
    })
}

/// Whether a message holds more than what became of it: `ResolveNames` warns of an answer.
fn has_payload(message: Node<'_>) -> bool {
    message.child(xml::MESSAGES, "ResolutionSet").is_some()
}

/// Writes the response of an operation; `write` adds the payload of a success, and `container` is
/// the element that stands, empty, where a failure has none.
pub(super) fn write<T>(
    operation: &str,
    messages: &[ResponseMessage<T>],
    container: Option<&str>,
    write: impl Fn(&mut Writer, &T),
) -> String {
    let missing = |w: &mut Writer| {
        if let Some(container) = container {
            w.empty(container, &[]);
        }
    };
    write_with(operation, messages, missing, |_| None, write)
}

/// As [`write()`]; `missing` adds what stands where a failure has no payload, and a payload can
/// have a warning of its own.
pub(super) fn write_with<T>(
    operation: &str,
    messages: &[ResponseMessage<T>],
    missing: impl Fn(&mut Writer),
    warning: impl Fn(&T) -> Option<Failure>,
    write: impl Fn(&mut Writer, &T),
) -> String {
    let message_name = format!("m:{operation}ResponseMessage");
    let failed = |w: &mut Writer, class: &str, failure: &Failure| {
        w.element(&message_name, &[("ResponseClass", class)], |w| {
            failure.write(w);
            missing(w);
        });
    };
    soap::write(
        &[("xmlns:m", xml::MESSAGES), ("xmlns:t", xml::TYPES)],
        |w| soap::write_server_version(w, Service::Ews),
        |w| {
            w.element(&format!("m:{operation}Response"), &[], |w| {
                w.element("m:ResponseMessages", &[], |w| {
                    for message in messages {
                        match message {
                            ResponseMessage::Success(payload) => {
                                let warning = warning(payload);
                                let class = if warning.is_some() { "Warning" } else { "Success" };
                                w.element(&message_name, &[("ResponseClass", class)], |w| {
                                    match &warning {
                                        Some(warning) => warning.write(w),
                                        None => w.text("m:ResponseCode", "NoError"),
                                    }
                                    write(w, payload);
                                });
                            }
                            ResponseMessage::Warning(failure) => failed(w, "Warning", failure),
                            ResponseMessage::Error(failure) => failed(w, "Error", failure),
                        }
                    }
                });
            });
        },
    )
}
