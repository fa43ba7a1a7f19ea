//! What is typed, and what clap is given for it.

use super::*;
use crate::arguments;

fn translated(line: &[&str]) -> Result<Translation, Problem> {
    translate(&arguments::tree(), line.iter().map(OsString::from).collect())
}

fn check(typed: &[&str], expected: &[&str]) {
    let words = translated(typed).map(|translation| translation.words);
    let expected: Vec<OsString> = expected.iter().map(OsString::from).collect();
    assert_eq!(words, Ok(expected), "{typed:?}");
}

fn refused(typed: &[&str], expected: &str) {
    let problem = translated(typed).map_err(|problem| problem.to_string());
    assert_eq!(problem, Err(expected.to_owned()), "{typed:?}");
}

#[test]
fn commands_come_in_any_case_and_style() {
    for typed in ["New-CsOAuthServer", "new-csoauthserver", "NEW-CSOAUTHSERVER", "new-cs-oauth-server"] {
        check(&[typed, "a"], &["New-CsOAuthServer", "a"]);
    }
    check(&["storage", "PUT"], &["storage", "put"]);
    check(&["help", "storage", "put"], &["help", "storage", "put"]);
}

#[test]
fn parameters_come_in_any_case_and_style() {
    let expected = &["New-CsOAuthServer", "sts", "--metadata-url=https://a/b:c"][..];
    for typed in [
        &["-MetadataUrl", "https://a/b:c"][..],
        &["-metadataurl", "https://a/b:c"],
        &["-METADATAURL:https://a/b:c"],
        &["-Metadata", "https://a/b:c"],
        &["-Metadata:https://a/b:c"],
        &["--metadata-url", "https://a/b:c"],
        &["--metadata-url=https://a/b:c"],
        &["--MetadataUrl", "https://a/b:c"],
        &["–MetadataUrl", "https://a/b:c"],
        &["—metadata-url", "https://a/b:c"],
        &["-MetadataUrl", "“https://a/b:c”"],
        &["-MetadataUrl:“https://a/b:c”"],
    ] {
        let mut line = vec!["New-CsOAuthServer", "sts"];
        line.extend(typed);
        check(&line, expected);
    }
}

#[test]
fn a_positional_parameter_can_be_named() {
    for typed in
        [&["-SipUri", "sip:a@b"][..], &["-SipUri:sip:a@b"], &["-s", "sip:a@b"], &["--sip-uri", "sip:a@b"], &["sip:a@b"]]
    {
        let mut line = vec!["Test-CsExStorageConnectivity"];
        line.extend(typed);
        check(&line, &["Test-CsExStorageConnectivity", "sip:a@b"]);
    }
    check(&["Get-CsOAuthServer", "-Identity", "sts"], &["Get-CsOAuthServer", "sts"]);
}

#[test]
fn switches_stand_alone_and_take_booleans_after_a_colon() {
    let switch = |typed: &[&'static str], expected: &[&str]| {
        let mut line = vec!["Remove-CsOAuthServer"];
        line.extend(typed);
        let mut words = vec!["Remove-CsOAuthServer"];
        words.extend(expected);
        check(&line, &words);
    };
    switch(&["-Force", "sts"], &["--force", "sts"]);
    switch(&["-Force:$true", "sts"], &["--force", "sts"]);
    switch(&["-Force:$False", "sts"], &["sts"]);
    switch(&["-Force:", "$false", "sts"], &["sts"]);
    switch(&["-Confirm", "sts"], &["--confirm", "sts"]);
    switch(&["-Confirm:$false", "sts"], &["--confirm=false", "sts"]);
    switch(&["-cf:0", "-wi"], &["--confirm=false", "--what-if"]);
    refused(&["Remove-CsOAuthServer", "-Force:maybe"], "`-Force` cannot be `maybe`: it takes `$true` or `$false`");
}

