//! The one cryptography provider, named everywhere instead of installed somewhere.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// aws-lc-rs, as every TLS configuration of this product uses it.
pub fn crypto_provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// What both ends offer, best first.
pub(crate) fn alpn() -> Vec<Vec<u8>> {
    vec![b"h2".to_vec(), b"http/1.1".to_vec()]
}
