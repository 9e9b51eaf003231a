//! What the server is asked on behalf of a login.

use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use cs_client::outage::{ReportRequest, ReportResponse};
use cs_client::{
    Absence, Auth as AuthCall, AuthResponse, AuthResult, AuthStatus, Capability, Client, Config as ClientConfig,
    Device, Error, Factor, Preauth as PreauthCall, PreauthResponse, PreauthResult,
};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::{now, until};
use crate::cfg::application::{Application, FailMode};
use crate::outage::away::{Judged, judge, points_home, words};
use crate::outage::hosts::{Change, Circuit, Hosts};
use crate::radius::login::{Auth, Outage, Preauth, Wanted};
use crate::radius::request::Request;
use crate::radius::split::Typed;

/// A host that cannot be reached says so within this: a device that waits ten seconds must still hear that it may let somebody in.
const CONNECT: Duration = Duration::from_secs(2);
/// For a question that waits for nobody, all hosts together. With it a login takes the fail mode within four seconds, whatever is wrong with the network.
const DEADLINE: Duration = Duration::from_millis(3500);
/// Of each host's share of that, to see where its name leads.
const LOOKUP: Duration = Duration::from_millis(250);
/// A busy server is asked again after so long, once.
const BUSY: Duration = Duration::from_millis(500);
/// The server holds a question about a waiting login for 25 seconds.
const POLL: Duration = Duration::from_secs(30);
/// So long a waiting login outlives its server: time to start it again, or for another one to take over.
const SILENCE: Duration = Duration::from_secs(10);

/// The application of a section, at its server.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

struct Inner {
    /// One for each host.
    clients: Vec<Client>,
    /// As in the configuration.
    names: Vec<String>,
    hosts: Mutex<Hosts>,
    /// There is something to probe, or nobody to probe for.
    changed: Arc<Notify>,
    failmode: FailMode,
    /// For a whole login, the wait for a person included.
    patience: Option<Duration>,
}

/// What a question is called at the server.
pub struct Names {
    /// This question, so that it is not asked twice when its answer is lost.
    pub question: String,
    /// The login, at every proxy.
    pub login: Option<String>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.changed.notify_one();
    }
}

impl Api {
    /// For an application; `ca` are the authorities to trust instead of the system's. Begins to look after its hosts; needs a runtime.
    ///
    /// Fails if a host's name is none or `ca` holds no certificate.
    pub fn new(application: &Application, ca: Option<&str>) -> Result<Self, Error> {
        let client = |host: &String| {
            let authority =
                if application.api_port == 443 { host.clone() } else { format!("{host}:{}", application.api_port) };
            let mut config = ClientConfig::new(authority, application.ikey.clone(), application.skey.to_string());
            config.ca_pem = ca.map(str::to_owned);
            (config.connect_timeout, config.call_timeout) = (CONNECT, DEADLINE);
            Client::new(config)
        };
        let clients: Vec<Client> = application.api_hosts.iter().map(client).collect::<Result<_, _>>()?;
        let changed = Arc::new(Notify::new());
        let api = Self(Arc::new(Inner {
            hosts: Mutex::new(Hosts::new(clients.len())),
            clients,
            names: application.api_hosts.clone(),
            changed: changed.clone(),
            failmode: application.failmode,
            patience: application.api_timeout,
        }));
        tokio::spawn(look_after(Arc::downgrade(&api.0), changed));
        Ok(api)
    }

    /// How each host stands, by its name in the configuration.
    pub fn standing(&self) -> Vec<(String, Circuit)> {
        self.0.names.iter().cloned().zip(self.hosts().circuits().iter().copied()).collect()
    }

    /// Whether nobody is asked at the moment, because every host is away.
    pub fn is_away(&self) -> bool {
        self.hosts().plan().is_empty()
    }

    /// What somebody needs.
    pub async fn preauth(&self, request: &Request, menu: bool) -> Result<Preauth, Outage> {
        let mut call = PreauthCall::new(&request.user);
        if let Some(address) = request.address {
            call = call.from_address(address.to_string());
        }
        if menu {
            call = call.shows_menu();
        }
        let answer = self.ask(|client| preauth(client, call.clone())).await?;
        Ok(said(answer))
    }

