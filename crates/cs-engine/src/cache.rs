//! Accounts, integrations and policies, parsed and with secrets open, kept in memory. A cache is a hint: the guards of a commit compare versions.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use cs_core::id::{AccountId, IntegrationKey};
use cs_core::integration::Integration;
use cs_store::accounts::Account;
use cs_store::{Store, StoreError};
use jiff::Timestamp;

use crate::policy::PolicyBook;

/// How many integrations are kept. An attacker who tries keys gets nothing in: only existing ones are kept.
const CAPACITY: usize = 10_000;

/// An account as the surfaces see it.
pub type AccountEntry = Arc<Account>;

/// The cache.
pub struct Directory {
    store: Store,
    /// The store's epoch when everything was last forgotten.
    seen_epoch: AtomicU64,
    /// How often everything was forgotten. It only rises, so that what began to be read before is known by it, however late it comes.
    generation: AtomicU64,
    state: RwLock<State>,
}

#[derive(Default)]
struct State {
    /// What the store said of its version when this was last checked.
    version: Option<String>,
    accounts: Option<Arc<Vec<AccountEntry>>>,
    integrations: HashMap<(AccountId, IntegrationKey), Arc<Integration>>,
    policies: HashMap<AccountId, Arc<PolicyBook>>,
}

impl Directory {
    pub(crate) fn new(store: Store) -> Self {
        let seen_epoch = AtomicU64::new(store.epoch());
        Self { seen_epoch, generation: AtomicU64::new(0), store, state: RwLock::default() }
    }

    /// The account that requests for `host` (without port, lower case) belong to. With one account in the installation, every name is its.
    pub async fn account_for_host(&self, host: &str) -> Result<Option<AccountEntry>, StoreError> {
        let accounts = self.accounts().await?;
        let named = accounts.iter().find(|account| account.api_host == host);
        Ok(named.or_else(|| accounts.first().filter(|_| accounts.len() == 1)).cloned())
    }

    /// The account `id`.
    pub async fn account(&self, id: AccountId) -> Result<Option<AccountEntry>, StoreError> {
        Ok(self.accounts().await?.iter().find(|account| account.id == id).cloned())
    }

    /// Every account, oldest first.
    pub async fn accounts(&self) -> Result<Arc<Vec<AccountEntry>>, StoreError> {
        self.refresh();
        if let Some(accounts) = &self.state.read().unwrap_or_else(PoisonError::into_inner).accounts {
            return Ok(Arc::clone(accounts));
        }
        let generation = self.generation();
        let accounts = Arc::new(self.store.accounts().await?.into_iter().map(Arc::new).collect::<Vec<_>>());
        self.keep(generation, |state| state.accounts = Some(Arc::clone(&accounts)));
        Ok(accounts)
    }

    /// The integration `key` of `account`.
    pub async fn integration(
        &self,
        account: AccountId,
        key: IntegrationKey,
    ) -> Result<Option<Arc<Integration>>, StoreError> {
        self.refresh();
        let id = (account, key);
        if let Some(found) = self.state.read().unwrap_or_else(PoisonError::into_inner).integrations.get(&id) {
            return Ok(Some(Arc::clone(found)));
        }
        let generation = self.generation();
        let Some(found) = self.store.integration(account, key).await?.map(Arc::new) else { return Ok(None) };
        self.keep(generation, |state| {
            if state.integrations.len() >= CAPACITY {
                state.integrations.clear();
            }
            state.integrations.insert(id, Arc::clone(&found));
        });
        Ok(Some(found))
    }

    /// The policies of `account`. A decision made with them guards on [`PolicyBook::version`]; when that guard does not hold, [`Directory::invalidate`].
    pub async fn policies(&self, account: &Account, now: Timestamp) -> Result<Arc<PolicyBook>, StoreError> {
        self.refresh();
        if let Some(found) = self.state.read().unwrap_or_else(PoisonError::into_inner).policies.get(&account.id) {
            return Ok(Arc::clone(found));
        }
        let generation = self.generation();
        let rows = self.store.policy_rows(account.id, now).await?;
        let found = Arc::new(PolicyBook::new(&rows)?);
        self.keep(generation, |state| drop(state.policies.insert(account.id, Arc::clone(&found))));
        Ok(found)
    }

    /// Forgets everything if another process or node has changed an account, an integration or a policy. One small query, meant for once a second.
    pub(crate) async fn look_for_changes(&self) -> Result<(), StoreError> {
        let version = self.store.directory_version().await?;
        let changed = {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            state.version.as_ref() != Some(&version)
        };
        if changed {
            self.invalidate();
        }
        self.state.write().unwrap_or_else(PoisonError::into_inner).version = Some(version);
        Ok(())
    }

    /// Forgets everything: called after a change made here, or seen to be made elsewhere.
    pub fn invalidate(&self) {
        // First of all, so that a change that comes between is seen as one.
        self.seen_epoch.store(self.store.epoch(), Ordering::Release);
        self.generation.fetch_add(1, Ordering::AcqRel);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        // The version stays: what others changed since it was looked at is still to be noticed.
        *state = State { version: state.version.take(), ..State::default() };
    }

    /// Keeps what was begun to be read in `generation`, unless everything was forgotten since: what was read before a change must not stay.
    fn keep(&self, generation: u64, put: impl FnOnce(&mut State)) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if generation == self.generation() {
            put(&mut state);
        }
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Forgets everything if another process wrote to the database.
    fn refresh(&self) {
        if self.seen_epoch.load(Ordering::Acquire) != self.store.epoch() {
            self.invalidate();
        }
    }
}

#[cfg(test)]
mod tests {
    use cs_store::testing::{Engine, TestDatabase};

    use super::*;

    #[tokio::test]
    async fn what_was_being_read_when_everything_was_forgotten_is_not_kept() {
        let database = TestDatabase::new(Engine::Sqlite).unwrap();
        let directory = Directory::new(database.open().await.unwrap());
        let is_kept = || directory.state.read().unwrap().accounts.is_some();
        for _ in 0..2 {
            let begun = directory.generation();
            directory.invalidate();
            directory.keep(begun, |state| state.accounts = Some(Arc::default()));
            assert!(!is_kept());
        }
        directory.accounts().await.unwrap();
        assert!(is_kept());
    }
}
