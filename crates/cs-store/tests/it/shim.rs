//! A shim between the store and PostgreSQL that breaks connections around COMMIT.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};

use cs_store::testing::TestDatabase;
use cs_store::{Database, Store, StoreConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream, UnixStream, tcp};
use tokio::sync::Notify;

/// What is done to the next COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// It is carried out; its answer and the connection are lost.
    LoseTheAnswer,
    /// It does not arrive; the connection is lost, and the server rolls back.
    LoseTheCommit,
    /// The client's connection is lost; COMMIT arrives only when somebody waits for a lock that its transaction holds.
    ArriveLate,
}

#[derive(Default)]
struct State {
    fault: AtomicU8,
    faults: AtomicU32,
    refuses: AtomicBool,
    refuses_after: AtomicBool,
}

pub(crate) struct Shim {
    address: String,
    state: Arc<State>,
}

impl Shim {
    /// Stands before `database`.
    pub(crate) async fn before(database: &TestDatabase) -> Self {
        let Database::Postgres(address) = &database.database else { panic!("PostgreSQL only") };
        let (name, rest) = address.strip_prefix("postgres:///").unwrap().split_once("?host=").unwrap();
        let socket = format!("{}/.s.PGSQL.5432", rest.split_once('&').unwrap().0);
        let direct = database.open().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("postgres://postgres@{}/{name}", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        tokio::spawn(serve(listener, socket, state.clone(), direct));
        Self { address, state }
    }

    /// A store whose connections go through the shim.
    pub(crate) async fn open(&self, database: &TestDatabase) -> Store {
        let config = StoreConfig {
            database: Database::Postgres(self.address.clone()),
            node: "shimmed".to_owned(),
            ..database.config()
        };
        Store::open(config).await.unwrap()
    }

    /// The next COMMIT, of whichever connection, meets `fault`.
    pub(crate) fn arm(&self, fault: Fault) {
        self.state.fault.store(fault as u8, Ordering::SeqCst);
    }

    /// How many have met one.
    pub(crate) fn faults(&self) -> u32 {
        self.state.faults.load(Ordering::SeqCst)
    }

    /// Whether new connections are closed at once after the next fault.
    pub(crate) fn refuse_after_it(&self) {
        self.state.refuses_after.store(true, Ordering::SeqCst);
    }

    /// Takes connections again.
    pub(crate) fn accept(&self) {
        self.state.refuses.store(false, Ordering::SeqCst);
    }
}

impl State {
    fn take(&self) -> Fault {
        let fault = match self.fault.swap(0, Ordering::SeqCst) {
            1 => Fault::LoseTheAnswer,
            2 => Fault::LoseTheCommit,
            3 => Fault::ArriveLate,
            _ => return Fault::None,
        };
        self.faults.fetch_add(1, Ordering::SeqCst);
        if self.refuses_after.swap(false, Ordering::SeqCst) {
            self.refuses.store(true, Ordering::SeqCst);
        }
        fault
    }
}

async fn serve(listener: TcpListener, socket: String, state: Arc<State>, direct: Store) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        if state.refuses.load(Ordering::SeqCst) {
            continue;
        }
        let server = UnixStream::connect(&socket).await.unwrap();
        tokio::spawn(relay(client, server, state.clone(), direct.clone()));
    }
}

/// Relays one connection. Ends both sides when it returns.
async fn relay(client: TcpStream, server: UnixStream, state: Arc<State>, direct: Store) {
    let (mut from_client, to_client) = client.into_split();
    let (from_server, mut to_server) = server.into_split();
    let silence = Arc::new(AtomicBool::new(false));
    let committed = Arc::new(Notify::new());
    let answers = tokio::spawn(answers(from_server, to_client, silence.clone(), committed.clone()));
    let ending = questions(&mut from_client, &mut to_server, &state, &silence).await;
    match ending {
        Some(Fault::LoseTheAnswer) => committed.notified().await,
        Some(Fault::ArriveLate) => {
            answers.abort();
            drop(from_client);
            let waiting =
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
            while direct.query(waiting, vec![]).await.unwrap()[0].int(0).unwrap() == 0 {
                tokio::task::yield_now().await;
            }
            to_server.write_all(&COMMIT).await.unwrap();
            // The server ends the connection itself when it has read to its end.
            to_server.shutdown().await.unwrap();
            return;
        }
        Some(Fault::LoseTheCommit | Fault::None) | None => {}
    }
    answers.abort();
}

const COMMIT: [u8; 12] = *b"Q\0\0\0\x0bCOMMIT\0";

/// From client to server, until the connection ends or COMMIT meets its fault.
async fn questions(
    client: &mut tcp::OwnedReadHalf,
    server: &mut OwnedWriteHalf,
    state: &State,
    silence: &AtomicBool,
) -> Option<Fault> {
    let mut length = [0; 4];
    client.read_exact(&mut length).await.ok()?;
    let mut startup = vec![0; u32::from_be_bytes(length) as usize - 4];
    client.read_exact(&mut startup).await.ok()?;
    server.write_all(&[length.as_slice(), &startup].concat()).await.ok()?;
    loop {
        let message = message(client).await?;
        if message == COMMIT {
            match state.take() {
                Fault::None => {}
                Fault::LoseTheAnswer => {
                    silence.store(true, Ordering::SeqCst);
                    server.write_all(&message).await.ok()?;
                    return Some(Fault::LoseTheAnswer);
                }
                fault => {
                    silence.store(true, Ordering::SeqCst);
                    return Some(fault);
                }
            }
        }
        server.write_all(&message).await.ok()?;
    }
}

/// From server to client, unless silenced; tells when a COMMIT was carried out.
async fn answers(
    mut server: OwnedReadHalf,
    mut client: tcp::OwnedWriteHalf,
    silence: Arc<AtomicBool>,
    committed: Arc<Notify>,
) -> Option<()> {
    loop {
        let message = message(&mut server).await?;
        if silence.load(Ordering::SeqCst) {
            if message.starts_with(b"C") && message.ends_with(b"COMMIT\0") {
                committed.notify_one();
            }
        } else {
            client.write_all(&message).await.ok()?;
        }
    }
}

/// One message with its type and length.
async fn message(from: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut head = [0; 5];
    from.read_exact(&mut head).await.ok()?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    let mut message = vec![0; length + 1];
    message[..5].copy_from_slice(&head);
    from.read_exact(&mut message[5..]).await.ok()?;
    Some(message)
}