    /// Asks for a second factor and waits until it is decided. `begun` hears the id of a login that waits for a person, so that it can be withdrawn.
    pub async fn auth(
        &self,
        request: &Request,
        wanted: &Wanted,
        names: Names,
        begun: impl FnOnce(String),
    ) -> Result<Auth, Outage> {
        let factor = self.factor(request, wanted).await?;
        let waits = matches!(factor, Factor::Auto(_) | Factor::Push(_) | Factor::Phone(_) | Factor::Prompt(_));
        let mut call = AuthCall::new(&request.user, factor).named(names.question);
        if let Some(name) = names.login {
            call = call.known_as(name);
        }
        if let Some(address) = request.address {
            call = call.from_address(address.to_string());
        }
        if let Some(nas) = request.nas_id.clone().or_else(|| request.nas_ip.map(|address| address.to_string())) {
            call = call.info("Device", nas);
        }
        if !waits {
            return self.ask(|client| auth(client, call.clone())).await.map(decided);
        }
        let txid = self.ask(|client| begin(client, call.clone())).await?;
        begun(txid.clone());
        self.decision(&txid).await.map(decided)
    }

    /// What happens while nobody can be asked.
    pub fn failmode(&self) -> FailMode {
        self.0.failmode
    }

    /// Tells how a section stands; `None` where the server knows no such call.
    pub async fn report(&self, report: ReportRequest) -> Result<Option<ReportResponse>, Outage> {
        let told = self.ask(|client| {
            let report = report.clone();
            async move {
                match client.report(&report).await {
                    Err(Error::Refused { status: 404, .. }) => Ok(None),
                    other => other.map(Some),
                }
            }
        });
        told.await
    }

    /// Codes for outages, signed; `None` where there are none. Takes longer than other calls, and says nothing about whether the server is there.
    pub async fn outage_bundle(&self, proxy: &str, patience: Duration) -> Result<Option<String>, Outage> {
        let at = self.hosts().plan().first().copied().ok_or(Outage::Away)?;
        let client = self.0.clients.get(at).cloned().ok_or(Outage::Away)?;
        match timeout(patience, client.outage_bundle(proxy)).await {
            Ok(Ok(answer)) => Ok(Some(answer.bundle)),
            Ok(Err(Error::Refused { status: 404, .. })) => Ok(None),
            Ok(Err(error)) => Err(judge(&error).outage()),
            Err(_) => Err(Outage::Away),
        }
    }

    /// Gives up a login that waits for a person. Whether it worked helps nobody: the push ends by itself soon.
    pub async fn cancel(&self, txid: &str) {
        _ = self.ask(|client| cancel(client, txid.to_owned())).await;
    }

    /// Which of these people, at most a hundred, are disabled or in the trash. Whether a host answers to this says nothing about logins.
    pub(super) async fn disabled(&self, names: &[String]) -> Result<Vec<String>, Ask> {
        let plan = self.hosts().plan();
        for client in plan.into_iter().filter_map(|at| self.0.clients.get(at)) {
            match client.disabled(names).await {
                Ok(answer) => return Ok(answer.disabled),
                Err(Error::Refused { status: 404, .. }) => return Err(Ask::NotKnown),
                Err(error) => tracing::debug!(%error, "the server does not say who is disabled"),
            }
        }
        Err(Ask::Failed)
    }

    /// Waits until a login is decided. A host that falls silent meanwhile is asked again for a moment, and the others in its place: the server has the login.
    async fn decision(&self, txid: &str) -> Result<AuthResponse, Outage> {
        let end = self.0.patience.map(|patience| now() + patience);
        let mut heard = now();
        loop {
            let left = end.map_or(POLL, |end| end.saturating_duration_since(now()).min(POLL));
            if left.is_zero() {
                return Err(Outage::Away);
            }
            let at = self.hosts().plan().first().copied();
            let answer = match at {
                Some(at) => self.one(at, left, &|client| auth_status(client, txid.to_owned())).await,
                None => Err(Judged::Away(Absence::Unreachable)),
            };
            match answer {
                Ok(answer) if answer.result != AuthResult::Waiting => return Ok(answer),
                Ok(_) => heard = now(),
                Err(Judged::Refused) => return Err(Outage::Refused),
                Err(Judged::Away(_) | Judged::Busy) if now() < heard + SILENCE => tokio::time::sleep(BUSY).await,
                Err(Judged::Away(_) | Judged::Busy) => return Err(Outage::Away),
            }
        }
    }

