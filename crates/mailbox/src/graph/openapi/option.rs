//! Query options and headers, as the document tells them.

use actas_directory::odata::openapi::schema::text;
use actas_directory::odata::openapi::{Answer, option};
use actas_directory::query::ORDER_BY_MAX;
use actas_exchange::graph::{FOLDER_PROPERTIES, MESSAGE_PROPERTIES};
use serde_json::{Value, json};

use crate::graph::filter::SORTED;
use crate::graph::list::{PAGE_MAX, SKIP_MAX};
use crate::graph::{attachments, folders};

/// What a route reads beside its path and body.
pub(super) fn of(method: &str, behind: &str, answer: Answer) -> Vec<Value> {
    match (method, answer) {
        ("patch" | "delete", _) if !behind.contains("attachments") => vec![option::if_match()],
        ("get", Answer::Count) => vec![filter()],
        ("get", Answer::List("message")) => vec![
            option::select(MESSAGE_PROPERTIES),
            expand(),
            filter(),
            option::order(SORTED, ORDER_BY_MAX),
            option::top(PAGE_MAX),
            option::skip(SKIP_MAX),
            option::count(),
            prefer(),
        ],
        ("get", Answer::List("mailFolder")) => vec![
            option::select(FOLDER_PROPERTIES),
            option::filter("Comparisons of `displayName`."),
            option::top(folders::PAGE_MAX),
            option::skip(SKIP_MAX),
            option::count(),
        ],
        ("get", Answer::List(_)) => vec![option::select(attachments::NAMES), option::count()],
        ("get", Answer::Object("message")) => vec![option::select(MESSAGE_PROPERTIES), expand(), prefer()],
        ("get", Answer::Object("mailFolder")) => vec![option::select(FOLDER_PROPERTIES)],
        ("get", Answer::Object(_)) => vec![option::select(attachments::NAMES)],
        _ => Vec::new(),
    }
}

fn filter() -> Value {
    option::filter(
        "Comparisons of properties by `eq`, `ne`, `gt`, `ge`, `lt`, `le`, `in`, `contains`, `startswith`, `endswith` and `any`, with `and`, `or`, `not`.",
    )
}

fn expand() -> Value {
    let mut expand = option::query("$expand", &json!({ "type": "string", "minLength": 1 }));
    expand["description"] =
        "`attachments`, and `singleValueExtendedProperties` or `multiValueExtendedProperties` with `($filter=id eq '…')`."
            .into();
    expand
}

fn prefer() -> Value {
    option::header("Prefer", &text(), "`outlook.body-content-type=\"text\"` or `\"html\"`: the form of bodies.")
}
