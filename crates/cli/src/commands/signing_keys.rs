//! `signing-keys`: the keys that the token service signs with, rolled through the
//! database of a cloud that may be running.

use actas_runtime::{Clock as _, SystemClock};
use actas_store::directory::Directory;
use actas_store::sts::{KeyState, SigningKeyRecord, SigningKeys as Table};
use actas_sts::{KeyRing, KeyRingError, Policy, Sts};
use actas_token::VerifyingKey;

use super::shown;
use crate::{
    app::Context,
    arguments::signing_keys::{Replace, SigningKeys},
    cloud::{FOLLOWED_EVERY, keys, policy},
    output::Record,
    problem::Problem,
    workplace::Workplace,
};

/// Shows the keys, or rolls them.
pub(super) async fn run(asked: SigningKeys, context: &Context) -> Result<(), Problem> {
    let place = Workplace::open(&context.global)?;
    let config = place.config.cloud.as_ref();
    let folder = place.cloud_folder();
    let database = place.cloud_database()?;
    let table = Table::new(database.clone());
    let list = |all: bool| {
        let folder = keys::folder(&folder);
        let records = table.all();
        async move {
            let shown = records.await?.into_iter().filter(|key| all || key.state != KeyState::Retired);
            shown.map(|key| record(&key, &folder)).collect::<Result<Vec<_>, Problem>>()
        }
    };
    let service = async || -> Result<Sts, Problem> {
        let place = keys::place(&folder, config.and_then(|cloud| cloud.signing_keys.as_ref())).await?;
        let ring = KeyRing::load_to_roll(&table, place).await;
        let policy = config.map_or_else(Policy::default, policy::configured);
        let origins = config.map(|cloud| cloud.public_origin.clone()).into_iter().collect();
        Ok(Sts::new(Directory::new(database.clone()), ring?, origins, policy, SystemClock::shared()))
    };
    let now = SystemClock.now();
    match asked {
        SigningKeys::List(asked) => return context.console.records(&list(asked.all).await?),
        SigningKeys::Rotate(_) => service().await?.rotate_signing_key(now).await?,
        SigningKeys::Replace(asked) => {
            confirmed(&asked)?;
            let service = service().await?;
            if asked.with_next {
                service.replace_all_signing_keys(now).await?
            } else {
                service.replace_stolen_signing_key(now).await?
            }
        }
    };
    context.console.note(&format!("A server that runs takes it up within {} seconds.", FOLLOWED_EVERY.as_secs()));
    context.console.records(&list(false).await?)
}

/// Says what a replacement breaks, unless it is known.
fn confirmed(asked: &Replace) -> Result<(), Problem> {
    if asked.yes {
        return Ok(());
    }
    let words = if asked.with_next { "signing-keys replace --with-next" } else { "signing-keys replace" };
    let mut problem = Problem::failed(format!("`{words}` has to be confirmed with `--yes`, since it interrupts"))
        .detail("every token of the withdrawn keys is refused by whoever looks at the published keys again; clients ask for new ones")
        .detail("a verifier that keeps a key set believes whoever has a withdrawn key until it looks again, up to a day for a careful one");
    if asked.with_next {
        problem = problem
            .detail("the key that signs then was never published: a verifier refuses new tokens until it looks again");
    }
    Err(problem.hint(format!(
        "`actas {words} --yes` does it; `actas signing-keys rotate` interrupts nothing, if no stranger has a key"
    )))
}

fn record(key: &SigningKeyRecord, folder: &std::path::Path) -> Result<Record, Problem> {
    let public = VerifyingKey::from_certificate(&key.certificate).map_err(KeyRingError::from)?;
    let state = match key.state {
        KeyState::Current => "Current",
        KeyState::Next => "Next",
        KeyState::Previous => "Previous",
        KeyState::Retired => "Retired",
    };
    let place = match key.state {
        KeyState::Retired => None,
        _ if folder.join(format!("{}.key", key.thumbprint)).exists() => Some("File"),
        _ => Some("Token"),
    };
    Ok(Record::new()
        .with("Thumbprint", key.thumbprint.clone())
        .with("State", state)
        .with("Since", shown::time(key.since))
        .with("KeyId", public.x5t())
        .with("Algorithm", public.public().algorithm().name())
        .with("Place", place))
}
