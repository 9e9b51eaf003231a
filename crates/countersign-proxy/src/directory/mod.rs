//! `[ad_client]` at work: a first factor is checked by a directory.
//!
//! ```text
//! typed name ─► search by the service account ─► one person? in the group? ─► the person's own bind, on a connection of its own ─► right, wrong and why, or down
//! ```
//!
//! Whatever a directory does, short of saying yes to a password that was proven to it, keeps out: see [`Refusal`] for people and [`Trouble`] for directories.

mod connection;
mod entry;
mod find;
mod groups;
mod hosts;
mod name;
pub mod ntlm;
mod pages;
mod people;
mod policy;
mod refusal;
mod service;
mod tls;
mod trouble;
mod verdict;
mod wire;

use std::time::Instant;

use anyhow::Context as _;
use cs_ldap::Filter;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;

use crate::cfg::client::{AdClient, LdapAuth};
use crate::ldap::output::LookUp;
pub use connection::Stream;
use connection::{Account, BindEnd, Connection, Peer};
use find::{Meant, Rules};
pub use groups::Group;
use hosts::Hosts;
use name::Typed;
pub use people::{Told, Untold};
pub use refusal::Refusal;
use service::Service;
pub use trouble::Trouble;

/// So many logins are asked about at a time, and so many connections of the service account there are; the next wait, no longer than the section's `timeout`.
const AT_A_TIME: usize = 64;

/// What a directory says of a first factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is right.
    Right(Box<Person>),
    /// It is not, or its owner may not come in.
    Wrong(Refusal),
    /// Nobody could be asked, for this reason.
    Down(String),
}

/// Whose password was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their distinguished name.
    pub dn: String,
    /// The value of `username_attribute`, whatever was typed.
    pub name: String,
    /// All groups they are in, if they were asked for.
    pub groups: Vec<Group>,
    /// What stays the same when they are renamed, in small hexadecimal digits, if the directory tells.
    pub key: Option<String>,
    /// How the directory spells what was typed, where it takes another spelling for the same: Active Directory takes `àlice` for `alice`. Who is asked for the second factor
    /// must be who the password is of.
    pub spelled: Option<String>,
}

/// An `[ad_client]` section at work.
pub struct Directory {
    /// Its name, for the log.
    section: String,
    config: AdClient,
    rules: Rules,
    tls: TlsConnector,
    hosts: Hosts,
    slots: Semaphore,
}

impl Directory {
    /// For a section; `wants_groups` has the groups of each person looked up.
    ///
    /// Fails if the authorities of its TLS cannot be read.
    pub fn new(section: &str, config: &AdClient, wants_groups: bool) -> anyhow::Result<Self> {
        let condition = config.ldap_filter.as_deref().map(Filter::parse).transpose().context("ldap_filter")?;
        let rules = Rules {
            search_dn: config.search_dn.clone(),
            username_attribute: config.username_attribute.clone(),
            at_attribute: config.at_attribute.clone(),
            security_group_dn: config.security_group_dn.clone(),
            nested_groups: config.nested_groups,
            condition,
            usual_domain: config.ntlm_domain.clone(),
            wants_groups,
        };
        Ok(Self {
            section: section.to_owned(),
            rules,
            tls: TlsConnector::from(tls::client_config(config)?),
            hosts: Hosts::new(config.hosts.len()),
            slots: Semaphore::new(AT_A_TIME),
            config: config.clone(),
        })
    }

    /// Has a password checked, by the first host that is well. A wrong password is final; only trouble goes on to the next host.
    pub async fn check(&self, user: &str, password: &str) -> Answer {
        // Before any bind: with an empty password it would be nobody's and yet a success (RFC 4513 §5.1.2), and what is written in C ends at a zero.
        if password.is_empty() || password.contains('\0') {
            return Answer::Wrong(Refusal::BadPassword);
        }
        match Typed::read(user) {
            Ok(typed) => self.answer(typed, Some(password)).await,
            Err(refusal) => Answer::Wrong(refusal),
        }
    }

