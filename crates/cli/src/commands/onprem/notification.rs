//! `Test-CsExStorageNotification`.

use std::time::Duration;

use actas_agent::NotificationTest;

use super::{
    connectivity::{conclude, reach_service},
    open,
};
use crate::{app::Context, arguments::storage_test::TestNotification, problem::Problem};

/// How long Exchange may take to tell.
const PATIENCE: Duration = Duration::from_secs(30);

/// Has Exchange tell of a probe, and says how far that came.
///
/// Whoever reads the output looks for one line with `Test passed` or `Test failed`.
pub(super) async fn run(asked: TestNotification, context: &Context) -> Result<(), Problem> {
    reach_service(&asked.place, &context.console)?;
    let sip = asked.sip_uri.bare().to_owned();
    let test = NotificationTest { sip: sip.clone(), delete_item: asked.delete_item, patience: PATIENCE };
    let report = open(context)?.test_notification(&test).await?;
    let passed = format!("Exchange told of an item that was created in ConversationHistory of {sip}");
    conclude(report, &passed, "Exchange does not tell what happens in the mailbox", &context.console)
}
