//! The groups of a directory as groups here: made, renamed, let go of.

use cs_core::directory::Snapshot;
use cs_core::group::GroupStatus;
use cs_core::id::GroupId;
use cs_store::Job;
use cs_store::directories::{GroupLink, link_group, unlink_group};
use cs_store::groups::{GroupRecord, touch_members};
use serde_json::json;

use super::{Applying, Chunk, Stopped};
use crate::admin::admin_record;
use crate::{EngineError, SystemRng};

impl Applying<'_> {
    /// Makes the groups that were asked for and are not here yet.
    pub(in crate::directories) async fn make_groups(&mut self, snapshot: &Snapshot) -> Result<(), Stopped> {
        let linked = self.engine.groups_of_directory(self.account, self.directory).await?.linked;
        for (at, told) in snapshot.groups.iter().enumerate() {
            let dn = told.dn.to_lowercase();
            let group = match (linked.get(&dn), &told.name) {
                (Some(group), _) => *group,
                (None, Some(name)) => self.make_group(&dn, name).await?,
                (None, None) => continue,
            };
            self.groups.insert(at, group);
        }
        Ok(())
    }

    /// Gives groups the names they have in the directory by now, and lets go of those that are no longer asked for.
    pub(in crate::directories) async fn tidy_groups(&self, snapshot: &Snapshot) -> Result<(), Stopped> {
        let store = self.engine.store();
        for (at, told) in snapshot.groups.iter().enumerate() {
            let (Some(id), Some(name)) = (self.groups.get(&at), &told.name) else { continue };
            let Some(mut group) = store.reader().group(self.account, *id).await? else { continue };
            let wanted = self.group_name(name, None);
            if group.name == wanted || group.name.starts_with(&format!("{wanted} ")) {
                continue;
            }
            group.name = wanted;
            let job = Job::new().step(group.update(self.account)).step(touch_members(self.account, *id));
            let job = job.log(self.group_record("group_update", &group));
            // A name that somebody has taken, or a change just now: the next run tries again.
            self.commit(job).await?;
        }
        for link in store.directory_groups(self.account, self.directory).await? {
            if snapshot.groups.iter().any(|told| told.dn.to_lowercase() == link.dn) {
                continue;
            }
            let Some(group) = store.reader().group(self.account, link.group).await? else { continue };
            let steps = unlink_group(self.account, &link);
            let job = steps.into_iter().fold(Job::new(), Job::step).log(self.group_record("group_update", &group));
            self.commit(job).await?;
        }
        Ok(())
    }

    async fn make_group(&self, dn: &str, told: &str) -> Result<GroupId, Stopped> {
        for number in [None, Some(2), Some(3), Some(4), Some(5), Some(6), Some(7), Some(8), Some(9)] {
            let group = GroupRecord {
                id: GroupId::generate(&mut SystemRng),
                name: self.group_name(told, number),
                description: String::new(),
                status: GroupStatus::Active,
                bypass: None,
                version: 1,
                created_at: self.now(),
            };
            let link = GroupLink { group: group.id, directory: self.directory, dn: dn.to_owned() };
            let job = Job::new().step(group.insert(self.account)).step(link_group(self.account, &link));
            if let Chunk::Done = self.commit(job.log(self.group_record("group_create", &group))).await? {
                return Ok(group.id);
            }
        }
        Err(EngineError::Exists("group").into())
    }

    /// What a synced group is called.
    fn group_name(&self, told: &str, number: Option<u8>) -> String {
        let shown: String = told.chars().filter(|c| !c.is_control()).take(120).collect();
        let name = format!("{} (from directory \"{}\")", shown.trim(), self.name);
        number.map_or(name.clone(), |number| format!("{name} {number}"))
    }

    fn group_record(&self, action: &'static str, group: &GroupRecord) -> cs_store::audit::LogRecord {
        let description = json!({"group_id": group.id.as_str(), "name": group.name, "directory": self.name});
        admin_record(self.account, &self.actor, action, &group.name, &description, self.now())
    }
}
