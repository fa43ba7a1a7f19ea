//! Whether Exchange tells of what happens in a mailbox, against a lab.

use std::fs;

use actas_testkit::{Lab, wait_for};

use super::{
    assert_told_of, connect,
    exchange::{TAKEN_UP, done as permit},
    lab,
};
use crate::installation::Installation;

/// Subscriptions that a mailbox of the lab has at most.
const SUBSCRIPTIONS_MAX: usize = 20;

/// Declares the lab's token service and Exchange, and has the certificate of this side made.
fn declare(installation: &Installation, lab: &Lab) {
    let config = installation.data().join("actas.toml");
    fs::create_dir_all(installation.data()).unwrap();
    fs::write(config, format!("[client]\nca_files = [\"{}\"]\n", lab.value("CA_PEM"))).unwrap();
    done(installation, &["New-CsOAuthServer", "microsoft.sts", "-MetadataUrl", lab.value("METADATA_URL")]);
    let partner = ["New-CsPartnerApplication", "microsoft.exchange", "-ApplicationIdentifier", super::EXCHANGE];
    done(installation, &[&partner[..], &["-ApplicationTrustLevel", "Full", "-UseOAuthServer"]].concat());
    let configure = ["Set-CsOAuthConfiguration", "-ExchangeAutodiscoverUrl", lab.value("AUTODISCOVER_URL")];
    done(installation, &[&configure[..], &["-ServiceName", lab.value("CLIENT_ID")]].concat());
    let thumbprint = installation.request("fabrikam.example");
    done(installation, &["Set-CsCertificate", "-Thumbprint", &thumbprint]);
}

/// Makes this side's certificate known to the lab's token service.
fn publish(installation: &Installation, lab: &Lab) {
    connect(installation, lab);
    let path = installation.path("oauth.cer");
    done(installation, &["Export-CsCertificate", "-Type", "OAuthTokenIssuer", "-Path", &path]);
    let exported = fs::read_to_string(&path).unwrap();
    let value: String = exported.lines().filter(|line| !line.starts_with("-----")).collect();
    let credential = ["New-MsolServicePrincipalCredential", "-AppPrincipalId", lab.value("CLIENT_ID")];
    done(installation, &[&credential[..], &["-Type", "Asymmetric", "-Usage", "Verify", "-Value", &value]].concat());
}

#[track_caller]
fn done(installation: &Installation, words: &[&str]) {
    let told = installation.run(words);
    assert!(told.starts_with("exit code: 0\n"), "{words:?}\n{told}");
}

#[test]
fn exchange_tells_of_an_item_once_the_trust_stands() {
    let (installation, lab) = (Installation::new(), lab());
    declare(&installation, &lab);
    let test = ["Test-CsExStorageNotification", lab.value("MAILBOX")];
    let failed = installation.run(&test);
    assert!(failed.starts_with("exit code: 1\n") && failed.contains("Test failed: OAuth: "), "{failed}");
    assert!(failed.contains("`actas New-MsolServicePrincipalCredential` makes it known"), "{failed}");
    assert_eq!(installation.objects(&["events", "-Id", "32054"]).len(), 1);

    publish(&installation, &lab);
    assert_told_of(&lab, "notification_passed", &installation.run(&[&test[..], &["-DeleteItem", "-Verbose"]].concat()));
    assert_eq!(installation.objects(&["events", "-Id", "32048"]).len(), 1);
    let kebab = ["test-cs-ex-storage-notification", "--sip-uri", lab.value("MAILBOX")];
    assert_eq!(installation.property(&kebab, "Result"), "Test passed");

    // Subscriptions are for those who read, items for those who write.
    let permissions = ["Set-PartnerApplication", "Lab application", "-ActAsPermissions", "Mail.Read"];
    permit(&lab, &permissions);
    let refused = || Some(installation.run(&test)).filter(|told| !told.contains("Test passed"));
    let refused = wait_for(TAKEN_UP, refused).unwrap();
    assert_told_of(&lab, "notification_without_an_item", &refused);
    for _ in 0..SUBSCRIPTIONS_MAX {
        let told = installation.run(&test);
        assert!(told.contains("Test failed: CreateItem: "), "no subscription is left behind: {told}");
    }
}
