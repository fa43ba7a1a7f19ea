//! One connection: counted from its first byte to its last, and cut off when its peer
//! holds it without using it.

use std::collections::HashMap;
use std::future::{Future, Ready, ready};
use std::io::{self, IoSlice};
use std::mem;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Extension;
use axum::middleware::AddExtension;
use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tower::Layer as _;

use super::Limits;
use super::usage::Usage;

/// What a peer has to take of an answer within [`Limits::write_timeout`], in bytes: less is
/// not a slow line but a held one.
const PROGRESS_BYTES_MIN: usize = 16 * 1024;

/// Admits a number of connections at once, and of them a number from one address, and
/// closes the others.
///
/// Waiting for a place would hold the socket, which is what runs out first.
#[derive(Clone, Debug)]
pub(super) struct LimitAcceptor {
    places: Arc<Semaphore>,
    addresses: Arc<Addresses>,
    write_timeout: Duration,
    idle_timeout: Duration,
}

impl LimitAcceptor {
    pub(super) fn new(limits: &Limits) -> Self {
        let places = limits.connections_max.min(Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(places)),
            addresses: Arc::new(Addresses {
                connections_max: limits.connections_per_address_max,
                counts: Mutex::default(),
            }),
            write_timeout: limits.write_timeout,
            idle_timeout: limits.idle_timeout,
        }
    }

    fn admit(&self, stream: TcpStream) -> io::Result<Counted> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| io::Error::other("there are too many connections"))?;
        let address = Addresses::enter(&self.addresses, stream.peer_addr()?.ip())
            .ok_or_else(|| io::Error::other("there are too many connections from one address"))?;
        stream.set_nodelay(true)?;
        Ok(Counted {
            stream,
            writing: Stall::new(self.write_timeout),
            written: 0,
            usage: Arc::default(),
            idle: Stall::new(self.idle_timeout),
            used: None,
            _place: place,
            _address: address,
        })
    }
}

impl<S> Accept<TcpStream, S> for LimitAcceptor {
    type Stream = Counted;
    type Service = AddExtension<S, Arc<Usage>>;
    type Future = Ready<io::Result<(Counted, Self::Service)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        ready(self.admit(stream).map(|stream| {
            let service = Extension(Arc::clone(&stream.usage)).layer(service);
            (stream, service)
        }))
    }
}

/// How many connections there are from each address: as many entries as connections, at
/// most.
#[derive(Debug)]
struct Addresses {
    connections_max: usize,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// A place among the connections from an address.
#[derive(Debug)]
struct Entered {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Addresses {
    fn enter(addresses: &Arc<Self>, address: IpAddr) -> Option<Entered> {
        let address = address.to_canonical();
        let mut counts = addresses.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= addresses.connections_max.max(1) {
            return None;
        }
        *count += 1;
        Some(Entered { addresses: Arc::clone(addresses), address })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut counts = self.addresses.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// Time that passes while nothing, or too little, happens.
#[derive(Debug)]
struct Stall {
    timeout: Duration,
    running: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    fn new(timeout: Duration) -> Self {
        Self { timeout, running: None }
    }

    /// Whether the time is over in which something had to happen, which `happened` is asked at
    /// its end. To be asked by whoever waits: its task is woken then.
    fn is_over(&mut self, context: &mut Context<'_>, mut happened: impl FnMut() -> bool) -> bool {
        let timeout = self.timeout;
        loop {
            let running = self.running.get_or_insert_with(|| Box::pin(sleep(timeout)));
            if running.as_mut().poll(context).is_pending() {
                return false;
            }
            if !happened() {
                return true;
            }
            self.running = None;
        }
    }
}

/// A connection and the places that it takes.
#[derive(Debug)]
pub(super) struct Counted {
    stream: TcpStream,
    /// Runs while what is to be written has to wait.
    writing: Stall,
    /// How many bytes got away since.
    written: usize,
    usage: Arc<Usage>,
    /// Runs always.
    idle: Stall,
    /// What was used of it when that was last looked at; none while we were at work.
    used: Option<u64>,
    _place: OwnedSemaphorePermit,
    _address: Entered,
}

impl Counted {
    fn wrote(&mut self, outcome: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Self { writing, written, .. } = self;
        match &outcome {
            Poll::Ready(Ok(bytes)) => *written = written.saturating_add(*bytes),
            Poll::Pending if writing.is_over(context, || mem::take(written) >= PROGRESS_BYTES_MIN) => {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read")));
            }
            _ => {}
        }
        outcome
    }

    fn is_idle(&mut self, context: &mut Context<'_>) -> bool {
        let Self { usage, idle, used, .. } = self;
        idle.is_over(context, || {
            let now = usage.moves();
            mem::replace(used, now) != now || now.is_none()
        })
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        // Asked whatever came, for it may be a ping.
        if self.is_idle(context) {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the connection is not used")));
        }
        outcome
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(outcome, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wrote(outcome, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Whoever flushes has nothing more to write: all of it got away.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        (self.writing.running, self.written) = (None, 0);
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
