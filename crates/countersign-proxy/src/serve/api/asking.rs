//! One host after the other is asked, and what each of them is worth is remembered.

use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use cs_client::{Absence, AuthResponse, AuthResult, Client, Error};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::super::{now, until};
use super::calls::auth_status;
use super::{Api, DEADLINE, Inner};
use crate::cfg::application::FailMode;
use crate::outage::away::{Judged, judge, points_home, words};
use crate::outage::hosts::{Change, Hosts};
use crate::radius::login::Outage;

/// Of each host's share of that, to see where its name leads.
const LOOKUP: Duration = Duration::from_millis(250);
/// A busy server is asked again after so long, once.
const BUSY: Duration = Duration::from_millis(500);
/// The server holds a question about a waiting login for 25 seconds.
const POLL: Duration = Duration::from_secs(30);
/// So long a waiting login outlives its server: time to start it again, or for another one to take over.
const SILENCE: Duration = Duration::from_secs(10);

impl Api {
    /// Waits until a login is decided. A host that falls silent meanwhile is asked again for a moment, and the others in its place: the server has the login.
    pub(super) async fn decision(&self, txid: &str) -> Result<AuthResponse, Outage> {
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
    pub(super) async fn ask<T, F>(&self, call: impl Fn(Client) -> F) -> Result<T, Outage>
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
            Judged::Away(_) if leads_home(self.0.way.as_deref().unwrap_or(name)).await => {
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
            tracing::error!("NO SERVER CAN BE ASKED FOR THE SECOND FACTOR: {then}");
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
}

/// Probes what is left alone, until nobody needs it any more.
pub(super) async fn look_after(inner: Weak<Inner>, changed: Arc<Notify>) {
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
    // Anything else is in the log as it is.
    if let Err(Judged::Refused) = api.one(at, DEADLINE, &check).await {
        tracing::error!(
            host = %api.0.names.get(at).map(String::as_str).unwrap_or_default(),
            "the server refuses this application, and nobody is let in: compare ikey and skey with the application's, and the clocks; `countersign-proxy connectivity` tells which"
        );
    }
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
