//! The enrollment in a browser: choose, do it, a backup, done.

use std::net::IpAddr;

use cs_core::bypass::BypassRules;
use cs_core::bypass_code::BYPASS_CODE_DIGITS;
use cs_core::device::Phone;
use cs_core::enrollment::{Added, At, Origin, Post, VISIT_TTL};
use cs_core::id::{AccountId, BypassCodeId, IntegrationKey, PhoneId, UserId, VisitId};
use cs_core::policy::Method;
use cs_core::secret::PlainCode;
use cs_core::user::User;
use cs_core::webauthn::{Credential, MAX_CREDENTIALS_PER_USER, Wanted};
use cs_store::audit::{LogKind, LogRecord};
use cs_store::authenticators::{confirm, touch_user};
use cs_store::bypass_codes::{BypassCodeRecord, mark_recovery, remove_recovery_codes};
use cs_store::enrollment_links::{LinkOrigin, claim_link, end_links, use_link};
use cs_store::facts::UserRef;
use cs_store::phones::{attach_phone, remove_phone};
use cs_store::users::change_user;
use cs_store::visits::VisitKind;
use cs_store::{Job, Step};
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::gate::{Enrolling, NotNow, WhyNot};
use super::kept::Kept;
use super::key::NotSaved;
use super::link::{Link, LinkState};
use super::number::{CodeBy, KeptNumber, NumberFault};
use crate::admin::Actor;
use crate::admin::bypass::Giver;
use crate::admin::users::{UserChange, new_user};
use crate::enroll::new_phone;
use crate::letters::{About, Letter};
use crate::visit::{VisitSecret, Visiting, is_same};
use crate::{Access, AccountEntry, DeviceEvent, Engine, EngineError, MAX_ROUNDS, SystemRng};

/// How many recovery codes a person is given.
pub const RECOVERY_CODES: usize = 10;

/// The activity log's word for recovery codes that a user made.
pub const CODES_MADE: &str = "recovery_codes_created";
/// The activity log's word for a phone whose words were not those of the page.
pub const MISMATCH: &str = "activation_mismatch";

/// The letters and digits of an activation code: no look-alikes.
const CODE_ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const CODE_LENGTH: usize = 20;

/// How long a request waits for a phone.
const HOLD: std::time::Duration = std::time::Duration::from_secs(10);

/// What can be set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewFactor {
    /// The authenticator on a phone.
    Phone,
    /// A passkey or security key.
    Key(Wanted),
    /// A number that takes calls or messages.
    Number,
    /// Recovery codes; a backup only.
    Codes,
}

/// What a page sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnrollInput {
    /// Set this up; nothing goes back to the choice.
    Choose(Option<NewFactor>),
    /// Whether the phone shows the same words.
    Confirm(bool),
    /// What the browser made.
    Register {
        /// `JSON.stringify(credential.toJSON())`, as it came.
        response: String,
        /// What the person calls it.
        name: String,
    },
    /// A number, and how a code shall go there.
    Number {
        /// As it was typed.
        number: String,
        /// How.
        by: CodeBy,
    },
    /// The code that went there.
    Check(String),
    /// Set this up as well.
    Backup(NewFactor),
    /// The codes have been kept.
    Kept,
    /// Goes on without a backup.
    Skip,
}

impl EnrollInput {
    fn post(&self) -> Post {
        match self {
            Self::Choose(_) => Post::Choose,
            Self::Confirm(_) => Post::Confirm,
            Self::Register { .. } => Post::Register,
            Self::Number { .. } => Post::Number,
            Self::Check(_) => Post::Check,
            Self::Backup(_) => Post::Backup,
            Self::Kept => Post::Kept,
            Self::Skip => Post::Skip,
        }
    }
}

