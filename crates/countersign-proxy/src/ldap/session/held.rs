//! A bind while it is held: first the directory, then the server.

use std::sync::PoisonError;
use std::time::Instant;

use cs_ldap::{Dn, Message, MessageId, Operation, ResultCode, request, response};

use super::super::approvals::{Approvals, Fingerprint};
use super::super::binding::{Binding, Kind};
use super::super::output::{Event, NotFound, Outcome, Person, Why};
use super::Session;
use crate::radius::login::{Event as LoginEvent, Login};
use crate::radius::split::Typed;

mod end;
mod second;
mod who;

/// A bind that is not answered yet.
pub(super) struct Held {
    login: u32,
    pub(super) id: MessageId,
    binding: Binding,
    controls: Option<Vec<u8>>,
    fingerprint: Fingerprint,
    exempt: Option<Outcome>,
    typed: Option<Typed>,
    /// Whether its name looks like an exempt one was found out, before anything of the password was cut off.
    is_looked_up: bool,
    /// It does: nothing is cut off. Whether it is one is told by who is bound in the end.
    seems_exempt: bool,
    began: Instant,
    stage: Stage,
    /// It waits for an approval that others could use.
    is_waiting: bool,
    /// What the directory said.
    answer: Vec<u8>,
    person: Option<Person>,
    /// Nobody can be asked, and codes for outages of this group are checked here.
    outage_group: Option<String>,
    /// The server must have decided by then.
    pub(super) ends: Option<Instant>,
}

enum Stage {
    /// Whether its name is exempt is found out before anything of the password is cut off.
    Exempt,
    /// The directory is asked.
    First,
    /// It said yes to a name that is no distinguished one, and is asked whose that is: a directory knows more kinds of names than we, and somebody could be asked in place of another.
    Who,
    /// Its entry is looked for.
    Naming,
    /// The server is asked.
    Second(Box<Login>),
}

impl Held {
    /// Whether the directory's answer is waited for.
    pub(super) fn is_asked(&self) -> bool {
        matches!(self.stage, Stage::First | Stage::Who)
    }
}

impl Session {
    pub(super) fn bind(&mut self, message: Message<'_>, now: Instant) {
        let Operation::BindRequest(asked) = message.operation else { return };
        let sent_name = asked.name.to_owned();
        let binding = match Binding::read(asked) {
            Ok(binding) => binding,
            Err(refused) => return self.refuse(message.id, sent_name, refused, now),
        };
        let fingerprint = self.approvals().fingerprint(self.from.ip(), &binding.name, binding.octets());
        let by_ou = binding.dn.as_ref().is_some_and(|dn| self.rules.is_exempt(dn));
        let is_back = self.primary.as_ref().is_some_and(|account| binding.is_of(account));
        let is_primary = self.rules.exempt_primary_bind && self.binds == 0 || is_back;
        let exempt = match (by_ou, is_primary) {
            (true, _) => Some(Outcome::ExemptOu),
            (false, true) => Some(Outcome::ExemptPrimary),
            (false, false) => None,
        };
        let is_login = matches!(binding.kind, Kind::Password | Kind::Ntlm);
        let is_another = is_login && self.had_second_factor && exempt.is_none();
        if is_another && !self.rules.allow_unlimited_binds && !self.approvals().is_approved(fingerprint, now) {
            let text = "No other login is taken on this connection (allow_unlimited_binds). Open another one.";
            self.to_client.push(&response::bind_response(message.id, ResultCode::UnwillingToPerform, text), now);
            return self.end(Why::AnotherBind, ResultCode::UnwillingToPerform, text, now);
        }
        self.logins = self.logins.wrapping_add(1);
        // Whoever binds is nobody until that has worked (RFC 4511 §4.2.1).
        self.is_bound = false;
        let held = Held {
            login: self.logins,
            id: message.id,
            binding,
            controls: message.controls.map(<[u8]>::to_vec),
            fingerprint,
            exempt,
            typed: None,
            is_looked_up: false,
            seems_exempt: false,
            began: now,
            stage: Stage::First,
            is_waiting: false,
            answer: Vec::new(),
            person: None,
            outage_group: None,
            ends: None,
        };
        self.cut_off(held, now);
    }

    /// Cuts off a factor behind the password, unless the name is exempt, which may have to be found out before.
    fn cut_off(&mut self, mut held: Held, now: Instant) {
        let is_typed_name = held.binding.kind == Kind::Password && held.binding.dn.is_none();
        if held.exempt.is_none()
            && !held.seems_exempt
            && let Some(append) = self.rules.append.clone()
        {
            let may_be_exempt = is_typed_name && !self.rules.exempt_ous.is_empty();
            match held.binding.cut(&append) {
                Err(refused) => return self.refuse(held.id, held.binding.name, refused, now),
                Ok(None) => {}
                Ok(Some(_)) if may_be_exempt && !held.is_looked_up => {
                    held.stage = Stage::Exempt;
                    self.look_up(&held);
                    self.held = Some(Box::new(held));
                    return;
                }
                Ok(Some((password, typed))) => (held.binding.proof, held.typed) = (password, Some(typed)),
            }
        }
        self.ask_directory(held, now);
    }

