//! What is said about words that cannot be understood.

use crate::{installation::Installation, run};

/// Exchange's application id.
const EXCHANGE: &str = "00000002-0000-0ff1-ce00-000000000000";
/// Lync's application id.
const LYNC: &str = "00000004-0000-0ff1-ce00-000000000000";

macro_rules! says {
    ($name:ident, $($word:expr),* $(,)?) => {
        #[test]
        fn $name() {
            insta::assert_snapshot!(stringify!($name), run(&[$($word),*]));
        }
    };
}

says!(no_arguments,);
says!(misspelt_command, "New-CsOAuthServr", "microsoft.sts");
says!(misspelt_command_in_kebab_style, "new-cs-oauth-servr", "microsoft.sts");
says!(misspelt_parameter, "New-CsOAuthServer", "microsoft.sts", "-MetdataUrl", "https://sts.example/m");
says!(
    misspelt_parameter_in_kebab_style,
    "new-cs-oauth-server",
    "microsoft.sts",
    "--metdata-url",
    "https://sts.example/m"
);
says!(
    exclusive_parameters,
    "New-CsPartnerApplication",
    "microsoft.exchange",
    "-ApplicationIdentifier",
    EXCHANGE,
    "-ApplicationTrustLevel",
    "Full",
    "-UseOAuthServer",
    "-MetadataUrl",
    "https://exchange.example/m"
);
says!(
    exclusive_parameters_in_kebab_style,
    "new-cs-partner-application",
    "microsoft.exchange",
    "--application-trust-level",
    "full",
    "--use-oauth-server",
    "--certificate-file-data",
    "exchange.cer"
);
says!(
    no_proof,
    "New-CsPartnerApplication",
    "-Identity",
    "microsoft.exchange",
    "-ApplicationIdentifier",
    EXCHANGE,
    "-ApplicationTrustLevel",
    "Full"
);
says!(
    certificate_without_realm,
    "New-CsPartnerApplication",
    "archive",
    "-ApplicationIdentifier",
    EXCHANGE,
    "-ApplicationTrustLevel",
    "User",
    "-CertificateFileData",
    "archive.cer"
);
says!(
    metadata_with_application_identifier,
    "New-CsPartnerApplication",
    "exchange",
    "-ApplicationTrustLevel",
    "Full",
    "-MetadataUrl",
    "https://exchange.example/m",
    "-ApplicationIdentifier",
    EXCHANGE
);
says!(
    identity_whose_value_was_lost,
    "New-CsPartnerApplication",
    "-Identity",
    "-ApplicationIdentifier",
    EXCHANGE,
    "-ApplicationTrustLevel",
    "Full",
    "-UseOAuthServer"
);
says!(
    display_name_in_place_of_an_address,
    "New-CsOAuthServer",
    "microsoft.sts",
    "-MetadataUrl",
    "\"Contoso\"/metadata/json/1"
);
says!(unknown_trust_level, "Set-CsPartnerApplication", "microsoft.exchange", "-ApplicationTrustLevel", "Ful");
says!(
    inverted_dates,
    "New-MsolServicePrincipalCredential",
    "-AppPrincipalId",
    LYNC,
    "-Type",
    "Asymmetric",
    "-Usage",
    "Verify",
    "-Value",
    "MIIC",
    "-StartDate",
    "02/12/2015",
    "-EndDate",
    "01/12/2015"
);
says!(
    inverted_dates_in_kebab_style,
    "new-msol-service-principal-credential",
    "--app-principal-id",
    LYNC,
    "--start-date",
    "2026-12-02",
    "--end-date",
    "2026-12-01"
);
says!(ambiguous_date, "events", "-After", "02/12/2015");
says!(
    ambiguous_date_of_a_credential,
    "New-MsolServicePrincipalCredential",
    "-AppPrincipalId",
    LYNC,
    "-StartDate",
    "02/12/2015"
);
says!(
    return_key_values_asymmetric,
    "Get-MsolServicePrincipalCredential",
    "-AppPrincipalId",
    LYNC,
    "-ReturnKeyValues",
    "Asymmetric"
);
says!(return_key_values_missing, "Get-MsolServicePrincipalCredential", "-AppPrincipalId", LYNC);
says!(sip_uri_missing, "Test-CsExStorageConnectivity");
says!(sip_uri_missing_in_kebab_style, "test-cs-ex-storage-connectivity");
says!(sip_uri_of_another_kind, "Test-CsExStorageConnectivity", "tel:+4412345");
says!(two_principals, "Get-MsolServicePrincipal", "-All", "-MaxResults", "5");
says!(roll_without_date, "Set-CsCertificate", "-Thumbprint", "A9993E364706816ABA3E25717850C26C9CD0D89D", "-Roll");
says!(file_of_a_request, "Request-CsCertificate", "-New", "-Type", "OAuthTokenIssuer", "-Output", "oauth.csr");
says!(tcp_without_host, "Test-CsExStorageConnectivity", "sip:adam@contoso.example", "-Binding", "nettcp");
says!(notification_of_nobody, "test-cs-ex-storage-notification");
says!(notification_of_a_folder, "Test-CsExStorageNotification", "sip:adam@contoso.example", "-Folder", "Inbox");
says!(notification_elsewhere, "Test-CsExStorageNotification", "sip:adam@contoso.example", "-Binding", "NetTCP");
says!(boolean_that_the_shell_lost, "Set-CsPartnerApplication", "microsoft.exchange", "-Enabled");
says!(switch_with_a_boolean_behind_it, "Remove-CsOAuthServer", "-Confirm", "$false");
says!(certificate_without_value, "New-MsolServicePrincipalCredential", "-ObjectId", LYNC, "-Type", "Asymmetric");
says!(storage_without_command, "storage");
says!(second_positional, "Get-CsOAuthServer", "microsoft.sts", "evoSTS");
says!(parameter_given_twice, "Get-CsTenant", "-Filter", "a", "-Filter", "b");
says!(instance_beside_values, "Set-CsOAuthServer", "microsoft.sts", "-Instance", "x");
says!(instance_beside_a_proof, "Set-CsPartnerApplication", "-Instance", "-", "-CertificateRawData", "MIIC");
says!(neither_name_nor_instance, "Set-CsPartnerApplication", "-Enabled", "false");
says!(name_that_means_standard_input, "New-CsOAuthServer", "-", "-MetadataUrl", "https://sts.example/m");
says!(use_of_a_certificate_that_is_none, "Get-CsCertificate", "-Type", "Oauth");
says!(two_sources_of_a_certificate, "Set-CsCertificate", "-Path", "a.pfx", "-Reference", "-");
says!(exportable_key_that_is_assigned, "Import-CsCertificate", "Global", "-Path", "a", "-PrivateKeyExportable", "true");
says!(request_in_two_ways, "Request-CsCertificate", "-New", "-List");
says!(
    flush_elsewhere_without_host,
    "Invoke-CsStorageServiceFlush",
    "-FlushType",
    "SteadyStateFlush",
    "-PoolFqdn",
    "p",
    "-Binding",
    "NetTCP"
);
says!(parameter_of_the_pipeline, "Get-CsOAuthServer", "microsoft.sts", "-Instance", "x");

