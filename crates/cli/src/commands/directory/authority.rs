//! Authorities that are trusted from now on, in the configuration file.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::{
    app::Context,
    problem::Problem,
    workplace::{CONFIG_FILE, Workplace, write_atomically},
};

/// Adds a file of authorities to `[client] ca_files` of the configuration in use.
///
/// A file that has no such section is only appended to, so that its comments stay.
pub(super) fn remember(workplace: &Workplace, ca_file: &Path, context: &Context) -> Result<(), Problem> {
    if workplace.config.client.ca_files.iter().any(|known| known == ca_file) {
        return Ok(());
    }
    let path = context.global.config.clone().unwrap_or_else(|| workplace.data.join(CONFIG_FILE));
    let before = read(&path)?;
    let after = with_authority(&before, &ca_file.display().to_string()).map_err(|error| {
        Problem::failed(format!("`{}` cannot be completed", path.display())).because(error.as_ref())
    })?;
    write_atomically(&path, after.as_bytes())?;
    context.console.note(&format!(
        "Wrote `{}`: the authorities in `{}` are trusted from now on.",
        path.display(),
        ca_file.display()
    ));
    Ok(())
}

/// Returns a path that holds from any folder.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, Problem> {
    std::path::absolute(path)
        .map_err(|error| Problem::failed(format!("`{}` has no absolute path", path.display())).because(&error))
}

fn read(path: &Path) -> Result<String, Problem> {
    match fs_err::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Problem::failed("the configuration cannot be read").because(&error)),
    }
}

/// Returns the text of a configuration that trusts one more file of authorities.
fn with_authority(text: &str, ca_file: &str) -> Result<String, Box<dyn std::error::Error>> {
    let mut table: Table = text.parse()?;
    if !table.contains_key("client") {
        let mut client = Table::new();
        client.insert("ca_files".to_owned(), Value::Array(vec![ca_file.into()]));
        let mut section = Table::new();
        section.insert("client".to_owned(), client.into());
        let space = if text.is_empty() || text.ends_with("\n\n") { "" } else { "\n" };
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        return Ok(format!("{text}{end}{space}{}", toml::to_string(&section)?));
    }
    let files =
        table["client"].as_table_mut().map(|client| client.entry("ca_files").or_insert(Value::Array(Vec::new())));
    if let Some(files) = files.and_then(Value::as_array_mut) {
        files.push(ca_file.into());
    }
    Ok(toml::to_string(&table)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, after: &str) {
        assert_eq!(with_authority(before, "/etc/ca.pem").unwrap(), after);
    }

    #[test]
    fn a_file_is_added_and_the_rest_stays() {
        let section = "[client]\nca_files = [\"/etc/ca.pem\"]\n";
        check("", section);
        let onprem = "# ours\n[onprem]\nlisten = \"127.0.0.1:1\"\ndata = \"d\"\n";
        check(onprem, &format!("{onprem}\n{section}"));
        check("[client]\nca_files = [\"a\"]\n", "[client]\nca_files = [\"a\", \"/etc/ca.pem\"]\n");
        let hosts = "hosts = [\"a:1=127.0.0.1:2\"]\n";
        check(&format!("[client]\n{hosts}"), &format!("{section}{hosts}"));
        assert!(with_authority("[client", "a").is_err());
    }
}
