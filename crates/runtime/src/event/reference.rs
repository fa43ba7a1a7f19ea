//! The event reference, made from the catalogue.

use super::{CATALOGUE, Entry};

/// The page `docs/events.md`: every event with its level, source, text and what to do.
pub fn reference() -> String {
    let head = "# Events\n\n\
        Made from the catalogue in `crates/runtime/src/event/catalogue.rs`. `actas events` shows\n\
        the log; `-Id`, `-Source` and `-After` narrow it, `--follow` stays. In a text, `{field}`\n\
        is filled in, and a part in square brackets is left out when its field has no value. A\n\
        repeated failure is written once in five minutes, with a count of those held back.\n\n\
        Ids from 32000 are the vendor's; between its builds the ids of one text differ by one, so\n\
        match the text and keep the id as a hint. `id_profile = \"article\"` of `[onprem.events]`\n\
        writes failures of Autodiscover under 32054, as the vendor's article has them. Ids from 45000\n\
        are this product's own. The checks named are those of a diagnosis that find the causes.\n";
    CATALOGUE.iter().fold(head.to_owned(), |page, entry| {
        let text: String = entry.text.lines().map(|line| format!("    {line}\n").replace("    \n", "\n")).collect();
        format!(
            "{page}\n## {} {}\n\n{} of *{}*{}\n\n{text}\n{}\n",
            entry.id,
            entry.name,
            entry.level,
            entry.source,
            checks(entry),
            entry.remedy
        )
    })
}

fn checks(entry: &Entry) -> String {
    if entry.checks.is_empty() {
        return String::new();
    }
    format!(", checks `{}`", entry.checks.join("`, `"))
}
