//! Users from a list: looked at as a whole first, then made one by one, each whole or not at all.

use std::collections::{HashMap, HashSet};

use cs_core::id::{AccountId, GroupId, UserId};
use cs_core::username::{Username, UsernameNormalization};
use cs_store::Job;
use cs_store::facts::UserRef;
use cs_store::groups::add_member;
use cs_store::phones::{PhoneRecord, attach_phone};
use cs_store::users::Slice;
use jiff::Timestamp;

use super::bypass::Giver;
use super::phones::PhoneChange;
use super::users::{UserChange, new_user};
use super::{Actor, is_email};
use crate::enroll::new_phone;
use crate::enrollment::is_active;
use crate::{Engine, EngineError};

/// The most users of one list.
pub const MAX_IMPORT: usize = 100_000;
/// The most groups that names are looked for among.
const MOST_GROUPS: u64 = 100_000;

/// A user as a list has them. What is empty is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportUser {
    /// Where in the list: 1 for its first line.
    pub line: usize,
    /// The name.
    pub username: String,
    /// The address.
    pub email: String,
    /// Full name.
    pub realname: String,
    /// Groups by name, which must be there.
    pub groups: Vec<String>,
    /// The number of a phone.
    pub number: String,
    /// The platform of a phone.
    pub platform: String,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportFault {
    /// Which.
    pub line: usize,
    /// What, for people.
    pub problem: String,
}

/// A list that was looked at.
#[derive(Debug, Default)]
pub struct ImportPlan {
    /// Whom it would make.
    pub new: Vec<PlannedUser>,
    /// Whom there is already, by line and name: left as they are.
    pub known: Vec<(usize, String)>,
    /// Who of those waits for an invitation: they have neither a factor nor a link that is good, and an address. Line, name and the list's address.
    pub uninvited: Vec<(usize, String, String)>,
    /// What is wrong. Nobody is to be made while there is anything.
    pub faults: Vec<ImportFault>,
}

/// A user to be made, in whom nothing was found wrong.
#[derive(Debug)]
pub struct PlannedUser {
    user: ImportUser,
    groups: Vec<GroupId>,
}

impl PlannedUser {
    /// As the list has them.
    pub fn user(&self) -> &ImportUser {
        &self.user
    }
}

impl Engine {
    /// Looks at a list and changes nothing. Every line is looked at, so that all that is wrong can be mended at once.
    pub async fn plan_import(&self, account: AccountId, list: Vec<ImportUser>) -> Result<ImportPlan, EngineError> {
        if list.len() > MAX_IMPORT {
            return Err(EngineError::Invalid("users"));
        }
        let groups = self.store().reader().groups(account, None, Slice { offset: 0, limit: MOST_GROUPS }).await?;
        let groups: HashMap<String, GroupId> = groups.items.into_iter().map(|group| (group.name, group.id)).collect();
        let (mut plan, mut seen, now) = (ImportPlan::default(), HashMap::new(), self.clock().now());
        for user in list {
            let mut faults = faults_of(&user, &groups);
            let Ok(name) = Username::parse(&user.username) else {
                plan.faults.append(&mut faults);
                continue;
            };
            let key = name.key(UsernameNormalization::None);
            if let Some(first) = seen.insert(key.as_str().to_owned(), user.line) {
                faults.push(ImportFault { line: user.line, problem: format!("the same username as line {first}") });
            }
            if !faults.is_empty() {
                plan.faults.append(&mut faults);
            } else if let Some(known) = self.store().user_facts(account, UserRef::Name(key.as_str()), None, now).await?
            {
                let known = known.user;
                let has_email = !user.email.is_empty() || is_email(&known.email);
                if has_email
                    && !known.is_enrolled()
                    && is_active(&known, now)
                    && !self.store().is_invited(account, known.id, now).await?
                {
                    plan.uninvited.push((user.line, user.username.clone(), user.email));
                }
                plan.known.push((user.line, user.username));
            } else {
                let ids: HashSet<GroupId> = user.groups.iter().filter_map(|name| groups.get(name).copied()).collect();
                plan.new.push(PlannedUser { user, groups: ids.into_iter().collect() });
            }
        }
        Ok(plan)
    }

    /// Makes one user of a plan, with phone and groups, in one commit.
    ///
    /// Fails with [`EngineError::Exists`] if there is one of that name by now, or a group is gone.
    pub async fn import_user(
        &self,
        account: AccountId,
        actor: &Actor,
        planned: &PlannedUser,
    ) -> Result<UserId, EngineError> {
        let (now, user) = (self.clock().now(), &planned.user);
        let given = |text: &String| (!text.is_empty()).then(|| text.clone());
        let change = UserChange { email: given(&user.email), realname: given(&user.realname), ..UserChange::default() };
        let giver = Giver { actor, rules: self.bypass_rules(account).await? };
        let (made, mut job) = new_user(account, giver, &user.username, &change, now)?;
        if let Some(phone) = phone_of(user, now)? {
            let [hold, attach] = attach_phone(account, made.id, phone.id);
            job = job.step(phone.insert(account)).step(hold).step(attach);
        }
        for group in &planned.groups {
            let [hold, add] = add_member(account, made.id, *group);
            job = job.step(hold).step(add);
        }
        match self.apply(Job::new().and(job)).await? {
            None => Ok(made.id),
            Some(_) => Err(EngineError::Exists("username")),
        }
    }
}

/// The user's phone, if the list tells of one.
fn phone_of(user: &ImportUser, now: Timestamp) -> Result<Option<PhoneRecord>, EngineError> {
    if user.number.is_empty() && user.platform.is_empty() {
        return Ok(None);
    }
    let given = |text: &String| (!text.is_empty()).then(|| text.clone());
    let mut phone = new_phone(now);
    let change = PhoneChange { number: given(&user.number), platform: given(&user.platform), ..PhoneChange::default() };
    change.write(&mut phone)?;
    Ok(Some(phone))
}

fn faults_of(user: &ImportUser, groups: &HashMap<String, GroupId>) -> Vec<ImportFault> {
    let mut faults = Vec::new();
    let mut fault = |problem: String| faults.push(ImportFault { line: user.line, problem });
    if user.username.is_empty() {
        fault("no username".to_owned());
    } else if Username::parse(&user.username).is_err() {
        fault("the username has characters that names cannot have, or is too long".to_owned());
    }
    if !user.email.is_empty() && !is_email(&user.email) {
        fault("the email is not an address".to_owned());
    }
    if user.realname.chars().count() > 200 || user.realname.chars().any(char::is_control) {
        fault("the name is too long or has characters that cannot be seen".to_owned());
    }
    if let Err(EngineError::Invalid(field)) = phone_of(user, Timestamp::UNIX_EPOCH) {
        fault(format!("the {field} of the phone cannot be"));
    }
    for name in user.groups.iter().filter(|name| !groups.contains_key(*name)) {
        fault(format!("there is no group {name:?}"));
    }
    faults
}