/// What becomes of it. In every other case the page shows where the enrollment stands.
#[derive(Debug)]
pub enum Enrolled {
    /// See the page.
    Moved,
    /// Recovery codes, to be shown this once.
    Codes(Vec<PlainCode>),
    /// The words were not the same: the phone is not bound.
    Mismatch,
    /// What the browser made was not accepted.
    NotSaved(NotSaved),
    /// Nobody enrolls here and now.
    Refused(NotNow),
}

/// What the page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnrollView {
    /// What shall it be?
    Choose {
        /// What the policies leave, the one to recommend first. Perhaps nothing.
        ways: Vec<NewFactor>,
    },
    /// Scan this.
    Phone {
        /// The activation code, made from the browser's secret, so that the page can be loaded again.
        code: String,
    },
    /// Are these words on the phone?
    Compare {
        /// The words.
        phrase: String,
        /// What the phone calls itself.
        device: String,
    },
    /// The browser is asked.
    Key {
        /// For what.
        wanted: Wanted,
        /// `PublicKeyCredentialCreationOptionsJSON`.
        options: String,
    },
    /// Which number?
    Number {
        /// How a code can go there.
        ways: Vec<CodeBy>,
        /// Why the last one was not taken.
        fault: Option<NumberFault>,
    },
    /// Which code?
    NumberCode {
        /// The number that it went to.
        number: String,
        /// Whether the last one typed was wrong.
        is_wrong: bool,
    },
    /// What if it is lost?
    Backup {
        /// What was just set up.
        added: String,
        /// What may be set up as well.
        ways: Vec<NewFactor>,
    },
    /// All is set up.
    Done {
        /// What.
        added: Vec<String>,
    },
    /// Nobody enrolls here and now.
    Refused(NotNow),
}

/// An enrollment under way, in the browser that it belongs to.
pub struct Enrollment {
    pub(super) visiting: Visiting,
    pub(super) kept: Kept,
}

impl Enrollment {
    /// Its id, part of its pages' addresses.
    pub fn id(&self) -> VisitId {
        self.visiting.row.id
    }

    /// The account.
    pub fn account(&self) -> &AccountEntry {
        &self.visiting.account
    }

    /// Who enrolls.
    pub fn username(&self) -> &str {
        &self.kept.username
    }

    /// Where it stands.
    pub fn at(&self) -> At {
        self.kept.at
    }

    /// How it began.
    pub fn origin(&self) -> Origin {
        self.kept.origin
    }

    /// What is set up.
    pub fn added(&self) -> &[Added] {
        &self.kept.added
    }

    /// The proof that goes along with every form of this step.
    pub fn step_token(&self) -> String {
        self.visiting.step_token()
    }

    /// Who it is.
    pub(super) fn enrolling(&self) -> Enrolling<'_> {
        Enrolling {
            account: self.account(),
            user: self.visiting.row.user,
            username: &self.kept.username,
            origin: self.kept.origin,
            application: self.kept.application,
            added: &self.kept.added,
        }
    }

    /// Where it is chosen what comes next.
    fn choice(&self) -> At {
        if self.kept.added.is_empty() { At::Choose } else { At::Backup }
    }

    pub(super) fn takes(&self, step: &str, post: Post) -> bool {
        is_same(&self.step_token(), step) && self.kept.at.takes(post, &self.kept.added)
    }

    /// The activation code of this step. Only the browser's secret can make it.
    fn code(&self) -> PlainCode {
        let bytes = self.visiting.secret.derive(&format!("activation:{}", self.visiting.row.version));
        let letters = bytes.iter().take(CODE_LENGTH).map(|byte| char::from(CODE_ALPHABET[usize::from(byte % 32)]));
        PlainCode::from_text(&letters.collect::<String>())
    }
}

