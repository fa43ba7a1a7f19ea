//! `ResolveNames`: the people of one tenant.

use actas_directory::{TenantId, User};
use actas_exchange::ews::{
    Failure, RESOLUTIONS_MAX, Resolution, Resolutions, ResolveNames, ResolveNamesResponse, ResponseCode,
};

use super::failures::storage;
use crate::Inner;
use crate::admission::smtp_addresses;

/// Characters of what is looked for.
const ENTRY_CHARS_MAX: usize = 255;
/// People who are read at once.
const READ_PEOPLE: i64 = 256;

pub(super) async fn names(server: &Inner, tenant: TenantId, request: &ResolveNames) -> ResolveNamesResponse {
    ResolveNamesResponse { messages: vec![find(server, tenant, &request.entry).await.into()] }
}

async fn find(server: &Inner, tenant: TenantId, entry: &str) -> Result<Resolutions, Failure> {
    let wanted = wanted(entry);
    if wanted.is_empty() || wanted.chars().count() > ENTRY_CHARS_MAX {
        return Err(nobody());
    }
    let mut people = Vec::new();
    let mut after = None;
    loop {
        let read = server.mailboxes.people(tenant, after, READ_PEOPLE).await.map_err(|error| storage(&error))?;
        for user in read.iter().filter(|user| user.enabled && user.mailbox && fits(user, &wanted)) {
            let Some(address) = user.primary_smtp() else { continue };
            if people.len() == RESOLUTIONS_MAX {
                return Ok(Resolutions { people, includes_last: false });
            }
            people.push(Resolution { name: user.display_name.clone(), address: address.to_owned() });
        }
        after = read.last().map(|user| user.id);
        if i64::try_from(read.len()).unwrap_or(READ_PEOPLE) < READ_PEOPLE {
            break;
        }
        // Reads do not wait for anything: give way to other requests.
        tokio::task::yield_now().await;
    }
    if people.is_empty() { Err(nobody()) } else { Ok(Resolutions { people, includes_last: true }) }
}

/// What is looked for, in lower case and without the routing type that clients may put before it.
fn wanted(entry: &str) -> String {
    let entry = entry.trim().to_lowercase();
    entry.strip_prefix("smtp:").unwrap_or(&entry).to_owned()
}

/// Whether an address, the display name or a word of it begins like this.
fn fits(user: &User, wanted: &str) -> bool {
    let name = user.display_name.to_lowercase();
    name.starts_with(wanted)
        || name.split_whitespace().any(|word| word.starts_with(wanted))
        || user.upn.to_lowercase().starts_with(wanted)
        || smtp_addresses(user).any(|address| address.starts_with(wanted))
}

fn nobody() -> Failure {
    Failure::new(ResponseCode::ErrorNameResolutionNoResults, "No results were found.")
}
