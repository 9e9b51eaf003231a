//! What people do with their own devices, browsers and codes: each change one commit, with its entry in the log and a letter.

use cs_core::device::Phone;
use cs_core::id::{BrowserId, PhoneId, TxId, WebauthnKey};
use cs_core::login::{Push, Ticket};
use cs_core::secret::PlainCode;
use cs_core::user::{User, WayIn};
use cs_core::webauthn::{Class, Credential};
use cs_store::Job;
use cs_store::authenticators::{DeviceUpdate, touch_user, touch_users_of_phone};
use cs_store::phones::{detach_phone, make_first};
use cs_store::remembered_browsers::{RememberedBrowser, forget_browser, forget_browsers};
use cs_store::users::{change_user, distrust_user};
use cs_store::visits::end_other_visits;
use cs_store::webauthn::{remove_credential, rename_credential};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::session::PortalSession;
use super::words;
use crate::letters::About;
use crate::login::reference;
use crate::passkeys::credential_name;
use crate::wake::Delivery;
use crate::{Access, DeviceEvent, Engine, EngineError, Liveness, SystemRng};

/// The account's setting that lets users remove the last way they have to log in.
const MAY_REMOVE_LAST: &str = "self_service_remove_last";
/// How many digits an identity check asks for.
const TEST_DIGITS: u8 = 6;

/// A device of the person's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnDevice {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The name that its owner gave it, to be changed.
    pub given: String,
    /// What it is.
    pub kind: OwnKind,
    /// When it last let its owner in, where that is kept.
    pub last_used: Option<Timestamp>,
    /// Whether it is asked first.
    pub is_default: bool,
}

/// What a device of one's own is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnKind {
    /// A phone with the authenticator.
    Phone(PhoneId),
    /// A passkey or security key.
    Key {
        /// Its id.
        key: WebauthnKey,
        /// Whether it is built in or carried.
        class: Class,
        /// Whether it is refused since its counter went back.
        is_refused: bool,
    },
    /// A token, which belongs to the organisation.
    Token,
}

/// A device that its owner may rename and remove, by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceId {
    /// A phone.
    Phone(PhoneId),
    /// A passkey or security key.
    Key(WebauthnKey),
}

impl DeviceId {
    /// Reads an id.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().map(Self::Phone).or_else(|_| text.parse().map(Self::Key)).ok()
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Phone(phone) => phone.as_str(),
            Self::Key(key) => key.as_str(),
        }
    }
}

/// A test request, as its page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnTest {
    /// The digits to type on the phone.
    pub number: Option<String>,
    /// Whether it can still be answered.
    pub is_waiting: bool,
    /// Whether it was approved.
    pub is_approved: bool,
    /// Whether the phone shows it.
    pub is_seen: bool,
}

/// How many ways to log in a removal would leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remaining {
    /// More than one.
    Enough,
    /// One.
    One,
    /// None, and the account allows that.
    None,
    /// None, and therefore it is not done.
    NotAllowed,
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Gives a device another name.
    Rename(DeviceId, String),
    /// Asks a device first.
    Default(PhoneId),
    /// Removes a device.
    Remove(DeviceId),
    /// Removes a device that is in other hands, and ends what was begun with it: sessions here, remembered browsers.
    Lost(DeviceId),
    /// Forgets a browser.
    Forget(BrowserId),
    /// Forgets all browsers.
    ForgetAll,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// It is done; the name of what was changed.
    Yes(String),
    /// There is no such thing, or somebody has changed the same in between.
    No,
    /// The factor is too old.
    Stale,
    /// It is the last way in, and must stay.
    Last,
}

/// What came of asking for recovery codes.
#[derive(Debug)]
pub enum NewCodes {
    /// These; this is the one time they leave.
    Made(Vec<PlainCode>),
    /// The factor is too old.
    Stale,
    /// The session has gone on meanwhile: the same form was sent before, for one.
    Twice,
}

impl Engine {
    /// The devices with which the person of `session` can log in.
    pub async fn own_devices(&self, session: &PortalSession) -> Result<Vec<OwnDevice>, EngineError> {
        let Some(user) = self.own_user(session.account(), session.user_id()).await? else { return Ok(Vec::new()) };
        let phones = user.phones.iter().filter(|phone| phone.is_usable()).enumerate().map(|(at, phone)| OwnDevice {
            id: phone.id.to_string(),
            name: phone.display_name(),
            given: phone.display_name(),
            kind: OwnKind::Phone(phone.id),
            last_used: None,
            is_default: at == 0,
        });
        let keys = user.credentials.iter().map(|one| OwnDevice {
            id: one.key.to_string(),
            name: one.display_name(),
            given: one.name.clone(),
            kind: OwnKind::Key { key: one.key, class: one.class, is_refused: !one.is_usable() },
            last_used: one.last_used,
            is_default: false,
        });
        let tokens = user.tokens.iter().map(|token| OwnDevice {
            id: token.id.to_string(),
            name: token.display_name(),
            given: String::new(),
            kind: OwnKind::Token,
            last_used: None,
            is_default: false,
        });
        Ok(phones.chain(keys).chain(tokens).collect())
    }

