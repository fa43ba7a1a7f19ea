//! Short lists that are made on the spot: domains, the organization, assignments. They
//! take the same options as the great collections, but for `$orderby`.

use actas_directory::odata::Select;
use actas_directory::query::{Filter, Property};
use axum::response::Response;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Request;
use super::answer::{self, GraphError};
use super::collection::{PAGE_DEFAULT, PAGE_MAX, Position, check_advanced};

/// Objects of one type, with the names of all their properties.
pub(super) struct Values<'a> {
    /// What the context says behind `#`.
    pub(super) context: &'a str,
    /// Where the list is served, behind the version.
    pub(super) path: &'a str,
    /// The last part of the type's name.
    pub(super) kind: &'static str,
    pub(super) names: &'static [&'static str],
}

// === impl Values ===

impl Values<'_> {
    /// The answer to a GET of the list.
    pub(super) fn list(&self, request: &Request<'_>, all: Vec<Value>) -> Result<Response, GraphError> {
        request.check_options(&["$select", "$filter", "$top", "$count", "$skiptoken"])?;
        let select = self.select(request)?;
        let filter = request.option("$filter").map(Filter::parse).transpose()?;
        let (top, count) = (request.query.top(PAGE_MAX)?.unwrap_or(PAGE_DEFAULT), request.query.count()?);
        let after = Position::of_request(request)?;
        check_advanced(request, filter.as_ref().is_some_and(Filter::is_advanced), count, after.is_none())?;
        let mut found = Vec::new();
        for value in all {
            if filter.as_ref().map_or(Ok(true), |filter| filter.matches(&|name| self.property(&value, name)))? {
                found.push(value);
            }
        }
        found.sort_by_cached_key(id);
        let total = found.len();
        let start = after.as_ref().map_or(0, |after| found.iter().take_while(|one| id(one) <= after.key).count());
        let page: Vec<&Value> = found.iter().skip(start).take(top).collect();
        let shown: Vec<Value> = page.iter().map(|value| project(&select, value)).collect();
        let mut body = json!({
            "@odata.context": format!("{}#{}{}", request.metadata(), self.context, select.context()),
            "value": shown,
        });
        if count && after.is_none() {
            body["@odata.count"] = total.into();
        }
        if let Some(last) = page.last().filter(|_| start + page.len() < total) {
            body["@odata.nextLink"] = request.next_link(self.path, &Position::at(&id(last))).into();
        }
        Ok(answer::json(StatusCode::OK, &body))
    }

    /// The answer to a GET of one of them.
    pub(super) fn read(&self, request: &Request<'_>, value: &Value) -> Result<Response, GraphError> {
        request.check_options(&["$select"])?;
        let select = self.select(request)?;
        let mut body = project(&select, value);
        body["@odata.context"] = format!("{}#{}{}/$entity", request.metadata(), self.context, select.context()).into();
        Ok(answer::json(StatusCode::OK, &body))
    }

    fn select(&self, request: &Request<'_>) -> Result<Select, GraphError> {
        Ok(Select::parse(request.option("$select"), self.kind, |name| self.names.contains(&name))?)
    }

    fn property<'o>(&self, value: &Value, name: &str) -> Option<Property<'o>> {
        self.names.contains(&name).then_some(())?;
        match value.get(name) {
            None | Some(Value::Null) => Some(Property::Null),
            Some(Value::Bool(boolean)) => Some(Property::Boolean(*boolean)),
            Some(Value::String(text)) => Some(Property::Text(text.clone())),
            Some(_) => None,
        }
    }
}

fn project(select: &Select, value: &Value) -> Value {
    let members = value.as_object().into_iter().flatten().filter(|(name, _)| select.selects(name).unwrap_or(true));
    Value::Object(members.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())
}

fn id(value: &Value) -> String {
    value.get("id").and_then(Value::as_str).unwrap_or_default().to_owned()
}
