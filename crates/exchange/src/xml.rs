//! XML in and out: bounded reading, writing that cannot go wrong
//!
//! Microsoft's rendered pages show these namespaces with `https://`; on the wire they are `http://`.

mod read;
mod write;

pub(crate) use read::{Document, Node, base64, boolean, time};
pub(crate) use write::{Writer, timestamp};

pub(crate) const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
pub(crate) const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";
pub(crate) const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
pub(crate) const AUTODISCOVER: &str = "http://schemas.microsoft.com/exchange/2010/Autodiscover";
pub(crate) const MESSAGES: &str = "http://schemas.microsoft.com/exchange/services/2006/messages";
pub(crate) const TYPES: &str = "http://schemas.microsoft.com/exchange/services/2006/types";
pub(crate) const ERRORS: &str = "http://schemas.microsoft.com/exchange/services/2006/errors";
