//! Items on their way to mailboxes.

use crate::installation::Installation;

#[test]
fn an_item_is_handed_in() {
    let installation = Installation::new();
    assert!(installation.objects(&["storage", "list"]).is_empty());
    let put = |body| {
        let words = [
            "storage",
            "put",
            "--owner",
            "sip:Adam@contoso.example",
            "--subject",
            "Talk",
            "--key",
            "talk-1",
            "--body",
            body,
        ];
        installation.run(&words)
    };
    assert_told!("item_handed_in", &put("Hello"));
    let again = put("Hello");
    assert!(again.contains("New   : False"), "{again}");
    assert_told!("item_of_the_same_key", &put("Another"));
    assert_told!("items", &installation.run(&["storage", "list", "--output", "table"]));
    assert_told!("item", &installation.run(&["storage", "show", "talk-1"]));
    assert_told!("item_that_is_not_there", &installation.run(&["storage", "show", "talk-2"]));
}

#[test]
fn a_body_comes_from_a_file() {
    let installation = Installation::new();
    let path = installation.place("talk.txt", "Hello");
    let words = |path: &str| {
        let words = ["storage", "put", "--owner", "adam@contoso.example", "--body-file", path];
        installation.run(&words)
    };
    let (from_file, from_stdin) = (words(&path), words("-"));
    assert!(from_file.starts_with("exit code: 0\n"), "{from_file}");
    assert!(from_stdin.starts_with("exit code: 0\n"), "{from_stdin}");
    assert_told!("body_that_is_not_there", &words(&installation.path("none.txt")));
}
