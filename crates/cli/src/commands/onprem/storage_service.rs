//! `CsStorageServiceConfiguration`, `CsStorageServiceFlush`, `CsStorageServiceFailures`.

use actas_agent::{Channel, FlushKind, StorageConfigurationChange};
use actas_store::queue::{Filter, ItemState};
use clap::ValueEnum;
use uuid::Uuid;

use super::open;
use crate::{
    app::Context,
    arguments::{
        storage_service::{Debug, Delivery, Flush, FlushType, Get, Service, Set},
        storage_test::Binding,
    },
    commands::{
        change::{self, Default},
        piped::{self, Object},
        shown, storage_files,
    },
    output::Record,
    problem::Problem,
    workplace::write_atomically,
};

pub(super) async fn get(asked: Get, context: &Context) -> Result<(), Problem> {
    shown::only_global(asked.identity.as_deref(), WHAT)?;
    if asked.filter.is_some_and(|pattern| !shown::matches(&pattern, GLOBAL)) {
        return context.console.records(&[]);
    }
    let now = open(context)?.storage_configuration().await?;
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let record = Record::new()
        .with("Identity", GLOBAL)
        .with("EnableAutoImportFlushedData", now.enable_auto_import_flushed_data)
        .with("EnableFabricReplicationSetReduction", now.enable_fabric_replication_set_reduction)
        .with("EnableAsyncAdaptorTaskAbort", now.enable_async_adaptor_task_abort)
        .with("FabricInvalidStateTimeoutDuration", number(now.fabric_invalid_state_timeout_duration))
        .with("Delivery", now.delivery.as_str())
        .with("CapacityBytes", number(now.capacity_bytes));
    context.console.records(&[record])
}

pub(super) async fn set(asked: Set, context: &Context) -> Result<(), Problem> {
    shown::only_global(asked.identity.as_deref(), WHAT)?;
    let object = match &asked.instance {
        Some(source) => Some(piped::object(source).await?),
        None => None,
    };
    let change = match &object {
        Some(object) => change_to(object)?,
        None => change_of(&asked),
    };
    if !change::may(context, asked.change, Default::Go, "Set-CsStorageServiceConfiguration", GLOBAL).await? {
        return Ok(());
    }
    let agent = open(context)?;
    if change.delivery == Some(Channel::Graph) && agent.connection().await?.is_none() {
        context.console.warning(
            "no application signs in yet, so nothing can be delivered over Graph: `actas Connect-MsolService` names one",
        );
    }
    Ok(agent.set_storage_configuration(&change).await?)
}

fn change_of(asked: &Set) -> StorageConfigurationChange {
    StorageConfigurationChange {
        enable_auto_import_flushed_data: asked.enable_auto_import_flushed_data,
        enable_fabric_replication_set_reduction: asked.enable_fabric_replication_set_reduction,
        enable_async_adaptor_task_abort: asked.enable_async_adaptor_task_abort,
        fabric_invalid_state_timeout_duration: asked.fabric_invalid_state_timeout_duration,
        delivery: asked.delivery.map(channel),
        capacity_bytes: asked.capacity_bytes,
    }
}

/// What an object says, as a change of the configuration there is.
fn change_to(object: &Object) -> Result<StorageConfigurationChange, Problem> {
    object.check(&PROPERTIES)?;
    shown::only_global(Some(&object.identity()?), WHAT)?;
    let delivery = object.text("Delivery")?.map(|text| {
        Delivery::from_str(&text, true)
            .map(channel)
            .map_err(|_| Problem::failed(format!("`Delivery` cannot be `{text}`")).hint("it is `Ews` or `Graph`"))
    });
    Ok(StorageConfigurationChange {
        enable_auto_import_flushed_data: object.boolean("EnableAutoImportFlushedData")?,
        enable_fabric_replication_set_reduction: object.boolean("EnableFabricReplicationSetReduction")?,
        enable_async_adaptor_task_abort: object.boolean("EnableAsyncAdaptorTaskAbort")?,
        fabric_invalid_state_timeout_duration: object.number("FabricInvalidStateTimeoutDuration")?,
        delivery: delivery.transpose()?,
        capacity_bytes: object.number("CapacityBytes")?,
    })
}

