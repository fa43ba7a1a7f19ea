//! Pages of help: one of all commands, and one for each.

use std::fmt::Write;

use clap::Command;

use crate::{
    arguments,
    powershell::{Spelling, respell},
};

/// Returns the page that lists all commands.
pub(crate) fn overview(color: bool) -> String {
    let mut page = String::new();
    let tree = arguments::tree();
    let about = tree.get_about().map(ToString::to_string);
    page.push_str(about.as_deref().unwrap_or_default());
    page.push_str("\n\n");
    page.push_str(&heading("Usage:", color));
    page.push_str(" actas COMMAND [PARAMETERS]\n");
    for (title, group) in arguments::groups() {
        page.push('\n');
        page.push_str(&heading(&format!("{title}:"), color));
        page.push('\n');
        let names = group.get_subcommands().map(|command| command.get_name().len());
        let width = names.max().unwrap_or_default();
        for command in group.get_subcommands() {
            let about = command.get_about().map(ToString::to_string);
            let name = command.get_name();
            let about = about.as_deref().unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = writeln!(page, "  {name:width$}  {about}");
        }
    }
    page.push('\n');
    let mut global = arguments::global_options()
        .help_template("{all-args}")
        .next_line_help(true)
        .mut_args(|arg| arg.help_heading(GLOBAL));
    global.build();
    let mut global = in_one_heading(global);
    page.push_str(&rendered(&mut global, color));
    page.push_str("\n\n");
    page.push_str(FOOTER);
    page.push('\n');
    page
}

/// Returns the page of one command, with names in the given spelling.
pub(crate) fn page(command: &Command, spelling: Spelling, color: bool) -> String {
    let mut command = in_one_heading(command.clone()).help_template(TEMPLATE);
    let body = rendered(&mut command, color);
    let mut page = respell(&body, &command, spelling);
    if spelling == Spelling::PowerShell {
        // A switch has its value after a colon.
        page = name_positionals(page, &command).replace("[=<", "[:<");
    }
    if let Some(bin) = command.get_bin_name() {
        let path: Vec<_> = bin.split(' ').map(str::to_owned).collect();
        page = page.replace(bin, &spelling.command(&path));
    }
    let mut page = page.trim_end().to_owned();
    if let Some(examples) = command.get_after_help() {
        page.push_str("\n\n");
        let examples = examples.to_string();
        match examples.strip_prefix("Examples:") {
            Some(rest) => {
                page.push_str(&heading("Examples:", color));
                page.push_str(rest);
            }
            None => page.push_str(&examples),
        }
    }
    page.push('\n');
    page
}

/// Puts the flags that clap adds by itself among the global options.
fn in_one_heading(command: Command) -> Command {
    command.mut_args(|arg| match arg.get_id().as_str() {
        "help" => arg.help_heading(GLOBAL).help("Show this page").long_help(None::<&str>),
        "version" => arg.help_heading(GLOBAL).help("Show the version"),
        _ => arg,
    })
}

/// Returns the page that clap makes, without spaces at the ends of lines.
fn rendered(command: &mut Command, color: bool) -> String {
    let styled = command.render_long_help();
    let page = if color { styled.ansi().to_string() } else { styled.to_string() };
    let lines: Vec<_> = page.trim_end().lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// Shows that a positional parameter can be named.
fn name_positionals(page: String, command: &Command) -> String {
    command.get_positionals().fold(page, |page, arg| {
        let value = arg.get_id().as_str().to_uppercase();
        let name = Spelling::PowerShell.parameter(arg);
        if arg.is_required_set() {
            page.replace(&format!("<{value}>"), &format!("[{name}] <{value}>"))
        } else {
            page.replace(&format!("[{value}]"), &format!("[[{name}] <{value}>]"))
        }
    })
}

fn heading(text: &str, color: bool) -> String {
    if color {
        let style = clap::builder::Styles::styled();
        let header = style.get_header();
        format!("{header}{text}{header:#}")
    } else {
        text.to_owned()
    }
}

const GLOBAL: &str = "Global options";

const TEMPLATE: &str = "{about-with-newline}\n{usage-heading} {usage}\n\n{all-args}";

const FOOTER: &str = "\
`actas help COMMAND` shows the parameters of a command, their defaults and examples.
Names are read in any case and in two styles: `New-CsOAuthServer -MetadataUrl URL` is also
`new-cs-oauth-server --metadata-url URL`, and `-Metadata` will do while it is unique.
A switch stands alone (`-Force`); a Boolean is `true` or `false`, or `$true` or `$false` where the
shell leaves the dollar sign alone.";
