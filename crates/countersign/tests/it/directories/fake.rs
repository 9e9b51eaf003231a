//! A proxy beside a directory, on a real channel: it tells what the test has put into its directory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cs_core::id::DirectoryKey;
use cs_core::secret::PlainCode;
use cs_engine::admin::Actor;
use cs_engine::directories::{AttributeNames, DirectoryChange, DirectoryError, DirectorySettings, Outcome, Trigger};
use cs_testkit::{Api, Site};
use cs_wire::agent::{CHANNEL, FirstFactor, Group, MOST_PEOPLE, Order, Person, Report};
use futures_util::{SinkExt as _, StreamExt as _};
use rustls::pki_types::ServerName;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

/// How long a test waits for what must happen soon.
const PATIENCE: Duration = Duration::from_secs(60);

/// The group of everybody who is synced.
pub(super) const STAFF: &str = "CN=Staff,DC=example,DC=org";
/// Another one.
pub(super) const VPN: &str = "CN=VPN,DC=example,DC=org";

/// A directory of the server, with credentials for its proxies.
pub(super) struct Directory<'a> {
    pub(super) site: &'a Site,
    pub(super) id: DirectoryKey,
    pub(super) api: Api,
}

/// What the fake proxy's directory holds.
#[derive(Clone, Default)]
pub(super) struct People {
    by_key: Arc<Mutex<BTreeMap<String, Person>>>,
    /// Names of groups that are not called as their distinguished names say; `None` are not there.
    groups: Arc<Mutex<BTreeMap<String, Option<String>>>>,
}

impl People {
    /// Gives a group another name; `None` removes it.
    pub(super) fn call_group(&self, dn: &str, name: Option<&str>) {
        self.groups.lock().unwrap().insert(dn.to_owned(), name.map(str::to_owned));
    }

    pub(super) fn put(&self, person: Person) {
        self.by_key.lock().unwrap().insert(person.key.clone(), person);
    }

    pub(super) fn remove(&self, key: &str) {
        self.by_key.lock().unwrap().remove(key);
    }

    pub(super) fn change(&self, key: &str, change: impl FnOnce(&mut Person)) {
        change(self.by_key.lock().unwrap().get_mut(key).unwrap());
    }

    fn all(&self) -> Vec<Person> {
        self.by_key.lock().unwrap().values().cloned().collect()
    }
}

/// Somebody in the first group.
pub(super) fn person(key: &str, username: &str) -> Person {
    Person {
        key: key.to_owned(),
        dn: format!("CN={username},DC=example,DC=org"),
        username: username.to_owned(),
        aliases: Vec::new(),
        full_name: Some(format!("Full {username}")),
        email: Some(format!("{username}@example.org")),
        phones: Vec::new(),
        notes: None,
        disabled: false,
        groups: vec![0],
    }
}

impl<'a> Directory<'a> {
    pub(super) async fn new(site: &'a Site, change: impl FnOnce(&mut DirectorySettings)) -> Self {
        Self::named(site, "Office", change).await
    }

    pub(super) async fn named(site: &'a Site, name: &str, change: impl FnOnce(&mut DirectorySettings)) -> Self {
        let mut settings = DirectorySettings {
            groups: vec![STAFF.to_owned(), VPN.to_owned()],
            attributes: AttributeNames::openldap(),
            ..DirectorySettings::default()
        };
        change(&mut settings);
        let made = site.engine().create_directory(site.account, &Actor::Terminal, name, &settings).await.unwrap();
        let api = site.api(made.record.integration.as_str(), made.secret.expose());
        Self { site, id: made.record.id, api }
    }

    /// A proxy that answers from `people`.
    pub(super) async fn proxy(&self, people: &People) -> JoinHandle<()> {
        let (mut proxy, before) = (FakeProxy::open(&self.api, self.site).await.unwrap(), self.proxies());
        proxy.hello(true).await;
        let people = people.clone();
        let served = tokio::spawn(async move {
            while let Some(order) = proxy.order().await {
                proxy.answer(order, &people).await;
            }
        });
        self.connected(before + 1).await;
        served
    }

    pub(super) fn proxies(&self) -> usize {
        self.site.engine().agents().of(self.site.account, self.id).len()
    }

    /// Returns once so many proxies are connected.
    pub(super) async fn connected(&self, count: usize) {
        let happens = async {
            while self.proxies() != count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, happens).await.expect("connected proxies");
    }

    pub(super) async fn sync(&self) -> Result<Outcome, DirectoryError> {
        self.sync_and(&|_| {}).await
    }

