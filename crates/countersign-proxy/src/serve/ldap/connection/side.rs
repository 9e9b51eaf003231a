//! One side of a connection: what is read and written there.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::ReadBuf;
use zeroize::{Zeroize as _, Zeroizing};

use crate::directory::Stream;

/// As much is read at a time.
const CHUNK: usize = 16 << 10;

/// A socket, what was read of it, and whether something written still lies in its TLS.
pub(super) struct Side {
    pub(super) buffer: Zeroizing<Vec<u8>>,
    pub(super) needs_flush: bool,
}

impl Side {
    pub(super) fn new() -> Self {
        Self { buffer: Zeroizing::new(vec![0; CHUNK]), needs_flush: false }
    }

    pub(super) fn read(&mut self, stream: &mut dyn Stream, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(&mut self.buffer);
        Pin::new(stream).poll_read(cx, &mut buffer).map_ok(|()| buffer.filled().len())
    }

    pub(super) fn write(
        &mut self,
        stream: &mut dyn Stream,
        octets: &[u8],
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if !octets.is_empty() {
            let written = Pin::new(stream).poll_write(cx, octets);
            self.needs_flush |= written.is_ready();
            return match written {
                Poll::Ready(Ok(0)) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                other => other,
            };
        }
        if self.needs_flush {
            // That all of it is on its way is news too: TLS may begin then.
            return Pin::new(stream).poll_flush(cx).map_ok(|()| {
                self.needs_flush = false;
                0
            });
        }
        Poll::Pending
    }

    /// What was read, which is wiped afterwards: it may be a password.
    pub(super) fn take(&mut self, len: usize, hear: impl FnOnce(&[u8])) {
        let octets = self.buffer.get_mut(..len).unwrap_or_default();
        hear(octets);
        octets.zeroize();
    }
}
