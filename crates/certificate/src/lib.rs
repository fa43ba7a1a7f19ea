//! Certificates and keys in memory and files, and the slots they are rolled through.
//!
//! Everything here but [`mod@file`] is pure: no clock is read (`now` is an argument) and nothing
//! touches the disk or the network. [`mod@file`] is the one place of the product that reads and
//! writes private key bytes on disk.
//!
//! ```
//! use actas_certificate::{Name, issue};
//! use std::time::Duration;
//!
//! let now: jiff::Timestamp = "2026-12-01T00:00:00Z".parse()?;
//! let names: Vec<Name> = vec!["fabrikam.example".parse()?];
//! let year = Duration::from_secs(365 * 24 * 60 * 60);
//! let pair = issue::self_signed("fabrikam.example", &names, now, year, 2048)?;
//!
//! assert_eq!(pair.certificate().thumbprint().len(), 40);
//! assert!(pair.certificate().check_usable_for_tokens(now).is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod certificate;
mod decode;
mod encrypted;
pub mod file;
pub mod issue;
mod key;
mod name;
mod pkcs12;
mod remote;
pub mod slots;

pub use crate::certificate::{Certificate, KeyAlgorithm, TOKEN_KEY_BITS_MIN, Unusable};
pub use crate::decode::{CERTIFICATE_BYTES_MAX, CertificateError};
pub use crate::issue::{Authority, IssueError};
pub use crate::key::{KeyError, KeyPair, PrivateKey};
pub use crate::name::{InvalidName, Name};
pub use crate::pkcs12::{PKCS12_BYTES_MAX, Pkcs12Error};
pub use crate::remote::PublicHalf;
pub use crate::slots::{Ends, SlotError, Slots};
