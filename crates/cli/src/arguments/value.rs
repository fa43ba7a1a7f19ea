//! Values that several commands take, each parsed once into a type that
//! cannot hold a wrong one.

use std::{convert::Infallible, error::Error, fmt, time::Duration};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use jiff::SignedDuration;
use secrecy::SecretString;
use url::Url;
use uuid::Uuid;

/// Why a value is not accepted.
///
/// Parameters are named in kebab style here (`--start-date`); they are shown
/// in the spelling that was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The reason, to stand after the parameter and its value.
    pub(crate) reason: String,
    /// Lines under it.
    pub(crate) details: Vec<String>,
    /// What to type instead.
    pub(crate) hint: Option<String>,
    /// Whether the value stays out of the message, since it may be secret.
    pub(crate) hides_value: bool,
}

impl Refusal {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), details: Vec::new(), hint: None, hides_value: false }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn detail(mut self, line: impl Into<String>) -> Self {
        self.details.push(line.into());
        self
    }

    /// Keeps the value out of the message.
    pub(crate) fn without_value(mut self) -> Self {
        self.hides_value = true;
        self
    }

    /// Wraps the refusal of a combination of values for clap to carry.
    pub(crate) fn into_clap(self) -> clap::Error {
        let mut error = clap::Error::new(ErrorKind::ValueValidation);
        let mut texts = vec![self.reason, self.hint.unwrap_or_default()];
        texts.extend(self.details);
        error.insert(ContextKind::Custom, ContextValue::Strings(texts));
        error
    }

    /// Takes back what [`Refusal::into_clap`] wrapped.
    pub(crate) fn from_clap(error: &clap::Error) -> Option<Self> {
        let Some(ContextValue::Strings(texts)) = error.get(ContextKind::Custom) else {
            return None;
        };
        let [reason, hint, details @ ..] = texts.as_slice() else {
            return None;
        };
        let hint = (!hint.is_empty()).then(|| hint.clone());
        Some(Self { reason: reason.clone(), details: details.to_vec(), hint, hides_value: false })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Error for Refusal {}

/// An address that begins with `http://` or `https://`.
///
/// The text is kept as it was given, since that is what is shown again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WebUrl {
    text: String,
    url: Url,
}

impl WebUrl {
    /// Returns the address as it was typed.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the address in parts.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }
}

/// An address, or the empty text that takes a configured one away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClearableUrl(pub(crate) Option<WebUrl>);

/// The SHA-1 thumbprint of a certificate: 40 hexadecimal digits in upper case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Thumbprint(String);

impl Thumbprint {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The address of a person, with or without the name of its scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// `sip:user@domain`
    Sip(String),
    /// `smtp:user@domain` or plain `user@domain`
    Smtp(String),
}

impl Address {
    /// Returns `user@domain`.
    pub(crate) fn bare(&self) -> &str {
        match self {
            Self::Sip(bare) | Self::Smtp(bare) => bare,
        }
    }
}

/// Reads the text of a Boolean, if it is one.
pub(crate) fn read_boolean(text: &str) -> Option<bool> {
    let text = text.strip_prefix('$').unwrap_or(text);
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// Parses a Boolean: `$true`, `$false`, and the forms without the dollar sign.
pub(crate) fn boolean(text: &str) -> Result<bool, Refusal> {
    read_boolean(text).ok_or_else(|| Refusal::new("it takes `$true` or `$false`"))
}

/// Parses `-ReturnKeyValues`, which guides answer with a type at a prompt.
pub(crate) fn return_key_values(text: &str) -> Result<bool, Refusal> {
    let choice = "`--return-key-values '$true'` shows the values of the keys, \
                  `--return-key-values '$false'` leaves them out";
    boolean(text).map_err(|refusal| {
        let a_type = ["asymmetric", "symmetric", "password"].contains(&text.to_ascii_lowercase().as_str());
        refusal.hint(if a_type {
            format!(
                "guides answer PowerShell's prompt for it with the type of the key, which the prompt takes for true \
                 like any text; that answer is not accepted here: {choice}"
            )
        } else {
            choice.to_owned()
        })
    })
}

/// Parses how many objects are wanted: a number that the vendor's commands take.
pub(crate) fn count(text: &str) -> Result<u32, Refusal> {
    let count = text.trim().parse().ok().filter(|count| *count <= COUNT_MAX);
    count.ok_or_else(|| Refusal::new(format!("it takes a whole number up to {COUNT_MAX}")))
}

/// Parses the name of one object.
pub(crate) fn name(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Refusal::new("a name cannot be empty"));
    }
    if matches!(text.to_ascii_lowercase().as_str(), "$true" | "$false" | "true" | "false") {
        return Err(Refusal::new("it is a Boolean, and a name is expected")
            .hint("a switch has its value after a colon, such as `-Confirm:$false`"));
    }
    if text.contains(['*', '?']) {
        return Err(Refusal::new("it names one object and takes no wildcards")
            .hint("list objects by a pattern with the `Get-` command and its `--filter`"));
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(Refusal::new(format!("a name has at most {NAME_BYTES_MAX} bytes")));
    }
    if text.chars().any(char::is_control) {
        return Err(Refusal::new("a name holds no control characters"));
    }
    Ok(text.to_owned())
}

