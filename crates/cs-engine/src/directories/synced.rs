//! What comes from a directory is changed there, not here.

use cs_core::id::{AccountId, GroupId};
use cs_store::users::UserRecord;

use super::DirectorySettings;
use crate::{Engine, EngineError};

impl Engine {
    /// Refuses a change of what the user's directory owns.
    pub(crate) async fn check_not_synced(
        &self,
        account: AccountId,
        before: &UserRecord,
        after: &UserRecord,
    ) -> Result<(), EngineError> {
        let changed = [
            ("username", before.username != after.username),
            ("aliases", before.aliases != after.aliases),
            ("realname", before.realname != after.realname),
            ("email", before.email != after.email),
            ("notes", before.notes != after.notes),
        ];
        if !changed.iter().any(|(_, changed)| *changed) {
            return Ok(());
        }
        let Some(link) = self.store().user_link(account, before.id).await? else { return Ok(()) };
        let Some(directory) = self.store().directory(account, link.directory).await? else { return Ok(()) };
        let fields = DirectorySettings::read(&directory.settings)?.fields();
        let is_synced = |field: &str| match field {
            "username" => true,
            "aliases" => fields.aliases,
            "realname" => fields.realname,
            "email" => fields.email,
            "notes" => fields.notes,
            _ => false,
        };
        match changed.into_iter().find(|(field, changed)| *changed && is_synced(field)) {
            Some((field, _)) => Err(EngineError::Synced { field, directory: directory.name }),
            None => Ok(()),
        }
    }

    /// Refuses a change of what a group's directory owns.
    pub(crate) async fn check_group_not_synced(
        &self,
        account: AccountId,
        group: GroupId,
        field: &'static str,
    ) -> Result<(), EngineError> {
        let Some(link) = self.store().group_link(account, group).await? else { return Ok(()) };
        let Some(directory) = self.store().directory(account, link.directory).await? else { return Ok(()) };
        Err(EngineError::Synced { field, directory: directory.name })
    }
}
