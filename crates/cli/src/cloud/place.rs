//! Under which names a cloud is reached.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actas_certificate::Name;
use actas_runtime::config::Origin;
use actas_runtime::hosts::HostEntry;

use crate::problem::Problem;

/// The names of a cloud. Until it listens, a port may still be unknown.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    kind: Kind,
    /// Origins of the token service and Graph, the canonical one first.
    pub(crate) origins: Vec<Origin>,
    /// Hosts that an audience for Exchange may name, the preferred one first.
    pub(crate) exchange_hosts: Vec<String>,
    /// The port that such an audience may add.
    pub(crate) port: Option<u16>,
    /// `https://host[:port]` of EWS.
    ews_base: String,
    /// `https://host[:port]` of Autodiscover.
    pub(crate) autodiscover_base: String,
    /// Further host names that lead here over plain http only, as a customer's own
    /// Autodiscover name does.
    aliases: Vec<String>,
}

#[derive(Clone, Debug)]
enum Kind {
    Loopback,
    Named,
    Public,
}

/// Names of the cloud that the demonstration runs.
pub(crate) mod names {
    /// Token service.
    pub(crate) const STS: &str = "sts.cloud.example";
    /// Directory.
    pub(crate) const GRAPH: &str = "graph.cloud.example";
    /// Autodiscover.
    pub(crate) const AUTODISCOVER: &str = "autodiscover-s.outlook.cloud.example";
    /// EWS.
    pub(crate) const EWS: &str = "ews.outlook.cloud.example";
    /// The customer's own name for Autodiscover, which leads to the cloud and is not in
    /// its certificate.
    pub(crate) const CUSTOMER_AUTODISCOVER: &str = "autodiscover.fabrikam.example";
}

// === impl Place ===

impl Place {
    /// Everything at `https://localhost:PORT`.
    pub(crate) fn loopback() -> Self {
        Self {
            kind: Kind::Loopback,
            origins: Vec::new(),
            exchange_hosts: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
            port: None,
            ews_base: String::new(),
            autodiscover_base: String::new(),
            aliases: Vec::new(),
        }
    }

    /// A cloud with names of its own, as the walk needs it.
    pub(crate) fn named() -> Self {
        let origin = |host: &str| format!("https://{host}").parse().ok();
        Self {
            kind: Kind::Named,
            origins: [names::STS, names::GRAPH].into_iter().filter_map(origin).collect(),
            exchange_hosts: vec![names::EWS.to_owned(), names::AUTODISCOVER.to_owned()],
            port: None,
            ews_base: format!("https://{}", names::EWS),
            autodiscover_base: format!("https://{}", names::AUTODISCOVER),
            aliases: vec![names::CUSTOMER_AUTODISCOVER.to_owned()],
        }
    }

    /// Everything at one public origin.
    pub(crate) fn public(origin: Origin) -> Self {
        Self {
            kind: Kind::Public,
            exchange_hosts: vec![origin.host().to_owned()],
            port: Some(origin.port()),
            ews_base: origin.to_string(),
            autodiscover_base: origin.to_string(),
            origins: vec![origin],
            aliases: Vec::new(),
        }
    }

    /// The same, now that the listener's address is known.
    pub(crate) fn at(mut self, address: SocketAddr) -> Self {
        if let Kind::Loopback = self.kind {
            let port = address.port();
            let origin = |host: &str| format!("https://{host}:{port}").parse().ok();
            self.origins = ["localhost", "127.0.0.1"].into_iter().filter_map(origin).collect();
            self.port = Some(port);
            // As an origin: clients are sent there, and some fail on `:443`.
            self.ews_base = self.origin().to_owned();
            self.autodiscover_base.clone_from(&self.ews_base);
        }
        self
    }

    /// The canonical origin, without trailing slash.
    pub(crate) fn origin(&self) -> &str {
        self.origins.first().map_or("https://localhost", Origin::as_str)
    }

    /// What Graph is named in a scope, beside its well-known names. Where everything is at
    /// one public origin, that is Exchange's name.
    pub(crate) fn graph_name(&self) -> Option<&str> {
        if let Kind::Public = self.kind { None } else { Some(self.graph_origin()) }
    }

    /// The origin of Graph.
    pub(crate) fn graph_origin(&self) -> &str {
        self.origins.last().filter(|_| matches!(self.kind, Kind::Named)).map_or_else(|| self.origin(), Origin::as_str)
    }

    /// Every origin that Graph is reached by, its own first.
    pub(crate) fn graph_origins(&self) -> Vec<String> {
        let own = self.graph_origin();
        let others = self.origins.iter().map(Origin::as_str).filter(|origin| *origin != own);
        std::iter::once(own).chain(others).map(str::to_owned).collect()
    }

    pub(crate) fn ews_url(&self) -> String {
        format!("{}/EWS/Exchange.asmx", self.ews_base)
    }

    pub(crate) fn autodiscover_url(&self) -> String {
        format!("{}/autodiscover/autodiscover.svc", self.autodiscover_base)
    }

    /// Names that the certificate for TLS holds.
    pub(crate) fn tls_names(&self) -> Vec<Name> {
        let hosts = self.origins.iter().map(Origin::host).chain(self.exchange_hosts.iter().map(String::as_str));
        let mut names: Vec<Name> = Vec::new();
        for name in hosts
            .chain(["localhost", "127.0.0.1"])
            .filter_map(|host| host.parse().ok())
            .chain([Name::from(IpAddr::V6(Ipv6Addr::LOCALHOST))])
        {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// How the names lead to the listeners. `localhost` needs no entry.
    pub(crate) fn host_entries(
        &self,
        address: SocketAddr,
        http_address: Option<SocketAddr>,
    ) -> Result<Vec<HostEntry>, Problem> {
        let entry = |host: &str, port: u16, address| {
            HostEntry::new(host, port, address).map_err(|error| Problem::failed(error.to_string()))
        };
        let dialled = reachable(address);
        match self.kind {
            Kind::Loopback => Ok(Vec::new()),
            Kind::Public => {
                let origin = &self.origins[0];
                let maps = origin.port() == 443 || origin.port() == address.port();
                if maps && origin.host().parse::<IpAddr>().is_err() {
                    Ok(vec![entry(origin.host(), origin.port(), dialled)?])
                } else {
                    Ok(Vec::new())
                }
            }
            Kind::Named => {
                let own = [names::STS, names::GRAPH, names::AUTODISCOVER, names::EWS].map(str::to_owned);
                let mut all = Vec::new();
                for host in own.iter().chain(&self.aliases) {
                    all.push(entry(host, 443, dialled)?);
                }
                if let Some(http_address) = http_address {
                    for host in &self.aliases {
                        all.push(entry(host, 80, reachable(http_address))?);
                    }
                }
                Ok(all)
            }
        }
    }
}

/// A listener on every address is dialled on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], address.port())) } else { address }
}
