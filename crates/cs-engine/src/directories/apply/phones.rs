//! Numbers of a directory as phones here.

use std::collections::BTreeSet;

use cs_core::directory::Act;
use cs_core::id::UserId;
use cs_store::Job;
use cs_store::directories::UserLink;
use cs_store::phones::{PhoneRecord, attach_phone, detach_phone, remove_phone};
use cs_store::users::touch_user;

use super::Applying;
use crate::EngineError;
use crate::enroll::new_phone;

impl Applying<'_> {
    /// Phones for numbers that are new, and none for those that are gone.
    ///
    /// A phone on which the person has set up an authenticator stays theirs: it gets a new number if there is one, and none otherwise, for the old one may be a
    /// stranger's tomorrow. A phone that administrators have given to others too stays with them.
    pub(super) async fn phones(&self, act: &Act, link: &mut UserLink, mut job: Job) -> Result<Job, EngineError> {
        let mut new = act.wanted.new_numbers.clone();
        if !act.wanted.old_numbers.is_empty() {
            for phone in self.phones_of_old_numbers(act, link).await? {
                job.guards.extend(self.old_phone(act.user, phone, link, &mut new).await?.guards);
            }
            job = job.step(touch_user(self.account, act.user));
        }
        for number in new {
            let mut phone = new_phone(self.now());
            phone.number = number;
            let [hold, attach] = attach_phone(self.account, act.user, phone.id);
            job = job.step(phone.insert(self.account)).step(hold).step(attach);
            link.phones.push(phone.id);
        }
        Ok(job)
    }

    async fn phones_of_old_numbers(&self, act: &Act, link: &UserLink) -> Result<Vec<PhoneRecord>, EngineError> {
        let reader = self.engine.store().reader();
        let mut phones = reader.phones_of(self.account, &[act.user]).await?.remove(&act.user).unwrap_or_default();
        phones.retain(|phone| link.phones.contains(&phone.id) && act.wanted.old_numbers.contains(&phone.number));
        Ok(phones)
    }

    /// What becomes of a phone whose number the directory no longer has.
    async fn old_phone(
        &self,
        user: UserId,
        mut phone: PhoneRecord,
        link: &mut UserLink,
        new: &mut BTreeSet<String>,
    ) -> Result<Job, EngineError> {
        let account = self.account;
        let is_shared = self.engine.store().users_of_phone(account, phone.id).await?.len() > 1;
        let mut job = Job::new();
        match (phone.authenticator.is_some(), is_shared) {
            (true, false) => {
                if let Some(number) = new.pop_first() {
                    phone.number = number;
                    return Ok(job.step(phone.update(account)));
                }
                phone.number = String::new();
                job = job.step(phone.update(account));
            }
            (false, false) => job.guards.extend(remove_phone(account, phone.id)),
            (false, true) => job.guards.extend(detach_phone(account, user, phone.id)),
            (true, true) => {}
        }
        link.phones.retain(|id| *id != phone.id);
        Ok(job)
    }
}