    fn ask_directory(&mut self, mut held: Held, now: Instant) {
        held.stage = Stage::First;
        let Binding { sent_name, proof, .. } = &held.binding;
        // Written anew: what was judged is what the directory reads.
        let message = request::bind(held.id, sent_name, proof, held.controls.as_deref());
        self.unanswered.get_or_insert(now);
        self.forward(&message, now);
        self.held = Some(Box::new(held));
    }

    /// The directory has answered a bind.
    pub(super) fn bind_answered(&mut self, id: MessageId, message: &[u8], now: Instant) {
        let held = self.held.take_if(|held| held.id == id && matches!(held.stage, Stage::First));
        let (Some(mut held), Ok(Message { operation: Operation::BindResponse(answer), .. })) =
            (held, Message::parse(message))
        else {
            return self.directory_ended(Why::DirectoryConfused, now);
        };
        // Whatever was under way before a bind has ended or never will (RFC 4511 §4.2.1).
        self.under_way.clear();
        self.heard_enough();
        held.answer = message.to_vec();
        match (answer.result.code, held.binding.kind) {
            (ResultCode::Success, Kind::Password | Kind::Ntlm) => self.first_factor_is_right(held, now),
            (ResultCode::Success, Kind::Anonymous) => {
                self.binds += 1;
                self.to_client.push(message, now);
            }
            // Nobody has said who it is.
            (ResultCode::Success, Kind::NtlmBegins) => {
                self.deny(held, "The directory asked for no name.".to_owned(), now)
            }
            (ResultCode::SaslBindInProgress, Kind::NtlmBegins) => self.to_client.push(message, now),
            (code, kind) => {
                self.to_client.push(message, now);
                if kind != Kind::Anonymous {
                    self.told(&held, Outcome::RefusedByDirectory(code), now);
                }
            }
        }
    }

    fn first_factor_is_right(&mut self, mut held: Box<Held>, now: Instant) {
        if let Some(exempt) = held.exempt.clone() {
            if exempt == Outcome::ExemptPrimary {
                self.primary = Some(held.binding.account());
            }
            return self.pass(held, exempt, now);
        }
        let is_approved = self.approvals().begin(held.fingerprint, now);
        if is_approved {
            return self.pass(held, Outcome::Reused, now);
        }
        (held.is_waiting, held.ends) = (true, Some(now + self.rules.second_factor));
        if held.binding.dn.is_some() {
            held.stage = Stage::Naming;
            self.look_up(&held);
        } else {
            self.ask_who(&mut held, now);
        }
        self.held = Some(held);
    }

    pub(super) fn happened(&mut self, login: u32, event: Event, now: Instant) {
        let Some(mut held) = self.held.take_if(|held| held.login == login) else { return };
        match (event, &mut held.stage) {
            (Event::Found(found), Stage::Exempt) => {
                held.is_looked_up = true;
                // Whoever is not found is not exempt, and hears no more than that the password is wrong.
                let is_exempt = |person: &Person| Dn::parse(&person.dn).is_ok_and(|dn| self.rules.is_exempt(&dn));
                held.seems_exempt = found.as_ref().is_ok_and(is_exempt);
                self.cut_off(*held, now);
            }
            (Event::Found(Ok(person)), Stage::Naming) => {
                let is_typed_name = held.binding.dn.is_none();
                let is_exempt = is_typed_name && Dn::parse(&person.dn).is_ok_and(|dn| self.rules.is_exempt(&dn));
                held.person = Some(person);
                if is_exempt {
                    return self.pass(held, Outcome::ExemptOu, now);
                }
                self.ask_server(held, now);
            }
            (Event::Found(Err(why)), Stage::Naming) => self.deny(held, not_found(why).to_owned(), now),
            (Event::Second(event), Stage::Second(second)) => {
                if let LoginEvent::Away { group } = &event {
                    held.outage_group.clone_from(group);
                }
                let wish = second.on(event);
                self.wished(held, wish, now);
            }
            // An answer to what is not asked any more.
            (_, Stage::Exempt | Stage::First | Stage::Who | Stage::Naming | Stage::Second(_)) => self.held = Some(held),
        }
    }

    fn approvals(&self) -> std::sync::MutexGuard<'_, Approvals> {
        // Whoever panicked with it has left it whole: it is changed in one step each time.
        self.approvals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn not_found(why: NotFound) -> &'static str {
    match why {
        NotFound::Nobody => "This account is not among those that may log in here.",
        NotFound::Away => "Your account cannot be looked up now. Try again in a minute.",
    }
}
