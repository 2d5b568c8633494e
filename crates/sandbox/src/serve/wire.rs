//! The line to one caller: it can be cut, and bytes can be put on it that belong to no answer.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// What a request's handler can do to the connection that the request came on.
#[derive(Clone, Default)]
pub(super) struct Line {
    cut: CancellationToken,
    prelude: Arc<Mutex<Bytes>>,
    surplus: Arc<Mutex<Bytes>>,
}

impl Line {
    /// Closes the connection at once, whatever was to be sent.
    pub(super) fn cut(&self) {
        self.cut.cancel();
    }

    /// Is done when the connection is to be closed.
    pub(super) async fn is_cut(&self) {
        self.cut.cancelled().await;
    }

    /// Sends these bytes right before the answer that the handler is about to give.
    pub(super) fn send_before(&self, bytes: Bytes) {
        *self.prelude.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
    }

    /// Sends these bytes right behind the answer that the handler is about to give.
    pub(super) fn send_behind(&self, bytes: Bytes) {
        *self.surplus.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
    }
}

/// A TCP stream that sends the prelude of its [`Line`] before all else, and the surplus whenever all else has been sent.
pub(super) struct Wire {
    stream: TcpStream,
    prelude: Arc<Mutex<Bytes>>,
    surplus: Arc<Mutex<Bytes>>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, line: &Line) -> Self {
        Self { stream, prelude: Arc::clone(&line.prelude), surplus: Arc::clone(&line.surplus) }
    }

    /// Is ready when none of these bytes are left.
    fn poll_drain(&mut self, context: &mut Context<'_>, bytes: &Mutex<Bytes>) -> Poll<io::Result<()>> {
        let mut bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
        while !bytes.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(context, &bytes))?;
            bytes.advance(sent);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let prelude = Arc::clone(&self.prelude);
        ready!(self.poll_drain(context, &prelude))?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let prelude = Arc::clone(&self.prelude);
        ready!(self.poll_drain(context, &prelude))?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    // Hyper flushes when its own buffers are empty, so this comes after the whole answer.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let surplus = Arc::clone(&self.surplus);
        ready!(self.poll_drain(context, &surplus))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
