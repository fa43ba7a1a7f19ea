//! Autodiscover, EWS and Graph mail: text to types and back
//!
//! Both ends of the wire stand on this crate: a server reads requests and writes responses with it,
//! a client writes requests and reads responses. It does no I/O and reads no clock; whatever comes
//! from outside is read with bounds on size, depth and count, and refused with one [`Error`] that
//! says what was wrong, where, and whose move it is.
//!
//! | module | holds |
//! |---|---|
//! | [`address`] | an SMTP address |
//! | [`autodiscover`] | `GetUserSettings`, request and response |
//! | [`ews`] | folders, items, searches: requests and responses |
//! | [`graph`] | the same messages and folders as Graph tells them |
//! | [`redirect`] | which redirect of a discovery may be followed |
//! | [`soap`] | faults, and what a reply can be |

#[macro_use]
mod names;

pub mod address;
pub mod autodiscover;
mod error;
pub mod ews;
pub mod graph;
pub mod redirect;
pub mod soap;
mod xml;

pub use address::SmtpAddress;
pub use error::{Error, Position, Result};