impl Engine {
    /// Begins an enrollment with a link. Somebody whom the link is for and who was unknown is created.
    ///
    /// The link is not used up by this: it is when the first factor is set up. In the middle of a login `back` names the application, whose policies say what may be set
    /// up, and whatever is needed to get back there.
    pub async fn open_enrollment(
        &self,
        account: &AccountEntry,
        link: &Link,
        back: Option<(IntegrationKey, Json)>,
        access: &Access,
    ) -> Result<Result<(VisitId, VisitSecret), NotNow>, EngineError> {
        let origin = match link.row.origin {
            LinkOrigin::Invitation => Origin::Invitation,
            LinkOrigin::Login => Origin::Login,
        };
        if link.state != LinkState::Good {
            let Some(user) = link.row.user else {
                return Ok(Err(NotNow { why: WhyNot::Link(link.state), reference: String::new() }));
            };
            let (username, application, added) = (&*link.row.username, None, &[][..]);
            let who = Enrolling { account, user, username, origin, application, added };
            return Ok(Err(self.not_now(&who, WhyNot::Link(link.state), "", access).await?));
        }
        let user = match link.row.user {
            Some(user) => user,
            None => self.user_for_link(account.id, link).await?,
        };
        let username = &link.row.username;
        self.begin_enrollment(account, (user, username), origin, Some(link.row.digest), back, access).await
    }

    /// Begins to add a device in the portal, which was entered with the factor `method` at `factor_at`.
    pub(crate) async fn add_device(
        &self,
        account: &AccountEntry,
        user: (UserId, &str),
        factor_at: Timestamp,
        method: Method,
        access: &Access,
    ) -> Result<Result<(VisitId, VisitSecret), NotNow>, EngineError> {
        self.begin_enrollment(account, user, Origin::Portal { factor_at, method }, None, None, access).await
    }

    async fn begin_enrollment(
        &self,
        account: &AccountEntry,
        (user, username): (UserId, &str),
        origin: Origin,
        link: Option<[u8; 32]>,
        back: Option<(IntegrationKey, Json)>,
        access: &Access,
    ) -> Result<Result<(VisitId, VisitSecret), NotNow>, EngineError> {
        let (application, back) = back.unzip();
        let who = Enrolling { account, user, username, origin, application, added: &[] };
        let user = match self.let_enroll(&who, access).await? {
            Ok(user) => user,
            Err(not) => return Ok(Err(not)),
        };
        let kept = Kept {
            origin,
            link: link.map(|digest| HEXLOWER.encode(&digest)),
            application,
            back,
            username: user.username.clone(),
            at: At::Choose,
            added: Vec::new(),
            number: None,
        };
        Ok(Ok(self.begin_visit(account.id, VisitKind::Enrollment, user.id, kept.to_text(), VISIT_TTL).await?))
    }

    /// The enrollment `id`, if `secret` is its browser's.
    pub async fn enrollment(
        &self,
        account: &AccountEntry,
        id: VisitId,
        secret: VisitSecret,
    ) -> Result<Option<Enrollment>, EngineError> {
        let Some(visiting) = self.visiting(account, VisitKind::Enrollment, id, secret).await? else { return Ok(None) };
        let kept = Kept::read(&visiting.row.state).ok_or_else(|| {
            EngineError::Internal(cs_store::StoreError::Corrupt { table: "visit", id: id.to_string() })
        })?;
        Ok(Some(Enrollment { visiting, kept }))
    }

    /// Takes what a page of this step sends. Where it has no place, nothing happens: the next page shows where the enrollment stands.
    pub async fn post_enrollment(
        &self,
        enrollment: &mut Enrollment,
        step: &str,
        input: EnrollInput,
        access: &Access,
    ) -> Result<Enrolled, EngineError> {
        for _ in 1..MAX_ROUNDS {
            match self.take_post(enrollment, step, &input, access).await {
                // The user was changed meanwhile: by the phone itself, which tells of its push subscription, or by another window.
                Err(EngineError::Contention) => {}
                taken => return taken,
            }
        }
        self.take_post(enrollment, step, &input, access).await
    }

