//! `renew`: a new certificate without a failed delivery.

use actas_agent::{RenewOptions, RenewStage, RenewState, certificate_in};
use actas_certificate::KeyPair;
use jiff::{SignedDuration, Timestamp};

use super::{directory, onprem, shown};
use crate::{
    app::Context,
    arguments::renew::Renew,
    output::{Console, Record},
    problem::Problem,
    workplace::Workplace,
};

/// Takes a renewal as far as it goes now, or says how far it is.
pub(super) async fn run(asked: Renew, context: &Context) -> Result<(), Problem> {
    if asked.key.is_none() && onprem::is_password_given(&asked.password) {
        return Err(Problem::usage("a password was given, and no key that it would open")
            .hint("`--key FILE` names a key, beside `--certificate FILE`"));
    }
    let agent = Workplace::open(&context.global)?.agent()?;
    let retire_after = SignedDuration::try_from(asked.retire_after)
        .map_err(|_| Problem::usage("`--retire-after` is longer than anything lasts"))?;
    if asked.status {
        let Some(state) = agent.renewal().await? else {
            context.console.note("No renewal was begun.");
            return context.console.records(&[]);
        };
        return context.console.records(&[record(&state, retire_after)]);
    }

    let next = match (asked.certificate, asked.key) {
        (Some(certificate), Some(key)) => {
            let key = onprem::open_key(&key, &asked.password, context)?;
            let pair = KeyPair::new(certificate_in(&certificate)?, key);
            Some(pair.map_err(|error| Problem::failed(error.to_string()).hint(error.hint()))?)
        }
        _ => None,
    };
    let graph = directory::graph(&agent).await?;
    let options = RenewOptions { retire_after, next };
    let state = agent.renew(&graph, &options, |state| tell(state, &context.console)).await?;
    if let Some(retires) = retires(&state, retire_after) {
        context.console.note(&format!(
            "\nThe old certificate is retired at {}: run `actas renew` again then.\n",
            shown::time(retires)
        ));
    }
    context.console.records(&[record(&state, retire_after)])
}

/// Says which stage was reached.
fn tell(state: &RenewState, console: &Console) {
    let reached = match state.stage {
        RenewStage::Made => format!("Made: the next certificate is {}.", state.next),
        RenewStage::Published => "Published: its credential stands beside the old one in the directory.".to_owned(),
        RenewStage::Proved => "Proved: the token service gave a token for it.".to_owned(),
        RenewStage::Rolled => "Rolled: it signs from now on.".to_owned(),
        RenewStage::Retired => "Retired: the old credential is gone.".to_owned(),
    };
    console.note(&reached);
}

fn record(state: &RenewState, retire_after: SignedDuration) -> Record {
    Record::new()
        .with("Stage", stage(state.stage))
        .with("OldThumbprint", state.old.clone())
        .with("NextThumbprint", state.next.clone())
        .with("KeyId", state.key_id.map(|id| id.to_string()))
        .with("RolledAt", state.rolled.map(shown::time))
        .with("RetireAt", retires(state, retire_after).map(shown::time))
}

/// Returns when the old certificate is retired, if that is still to come.
fn retires(state: &RenewState, retire_after: SignedDuration) -> Option<Timestamp> {
    let rolled = state.rolled.filter(|_| state.stage == RenewStage::Rolled)?;
    rolled.checked_add(retire_after).ok()
}

fn stage(stage: RenewStage) -> &'static str {
    match stage {
        RenewStage::Made => "Made",
        RenewStage::Published => "Published",
        RenewStage::Proved => "Proved",
        RenewStage::Rolled => "Rolled",
        RenewStage::Retired => "Retired",
    }
}
