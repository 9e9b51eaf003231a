//! What the server is asked on behalf of a login.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use cs_client::outage::{ReportRequest, ReportResponse};
use cs_client::{Auth as AuthCall, Client, Config as ClientConfig, Error, Factor, Preauth as PreauthCall};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::cfg::application::{Application, FailMode};
use crate::cfg::main_section::HttpProxyAddress;
use crate::outage::away::judge;
use crate::outage::hosts::{Circuit, Hosts};
use crate::radius::login::{Auth, Outage, Preauth, Wanted};
use crate::radius::request::Request;

mod asking;
mod calls;

use asking::look_after;
use calls::{auth, begin, cancel, decided, preauth, said};

/// A host that cannot be reached says so within this: a device that waits ten seconds must still hear that it may let somebody in.
const CONNECT: Duration = Duration::from_secs(2);
/// For a question that waits for nobody, all hosts together. With it a login takes the fail mode within four seconds, whatever is wrong with the network.
const DEADLINE: Duration = Duration::from_millis(3500);

/// The application of a section, at its server.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

struct Inner {
    /// One for each host.
    clients: Vec<Client>,
    /// As in the configuration.
    names: Vec<String>,
    /// The proxy by HTTP on the way, which looks up their names.
    way: Option<String>,
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

/// Why the server does not say who is disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// It knows no such question.
    NotKnown,
    /// It is away or busy.
    Failed,
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
            config.http_proxy = application.http_proxy.as_ref().map(HttpProxyAddress::authority);
            (config.connect_timeout, config.call_timeout) = (CONNECT, DEADLINE);
            Client::new(config)
        };
        let clients: Vec<Client> = application.api_hosts.iter().map(client).collect::<Result<_, _>>()?;
        let changed = Arc::new(Notify::new());
        let api = Self(Arc::new(Inner {
            hosts: Mutex::new(Hosts::new(clients.len())),
            clients,
            names: application.api_hosts.clone(),
            way: application.http_proxy.as_ref().map(|proxy| proxy.host.clone()),
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

    /// The host that is asked first now; none while every one is left alone.
    pub fn in_use(&self) -> Option<String> {
        let first = self.hosts().plan().first().copied()?;
        self.0.names.get(first).cloned()
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

    fn hosts(&self) -> MutexGuard<'_, Hosts> {
        // What it holds is well after any panic: nothing is changed in two steps.
        self.0.hosts.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::net::TcpListener;

    use zeroize::Zeroizing;

    use super::*;
    use crate::outage::hosts::FAILURES;

    /// A connection to these hosts.
    pub(in crate::serve) fn api(api_hosts: Vec<String>) -> Api {
        let application = Application {
            ikey: "DIXXXXXXXXXXXXXXXXXX".to_owned(),
            skey: Zeroizing::new("0123456789012345678901234567890123456789".to_owned()),
            api_hosts,
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
            // Hosts that take connections and say nothing, as far as the network goes.
            let api = api(vec![listener.local_addr().unwrap().to_string(); hosts]);
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
