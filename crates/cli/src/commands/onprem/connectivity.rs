//! `Test-CsExStorageConnectivity`, and how it and its sibling tell what they found.

use actas_agent::{ConnectivityReport, ConnectivityTest, Phase, TargetFolder};

use super::open;
use crate::{
    app::Context,
    arguments::{
        global::Format,
        storage_test::{Binding, Folder, Place, Test},
    },
    output::{Console, Record},
    problem::Problem,
};

/// Sends a probe through the whole path, and says how far it came.
///
/// Whoever reads the output looks for one line with `Test passed` or `Test failed`.
pub(super) async fn run(asked: Test, context: &Context) -> Result<(), Problem> {
    reach_service(&asked.place, &context.console)?;
    let folder = match asked.folder {
        Folder::ConversationHistory => TargetFolder::ConversationHistory,
        Folder::Inbox => TargetFolder::Inbox,
        Folder::Dumpster => TargetFolder::Dumpster,
    };
    let sip = asked.sip_uri.bare().to_owned();
    let test =
        ConnectivityTest { sip: sip.clone(), folder, delete_item: asked.delete_item, use_cache: asked.use_cache };
    let report = open(context)?.test_connectivity(&test).await?;
    let passed = format!("an item was created in {} of {sip}", folder.as_str());
    conclude(report, &passed, "the test item did not get through", &context.console)
}

/// Refuses a Storage Service that is not on this machine.
pub(super) fn reach_service(place: &Place, console: &Console) -> Result<(), Problem> {
    if place.binding == Binding::NetTcp {
        let host = place.host_name_storage_service.as_deref().unwrap_or_default();
        return Err(Problem::failed(format!("the Storage Service of `{host}` cannot be tested from here"))
            .hint(format!("run the test on `{host}`, without `-Binding`")));
    }
    console.verbose("Storage Service: localhost, binding NetNamedPipe");
    Ok(())
}

/// Prints what a test found, the verdict last, and makes a failure the command's own.
pub(super) fn conclude(
    report: ConnectivityReport,
    passed: &str,
    failed: &str,
    console: &Console,
) -> Result<(), Problem> {
    tell(&report, console);
    let verdict = match &report.failed {
        None => format!("Test passed: {passed}"),
        Some((phase, reason)) => format!("Test failed: {}: {}", phase.as_str(), one_line(reason)),
    };
    if console.format() == Format::Json {
        console.records(&[record(&report)])?;
    } else {
        console.text(&format!("{verdict}\n"))?;
    }
    match report.failed {
        None => {
            if let Some(url) = report.better_autodiscover_url {
                console.note(&format!(
                    "\nThe mailbox was found over plain http. The https address that answered is better:\n  \
                     actas Set-CsOAuthConfiguration -ExchangeAutodiscoverUrl {url}"
                ));
            }
            Ok(())
        }
        Some((phase, reason)) => Err(Problem::failed(format!("{failed}: {}", phase.as_str()))
            .detail(cause(phase, &reason))
            .hint(next(phase))),
    }
}

/// Returns what tells more about a failure.
fn next(phase: Phase) -> &'static str {
    match phase {
        Phase::Subscribe | Phase::GetEvents | Phase::Unsubscribe => {
            "`actas Test-CsExStorageNotification -Verbose` tells every step, and `actas Test-CsExStorageConnectivity` \
             whether items get there at all"
        }
        Phase::Autodiscover | Phase::OAuth | Phase::CreateItem | Phase::DeleteItem => {
            "`actas events -Id 32053,32054 -MaxEvents 1` shows what the event log says about it"
        }
    }
}

/// Says what each stage saw, for `-Verbose`.
fn tell(report: &ConnectivityReport, console: &Console) {
    for line in &report.trace {
        console.verbose(line);
    }
    let result = match &report.failed {
        None => format!("Result: success; activity {}", report.activity_id),
        Some((phase, reason)) => {
            format!("Result: failure; activity {}; reason: {}: {reason}", report.activity_id, phase.as_str())
        }
    };
    console.verbose(&result);
    if let Some(id) = &report.item_id {
        console.verbose(&format!("Item: {id}"));
    }
}

