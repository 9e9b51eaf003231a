//! The proxy at work: sockets and the server around the [`Engine`].

mod accounting;
pub mod api;
mod clock;
mod coa;
mod directories;
mod downloads;
mod ended;
mod figures;
mod generation;
mod kernel;
mod ldap;
mod listeners;
mod log;
mod operations;
mod outage;
mod pool;
mod quiet;
mod radsec;
mod relays;
mod sockets;
mod spool;
pub mod systemd;
mod upstreams;

use std::collections::HashMap;
use std::time::Instant;

use anyhow::bail;
use tokio::sync::{mpsc, oneshot, watch};

use crate::cfg::Config;
use crate::cfg::application::FailMode;
use crate::cfg::client::Client;
use crate::directory::Answer;
use crate::logging::Logging;
use crate::metrics::{Health, Metrics};
use crate::radius::Random;
use crate::radius::dacl::Downloaded;
use crate::radius::engine::Engine;
use crate::radius::login::{Auth, Event, Outage, Preauth, Wanted};
use crate::radius::output::{LoginId, Outcome, Output, Told};
use crate::radius::request::Request;
use crate::radius::section::Section;
use crate::radius::upstream::Ended;
use api::{Api, Names};
use directories::Checked;
use figures::Figures;
pub use generation::Reread;
use generation::{Came, Generation, Kept, LINGERS, Prepared, Reload, Reloads};
use listeners::Listeners;
use operations::Operations;
use outage::Keeping;
use relays::Relays;
use sockets::Arrived;
use systemd::Supervisor;

/// Packets that wait to be worked on; beyond, the system's buffer fills.
const QUEUE: usize = 4096;

/// Something that a task outside has to say.
enum Said {
    Preauth(LoginId, Result<Preauth, Outage>),
    Auth(LoginId, u32, Result<Auth, Outage>),
    /// Nobody can be asked, and codes for outages are checked here: of this group.
    Away(LoginId, Option<String>),
    /// What came of such a code.
    Code(LoginId, Result<(), String>),
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
    listeners: Listeners,
    arrived: mpsc::Receiver<Arrived>,
    said: mpsc::UnboundedReceiver<Said>,
    say: mpsc::UnboundedSender<Said>,
    /// The configuration that serves is the last; those before it end what they began.
    generations: Vec<Generation>,
    reloads: Reloads,
    supervisor: Supervisor,
    relays: Relays,
    ldap: ldap::Ldap,
    /// Logins that wait for a person at the server.
    begun: HashMap<LoginId, Begun>,
    /// Those that were given up before the server had a name for them, by login and attempt: the section.
    given_up: HashMap<(LoginId, u32), usize>,
    log: log::Log,
    logging: Option<Logging>,
    figures: Figures,
    /// Whoever asks over HTTP wants a sign of life.
    signs: mpsc::Receiver<oneshot::Sender<()>>,
    ask: operations::Ask,
    operations: Option<Operations>,
    /// What is kept for outages, where it can be.
    keeping: Option<Keeping>,
}

