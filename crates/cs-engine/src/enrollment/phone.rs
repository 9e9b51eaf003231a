//! The authenticator on a phone: awaited, compared, confirmed or rejected.

use cs_core::enrollment::{Added, At, Post};
use cs_core::id::{AccountId, PhoneId};
use cs_core::user::User;
use cs_store::Job;
use cs_store::authenticators::confirm;
use cs_store::enrollment_links::{end_links, use_link};
use cs_store::phones::{attach_phone, remove_phone};
use cs_store::users::change_user;
use serde_json::json;

use super::pages::Enrolled;
use super::wizard::Enrollment;
use crate::enroll::new_phone;
use crate::letters::About;
use crate::{Access, DeviceEvent, Engine, EngineError};

/// The activity log's word for a phone whose words were not those of the page.
pub const MISMATCH: &str = "activation_mismatch";

/// How long a request waits for a phone.
const HOLD: std::time::Duration = std::time::Duration::from_secs(10);

impl Engine {
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

    pub(super) async fn await_phone(&self, enrollment: &mut Enrollment, user: &User) -> Result<Enrolled, EngineError> {
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
    pub(super) async fn leave_phone(&self, enrollment: &mut Enrollment, user: &User) -> Result<Enrolled, EngineError> {
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

    pub(super) async fn confirm_phone(
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

    pub(super) async fn reject_phone(
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
}