    /// Asks the hosts in turn until one answers; all of them within [`DEADLINE`].
    async fn ask<T, F>(&self, call: impl Fn(Client) -> F) -> Result<T, Outage>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let plan = self.hosts().plan();
        let end = now() + self.0.patience.map_or(DEADLINE, |patience| patience.min(DEADLINE));
        let mut others = u32::try_from(plan.len()).unwrap_or(u32::MAX);
        for at in plan {
            let share = end.saturating_duration_since(now()) / others.max(1);
            others = others.saturating_sub(1);
            match self.one(at, share, &call).await {
                Ok(answer) => return Ok(answer),
                Err(Judged::Away(_)) => {}
                Err(judged @ (Judged::Busy | Judged::Refused)) => return Err(judged.outage()),
            }
        }
        Err(Outage::Away)
    }

    /// Asks one host, which has so long, and remembers whether it answered.
    async fn one<T, F>(&self, at: usize, share: Duration, call: &impl Fn(Client) -> F) -> Result<T, Judged>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let (Some(client), Some(name)) = (self.0.clients.get(at), self.0.names.get(at)) else {
            return Err(Judged::Refused);
        };
        let asked = async {
            let answer = call(client.clone()).await;
            if !matches!(answer.as_ref().map_err(judge), Err(Judged::Busy)) {
                return answer;
            }
            tokio::time::sleep(BUSY).await;
            call(client.clone()).await
        };
        let judged = match timeout(share.saturating_sub(LOOKUP), asked).await {
            Ok(Ok(answer)) => {
                self.note(at, |hosts| hosts.answered(at));
                return Ok(answer);
            }
            Ok(Err(error)) => {
                tracing::warn!(host = %name, error = %whole(&error), "the server does not say what it was asked");
                judge(&error)
            }
            Err(_) => {
                tracing::warn!(host = %name, "the server does not answer in time");
                Judged::Away(Absence::TimedOut)
            }
        };
        match judged {
            Judged::Away(_) if leads_home(name).await => {
                tracing::error!(host = %name, "THE NAME OF THE SERVER LEADS TO THIS HOST: look at the hosts file. This is no outage, and nobody is let in for it");
                Err(Judged::Refused)
            }
            Judged::Away(Absence::CannotDecide | Absence::Nonsense) => {
                self.hosts().avoid(at);
                Err(judged)
            }
            Judged::Away(absence) => {
                self.note_away(at, name, absence);
                Err(judged)
            }
            // It is there.
            Judged::Busy | Judged::Refused => {
                self.note(at, |hosts| hosts.answered(at));
                Err(judged)
            }
        }
    }

    fn note_away(&self, at: usize, name: &str, absence: Absence) {
        let change = self.hosts().failed(at, now());
        if change != Some(Change::Opened) {
            return;
        }
        self.0.changed.notify_one();
        let is_last = self.is_away();
        tracing::error!(host = %name, why = words(absence), "the server is away: it is not asked until it answers a probe");
        if is_last {
            let then = consequence(self.0.failmode);
            tracing::error!(failmode = ?self.0.failmode, "NO SERVER CAN BE ASKED FOR THE SECOND FACTOR: {then}");
        }
    }

    fn note(&self, at: usize, change: impl FnOnce(&mut Hosts) -> Option<Change>) {
        if change(&mut self.hosts()) == Some(Change::Closed) {
            let name = self.0.names.get(at).map(String::as_str).unwrap_or_default();
            tracing::warn!(host = %name, "the server is back: it is asked again");
        }
    }

    /// Whether a host that was left alone answers again.
    async fn probe(self, at: usize) {
        let (Some(client), Some(name)) = (self.0.clients.get(at), self.0.names.get(at)) else { return };
        let answer = timeout(DEADLINE, client.check()).await;
        let judged = match &answer {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(judge(error)),
            Err(_) => Some(Judged::Away(Absence::TimedOut)),
        };
        match judged {
            Some(Judged::Away(_)) => self.hosts().probe_failed(at, now()),
            // Whatever it says, it is there.
            None | Some(Judged::Busy | Judged::Refused) => self.note(at, |hosts| hosts.probe_answered(at)),
        }
        if let (Some(Judged::Refused), Ok(Err(error))) = (judged, &answer) {
            tracing::error!(host = %name, error = %whole(error), "the server refuses to be asked: nobody can log in");
        }
        self.0.changed.notify_one();
    }

    fn hosts(&self) -> MutexGuard<'_, Hosts> {
        // What it holds is well after any panic: nothing is changed in two steps.
        self.0.hosts.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn factor(&self, request: &Request, wanted: &Wanted) -> Result<Factor, Outage> {
        let typed = match wanted {
            Wanted::Auto => return Ok(Factor::Auto("auto".to_owned())),
            Wanted::Choice(typed) => return Ok(Factor::Prompt(typed.clone())),
            Wanted::Typed(typed) => typed,
        };
        Ok(match typed {
            Typed::Push(number) => Factor::Push(self.device(request, *number).await?),
            Typed::Phone(number) => Factor::Phone(self.device(request, *number).await?),
            Typed::Sms(number) => Factor::Sms(self.device(request, *number).await?),
            Typed::Passcode(code) => Factor::Passcode(code.clone()),
        })
    }

    /// The device that a number means: `push2` is a push to the second one. One that is not there is asked for by a name that the server refuses.
    async fn device(&self, request: &Request, number: Option<usize>) -> Result<String, Outage> {
        let Some(number) = number else { return Ok("auto".to_owned()) };
        let call = PreauthCall::new(&request.user);
        let answer = self.ask(|client| preauth(client, call.clone())).await?;
        let phones = answer.devices.unwrap_or_default().into_iter().filter(|device| device.capabilities.is_some());
        Ok(phones.map(|device| device.device).nth(number - 1).unwrap_or_else(|| format!("no device {number}")))
    }
}

