//! A byte stream that gives up on peers which do nothing.
//!
//! One lazily moved timer per connection bounds the wait for a request's headers, the idle time between requests and
//! the wait for a peer that does not read its answer. Hyper's own header time-out also runs between requests, where
//! people at a prompt take minutes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::ConnectionAlive;

/// The bounds of one connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    pub(super) header: Duration,
    pub(super) idle: Duration,
    pub(super) write: Duration,
    /// HTTP/2 frames arrive at any time; only HTTP/1 has a "first byte of a request".
    pub(super) is_http1: bool,
}

pub(super) struct TimedIo<I> {
    inner: I,
    connection: Arc<ConnectionAlive>,
    timeouts: Timeouts,
    requests_seen: u64,
    /// When the peer began to owe us headers.
    header_since: Option<Instant>,
    idle_since: Instant,
    write_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<I> TimedIo<I> {
    pub(super) fn new(inner: I, connection: Arc<ConnectionAlive>, timeouts: Timeouts) -> Self {
        let now = Instant::now();
        Self {
            inner,
            connection,
            timeouts,
            requests_seen: 0,
            // A fresh connection owes its first request at once.
            header_since: Some(now),
            idle_since: now,
            write_since: None,
            timer: None,
        }
    }

    fn note_finished_requests(&mut self) {
        let started = self.connection.started();
        if started != self.requests_seen {
            self.requests_seen = started;
            self.header_since = None;
            self.idle_since = Instant::now();
        }
    }

    fn note_bytes(&mut self) {
        if self.connection.is_idle() && self.timeouts.is_http1 {
            self.note_finished_requests();
            self.header_since.get_or_insert_with(Instant::now);
        }
    }

    fn poll_read_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.connection.is_idle() {
            return Poll::Pending;
        }
        self.note_finished_requests();
        let deadline = match self.header_since {
            Some(since) => since + self.timeouts.header,
            None => self.idle_since + self.timeouts.idle,
        };
        self.poll_deadline(deadline, cx)
    }

    fn poll_write_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.write_since.get_or_insert_with(Instant::now);
        self.poll_deadline(since + self.timeouts.write, cx)
    }

    /// Ready at `deadline`. An earlier timer is left alone and moved when it fires, so that a busy connection never touches it.
    fn poll_deadline(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    fn written<T>(&mut self, result: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.write_since = None;
            return result;
        }
        self.poll_write_deadline(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for TimedIo<I> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        match Pin::new(&mut this.inner).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                if buf.filled().len() > before {
                    this.note_bytes();
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => this.poll_read_deadline(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
        }
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for TimedIo<I> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_write(cx, buf);
        this.written(result, cx)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_flush(cx);
        if result.is_ready() {
            // Hyper need not read again after an answer has left, so the idle time starts here.
            let _ = this.poll_read_deadline(cx);
        }
        this.written(result, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_shutdown(cx);
        this.written(result, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_write_vectored(cx, bufs);
        this.written(result, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
