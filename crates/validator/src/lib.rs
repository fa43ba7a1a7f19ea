//! What a resource server embeds to admit server-to-server tokens.
//!
//! [`actas_token::accept`] decides; this crate keeps what it needs to decide: whom the
//! server trusts, and the keys that those publish. Keys are fetched by issuer from
//! configured addresses only, never from an address inside a token, and never looked up
//! by thumbprint first.
//!
//! **Invariant:** reads no clock and opens no socket. `now` is an argument and the
//! network is a [`MetadataSource`].

#![warn(missing_docs)]

mod challenge;
mod header;
mod issuer;
mod validator;

pub use challenge::{diagnostics_header, dpop_challenge};
pub use header::{authorization, bearer_token, resource_request};
pub use issuer::{ConfiguredIssuer, IssuerKind, MetadataSource};
pub use validator::{Configuration, Validator};
