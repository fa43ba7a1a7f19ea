//! Names to addresses: the table first, then the machine's resolver.

use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::hosts::HostTable;

/// Looks names up in the table's entries for one port.
pub(super) struct TableResolver {
    pub(super) table: Arc<HostTable>,
    /// None looks nothing up in the table.
    pub(super) port: Option<u16>,
}

impl Resolve for TableResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        let known = self.port.and_then(|port| self.table.lookup(&host, port));
        Box::pin(async move {
            if let Some(address) = known {
                return Ok(Box::new(std::iter::once(address)) as Addrs);
            }
            // Port 0 is replaced by the port of the URL.
            let found = tokio::net::lookup_host((host.as_str(), 0))
                .await
                .map_err(|error| Unresolved { host: host.clone(), why: error.to_string() })?;
            let found: Vec<SocketAddr> = found.collect();
            if found.is_empty() {
                let why = "it has no address".to_owned();
                return Err(Unresolved { host, why }.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// A name without an address: looked for in chains of errors.
#[derive(Debug, thiserror::Error)]
#[error("`{host}`: {why}")]
pub(super) struct Unresolved {
    pub(super) host: String,
    pub(super) why: String,
}