    async fn take_post(
        &self,
        enrollment: &mut Enrollment,
        step: &str,
        input: &EnrollInput,
        access: &Access,
    ) -> Result<Enrolled, EngineError> {
        if !enrollment.takes(step, input.post()) {
            return Ok(Enrolled::Moved);
        }
        let user = match self.let_enroll(&enrollment.enrolling(), access).await? {
            Ok(user) => user,
            Err(not) => return Ok(Enrolled::Refused(not)),
        };
        if let Some(end) = self.link_end(enrollment).await? {
            let not = self.not_now(&enrollment.enrolling(), WhyNot::Link(end), "", access).await?;
            return Ok(Enrolled::Refused(not));
        }
        let chosen = match input {
            EnrollInput::Choose(chosen) => *chosen,
            EnrollInput::Backup(chosen) => Some(*chosen),
            EnrollInput::Confirm(true) => Some(NewFactor::Phone),
            EnrollInput::Number { .. } | EnrollInput::Check(_) => Some(NewFactor::Number),
            EnrollInput::Confirm(false) | EnrollInput::Register { .. } | EnrollInput::Kept | EnrollInput::Skip => None,
        };
        if let Some(factor) = chosen.filter(|factor| *factor != NewFactor::Codes)
            && !self.new_factors(enrollment, &user).await?.contains(&factor)
        {
            // Gone since the page was shown, or made up.
            return Ok(Enrolled::Moved);
        }
        match input {
            EnrollInput::Choose(Some(NewFactor::Phone)) | EnrollInput::Backup(NewFactor::Phone) => {
                self.await_phone(enrollment, &user).await
            }
            EnrollInput::Choose(Some(NewFactor::Key(wanted))) | EnrollInput::Backup(NewFactor::Key(wanted)) => {
                self.move_on(enrollment, At::Key(*wanted), None, Job::new()).await
            }
            EnrollInput::Choose(Some(NewFactor::Number)) | EnrollInput::Backup(NewFactor::Number) => {
                enrollment.kept.number = None;
                self.move_on(enrollment, At::Number, None, Job::new()).await
            }
            EnrollInput::Number { number, by } => {
                let ways = self.new_number_ways(enrollment, &user).await?;
                match ways.contains(by) {
                    true => self.send_number_code(enrollment, &user, number, *by).await,
                    false => Ok(Enrolled::Moved),
                }
            }
            EnrollInput::Check(typed) => self.check_number_code(enrollment, &user, typed, access).await,
            // Codes alone would be spent one day, and nothing left.
            EnrollInput::Choose(None | Some(NewFactor::Codes)) => self.leave_phone(enrollment, &user).await,
            EnrollInput::Backup(NewFactor::Codes) => self.give_codes(enrollment, &user, access).await,
            EnrollInput::Confirm(true) => self.confirm_phone(enrollment, &user, access).await,
            EnrollInput::Confirm(false) => self.reject_phone(enrollment, &user, access).await,
            EnrollInput::Register { response, name } => self.register_key(enrollment, response, name, access).await,
            EnrollInput::Kept | EnrollInput::Skip => self.move_on(enrollment, At::Done, None, Job::new()).await,
        }
    }

    /// Waits until the phone has answered, a while at most. True while it has not.
    pub async fn wait_enrollment(&self, enrollment: &Enrollment, step: &str) -> Result<bool, EngineError> {
        let At::Phone(phone) = enrollment.kept.at else { return Ok(false) };
        if !enrollment.takes(step, Post::Wait) {
            return Ok(false);
        }
        let account = enrollment.account().id;
        // Before looking, so that nothing falls in between.
        let mut news = self.hub().subscribe(account, phone);
        if self.store().unconfirmed(account, phone).await?.is_some() {
            return Ok(false);
        }
        // A binding is told as the end of whatever was bound before; if the word got lost, the page asks again.
        let _ = tokio::time::timeout(HOLD, news.recv()).await;
        Ok(self.store().unconfirmed(account, phone).await?.is_none())
    }

