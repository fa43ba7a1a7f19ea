use std::path::Path;

use actas_runtime::Config;
use actas_runtime::config::{
    CallRecords, ConfigError, EventsConfig, IdProfile, SigningAlgorithm, SourcesConfig, SystemLog, TenantChoice,
};
use jiff::SignedDuration;

const WHOLE: &str = r#"
[cloud]
listen = "0.0.0.0:443"
http_listen = "0.0.0.0:80"
public_origin = "https://cloud.contoso.example:8443"
data = "cloud"

[onprem]
listen = "127.0.0.1:8480"
data = "/var/lib/actas/onprem"

[client]
hosts = [
    "autodiscover.fabrikam.example:443=127.0.0.1:8443",
]
ca_files = ["lab-ca.pem"]
"#;

#[test]
fn a_whole_file_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("actas.toml");
    fs_err::write(&path, WHOLE).unwrap();
    let config = Config::load(&path).unwrap();
    let cloud = config.cloud.unwrap();
    assert_eq!(cloud.listen.port(), 443);
    assert_eq!(cloud.http_listen.unwrap().port(), 80);
    assert_eq!(cloud.public_origin.host(), "cloud.contoso.example");
    assert_eq!(cloud.public_origin.port(), 8443);
    assert_eq!(cloud.data, directory.path().join("cloud"));
    assert_eq!(config.onprem.unwrap().data, Path::new("/var/lib/actas/onprem"));
    assert_eq!(config.client.ca_files, [directory.path().join("lab-ca.pem")]);
    assert!(config.client.hosts.lookup("autodiscover.fabrikam.example", 443).is_some());
}

#[test]
fn an_empty_file_serves_nothing() {
    assert_eq!(Config::parse("").unwrap(), Config::default());
}

#[track_caller]
fn check(text: &str, line: usize, key: &str, why: &str) {
    let error = Config::parse(text).unwrap_err();
    assert_eq!((error.line, error.key.as_str()), (line, key), "{error}");
    assert!(error.why.contains(why), "{error}");
}

#[test]
fn a_mistake_is_told_with_its_line_and_key() {
    let changed = |from: &str, to: &str| WHOLE.replacen(from, to, 1);
    check(&changed("http_listen", "htp_listen"), 4, "cloud.htp_listen", "unknown field");
    check(&changed("0.0.0.0:443", "everywhere"), 3, "cloud.listen", "socket address");
    check(&changed("https://", "http://"), 5, "cloud.public_origin", "an origin is");
    check(&changed("[onprem]", "[onpremise]"), 8, "onpremise", "unknown field");
    check(&changed("127.0.0.1:8443", "here"), 13, "client.hosts", "IP address and port");
    check(&changed("data = \"cloud\"", "data = 1"), 6, "cloud.data", "invalid type");
    check(&changed("data = \"cloud\"", ""), 2, "cloud", "missing field `data`");
    check(&changed("data = \"cloud\"", "data = "), 6, "cloud.data", "");
}

#[test]
fn errors_name_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("actas.toml");
    let error = Config::load(&path).unwrap_err();
    assert!(matches!(error, ConfigError::Unreadable { .. }));
    assert!(error.to_string().contains("actas.toml"), "{error}");

    fs_err::write(&path, "[client]\nhost = []\n").unwrap();
    let error = Config::load(&path).unwrap_err().to_string();
    let place = format!("{}:2: `client.host`: unknown field `host`", path.display());
    assert!(error.starts_with(&place), "{error}");
}

const POLICY: &str = r#"
[cloud]
listen = "0.0.0.0:443"
public_origin = "https://cloud.contoso.example"
data = "cloud"

[cloud.token_service]
token_lifetime = "1h 30m"
act_as_lifetime = "10m"
allow_secrets = true
clock_skew = "0s"
assertion_lifetime_max = "10m"
client_assertion_lifetime_max = "7d"
single_use_assertions = ["contoso.example"]
require_key_hint = true
signing_key_age_max = "30d"
signing_key_algorithm = "ES256"

[cloud.token_service.rates]
token_by_address = { per_second = 0, burst = 1 }
refusals_by_address = { per_second = 1, burst = 20 }

[cloud.signing_keys]
pkcs11_module = "/usr/lib/softhsm/libsofthsm2.so"
token_label = "actas"
pin_file = "pin"
"#;

