//! Applications and a directory at real sockets, and a reload between them.

use std::sync::Arc;

use cs_ldap::{
    Authentication, Credentials, Filter, Message, MessageId, Operation, ResultCode, Scope, Search, frame_len, request,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::cfg::Config;
use crate::metrics::Metrics;
use crate::serve::{Beside, Proxy, Reread};
use crate::test_support::config::{KEYS, try_read};
use crate::test_support::directory::{ALICE, Act, Asked, Fake, SERVICE, done, entry};
use crate::test_support::figures::{count, counted};
use crate::test_support::{PATIENCE, bound};

/// A directory that finds alice whatever it is asked for.
async fn directory() -> Fake {
    Fake::start(|asked, id| match asked {
        Asked::Search(..) => Some(Act::Send(alice(id).concat())),
        _ => None,
    })
    .await
}

/// Her entry, and the end of the search.
fn alice(id: MessageId) -> [Vec<u8>; 2] {
    [entry(id, ALICE, &[("uid", "alice")]), done(id, ResultCode::Success)]
}

fn config(port: u16, directory: u16, api: u16, options: &str) -> anyhow::Result<Config> {
    let text = format!(
        "[ad_client]\nhost=127.0.0.1\nport={directory}\nservice_account_username=svc\nservice_account_password=svc-pw\nsearch_dn=dc=lab\n\
        auth_type=plain\nbind_dn={SERVICE}\nusername_attribute=uid\nat_attribute=mail\n\
        [ldap_server_auto]\n{KEYS}api_host=localhost:{api}\n\
        interface=127.0.0.1\nport={port}\n{options}\n"
    );
    try_read(&text)
}

/// A proxy that serves, and what it counts.
struct Served {
    port: u16,
    metrics: Metrics,
    again: mpsc::Sender<()>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Served {
    /// With options that each reload takes from `next`.
    async fn start(directory: u16, api: u16, next: watch::Receiver<&'static str>) -> Self {
        let (listener, port) = bound().await;
        let read = move || config(port, directory, api, *next.borrow());
        let beside = Beside { ldap: vec![((Some("127.0.0.1".to_owned()), port), listener)], ..Beside::new() };
        let proxy = Proxy::open_beside(&read().unwrap(), beside).unwrap();
        let metrics = proxy.figures.metrics.clone();
        let (again, asked) = mpsc::channel(1);
        let (stop, stopped) = watch::channel(false);
        let reread: Reread = Arc::new(read);
        let task = tokio::spawn(proxy.rereading(asked, reread).run(stopped));
        Self { port, metrics, again, stop, task }
    }

    async fn connect(&self) -> Application {
        Application { stream: TcpStream::connect(("127.0.0.1", self.port)).await.unwrap(), came: Vec::new() }
    }

    fn count(&self, series: &str) -> i64 {
        count(&self.metrics, series)
    }

    async fn counts(&self, series: &str, wanted: i64) {
        counted(&self.metrics, series, wanted).await;
    }

    async fn reload(&self) {
        let served = "countersign_proxy_reloads_total{outcome=\"served\"}";
        let before = self.count(served);
        self.again.send(()).await.unwrap();
        self.counts(served, before + 1).await;
    }

    async fn end(self) {
        self.stop.send(true).unwrap();
        self.task.await.unwrap();
    }
}

struct Application {
    stream: TcpStream,
    came: Vec<u8>,
}

fn id(number: i32) -> MessageId {
    MessageId::new(number).unwrap()
}

impl Application {
    async fn send_bind(&mut self, number: i32, name: &str, password: &str) {
        let proof = Authentication::Simple(Credentials::new(password.as_bytes()));
        self.stream.write_all(&request::bind(id(number), name, &proof, None)).await.unwrap();
    }

    async fn bind(&mut self, number: i32, name: &str, password: &str) -> (i32, String) {
        self.send_bind(number, name, password).await;
        self.result(number).await
    }

    /// The next message; `None` at the end of the connection.
    async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(len) = frame_len(&self.came, 1 << 20).unwrap().filter(|len| *len <= self.came.len()) {
                let rest = self.came.split_off(len);
                return Some(std::mem::replace(&mut self.came, rest));
            }
            if timeout(PATIENCE, self.stream.read_buf(&mut self.came)).await.unwrap().unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    async fn result(&mut self, number: i32) -> (i32, String) {
        let octets = self.next().await.unwrap();
        let message = Message::parse(&octets).unwrap();
        assert_eq!(message.id.number(), number);
        match message.operation {
            Operation::BindResponse(answer) => {
                (answer.result.code.number(), String::from_utf8_lossy(answer.result.diagnostic).into_owned())
            }
            Operation::ExtendedResponse(answer) => {
                (answer.result.code.number(), String::from_utf8_lossy(answer.result.diagnostic).into_owned())
            }
            other => panic!("{other:?}"),
        }
    }

    async fn finds_alice(&mut self, number: i32) {
        let search = Search {
            base: "dc=lab".to_owned(),
            scope: Scope::Subtree,
            size_limit: 0,
            time_limit_seconds: 0,
            filter: Filter::equal("uid", "alice"),
            attributes: Vec::new(),
        };
        self.stream.write_all(&search.encode(id(number), None)).await.unwrap();
        for message in alice(id(number)) {
            assert_eq!(self.next().await.unwrap(), message);
        }
    }
}

const LOGINS: &str = "countersign_proxy_logins_total{section=\"ldap_server_auto\",outcome=";

#[tokio::test]
async fn applications_are_served_at_sockets_and_counted() {
    let directory = directory().await;
    // Nobody listens there: the server is away.
    let (closed, api) = bound().await;
    drop(closed);
    let (_next, options) = watch::channel("failmode=safe\nmax_connections=2");
    let served = Served::start(directory.port, api, options).await;
    let open = "countersign_proxy_ldap_connections{section=\"ldap_server_auto\"}";
    let mut one = served.connect().await;
    // The first bind of a connection is the application's own.
    assert_eq!(one.bind(1, SERVICE, "svc-pw").await, (0, String::new()));
    one.finds_alice(2).await;
    assert_eq!(one.bind(3, ALICE, "right").await, (0, String::new()));
    one.finds_alice(4).await;
    assert_eq!(one.bind(5, ALICE, "wrong").await.0, 49);
    for (outcome, count) in [("accepted-exempt", 1), ("accepted-server-away", 1), ("refused-by-directory", 1)] {
        served.counts(&format!("{LOGINS}\"{outcome}\"}}"), count).await;
    }
    let mut two = served.connect().await;
    two.finds_alice(1).await;
    assert_eq!(served.count(open), 2);
    let (code, text) = served.connect().await.result(0).await;
    assert_eq!((code, text.as_str()), (51, "Too many connections are open."));
    let connections = "countersign_proxy_ldap_connections_total{section=\"ldap_server_auto\",outcome=";
    assert_eq!(served.count(&format!("{connections}\"taken\"}}")), 2);
    assert_eq!(served.count(&format!("{connections}\"busy\"}}")), 1);
    // What a section's directory does to its applications is told apart.
    directory.leave().await;
    assert_eq!(one.bind(6, SERVICE, "svc-pw").await.0, 52);
    served.counts("countersign_proxy_ldap_ended_total{section=\"ldap_server_auto\",why=\"directory-away\"}", 1).await;
    drop((one, two));
    served.counts(open, 0).await;
    served.end().await;
}

#[tokio::test]
async fn a_reload_keeps_ports_and_whoever_is_connected_and_is_for_those_who_come() {
    let directory = directory().await;
    let (black_hole, api) = bound().await;
    let (next, options) = watch::channel("failmode=safe\nexempt_primary_bind=true");
    let served = Served::start(directory.port, api, options).await;
    let waiting = "countersign_proxy_ldap_binds_waiting{section=\"ldap_server_auto\"}";
    let mut before = served.connect().await;
    assert_eq!(before.bind(1, SERVICE, "svc-pw").await.0, 0);
    // This bind waits for a server that says nothing.
    before.send_bind(2, ALICE, "right").await;
    served.counts(waiting, 1).await;
    next.send_replace("failmode=secure\nexempt_primary_bind=false");
    served.reload().await;
    // Mistakes change nothing at all.
    next.send_replace("failmode=maybe");
    served.again.send(()).await.unwrap();
    served.counts("countersign_proxy_reloads_total{outcome=\"refused\"}", 1).await;
    let mut after = served.connect().await;
    drop(black_hole);
    assert_eq!(before.result(2).await.0, 0, "as the configuration said when the connection came");
    before.finds_alice(3).await;
    served.counts(waiting, 0).await;
    let (code, text) = after.bind(1, ALICE, "right").await;
    assert!(code == 49 && text.contains("cannot be reached"), "{code} {text}");
    // And the old connection goes on as it began.
    assert_eq!(before.bind(4, ALICE, "right").await.0, 0);
    served.counts(&format!("{LOGINS}\"accepted-server-away\"}}"), 2).await;
    served.counts(&format!("{LOGINS}\"rejected\"}}"), 1).await;
    drop((before, after));
    served.end().await;
}
