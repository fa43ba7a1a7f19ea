//! Mail submission for voice-mail systems, on loopback (RFC 5321).
//!
//! It relays nothing: a recipient is somebody with a mailbox here, or is refused. `250`
//! after the data says that the items are on disk.

mod session;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actas_runtime::event;
use http::StatusCode;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use self::session::{Reply, Session, Step};
use super::{Sources, mail};
use crate::error::Error;
use crate::intake::Refusal;

/// The most bytes of a message: a file of the most bytes, in Base64, and text beside it.
const MESSAGE_BYTES_MAX: usize = 36 * 1024 * 1024;
/// The longest line of a message. RFC 5321 §4.5.3.1.6 has 1000; text is often longer.
const LINE_BYTES_MAX: usize = 16 * 1024;
/// The longest command (§4.5.3.1.4, and room for parameters).
const COMMAND_BYTES_MAX: usize = 1024;
const SESSIONS_MAX: usize = 32;
/// Messages that are in memory at once.
const MESSAGES_AT_ONCE: usize = 4;
/// How long a command, and how long a whole message, may take.
const COMMAND_PATIENCE: Duration = Duration::from_mins(1);
const MESSAGE_PATIENCE: Duration = Duration::from_mins(5);

/// An address that mail is taken at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listen(SocketAddr);

// === impl Listen ===

impl Listen {
    /// Loopback alone: there is no authentication.
    pub(super) fn on(address: SocketAddr) -> Result<Self, Error> {
        if address.ip().is_loopback() {
            return Ok(Self(address));
        }
        Err(Error::invalid(format!("`smtp_listen = \"{address}\"` of `[onprem.sources]` is not loopback"))
            .with_hint("mail is taken from this machine alone, since anybody could send it: write `127.0.0.1` or `[::1]` and a port"))
    }
}

/// The listener.
pub(super) struct Submission {
    sources: Sources,
    listener: TcpListener,
}

/// What sessions share.
#[derive(Clone)]
struct Shared {
    sources: Sources,
    sessions: Arc<Semaphore>,
    messages: Arc<Semaphore>,
}

// === impl Submission ===

impl Submission {
    pub(super) fn bind(sources: Sources, listen: Listen) -> Result<Self, Error> {
        let bound = std::net::TcpListener::bind(listen.0).and_then(|listener| {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        });
        let listener = bound.map_err(|error| {
            Error::machine(format!("mail cannot be taken at {}: {error}", listen.0))
                .with_hint("name a port that is free and may be used as `smtp_listen` of `[onprem.sources]`")
        })?;
        Ok(Self { sources, listener })
    }

    /// Takes mail until told to stop. A session that is cut off was not told `250`.
    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        let shared = Shared::new(self.sources);
        let mut sessions = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                Some(_) = sessions.join_next() => continue,
                _ = stop.changed() => break,
            };
            match accepted {
                Ok((stream, peer)) if peer.ip().is_loopback() => {
                    sessions.spawn(shared.clone().serve(stream));
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "a connection for mail could not be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        sessions.shutdown().await;
    }
}

/// Takes mail over one connection that is not counted among others.
pub(super) async fn serve(sources: Sources, stream: impl AsyncRead + AsyncWrite + Unpin) {
    Shared::new(sources).serve(stream).await;
}

// === impl Shared ===

impl Shared {
    fn new(sources: Sources) -> Self {
        Self {
            sources,
            sessions: Arc::new(Semaphore::new(SESSIONS_MAX)),
            messages: Arc::new(Semaphore::new(MESSAGES_AT_ONCE)),
        }
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut stream = BufReader::new(stream);
        let Ok(_room) = self.sessions.try_acquire() else {
            let _ = answer(&mut stream, &Reply::busy()).await;
            return;
        };
        if let Err(error) = self.converse(&mut stream).await {
            tracing::debug!(%error, "a mail session broke off");
        }
    }

