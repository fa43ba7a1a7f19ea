use std::path::Path;

use actas_runtime::Config;
use actas_runtime::config::ConfigError;

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