    /// Whose entry is meant, by a bind that the directory has taken without us. [`Answer::Right`] says no more than that there is one, and that they may log in here.
    pub async fn entry(&self, by: &LookUp) -> Answer {
        let typed = match by {
            LookUp::Dn(dn) => Ok(Typed::Entry(dn)),
            LookUp::Name(name) => Typed::read(name),
        };
        let answer = match typed {
            Ok(typed) => self.answer(typed, None).await,
            Err(refusal) => Answer::Wrong(refusal),
        };
        match answer {
            // Who has no name for the second factor cannot be asked for it.
            Answer::Right(person) if person.name.is_empty() => Answer::Wrong(Refusal::Unknown),
            Answer::Right(_) | Answer::Wrong(_) | Answer::Down(_) => answer,
        }
    }

    /// A connection to the first host that is well, where nobody is bound yet.
    ///
    /// Fails with what is wrong with every one of them.
    pub async fn connection(&self) -> Result<Box<dyn Stream>, String> {
        let mut last = String::new();
        for place in self.hosts.in_order(Instant::now()) {
            let connected = tokio::time::timeout(self.config.timeout, self.connect(place)).await;
            match connected.unwrap_or(Err(Trouble::Silent(self.config.timeout))).and_then(Connection::into_stream) {
                Ok(stream) => {
                    self.hosts.is_well(place);
                    return Ok(stream);
                }
                Err(trouble) => {
                    last = format!("{}: {}", self.host(place), trouble.told());
                    tracing::warn!(section = %self.section, "the directory cannot be asked: {last}");
                    self.hosts.fell(place, Instant::now());
                }
            }
        }
        Err(last)
    }

    async fn answer(&self, typed: Typed<'_>, password: Option<&str>) -> Answer {
        let Ok(Ok(_slot)) = tokio::time::timeout(self.config.timeout, self.slots.acquire()).await else {
            return self.down(Trouble::Busy.told());
        };
        let mut last = None;
        for place in self.hosts.in_order(Instant::now()) {
            if let Some(why) = self.hosts.barred(Instant::now()) {
                return self.down(why);
            }
            let asked = tokio::time::timeout(self.config.timeout, self.ask(place, typed, password)).await;
            let trouble = match asked.unwrap_or(Err(Trouble::Silent(self.config.timeout))) {
                Ok(answer) => {
                    self.hosts.is_well(place);
                    return answer;
                }
                Err(trouble) => trouble,
            };
            last = Some(self.noted(place, &trouble));
        }
        // A section without a host is refused as it is read.
        self.down(last.unwrap_or_default())
    }

    /// Every host as it is written, and whether it was well when it was asked last.
    pub fn hosts(&self, now: Instant) -> impl Iterator<Item = (String, bool)> {
        let named = |host: &String| format!("{host}:{}", self.config.port);
        self.config.hosts.iter().map(named).zip(self.hosts.are_well(now))
    }

    /// What it is and where, in words, by the first host that is well.
    ///
    /// Fails with what is wrong.
    pub async fn describe(&self) -> Result<String, String> {
        let mut last = String::new();
        for place in self.hosts.in_order(Instant::now()) {
            if let Some(why) = self.hosts.barred(Instant::now()) {
                return Err(why);
            }
            let served = tokio::time::timeout(self.config.timeout, self.serve(place, None)).await;
            match served.unwrap_or(Err(Trouble::Silent(self.config.timeout))) {
                Ok(service) => {
                    self.hosts.is_well(place);
                    let text = format!("{} at {}", service.kind, self.host(place));
                    service.leave().await;
                    return Ok(text);
                }
                Err(trouble) => last = self.noted(place, &trouble),
            }
        }
        Err(last)
    }

    /// Remembers what is wrong with a host, and says it.
    fn noted(&self, place: usize, trouble: &Trouble) -> String {
        let text = format!("{}: {}", self.host(place), trouble.told());
        tracing::warn!(section = %self.section, "the directory cannot be asked: {text}");
        if trouble.is_of_host() {
            self.hosts.fell(place, Instant::now());
        }
        if matches!(trouble, Trouble::Service(_)) {
            self.hosts.bar(text.clone(), Instant::now());
        }
        text
    }

    fn down(&self, why: String) -> Answer {
        Answer::Down(format!("[{}] {why}", self.section))
    }

    fn host(&self, place: usize) -> &str {
        self.config.hosts.get(place).map(String::as_str).unwrap_or_default()
    }