    async fn converse(&self, stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>) -> std::io::Result<()> {
        let mut session = Session::new(MESSAGE_BYTES_MAX);
        answer(stream, &Reply::greeting()).await?;
        loop {
            let line = tokio::time::timeout(COMMAND_PATIENCE, read_line(stream, COMMAND_BYTES_MAX)).await;
            let line = match line {
                Err(_) => return answer(stream, &Reply::too_slow()).await,
                Ok(Line::End) => return Ok(()),
                // What follows may be part of it: there is no knowing where the next begins.
                Ok(Line::Wrong) => return answer(stream, &Reply::malformed()).await,
                Ok(Line::Whole(line)) => line,
            };
            let setup = self.sources.setup();
            let mut stranger = None;
            let step = session.command(&line, |address| {
                let found = setup.owners.mailbox_of(address);
                stranger = found.is_none().then(|| address.to_owned());
                found
            });
            if let Some(address) = stranger {
                self.tell_stranger(&address).await;
            }
            match step {
                Step::Answer(reply) => answer(stream, &reply).await?,
                Step::End(reply) => return answer(stream, &reply).await,
                Step::Data(owners) => {
                    let receiving = tokio::time::timeout(MESSAGE_PATIENCE, self.receive(stream, &owners)).await;
                    match receiving.unwrap_or_else(|_| Ok(Err(Reply::too_slow())))? {
                        Ok(reply) => answer(stream, &reply).await?,
                        Err(last) => return answer(stream, &last).await,
                    }
                }
            }
        }
    }

    /// The sender hears it too; an administrator looks here.
    async fn tell_stranger(&self, address: &str) {
        let agent = &self.sources.agent;
        let event = event::source_refused(agent.clock().now(), "smtp", address, "nobody of this address has a mailbox");
        agent.tell_limited(event, address).await;
    }

    /// Reads a message and hands it in. An answer after which the session goes on, or the
    /// last one.
    async fn receive(
        &self,
        stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>,
        owners: &[String],
    ) -> std::io::Result<Result<Reply, Reply>> {
        let Ok(_room) = self.messages.acquire().await else { return Ok(Err(Reply::busy())) };
        answer(stream, &Reply::go_on()).await?;
        let mut message = Vec::new();
        let mut too_large = false;
        loop {
            let mut line = match read_line(stream, LINE_BYTES_MAX).await {
                Line::Whole(line) => line,
                Line::End => return Ok(Err(Reply::too_slow())),
                Line::Wrong => return Ok(Err(Reply::malformed())),
            };
            if line == b"." {
                break;
            }
            if line.first() == Some(&b'.') {
                line.remove(0);
            }
            // The rest is read all the same, so that the sender hears why.
            too_large |= message.len() + line.len() + 2 > MESSAGE_BYTES_MAX;
            if !too_large {
                message.extend_from_slice(&line);
                message.extend_from_slice(b"\r\n");
            }
        }
        if too_large {
            return Ok(Ok(Reply::too_large(MESSAGE_BYTES_MAX)));
        }
        Ok(Ok(match self.hand_in(&message, owners).await {
            Ok(count) => Reply::accepted(count),
            Err(refusal) => Reply::refused(&refusal),
        }))
    }

    async fn hand_in(&self, message: &[u8], owners: &[String]) -> Result<usize, Refusal> {
        let agent = &self.sources.agent;
        agent.check_room().await?;
        let mail = mail::read(message).ok_or_else(|| {
            Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", "the message has no header that can be read")
        })?;
        let now = agent.clock().now();
        let mut prepared = Vec::with_capacity(owners.len());
        for owner in owners {
            let one = mail.item(agent, owner, now).await;
            // What was stored of the others is left for the sweeper.
            prepared.push(Ok(one??));
        }
        self.sources.take_in(&prepared).await?;
        Ok(prepared.len())
    }
}

/// A line without its end.
enum Line {
    Whole(Vec<u8>),
    /// The connection ended, or broke.
    End,
    /// It is too long, or ends in something other than CR LF. A lone CR or LF is how one
    /// message is smuggled in another, so neither is taken for an end.
    Wrong,
}

async fn read_line(stream: &mut (impl AsyncBufReadExt + Unpin), bytes_max: usize) -> Line {
    let mut line = Vec::new();
    let mut bounded = stream.take(bytes_max as u64 + 2);
    match bounded.read_until(b'\n', &mut line).await {
        Ok(1..) => {}
        _ => return Line::End,
    }
    if !line.ends_with(b"\r\n") {
        return if line.len() < bytes_max + 2 && !line.ends_with(b"\n") { Line::End } else { Line::Wrong };
    }
    line.truncate(line.len() - 2);
    if line.contains(&b'\r') { Line::Wrong } else { Line::Whole(line) }
}

async fn answer(stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>, reply: &Reply) -> std::io::Result<()> {
    let write = async {
        stream.write_all(reply.as_bytes()).await?;
        stream.flush().await
    };
    tokio::time::timeout(COMMAND_PATIENCE, write).await.map_err(|_| std::io::ErrorKind::TimedOut)?
}