fn record(report: &ConnectivityReport) -> Record {
    let (phase, reason) = match &report.failed {
        Some((phase, reason)) => (Some(phase.as_str()), Some(reason.clone())),
        None => (None, None),
    };
    Record::new()
        .with("Result", if report.failed.is_none() { "Test passed" } else { "Test failed" })
        .with("Phase", phase)
        .with("Reason", reason)
        .with("ItemId", report.item_id.clone())
        .with("ActivityId", report.activity_id.clone())
        .with("Trace", report.trace.clone())
}

/// Returns what most likely lies behind a failure.
fn cause(phase: Phase, reason: &str) -> &'static str {
    let refused = reason.contains("(401)") || reason.contains("(403)");
    match phase {
        Phase::Autodiscover if reason.contains("ExchangeAutodiscover") => {
            "likely cause: this side is not configured yet (`actas Get-CsOAuthConfiguration`)"
        }
        _ if reason.contains("invalid_user") => {
            "likely cause: no mailbox there belongs to this user, or it goes by another address"
        }
        _ if refused && reason.contains("x-ms-diagnostics") => {
            "likely cause: Exchange refused the token; what stands behind `x-ms-diagnostics` says why"
        }
        _ if reason.contains("its content type is") => {
            "likely cause: something else answers there, such as a proxy or a page to sign in at, or \
             ExchangeAutodiscoverUrl is not the address of Exchange's Autodiscover"
        }
        _ if reason.contains("ErrorIncorrectExchangeServerVersion") => {
            "likely cause: the user's mailbox is on a server older than Exchange 2013"
        }
        Phase::Autodiscover if refused => {
            "likely cause: nothing vouches for this server at Exchange; `actas Get-CsPartnerApplication` shows whether \
             Exchange is declared as a partner"
        }
        Phase::Autodiscover => {
            "likely cause: ExchangeAutodiscoverUrl is not the address of Exchange's Autodiscover, or is not reachable \
             from here"
        }
        Phase::OAuth if refused => {
            "likely cause: the token service does not know the certificate of this server; \
             `actas New-MsolServicePrincipalCredential` makes it known"
        }
        Phase::OAuth if reason.contains("certificate") => {
            "likely cause: this server has no certificate to sign with; `actas Get-CsCertificate` shows what is assigned"
        }
        Phase::OAuth => {
            "likely cause: the token service is not declared, not reachable, or refuses this server's certificate"
        }
        Phase::Subscribe if reason.contains("ErrorExceededSubscriptionCount") => {
            "likely cause: other clients hold as many subscriptions to this mailbox as Exchange allows; those that \
             nobody asks for end by themselves"
        }
        Phase::Subscribe | Phase::CreateItem if refused => {
            "likely cause: Exchange does not trust the token, or not for this user"
        }
        Phase::CreateItem if reason.contains("ErrorFolderNotFound") => {
            "likely cause: the mailbox has no such folder; `Dumpster` is there for users whose items are archived"
        }
        Phase::CreateItem if reason.contains("ErrorAccessDenied") => {
            "likely cause: Exchange lets this server read and not write; `actas Get-PartnerApplication` on the Exchange \
             side shows its ActAsPermissions"
        }
        Phase::CreateItem => "likely cause: the user has no mailbox there, or its folder cannot be written",
        Phase::Subscribe => {
            "likely cause: the user has no mailbox there, or what answers for EWS offers no pull notifications"
        }
        Phase::GetEvents => {
            "likely cause: Exchange keeps the item, and forgets subscriptions or is late with events, as behind a proxy \
             that sends each call to another server"
        }
        Phase::Unsubscribe => "Exchange told of the item; the subscription ends by itself within minutes",
        Phase::DeleteItem => "the item was created and is still in the mailbox",
    }
}

/// Keeps a text of another server to the one line that is looked for.
fn one_line(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
