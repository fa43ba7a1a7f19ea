//! OData filters: what is read is decided for any object, and an index never hides a match.

#![no_main]

use actas_directory::query::{FILTER_BYTES_MAX, Filter, Property};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(filter) = Filter::parse(text) else { return };
    assert!(text.len() <= FILTER_BYTES_MAX);
    let names = ["a".to_owned(), "https://a.example/".to_owned()];
    let property = |name: &str| match name {
        "appId" => Some(Property::Text("a1".into())),
        "displayName" => Some(Property::Text("O'Brien's \u{130}".into())),
        "accountEnabled" => Some(Property::Boolean(true)),
        "mail" => Some(Property::Null),
        "servicePrincipalNames" => Some(Property::List(&names)),
        _ => None,
    };
    let Ok(matches) = filter.matches(&property) else { return };
    let not = Filter::Not(Box::new(filter.clone()));
    assert_eq!(not.matches(&property), Ok(!matches));
    assert!(not.is_advanced());
    if matches {
        // What an index is asked for is true of every match.
        assert!(filter.required_text("appId").is_none_or(|text| text.to_lowercase() == "a1"));
        let held = |item: &str| names.iter().any(|name| name.to_lowercase() == item.to_lowercase());
        assert!(filter.required_item("servicePrincipalNames").is_none_or(held));
    }
});