/// Why the server does not say who is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// It knows no such question.
    NotKnown,
    /// It is away or busy.
    Failed,
}

fn said(answer: PreauthResponse) -> Preauth {
    let text = answer.status_msg;
    match answer.result {
        PreauthResult::Allow => Preauth::Allow { text },
        PreauthResult::Deny => Preauth::Deny { text },
        PreauthResult::Enroll => {
            // Our server's text has it already, and devices show 253 octets.
            let way = answer.enroll_portal_url.filter(|url| !text.contains(url)).map(|url| format!(" {url}"));
            let way = way.unwrap_or_default();
            Preauth::Enroll { text: format!("{text}{way}") }
        }
        PreauthResult::Auth => {
            let devices = answer.devices.unwrap_or_default();
            let some = |wanted: Capability| {
                devices.iter().any(|device: &Device| device.capabilities.iter().flatten().any(|can| *can == wanted))
            };
            Preauth::Auth {
                menu: answer.prompt.map(|prompt| prompt.text),
                can_push: some(Capability::Push),
                can_phone: some(Capability::Phone),
            }
        }
    }
}

fn decided(answer: AuthResponse) -> Auth {
    let text = answer.status_msg;
    match (answer.result, answer.status) {
        (AuthResult::Allow, _) => Auth::Allow { text },
        (AuthResult::Deny, AuthStatus::Sent) => Auth::CodesSent { text },
        // Still waiting is not decided, and who is not let in is out.
        (AuthResult::Deny | AuthResult::Waiting, _) => Auth::Deny { text },
    }
}

// Each owns what it needs, so that it can be asked of one host after the other.

