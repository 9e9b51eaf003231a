//! The enrollment in a browser: choose, do it, a backup, done.

use cs_core::device::Phone;
use cs_core::enrollment::{Added, At, Origin, Post};
use cs_core::id::{PhoneId, VisitId};
use cs_core::policy::Method;
use cs_core::secret::PlainCode;
use cs_core::user::User;
use cs_core::webauthn::{Credential, MAX_CREDENTIALS_PER_USER, Wanted};
use cs_store::{Job, Step};

use super::gate::{Enrolling, WhyNot};
use super::kept::Kept;
use super::number::{CodeBy, KeptNumber};
use super::pages::{EnrollInput, EnrollView, Enrolled, NewFactor};
use crate::visit::{Visiting, is_same};
use crate::{Access, AccountEntry, Engine, EngineError, MAX_ROUNDS};

/// The letters and digits of an activation code: no look-alikes.
const CODE_ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const CODE_LENGTH: usize = 20;

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
    pub(super) fn choice(&self) -> At {
        if self.kept.added.is_empty() { At::Choose } else { At::Backup }
    }

    pub(super) fn takes(&self, step: &str, post: Post) -> bool {
        is_same(&self.step_token(), step) && self.kept.at.takes(post, &self.kept.added)
    }

    /// The activation code of this step. Only the browser's secret can make it.
    pub(super) fn code(&self) -> PlainCode {
        let bytes = self.visiting.secret.derive(&format!("activation:{}", self.visiting.row.version));
        let letters = bytes.iter().take(CODE_LENGTH).map(|byte| char::from(CODE_ALPHABET[usize::from(byte % 32)]));
        PlainCode::from_text(&letters.collect::<String>())
    }
}

impl Engine {
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
}

fn name_of(user: &User, phone: PhoneId) -> Option<String> {
    user.phones.iter().find(|one| one.id == phone).map(Phone::display_name)
}