#[test]
fn a_boolean_that_the_shell_lost_is_not_taken_for_true() {
    let hint = "hint: many shells replace an unquoted `$false` by nothing: write `false`, or quote it as `'$false'`";
    for typed in [&["-Enabled"][..], &["-Enabled:"], &["-Enabled", "-Force"], &["-Enabled", "--"]] {
        let mut line = vec!["Set-CsPartnerApplication", "exchange"];
        line.extend(typed);
        refused(&line, &format!("`-Enabled` needs a value\n\n{hint}"));
    }
    refused(&["Set-CsPartnerApplication", "exchange", "-Force:"], &format!("`-Force` needs a value\n\n{hint}"));
}

#[test]
fn a_value_that_the_shell_lost_is_missed() {
    refused(
        &["New-CsOAuthServer", "sts", "-Realm", "-Force"],
        "`-Realm` needs a value\n\nhint: many shells replace a variable that is not set by nothing; \
         a value that begins with a dash is joined as `-Realm:VALUE`",
    );
    check(&["New-CsOAuthServer", "-Realm:-x"], &["New-CsOAuthServer", "--realm=-x"]);
    check(&["New-CsOAuthServer", "-Realm", ""], &["New-CsOAuthServer", "--realm="]);
}

#[test]
fn lists_may_have_spaces_after_their_commas() {
    let expected = &["Remove-MsolServicePrincipalCredential", "--key-ids=a,b,c"][..];
    for typed in
        [&["-KeyIds", "a,b,c"][..], &["-KeyIds", "a,", "b,", "c"], &["-KeyIds", "a", ",b", ",c"], &["-KeyId:a,", "b,c"]]
    {
        let mut line = vec!["Remove-MsolServicePrincipalCredential"];
        line.extend(typed);
        check(&line, expected);
    }
}

#[test]
fn global_options_stand_anywhere() {
    check(
        &["-Output", "json", "--data", "d", "Get-CsTenant", "-Verbose"],
        &["--output=json", "--data=d", "Get-CsTenant", "--verbose"],
    );
    // `-Con` is the command's own before it is `--config`.
    check(&["Remove-CsOAuthServer", "-Conf", "-Config", "f"], &["Remove-CsOAuthServer", "--confirm", "--config=f"]);
}

#[test]
fn some_words_are_left_alone() {
    check(&["-h"], &["--help"]);
    check(&["-?"], &["--help"]);
    check(&["-V"], &["--version"]);
    check(&["token", "inspect", "-"], &["token", "inspect", "-"]);
    check(&["Get-CsTenant", "-ResultSize", "-5"], &["Get-CsTenant", "--result-size=-5"]);
    check(&["Get-CsTenant", "--", "-Identity", "“x”"], &["Get-CsTenant", "--", "-Identity", "“x”"]);
}

#[test]
fn a_host_may_follow_where_help_is_asked_for() {
    let expected = &["Test-CsExStorageConnectivity", "sip:a@b", "--host-name-storage-service=pool.example"][..];
    check(&["Test-CsExStorageConnectivity", "sip:a@b", "-h", "pool.example"], expected);
    check(&["Test-CsExStorageConnectivity", "sip:a@b", "-h:pool.example"], expected);
    check(&["Test-CsExStorageConnectivity", "-h"], &["Test-CsExStorageConnectivity", "--help"]);
    check(
        &["Test-CsExStorageConnectivity", "-h", "-Verbose"],
        &["Test-CsExStorageConnectivity", "--help", "--verbose"],
    );
    check(&["Get-CsTenant", "-h", "x"], &["Get-CsTenant", "--help", "x"]);
}

#[test]
fn quoted_words_are_joined() {
    let expected = &["Get-MsolServicePrincipal", "--search-string=Microsoft Lync Server"][..];
    check(&["Get-MsolServicePrincipal", "-SearchString", "“Microsoft", "Lync", "Server”"], expected);
    check(
        &["Get-MsolServicePrincipal", "-SearchString:“Microsoft", "Lync", "Server”"],
        &["Get-MsolServicePrincipal", "--search-string=Microsoft Lync Server"],
    );
    check(&["Get-CsPartnerApplication", "“”"], &["Get-CsPartnerApplication", ""]);
    // Without a closing quote nothing is joined.
    check(&["Get-CsOAuthServer", "“a", "-Verbose"], &["Get-CsOAuthServer", "“a", "--verbose"]);
}