    /// What the page of this step shows.
    pub async fn enrollment_view(&self, enrollment: &Enrollment, access: &Access) -> Result<EnrollView, EngineError> {
        let (account, kept) = (enrollment.account(), &enrollment.kept);
        let may = match kept.at {
            // What is done is done.
            At::Done => {
                let may = self.enrolling(account, enrollment.visiting.row.user, kept.origin, &kept.added).await?;
                let Ok(user) = may else { return Ok(EnrollView::Done { added: Vec::new() }) };
                Ok(user)
            }
            At::Choose | At::Phone(_) | At::Key(_) | At::Number | At::NumberCode | At::Backup => {
                self.let_enroll(&enrollment.enrolling(), access).await?
            }
        };
        let user = match may {
            Ok(user) => user,
            Err(not) => return Ok(EnrollView::Refused(not)),
        };
        if let Some(end) = self.link_end(enrollment).await? {
            let not = self.not_now(&enrollment.enrolling(), WhyNot::Link(end), "", access).await?;
            return Ok(EnrollView::Refused(not));
        }
        let named = |added: &Added| match added {
            Added::Phone(id) => name_of(&user, *id),
            Added::Key(key) => user.credentials.iter().find(|one| one.key == *key).map(Credential::display_name),
            Added::Codes => None,
        };
        let ways = self.new_factors(enrollment, &user).await?;
        Ok(match kept.at {
            At::Choose => EnrollView::Choose { ways },
            // Given up for another one, in another window.
            At::Phone(phone) if !user.phones.iter().any(|one| one.id == phone) => EnrollView::Choose { ways },
            At::Phone(phone) => match self.store().unconfirmed(account.id, phone).await? {
                Some(waiting) => EnrollView::Compare { phrase: waiting.phrase, device: waiting.name },
                None => EnrollView::Phone { code: enrollment.code().expose().to_owned() },
            },
            At::Key(wanted) => match self.creation_request(enrollment, &user, wanted).await? {
                Some(options) => EnrollView::Key { wanted, options },
                // Not allowed any more.
                None => EnrollView::Choose { ways },
            },
            At::Number => EnrollView::Number {
                ways: self.new_number_ways(enrollment, &user).await?,
                fault: kept.number.as_ref().and_then(|number| number.fault),
            },
            At::NumberCode => EnrollView::NumberCode {
                number: kept.number.as_ref().map(|number| number.number.clone()).unwrap_or_default(),
                is_wrong: kept.number.as_ref().is_some_and(KeptNumber::is_wrong),
            },
            At::Backup => EnrollView::Backup {
                added: kept.added.iter().rev().find_map(named).unwrap_or_default(),
                ways: ways.into_iter().chain([NewFactor::Codes]).collect(),
            },
            At::Done => EnrollView::Done { added: kept.added.iter().filter_map(named).collect() },
        })
    }

    /// What may be set up: what the policies that are in force have a use for.
    async fn new_factors(&self, enrollment: &Enrollment, user: &User) -> Result<Vec<NewFactor>, EngineError> {
        let caller = self.enrollment_caller(enrollment).await?;
        let rules = self.rules(&caller, self.clock().now()).await?;
        let section = *rules.effective(Some(user)).authentication_methods.value;
        let mut factors = Vec::new();
        if section.allows(Method::DuoPush) || section.allows(Method::DuoPasscode) {
            factors.push(NewFactor::Phone);
        }
        if user.credentials.len() < MAX_CREDENTIALS_PER_USER {
            let offered = Wanted::ALL.into_iter().filter(|wanted| wanted.is_offered(|method| section.allows(method)));
            factors.extend(offered.map(NewFactor::Key));
        }
        if !self.ways_to_number(|method| section.allows(method)).is_empty() {
            factors.push(NewFactor::Number);
        }
        Ok(factors)
    }

