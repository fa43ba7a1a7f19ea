//! What servers log: to standard error, as much as `ACTAS_LOG` asks for.

use std::{
    env,
    io::{self, IsTerminal},
};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{arguments::Command, arguments::Ours, problem::Problem};

const VARIABLE: &str = "ACTAS_LOG";
/// What our own parts are called: the binary, and each of its crates.
const OURS: &str = "actas";

/// Starts logging: what `ACTAS_LOG` asks for; of a server, warnings where it asks for nothing.
pub(crate) fn start(command: &Command, no_color: bool) -> Result<(), Problem> {
    let asked = env::var(VARIABLE).ok().filter(|text| !text.trim().is_empty());
    let Some(targets) = targets(asked.as_deref(), is_server(command))? else { return Ok(()) };
    let colors = !no_color && env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && io::stderr().is_terminal();
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(colors);
    // Only a test could have begun before us.
    let _ = tracing_subscriber::registry().with(lines).with(targets).try_init();
    Ok(())
}

fn is_server(command: &Command) -> bool {
    matches!(command, Command::Ours(Ours::Serve(_) | Ours::Gate(_)))
}

/// Of which parts what is logged; nothing at all where nobody asked.
///
/// A level alone is for our own parts: libraries below tell more than that of what goes over
/// the wire, and stay at warnings until they are named.
fn targets(asked: Option<&str>, server: bool) -> Result<Option<Targets>, Problem> {
    let of = |level: LevelFilter| Targets::new().with_target(OURS, level).with_default(level.min(LevelFilter::WARN));
    let Some(asked) = asked else { return Ok(server.then(|| of(LevelFilter::WARN))) };
    if let Ok(level) = asked.trim().parse() {
        return Ok(Some(of(level)));
    }
    // A word that is no level would be taken for the name of a part of which all is logged.
    let parts =
        |text: &str| text.split(',').all(|part| part.contains('=') || part.trim().parse::<LevelFilter>().is_ok());
    asked.parse().ok().filter(|_| parts(asked)).map(Some).ok_or_else(|| {
        Problem::usage(format!("`{VARIABLE}={asked}` is not understood"))
            .hint(format!("`{VARIABLE}=debug` is for all parts, `{VARIABLE}=actas_sts=debug,actas_mailbox=info` for some; levels are error, warn, info, debug, trace and off"))
    })
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn a_level_is_for_our_own_parts() {
        let of = |asked: &str| targets(Some(asked), false).unwrap().unwrap();
        let debug = of("debug");
        assert!(debug.would_enable("actas_sts::token", &Level::DEBUG) && debug.would_enable("actas", &Level::DEBUG));
        assert!(!debug.would_enable("actas_sts", &Level::TRACE));
        assert!(!debug.would_enable("h2::codec", &Level::INFO) && debug.would_enable("h2::codec", &Level::WARN));
        assert!(!of("error").would_enable("h2", &Level::WARN));
        let named = of("actas_sts=trace,h2=info");
        assert!(named.would_enable("actas_sts", &Level::TRACE) && named.would_enable("h2", &Level::INFO));
        assert!(!named.would_enable("actas_mailbox", &Level::ERROR));
    }

    #[test]
    fn a_server_warns_and_other_commands_log_nothing_unless_asked() {
        let server = targets(None, true).unwrap().unwrap();
        assert!(server.would_enable("actas", &Level::WARN) && !server.would_enable("actas", &Level::INFO));
        assert!(targets(None, false).unwrap().is_none());
        for wrong in ["loud", "actas_sts=loud", "debug,loud", "=="] {
            let problem = targets(Some(wrong), true).unwrap_err();
            assert!(problem.to_string().contains(&format!("ACTAS_LOG={wrong}")), "{problem}");
        }
    }
}