#[test]
fn the_policy_of_the_token_service_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("actas.toml");
    fs_err::write(&path, POLICY).unwrap();
    let cloud = Config::load(&path).unwrap().cloud.unwrap();
    let policy = &cloud.token_service;
    assert_eq!(policy.token_lifetime.unwrap().duration(), SignedDuration::from_mins(90));
    assert_eq!(policy.client_assertion_lifetime_max.unwrap().duration(), SignedDuration::from_hours(7 * 24));
    assert_eq!(policy.clock_skew.unwrap().duration(), SignedDuration::ZERO);
    assert_eq!(policy.single_use_assertions, Some(TenantChoice::These(vec!["contoso.example".to_owned()])));
    assert_eq!(policy.signing_key_algorithm, Some(SigningAlgorithm::Es256));
    assert_eq!(policy.rates.refusals_by_address.map(|rate| (rate.per_second.get(), rate.burst.get())), Some((1, 20)));
    assert_eq!(policy.rates.graph_by_address, None, "as the service has it");
    let keys = cloud.signing_keys.unwrap();
    assert_eq!(keys.pkcs11_module, Path::new("/usr/lib/softhsm/libsofthsm2.so"));
    assert_eq!(keys.pin_file, Some(directory.path().join("pin")));

    let all = POLICY.replace("[\"contoso.example\"]", "\"all\"");
    let all = Config::parse(&all).unwrap().cloud.unwrap().token_service;
    assert_eq!(all.single_use_assertions, Some(TenantChoice::All));
}

#[test]
fn a_policy_out_of_bounds_is_told_with_its_line_and_key() {
    let of = |line: usize, key: &str, from: &str, to: &str, why: &str| {
        check(&POLICY.replacen(from, to, 1), line, &format!("cloud.token_service{key}"), why);
    };
    of(8, ".token_lifetime", "\"1h 30m\"", "\"2d\"", "`2d` is out of bounds; between 5m and 24h are allowed");
    of(8, ".token_lifetime", "\"1h 30m\"", "\"1m\"", "between 5m and 24h");
    of(8, ".token_lifetime", "\"1h 30m\"", "\"soon\"", "`soon` is not a length of time such as `90m`");
    of(8, ".token_lifetime", "\"1h 30m\"", "3600", "invalid type: integer");
    of(9, ".act_as_lifetime", "\"10m\"", "\"-1m\"", "between 1m and 24h");
    of(11, ".clock_skew", "\"0s\"", "\"6m\"", "between 0s and 5m");
    of(13, ".client_assertion_lifetime_max", "7d", "8d", "between 1m and 7d");
    of(14, ".single_use_assertions", "[\"contoso.example\"]", "\"some\"", "a list of tenants by id or domain");
    of(14, ".single_use_assertions", "[\"contoso.example\"]", "true", "a list of tenants by id or domain");
    of(16, ".signing_key_age_max", "30d", "23h", "between 24h and 730d");
    of(17, ".signing_key_algorithm", "ES256", "HS256", "`ES256` or `RS256`");
    of(20, ".rates.token_by_address", "burst = 1 }", "burst = 0 }", "between 1 and 1000000");
    of(21, ".rates.refusals_by_address", "per_second = 1,", "per_minute = 1,", "unknown field `per_minute`");
    check(&POLICY.replacen("pin_file", "pin", 1), 26, "cloud.signing_keys.pin", "unknown field `pin`");
}

const ONPREM: &str = r#"
[onprem]
listen = "127.0.0.1:8480"
data = "onprem"

[onprem.sources]
call_records = ["freeswitch", "asterisk"]
conversations = true
spool = "spool"
smtp_listen = "127.0.0.1:8425"

[onprem.sources.mailboxes]
"1001" = "adele@fabrikam.example"

[[onprem.sources.patterns]]
match = 'x-(.*)'
mailbox = "$1@fabrikam.example"

[onprem.events]
id_profile = "article"
system_log = "syslog"
webhook = { url = "https://alerts.contoso.example", token_file = "token" }
"#;

#[test]
fn sources_and_who_is_told_of_events_are_off_until_they_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("actas.toml");
    fs_err::write(&path, ONPREM).unwrap();
    let onprem = Config::load(&path).unwrap().onprem.unwrap();
    assert_eq!(onprem.sources.call_records, [CallRecords::Freeswitch, CallRecords::Asterisk]);
    assert_eq!(onprem.sources.spool, Some(directory.path().join("spool")));
    assert_eq!((onprem.events.id_profile, onprem.events.system_log), (IdProfile::Article, Some(SystemLog::Syslog)));
    assert_eq!(onprem.events.webhook.unwrap().token_file, Some(directory.path().join("token")));

    let bare = ONPREM.split("[onprem.sources]").next().unwrap();
    let onprem = Config::parse(bare).unwrap().onprem.unwrap();
    assert_eq!((onprem.sources, onprem.events), (SourcesConfig::default(), EventsConfig::default()));
    let wrong = Config::parse(&ONPREM.replace("\"asterisk\"", "\"pigeons\"")).unwrap_err();
    assert!(wrong.to_string().contains("pigeons"), "{wrong}");
}