#[test]
fn misspelt_names_are_answered_in_the_style_that_was_typed() {
    refused(&["New-CsOAuthServr"], "there is no command `New-CsOAuthServr`\n\nhint: did you mean `New-CsOAuthServer`?");
    refused(
        &["new-cs-oauth-servr"],
        "there is no command `new-cs-oauth-servr`\n\nhint: did you mean `new-cs-oauth-server`?",
    );
    refused(
        &["set-cssoauthconfiguration"],
        "there is no command `set-cssoauthconfiguration`\n\n\
         hint: did you mean `Set-CsOAuthConfiguration`?",
    );
    refused(&["storage", "putt"], "`actas storage` has no command `putt`\n\nhint: did you mean `put`?");
    refused(
        &["New-CsOAuthServer", "sts", "-MetdataUrl", "u"],
        "`New-CsOAuthServer` has no parameter `-MetdataUrl`\n\nhint: did you mean `-MetadataUrl`?",
    );
    refused(
        &["new-cs-oauth-server", "sts", "--metdata-url", "u"],
        "`new-cs-oauth-server` has no parameter `--metdata-url`\n\n\
         hint: did you mean `--metadata-url`?",
    );
    refused(
        &["Get-CsTenant", "-Quux"],
        "`Get-CsTenant` has no parameter `-Quux`\n\n\
         hint: `actas help Get-CsTenant` shows its parameters",
    );
    refused(
        &["New-CsOAuthServer", "-Auth", "x", "-A", "y"],
        "`-A` could be `-AuthorizationUriOverride` or `-AcceptSecurityIdentifierInformation`\n\n\
         hint: type as much of the name as makes it unique",
    );
}

#[test]
fn the_style_of_the_first_parameter_is_the_style_of_the_answer() {
    let spelling = |line: &[&str]| translated(line).map(|translation| translation.spelling);
    assert_eq!(spelling(&["Get-CsTenant"]), Ok(Spelling::PowerShell));
    assert_eq!(spelling(&["get-cstenant"]), Ok(Spelling::PowerShell));
    assert_eq!(spelling(&["--data", "d", "Get-CsTenant", "--output", "json"]), Ok(Spelling::PowerShell));
    assert_eq!(spelling(&["get-cs-tenant"]), Ok(Spelling::Kebab));
    assert_eq!(spelling(&["demo"]), Ok(Spelling::Kebab));
    assert_eq!(spelling(&["Get-CsTenant", "--filter", "x"]), Ok(Spelling::Kebab));
    assert_eq!(spelling(&["events", "-Id", "32048"]), Ok(Spelling::PowerShell));
}

#[test]
fn declared_names_have_both_styles() {
    for (cmdlet, expected) in [
        ("New-CsOAuthServer", "new-cs-oauth-server"),
        ("Test-CsExStorageConnectivity", "test-cs-ex-storage-connectivity"),
        ("New-MsolServicePrincipalCredential", "new-msol-service-principal-credential"),
        ("demo", "demo"),
    ] {
        assert_eq!(kebab(cmdlet), expected);
    }
    assert_eq!(
        respell(
            "`--metadata-url` and --metadata-urls, a--type, ---, --type",
            find_command(&arguments::tree(), &["New-CsOAuthServer".to_owned()]).unwrap(),
            Spelling::PowerShell,
        ),
        "`-MetadataUrl` and --metadata-urls, a--type, ---, -Type",
    );
    assert_eq!(
        respell(
            "\u{1b}[1;4m--type\u{1b}[0m m--type",
            find_command(&arguments::tree(), &["New-CsOAuthServer".to_owned()]).unwrap(),
            Spelling::PowerShell,
        ),
        "\u{1b}[1;4m-Type\u{1b}[0m m--type",
    );
}
