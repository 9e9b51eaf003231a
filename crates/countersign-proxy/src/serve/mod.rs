//! The proxy at work: sockets and the server around the [`Engine`].

mod accounting;
pub mod api;
mod clock;
mod coa;
mod directories;
mod downloads;
mod figures;
mod kernel;
mod log;
mod operations;
mod pool;
mod quiet;
mod relays;
mod sockets;
mod spool;
mod upstreams;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot, watch};

use crate::cfg::Config;
use crate::cfg::application::FailMode;
use crate::cfg::client::Client;
use crate::cfg::radius_server::Mode;
use crate::metrics::{Health, Metrics};
use crate::radius::Random;
use crate::radius::dacl::Downloaded;
use crate::radius::engine::Engine;
use crate::radius::login::{Auth, Event, Outage, Preauth, Wanted};
use crate::radius::output::{LoginId, Output, Told};
use crate::radius::request::Request;
use crate::radius::section::Section;
use crate::radius::upstream::Ended;
use api::Api;
use directories::{Checked, Directories};
use figures::Figures;
use operations::Operations;
use sockets::Arrived;
use upstreams::Upstreams;

/// Packets that wait to be worked on; beyond, the system's buffer fills.
const QUEUE: usize = 4096;

/// Something that a task outside has to say.
enum Said {
    Preauth(LoginId, Result<Preauth, Outage>),
    Auth(LoginId, u32, Result<Auth, Outage>),
    /// The server's id of a login that waits for a person.
    Begun(LoginId, u32, String),
}

/// A login that waits for a person at the server.
struct Begun {
    attempt: u32,
    section: usize,
    /// The server's name for it, as soon as it has one.
    txid: Option<String>,
}

/// A proxy whose sockets are open.
pub struct Proxy {
    engine: Engine,
    sockets: Vec<Arc<UdpSocket>>,
    arrived: mpsc::Receiver<Arrived>,
    said: mpsc::UnboundedReceiver<Said>,
    say: mpsc::UnboundedSender<Said>,
    apis: Vec<Api>,
    /// The client section of each server section.
    clients: Vec<Option<String>>,
    names: Vec<(String, String)>,
    upstreams: Upstreams,
    directories: Directories,
    downloads: downloads::Relay,
    relays: relays::Relays,
    /// Logins that wait for a person at the server.
    begun: HashMap<LoginId, Begun>,
    /// Those that were given up before the server had a name for them, by login and attempt: the section.
    given_up: HashMap<(LoginId, u32), usize>,
    log: log::Log,
    figures: Figures,
    /// Whoever asks over HTTP wants a sign of life.
    signs: mpsc::Receiver<oneshot::Sender<()>>,
    _operations: Option<Operations>,
}

