//! One connection: octets between sockets and the session, and what the session wants done.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::super::{now, until};
use super::counts::Counted;
use super::push::Push;
use super::{Line, Shared};
use crate::directory::Stream;
use crate::ldap::output::{Event, Output, Told};
use crate::ldap::session::Session;

mod calls;
mod side;

use side::Side;

/// TLS must have begun within so long.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// What is left unsaid at the end is not waited for longer.
const FAREWELL: Duration = Duration::from_secs(1);

type Connecting = Pin<Box<dyn Future<Output = Result<Box<dyn Stream>, String>> + Send>>;

enum Backend {
    None,
    Connecting(Connecting),
    Up(Box<dyn Stream>),
}

/// What woke a connection up.
enum Woke {
    FromClient(io::Result<usize>),
    ToClient(io::Result<usize>),
    FromBackend(io::Result<usize>),
    ToBackend(io::Result<usize>),
    Connected(Result<Box<dyn Stream>, String>),
    Heard(u32, Event),
    Late,
}

struct Connection {
    shared: Arc<Shared>,
    session: Session,
    client: Box<dyn Stream>,
    backend: Backend,
    near: Side,
    far: Side,
    heard: mpsc::UnboundedReceiver<(u32, Event)>,
    say: mpsc::UnboundedSender<(u32, Event)>,
    pushes: HashMap<u32, Push>,
    counted: Counted,
}

/// Serves an application until one of both has enough.
pub(super) async fn serve(
    shared: Arc<Shared>,
    (stream, from): (TcpStream, SocketAddr),
    is_tls: bool,
    counted: Counted,
) {
    let client: Box<dyn Stream> = match (&shared.tls, is_tls) {
        (Some(acceptor), true) => match timeout(HANDSHAKE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => Box::new(stream),
            Ok(Err(error)) => return tracing::debug!(%from, %error, "no TLS came about"),
            Err(_) => return tracing::debug!(%from, "no TLS came about in time"),
        },
        (_, false) => Box::new(stream),
        (None, true) => return,
    };
    let session = Session::new(shared.rules.clone(), shared.approvals.clone(), from, is_tls, now());
    let (say, heard) = mpsc::unbounded_channel();
    let connection = Connection {
        shared,
        session,
        client,
        backend: Backend::None,
        near: Side::new(),
        far: Side::new(),
        heard,
        say,
        pushes: HashMap::new(),
        counted,
    };
    connection.run().await;
}

impl Connection {
    async fn run(mut self) {
        loop {
            self.carry_out().await;
            self.counted.waits(self.session.waits());
            let is_said = self.session.to_client().is_empty();
            if self.session.is_over() && is_said {
                break;
            }
            if self.session.begins_tls() && is_said && !self.near.needs_flush {
                self = match self.begin_tls().await {
                    Some(connection) => connection,
                    None => return,
                };
                continue;
            }
            let woke = self.wake().await;
            self.woken(woke);
        }
        // Whoever is still held goes with the connection.
        self.session.on_client_end(now());
        self.carry_out().await;
        self.leave().await;
    }

    /// Waits for the next thing to happen.
    async fn wake(&mut self) -> Woke {
        let Self { session, client, backend, near, far, heard, .. } = self;
        let mut late = pin!(until(session.poll_timeout()));
        poll_fn(|cx| {
            if let Poll::Ready(Some((login, event))) = heard.poll_recv(cx) {
                return Poll::Ready(Woke::Heard(login, event));
            }
            if let Poll::Ready(sent) = near.write(&mut **client, session.to_client(), cx) {
                return Poll::Ready(Woke::ToClient(sent));
            }
            match backend {
                Backend::None => {}
                Backend::Connecting(connecting) => {
                    if let Poll::Ready(connected) = connecting.as_mut().poll(cx) {
                        return Poll::Ready(Woke::Connected(connected));
                    }
                }
                Backend::Up(stream) => {
                    if let Poll::Ready(sent) = far.write(&mut **stream, session.to_backend(), cx) {
                        return Poll::Ready(Woke::ToBackend(sent));
                    }
                    if session.reads_backend()
                        && let Poll::Ready(read) = far.read(&mut **stream, cx)
                    {
                        return Poll::Ready(Woke::FromBackend(read));
                    }
                }
            }
            if session.reads_client()
                && let Poll::Ready(read) = near.read(&mut **client, cx)
            {
                return Poll::Ready(Woke::FromClient(read));
            }
            late.as_mut().poll(cx).map(|()| Woke::Late)
        })
        .await
    }

