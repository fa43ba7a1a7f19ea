//! Objects in every format.

use super::*;

fn server(name: &str) -> Record {
    Record::new()
        .with("Identity", name)
        .with("Realm", None::<String>)
        .with("AcceptSecurityIdentifierInformation", false)
}

fn configuration() -> Record {
    Record::new()
        .with("Identity", "Global")
        .with(
            "OAuthServers",
            vec![
                Record::new().with("Name", "microsoft.sts").with("Enabled", true),
                Record::new().with("Name", "evoSTS").with("Enabled", false),
            ],
        )
        .with("Domains", vec!["a.example", "b.example"])
        .with("Nothing", Vec::<String>::new())
        .with("Keys", 2_u32)
}

#[track_caller]
fn check(records: &[Record], format: Format, width: Option<usize>, expected: &str) {
    let canvas = Canvas { width, color: false };
    assert_eq!(render(records, format, canvas), expected);
}

#[test]
fn json_is_an_array_in_the_vendors_order() {
    check(
        &[Record::new()
            .with("Zone", "z")
            .with("Area", serde_json::json!([1, null, true]))
            .with("Inner", Record::new().with("B", 1_u32).with("A", 2_u32))],
        Format::Json,
        Some(20),
        r#"[
  {
    "Zone": "z",
    "Area": [
      1,
      null,
      true
    ],
    "Inner": {
      "B": 1,
      "A": 2
    }
  }
]
"#,
    );
    check(&[], Format::Json, None, "[]\n");
}

#[test]
fn a_list_has_one_property_a_line() {
    check(
        &[server("microsoft.sts"), server("evoSTS")],
        Format::List,
        None,
        "\
Identity                            : microsoft.sts
Realm                               :
AcceptSecurityIdentifierInformation : False

Identity                            : evoSTS
Realm                               :
AcceptSecurityIdentifierInformation : False
",
    );
    check(
        &[configuration()],
        Format::List,
        None,
        "\
Identity     : Global
OAuthServers : {Name=microsoft.sts;Enabled=True, Name=evoSTS;Enabled=False}
Domains      : {a.example, b.example}
Nothing      : {}
Keys         : 2
",
    );
}

#[test]
fn a_list_wraps_on_a_terminal_only() {
    check(
        &[Record::new().with("Name", "0123456789".repeat(5)).with("N", "a\nb")],
        Format::List,
        Some(30),
        "\
Name : 01234567890123456789012
       34567890123456789012345
       6789
N    : a
       b
",
    );
}

#[test]
fn a_table_has_one_object_a_line() {
    check(
        &[
            Record::new().with("Id", 32048_u32).with("Level", "Information"),
            Record::new().with("Id", 7_u32).with("Level", "Error").with("Source", "a\nb"),
        ],
        Format::Table,
        None,
        concat!(
            "   Id Level       Source\n",
            "----- ----------- ------\n",
            "32048 Information\n",
            "    7 Error       a b\n",
        ),
    );
}

#[test]
fn a_table_that_does_not_fit_is_a_list() {
    let wide = [server("microsoft.sts")];
    let canvas = |width| Canvas { width: Some(width), color: false };
    let list = render(&wide, Format::List, canvas(29));
    assert_eq!(render(&wide, Format::Table, canvas(29)), list);
    let table = render(&wide, Format::Table, canvas(40));
    assert!(table.lines().all(|line| line.len() <= 40), "{table}");
}

#[test]
fn nothing_is_printed_for_nothing() {
    check(&[], Format::List, None, "");
    check(&[], Format::Table, None, "");
}

#[test]
fn a_terminal_is_not_sent_what_it_would_obey() {
    check(&[Record::new().with("Name", "a\u{1b}[31mb\u{7}")], Format::List, None, "Name : a\\u{1b}[31mb\\u{7}\n");
}

#[test]
fn names_stand_out_in_colour() {
    let canvas = Canvas { width: None, color: true };
    let records = [Record::new().with("Name", "a")];
    for format in [Format::List, Format::Table] {
        let text = render(&records, format, canvas);
        assert!(text.contains("\u{1b}[32m"), "{text:?}");
        assert!(text.contains("\u{1b}[0m"), "{text:?}");
    }
}