    /// How a code can go to a new number.
    async fn new_number_ways(&self, enrollment: &Enrollment, user: &User) -> Result<Vec<CodeBy>, EngineError> {
        let caller = self.enrollment_caller(enrollment).await?;
        let rules = self.rules(&caller, self.clock().now()).await?;
        let section = *rules.effective(Some(user)).authentication_methods.value;
        Ok(self.ways_to_number(|method| section.allows(method)))
    }

    /// How the link ended that `enrollment` hangs on: one with which nothing was set up yet.
    pub(super) async fn link_end(&self, enrollment: &Enrollment) -> Result<Option<LinkState>, EngineError> {
        let Some(digest) = enrollment.kept.link_digest().filter(|_| enrollment.kept.added.is_empty()) else {
            return Ok(None);
        };
        let link = self.link_of(enrollment.account().id, &digest).await?;
        let state = link.map_or(LinkState::Expired, |link| link.state);
        Ok((state != LinkState::Good).then_some(state))
    }

    /// Whose a link is that was made for somebody unknown: who has the name by now, or a new user.
    async fn user_for_link(&self, account: AccountId, link: &Link) -> Result<UserId, EngineError> {
        let now = self.clock().now();
        for _ in 0..MAX_ROUNDS {
            let known = self.store().user_facts(account, UserRef::Name(&link.row.username), None, now).await?;
            if let Some(known) = known {
                return Ok(known.user.id);
            }
            let giver = Giver { actor: &Actor::System, rules: BypassRules::default() };
            let (user, job) = new_user(account, giver, &link.row.username, &UserChange::default(), now)?;
            if self.apply(job.step(claim_link(account, &link.row.digest, user.id))).await?.is_none() {
                return Ok(user.id);
            }
        }
        Err(EngineError::Contention)
    }

    /// What must not be taken for the phone that is awaited: phones that an earlier try, or somebody else with the same link, has left. The steps that remove
    /// them follow the one that holds the user.
    async fn remove_left_over(
        &self,
        job: &mut Job,
        enrollment: &Enrollment,
        user: &User,
        but: Option<PhoneId>,
    ) -> Result<Vec<PhoneId>, EngineError> {
        let account = enrollment.account().id;
        let mut left = self.store().left_over_phones(account, user.id).await?;
        left.retain(|phone| Some(*phone) != but);
        for phone in &left {
            job.guards.extend(remove_phone(account, *phone));
        }
        Ok(left)
    }

    /// Tells whoever waits for these phones that they are no more.
    fn tell_removed(&self, account: AccountId, phones: &[PhoneId]) {
        for phone in phones {
            self.hub().publish(account, *phone, DeviceEvent::Unbound);
        }
    }

    async fn await_phone(&self, enrollment: &mut Enrollment, user: &User) -> Result<Enrolled, EngineError> {
        let (account, now) = (enrollment.account().id, self.clock().now());
        // The user comes first and as they were seen: whoever enrolls in two windows goes on in one of them.
        let mut job = Job::new().step(change_user(account, user));
        let left = self.remove_left_over(&mut job, enrollment, user, None).await?;
        let new = new_phone(now);
        let ([hold, attach], phone) = (attach_phone(account, user.id, new.id), new.id);
        job = job.step(new.insert(account)).step(hold).step(attach);
        // Of the step that comes now.
        enrollment.visiting.row.version += 1;
        let code = enrollment.code();
        enrollment.visiting.row.version -= 1;
        let activate = self.page_activation(account, user.id, phone, &code, enrollment.visiting.row.expires_at, now)?;
        let moved = self.move_on(enrollment, At::Phone(phone), None, job.and(activate)).await?;
        if enrollment.kept.at == At::Phone(phone) {
            self.tell_removed(account, &left);
        }
        Ok(moved)
    }

