//! The next version of a policy, applied to some users before it applies to all.

use cs_core::account::LoginSettings;
use cs_core::policy::{Complete, Percent, Reach, Section, Sections};
use cs_store::StoreError;
use cs_store::policies::{PolicyRecord, PolicyRows};
use serde_json::{Value as Json, json};

use super::draft::Draft;
use super::error::PolicyError;
use super::json::{read_sections, write_sections};

/// A version of a policy that applies to some users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// What the policy has for them.
    pub sections: Sections,
    /// Who they are.
    pub reach: Reach,
}

impl Stage {
    /// As it is kept and shown: `sections`, and `percent` or `group_id`.
    pub fn document(&self) -> Json {
        let mut document = json!({ "sections": write_sections(&self.sections) });
        match self.reach {
            Reach::Percent(percent) => document["percent"] = percent.get().into(),
            Reach::Group(group) => document["group_id"] = group.as_str().into(),
        }
        document
    }

    /// What [`Stage::document`] wrote.
    pub(super) fn read(json: &Json) -> Option<Self> {
        let sections = read_sections(json.get("sections")?).ok()?;
        let reach = match (json.get("percent"), json.get("group_id")) {
            (Some(percent), None) => Reach::Percent(Percent::new(u8::try_from(percent.as_u64()?).ok()?)?),
            (None, Some(group)) => Reach::Group(group.as_str()?.parse().ok()?),
            (Some(_), Some(_)) | (None, None) => return None,
        };
        Some(Self { sections, reach })
    }

    /// The staged version of a policy as it is kept.
    pub(super) fn of(record: &PolicyRecord) -> Result<Option<Self>, StoreError> {
        let Some(text) = &record.staged else { return Ok(None) };
        let stage = serde_json::from_str(text).ok().as_ref().and_then(Self::read);
        stage.map(Some).ok_or_else(|| StoreError::corrupt("policy", record.key.as_str()))
    }
}

/// A percentage from what somebody wrote.
pub fn percent(number: i64) -> Result<Reach, PolicyError> {
    let percent = u8::try_from(number).ok().and_then(Percent::new);
    percent.map(Reach::Percent).ok_or_else(|| PolicyError::document("percent", "must be a whole number from 1 to 100"))
}

impl Draft {
    /// Makes what `change` makes of the policy `key` its next version, for those in `reach`. It begins as the policy is, or, where one is staged
    /// already, as that one; without `reach` that one's stays.
    pub fn stage(
        &mut self,
        key: &str,
        reach: Option<Reach>,
        change: impl Fn(&mut Self, &str) -> Result<(), PolicyError>,
    ) -> Result<(), PolicyError> {
        let place = self.place(key)?;
        let staged = self.policies[place].staged.clone();
        let given = reach.or(staged.as_ref().map(|staged| staged.reach));
        let reach =
            given.ok_or_else(|| PolicyError::document("percent", "or a group is needed: nothing is staged yet"))?;
        let own = self.policies[place].sections.clone();
        if let Some(staged) = staged {
            self.policies[place].sections = staged.sections;
        }
        change(self, key)?;
        let policy = &mut self.policies[place];
        let sections = std::mem::replace(&mut policy.sections, own);
        policy.staged = Some(Stage { sections, reach });
        Ok(())
    }

    /// Applies the staged version to all.
    pub fn finish_stage(&mut self, key: &str) -> Result<(), PolicyError> {
        let stage = self.take_stage(key)?;
        let place = self.place(key)?;
        self.policies[place].sections = stage.sections;
        Ok(())
    }

    /// Drops the staged version.
    pub fn abandon_stage(&mut self, key: &str) -> Result<(), PolicyError> {
        self.take_stage(key).map(drop)
    }

    fn take_stage(&mut self, key: &str) -> Result<Stage, PolicyError> {
        let place = self.place(key)?;
        let no_stage = || PolicyError::NoSuch { what: "staged version of", given: key.chars().take(64).collect() };
        self.policies[place].staged.take().ok_or_else(no_stage)
    }

    /// All sections of the global policy for those whom its staged version reaches, if it has one.
    pub(super) fn staged_global(&self) -> Option<Complete> {
        let stage = self.policies.iter().find(|policy| policy.is_global())?.staged.as_ref()?;
        let mut complete = self.defaults.clone();
        complete.put(stage.sections.clone());
        Some(complete)
    }

    /// The policies as they would be read if this were committed, in an account whose logins go by `login`.
    pub(super) fn rows(&self, login: LoginSettings) -> PolicyRows {
        let policies = self.policies.iter().map(|policy| PolicyRecord {
            name: policy.name.clone(),
            sections: Json::Object(write_sections(&policy.sections)).to_string(),
            staged: policy.staged.as_ref().map(|stage| stage.document().to_string()),
            ..policy.record.clone()
        });
        let mut uses = self.uses.clone();
        uses.sort_by_key(|at| (at.scope.application(), at.position, at.policy, at.scope.group()));
        PolicyRows { version: self.version, login, policies: policies.collect(), uses }
    }

    /// Puts sections in the place of a policy's own, whatever they are: for what the store had already.
    pub(super) fn put_back(&mut self, place: usize, sections: Sections) {
        let policy = &mut self.policies[place];
        let gone: Vec<Section> = policy.sections.present().collect();
        gone.into_iter().for_each(|section| policy.sections.remove(section));
        policy.sections.put(sections);
    }
}
