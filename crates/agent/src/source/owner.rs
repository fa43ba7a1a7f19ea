//! Whose mailbox a user of another system has.

use actas_exchange::SmtpAddress;
use actas_runtime::config::SourcesConfig;
use regex::{Regex, RegexBuilder};

use crate::error::Error;

/// The most bytes that a compiled pattern takes.
const PATTERN_BYTES_MAX: usize = 256 * 1024;
const PATTERNS_MAX: usize = 1_000;
/// A longer address is nobody's.
const ADDRESS_BYTES_MAX: usize = 320;

/// How users of other systems are led to mailboxes: by name, by pattern, by domain, in
/// this order. Who is led nowhere has no mailbox here.
#[derive(Debug)]
pub(super) struct Owners {
    mailboxes: std::collections::BTreeMap<String, String>,
    patterns: Vec<(Regex, String)>,
    domains: std::collections::BTreeMap<String, String>,
}

// === impl Owners ===

impl Owners {
    pub(super) fn read(config: &SourcesConfig) -> Result<Self, Error> {
        let mut mailboxes = std::collections::BTreeMap::new();
        for (user, mailbox) in &config.mailboxes {
            let mailbox: SmtpAddress = mailbox.parse().map_err(|_| {
                Error::invalid(format!(
                    "`{mailbox}`, under `{user}` of `[onprem.sources.mailboxes]`, is not a mailbox address"
                ))
                .with_hint("write an address such as `adele@fabrikam.example`")
            })?;
            mailboxes.insert(plain(user), mailbox.lower().to_owned());
        }
        if config.patterns.len() > PATTERNS_MAX {
            return Err(Error::invalid(format!(
                "there are {} patterns, more than {PATTERNS_MAX}",
                config.patterns.len()
            ))
            .with_hint("describe users by domain in `[onprem.sources.domains]`"));
        }
        let patterns = config.patterns.iter().map(|pattern| {
            let whole = format!("^(?:{})$", pattern.matches);
            let compiled = RegexBuilder::new(&whole).case_insensitive(true).size_limit(PATTERN_BYTES_MAX).build();
            let compiled = compiled.map_err(|error| {
                Error::invalid(format!(
                    "`match = {:?}` of `[[onprem.sources.patterns]]` is no regular expression: {error}",
                    pattern.matches
                ))
                .with_hint("correct the expression; parentheses make the groups that `$1` names")
            })?;
            Ok((compiled, pattern.mailbox.clone()))
        });
        let patterns = patterns.collect::<Result<_, Error>>()?;
        let domains = config.domains.iter().map(|(from, to)| (from.to_lowercase(), to.to_lowercase())).collect();
        Ok(Self { mailboxes, patterns, domains })
    }

    /// The mailbox of a user, `user@domain` or a bare user, with or without `sip:`.
    pub(super) fn mailbox_of(&self, user: &str) -> Option<String> {
        let user = plain(user);
        if user.is_empty() || user.len() > ADDRESS_BYTES_MAX {
            return None;
        }
        let (name, domain) = user.split_once('@').map_or((user.as_str(), None), |(name, at)| (name, Some(at)));
        let known = self.mailboxes.get(&user).or_else(|| self.mailboxes.get(name));
        known.cloned().or_else(|| self.by_pattern(&user)).or_else(|| {
            let domain = self.domains.get(domain?)?;
            address(&format!("{name}@{domain}"))
        })
    }

    fn by_pattern(&self, user: &str) -> Option<String> {
        self.patterns.iter().find_map(|(pattern, mailbox)| {
            let groups = pattern.captures(user)?;
            let mut expanded = String::new();
            groups.expand(mailbox, &mut expanded);
            address(&expanded)
        })
    }
}

fn address(text: &str) -> Option<String> {
    text.parse::<SmtpAddress>().ok().map(|address| address.lower().to_owned())
}

/// An address without scheme, port, resource and parameters, in lower case: `sip:A@B:5060;x=y` is `a@b`.
pub(super) fn plain(user: &str) -> String {
    let user = user.trim();
    let user = user.split_once('<').map_or(user, |(_, inner)| inner.split('>').next().unwrap_or_default());
    let user = ["sip:", "sips:", "tel:", "xmpp:", "mailto:"]
        .iter()
        .find_map(|scheme| {
            user.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme)).map(|_| &user[scheme.len()..])
        })
        .unwrap_or(user);
    let user = user.split([';', '?']).next().unwrap_or_default();
    match user.split_once('@') {
        // An address in brackets has colons of its own.
        Some((name, host)) if !host.starts_with('[') => {
            format!("{name}@{}", host.split([':', '/']).next().unwrap_or_default()).to_lowercase()
        }
        _ => user.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use actas_runtime::config::OwnerPattern;

    use super::*;

    fn config() -> SourcesConfig {
        SourcesConfig {
            mailboxes: [("1001", "Adele@fabrikam.example"), ("sip:9@pbx.example", "nine@fabrikam.example")]
                .map(|(user, mailbox)| (user.to_owned(), mailbox.to_owned()))
                .into(),
            patterns: vec![OwnerPattern {
                matches: r"x-([a-z]+)@(.*\.)?pbx\.example".to_owned(),
                mailbox: "$1@fabrikam.example".to_owned(),
            }],
            domains: [("sip.example".to_owned(), "Fabrikam.example".to_owned())].into(),
            ..SourcesConfig::default()
        }
    }

    #[test]
    fn a_user_is_led_to_a_mailbox_by_name_pattern_and_domain() {
        let owners = Owners::read(&config()).unwrap();
        for (user, mailbox) in [
            ("1001", Some("adele@fabrikam.example")),
            ("sip:1001@10.0.0.1:5060;transport=udp", Some("adele@fabrikam.example")),
            ("\"Nine\" <sip:9@pbx.example>", Some("nine@fabrikam.example")),
            ("9@other.example", None),
            ("SIPS:X-Omar@a.pbx.example", Some("omar@fabrikam.example")),
            ("x-omar@pbx.example.evil.example", None),
            ("y-x-omar@pbx.example", None),
            ("lena@sip.example", Some("lena@fabrikam.example")),
            ("lena@fabrikam.example", None),
            ("lena", None),
            ("", None),
            ("@sip.example", None),
        ] {
            assert_eq!(owners.mailbox_of(user).as_deref(), mailbox, "{user}");
        }
    }

    #[test]
    fn what_leads_nowhere_is_refused_when_it_is_read() {
        let mut wrong = config();
        wrong.mailboxes.insert("7".to_owned(), "nobody".to_owned());
        assert!(Owners::read(&wrong).unwrap_err().to_string().contains("`nobody`, under `7`"));
        let mut wrong = config();
        wrong.patterns[0].matches = "(".to_owned();
        assert!(Owners::read(&wrong).unwrap_err().to_string().contains("no regular expression"));
        let mut wrong = config();
        wrong.patterns[0].matches = "(a{1000}){1000}".to_owned();
        assert!(Owners::read(&wrong).is_err(), "a pattern that takes much memory");
    }
}