#[test]
fn what_is_understood_reaches_its_command() {
    let installation = Installation::new();
    let file = installation.path("a.csr");
    for words in [
        &["New-CsOAuthServer", "microsoft.sts", "-MetadataUrl", "https://sts.example/m", "-WhatIf"][..],
        &[
            "New-CsPartnerApplication",
            "microsoft.exchange",
            "-ApplicationIdentifier",
            EXCHANGE,
            "-ApplicationTrustLevel",
            "full",
            "-UseOAuthServer",
            "-Enabled:$true",
        ],
        &[
            "new-cs-partner-application",
            "archive",
            "--application-identifier",
            EXCHANGE,
            "--application-trust-level",
            "User",
            "--certificate-raw-data",
            "MIIC",
            "--realm",
            "contoso.example",
        ],
        &["Set-CsPartnerApplication", "microsoft.exchange", "-Enabled", "$false", "-Confirm:$false"],
        &["Get-CsOAuthConfiguration", "-Output", "json"],
        &["Set-CsOAuthConfiguration", "-ExchangeAutodiscoverUrl", ""],
        &["Import-CsCertificate", "-Path", "a.pem", "-Roll", "-EffectiveTime", "2026-12-02"],
        &["Request-CsCertificate", "-New", "-Type", "OAuthTokenIssuer", "-Csr", &file, "-DomainName", "a.example"],
        &["Export-CsCertificate", "-Type", "oauthtokenissuer", "-Path", "a.cer", "-Encoding", "DER"],
        &["Test-CsExStorageConnectivity", "sip:adam@contoso.example", "-Verbose"],
        &["Test-CsExStorageConnectivity", "-s", "adam@contoso.example", "-b", "netnamedpipe"],
        &["Test-CsExStorageNotification", "-SipUri", "sip:adam@contoso.example", "-DeleteItem", "-Force"],
        &[
            "test-cs-ex-storage-notification",
            "adam@contoso.example",
            "-b",
            "NetTCP",
            "--host-name-storage-service",
            "h",
        ],
        &["Connect-MsolService", "-AccessToken", "-"],
        &["Get-MsolServicePrincipal"],
        &["Get-MsolServicePrincipal", "-SearchString", "“Microsoft", "Lync", "Server”"],
        &["Set-MsolServicePrincipal", "-ObjectId", EXCHANGE, "-AccountEnabled", "1"],
        &["New-MsolServicePrincipalCredential", "-ServicePrincipalName", "a/b"],
        &["Remove-MsolServicePrincipalCredential", "-AppPrincipalId", LYNC, "-KeyId", LYNC],
        &["events", "-Id", "32053,32054"],
        &["renew", "--retire-after", "2d"],
        &["storage", "put", "--owner", "sip:adam@contoso.example", "--body", "-5"],
        &["token", "inspect", "-"],
    ] {
        let shown = installation.run(words);
        assert!(!shown.starts_with("exit code: 2\n"), "{words:?}\n{shown}");
    }
}
