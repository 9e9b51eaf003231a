//! What is kept for an outage, at work: sections tell the server how they stand, fetch codes, and ask what to do while nobody answers.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use cs_client::outage::{EventKind, MOST_EVENTS, ReportRequest};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::api::Api;
use super::clock::timestamp;
use super::random;
use super::standing::word;
use crate::cfg::application::{Application, FailMode};
use crate::outage::keeper::Keeper;
use crate::radius::login::{Event, Outage, Preauth};
use crate::radius::request::Request;

/// A section tells of itself so often; the server takes one that is silent three times as long for gone.
const EVERY: Duration = Duration::from_secs(60);
/// And so soon again while there is more to tell, or the server was away.
const SOON: Duration = Duration::from_secs(5);
/// Codes are fetched anew when they are so old, so that they last as long as may be from the moment when the server falls silent.
const FRESH: i64 = 15 * 60;
/// For fetching them: a large bundle takes the server a while to make.
const FETCH: Duration = Duration::from_secs(30);
/// A server that knows nothing of proxies is asked so rarely whether it has learned it.
const RARELY: Duration = Duration::from_secs(3600);

/// What is kept, for whoever writes something down.
pub(super) struct Store {
    keeper: Mutex<Keeper>,
    /// Something was written down: there is something to tell.
    written: Notify,
}

/// What is kept, and who tells of it.
pub(super) struct Keeping {
    kept: Arc<Store>,
    reporters: Vec<JoinHandle<()>>,
}

impl Store {
    fn lock(&self) -> MutexGuard<'_, Keeper> {
        // Nothing of it is changed in two steps that a panic could part.
        self.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        self.reporters.iter().for_each(JoinHandle::abort);
    }
}

/// A section that tells of itself.
struct Reporter {
    kept: Arc<Store>,
    section: String,
    application: Application,
    api: Api,
}

impl Keeping {
    /// Opens what is in a folder.
    ///
    /// Fails if it cannot be read or written, was changed, or another proxy has it.
    pub(super) fn open(folder: &std::path::Path) -> anyhow::Result<Self> {
        let mut random = random();
        let keeper = Keeper::open(folder, timestamp(), &mut *random)
            .with_context(|| format!("what is kept for outages cannot be used ({})", folder.display()))?;
        let kept = Store { keeper: Mutex::new(keeper), written: Notify::new() };
        Ok(Self { kept: Arc::new(kept), reporters: Vec::new() })
    }

    /// From here on these sections tell of themselves, and no others.
    pub(super) fn serve(&mut self, sections: Vec<(String, Application, Api)>) {
        self.reporters.drain(..).for_each(|reporter| reporter.abort());
        for (section, application, api) in sections {
            self.kept.lock().load(&application.ikey, &application.skey);
            let reporter = Reporter { kept: self.kept.clone(), section, application, api };
            self.reporters.push(tokio::spawn(reporter.run()));
        }
    }

    /// What the proxy calls itself.
    pub(super) fn id(&self) -> String {
        self.kept.lock().id.clone()
    }

    pub(super) fn kept(&self) -> Arc<Store> {
        self.kept.clone()
    }

    /// Writes down that somebody was let in without what the server would have asked for. Codes are written down where they are checked.
    pub(super) fn let_in(&self, kind: EventKind, ikey: &str, user: &str, address: Option<IpAddr>) {
        let (kept, ikey, user) = (self.kept.clone(), ikey.to_owned(), user.to_owned());
        let address = address.map(|address| address.to_string());
        tokio::task::spawn_blocking(move || {
            kept.lock().let_in(kind, &ikey, &user, address, timestamp());
            kept.written.notify_waiters();
        });
    }
}

/// What the server says of somebody who logs in to a section, or what holds in its place: an Owner's leave, or codes for outages. `called` hears how the call ended.
pub(super) async fn preauth(
    kept: Option<Arc<Store>>,
    (section, ikey): (&str, &str),
    api: &Api,
    (request, menu): (&Request, bool),
    called: impl FnOnce(Option<Outage>),
) -> Event {
    let is_emergency = |kept: &Arc<Store>| kept.lock().emergency(section, ikey, timestamp()).is_some();
    if kept.as_ref().is_some_and(is_emergency) {
        return Event::Preauth(Ok(Preauth::Emergency));
    }
    let answer = api.preauth(request, menu).await;
    called(answer.as_ref().err().copied());
    if answer != Err(Outage::Away) || api.failmode() != FailMode::Offline {
        return Event::Preauth(answer);
    }
    let group = |kept: Arc<Store>| kept.lock().bundle(ikey, timestamp()).map(|bundle| bundle.group.clone());
    Event::Away { group: kept.and_then(group) }
}

