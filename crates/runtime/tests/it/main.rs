//! The crate as its users see it, over real sockets on loopback.
#![allow(clippy::panic, clippy::unwrap_used)] // helpers stand outside of test functions

mod client;
mod client_certificate;
mod config;
mod event;
mod event_sinks;
mod hosts;
mod listener;

use std::net::SocketAddr;
use std::time::Duration;

use actas_certificate::{Authority, Name};
use actas_runtime::listener::{bind, serve_plain, serve_tls};
use actas_runtime::{ClientOptions, Clock as _, HostTable, HttpClient, Limits, Server, SystemClock, TlsIdentity};
use axum::Router;

const DAY: Duration = Duration::from_hours(24);

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn authority() -> Authority {
    Authority::create("Test CA", SystemClock.now(), DAY).unwrap()
}

fn identity(authority: &Authority, names: &[&str]) -> TlsIdentity {
    let names: Vec<Name> = names.iter().map(|name| name.parse().unwrap()).collect();
    let pair = authority.issue_server(&names, SystemClock.now(), DAY).unwrap();
    TlsIdentity::new(vec![pair.certificate().der().to_vec()], pair.key().pkcs8_der().to_vec())
}

fn tls_server(authority: &Authority, names: &[&str], router: Router) -> Server {
    let bound = bind(loopback()).unwrap();
    serve_tls(bound, router, identity(authority, names), &Limits::default()).unwrap()
}

fn plain_server(router: Router) -> Server {
    serve_plain(bind(loopback()).unwrap(), router, &Limits::default()).unwrap()
}

fn options(authority: &Authority, hosts: &[String]) -> ClientOptions {
    let mut table = HostTable::default();
    for entry in hosts {
        table.add(entry.parse().unwrap()).unwrap();
    }
    ClientOptions {
        hosts: table,
        extra_roots: vec![authority.certificate().to_tls()],
        only_extra_roots: true,
        ..ClientOptions::default()
    }
}

fn client(authority: &Authority, hosts: &[String]) -> HttpClient {
    HttpClient::new(&options(authority, hosts)).unwrap()
}
