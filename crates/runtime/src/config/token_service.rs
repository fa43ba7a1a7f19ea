//! `[cloud.token_service]` and `[cloud.signing_keys]`: what the token service allows, for
//! how long, and where its private keys are. What is absent stays at the service's own
//! careful default.

use std::fmt;
use std::path::PathBuf;

use jiff::SignedDuration;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// `[cloud.token_service]`
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenServiceConfig {
    /// How long actor and access tokens live.
    pub token_lifetime: Option<Span<{ 5 * MINUTE }, DAY>>,
    /// How long act-as tokens live; where the others live shorter, so do these.
    pub act_as_lifetime: Option<Span<MINUTE, DAY>>,
    /// Whether clients may authenticate with a secret.
    pub allow_secrets: Option<bool>,
    /// How far clocks of clients may be off.
    pub clock_skew: Option<Span<0, { 5 * MINUTE }>>,
    /// The longest life of an assertion that is a grant.
    pub assertion_lifetime_max: Option<Span<MINUTE, DAY>>,
    /// The longest life of an assertion that authenticates a client.
    pub client_assertion_lifetime_max: Option<Span<MINUTE, { 7 * DAY }>>,
    /// Where an assertion is good for one token only.
    pub single_use_assertions: Option<TenantChoice>,
    /// Whether client assertions must name their key by thumbprint.
    pub require_key_hint: Option<bool>,
    /// How old the signing key gets before the next takes over.
    pub signing_key_age_max: Option<Span<DAY, { 730 * DAY }>>,
    /// The algorithm of signing keys that are made from now on.
    pub signing_key_algorithm: Option<SigningAlgorithm>,
    /// How much a client may ask for.
    pub rates: RatesConfig,
}

/// `[cloud.token_service.rates]`
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RatesConfig {
    /// Requests for tokens from one address.
    pub token_by_address: Option<RateConfig>,
    /// Tokens for one client of one tenant.
    pub token_by_client: Option<RateConfig>,
    /// Refusals of credentials that one address may cause.
    pub refusals_by_address: Option<RateConfig>,
    /// Graph requests from one address.
    pub graph_by_address: Option<RateConfig>,
    /// Codes for devices that one address may ask for.
    pub device_codes_by_address: Option<RateConfig>,
}

/// A steady rate, and how much may come at once.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RateConfig {
    /// Requests a second in the long run; 0 switches the limit off.
    pub per_second: Number<0, 1_000_000>,
    /// Requests at once after a pause.
    pub burst: Number<1, 1_000_000>,
}

/// `[cloud.signing_keys]`: the PKCS#11 token in which signing keys are made.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SigningKeysConfig {
    /// The token's PKCS#11 library.
    pub pkcs11_module: PathBuf,
    /// The token's label.
    pub token_label: String,
    /// A file whose first line is the PIN of the token's user, readable by its owner alone;
    /// from the configuration's own directory if relative. Without it the PIN comes from
    /// the environment.
    pub pin_file: Option<PathBuf>,
}

/// The algorithm of signing keys.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum SigningAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// RSA of 2048 bits with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
}

/// Tenants that something is switched on for: `"none"`, `"all"`, or a list of their ids
/// and domains.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TenantChoice {
    /// No tenant.
    None,
    /// Every tenant.
    All,
    /// These, by id or domain.
    These(Vec<String>),
}

/// A length of time between `MIN` and `MAX` seconds, written as `90m`, `1h 30m` or `30d`.
///
/// ```
/// use actas_runtime::config::Span;
/// use jiff::SignedDuration;
///
/// let hours: Span<60, 86_400> = "2h".parse()?;
/// assert_eq!(hours.duration(), SignedDuration::from_hours(2));
/// assert!("2d".parse::<Span<60, 86_400>>().is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span<const MIN: i64, const MAX: i64>(SignedDuration);

/// A whole number between `MIN` and `MAX`.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Number<const MIN: u32, const MAX: u32>(u32);

// === impl Span ===

impl<const MIN: i64, const MAX: i64> Span<MIN, MAX> {
    /// The length itself.
    pub fn duration(self) -> SignedDuration {
        self.0
    }
}

impl<const MIN: i64, const MAX: i64> std::str::FromStr for Span<MIN, MAX> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = || format!("between {} and {} are allowed", written(MIN), written(MAX));
        let trimmed = text.trim();
        let parsed = match trimmed.strip_suffix('d').map(str::parse::<u16>) {
            Some(Ok(days)) => Some(SignedDuration::from_hours(i64::from(days) * 24)),
            Some(Err(_)) | None => trimmed.parse().ok(),
        };
        let duration = parsed.ok_or_else(|| {
            format!("`{text}` is not a length of time such as `90m`, `1h 30m` or `30d`; {}", allowed())
        })?;
        let within = duration >= SignedDuration::from_secs(MIN) && duration <= SignedDuration::from_secs(MAX);
        within.then_some(Self(duration)).ok_or_else(|| format!("`{text}` is out of bounds; {}", allowed()))
    }
}

impl<const MIN: i64, const MAX: i64> TryFrom<String> for Span<MIN, MAX> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl<const MIN: i64, const MAX: i64> From<Span<MIN, MAX>> for String {
    fn from(span: Span<MIN, MAX>) -> Self {
        format!("{}s", span.0.as_secs())
    }
}

/// Seconds in the largest unit that fits.
fn written(seconds: i64) -> String {
    let units = [(DAY, "d"), (HOUR, "h"), (MINUTE, "m")];
    let fits = units.into_iter().find(|(unit, _)| seconds > *unit && seconds % unit == 0);
    let fits = fits.or_else(|| units.into_iter().skip(1).find(|(unit, _)| seconds >= *unit && seconds % unit == 0));
    fits.map_or_else(|| format!("{seconds}s"), |(unit, name)| format!("{}{name}", seconds / unit))
}

// === impl Number ===

impl<const MIN: u32, const MAX: u32> Number<MIN, MAX> {
    /// The number itself.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl<const MIN: u32, const MAX: u32> TryFrom<i64> for Number<MIN, MAX> {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        let within = u32::try_from(number).ok().filter(|number| (MIN..=MAX).contains(number));
        within.map(Self).ok_or_else(|| format!("{number} is out of bounds; between {MIN} and {MAX} are allowed"))
    }
}

impl<const MIN: u32, const MAX: u32> From<Number<MIN, MAX>> for i64 {
    fn from(number: Number<MIN, MAX>) -> Self {
        number.0.into()
    }
}

// === impl TenantChoice ===

impl<'de> Deserialize<'de> for TenantChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Choice;

        impl<'de> Visitor<'de> for Choice {
            type Value = TenantChoice;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"all\", \"none\", or a list of tenants by id or domain")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<TenantChoice, E> {
                match text {
                    "all" => Ok(TenantChoice::All),
                    "none" => Ok(TenantChoice::None),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<TenantChoice, A::Error> {
                let mut tenants = Vec::new();
                while let Some(tenant) = list.next_element()? {
                    tenants.push(tenant);
                }
                Ok(TenantChoice::These(tenants))
            }
        }

        deserializer.deserialize_any(Choice)
    }
}

impl Serialize for TenantChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_str("none"),
            Self::All => serializer.serialize_str("all"),
            Self::These(tenants) => tenants.serialize(serializer),
        }
    }
}