    /// Hears how far it has come.
    pub(super) async fn sync_and(&self, progress: &(dyn Fn(&str) + Sync)) -> Result<Outcome, DirectoryError> {
        let link_of = |code: &PlainCode| Some(format!("https://api.example.org/enroll/{}", code.expose()));
        let engine = self.site.engine();
        engine.sync_directory(self.site.account, self.id, Trigger::Asked, Some(&link_of), progress).await
    }

    /// A run that dies, as with its server, when so many users were changed.
    pub(super) async fn sync_until(&self, users: usize) {
        let (engine, account, id) = (self.site.engine().clone(), self.site.account, self.id);
        let run = tokio::spawn(async move {
            let die = |words: &str| {
                if words.starts_with(&format!("{users} of ")) {
                    std::panic::resume_unwind(Box::new("dead"));
                }
            };
            engine.sync_directory(account, id, Trigger::Asked, None, &die).await
        });
        assert!(run.await.unwrap_err().is_panic());
    }

    /// How it is set.
    pub(super) async fn settings(&self) -> DirectorySettings {
        let record = self.site.engine().store().directory(self.site.account, self.id).await.unwrap().unwrap();
        DirectorySettings::read(&record.settings).unwrap()
    }

    pub(super) async fn set(&self, change: DirectoryChange) {
        self.site.engine().change_directory(self.site.account, &Actor::Terminal, self.id, &change).await.unwrap();
    }
}

/// One channel.
pub(super) struct FakeProxy(WebSocketStream<TlsStream<TcpStream>>);

impl FakeProxy {
    /// Opens a channel, or says with which status it was refused.
    pub(super) async fn open(api: &Api, site: &Site) -> Result<Self, u16> {
        let authority = api.authority();
        let (host, port) = authority.rsplit_once(':').unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(site.ca_pem().as_bytes()).unwrap()).unwrap();
        let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let stream = TcpStream::connect(("127.0.0.1", port.parse().unwrap())).await.unwrap();
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        let mut request = format!("wss://{authority}{CHANNEL}").into_client_request().unwrap();
        let headers = api.signed_get(CHANNEL);
        request.headers_mut().insert("authorization", headers.authorization.parse().unwrap());
        request.headers_mut().insert("date", headers.date.parse().unwrap());
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub(super) async fn hello(&mut self, first_factor: bool) {
        let hello = Report::Hello {
            proxy: "p1".to_owned(),
            host: "proxy.example.org".to_owned(),
            version: "1.0".to_owned(),
            section: "cloud".to_owned(),
            directory: "Active Directory at dc1.example.org".to_owned(),
            first_factor,
        };
        self.send(&hello).await;
    }

    /// The next order; `None` once the channel has ended.
    pub(super) async fn order(&mut self) -> Option<Order> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    pub(super) async fn send(&mut self, report: &Report) {
        self.text(&serde_json::to_string(report).unwrap()).await;
    }

    pub(super) async fn text(&mut self, text: &str) {
        // A channel that has ended says so to whoever reads.
        let _ = self.0.send(Message::text(text)).await;
    }

    /// Answers as a proxy does.
    async fn answer(&mut self, order: Order, people: &People) {
        match order {
            Order::Sync { id, query } => {
                let wanted = |person: &Person| query.only.as_ref().is_none_or(|only| *only == person.username);
                let all: Vec<Person> = people.all().into_iter().filter(wanted).collect();
                for part in all.chunks(MOST_PEOPLE) {
                    self.send(&Report::People { id, people: part.to_vec() }).await;
                }
                let mut done = done(id, query.groups, all.len());
                if let Report::Done { groups, .. } = &mut done {
                    let names = people.groups.lock().unwrap();
                    groups.iter_mut().for_each(|group| {
                        if let Some(name) = names.get(&group.dn) {
                            group.name.clone_from(name);
                        }
                    });
                }
                self.send(&done).await;
            }
            Order::FirstFactor { id, username, password } => {
                let verdict = match people.all().iter().find(|person| person.username == username) {
                    Some(person) if password.expose() == "correct horse" => {
                        FirstFactor::Right { key: person.key.clone(), dn: person.dn.clone() }
                    }
                    Some(_) => FirstFactor::Wrong { reason: "wrong_password".to_owned() },
                    None => FirstFactor::Wrong { reason: "unknown".to_owned() },
                };
                self.send(&Report::FirstFactor { id, verdict }).await;
            }
            Order::Cancel { .. } => {}
        }
    }
}

/// All were told: the groups are there.
pub(super) fn done(id: u64, groups: Vec<String>, count: usize) -> Report {
    let groups = groups.into_iter().map(|dn| {
        let name = dn.split(['=', ',']).nth(1).map(str::to_owned);
        Group { dn, name }
    });
    Report::Done { id, groups: groups.collect(), count: count as u64 }
}
