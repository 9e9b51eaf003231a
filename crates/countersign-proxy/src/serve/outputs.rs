//! What the engine wants done, and what comes of it.

use std::net::IpAddr;
use std::sync::Arc;

use cs_client::outage::EventKind;
use cs_radius::Code;

use super::accounting::ByTls;
use super::api::Names;
use super::directories::Checked;
use super::ldap::{self, Line};
use super::outage::{self, Keeping};
use super::sockets::Arrived;
use super::{Begun, Proxy, Said, figures, fresh_key, now};
use crate::cfg::application::FailMode;
use crate::directory::Answer;
use crate::ldap::output::{Outcome as OfBind, What};
use crate::radius::dacl::Downloaded;
use crate::radius::login::{AcceptedBy, Event, Outage, Wanted};
use crate::radius::output::{LoginId, Outcome, Output, Told};
use crate::radius::request::Request;
use crate::radius::upstream::Ended;

impl Proxy {
    /// Hands on what is accounting: by TLS it comes where logins come (RFC 6614 §2.1).
    pub(super) fn accounts(&self, packet: &Arrived) -> bool {
        if packet.octets.first() != Some(&Code::AccountingRequest.octet()) {
            return false;
        }
        let Some((place, guests)) = self.listeners.tls(packet.socket) else { return false };
        let (from, octets) = (packet.from, packet.octets.clone());
        self.relays.account(ByTls { place, guests, from, octets })
    }

    pub(super) fn heard(&mut self, said: Said) {
        match said {
            Said::Happened(login, event) => self.engine.on_event(login, event, now()),
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

    pub(super) fn primary(&mut self, ended: Ended) {
        self.figures.primary_ended(ended.login, &ended.outcome, now());
        if let Some(reply) = ended.reply {
            self.engine.on_primary_reply(ended.login, *reply);
        }
        self.engine.on_event(ended.login, Event::Primary(ended.outcome), now());
    }

    pub(super) fn checked(&mut self, checked: &Checked) {
        let (outcome, kept_out) = checked.outcome();
        if let Answer::Right(person) = &checked.answer {
            self.engine.on_groups(checked.login, person.groups.clone());
            if let Some(spelled) = &person.spelled {
                self.engine.on_spelled(checked.login, spelled);
            }
        }
        if let Some(why) = kept_out {
            self.engine.on_kept_out(checked.login, why);
        }
        self.primary(Ended { login: checked.login, outcome, reply: None });
    }

    pub(super) fn downloaded(&mut self, ended: Vec<Downloaded>) {
        ended.into_iter().for_each(|ended| self.engine.on_downloaded(ended, now()));
    }

    pub(super) async fn carry_out(&mut self) {
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
                    let (say, called) = (self.say.clone(), self.called(section, "preauth"));
                    let kept = self.keeping.as_ref().map(Keeping::kept);
                    tokio::spawn(async move {
                        let event = outage::preauth(kept, (&name, &ikey), &api, (&request, menu), called).await;
                        // Nobody listens while the proxy ends.
                        _ = say.send(Said::Happened(login, event));
                    });
                }
                Output::Auth { login, section, request, wanted, attempt, name } => {
                    self.auth((login, attempt), section, request, wanted, name)
                }
                Output::Code { login, section, request, typed } => {
                    let ((_, ikey), say) = (self.name(section), self.say.clone());
                    let kept = self.keeping.as_ref().map(Keeping::kept);
                    tokio::spawn(async move {
                        let result = outage::code(kept, ikey, request, typed).await;
                        _ = say.send(Said::Happened(login, Event::Code(result)));
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
                    if let (Some((_, ikey)), Told::Login { outcome: Outcome::Accepted(why), request, .. }) =
                        (&name, &told)
                    {
                        let kind = match why {
                            AcceptedBy::FailSafe => Some(EventKind::FailOpen),
                            AcceptedBy::Emergency => Some(EventKind::EmergencyLogin),
                            AcceptedBy::Server | AcceptedBy::Exemption | AcceptedBy::OutageCode => None,
                        };
                        self.let_in(kind, ikey, &request.user, request.address);
                    }
                    self.figures.told(&told, name.as_ref().map(|(name, _)| name.as_str()).unwrap_or_default());
                    self.log.tell(name.as_ref(), &told);
                }
            }
        }
    }

    /// A line of a connection by LDAP.
    pub(super) fn told_ldap(&mut self, line: &Line) {
        if let What::Login { name, username, outcome, .. } = &line.told.what {
            let kind = match outcome {
                OfBind::FailSafe => Some(EventKind::FailOpen),
                OfBind::Emergency => Some(EventKind::EmergencyLogin),
                OfBind::Approved
                | OfBind::Reused
                | OfBind::ExemptOu
                | OfBind::ExemptPrimary
                | OfBind::OutageCode
                | OfBind::RefusedByDirectory(_)
                | OfBind::Denied(_)
                | OfBind::Withdrawn => None,
            };
            let user = username.as_ref().unwrap_or(name);
            self.let_in(kind, &line.rules.ikey, user, None);
        }
        ldap::told(&mut self.figures, line);
        self.log.tell_ldap(&line.rules, &line.told);
    }

    fn let_in(&self, kind: Option<EventKind>, ikey: &str, user: &str, address: Option<IpAddr>) {
        if let (Some(keeping), Some(kind)) = (&self.keeping, kind) {
            keeping.let_in(kind, ikey, user, address);
        }
    }

    fn auth(
        &mut self,
        (login, attempt): (LoginId, u32),
        section: usize,
        request: Arc<Request>,
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
        let (begun, failmode) = (now(), self.api(section).map_or(FailMode::Secure, |api| api.failmode()));
        move |failure| {
            let took = now().saturating_duration_since(begun);
            figures::called(&metrics, &health, (&name, failmode), call, failure, took);
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