    /// Back to the choice. The phone that was awaited is not awaited any more, and its code is void.
    async fn leave_phone(&self, enrollment: &mut Enrollment, user: &User) -> Result<Enrolled, EngineError> {
        let account = enrollment.account().id;
        let mut job = Job::new();
        let mut left = Vec::new();
        if matches!(enrollment.kept.at, At::Phone(_)) {
            job = job.step(change_user(account, user));
            left = self.remove_left_over(&mut job, enrollment, user, None).await?;
        }
        let at = enrollment.choice();
        let moved = self.move_on(enrollment, at, None, job).await?;
        if enrollment.kept.at == at {
            self.tell_removed(account, &left);
        }
        Ok(moved)
    }

    async fn confirm_phone(
        &self,
        enrollment: &mut Enrollment,
        user: &User,
        access: &Access,
    ) -> Result<Enrolled, EngineError> {
        let At::Phone(phone) = enrollment.kept.at else { return Ok(Enrolled::Moved) };
        let (account, now) = (enrollment.account().id, self.clock().now());
        let Some(waiting) = self.store().unconfirmed(account, phone).await? else { return Ok(Enrolled::Moved) };
        let mut job = Job::new().step(change_user(account, user)).step(confirm(account, phone, now));
        if let (Some(link), true) = (enrollment.kept.link_digest(), enrollment.kept.added.is_empty()) {
            job = job.step(use_link(account, &link, now));
        }
        job = job.step(end_links(account, user.id));
        let left = self.remove_left_over(&mut job, enrollment, user, Some(phone)).await?;
        let body = json!({"device": phone.as_str()});
        job = job.log(self.self_record(account, user, "device_confirmed", &body, access, now));
        job.effects.extend(self.notice(enrollment.account(), user, About::DeviceAdded, &waiting.name, now)?);
        let mut added = enrollment.kept.added.clone();
        added.push(Added::Phone(phone));
        let at = At::after_device(enrollment.kept.origin, &added);
        let moved = self.move_on(enrollment, at, Some(Added::Phone(phone)), job).await?;
        if enrollment.kept.at == at {
            self.tell_removed(account, &left);
        }
        Ok(moved)
    }

    async fn reject_phone(
        &self,
        enrollment: &mut Enrollment,
        user: &User,
        access: &Access,
    ) -> Result<Enrolled, EngineError> {
        let At::Phone(phone) = enrollment.kept.at else { return Ok(Enrolled::Moved) };
        let (account, now) = (enrollment.account().id, self.clock().now());
        if self.store().unconfirmed(account, phone).await?.is_none() {
            return Ok(Enrolled::Moved);
        }
        let body = json!({"device": phone.as_str()});
        let record = self.self_record(account, user, MISMATCH, &body, access, now);
        let mut job = Job::new().step(change_user(account, user)).log(record);
        job.guards.extend(remove_phone(account, phone));
        let at = enrollment.choice();
        let moved = self.move_on(enrollment, at, None, job).await?;
        if enrollment.kept.at == at {
            self.tell_removed(account, &[phone]);
        }
        Ok(match moved {
            Enrolled::Moved if enrollment.kept.at == at => Enrolled::Mismatch,
            other => other,
        })
    }

    async fn give_codes(
        &self,
        enrollment: &mut Enrollment,
        user: &User,
        access: &Access,
    ) -> Result<Enrolled, EngineError> {
        let (codes, job) = self.recovery_codes(enrollment.account(), user, access)?;
        let is_first = !enrollment.kept.added.contains(&Added::Codes);
        let version = enrollment.visiting.row.version;
        self.move_on(enrollment, At::Backup, is_first.then_some(Added::Codes), job).await?;
        // Whoever came second has seen nothing.
        Ok(if enrollment.visiting.row.version > version { Enrolled::Codes(codes) } else { Enrolled::Moved })
    }

