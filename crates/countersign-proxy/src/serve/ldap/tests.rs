//! Applications and a directory at real sockets, and a reload between them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cs_ldap::ber::{ENUMERATED, INTEGER, OCTET_STRING, SEQUENCE, SET, Writer};
use cs_ldap::{
    Authentication, Credentials, Filter, Message, MessageId, Operation, ResultCode, Scope, Search, frame_len, request,
    response, tag,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::cfg::Config;
use crate::metrics::Metrics;
use crate::serve::{Beside, Proxy, Reread};

/// For what must come.
const PATIENCE: Duration = Duration::from_secs(30);
const ALICE: &str = "uid=alice,ou=people,dc=lab";
const SERVICE: &str = "cn=svc,dc=lab";

/// A directory in which alice is, whose password is `right`; the service account's is `svc-pw`.
async fn directory() -> (u16, JoinHandle<()>) {
    let (listener, port) = bound().await;
    let task = tokio::spawn(async move {
        let mut conversations = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            conversations.spawn(converse(stream));
        }
    });
    (port, task)
}

async fn converse(mut stream: TcpStream) {
    let mut came = Vec::new();
    loop {
        while let Some(len) = frame_len(&came, 1 << 20).unwrap().filter(|len| *len <= came.len()) {
            let rest = came.split_off(len);
            let octets = std::mem::replace(&mut came, rest);
            let message = Message::parse(&octets).unwrap();
            let answer = match &message.operation {
                Operation::BindRequest(bind) => {
                    let Authentication::Simple(password) = &bind.authentication else { panic!("{bind:?}") };
                    let is_right =
                        [(SERVICE, "svc-pw"), (ALICE, "right")].contains(&(bind.name, password.expose_text().unwrap()));
                    let code = if is_right { ResultCode::Success } else { ResultCode::InvalidCredentials };
                    response::bind_response(message.id, code, "")
                }
                Operation::Other(tag::SEARCH_REQUEST) => [entry(message.id), done(message.id)].concat(),
                _ => return,
            };
            if stream.write_all(&answer).await.is_err() {
                return;
            }
        }
        if stream.read_buf(&mut came).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

fn answer(id: MessageId, tag: u8, fill: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::with_room(256);
    writer.nested(SEQUENCE, |message| {
        message.number(INTEGER, id.number()).nested(tag, fill);
    });
    writer.into_octets().to_vec()
}

fn entry(id: MessageId) -> Vec<u8> {
    answer(id, tag::SEARCH_RESULT_ENTRY, |entry| {
        entry.octets(OCTET_STRING, ALICE.as_bytes()).nested(SEQUENCE, |list| {
            list.nested(SEQUENCE, |one| {
                one.octets(OCTET_STRING, b"uid").nested(SET, |values| {
                    values.octets(OCTET_STRING, b"alice");
                });
            });
        });
    })
}

fn done(id: MessageId) -> Vec<u8> {
    answer(id, tag::SEARCH_RESULT_DONE, |end| {
        end.number(ENUMERATED, 0).octets(OCTET_STRING, b"").octets(OCTET_STRING, b"");
    })
}

async fn bound() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn config(port: u16, directory: u16, api: u16, options: &str) -> anyhow::Result<Config> {
    let text = format!(
        "[ad_client]\nhost=127.0.0.1\nport={directory}\nservice_account_username=svc\nservice_account_password=svc-pw\nsearch_dn=dc=lab\n\
        auth_type=plain\nbind_dn={SERVICE}\nusername_attribute=uid\nat_attribute=mail\n\
        [ldap_server_auto]\nikey=DIXXXXXXXXXXXXXXXXXX\nskey=0123456789012345678901234567890123456789\napi_host=localhost:{api}\n\
        interface=127.0.0.1\nport={port}\n{options}\n"
    );
    let (config, faults) = crate::cfg::read(&text, &crate::sources::Host::for_file(Path::new("/none")));
    config.ok_or_else(|| anyhow::anyhow!("{faults:?}"))
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
        let text = self.metrics.render();
        text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok()).unwrap_or_default()
    }

    /// Waits until that many are counted.
    async fn counts(&self, series: &str, count: i64) {
        let counted = async {
            while self.count(series) != count {
                tokio::task::yield_now().await;
            }
        };
        let counted = timeout(PATIENCE, counted).await;
        assert!(counted.is_ok(), "{series} is not {count} in\n{}", self.metrics.render());
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
        assert_eq!(self.next().await.unwrap(), entry(id(number)));
        assert_eq!(self.next().await.unwrap(), done(id(number)));
    }
}

const LOGINS: &str = "countersign_proxy_logins_total{section=\"ldap_server_auto\",outcome=";

#[tokio::test]
async fn applications_are_served_at_sockets_and_counted() {
    let (directory, there) = directory().await;
    // Nobody listens there: the server is away.
    let (closed, api) = bound().await;
    drop(closed);
    let (_next, options) = watch::channel("failmode=safe\nmax_connections=2");
    let served = Served::start(directory, api, options).await;
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
    there.abort();
    _ = there.await;
    assert_eq!(one.bind(6, SERVICE, "svc-pw").await.0, 52);
    served.counts("countersign_proxy_ldap_ended_total{section=\"ldap_server_auto\",why=\"directory-away\"}", 1).await;
    drop((one, two));
    served.counts(open, 0).await;
    served.end().await;
}

#[tokio::test]
async fn a_reload_keeps_ports_and_whoever_is_connected_and_is_for_those_who_come() {
    let (directory, _there) = directory().await;
    let (black_hole, api) = bound().await;
    let (next, options) = watch::channel("failmode=safe\nexempt_primary_bind=true");
    let served = Served::start(directory, api, options).await;
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