impl Proxy {
    /// Opens every socket.
    ///
    /// Fails if the configuration asks for what is not served yet, or something cannot be opened.
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        let mut proxy = Self::open_beside(config, Listeners::new())?;
        let needs = config.radius.iter().any(|server| server.application.failmode == FailMode::Offline);
        match Keeping::open(&config.main.outages) {
            Ok(keeping) => proxy.keeping = Some(keeping),
            Err(error) if needs => return Err(error),
            Err(error) => tracing::warn!("{error:#}; what is done during an outage is in the log alone"),
        }
        proxy.keep();
        Ok(proxy)
    }

    fn open_beside(config: &Config, listeners: (Listeners, mpsc::Receiver<Arrived>)) -> anyhow::Result<Self> {
        let (listeners, arrived) = listeners;
        let (say, said) = mpsc::unbounded_channel();
        let (ask, signs) = mpsc::channel(1);
        let prepared = Prepared::open(config.clone(), 0, &listeners.places(), &Kept::default())?;
        let figures = Figures::new(Metrics::default(), Health::default());
        let mut ldap = ldap::Ldap::new(figures.metrics.clone(), figures.health.clone());
        ldap.serve(ldap.prepare(config)?);
        let mut proxy = Self {
            engine: Engine::new(Vec::new(), Vec::new(), random()),
            generations: Vec::new(),
            reloads: Reloads::default(),
            supervisor: Supervisor::default(),
            begun: HashMap::new(),
            given_up: HashMap::new(),
            log: log::Log::default(),
            logging: None,
            figures,
            ldap,
            relays: Relays::open(config, relays::Shared::default())?,
            operations: None,
            keeping: None,
            ask,
            signs,
            listeners,
            arrived,
            said,
            say,
        };
        let operations = proxy.operations(config)?;
        proxy.serve(prepared, operations);
        Ok(proxy)
    }

    /// Reads the configuration again whenever `asked`, and serves it if nothing is wrong with it.
    #[must_use]
    pub fn rereading(mut self, asked: mpsc::Receiver<()>, reread: Reread) -> Self {
        self.reloads = Reloads::new(asked, reread);
        self
    }

    /// Has the log of the process go on as each new configuration says.
    #[must_use]
    pub fn logging(mut self, logging: Logging) -> Self {
        self.logging = Some(logging);
        self
    }

    /// Tells who supervises the process what happens.
    #[must_use]
    pub fn supervised(mut self, supervisor: Supervisor) -> Self {
        self.supervisor = supervisor;
        self
    }

    /// What the configuration says of metrics, opened; `None` if that is open already.
    fn operations(&self, config: &Config) -> anyhow::Result<Option<Option<Operations>>> {
        if config.main.operations == self.operations.as_ref().map(|operations| operations.asked) {
            return Ok(None);
        }
        let (metrics, health) = (self.figures.metrics.clone(), self.figures.health.clone());
        let open = |at| Operations::open(at, metrics, health, self.ask.clone());
        config.main.operations.map(open).transpose().map(Some)
    }

    /// From here on this configuration serves, and the one before ends what it began.
    fn serve(&mut self, prepared: Prepared, operations: Option<Option<Operations>>) {
        let Prepared { config: _, sides, generation, opened, log, outputs } = prepared;
        if let Some(operations) = operations {
            self.operations = operations;
        }
        let served = self.listeners.listen(opened);
        let section = |(server, terms): (_, &Option<_>)| Section::new(server).with_eap(terms.clone());
        self.engine.replace(sides.into_iter().zip(&generation.terms).map(section).collect(), served);
        self.log.reopened(log);
        if let (Some(logging), Some(outputs)) = (&self.logging, outputs) {
            logging.go_on(outputs);
        }
        self.figures.health.clear();
        if let Some(before) = self.generations.last_mut() {
            before.retired = Some(now());
        }
        self.generations.push(generation);
        self.keep();
    }

    /// The sections that serve tell the server of themselves.
    fn keep(&mut self) {
        let sections = self.generations.last().map(Generation::sections).unwrap_or_default();
        if let Some(keeping) = &mut self.keeping {
            keeping.serve(sections);
        }
    }

    /// Serves another configuration, unless something of it cannot be opened: then nothing has changed.
    async fn change(&mut self, prepared: Prepared) -> anyhow::Result<()> {
        let operations = self.operations(&prepared.config)?;
        let ldap = self.ldap.prepare(&prepared.config)?;
        self.relays.change(&prepared.config).await?;
        self.ldap.serve(ldap);
        self.serve(prepared, operations);
        Ok(())
    }

    /// Serves until `stop` is set. Logins that wait are answered that they were too late.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        self.supervisor.ready("Serving");
        loop {
            self.carry_out().await;
            let timeouts = self.generations.iter().filter_map(Generation::poll_timeout);
            let next = timeouts.chain(self.engine.poll_timeout()).chain(self.forgets_at()).min();
            tokio::select! {
                Some(packet) = self.arrived.recv() => {
                    let taken = self.engine.on_packet(packet.socket, packet.from, &packet.octets, now());
                    self.figures.received(taken);
                }
                Some(said) = self.said.recv() => self.heard(said),
                came = generation::next_of(&mut self.generations) => match came {
                    Came::Primary(ended) => self.primary(ended),
                    Came::Checked(checked) => self.checked(&checked),
                    Came::Downloaded(ended) => self.downloaded(ended),
                },
                line = self.ldap.next() => self.log.tell_ldap(&line.rules, &line.told),
                () = until(next) => self.on_timeout(now()).await,
                Some(sign) = self.signs.recv() => {
                    let hosts = self.generations.last().into_iter().flat_map(|serving| serving.upstreams.hosts(now()).chain(serving.directories.hosts(now())));
                    self.figures.refresh(self.engine.waiting(), hosts, self.listeners.iter());
                    // Whoever asked may have gone.
                    _ = sign.send(());
                }
                reload = self.reloads.next() => self.reload(reload).await,
                _ = stop.changed() => {
                    self.supervisor.stopping();
                    break;
                }
            }
        }
        self.relays.close().await;
    }

    async fn on_timeout(&mut self, now: Instant) {
        self.engine.on_timeout(now);
        for at in 0..self.generations.len() {
            let Some(generation) = self.generations.get_mut(at) else { continue };
            let primaries = generation.upstreams.on_timeout(now).await;
            let downloads = generation.downloads.on_timeout(now).await;
            primaries.into_iter().for_each(|ended| self.primary(ended));
            self.downloaded(downloads);
        }
        if self.forgets_at().is_some_and(|at| at <= now) {
            self.forget_retired(now);
        }
    }

    async fn reload(&mut self, reload: Reload) {
        match reload {
            Reload::Asked(reread) => {
                self.supervisor.reloading();
                let (base, open) = (self.engine.next_section(), self.listeners.places());
                let kept = self.generations.last().map(Generation::kept).unwrap_or_default();
                let logs = self.logging.is_some();
                self.reloads.begin(move || {
                    let prepared = Prepared::open(reread()?, base, &open, &kept)?;
                    if logs { prepared.with_outputs() } else { Ok(prepared) }
                });
            }
            Reload::Prepared(prepared) => {
                let changed = match *prepared {
                    Ok(prepared) => self.change(prepared).await,
                    Err(error) => Err(error),
                };
                self.reloaded(changed);
            }
        }
    }

    fn reloaded(&self, changed: anyhow::Result<()>) {
        match changed {
            Ok(()) => {
                tracing::info!("the configuration was read again, and serves");
                self.figures.reloaded("served");
                self.supervisor.ready("Serving");
            }
            Err(error) => {
                tracing::error!("the new configuration is not used, and the old one serves on: {error:#}");
                self.figures.reloaded("refused");
                let status = format!("{error:#}");
                let status = status.lines().next().unwrap_or_default();
                self.supervisor.ready(&format!("The new configuration is not used: {status}"));
            }
        }
    }

    /// When to look whether the configuration before has ended what it began.
    fn forgets_at(&self) -> Option<Instant> {
        self.generations.first()?.retired.map(|since| since + LINGERS)
    }

    fn forget_retired(&mut self, now: Instant) {
        let waited_for = self.begun.values().map(|begun| begun.section).chain(self.given_up.values().copied()).min();
        let oldest = self.engine.oldest_section().into_iter().chain(waited_for).min().unwrap_or(usize::MAX);
        let is_over = |generations: &[Generation]| match generations {
            [first, second, ..] => first.retired.is_some_and(|since| since + LINGERS <= now) && second.base <= oldest,
            _ => false,
        };
        while is_over(&self.generations) {
            self.generations.remove(0);
        }
        match self.generations.as_mut_slice() {
            [serving] => {
                self.engine.forget_sections_before(serving.base);
                self.listeners.close_silent();
            }
            // Somebody still waits: it is looked at again after a while.
            [first, ..] => {
                self.engine.forget_sections_before(first.base);
                first.retired = first.retired.map(|since| if since + LINGERS <= now { now } else { since });
            }
            [] => {}
        }
    }

    /// The configuration that a section is of.
    fn generation(&self, section: usize) -> Option<&Generation> {
        self.generations.iter().rev().find(|generation| generation.base <= section)
    }

    fn generation_mut(&mut self, section: usize) -> Option<&mut Generation> {
        self.generations.iter_mut().rev().find(|generation| generation.base <= section)
    }

    /// Name and integration key of a section.
    fn name(&self, section: usize) -> (String, String) {
        self.generation(section).and_then(|of| of.name(section)).cloned().unwrap_or_default()
    }

    fn api(&self, section: usize) -> Option<Api> {
        self.generation(section)?.api(section).cloned()
    }

    fn heard(&mut self, said: Said) {
        match said {
            Said::Preauth(login, answer) => self.engine.on_event(login, Event::Preauth(answer), now()),
            Said::Away(login, group) => self.engine.on_event(login, Event::Away { group }, now()),
            Said::Code(login, result) => self.engine.on_event(login, Event::Code(result), now()),
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
                    tracing::info!(%txid, "a login waits for a person");
                    begun.txid = Some(txid.clone());
                    self.engine.on_begun(login, txid);
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
        if let Answer::Right(person) = &checked.answer {
            self.engine.on_groups(checked.login, person.groups.clone());
        }
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
                    self.listeners.send(socket, to, octets).await;
                }
                Output::Primary { login, section, request, password } => {
                    let Some(generation) = self.generation(section) else { continue };
                    let client = generation.client(section).unwrap_or_default().to_owned();
                    self.figures.primary_asked(login, &client, now());
                    let Some(generation) = self.generation_mut(section) else { continue };
                    if generation.directories.ask(&client, login, &request.user, &password) {
                        continue;
                    }
                    if let Some(ended) = generation.upstreams.ask(&client, login, request, &password, now()).await {
                        self.primary(ended);
                    }
                }
                Output::Relay { login, section, request, relay } => {
                    let Some(generation) = self.generation(section) else { continue };
                    let client = generation.client(section).unwrap_or_default().to_owned();
                    self.figures.primary_asked(login, &client, now());
                    let Some(generation) = self.generation_mut(section) else { continue };
                    if let Some(ended) = generation.upstreams.relay(&client, login, request, relay, now()).await {
                        self.primary(ended);
                    }
                }
                Output::Preauth { login, section, request, menu } => {
                    let Some(api) = self.api(section) else { continue };
                    let (name, ikey) = self.name(section);
                    if self.keeping.as_ref().is_some_and(|keeping| keeping.is_emergency(&name, &ikey)) {
                        self.engine.on_event(login, Event::Preauth(Ok(Preauth::Emergency)), now());
                        continue;
                    }
                    let (say, called) = (self.say.clone(), self.called(section, "preauth"));
                    let keeper = self.keeping.as_ref().map(Keeping::keeper);
                    tokio::spawn(async move {
                        let answer = api.preauth(&request, menu).await;
                        called(answer.as_ref().err().copied());
                        let said = if answer == Err(Outage::Away) && api.failmode() == FailMode::Offline {
                            Said::Away(login, keeper.and_then(|keeper| outage::group(&keeper, &ikey)))
                        } else {
                            Said::Preauth(login, answer)
                        };
                        // Nobody listens while the proxy ends.
                        _ = say.send(said);
                    });
                }
                Output::Auth { login, section, request, wanted, attempt, name } => {
                    self.auth((login, attempt), section, request, wanted, name)
                }
                Output::Code { login, section, request, typed } => {
                    let ((_, ikey), say) = (self.name(section), self.say.clone());
                    let keeper = self.keeping.as_ref().map(Keeping::keeper);
                    tokio::spawn(async move {
                        let result = outage::code(keeper, ikey, request, typed).await;
                        _ = say.send(Said::Code(login, result));
                    });
                }
                Output::Cancel { login } => self.cancel(login),
                Output::Admitted(admitted) => {
                    let section = admitted.section;
                    if let Some(generation) = self.generation_mut(section) {
                        generation.downloads.admitted(&admitted);
                    }
                    if let Some(of) = self.generation(section) {
                        let name = of.name(section).map(|(name, _)| name.as_str()).unwrap_or_default();
                        self.relays.admitted(&admitted, name, of.client(section));
                    }
                }
                Output::Download(download) => {
                    let Some(generation) = self.generation_mut(download.section) else { continue };
                    let ended = generation.downloads.wanted(*download).await;
                    self.downloaded(ended);
                }
                Output::Told(told) => {
                    let name = match &told {
                        Told::Login { section, .. } | Told::FirstFactor { section, .. } => {
                            self.generation(*section).and_then(|of| of.name(*section))
                        }
                        Told::Dropped(..) => None,
                    };
                    let name = name.cloned();
                    if let (
                        Some(keeping),
                        Some((_, ikey)),
                        Told::Login { outcome: Outcome::Accepted(why), request, .. },
                    ) = (&self.keeping, &name, &told)
                    {
                        keeping.let_in(*why, ikey, request);
                    }
                    self.figures.told(&told, name.as_ref().map(|(name, _)| name.as_str()).unwrap_or_default());
                    self.log.tell(name.as_ref(), &told);
                }
            }
        }
    }

    fn auth(
        &mut self,
        (login, attempt): (LoginId, u32),
        section: usize,
        request: Box<Request>,
        wanted: Wanted,
        name: Option<String>,
    ) {
        let Some(api) = self.api(section) else { return };
        self.begun.insert(login, Begun { attempt, section, txid: None });
        let names = Names { question: fresh_key(), login: name };
        let (say, called) = (self.say.clone(), self.called(section, "auth"));
        tokio::spawn(async move {
            let begun = say.clone();
            let answer =
                api.auth(&request, &wanted, names, |txid| _ = begun.send(Said::Begun(login, attempt, txid))).await;
            called(answer.as_ref().err().copied());
            _ = say.send(Said::Auth(login, attempt, answer));
        });
    }

    /// Counts a call to the server that begins now; it is told how it ended.
    fn called(&self, section: usize, call: &'static str) -> impl FnOnce(Option<Outage>) + Send + 'static {
        let (metrics, health) = (self.figures.metrics.clone(), self.figures.health.clone());
        let name =
            self.generation(section).and_then(|of| of.name(section)).map(|(name, _)| name.clone()).unwrap_or_default();
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
        if let Some(api) = self.api(section) {
            tokio::spawn(async move { api.cancel(&txid).await });
        }
    }
}