    /// New recovery codes of `user`, and the job that makes them and voids those before.
    pub(crate) fn recovery_codes(
        &self,
        account: &AccountEntry,
        user: &User,
        access: &Access,
    ) -> Result<(Vec<PlainCode>, Job), EngineError> {
        let (id, now) = (account.id, self.clock().now());
        let mut job = Job::new().step(touch_user(id, user.id)).step(remove_recovery_codes(id, user.id));
        let mut codes: Vec<PlainCode> = Vec::with_capacity(RECOVERY_CODES);
        while codes.len() < RECOVERY_CODES {
            let code = PlainCode::decimal(BYPASS_CODE_DIGITS, &mut SystemRng);
            if codes.iter().any(|other| other.expose() == code.expose()) {
                continue;
            }
            let record = BypassCodeRecord {
                id: BypassCodeId::generate(&mut SystemRng),
                user: user.id,
                created_at: now,
                created_by: String::new(),
                reason: Some("recovery code".to_owned()),
                expires_at: None,
                uses_left: Some(1),
            };
            job = job.step(record.insert(id, &self.bypass_digest(id, code.expose())?));
            job = job.step(mark_recovery(id, user.id, record.id));
            codes.push(code);
        }
        let record = self.self_record(id, user, CODES_MADE, &json!({"count": codes.len()}), access, now);
        job = job.log(record);
        job.effects.extend(self.notice(account, user, About::RecoveryCodes, "", now)?);
        Ok((codes, job))
    }

    /// Goes on to `at`, together with `earned`. If the enrollment has gone on otherwise meanwhile, or its link has ended, nothing happens.
    ///
    /// Fails with [`EngineError::Contention`] if it could be tried again.
    pub(super) async fn move_on(
        &self,
        enrollment: &mut Enrollment,
        at: At,
        added: Option<Added>,
        earned: Job,
    ) -> Result<Enrolled, EngineError> {
        let mut kept = enrollment.kept.clone();
        kept.at = at;
        kept.added.extend(added);
        let text = kept.to_text();
        let step: Step = enrollment.visiting.row.go_on(&text, self.clock().now());
        if self.holds(earned.step(step)).await? {
            enrollment.visiting.row.version += 1;
            enrollment.visiting.row.state = text;
            enrollment.kept = kept;
            return Ok(Enrolled::Moved);
        }
        let row = self.store().visit(enrollment.account().id, enrollment.id()).await?;
        if row.is_none_or(|row| row.version != enrollment.visiting.row.version) {
            return Ok(Enrolled::Moved);
        }
        // Looked at once more, it says so if its link has ended.
        Err(EngineError::Contention)
    }

    /// An entry of the activity log about what users do with their own devices.
    pub(crate) fn self_record(
        &self,
        account: AccountId,
        user: &User,
        what: &str,
        body: &Json,
        access: &Access,
        now: Timestamp,
    ) -> LogRecord {
        let id = cs_core::id::TxId::at(now, &mut SystemRng).to_string();
        let mut record = LogRecord::new(account.as_str(), LogKind::Activity, id, now);
        record.user_id = Some(user.id.to_string());
        record.result = Some(what.to_owned());
        record.body = body.to_string();
        record.personal = Some(json!({"username": user.username, "access_ip": access.address}).to_string());
        record
    }

    /// The letter that tells `user` of a change, of `device` if it is one; `None` where no mail can be sent or nobody knows where to.
    pub(crate) fn notice(
        &self,
        account: &AccountEntry,
        user: &User,
        about: About,
        device: &str,
        now: Timestamp,
    ) -> Result<Option<cs_store::outbox::Effect>, EngineError> {
        self.notice_from(account, user, about, device, None, now)
    }

    /// The same of what was asked for from `address`.
    pub(crate) fn notice_from(
        &self,
        account: &AccountEntry,
        user: &User,
        about: About,
        device: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<Option<cs_store::outbox::Effect>, EngineError> {
        if user.email.is_empty() {
            return Ok(None);
        }
        let letter = Letter::notice(account, &user.email, &user.username, about, device, address, now);
        self.letter(account.id, &letter, now)
    }
}

fn name_of(user: &User, phone: PhoneId) -> Option<String> {
    user.phones.iter().find(|one| one.id == phone).map(Phone::display_name)
}