impl Proxy {
    /// Opens every socket.
    ///
    /// Fails if the configuration asks for what is not served yet, or something cannot be opened.
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        refuse_unserved(config)?;
        let ca = config.main.http_ca_certs_file.as_ref();
        let ca = ca
            .map(|path| std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display())))
            .transpose()?;
        let (arrive, arrived) = mpsc::channel(QUEUE);
        let (say, said) = mpsc::unbounded_channel();
        let (ask, signs) = mpsc::channel(1);
        let (metrics, health) = (Metrics::default(), Health::default());
        let operations = config.main.operations;
        let operations = operations.map(|at| Operations::open(at, metrics.clone(), health.clone(), ask)).transpose()?;
        let mut places: Vec<(Option<String>, u16)> = Vec::new();
        let mut served: Vec<Vec<usize>> = Vec::new();
        for (at, server) in config.radius.iter().enumerate() {
            let place = (server.interface.clone(), server.port);
            let socket = places.iter().position(|known| *known == place).unwrap_or_else(|| {
                places.push(place);
                served.push(Vec::new());
                places.len() - 1
            });
            if let Some(sections) = served.get_mut(socket) {
                sections.push(at);
            }
        }
        let mut sockets = Vec::new();
        for (number, (interface, port)) in places.iter().enumerate() {
            let at = interface.as_deref().unwrap_or("every address");
            let socket = sockets::bind(interface.as_deref(), *port)
                .with_context(|| format!("cannot listen at {at}, UDP port {port}"))?;
            let socket = Arc::new(socket);
            tokio::spawn(sockets::receive(socket.clone(), number, arrive.clone()));
            sockets.push(socket);
        }
        let api = |server: &crate::cfg::radius_server::RadiusServer| {
            Api::new(&server.application, ca.as_deref()).with_context(|| format!("[{}]", server.name))
        };
        Ok(Self {
            apis: config.radius.iter().map(api).collect::<anyhow::Result<_>>()?,
            clients: config.radius.iter().map(|server| server.client.clone()).collect(),
            names: config.radius.iter().map(|server| (server.name.clone(), server.application.ikey.clone())).collect(),
            upstreams: Upstreams::open(config)?,
            directories: Directories::open(config)?,
            downloads: downloads::Relay::open(config)?,
            relays: relays::Relays::open(config)?,
            engine: Engine::new(config.radius.iter().cloned().map(Section::new).collect(), served, random()),
            log: log::Log::open(&config.main)?,
            begun: HashMap::new(),
            given_up: HashMap::new(),
            figures: Figures::new(metrics, health),
            signs,
            _operations: operations,
            sockets,
            arrived,
            said,
            say,
        })
    }

    /// Serves until `stop` is set. Logins that wait are answered that they were too late.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            self.carry_out().await;
            let timeouts = [self.engine.poll_timeout(), self.upstreams.poll_timeout(), self.downloads.poll_timeout()];
            let next = timeouts.into_iter().flatten().min();
            tokio::select! {
                Some(packet) = self.arrived.recv() => {
                    let taken = self.engine.on_packet(packet.socket, packet.from, &packet.octets, now());
                    self.figures.received(taken);
                }
                Some(said) = self.said.recv() => self.heard(said),
                ended = self.upstreams.next() => self.primary(ended),
                checked = self.directories.next() => self.checked(&checked),
                ended = self.downloads.next() => self.downloaded(ended),
                () = until(next) => {
                    let now = now();
                    self.engine.on_timeout(now);
                    for ended in self.upstreams.on_timeout(now).await {
                        self.primary(ended);
                    }
                    let ended = self.downloads.on_timeout(now).await;
                    self.downloaded(ended);
                }
                Some(sign) = self.signs.recv() => {
                    let sockets = self.sockets.iter().map(|socket| &**socket);
                    self.figures.refresh(self.engine.waiting(), self.upstreams.hosts(now()), sockets);
                    // Whoever asked may have gone.
                    _ = sign.send(());
                }
                _ = stop.changed() => break,
            }
        }
        self.relays.close().await;
    }

    fn heard(&mut self, said: Said) {
        match said {
            Said::Preauth(login, answer) => self.engine.on_event(login, Event::Preauth(answer), now()),
            Said::Auth(login, attempt, answer) => {
                self.given_up.remove(&(login, attempt));
                if self.begun.get(&login).is_some_and(|begun| begun.attempt == attempt) {
                    self.begun.remove(&login);
                }
                self.engine.on_auth(login, attempt, answer, now());
            }
            Said::Begun(login, attempt, txid) => {
                if let Some(section) = self.given_up.remove(&(login, attempt)) {
                    self.withdraw(section, txid);
                } else if let Some(begun) = self.begun.get_mut(&login).filter(|begun| begun.attempt == attempt) {
                    begun.txid = Some(txid);
                }
            }
        }
    }

    fn primary(&mut self, ended: Ended) {
        self.figures.primary_ended(ended.login, &ended.outcome, now());
        if let Some(reply) = ended.reply {
            self.engine.on_primary_reply(ended.login, *reply);
        }
        self.engine.on_event(ended.login, Event::Primary(ended.outcome), now());
    }

    fn checked(&mut self, checked: &Checked) {
        let (outcome, kept_out) = checked.outcome();
        if let Some(why) = kept_out {
            self.engine.on_kept_out(checked.login, why);
        }
        self.primary(Ended { login: checked.login, outcome, reply: None });
    }

    fn downloaded(&mut self, ended: Vec<Downloaded>) {
        ended.into_iter().for_each(|ended| self.engine.on_downloaded(ended, now()));
    }

    async fn carry_out(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Send { socket, to, octets } => {
                    self.figures.sent(&octets);
                    if let Some(socket) = self.sockets.get(socket) {
                        sockets::send(socket, to, &octets).await;
                    }
                }
                Output::Primary { login, section, request, password } => {
                    let client = self.clients.get(section).and_then(Option::as_deref).unwrap_or_default();
                    self.figures.primary_asked(login, client, now());
                    if self.directories.ask(client, login, &request.user, &password) {
                        continue;
                    }
                    if let Some(ended) = self.upstreams.ask(client, login, request, &password, now()).await {
                        self.primary(ended);
                    }
                }
                Output::Relay { login, section, request, relay } => {
                    let client = self.clients.get(section).and_then(Option::as_deref).unwrap_or_default();
                    self.figures.primary_asked(login, client, now());
                    if let Some(ended) = self.upstreams.relay(client, login, request, relay, now()).await {
                        self.primary(ended);
                    }
                }
                Output::Preauth { login, section, request, menu } => {
                    let Some(api) = self.apis.get(section).cloned() else { continue };
                    let (say, called) = (self.say.clone(), self.called(section, "preauth"));
                    tokio::spawn(async move {
                        let answer = api.preauth(&request, menu).await;
                        called(answer.as_ref().err().copied());
                        // Nobody listens while the proxy ends.
                        _ = say.send(Said::Preauth(login, answer));
                    });
                }
                Output::Auth { login, section, request, wanted, attempt } => {
                    self.auth(login, section, request, wanted, attempt)
                }
                Output::Cancel { login } => self.cancel(login),
                Output::Admitted(admitted) => {
                    self.downloads.admitted(&admitted);
                    self.relays.admitted(&admitted);
                }
                Output::Download(download) => {
                    let ended = self.downloads.wanted(*download).await;
                    self.downloaded(ended);
                }
                Output::Told(told) => {
                    let name = match &told {
                        Told::Login { section, .. } => self.names.get(*section).map(|(name, _)| name.as_str()),
                        Told::Dropped(..) => None,
                    };
                    self.figures.told(&told, name.unwrap_or_default());
                    self.log.tell(&self.names, &told);
                }
            }
        }
    }

    fn auth(&mut self, login: LoginId, section: usize, request: Box<Request>, wanted: Wanted, attempt: u32) {
        let Some(api) = self.apis.get(section).cloned() else { return };
        self.begun.insert(login, Begun { attempt, section, txid: None });
        let (say, key, called) = (self.say.clone(), fresh_key(), self.called(section, "auth"));
        tokio::spawn(async move {
            let begun = say.clone();
            let answer =
                api.auth(&request, &wanted, key, |txid| _ = begun.send(Said::Begun(login, attempt, txid))).await;
            called(answer.as_ref().err().copied());
            _ = say.send(Said::Auth(login, attempt, answer));
        });
    }

    /// Counts a call to the server that begins now; it is told how it ended.
    fn called(&self, section: usize, call: &'static str) -> impl FnOnce(Option<Outage>) + Send + 'static {
        let (metrics, health) = (self.figures.metrics.clone(), self.figures.health.clone());
        let name = self.names.get(section).map(|(name, _)| name.clone()).unwrap_or_default();
        let begun = now();
        move |failure| {
            let took = now().saturating_duration_since(begun);
            figures::called(&metrics, &health, &name, call, failure, took);
        }
    }

    fn cancel(&mut self, login: LoginId) {
        let Some(Begun { attempt, section, txid }) = self.begun.remove(&login) else { return };
        match txid {
            Some(txid) => self.withdraw(section, txid),
            None => drop(self.given_up.insert((login, attempt), section)),
        }
    }

    fn withdraw(&self, section: usize, txid: String) {
        if let Some(api) = self.apis.get(section).cloned() {
            tokio::spawn(async move { api.cancel(&txid).await });
        }
    }
}