async fn preauth(client: Client, call: PreauthCall) -> Result<PreauthResponse, Error> {
    client.preauth(&call).await
}

async fn auth(client: Client, call: AuthCall) -> Result<AuthResponse, Error> {
    client.auth(&call).await
}

async fn begin(client: Client, call: AuthCall) -> Result<String, Error> {
    client.begin(&call).await.map(|begun| begun.txid)
}

async fn auth_status(client: Client, txid: String) -> Result<AuthResponse, Error> {
    client.auth_status(&txid).await
}

async fn cancel(client: Client, txid: String) -> Result<(), Error> {
    client.cancel(&txid).await.map(drop)
}

/// Probes what is left alone, until nobody needs it any more.
async fn look_after(inner: Weak<Inner>, changed: Arc<Notify>) {
    // What is wrong from the beginning is told at the beginning, and not at the first login.
    if let Some(inner) = inner.upgrade() {
        (0..inner.clients.len()).for_each(|at| drop(tokio::spawn(greet(Api(inner.clone()), at))));
    }
    loop {
        let next = {
            let Some(inner) = inner.upgrade() else { return };
            let api = Api(inner);
            let due = api.hosts().probes(now());
            due.into_iter().for_each(|at| drop(tokio::spawn(api.clone().probe(at))));
            api.hosts().next_probe()
        };
        tokio::select! {
            () = until(next) => {}
            () = changed.notified() => {}
        }
    }
}

async fn greet(api: Api, at: usize) {
    let check = |client: Client| async move { client.check().await };
    // What comes of it is in the log.
    _ = api.one(at, DEADLINE, &check).await;
}

/// What a login comes to while nobody can be asked, in words.
const fn consequence(failmode: FailMode) -> &'static str {
    match failmode {
        FailMode::Safe => "EVERYBODY WHOSE FIRST FACTOR IS RIGHT IS LET IN (failmode=safe)",
        FailMode::Secure => "nobody is let in (failmode=secure)",
        FailMode::Offline => "codes for outages are checked here (failmode=offline)",
    }
}

/// Whether the name of a host leads to this one and should not: see [`points_home`].
async fn leads_home(name: &str) -> bool {
    let host = match name.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() && (!host.contains(':') || host.starts_with('[')) => host,
        _ => name,
    };
    let found = timeout(LOOKUP, tokio::net::lookup_host((host, 0))).await;
    let found: Vec<IpAddr> = match found {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        // A name that leads nowhere does not lead home.
        Ok(Err(_)) | Err(_) => Vec::new(),
    };
    points_home(host, &found)
}

/// An error with its causes.
fn whole(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source()).take(8);
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use zeroize::Zeroizing;

    use super::*;
    use crate::outage::hosts::FAILURES;

    /// Hosts that take connections and say nothing, as far as the network goes.
    fn black_hole(listener: &TcpListener, hosts: usize) -> Api {
        let application = Application {
            ikey: "DIXXXXXXXXXXXXXXXXXX".to_owned(),
            skey: Zeroizing::new("0123456789012345678901234567890123456789".to_owned()),
            api_hosts: vec![listener.local_addr().unwrap().to_string(); hosts],
            api_port: 443,
            api_timeout: None,
            failmode: FailMode::Safe,
            http_proxy: None,
        };
        Api::new(&application, None).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_hosts_are_silent_a_login_hears_of_it_within_four_seconds_and_the_next_at_once() {
        for hosts in 1..=4 {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let api = black_hole(&listener, hosts);
            let ask = || async {
                // The runtime's clock stands still but for what is waited for.
                let begun = tokio::time::Instant::now();
                let answer = api.ask(|client| preauth(client, PreauthCall::new("alice"))).await;
                assert_eq!(answer.unwrap_err(), Outage::Away);
                begun.elapsed()
            };
            let first = ask().await;
            assert!(first < Duration::from_secs(4), "{hosts} hosts: {first:?}");
            for _ in 1..FAILURES {
                assert!(ask().await < Duration::from_secs(4));
            }
            assert!(api.is_away());
            assert_eq!(ask().await, Duration::ZERO);
        }
    }
}
