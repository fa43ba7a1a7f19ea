//! Files of the operator: the configuration, host entries, lines of the event log.

#![no_main]

use actas_runtime::hosts::HostTable;
use actas_runtime::{Config, Event};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Config::parse(text) {
        Ok(config) => {
            let written = toml::to_string(&config).expect("it is written");
            assert_eq!(Config::parse(&written).ok(), Some(config), "{written}");
        }
        Err(wrong) => assert!(wrong.line <= text.lines().count() + 1, "line {} of {text}", wrong.line),
    }
    if let Ok(event) = serde_json::from_str::<Event>(text) {
        let written = serde_json::to_string(&event).expect("it is written");
        assert_eq!(serde_json::from_str::<Event>(&written).ok(), Some(event), "{written}");
    }
    let mut table = HostTable::default();
    for entry in text.lines().filter_map(|line| line.parse().ok()) {
        let _ = table.add(entry);
    }
    for entry in table.entries() {
        assert_eq!(table.lookup(entry.host(), entry.port()), Some(entry.address()));
    }
});