/// Parses the name of a new object.
pub(crate) fn new_name(text: &str) -> Result<String, Refusal> {
    let name = name(text)?;
    if name == "-" {
        return Err(Refusal::new("it stands for standard input, and cannot be a name"));
    }
    Ok(name)
}

/// Parses the name of a new object of Exchange.
pub(crate) fn short_name(text: &str) -> Result<String, Refusal> {
    let name = new_name(text)?;
    if name.chars().count() > SHORT_NAME_MAX {
        return Err(Refusal::new(format!("a name has at most {SHORT_NAME_MAX} characters")));
    }
    Ok(name)
}

/// Parses a GUID, in braces or not.
pub(crate) fn guid(text: &str) -> Result<Uuid, Refusal> {
    Uuid::parse_str(text.trim())
        .map_err(|_| Refusal::new("it is not a GUID").hint("a GUID looks like `00000002-0000-0ff1-ce00-000000000000`"))
}

/// Parses an absolute web address.
pub(crate) fn web_url(text: &str) -> Result<WebUrl, Refusal> {
    let text = text.trim();
    let refused = |reason: &str| {
        Refusal::new(reason).hint("an address is absolute, such as `https://sts.contoso.example/metadata/json/1`")
    };
    let url = Url::parse(text).map_err(|_| refused("it is not a web address"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(refused("it does not begin with `https://` and a host"));
    }
    Ok(WebUrl { text: text.to_owned(), url })
}

/// Parses the address of a metadata document.
pub(crate) fn metadata_url(text: &str) -> Result<WebUrl, Refusal> {
    web_url(text).map_err(|refusal| {
        refusal.hint(
            "the metadata of the cloud's token service is \
             `https://accounts.accesscontrol.windows.net/TENANT-ID/metadata/json/1`; \
             `actas Get-CsTenant` shows the TenantId, which is not the display name",
        )
    })
}

/// Parses an absolute web address or the empty text.
pub(crate) fn clearable_url(text: &str) -> Result<ClearableUrl, Refusal> {
    if text.trim().is_empty() {
        return Ok(ClearableUrl(None));
    }
    web_url(text).map(|url| ClearableUrl(Some(url)))
}

/// Parses a thumbprint as a certificate dialog shows it: with spaces, with
/// colons, or with the invisible mark that copying from there puts in front.
pub(crate) fn thumbprint(text: &str) -> Result<Thumbprint, Refusal> {
    let digits: String =
        text.chars().filter(|c| !matches!(c, ' ' | ':' | '\u{200e}' | '\u{feff}' | '\u{a0}')).collect();
    if digits.len() == 40 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(Thumbprint(digits.to_ascii_uppercase()))
    } else {
        Err(Refusal::new("a thumbprint has 40 hexadecimal digits")
            .hint("`actas Get-CsCertificate` shows the thumbprints of this installation"))
    }
}

/// Parses the address of a person.
pub(crate) fn address(text: &str) -> Result<Address, Refusal> {
    let text = text.trim();
    let (scheme, bare) = match text.split_once(':') {
        Some((scheme, bare)) => (scheme.to_ascii_lowercase(), bare),
        None => (String::new(), text),
    };
    let well_formed = bare
        .split_once('@')
        .is_some_and(|(user, domain)| !user.is_empty() && !domain.is_empty() && !domain.contains('@'));
    let printable = !bare.chars().any(|c| c.is_whitespace() || c.is_control());
    match scheme.as_str() {
        "sip" if well_formed && printable => Ok(Address::Sip(bare.to_owned())),
        "" | "smtp" if well_formed && printable => Ok(Address::Smtp(bare.to_owned())),
        _ => Err(Refusal::new("it is not the address of a person")
            .hint("an address looks like `sip:adam@contoso.example` or `smtp:adam@contoso.example`")),
    }
}

/// Parses the SIP address of a user; `sip:` may be left out.
pub(crate) fn sip_uri(text: &str) -> Result<Address, Refusal> {
    match address(text) {
        Ok(Address::Sip(bare)) => Ok(Address::Sip(bare)),
        Ok(Address::Smtp(bare)) if !text.contains(':') => Ok(Address::Sip(bare)),
        Ok(Address::Smtp(_)) | Err(_) => {
            Err(Refusal::new("it is not a SIP address").hint("a SIP address looks like `sip:adam@contoso.example`"))
        }
    }
}

