//! Commands on what the Exchange-like server trusts, where there is no server to ask.

use crate::{installation::Installation, run};

const LYNC: &str = "00000004-0000-0ff1-ce00-000000000000";
const URL: &str = "https://127.0.0.1:1/metadata/json/1";

#[test]
fn without_a_cloud_there_is_nothing_to_trust_with() {
    let installation = Installation::new();
    for words in [
        &["Get-AuthServer"][..],
        &["Get-PartnerApplication", "Lync"],
        &["Get-MailboxPermission"],
        &["Remove-AuthServer", "MicrosoftACS"],
        &["New-PartnerApplication", "Lync", "-ApplicationIdentifier", LYNC],
    ] {
        let told = installation.run(words);
        assert!(told.starts_with("exit code: 1\n") && told.contains("there is no cloud in"), "{words:?}: {told}");
        assert!(told.contains("hint: "), "{words:?}: {told}");
    }
    assert!(!installation.data().exists(), "asking makes nothing");
}

#[test]
fn what_would_be_done_is_told_before_anything_is_asked() {
    let installation = Installation::new();
    for words in [
        &["New-AuthServer", "MicrosoftACS", "-AuthMetadataUrl", URL, "-WhatIf"][..],
        &["Set-AuthServer", "MicrosoftACS", "-RefreshAuthMetadata", "-WhatIf"],
        &["Remove-AuthServer", "MicrosoftACS", "-WhatIf"],
        &["New-PartnerApplication", "Lync", "-AuthMetadataUrl", URL, "-WhatIf"],
        &["Set-PartnerApplication", "Lync", "-Enabled", "$false", "-WhatIf"],
        &["Remove-PartnerApplication", "Lync", "-WhatIf"],
        &["Add-MailboxPermission", "a@b.example", "-User", "c@b.example", "-AccessRights", "FullAccess", "-WhatIf"],
        &["Remove-MailboxPermission", "a@b.example", "-User", "c@b.example", "-AccessRights", "FullAccess", "-WhatIf"],
    ] {
        let told = installation.run(words);
        let line = format!("What if: Performing the operation \"{}\" on target \"", words[0]);
        assert!(told.starts_with("exit code: 0\n----- stdout -----\n----- stderr") && told.contains(&line), "{told}");
    }
    // Asked for, and nobody there to answer.
    let told = installation.run(&["Remove-PartnerApplication", "Lync", "-Confirm"]);
    assert!(told.starts_with("exit code: 1\n") && told.contains("has to be confirmed"), "{told}");
}

#[test]
fn parameters_that_exclude_each_other() {
    let new = ["New-PartnerApplication", "Lync"];
    for (words, code) in [
        (&new[..], 2),
        (&[&new[..], &["-ApplicationIdentifier", LYNC, "-AuthMetadataUrl", URL]].concat(), 2),
        (&[&new[..], &["-AuthMetadataUrl", URL, "-Realm", "a.example"]].concat(), 2),
        (&[&new[..], &["-AuthMetadataUrl", URL, "-UseAuthServer", "$true"]].concat(), 2),
        (&[&new[..], &["-ApplicationIdentifier", LYNC, "-UseAuthServer", "$false"]].concat(), 2),
        (&[&new[..], &["-ApplicationIdentifier", LYNC, "-ActAsPermissions", "Mail.Send"]].concat(), 2),
        (&[&new[..], &["-ApplicationIdentifier", LYNC, "-AccountType", "ConsumerAccount"]].concat(), 1),
        (&["Set-PartnerApplication", "Lync", "-AuthMetadataUrl", URL, "-RefreshAuthMetadata"], 2),
        (&["Set-AuthServer", "sts", "-AuthMetadataUrl", URL, "-RefreshAuthMetadata"], 2),
        (&["Set-AuthServer", "sts", "-ApplicationIdentifier", LYNC, "-RefreshAuthMetadata"], 2),
        (&["Set-AuthServer", "sts", "-GraphBaseUrl", URL, "-RefreshAuthMetadata"], 2),
        (&["Set-AuthServer", "sts", "-TrustAnySSLCertificate", "-RefreshAuthMetadata"], 2),
        (&["Set-AuthServer", "sts", "-ApplicationIdentifier", "Lync"], 2),
        (&["Set-PartnerApplication", "Lync", "-TrustAnySSLCertificate", "-RefreshAuthMetadata"], 2),
        (&["Set-PartnerApplication", "Lync", "-TrustAnySSLCertificate"], 1),
        (&[&new[..], &["-ApplicationIdentifier", LYNC, "-TrustAnySSLCertificate"]].concat(), 2),
        (&["New-AuthServer", "sts"], 2),
        (&["New-AuthServer", "sts", "-AuthMetadataUrl", URL, "-Type", "Facebook"], 2),
        (&["New-AuthServer", "-", "-AuthMetadataUrl", URL], 2),
        (&["New-AuthServer", &"x".repeat(65), "-AuthMetadataUrl", URL], 2),
        (&["New-AuthServer", "sts", "-AuthMetadataUrl", "http://sts.example/metadata/json/1"], 1),
        (&["Test-OAuthConnectivity", "-Service", "AutoD", "-TargetUri", URL], 2),
    ] {
        let told = Installation::new().run(words);
        assert!(told.starts_with(&format!("exit code: {code}\n")), "{words:?}: {told}");
    }
    let any = &["New-AuthServer", "sts", "-AuthMetadataUrl", URL, "-TrustAnySSLCertificate"];
    assert_told!("any_certificate", &Installation::new().run(any));
    assert_told!(
        "permission_that_is_not_known",
        &Installation::new()
            .run(&[&new[..], &["-ApplicationIdentifier", LYNC, "-AppOnlyPermissions", "everything"]].concat())
    );
}

#[test]
fn each_command_has_a_page() {
    for command in ["New-AuthServer", "Set-PartnerApplication", "Add-MailboxPermission", "Test-OAuthConnectivity"] {
        let page = run(&["help", command]);
        assert!(page.starts_with("exit code: 0\n") && page.contains("Examples:"), "{page}");
    }
    insta::assert_snapshot!("help_of_new_partner_application", run(&["help", "New-PartnerApplication"]));
}
