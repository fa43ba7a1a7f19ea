//! What a configuration says of mailboxes.

use std::collections::BTreeMap;

use actas_directory::DomainName;
use actas_mailbox::Elsewhere;
use actas_runtime::config::CloudConfig;
use actas_runtime::rate::Rate;
use url::Url;

use crate::problem::Problem;

/// Policy of the mailbox server, where it is not the default.
#[derive(Debug, Default)]
pub(crate) struct Mailboxes {
    /// The most bytes of one mailbox.
    pub(crate) quota_bytes: Option<i64>,
    /// The most bytes of one item.
    pub(crate) item_bytes: Option<i64>,
    /// Requests of one application to one mailbox.
    pub(crate) rate: Option<Rate>,
    /// Domains whose mailboxes are elsewhere, lower case.
    pub(crate) elsewhere: BTreeMap<String, Elsewhere>,
}

// === impl Mailboxes ===

impl Mailboxes {
    /// What the file says.
    pub(crate) fn configured(config: &CloudConfig) -> Result<Self, Problem> {
        // What is more than a database counts is no limit.
        let count = |bytes: Option<u64>| bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
        let (quota_bytes, item_bytes) = (count(config.mailbox_quota_bytes), count(config.mailbox_item_bytes));
        let rate = config.mailbox_rate.map(|rate| Rate { per_second: rate.per_second.get(), burst: rate.burst.get() });
        let entries = config.elsewhere.iter().map(|(domain, place)| entry(domain, place));
        Ok(Self { quota_bytes, item_bytes, rate, elsewhere: entries.collect::<Result<_, _>>()? })
    }
}

fn entry(domain: &str, place: &str) -> Result<(String, Elsewhere), Problem> {
    let refused = |why: &str| {
        Problem::failed(format!("`elsewhere` in `[cloud]` says \"{domain}\" = \"{place}\": {why}")).hint(
            "give for a domain another domain, or the address of another Autodiscover such as `https://autodiscover.cloud.example/autodiscover/autodiscover.svc`",
        )
    };
    let from: DomainName = domain.parse().map_err(|error| refused(&format!("{error}")))?;
    let place = match place.parse::<DomainName>() {
        Ok(to) if to == from => return Err(refused("a domain that is elsewhere cannot be at itself")),
        Ok(to) => Elsewhere::Domain(to.as_str().to_owned()),
        Err(_) => match Url::parse(place) {
            Ok(url) if url.scheme() == "https" => Elsewhere::Url(url.into()),
            _ => return Err(refused("that is neither a domain nor an `https` address")),
        },
    };
    Ok((from.as_str().to_owned(), place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_elsewhere_by_domain_or_address() {
        let svc = "https://autodiscover.cloud.example/autodiscover/autodiscover.svc";
        let good = |domain, place| entry(domain, place).unwrap();
        let domain = Elsewhere::Domain("new.example".to_owned());
        assert_eq!(good("Old.example", "NEW.example"), ("old.example".to_owned(), domain));
        assert_eq!(good("old.example", svc), ("old.example".to_owned(), Elsewhere::Url(svc.to_owned())));
        let numbered = svc.replace(".example/", ".example:443/");
        let numbered = good("old.example", &numbered);
        assert_eq!(numbered, good("old.example", svc), "clients fail on the default port's number");
        for (domain, place) in [
            ("old", "new.example"),
            ("old.example", ""),
            ("old.example", "OLD.example"),
            ("old.example", "http://autodiscover.cloud.example/"),
            ("old.example", "lena@new.example"),
        ] {
            let told = entry(domain, place).unwrap_err().to_string();
            assert!(told.contains(domain) && told.contains(place), "{told}");
        }
    }
}
