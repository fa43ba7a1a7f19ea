//! What a server needs from the machine: clock, listener, client, limits, events, configuration.
//!
//! Servers and agents of this product take these from here and from nowhere else, so that time
//! can be moved in a test, names can be pointed at loopback, and every wait and every size has a
//! bound.

pub mod client;
pub mod clock;
pub mod config;
pub mod event;
pub mod hosts;
pub mod listener;
pub mod rate;
mod tls;

pub use crate::client::{BodyStream, ClientError, ClientOptions, HttpClient, HttpRequest, HttpResponse};
pub use crate::clock::{Clock, ManualClock, SharedClock, SystemClock};
pub use crate::config::Config;
pub use crate::event::{Event, EventSink};
pub use crate::hosts::HostTable;
pub use crate::listener::{BoundListener, ClientCertificate, Limits, ListenError, Server, TlsIdentity};
pub use crate::tls::crypto_provider;