    /// What would be left without `device`; `None` if it is not theirs.
    pub async fn remaining_without(
        &self,
        session: &PortalSession,
        device: DeviceId,
    ) -> Result<Option<Remaining>, EngineError> {
        let user = self.own_user(session.account(), session.user_id()).await?;
        let user = user.filter(|user| name_of(user, device).is_some());
        Ok(user.map(|user| remaining(session, &user, device)))
    }

    /// Makes a change. It needs a factor of the last five minutes.
    pub async fn act(&self, session: &PortalSession, act: &Act, access: &Access) -> Result<Done, EngineError> {
        let now = self.clock().now();
        if !session.is_fresh(now) {
            return Ok(Done::Stale);
        }
        let account = session.account();
        let Some(user) = self.own_user(account, session.user_id()).await? else { return Ok(Done::No) };
        let id = account.id;
        let mut unbound = None;
        let (job, name, what, body, about) = match act {
            Act::Rename(device, name) => {
                let (Some(_), Ok(name)) = (name_of(&user, *device), credential_name(name)) else { return Ok(Done::No) };
                if name.is_empty() {
                    return Ok(Done::No);
                }
                let mut job = Job::new();
                match device {
                    DeviceId::Phone(phone) => {
                        job.guards =
                            DeviceUpdate { name: Some(&name), ..DeviceUpdate::default() }.steps(id, *phone, now);
                        job = job.step(touch_users_of_phone(id, *phone));
                    }
                    DeviceId::Key(key) => {
                        job = job.step(touch_user(id, user.id)).step(rename_credential(id, user.id, *key, &name));
                    }
                }
                (job, name, words::RENAMED, json!({"device": device.as_str()}), About::DeviceRenamed)
            }
            Act::Default(phone) => {
                let Some(owned) = owned(&user, *phone) else { return Ok(Done::No) };
                let job = Job::new().step(make_first(id, user.id, *phone)).step(touch_user(id, user.id));
                let body = json!({"device": phone.as_str()});
                (job, owned.display_name(), words::DEFAULT, body, About::DeviceFirst)
            }
            Act::Remove(device) | Act::Lost(device) => {
                let Some(name) = name_of(&user, *device) else { return Ok(Done::No) };
                let is_lost = matches!(act, Act::Lost(_));
                // What is in other hands goes, whatever is left.
                if !is_lost && remaining(session, &user, *device) == Remaining::NotAllowed {
                    return Ok(Done::Last);
                }
                let mut job = Job::new();
                match device {
                    DeviceId::Phone(phone) => {
                        unbound = Some(*phone);
                        job.guards.extend(detach_phone(id, user.id, *phone));
                    }
                    DeviceId::Key(key) => job = job.step(remove_credential(id, user.id, *key)),
                }
                // The user is as they were seen: of two removals at once, one must see that what is left has become the last.
                if is_lost {
                    job = job.step(forget_browsers(id, user.id)).step(distrust_user(id, &user));
                    job = job.step(end_other_visits(id, user.id, session.visiting.row.id));
                } else {
                    job = job.step(change_user(id, &user));
                }
                let what = if is_lost { words::LOST } else { words::REMOVED };
                let about = if is_lost { About::DeviceLost } else { About::DeviceRemoved };
                (job, name, what, json!({"device": device.as_str()}), about)
            }
            Act::Forget(browser) => {
                let job = Job::new().step(forget_browser(id, user.id, *browser));
                (job, String::new(), words::FORGOTTEN, json!({"browser": browser.as_str()}), About::BrowserForgotten)
            }
            Act::ForgetAll => {
                let job = Job::new().step(forget_browsers(id, user.id)).step(distrust_user(id, &user));
                (job, String::new(), words::ALL_FORGOTTEN, json!({}), About::BrowsersForgotten)
            }
        };
        let mut job = job.log(self.self_record(id, &user, what, &body, access, now));
        if matches!(act, Act::Lost(_)) {
            // Its page says that the administrators are told.
            let Some(caller) = self.portal_caller(account, Liveness::forever()).await? else { return Ok(Done::No) };
            job = job.effect(self.alert(&caller, &user, words::LOST, TxId::generate(&mut SystemRng), now));
        }
        job.effects.extend(self.notice(account, &user, about, &name, now)?);
        if !self.holds(job).await? {
            return Ok(Done::No);
        }
        if let Some(phone) = unbound {
            self.hub().publish(id, phone, DeviceEvent::Unbound);
        }
        Ok(Done::Yes(name))
    }

    /// New recovery codes; those before are void. The session goes on by a step, so that a page that was loaded twice does not make some twice.
    pub async fn new_recovery_codes(&self, session: &PortalSession, access: &Access) -> Result<NewCodes, EngineError> {
        let now = self.clock().now();
        if !session.is_fresh(now) {
            return Ok(NewCodes::Stale);
        }
        let user = self.own_user(session.account(), session.user_id()).await?;
        let Some(user) = user else { return Ok(NewCodes::Stale) };
        let (codes, job) = self.recovery_codes(session.account(), &user, access)?;
        let job = job.step(session.visiting.row.go_on(&session.visiting.row.state, now));
        Ok(if self.holds(job).await? { NewCodes::Made(codes) } else { NewCodes::Twice })
    }