/// Checks a code. What comes of it is on the disk before this ends; an error is for the person.
pub(super) async fn code(
    kept: Option<Arc<Store>>,
    ikey: String,
    request: Arc<Request>,
    typed: Zeroizing<String>,
) -> Result<(), String> {
    let Some(kept) = kept else { return Err("The code cannot be checked.".to_owned()) };
    let address = request.address.map(|address| address.to_string());
    let check = move || {
        let result = kept.lock().code(&ikey, &request.user, address, &typed, timestamp());
        kept.written.notify_waiters();
        result
    };
    match tokio::task::spawn_blocking(check).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(why)) => {
            tracing::warn!(why = why.words(), "a code for outages lets nobody in");
            // Why is for the log: who guesses learns nothing.
            Err("This code lets nobody in. Wait for the next one.".to_owned())
        }
        Err(_) => Err("The code cannot be checked.".to_owned()),
    }
}

impl Reporter {
    async fn run(self) {
        let mut taken = 0;
        loop {
            match self.report(&mut taken).await {
                // What is written down meanwhile is told at once.
                Some(wait) => drop(timeout(wait, self.kept.written.notified()).await),
                // A server that is away is asked as rarely as that, whatever happens.
                None => tokio::time::sleep(SOON).await,
            }
        }
    }

    /// Tells the server once, and fetches codes where there are some. `None` if it could not be told.
    async fn report(&self, taken: &mut i64) -> Option<Duration> {
        let Application { ikey, skey, failmode, .. } = &self.application;
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let request = {
            let mut keeper = self.kept.lock();
            let now = timestamp();
            keeper.look(now);
            ReportRequest {
                proxy: keeper.id.clone(),
                host,
                section: self.section.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                failmode: word(*failmode).to_owned(),
                offline_until: keeper.bundle(ikey, now).map(|bundle| bundle.until),
                emergency_until: keeper.emergency(&self.section, ikey, now),
                events: keeper.events(ikey, *taken, MOST_EVENTS),
            }
        };
        let (proxy, told) = (request.proxy.clone(), request.events.len());
        let answer = match self.api.report(request).await {
            Ok(Some(answer)) => answer,
            // Another server than ours.
            Ok(None) => return Some(RARELY),
            Err(_) => return None,
        };
        *taken = answer.taken;
        if told > 0 {
            tracing::warn!(section = %self.section, told, "the server was told what was done while it could not be asked");
        }
        if let Err(error) = self.kept.lock().keep_key(ikey, &answer.key) {
            tracing::error!(section = %self.section, error = %error, "NEITHER CODES NOR TOKENS OF THIS SERVER ARE USED");
            return Some(EVERY);
        }
        if *failmode == FailMode::Offline {
            self.fetch(answer.has_bundle, &proxy, ikey, skey).await;
        }
        let has_more = !self.kept.lock().events(ikey, *taken, 1).is_empty();
        Some(if has_more && told > 0 { SOON } else { EVERY })
    }

    async fn fetch(&self, has_bundle: bool, proxy: &str, ikey: &str, skey: &str) {
        if !has_bundle {
            tracing::error!(section = %self.section, "failmode=offline, and the server has no codes for this application: see `countersign admin outage offline`");
            return;
        }
        let now = timestamp();
        let is_fresh =
            self.kept.lock().bundle(ikey, now).is_some_and(|bundle| now.as_second() < bundle.made_at + FRESH);
        if is_fresh {
            return;
        }
        let Ok(Some(text)) = self.api.outage_bundle(proxy, FETCH).await else { return };
        match self.kept.lock().keep_bundle(ikey, skey, &text) {
            Ok(()) => tracing::info!(section = %self.section, "codes for outages were fetched"),
            Err(error) => tracing::error!(section = %self.section, error = %error, "codes for outages are not kept"),
        }
    }
}
