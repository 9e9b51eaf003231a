//! What is in force for one user at one application, and from which policy each section comes.

use cs_core::group::Membership;
use cs_core::id::{AccountId, IntegrationKey, PolicyKey, UserId};
use cs_core::policy::{Complete, Level, Section, Word as _};

use super::error::PolicyError;
use crate::{Engine, EngineError};

/// The policies in force and what they come to.
#[derive(Debug)]
pub struct Calculated {
    /// Highest level first; those that decide no section are there too.
    pub elements: Vec<Element>,
    /// Every section in force.
    pub sections: Complete,
}

/// One policy of those in force.
#[derive(Debug, PartialEq, Eq)]
pub struct Element {
    /// Where it stands.
    pub level: Level,
    /// Which policy; none for the application's own older settings.
    pub policy: Option<(PolicyKey, String)>,
    /// The sections it decides.
    pub sections: Vec<Section>,
}

const LEVELS: [Level; 5] =
    [Level::ApplicationGroup, Level::Application, Level::ApplicationSetting, Level::Group, Level::Global];

impl Engine {
    /// What is in force for `user` at the application `key`.
    pub async fn calculate_policy(
        &self,
        account: AccountId,
        key: IntegrationKey,
        user: UserId,
    ) -> Result<Calculated, PolicyError> {
        let no_application = || PolicyError::NoSuch { what: "application", given: key.to_string() };
        let integration = self.directory().integration(account, key).await?.ok_or_else(no_application)?;
        let account = self.directory().account(account).await?.ok_or(EngineError::NotFound)?;
        if self.store().user_record(account.id, user).await?.is_none() {
            return Err(PolicyError::NoSuch { what: "user", given: user.to_string() });
        }
        let groups = self.store().reader().groups_of(account.id, &[user]).await?.remove(&user).unwrap_or_default();
        let groups: Vec<Membership> = groups
            .into_iter()
            .map(|group| Membership {
                group: group.id,
                name: group.name,
                status: group.status,
                bypass_until: group.bypass.and_then(|bypass| bypass.term.until),
            })
            .collect();
        let book = self.directory().policies(&account, self.clock().now()).await?;
        let stack = book.stack_for(&integration);
        let effective = stack.effective_for(user, &groups);
        let elements = LEVELS.into_iter().filter_map(|level| {
            let sections: Vec<Section> =
                Section::ALL.iter().copied().filter(|section| effective.level_of(*section) == level).collect();
            let policy = effective.policy(level).map(|policy| (policy.key, policy.name.to_owned()));
            let is_there = policy.is_some() || !sections.is_empty();
            is_there.then_some(Element { level, policy, sections })
        });
        Ok(Calculated { elements: elements.collect(), sections: effective.to_complete() })
    }
}
