//! `mailbox export`: a mailbox of the cloud as files.

mod files;

use actas_directory::{User, UserKey};
use actas_mailbox::{ExportError, ExportFolder};
use actas_runtime::{Clock as _, SystemClock};
use actas_store::directory::Directory;
use actas_store::{Database, Schema};

use self::files::{Place, Target};
use crate::{
    app::Context,
    arguments::{
        mailbox::{Export, Format, Mailbox},
        value::Address,
    },
    cloud::DATABASE_FILE,
    output::Record,
    problem::Problem,
    workplace::{CLOUD_FOLDER, Workplace},
};

/// Folders that an error names.
const NAMED_MAX: usize = 20;

pub(super) async fn run(asked: Mailbox, context: &Context) -> Result<(), Problem> {
    match asked {
        Mailbox::Export(asked) => export(&asked, context).await,
    }
}

async fn export(asked: &Export, context: &Context) -> Result<(), Problem> {
    let place = Workplace::open(&context.global)?;
    let folder = place.config.cloud.as_ref().map_or_else(|| place.data.join(CLOUD_FOLDER), |cloud| cloud.data.clone());
    let file = folder.join(DATABASE_FILE);
    if !file.exists() {
        return Err(Problem::failed(format!("there is no cloud in `{}`", folder.display())).hint(
            "name its folder with `--data DIR`, or its configuration with `--config FILE`; `actas serve cloud` makes one",
        ));
    }
    let database = Database::open(&file, Schema::Cloud)?;
    let user = owner(&Directory::new(database.clone()), &asked.mailbox).await?;
    let mailbox = actas_mailbox::Export::open(database, &user, SystemClock.now()).await?;
    let folders = chosen(mailbox.folders(), asked.folder.as_deref())?;
    let target = Target::new(&asked.to, asked.folder.is_some() && asked.format == Format::Mbox)?;
    let mut records = Vec::with_capacity(folders.len());
    for folder in folders {
        let ids = mailbox.items(folder.id).await?;
        if ids.is_empty() && asked.folder.is_none() {
            continue;
        }
        let mut files = target.folder(Place { path: &folder.path, is_alone: asked.folder.is_some() }, asked.format)?;
        for id in ids {
            if let Some(item) = mailbox.item(id).await.map_err(|error| unreadable(&error))? {
                files.add(&item)?;
            }
        }
        let (items, bytes) = files.finish()?;
        records.push(Record::new().with("Folder", folder.path.join("/")).with("Items", items).with("Bytes", bytes));
    }
    target.finish()?;
    context.console.records(&records)
}

/// The one user with this address.
async fn owner(directory: &Directory, address: &Address) -> Result<User, Problem> {
    let keys = match address {
        Address::Smtp(bare) => vec![UserKey::Smtp(bare.to_lowercase()), UserKey::Upn(bare.to_lowercase())],
        Address::Sip(bare) => vec![UserKey::Sip(bare.to_lowercase())],
    };
    let mut found: Vec<User> = Vec::new();
    for tenant in directory.tenants().await? {
        for key in &keys {
            for user in directory.users_by_key(tenant.id, key).await? {
                if user.mailbox && found.iter().all(|other| other.id != user.id) {
                    found.push(user);
                }
            }
        }
    }
    let shown = match address {
        Address::Smtp(bare) | Address::Sip(bare) => bare,
    };
    match found.len() {
        0 => Err(Problem::failed(format!("there is no mailbox `{shown}` here"))
            .hint("give the address of a user of this cloud, as `user` of the seed file or Graph's `/users` has it")),
        1 => Ok(found.remove(0)),
        count => Err(Problem::failed(format!("{count} mailboxes have the address `{shown}`"))
            .hint("give another address of the one that is meant, such as its user principal name")),
    }
}

/// The folders that are exported: one by its name, or all that the owner sees.
fn chosen(folders: Vec<ExportFolder>, name: Option<&str>) -> Result<Vec<ExportFolder>, Problem> {
    let Some(name) = name else {
        return Ok(folders.into_iter().filter(|folder| folder.is_visible).collect());
    };
    let wanted = name.trim_matches('/').to_lowercase();
    let by_role = folders.iter().find(|folder| folder.role.as_deref() == Some(wanted.as_str()));
    let by_path = || folders.iter().find(|folder| folder.path.join("/").to_lowercase() == wanted);
    if let Some(found) = by_role.or_else(by_path) {
        return Ok(vec![found.clone()]);
    }
    let visible: Vec<String> =
        folders.iter().filter(|folder| folder.is_visible).map(|folder| folder.path.join("/")).collect();
    let more = if visible.len() > NAMED_MAX { ", …" } else { "" };
    let named: Vec<&str> = visible.iter().take(NAMED_MAX).map(String::as_str).collect();
    Err(Problem::failed(format!("the mailbox has no folder `{name}`"))
        .detail(format!("it has {}{more}", named.join(", ")))
        .hint("give the path of a folder from the top, such as `--folder Inbox/Projects`, or a distinguished name"))
}

fn unreadable(error: &ExportError) -> Problem {
    Problem::failed("the mailbox cannot be read to its end, so nothing was written").because(error)
}