    async fn ask(&self, place: usize, typed: Typed<'_>, password: Option<&str>) -> Result<Answer, Trouble> {
        let meant = match self.find(place, typed).await? {
            Ok(meant) => meant,
            Err(refusal) => return Ok(Answer::Wrong(refusal)),
        };
        let right = |meant| {
            let Meant { dn, name, groups, key, spelled, .. } = meant;
            Answer::Right(Box::new(Person { dn, name, groups, key, spelled }))
        };
        let Some(password) = password else { return Ok(right(meant)) };
        let mut connection = self.connect(place).await?;
        let end = match self.config.auth_type {
            LdapAuth::Plain => connection.simple_bind(&meant.dn, password).await?,
            LdapAuth::Ntlm1 | LdapAuth::Ntlm2 | LdapAuth::Sspi => {
                let (domain, user) = &meant.account;
                self.ntlm(&mut connection, place, domain, user, password).await?
            }
        };
        connection.leave().await;
        if let Some(left) = end.policy.grace_logins {
            tracing::warn!(section = %self.section, user = %meant.name, left, "the password has expired; some logins are left");
        }
        Ok(match verdict::verdict(&end)? {
            Some(refusal) => Answer::Wrong(refusal),
            None => right(meant),
        })
    }

    /// Searches on a connection that was kept, or else on a new one. A kept one may have been closed in the meantime, which is nobody's fault.
    async fn find(&self, place: usize, typed: Typed<'_>) -> Result<Result<Meant, Refusal>, Trouble> {
        while let Some(mut service) = self.hosts.take(place, Instant::now()) {
            if !service.is_quiet().await {
                continue;
            }
            match find::find(&self.rules, &mut service, typed).await {
                Err(trouble) if trouble.is_hang_up() => continue,
                found => {
                    if found.is_ok() {
                        self.hosts.keep(service);
                    }
                    return found;
                }
            }
        }
        let group = self.rules.security_group_dn.as_deref().map(|dn| (dn, self.rules.nested_groups));
        let mut service = self.serve(place, group).await?;
        let found = find::find(&self.rules, &mut service, typed).await?;
        self.hosts.keep(service);
        Ok(found)
    }

    /// A new connection of the service account, and the group that people must be in.
    async fn serve(&self, place: usize, group: Option<(&str, bool)>) -> Result<Service, Trouble> {
        let mut connection = self.connect(place).await?;
        let config = &self.config;
        let end = match (config.auth_type, &config.bind_dn) {
            (LdapAuth::Plain, Some(dn)) => connection.simple_bind(dn, &config.service_account_password).await?,
            (LdapAuth::Plain, None) | (LdapAuth::Ntlm1 | LdapAuth::Ntlm2 | LdapAuth::Sspi, _) => {
                let written = config.service_account_username.as_str();
                let (domain, user) = written.split_once('\\').unwrap_or((&config.ntlm_domain, written));
                self.ntlm(&mut connection, place, domain, user, &config.service_account_password).await?
            }
        };
        if let Some(refusal) = verdict::verdict(&end)? {
            return Err(Trouble::Service(refusal.reason()));
        }
        Service::survey(connection, place, Instant::now(), group).await
    }

    async fn connect(&self, place: usize) -> Result<Connection, Trouble> {
        let AdClient { port, transport, timeout, .. } = self.config;
        let peer = Peer { host: self.host(place), port, transport, tls: &self.tls, within: timeout };
        Connection::open(peer).await
    }

    async fn ntlm(
        &self,
        connection: &mut Connection,
        place: usize,
        domain: &str,
        user: &str,
        password: &str,
    ) -> Result<BindEnd, Trouble> {
        let account = Account { user, domain, workstation: &self.config.ntlm_workstation, password };
        connection.ntlm_bind(self.host(place), account, windows_time()).await
    }
}

/// Units of 100 ns since 1601 (MS-DTYP 2.3.3).
#[expect(clippy::disallowed_methods, reason = "the time of a proof, for directories that tell none")]
fn windows_time() -> u64 {
    const BEFORE_1970: u64 = 11_644_473_600;
    let seconds = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default();
    (seconds + BEFORE_1970) * 10_000_000
}
