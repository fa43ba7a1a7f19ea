//! Which redirect of a discovery may be followed
//!
//! A discovery is led from host to host by answers that anybody may have written, and at each host a
//! token is shown. So a target has to pass here before a token is minted for it; the EWS URL that is
//! found at the end has to pass, too.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

use crate::address::is_domain;
use crate::error::{Error, Kind, Result, shown};

/// URL and address hops of one discovery together ("stop after 10 redirections", RedirectUrl (POX))
pub const HOPS_MAX: usize = 10;

/// Domains of one list.
const DOMAINS_MAX: usize = 100;

/// The domains that a discovery may be redirected to (`ExchangeAutodiscoverAllowedDomains`)
///
/// `*.contoso.com` stands for every name below `contoso.com`, at any depth, and not for
/// `contoso.com` itself; a name without `*` stands for itself.
///
/// ```
/// use actas_exchange::redirect::AllowedDomains;
///
/// let allowed: AllowedDomains = "*.outlook.com;mail.contoso.com".parse()?;
/// assert!(allowed.contains("autodiscover-s.outlook.com"));
/// assert!(!allowed.contains("outlook.com"));
/// assert!(!allowed.contains("evil-outlook.com"));
/// # Ok::<(), actas_exchange::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedDomains(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Exact(String),
    /// Everything below; holds the name with a dot before it.
    Below(String),
}

/// Why a redirect is not followed
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedirectRefused {
    /// Neither the configured host nor on the list
    #[error("host `{host}` is not among the allowed domains `{allowed}`")]
    HostNotAllowed { host: String, allowed: AllowedDomains },
    /// An address where a certificate could only name a host
    #[error("`{0}` is an IP address and not the configured host")]
    IpLiteral(String),
    /// A URL that names no host
    #[error("`{0}` names no host")]
    NoHost(String),
    /// A token may not travel in the clear
    #[error("`{0}` is not https")]
    NotHttps(String),
    /// As many hops as a discovery may have
    #[error("more than {HOPS_MAX} redirects")]
    TooManyHops,
    /// A user name or password in the URL
    #[error("the URL at host `{0}` carries a user name or password")]
    UserInfo(String),
    /// The discovery has been there
    #[error("`{0}` was tried before: the redirects run in a circle")]
    Visited(String),
}

/// Whether `url` may be followed, after `hops` redirects that led over `visited`
///
/// `configured_host` is the host that the operator named; it is trusted without being on the list.
pub fn check_target(
    url: &Url,
    configured_host: &str,
    allowed: &AllowedDomains,
    visited: &[Url],
    hops: usize,
) -> Result<(), RedirectRefused> {
    if hops >= HOPS_MAX {
        return Err(RedirectRefused::TooManyHops);
    }
    let Some(host) = url.host() else {
        return Err(RedirectRefused::NoHost(shown(url.as_str())));
    };
    let name = normal(&host.to_string());
    if !url.username().is_empty() || url.password().is_some() {
        return Err(RedirectRefused::UserInfo(name));
    }
    if url.scheme() != "https" {
        return Err(RedirectRefused::NotHttps(shown(url.as_str())));
    }
    let configured = name == normal(configured_host);
    if !configured && !matches!(host, Host::Domain(_)) {
        return Err(RedirectRefused::IpLiteral(name));
    }
    if !configured && !allowed.contains(&name) {
        return Err(RedirectRefused::HostNotAllowed { host: name, allowed: allowed.clone() });
    }
    if visited.iter().any(|seen| same(seen, url)) {
        return Err(RedirectRefused::Visited(shown(url.as_str())));
    }
    Ok(())
}

/// Whether both name one place: the fragment and a dot after the host make no difference.
fn same(one: &Url, two: &Url) -> bool {
    let place = |url: &Url| {
        (
            url.scheme().to_owned(),
            url.host_str().map(normal),
            url.port_or_known_default(),
            url.path().to_owned(),
            url.query().map(str::to_owned),
        )
    };
    place(one) == place(two)
}

/// In lower case and without one dot at the end.
fn normal(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_lowercase()
}

// === impl AllowedDomains ===

impl AllowedDomains {
    /// Whether a name is on the list
    pub fn contains(&self, host: &str) -> bool {
        let host = normal(host);
        self.0.iter().any(|pattern| match pattern {
            Pattern::Exact(name) => *name == host,
            Pattern::Below(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
        })
    }

    /// Whether nothing is allowed but the configured host
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for AllowedDomains {
    type Err = Error;

    /// Reads `*.contoso.com;*.fabrikam.com`; an empty text allows nothing
    fn from_str(text: &str) -> Result<Self> {
        let entries: Vec<_> = text.split(';').map(str::trim).filter(|entry| !entry.is_empty()).collect();
        if entries.len() > DOMAINS_MAX {
            return Err(Error::too_large("allowed domains", DOMAINS_MAX));
        }
        entries.into_iter().map(Pattern::parse).collect::<Result<_>>().map(Self)
    }
}

impl fmt::Display for AllowedDomains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pattern) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(";")?;
            }
            match pattern {
                Pattern::Exact(name) => f.write_str(name)?,
                Pattern::Below(suffix) => write!(f, "*{suffix}")?,
            }
        }
        Ok(())
    }
}

