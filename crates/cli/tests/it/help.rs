//! Pages of help.

use crate::run;

#[test]
fn overview() {
    insta::assert_snapshot!("overview", run(&["help"]));
    assert_eq!(run(&["help"]), run(&["--help"]));
    assert_eq!(run(&["help"]), run(&["-?"]));
}

#[test]
fn help_of_a_cmdlet() {
    let page = run(&["help", "New-CsOAuthServer"]);
    insta::assert_snapshot!("help_of_a_cmdlet", page);
    assert_eq!(run(&["new-csoauthserver", "-h"]), page);
    assert_eq!(run(&["New-CsOAuthServer", "-Help"]), page);
}

#[test]
fn help_of_a_cmdlet_in_kebab_style() {
    let page = run(&["help", "new-cs-oauth-server"]);
    insta::assert_snapshot!("help_of_a_cmdlet_in_kebab_style", page);
    assert_eq!(run(&["new-cs-oauth-server", "--help"]), page);
}

#[test]
fn help_of_exclusive_parameters() {
    insta::assert_snapshot!("help_of_exclusive_parameters", run(&["help", "New-CsPartnerApplication"]));
}

#[test]
fn help_of_a_positional_parameter() {
    insta::assert_snapshot!("help_of_a_positional_parameter", run(&["help", "Test-CsExStorageConnectivity"]));
    let page = run(&["help", "Test-CsExStorageNotification"]);
    assert_eq!(run(&["Test-CsExStorageNotification", "--help"]), page);
    insta::assert_snapshot!("help_of_test_notification", page);
}

#[test]
fn help_of_what_is_done_with_certificates() {
    insta::assert_snapshot!("help_of_import_certificate", run(&["help", "Import-CsCertificate"]));
    insta::assert_snapshot!("help_of_set_certificate", run(&["help", "set-cs-certificate"]));
    insta::assert_snapshot!("help_of_request_certificate", run(&["help", "Request-CsCertificate"]));
}

#[test]
fn help_of_what_reads_objects() {
    insta::assert_snapshot!("help_of_set_oauth_server", run(&["help", "Set-CsOAuthServer"]));
    insta::assert_snapshot!("help_of_set_partner_application", run(&["help", "Set-CsPartnerApplication"]));
    insta::assert_snapshot!("help_of_invoke_flush", run(&["help", "Invoke-CsStorageServiceFlush"]));
}

#[test]
fn help_of_our_own_command() {
    insta::assert_snapshot!("help_of_our_own_command", run(&["help", "storage", "put"]));
    insta::assert_snapshot!("help_of_a_command_with_commands", run(&["help", "storage"]));
}

#[test]
fn help_of_what_interrupts() {
    insta::assert_snapshot!("help_of_what_interrupts", run(&["help", "signing-keys", "replace"]));
}

#[test]
fn help_of_no_command() {
    insta::assert_snapshot!("help_of_no_command", run(&["help", "New-CsOAuthSever"]));
}

#[test]
fn version() {
    assert_eq!(
        run(&["--version"]),
        format!("exit code: 0\n----- stdout -----\nactas {}\n----- stderr -----\n", env!("CARGO_PKG_VERSION"))
    );
}
