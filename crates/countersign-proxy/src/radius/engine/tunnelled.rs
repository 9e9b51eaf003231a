//! Logins by EAP that ends here: between the packets of a device and the [`Session`] that reads them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::eap::session::{Session, Step};
use super::super::login::{AcceptedBy, Event, Login, Wish};
use super::super::output::{LoginId, Outcome};
use super::super::proof::Proof;
use super::super::verdict::Reply;
use super::{CHALLENGE_LIFE, Engine};

/// No more people than this are in the middle of EAP at a time: whoever is near a device can begin, and TLS takes room.
const MOST: usize = 4000;
/// A device sends its next packet within this; only where somebody types it takes longer.
const ROUND_LIFE: Duration = Duration::from_secs(60);

/// EAP of one login.
pub(super) struct Tunnelled {
    session: Session,
    /// Somebody is let in as soon as the device's end of the tunnel has confirmed that it has heard so.
    granted: Option<(Option<String>, AcceptedBy)>,
}

impl Engine {
    /// The first packet of EAP.
    pub(super) fn open_tunnel(&mut self, id: LoginId, proof: &Proof, now: Instant) {
        let Some(running) = self.running.get_mut(&id) else { return };
        let Some(terms) = self.sections.get(running.section).and_then(|serving| serving.eap.clone()) else {
            return self.fail(id, "EAP cannot end here.".to_owned(), now);
        };
        if self.tunnels >= MOST {
            return self.fail(id, "Too many logins are in the middle of EAP.".to_owned(), now);
        }
        let (session, step) = Session::begin(terms, &proof.eap(), proof.mtu());
        self.tunnels += 1;
        running.tunnel = Some(Box::new(Tunnelled { session, granted: None }));
        self.step(id, step, now);
    }

    /// The next packet.
    pub(super) fn on_tunnel(&mut self, id: LoginId, answer: &Event, now: Instant) {
        let Some(tunnel) = self.running.get_mut(&id).and_then(|running| running.tunnel.as_mut()) else { return };
        match answer {
            Event::Proof(proof) => {
                let step = tunnel.session.on_response(&proof.eap());
                self.step(id, step, now);
            }
            _ => self.fail(id, "The device began with EAP and went on without.".to_owned(), now),
        }
    }

    fn step(&mut self, id: LoginId, step: Step, now: Instant) {
        match step {
            Step::Ask { message, waits_for_person } => {
                let life = if waits_for_person { CHALLENGE_LIFE } else { ROUND_LIFE };
                self.show(id, |state| Reply::ask_by_eap(state, &message, waits_for_person), life, now);
            }
            Step::Login(login) => {
                let Some(running) = self.running.get_mut(&id) else { return };
                let Some(serving) = self.sections.get(running.section) else { return };
                let user = String::from_utf8(login.user);
                let (Ok(user), Ok(password)) = (user, running.request.decoded(&login.password)) else {
                    return self.fail(id, "The name or the password is no text.".to_owned(), now);
                };
                // Who stands outside of the tunnel is anybody.
                Arc::make_mut(&mut running.request).user = user;
                let failmode = serving.server.application.failmode;
                let (login, wish) = Login::begin(serving.mode.clone(), failmode, false, &password);
                running.login = login;
                self.carry_out(id, wish, now);
            }
            Step::Typed(typed) => {
                let Some(running) = self.running.get_mut(&id) else { return };
                let Ok(typed) = running.request.decoded(&typed) else {
                    return self.fail(id, "What was typed is no text.".to_owned(), now);
                };
                if let Some(wish) = running.login.on(Event::Answer(typed)) {
                    self.carry_out(id, wish, now);
                }
            }
            Step::Done => self.done(id, now),
            Step::Fail(why) => self.fail(id, why.to_string(), now),
        }
    }

    /// Asks inside of the tunnel, if this login has one.
    pub(super) fn asks_inside(&mut self, id: LoginId, text: &str, now: Instant) -> bool {
        let Some(running) = self.running.get_mut(&id) else { return false };
        let Some(tunnel) = &mut running.tunnel else { return false };
        match tunnel.session.ask(text) {
            Some(step) => self.step(id, step, now),
            None => {
                let wish = running.login.cannot_ask(text.to_owned());
                self.carry_out(id, wish, now);
            }
        }
        true
    }

    /// Lets somebody in; inside of a tunnel that is told first.
    pub(super) fn let_in(&mut self, id: LoginId, text: Option<String>, why: AcceptedBy, now: Instant) {
        let Some(running) = self.running.get_mut(&id).filter(|running| running.reply.is_none()) else { return };
        match &mut running.tunnel {
            Some(tunnel) => {
                tunnel.granted = Some((text, why));
                let step = tunnel.session.accept();
                self.step(id, step, now);
            }
            None => {
                let reply = self.accepted(id, text);
                self.finish(id, reply, Outcome::Accepted(why), now);
            }
        }
    }

    fn done(&mut self, id: LoginId, now: Instant) {
        let Some(running) = self.running.get_mut(&id) else { return };
        let user = running.request.user.clone();
        let tunnel = running.tunnel.as_mut();
        let ends = tunnel.and_then(|tunnel| Some((tunnel.granted.take()?, tunnel.session.success()?)));
        let Some(((text, why), (success, keys))) = ends else {
            return self.fail(id, "The tunnel has no keys.".to_owned(), now);
        };
        let reply = self.accepted(id, text).with_success(&success, keys, &user);
        self.finish(id, reply, Outcome::Accepted(why), now);
    }

    fn fail(&mut self, id: LoginId, text: String, now: Instant) {
        let wish = Wish::Reject { text: Some(text) };
        self.carry_out(id, wish, now);
    }
}