impl Pattern {
    fn parse(entry: &str) -> Result<Self> {
        let lower = normal(entry);
        let pattern = match lower.strip_prefix("*.") {
            Some(name) if is_domain(name) => Self::Below(format!(".{name}")),
            None if is_domain(&lower) => Self::Exact(lower),
            Some(_) | None => {
                let what = format!("`{}` is neither a name nor `*.` and a name", shown(entry));
                return Err(Error::new(Kind::AllowedDomains(what)));
            }
        };
        Ok(pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let cases = [
            ("", Some("")),
            (" ; ;", Some("")),
            ("*.Contoso.COM ; fabrikam.com.", Some("*.contoso.com;fabrikam.com")),
            ("*", None),
            ("*.", None),
            ("*contoso.com", None),
            ("mail.*.com", None),
            ("contoso..com", None),
            ("https://contoso.com", None),
            ("*.contoso.com,*.fabrikam.com", None),
        ];
        for (text, expected) in cases {
            let read = AllowedDomains::from_str(text).map(|list| list.to_string()).ok();
            assert_eq!(read.as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn wildcards_hold_at_labels() {
        let allowed: AllowedDomains = "*.contoso.com;fabrikam.com".parse().unwrap();
        let cases = [
            ("mail.contoso.com", true),
            ("a.b.contoso.com", true),
            ("MAIL.Contoso.Com.", true),
            ("fabrikam.com", true),
            ("contoso.com", false),
            ("evilcontoso.com", false),
            (".contoso.com", false),
            ("contoso.com.evil.example", false),
            ("mail.fabrikam.com", false),
            ("", false),
        ];
        for (host, expected) in cases {
            assert_eq!(allowed.contains(host), expected, "{host:?}");
        }
    }

    #[track_caller]
    fn check(url: &str, expected: &str) {
        let url = Url::parse(url).unwrap();
        let allowed: AllowedDomains = "*.outlook.com".parse().unwrap();
        let visited = [Url::parse("https://seen.outlook.com/autodiscover/autodiscover.svc").unwrap()];
        let got = match check_target(&url, "autodiscover.contoso.com", &allowed, &visited, 9) {
            Ok(()) => "followed".to_owned(),
            Err(refused) => refused.to_string(),
        };
        assert_eq!(got, expected);
    }

    #[test]
    fn targets() {
        check("https://autodiscover-s.outlook.com/x", "followed");
        check("https://AUTODISCOVER.contoso.com./x", "followed");
        check("https://autodiscover-s.outlook.com:444/x", "followed");
        check("http://autodiscover-s.outlook.com/x", "`http://autodiscover-s.outlook.com/x` is not https");
        check("ftp://autodiscover.contoso.com/", "`ftp://autodiscover.contoso.com/` is not https");
        check("https://a:b@mail.outlook.com/", "the URL at host `mail.outlook.com` carries a user name or password");
        check("https://outlook.com@evil.example/", "the URL at host `evil.example` carries a user name or password");
        check("https://127.0.0.1/", "`127.0.0.1` is an IP address and not the configured host");
        check("https://2130706433/", "`127.0.0.1` is an IP address and not the configured host");
        check("https://[::1]/", "`[::1]` is an IP address and not the configured host");
        check("https://evil.example/", "host `evil.example` is not among the allowed domains `*.outlook.com`");
        check("https://eviloutlook.com/", "host `eviloutlook.com` is not among the allowed domains `*.outlook.com`");
        check("https://outlook.com/", "host `outlook.com` is not among the allowed domains `*.outlook.com`");
        check(
            "https://SEEN.outlook.com.:443/autodiscover/autodiscover.svc#x",
            "`https://seen.outlook.com./autodiscover/autodiscover.svc#x` was tried before: the redirects run in a circle",
        );
        check("data:text/plain,x", "`data:text/plain,x` names no host");
    }

    #[test]
    fn the_configured_address_is_followed() {
        let url = Url::parse("https://127.0.0.1:8443/").unwrap();
        assert_eq!(check_target(&url, "127.0.0.1", &AllowedDomains::default(), &[], 0), Ok(()));
    }

    #[test]
    fn ten_hops_are_enough() {
        let url = Url::parse("https://mail.contoso.com/").unwrap();
        let refused = check_target(&url, "mail.contoso.com", &AllowedDomains::default(), &[], 10);
        assert_eq!(refused, Err(RedirectRefused::TooManyHops));
    }
}
