//! The tree of commands, and what its types hold.

use clap::FromArgMatches;
use secrecy::ExposeSecret;

use super::{
    partner_application::Proof,
    principal::PrincipalIdentity,
    service_principal_credential::{KeyType, KeyUsage},
    *,
};
use crate::{arguments::global::Format, powershell};

const LYNC: &str = "00000004-0000-0ff1-ce00-000000000000";

fn parsed(line: &[&str]) -> Cli {
    let words = line.iter().map(Into::into).collect();
    let words = powershell::translate(&tree(), words).unwrap().words;
    let matches = matcher().no_binary_name(true).try_get_matches_from(words).unwrap();
    Cli::from_arg_matches(&matches).unwrap()
}

#[test]
fn the_tree_of_commands_is_sound() {
    matcher().debug_assert();
}

#[test]
fn every_parameter_is_described() {
    fn check(command: &clap::Command) {
        for arg in command.get_arguments() {
            assert!(arg.get_help().is_some(), "{} of {} has no description", arg.get_id(), command.get_name());
        }
        assert!(command.get_about().is_some(), "{}", command.get_name());
        command.get_subcommands().for_each(check);
    }
    check(&tree());
}

#[test]
fn every_command_has_examples() {
    fn check(command: &clap::Command) {
        let examples = command.get_after_help().map(ToString::to_string);
        if !command.has_subcommands() {
            assert!(examples.is_some_and(|text| text.contains("actas ")), "{}", command.get_name());
        }
        command.get_subcommands().for_each(check);
    }
    tree().get_subcommands().for_each(check);
}

#[test]
fn global_options_hold_wherever_they_stand() {
    for line in [
        &["-Output", "JSON", "--data", "d", "-Verbose", "Get-CsTenant"][..],
        &["Get-CsTenant", "--output", "json", "-Data", "d", "--verbose"],
        &["-Output:json", "Get-CsTenant", "-Verbose:$true", "-Data:d"],
    ] {
        let global = parsed(line).global;
        assert_eq!(global.output, Format::Json, "{line:?}");
        assert!(global.verbose, "{line:?}");
        assert_eq!(global.typed_data_dir(), Some(std::path::Path::new("d")), "{line:?}");
    }
    assert_eq!(parsed(&["storage", "list", "-Output", "table"]).global.output, Format::Table);
    assert_eq!(parsed(&["Get-CsTenant"]).global.output, Format::List);
}

#[test]
fn a_partner_proves_itself_in_one_way() {
    let proof = |words: &[&str]| {
        let mut line = vec!["New-CsPartnerApplication", "x", "-ApplicationTrustLevel", "application"];
        line.extend(words);
        match parsed(&line).command {
            Command::OnPremises(OnPremises::NewPartnerApplication(new)) => new.proof,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(proof(&["-UseOAuthServer", "-ApplicationIdentifier", LYNC]), Proof::OAuthServer);
    assert!(matches!(proof(&["-MetadataUrl", "https://a.example/m"]), Proof::MetadataUrl(_)));
    let certificate = ["-CertificateRawData", "MIIC", "-Realm", "r", "-ApplicationIdentifier", LYNC];
    assert_eq!(proof(&certificate), Proof::CertificateRaw("MIIC".to_owned()));
}

#[test]
fn a_partner_may_keep_its_proof() {
    let Command::OnPremises(OnPremises::SetPartnerApplication(set)) =
        parsed(&["Set-CsPartnerApplication", "x", "-Enabled:$FALSE", "-Force", "-Confirm:$false"]).command
    else {
        panic!("another command");
    };
    assert_eq!((set.proof, set.enabled), (None, Some(false)));
    assert_eq!((set.change.force, set.change.confirm, set.change.what_if), (true, Some(false), false));
}

#[test]
fn a_key_is_symmetric_and_checks_signatures_by_default() {
    let key = |words: &[&str]| {
        let mut line = vec!["New-MsolServicePrincipalCredential", "-AppPrincipalId", LYNC];
        line.extend(words);
        match parsed(&line).command {
            Command::Directory(Directory::NewCredential(new)) => new,
            other => panic!("{other:?}"),
        }
    };
    let new = key(&[]);
    assert_eq!(new.principal, PrincipalIdentity::AppPrincipalId(LYNC.parse().unwrap()));
    assert_eq!((new.key.kind, new.key.usage), (KeyType::Symmetric, KeyUsage::Verify));
    assert!(new.key.value.is_none());

    let new = key(&["-Type", "asymmetric", "-Value", "MIIC", "-StartDate", "2026-12-02"]);
    assert_eq!(new.key.value.as_ref().map(ExposeSecret::expose_secret), Some("MIIC"));
    assert_eq!(new.key.period.start.unwrap().to_string(), "2026-12-02T00:00:00Z");
    assert!(!format!("{new:?}").contains("MIIC"));
}

#[test]
fn principals_are_named_or_listed() {
    let get = |line: &[&str]| match parsed(line).command {
        Command::Directory(Directory::GetServicePrincipal(get)) => get,
        other => panic!("{other:?}"),
    };
    let all = get(&["Get-MsolServicePrincipal"]);
    assert_eq!((all.principal.0, all.max_results, all.all), (None, 500, false));
    let one = get(&["Get-MsolServicePrincipal", "-ServicePrincipalName", "a/b"]);
    assert_eq!(one.principal.0, Some(PrincipalIdentity::ServicePrincipalName("a/b".to_owned())));
}

#[test]
fn an_empty_text_empties_a_list() {
    let Command::Directory(Directory::SetServicePrincipal(set)) =
        parsed(&["Set-MsolServicePrincipal", "-ObjectId", LYNC, "-ServicePrincipalNames", ""]).command
    else {
        panic!("another command");
    };
    assert_eq!(set.service_principal_names, Some(vec![String::new()]));
    assert_eq!(set.addresses, None);
}