    fn woken(&mut self, woke: Woke) {
        let now = now();
        let Self { session, near, far, .. } = self;
        match woke {
            Woke::FromClient(Ok(len)) if len > 0 => near.take(len, |octets| session.on_client(octets, now)),
            Woke::FromClient(Ok(_) | Err(_)) | Woke::ToClient(Err(_)) => session.on_client_end(now),
            Woke::ToClient(Ok(len)) => session.sent_to_client(len, now),
            Woke::FromBackend(Ok(len)) if len > 0 => far.take(len, |octets| session.on_backend(octets, now)),
            Woke::FromBackend(Ok(_) | Err(_)) | Woke::ToBackend(Err(_)) => {
                self.backend = Backend::None;
                session.on_backend_end(now);
            }
            Woke::ToBackend(Ok(len)) => session.sent_to_backend(len, now),
            Woke::Connected(Ok(stream)) => {
                (self.backend, far.needs_flush) = (Backend::Up(stream), false);
            }
            Woke::Connected(Err(why)) => {
                self.backend = Backend::None;
                tracing::warn!(section = %self.shared.rules.section, %why, "an application cannot be served: the directory is away");
                session.on_backend_end(now);
            }
            Woke::Heard(login, event) => {
                self.pushes.remove(&login);
                session.on_event(login, event, now);
            }
            Woke::Late => session.on_timeout(now),
        }
    }

    async fn carry_out(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Connect => {
                    let directory = self.shared.directory.clone();
                    self.backend = Backend::Connecting(Box::pin(async move { directory.connection().await }));
                }
                Output::Disconnect => self.backend = Backend::None,
                Output::LookUp { login, by } => self.look_up(login, by),
                Output::Preauth { login, request } => self.preauth(login, request),
                Output::Auth { login, request, wanted } => self.auth(login, request, wanted),
                Output::Code { login, request, typed } => self.code(login, request, typed),
                Output::Cancel { login } => {
                    if let Some(push) = self.pushes.remove(&login) {
                        push.give_up();
                    }
                }
                Output::Told(told) => self.tell(told).await,
            }
        }
    }

    async fn tell(&mut self, told: Told) {
        let line = Line { rules: self.shared.rules.clone(), told };
        // Nobody listens while the proxy ends.
        _ = self.shared.told.send(line).await;
    }

    /// `None` if no TLS comes about.
    async fn begin_tls(mut self) -> Option<Self> {
        let acceptor = self.shared.tls.clone()?;
        match timeout(HANDSHAKE, acceptor.accept(self.client)).await {
            Ok(Ok(stream)) => self.client = Box::new(stream),
            Ok(Err(error)) => {
                tracing::debug!(%error, "no TLS came about after StartTLS");
                return None;
            }
            Err(_) => return None,
        }
        self.session.on_client_tls(now());
        Some(self)
    }

    /// Says good-bye to both sides. What the application still sends is read for a moment: otherwise the system would take back the last answer.
    async fn leave(mut self) {
        if let Backend::Up(stream) = &mut self.backend
            && !self.session.to_backend().is_empty()
        {
            _ = timeout(FAREWELL, stream.write_all(self.session.to_backend())).await;
        }
        let farewell = async {
            self.client.shutdown().await?;
            let mut rest = 0;
            while rest < 4 << 20 {
                match self.client.read(&mut self.near.buffer).await? {
                    0 => break,
                    len => rest += len,
                }
            }
            io::Result::Ok(())
        };
        _ = timeout(FAREWELL, farewell).await;
    }
}
