//! A network that can lose an answer.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Instant;

use crate::child::PATIENCE;

/// What a client sends on a new connection: its hello, the end of its handshake, a request.
const QUESTIONS_OF_A_NEW_CONNECTION: usize = 3;

/// Passes connections on to a server. Once [armed](Self::arm), it lets the next thing a client says through, and cuts the
/// connection when the server answers.
pub struct Cutter {
    /// Where clients connect.
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    server: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_armed: bool,
    has_asked: bool,
    cuts: usize,
    questions: usize,
    questions_at_cut: usize,
}

impl Cutter {
    /// Listens on a port of its own, until the test's process ends.
    pub fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared { server, state: Mutex::default(), changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&accepting);
                thread::spawn(move || shared.pass(client));
            }
        });
        Self { port, shared }
    }

    /// The next answer to something said from now on is lost.
    pub fn arm(&self) {
        self.shared.state.lock().unwrap().is_armed = true;
    }

    /// How many answers were lost.
    pub fn cuts(&self) -> usize {
        self.shared.state.lock().unwrap().cuts
    }

    /// Waits until an answer was lost and the question has come again, on a new connection.
    pub fn wait_for_retry(&self) {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.shared.state.lock().unwrap();
        while state.cuts == 0 || state.questions < state.questions_at_cut + QUESTIONS_OF_A_NEW_CONNECTION {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} cuts, {} questions", state.cuts, state.questions);
            state = self.shared.changed.wait_timeout(state, left).unwrap().0;
        }
    }
}

impl Shared {
    fn pass(self: Arc<Self>, client: TcpStream) {
        let Ok(server) = TcpStream::connect(self.server) else { return };
        let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let asking = Arc::clone(&self);
        let questions = thread::spawn(move || copy(from, to, || asking.question()));
        copy(server, client, || self.may_answer());
        questions.join().unwrap();
    }

    fn question(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        state.questions += 1;
        state.has_asked = state.is_armed;
        self.changed.notify_all();
        true
    }

    fn may_answer(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        if !state.has_asked {
            return true;
        }
        (state.has_asked, state.is_armed) = (false, false);
        state.cuts += 1;
        state.questions_at_cut = state.questions;
        self.changed.notify_all();
        false
    }
}

/// Copies until either end closes or `may_pass` says no, and then closes both.
fn copy(mut from: TcpStream, mut to: TcpStream, mut may_pass: impl FnMut() -> bool) {
    let mut buffer = [0; 16384];
    while let Ok(count) = from.read(&mut buffer)
        && count > 0
        && may_pass()
        && to.write_all(&buffer[..count]).is_ok()
    {}
    // They may be closed.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