fn channel(delivery: Delivery) -> Channel {
    match delivery {
        Delivery::Ews => Channel::Ews,
        Delivery::Graph => Channel::Graph,
    }
}

pub(super) async fn flush(asked: Flush, context: &Context) -> Result<(), Problem> {
    on_this_machine(&asked.service)?;
    if !change::may(context, asked.change, Default::Go, "Invoke-CsStorageServiceFlush", &asked.pool_fqdn).await? {
        return Ok(());
    }
    let kind = match asked.flush_type {
        FlushType::FullFlush => FlushKind::Full,
        FlushType::SteadyState => FlushKind::SteadyState,
    };
    let agent = open(context)?;
    let folder = agent.flush_folder().join(shown::pool_folder(&asked.pool_fqdn)?);
    let folder = std::path::absolute(&folder)
        .map_err(|error| Problem::failed(format!("`{}` is no folder", folder.display())).because(&error))?;
    storage_files::tell(&agent.flush(&kind, &folder, asked.wait_time).await?, context)
}

/// What stands for the adaptor in the report: there is one, the way into Exchange.
const ADAPTER: Uuid = Uuid::from_u128(0x1a0f_8b52_3c5d_4e0e_9a36_5d2c_7f41_e0b7);
const PAGE: i64 = 500;

pub(super) async fn debug(asked: Debug, context: &Context) -> Result<(), Problem> {
    on_this_machine(&asked.service)?;
    let agent = open(context)?;
    let component = asked.component.and_then(|component| component.to_possible_value());
    let filter = Filter {
        owner: asked.sip_uri.map(|address| address.bare().to_lowercase()),
        component: component.map(|component| component.get_name().to_owned()),
        after: asked.start_time.map(crate::arguments::date::Date::timestamp),
        before: asked.end_time.map(crate::arguments::date::Date::timestamp),
        failing: true,
    };
    let mut records = Vec::new();
    for state in [ItemState::Queued, ItemState::GivenUp] {
        let mut after = 0;
        while asked.adapter_id.is_none_or(|id| id == ADAPTER) {
            let items = agent.queue().page(state, &filter, after, PAGE).await?;
            let Some(last) = items.last() else { break };
            after = last.number;
            records.extend(items.into_iter().map(|item| {
                Record::new()
                    .with("AdapterId", ADAPTER.to_string())
                    .with("EndpointId", item.owner)
                    .with("EndpointStatusTime", item.tried.map(shown::time))
                    .with("EndpointStatusDetail", item.reason)
                    .with("Key", item.id)
                    .with("State", state.as_str())
                    .with("Attempts", item.attempts)
            }));
        }
    }
    if let Some(file) = asked.out_file_name {
        let text = serde_json::to_string_pretty(&records)
            .map_err(|error| Problem::failed("the report cannot be written").because(&error))?;
        write_atomically(&file, format!("{text}\n").as_bytes())?;
    }
    context.console.records(&records)
}

/// The queue is read where it is.
fn on_this_machine(service: &Service) -> Result<(), Problem> {
    if service.binding == Binding::NetNamedPipe {
        return Ok(());
    }
    let host = service.host_name_storage_service.as_deref().unwrap_or_default();
    Err(Problem::failed(format!("the Storage Service of `{host}` cannot be reached from here"))
        .hint(format!("run the command on `{host}`, without `-Binding`")))
}

const GLOBAL: &str = "Global";
const WHAT: &str = "configuration of the Storage Service";
/// What `Get-CsStorageServiceConfiguration` shows.
const PROPERTIES: [&str; 7] = [
    "Identity",
    "EnableAutoImportFlushedData",
    "EnableFabricReplicationSetReduction",
    "EnableAsyncAdaptorTaskAbort",
    "FabricInvalidStateTimeoutDuration",
    "Delivery",
    "CapacityBytes",
];