/// Parses a length of time such as `25h`, `90m` or `2d`.
pub(crate) fn duration(text: &str) -> Result<Duration, Refusal> {
    let text = text.trim();
    let parsed = match text.strip_suffix('d').map(str::parse::<u32>) {
        Some(Ok(days)) => Some(SignedDuration::from_hours(i64::from(days) * 24)),
        Some(Err(_)) | None => text.parse::<SignedDuration>().ok(),
    };
    parsed
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| Refusal::new("it is not a length of time").hint("write it as `25h`, `90m` or `2d`"))
}

/// Parses a length of time, also in the vendor's form `days.hours:minutes:seconds`.
pub(crate) fn time_span(text: &str) -> Result<Duration, Refusal> {
    let with_days = || {
        let (days, clock) = text.trim().split_once('.')?;
        let days = days.parse::<u32>().ok().filter(|_| clock.matches(':').count() == 2)?;
        let day = duration(clock).ok().filter(|length| *length < Duration::from_hours(24))?;
        Some(Duration::from_hours(24) * days + day)
    };
    with_days().map_or_else(|| duration(text), Ok)
}

/// Keeps a value from being shown by accident.
#[expect(clippy::unnecessary_wraps, reason = "a parser of clap returns a result")]
pub(crate) fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(SecretString::from(text))
}

/// The largest number of the vendor's commands.
const COUNT_MAX: u32 = i32::MAX.unsigned_abs();
/// The longest name of an object of Exchange, in characters.
const SHORT_NAME_MAX: usize = 64;
/// The longest name of an object.
const NAME_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_come_in_many_forms() {
        for text in ["$true", "$True", "TRUE", "true", "1"] {
            assert_eq!(read_boolean(text), Some(true), "{text}");
        }
        for text in ["$false", "$FALSE", "False", "0"] {
            assert_eq!(read_boolean(text), Some(false), "{text}");
        }
        for text in ["", "$", "yes", "Asymmetric", "2"] {
            assert_eq!(read_boolean(text), None, "{text}");
        }
    }

    #[test]
    fn a_thumbprint_may_be_copied_from_a_dialog() {
        let copied = "\u{200e}a9 99 3e 36 47 06 81 6a ba 3e 25 71 78 50 c2 6c 9c d0 d8 9d";
        assert_eq!(thumbprint(copied).unwrap().as_str(), "A9993E364706816ABA3E25717850C26C9CD0D89D");
        assert!(thumbprint("A9993E").is_err());
    }

    #[test]
    fn addresses_know_their_scheme() {
        let sip = Address::Sip("adam@contoso.example".to_owned());
        assert_eq!(sip_uri("SIP:adam@contoso.example"), Ok(sip.clone()));
        assert_eq!(sip_uri("adam@contoso.example"), Ok(sip));
        assert!(sip_uri("smtp:adam@contoso.example").is_err());
        assert!(sip_uri("tel:+441234").is_err());
        assert_eq!(address("adam@contoso.example").unwrap().bare(), "adam@contoso.example");
        assert!(address("adam@").is_err());
        assert!(address("a b@contoso.example").is_err());
    }

    #[test]
    fn lengths_of_time() {
        assert_eq!(duration("25h"), Ok(Duration::from_hours(25)));
        assert_eq!(duration("2d"), Ok(Duration::from_hours(48)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_mins(90)));
        assert!(duration("-1h").is_err());
        assert!(duration("tomorrow").is_err());
    }

    #[test]
    fn spans_of_time_as_the_vendor_writes_them() {
        assert_eq!(time_span("00:01:30"), Ok(Duration::from_secs(90)));
        assert_eq!(time_span("1.02:00:00"), Ok(Duration::from_hours(26)));
        assert_eq!(time_span("90s"), Ok(Duration::from_secs(90)));
        for wrong in ["1.24:00:00", "1:2:3:4", "x.00:00:01", "-1.00:00:01", "-00:00:01"] {
            assert!(time_span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_of_the_web_are_absolute() {
        assert!(web_url("https://sts.contoso.example/metadata/json/1").is_ok());
        assert!(web_url("Contoso/metadata/json/1").is_err());
        assert!(web_url("file:///etc/passwd").is_err());
        assert_eq!(clearable_url(""), Ok(ClearableUrl(None)));
    }

    #[test]
    fn a_refusal_survives_the_way_through_clap() {
        let refusal = Refusal::new("reason").hint("hint").detail("one").detail("two");
        let error = refusal.clone().into_clap();
        assert_eq!(Refusal::from_clap(&error), Some(refusal));
    }
}
