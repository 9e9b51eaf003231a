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
    seen_epoch: AtomicU64,
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
        Self { seen_epoch: AtomicU64::new(store.epoch()), store, state: RwLock::default() }
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
        let epoch = self.seen_epoch.load(Ordering::Acquire);
        let accounts = Arc::new(self.store.accounts().await?.into_iter().map(Arc::new).collect::<Vec<_>>());
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        // What was read before a change must not stay.
        if epoch == self.seen_epoch.load(Ordering::Acquire) {
            state.accounts = Some(Arc::clone(&accounts));
        }
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
        let epoch = self.seen_epoch.load(Ordering::Acquire);
        let Some(found) = self.store.integration(account, key).await?.map(Arc::new) else { return Ok(None) };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if epoch == self.seen_epoch.load(Ordering::Acquire) {
            if state.integrations.len() >= CAPACITY {
                state.integrations.clear();
            }
            state.integrations.insert(id, Arc::clone(&found));
        }
        Ok(Some(found))
    }

    /// The policies of `account`. A decision made with them guards on [`PolicyBook::version`]; when that guard does not hold, [`Directory::invalidate`].
    pub async fn policies(&self, account: &Account, now: Timestamp) -> Result<Arc<PolicyBook>, StoreError> {
        self.refresh();
        if let Some(found) = self.state.read().unwrap_or_else(PoisonError::into_inner).policies.get(&account.id) {
            return Ok(Arc::clone(found));
        }
        let epoch = self.seen_epoch.load(Ordering::Acquire);
        let rows = self.store.policy_rows(account.id, now).await?;
        let found = Arc::new(PolicyBook::new(&rows)?);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if epoch == self.seen_epoch.load(Ordering::Acquire) {
            state.policies.insert(account.id, Arc::clone(&found));
        }
        Ok(found)
    }

    /// Forgets everything if another process or node has changed an account, an integration or a policy. One small query, meant for once a second.
    pub(crate) async fn look_for_changes(&self) -> Result<(), StoreError> {
        let version = self.store.directory_version().await?;
        let changed = {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            state.version.as_ref().is_some_and(|seen| *seen != version)
        };
        if changed {
            self.invalidate();
        }
        self.state.write().unwrap_or_else(PoisonError::into_inner).version = Some(version);
        Ok(())
    }

    /// Forgets everything: called after a change made here, or seen to be made elsewhere.
    pub fn invalidate(&self) {
        self.seen_epoch.fetch_add(1, Ordering::AcqRel);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        *state = State::default();
        self.seen_epoch.store(self.store.epoch(), Ordering::Release);
    }

    /// Forgets everything if another process wrote to the database.
    fn refresh(&self) {
        if self.seen_epoch.load(Ordering::Acquire) != self.store.epoch() {
            self.invalidate();
        }
    }
}
