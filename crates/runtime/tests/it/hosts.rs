use actas_runtime::HostTable;
use actas_runtime::hosts::HostEntry;

#[track_caller]
fn check(text: &str, expected: &str) {
    let observed = match text.parse::<HostEntry>() {
        Ok(entry) => entry.to_string(),
        Err(error) => {
            assert!(!error.hint().is_empty());
            error.to_string()
        }
    };
    assert!(observed.contains(expected), "{text} → {observed}");
}

#[test]
fn entries_are_read() {
    check("A.Example:443=127.0.0.1:8443", "a.example:443=127.0.0.1:8443");
    check(" a.example:80 = [::1]:8080 ", "a.example:80=[::1]:8080");
    check("a.example.:443=127.0.0.1:443", "a.example:443=127.0.0.1:443");
    check("a.example:8443=127.0.0.1:8443", "a.example:8443=127.0.0.1:8443");
    check("a.example:8443=127.0.0.1:9443", "only ports 443 and 80");
    check("a.example=127.0.0.1:8443", "the port that clients ask for is missing");
    check("a.example:https=127.0.0.1:8443", "is no port");
    check("a.example:443=127.0.0.1", "IP address and port");
    check("a.example:443=b.example:443", "IP address and port");
    check("a.example:443", "no `=`");
    check(":443=127.0.0.1:1", "host name");
    check("a b:443=127.0.0.1:1", "host name");
    check("a.example..:443=127.0.0.1:1", "host name");
    check("a..example:443=127.0.0.1:1", "host name");
    check("127.0.0.1:443=127.0.0.1:1", "host name");
    check("a.example:443=127.0.0.1:0", "port 0");
}

#[test]
fn a_table_is_a_list_of_texts() {
    let text = r#"["b.example:80=127.0.0.1:8080","a.example:443=127.0.0.1:8443"]"#;
    let table: HostTable = serde_json::from_str(text).unwrap();
    assert_eq!(table.lookup("A.example.", 443), Some("127.0.0.1:8443".parse().unwrap()));
    assert_eq!(table.lookup("a.example", 80), None);
    assert_eq!(
        serde_json::to_string(&table).unwrap(),
        r#"["a.example:443=127.0.0.1:8443","b.example:80=127.0.0.1:8080"]"#
    );
    let twice = r#"["a.example:80=127.0.0.1:1","A.example:80=127.0.0.1:2"]"#;
    let error = serde_json::from_str::<HostTable>(twice).unwrap_err();
    assert!(error.to_string().contains("twice"), "{error}");
}
