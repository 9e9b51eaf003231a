//! What a directory told beside what is stored.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use cs_core::directory::{BRAKE_WINDOW, Known, Owner, Plan, Scope, Snapshot, plan};
use cs_core::id::{AccountId, DirectoryKey, GroupId};
use cs_store::directories::KnownUser;
use jiff::Timestamp;

use super::DirectorySettings;
use crate::{Engine, EngineError, SystemRng};

/// The groups of a directory as they are here.
pub(super) struct Groups {
    /// By distinguished name in small letters.
    pub(super) linked: HashMap<String, GroupId>,
}

impl Groups {
    /// The group of each that was asked for.
    pub(super) fn places(&self, snapshot: &Snapshot) -> HashMap<GroupId, usize> {
        let places = snapshot.groups.iter().enumerate();
        places.filter_map(|(at, group)| Some((*self.linked.get(&group.dn.to_lowercase())?, at))).collect()
    }
}

impl Engine {
    pub(super) async fn groups_of_directory(
        &self,
        account: AccountId,
        id: DirectoryKey,
    ) -> Result<Groups, EngineError> {
        let links = self.store().directory_groups(account, id).await?;
        Ok(Groups { linked: links.into_iter().map(|link| (link.dn, link.group)).collect() })
    }

    /// What is to be done for users to be as the directory says.
    pub(super) async fn compare(
        &self,
        account: AccountId,
        id: DirectoryKey,
        settings: &DirectorySettings,
        snapshot: &Arc<Snapshot>,
        scope: Scope,
    ) -> Result<Plan, EngineError> {
        let places = self.groups_of_directory(account, id).await?.places(snapshot);
        let users = self.store().reader().known_users(account, settings.import_phones).await?;
        let (fields, since) = (settings.fields(), self.clock().now() - BRAKE_WINDOW);
        let known = users.into_iter().map(|user| known(user, id, &places, since)).collect();
        let snapshot = Arc::clone(snapshot);
        // Some hundred milliseconds for a large organisation, in which this thread's logins would wait.
        let planned = tokio::task::spawn_blocking(move || plan(&snapshot, known, &fields, scope, &mut SystemRng)).await;
        planned.map_err(|error| EngineError::Internal(cs_store::StoreError::Unavailable(Arc::new(error))))
    }
}

fn known(user: KnownUser, id: DirectoryKey, places: &HashMap<GroupId, usize>, since: Timestamp) -> Known {
    let groups: BTreeSet<usize> = user.groups.iter().filter_map(|group| places.get(group).copied()).collect();
    let numbers = |of: &dyn Fn(&cs_core::id::PhoneId) -> bool| -> BTreeSet<String> {
        let phones = user.phones.iter().filter(|(phone, number)| !number.is_empty() && of(phone));
        phones.map(|(_, number)| number.clone()).collect()
    };
    let synced = user.link.as_ref().map(|link| link.phones.clone()).unwrap_or_default();
    Known {
        numbers: numbers(&|_| true),
        synced_numbers: numbers(&|phone| synced.contains(phone)),
        id: user.id,
        version: user.version,
        profile: user.profile,
        lately: user.link.as_ref().and_then(|link| link.removed_at).is_some_and(|at| at > since),
        owner: match user.link {
            None => Owner::Nobody,
            Some(link) if link.directory == id => Owner::This(link.link),
            Some(_) => Owner::Other,
        },
        other_groups: user.groups.len() - groups.len(),
        groups,
    }
}