/// What the configuration may say and this version does not do; better no proxy than one that does half.
fn refuse_unserved(config: &Config) -> anyhow::Result<()> {
    let mut unserved: Vec<String> = Vec::new();
    unserved.extend(config.ldap.iter().map(|server| format!("[{}]", server.name)));
    for server in &config.radius {
        if matches!(server.mode, Mode::Eap { .. }) || server.tls.is_some() {
            unserved.push(format!("[{}] (EAP and TLS)", server.name));
        }
        if server.application.failmode == FailMode::Offline {
            unserved.push(format!("failmode=offline of [{}]", server.name));
        }
        if !server.reply_rules.is_empty() || !server.bypass_rules.is_empty() {
            unserved.push(format!("reply_attr and bypass_rule of [{}]", server.name));
        }
        let client = server.client.as_ref().and_then(|name| Some((name, config.clients.get(name)?)));
        match client {
            Some((name, Client::Radius(radius))) if radius.tls.is_some() => unserved.push(format!("[{name}] (TLS)")),
            Some((_, Client::Ad(_) | Client::Radius(_) | Client::DuoOnly)) | None => {}
        }
    }
    unserved.extend(config.cloud.iter().chain(&config.sso).map(|agent| format!("[{}]", agent.name)));
    unserved.extend(config.http_proxy.iter().map(|_| "[http_proxy]".to_owned()));
    if unserved.is_empty() {
        return Ok(());
    }
    bail!(
        "not served yet: {}. What is served: radius_server_auto, _challenge, _concat and _duo_only, radius_client by UDP, and ad_client",
        unserved.join(", ")
    );
}

async fn until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when.into()).await,
        None => std::future::pending().await,
    }
}

fn now() -> Instant {
    Instant::now()
}

fn random() -> Random {
    Box::new(|octets| {
        if aws_lc_rs::rand::fill(octets).is_err() {
            // Without randomness nothing of this is safe.
            std::process::abort();
        }
    })
}

/// Names one question to the server, so that a lost answer is asked for again and not begun again.
fn fresh_key() -> String {
    let mut octets = [0; 16];
    random()(&mut octets);
    data_encoding::BASE64URL_NOPAD.encode(&octets)
}