    /// How many recovery codes are left.
    pub async fn recovery_codes_left(&self, session: &PortalSession) -> Result<u64, EngineError> {
        Ok(self.store().reader().recovery_codes_left(session.account().id, session.user_id()).await?)
    }

    /// The browsers that are remembered for the person, the one used last at first.
    pub async fn own_browsers(&self, session: &PortalSession) -> Result<Vec<RememberedBrowser>, EngineError> {
        let Some(user) = self.own_user(session.account(), session.user_id()).await? else { return Ok(Vec::new()) };
        let browsers = self.store().reader().remembered_browsers(session.account().id, user.id).await?;
        let (now, epoch) = (self.clock().now(), user.trust_epoch);
        Ok(browsers.into_iter().filter(|one| one.until > now && one.trust_epoch == epoch).collect())
    }

    /// Sends `phone` a request that counts for nothing. False if it is not theirs, the factor is too old, or another one is on its way.
    pub async fn test_own_device(
        &self,
        session: &PortalSession,
        phone: PhoneId,
        access: &Access,
    ) -> Result<bool, EngineError> {
        let (account, now) = (session.account(), self.clock().now());
        let user = self.own_user(account, session.user_id()).await?;
        let user = user.filter(|user| session.is_fresh(now) && owned(user, phone).is_some());
        let (Some(user), Some(caller)) = (user, self.portal_caller(account, Liveness::forever()).await?) else {
            return Ok(false);
        };
        let check = match self.check_identity(&caller.integration, user.id, phone).await {
            Ok(check) => check,
            Err(EngineError::Exists(_) | EngineError::Forbidden(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut kept = session.kept.clone();
        kept.test = Some((check.id.to_string(), phone.to_string()));
        let body = json!({"device": phone.as_str(), "reference": reference(check.id)});
        let job = Job::new().step(session.visiting.row.go_on(&json!(kept).to_string(), now)).log(self.self_record(
            account.id,
            &user,
            words::TESTED,
            &body,
            access,
            now,
        ));
        self.holds(job).await
    }

    /// The test request that was sent to `phone` last.
    pub async fn own_test(&self, session: &PortalSession, phone: PhoneId) -> Result<Option<OwnTest>, EngineError> {
        let of_phone = session.kept.test.as_ref().filter(|(_, of)| of == phone.as_str());
        let Some(id) = of_phone.and_then(|(id, _)| id.parse().ok()) else { return Ok(None) };
        let Some(caller) = self.portal_caller(session.account(), Liveness::forever()).await? else { return Ok(None) };
        let (account, now) = (session.account().id, self.clock().now());
        let push = match self.identity_check(&caller.integration, session.user_id(), id).await {
            Ok(push) => push,
            Err(EngineError::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        let key = self.ticket_key(account)?;
        let ticket = Ticket::check(&key, id, account, caller.integration.key, session.user_id(), now).ok();
        Ok(Some(OwnTest {
            number: ticket.map(|ticket| ticket.number(&key, TEST_DIGITS)),
            is_waiting: push.is_waiting(),
            is_approved: push == Push::Approved,
            is_seen: self.delivery(id) == Delivery::Shown,
        }))
    }
}

fn owned(user: &User, phone: PhoneId) -> Option<&Phone> {
    user.phones.iter().find(|one| one.id == phone && one.is_usable())
}

/// The name of a device, if it is `user`'s.
fn name_of(user: &User, device: DeviceId) -> Option<String> {
    match device {
        DeviceId::Phone(phone) => owned(user, phone).map(Phone::display_name),
        DeviceId::Key(key) => user.credentials.iter().find(|one| one.key == key).map(Credential::display_name),
    }
}

/// What `user` could log in with, `without` one device. What is refused is no way in: it can be removed, and does not stand for the others.
fn remaining(session: &PortalSession, user: &User, without: DeviceId) -> Remaining {
    let models = &session.account().login.webauthn_models;
    let is_let_in = |way: &WayIn<'_>| match way {
        WayIn::Key(key) => models.allows(key.aaguid),
        WayIn::Phone(_) | WayIn::Token(_) => true,
    };
    let is_it = |way: &WayIn<'_>| match way {
        WayIn::Phone(phone) => DeviceId::Phone(phone.id) == without,
        WayIn::Key(key) => DeviceId::Key(key.key) == without,
        WayIn::Token(_) => false,
    };
    let counts = user.ways_in().filter(is_let_in).any(|way| is_it(&way));
    match user.ways_in().filter(is_let_in).filter(|way| !is_it(way)).count() {
        0 if !counts => Remaining::None,
        0 if session.account().settings.get(MAY_REMOVE_LAST).and_then(Json::as_bool) == Some(true) => Remaining::None,
        0 => Remaining::NotAllowed,
        1 => Remaining::One,
        _ => Remaining::Enough,
    }
}