/// What the configuration may say and this version does not do; better no proxy than one that does half.
fn refuse_unserved(config: &Config) -> anyhow::Result<()> {
    let mut unserved: Vec<String> = Vec::new();
    let offline = config.ldap.iter().filter(|server| server.application.failmode == FailMode::Offline);
    unserved.extend(offline.map(|server| format!("failmode=offline of [{}]", server.name)));
    unserved.extend(config.cloud.iter().chain(&config.sso).map(|agent| format!("[{}]", agent.name)));
    let accounting = config.accounting.as_ref().and_then(|section| config.clients.get(section.client.as_ref()?));
    if matches!(accounting, Some(Client::Radius(radius)) if radius.tls.is_some()) {
        unserved.push("[radius_acct] for a radius_client by TLS".to_owned());
    }
    unserved.extend(config.http_proxy.iter().map(|_| "[http_proxy]".to_owned()));
    if unserved.is_empty() {
        return Ok(());
    }
    bail!(
        "not served yet: {}. What is served: radius_server_auto, _challenge, _concat, _duo_only and _eap, radius_client, ad_client, and ldap_server_auto",
        unserved.join(", ")
    );
}

async fn until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when.into()).await,
        None => std::future::pending().await,
    }
}

/// By the runtime's clock, which tests move.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
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

#[cfg(test)]
mod tests;
