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

#[test]
fn tokens_of_the_intake() {
    let installation = Installation::new();
    let token = installation.property(&["storage", "token", "new", "telephones", "--lifetime", "365d"], "Token");
    assert!(token.starts_with("actas_storage_telephones."));
    let listed = installation.run(&["storage", "token", "list"]);
    assert!(listed.contains("telephones") && !listed.contains(&token), "{listed}");
    assert_told!("token_of_a_name_that_is_taken", &installation.run(&["storage", "token", "new", "telephones"]));
    let removed = installation.run(&["storage", "token", "remove", "telephones"]);
    assert_eq!(removed, "exit code: 0\n----- stdout -----\n----- stderr -----\n");
    assert_told!("token_that_is_not_there", &installation.run(&["storage", "token", "remove", "telephones"]));
}

#[test]
fn items_leave_for_files_and_come_back() {
    let installation = Installation::new();
    let file = installation.place("voice.wav", vec![7; 700_000]);
    for (key, owner) in [("a", "adam@contoso.example"), ("b", "lena@contoso.example")] {
        let words = ["storage", "put", "--owner", owner, "--key", key, "--body", "Hello", "--attachment", &file];
        assert_eq!(installation.property(&words, "State"), "queued");
    }
    let folder = installation.path("out");
    let status = |name: &str| installation.objects(&["storage", "status"])[0][name].clone();
    let exported = installation.objects(&["storage", "export", &folder, "--owner", "sip:Lena@contoso.example"]);
    assert_eq!(exported[0]["Items"], 1);
    assert_eq!([status("Queued"), status("Flushed")], [1, 1]);
    let path = exported[0]["Files"].as_str().unwrap().to_owned();
    let flushed = ["Invoke-CsStorageServiceFlush", "-FlushType", "FullFlush", "-PoolFqdn", "pool.contoso.example"];
    let what_if = installation.run(&[&flushed[..], &["-WhatIf", "-WaitTime", "00:00:01"]].concat());
    assert!(what_if.contains("\"Invoke-CsStorageServiceFlush\" on target \"pool.contoso.example\""), "{what_if}");
    assert_eq!(status("Queued"), 1, "nothing was done");
    let elsewhere = ["-Binding", "NetTCP", "-HostNameStorageService", "fe1.contoso.example"];
    assert_told!("flush_of_another_machine", &installation.run(&[&flushed[..], &elsewhere].concat()));
    assert_eq!(installation.objects(&flushed)[0]["Items"], 1);
    assert_eq!(status("Queued"), 0);
    let imported = installation.objects(&["storage", "import", &path]);
    assert_eq!([&imported[0]["Items"], &imported[0]["Restored"]], [1, 1]);
    assert_eq!(status("Queued"), 1);
    assert!(!std::path::Path::new(&path).exists(), "it is empty now");
    let listed = installation.objects(&["storage", "list", "--state", "Flushed"]);
    assert_eq!((listed.len(), &listed[0]["Key"]), (1, &"a".into()));
    let ids: Vec<_> = installation.objects(&["events", "-Id", "32075,32076,32082,32083"]);
    let ids: Vec<_> = ids.iter().map(|event| event["Id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [32082, 32083, 32075, 32076]);
    assert_told!("import_of_something_else", &installation.run(&["storage", "import", &file]));
    assert_told!("flush_of_no_pool", &installation.run(&[&flushed[..4], &["../x"]].concat()));
}

#[test]
fn the_service_is_configured() {
    let installation = Installation::new();
    assert_told!("storage_configuration_at_first", &installation.run(&["Get-CsStorageServiceConfiguration"]));
    let set = ["Set-CsStorageServiceConfiguration", "-Delivery", "Graph", "-CapacityBytes"];
    let set = |bytes| installation.run(&[&set[..], &[bytes, "-EnableAutoImportFlushedData", "$false"]].concat());
    assert_told!("storage_configuration_set", &set("50000000"));
    assert_told!("storage_configuration_too_small", &set("1"));
    let now = &installation.objects(&["Get-CsStorageServiceConfiguration", "global"])[0];
    assert_eq!(
        [&now["Delivery"], &now["CapacityBytes"]],
        [&serde_json::json!("Graph"), &serde_json::json!(50_000_000)]
    );
    assert_eq!(now["EnableAutoImportFlushedData"], false);
}

#[test]
fn nothing_that_failed_is_nothing_to_retry() {
    let installation = Installation::new();
    installation.run(&["storage", "put", "--owner", "adam@contoso.example", "--key", "a"]);
    assert_told!("retry_of_an_item_that_waits", &installation.run(&["storage", "retry", "a"]));
    assert_eq!(installation.objects(&["storage", "retry", "--all"])[0]["Retried"], 0);
    assert!(installation.objects(&["Debug-CsStorageServiceFailures"]).is_empty());
    for component in ["ConversationHistory", "qoe", "CDR", "LegalIntercept", "DataPurge", "SqlArchiving", "Other"] {
        let words = ["Debug-CsStorageServiceFailures", "-Component", component, "-Binding", "NetNamedPipe"];
        assert!(installation.objects(&words).is_empty(), "{component}");
    }
    assert!(installation.objects(&["storage", "list", "--failing"]).is_empty());
}
