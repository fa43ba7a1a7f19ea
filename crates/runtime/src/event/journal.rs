//! Events for the machine's own log: journald by its native protocol, or syslog (RFC 5424).
//!
//! Both are a datagram to a socket of this machine, sent without waiting: a log that does
//! not keep up loses events, which stay in the event log, and nothing stands still.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use super::{Event, EventSink, Level};

/// Where journald listens.
pub const JOURNALD: &str = "/run/systemd/journal/socket";
/// Where syslog daemons listen.
pub const SYSLOG: &str = "/dev/log";

/// The name under which events stand in a machine's log.
const IDENTIFIER: &str = "actas";
/// The most bytes of a message for syslog; RFC 5424 §6.1 has receivers take 2048.
const SYSLOG_BYTES_MAX: usize = 2048;
/// Facility `daemon` (RFC 5424 §6.2.1).
const FACILITY: u8 = 3;

/// How a message is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dialect {
    /// Fields of journald's native protocol.
    Journald,
    /// One line of RFC 5424.
    Syslog,
}

/// Sends events to a socket of this machine.
#[derive(Debug)]
pub struct SystemLogSink {
    socket: UnixDatagram,
    path: PathBuf,
    dialect: Dialect,
}

// === impl SystemLogSink ===

impl SystemLogSink {
    /// A sink for who listens at `path`, who may be restarted meanwhile.
    pub fn new(path: &Path, dialect: Dialect) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        // A path at which nobody listens is a mistake to tell at once.
        socket.send_to(&[], path).or_else(|error| match error.kind() {
            io::ErrorKind::WouldBlock => Ok(0),
            _ => Err(error),
        })?;
        Ok(Self { socket, path: path.to_owned(), dialect })
    }
}

impl EventSink for SystemLogSink {
    fn record(&self, event: Event) {
        let message = match self.dialect {
            Dialect::Journald => journald(&event),
            Dialect::Syslog => syslog(&event),
        };
        if let Err(error) = self.socket.send_to(&message, &self.path) {
            tracing::warn!(%error, id = event.id, "an event did not reach the machine's log");
        }
    }
}

/// The priority of a level (RFC 5424 §6.2.1).
fn severity(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warning => 4,
        Level::Information => 6,
    }
}

/// Fields of journald's protocol: `NAME=value` on a line, or the name, the length and the
/// value, so that a value may have lines of its own.
fn journald(event: &Event) -> Vec<u8> {
    let mut message = Vec::new();
    let mut field = |name: &str, value: &str| {
        message.extend_from_slice(name.as_bytes());
        message.push(b'\n');
        message.extend_from_slice(&(value.len() as u64).to_le_bytes());
        message.extend_from_slice(value.as_bytes());
        message.push(b'\n');
    };
    field("MESSAGE", &event.message);
    field("PRIORITY", &severity(event.level).to_string());
    field("SYSLOG_IDENTIFIER", IDENTIFIER);
    field("ACTAS_EVENT_ID", &event.id.to_string());
    field("ACTAS_SOURCE", &event.source);
    field("ACTAS_CHECKS", &event.checks.join(" "));
    for (name, value) in &event.fields {
        // journald takes capitals, digits and underscores.
        let name: String = name
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' })
            .collect();
        field(&format!("ACTAS_FIELD_{name}"), value);
    }
    message
}

/// One line of RFC 5424, without a host name, which a local daemon knows itself.
fn syslog(event: &Event) -> Vec<u8> {
    let priority = FACILITY * 8 + severity(event.level);
    let time = event.time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ");
    let text: String = event.message.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = format!("<{priority}>1 {time} - {IDENTIFIER} {} {} - {text}", std::process::id(), event.id);
    let mut end = line.len().min(SYSLOG_BYTES_MAX);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    line.as_bytes()[..end].to_vec()
}
