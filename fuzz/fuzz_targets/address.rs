//! Names: SMTP addresses, principals, domains, hosts, origins, names in certificates, and which
//! redirect may be followed. Two lines: a URL and the domains that are allowed, or any name.

#![no_main]

use actas_certificate::Name;
use actas_directory::DomainName;
use actas_exchange::SmtpAddress;
use actas_exchange::redirect::{AllowedDomains, check_target};
use actas_runtime::config::Origin;
use actas_runtime::hosts::HostEntry;
use actas_token::{Principal, TenantId};
use libfuzzer_sys::fuzz_target;
use url::Url;

const CONFIGURED: &str = "autodiscover.fabrikam.example";

/// What is read is shown as something that is read as the same.
macro_rules! shown_and_read {
    ($text:ident, $($kind:ty),*) => {
        $(if let Ok(read) = $text.parse::<$kind>() {
            let shown = read.to_string();
            assert_eq!(shown.parse::<$kind>().ok(), Some(read), "{shown}");
        })*
    };
}

fuzz_target!(|text: &str| {
    shown_and_read!(text, SmtpAddress, Principal, TenantId, DomainName, Name, HostEntry, Origin, AllowedDomains);
    if let Ok(address) = text.parse::<SmtpAddress>() {
        assert_eq!(format!("{}@{}", address.local_part(), address.domain()), address.lower());
        // In a URL that is composed with the domain, the host ends where it ends.
        if let Ok(url) = Url::parse(&format!("https://autodiscover.{}/x", address.domain())) {
            assert!(url.path() == "/x" && url.username().is_empty() && url.port().is_none(), "{url}");
            assert!(url.host_str().is_some_and(|host| host.starts_with("autodiscover.")), "{url}");
        }
    }
    if let Ok(origin) = text.parse::<Origin>() {
        assert!(origin.as_str().starts_with("https://") && !origin.as_str().ends_with('/'));
    }
    let Some((url, allowed)) = text.split_once('\n') else { return };
    let (Ok(url), Ok(allowed)) = (Url::parse(url), allowed.parse::<AllowedDomains>()) else { return };
    if check_target(&url, CONFIGURED, &allowed, &[], 0).is_ok() {
        let host = url.host_str().expect("what is followed has a host").trim_end_matches('.').to_lowercase();
        assert_eq!(url.scheme(), "https");
        assert!(url.username().is_empty() && url.password().is_none());
        assert!(host == CONFIGURED || allowed.contains(&host), "{host}");
        let visited = [url.clone()];
        assert!(check_target(&url, CONFIGURED, &allowed, &visited, 1).is_err(), "it is followed in a circle");
    }
});
