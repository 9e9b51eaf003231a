//! What a session has asked of the directory and the server. Each answer is heard by the connection, if it is still there.

use zeroize::Zeroizing;

use super::super::Shared;
use super::super::push::Push;
use super::Connection;
use crate::directory::Answer;
use crate::ldap::output::{Event, LookUp, NotFound, Person};
use crate::radius::login::{Event as LoginEvent, Outage, Wanted};
use crate::radius::request::Request;
use crate::serve::api::Names;
use crate::serve::{figures, fresh_key, now, outage};

impl Connection {
    pub(super) fn look_up(&self, login: u32, by: LookUp) {
        let (directory, say) = (self.shared.directory.clone(), self.say.clone());
        let section = self.shared.rules.section.clone();
        tokio::spawn(async move {
            let found = match directory.entry(&by).await {
                Answer::Right(person) => Ok(Person { dn: person.dn, username: person.name }),
                Answer::Wrong(refusal) => {
                    tracing::info!(%section, ?by, "an entry is not found: {}", refusal.reason());
                    Err(NotFound::Nobody)
                }
                Answer::Down(why) => {
                    tracing::warn!(%section, ?by, %why, "an entry cannot be looked up");
                    Err(NotFound::Away)
                }
            };
            // Whoever waited for it may have gone.
            _ = say.send((login, Event::Found(found)));
        });
    }

    pub(super) fn preauth(&self, login: u32, request: Box<Request>) {
        let (shared, say, called) = (self.shared.clone(), self.say.clone(), self.called("preauth"));
        tokio::spawn(async move {
            let Shared { rules, api, kept, .. } = &*shared;
            let section = (rules.section.as_str(), rules.ikey.as_str());
            let event = outage::preauth(kept.clone(), section, api, (&request, false), called).await;
            _ = say.send((login, Event::Second(event)));
        });
    }

    pub(super) fn code(&self, login: u32, request: Box<Request>, typed: Zeroizing<String>) {
        let (kept, ikey, say) = (self.shared.kept.clone(), self.shared.rules.ikey.clone(), self.say.clone());
        tokio::spawn(async move {
            let result = outage::code(kept, ikey, request.into(), typed).await;
            _ = say.send((login, Event::Second(LoginEvent::Code(result))));
        });
    }

    pub(super) fn auth(&mut self, login: u32, request: Box<Request>, wanted: Wanted) {
        let (api, say, called) = (self.shared.api.clone(), self.say.clone(), self.called("auth"));
        let push = Push::new(api.clone());
        self.pushes.insert(login, push.clone());
        tokio::spawn(async move {
            let answer = api
                .auth(&request, &wanted, Names { question: fresh_key(), login: None }, |txid| push.begun(txid))
                .await;
            called(answer.as_ref().err().copied());
            _ = say.send((login, Event::Second(LoginEvent::Auth(answer))));
        });
    }

    /// Counts a call to the server that begins now; it is told how it ended.
    fn called(&self, call: &'static str) -> impl FnOnce(Option<Outage>) + Send + use<> {
        let shared = self.shared.clone();
        let begun = now();
        move |failure| {
            let took = now().saturating_duration_since(begun);
            let section = (shared.rules.section.as_str(), shared.api.failmode());
            figures::called(&shared.metrics, &shared.health, section, call, failure, took);
        }
    }
}
