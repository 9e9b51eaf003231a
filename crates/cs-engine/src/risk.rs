//! Signals of risk: what this node has seen of an organisation's logins, and what that and the user's own past say of the next one.
//!
//! A user's past is part of the user's row, so every node has it. What spans users is kept here, in memory: each node knows the failed pushes it closed itself,
//! and the networks and countries of the logins it decided. At start a node reads the newest part of the log for that. So with N nodes behind a balancer
//! `push_spray` may fire up to N times later than with one; networks and countries that only others saw are learnt at the next start.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cs_core::id::{AccountId, UserId};
use cs_core::network::{network_of, parse_address};
use cs_core::policy::Effective;
use cs_core::policy::facts::Place;
use cs_core::policy::risk::{Assessment, Failure, Moment, Organisation, RiskRecord, assess};
use cs_core::policy::{Countries, Country};
use cs_core::user::User;
use cs_store::Job;
use cs_store::attempts::change_risk;
use cs_store::audit::{LogFilter, LogKind, LogPage, LogRecord};
use cs_store::facts::UserRef;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use crate::admin::{Actor, admin_record};
use crate::{Access, Engine, EngineError, MAX_ROUNDS};

/// How long a failed push counts towards a spray.
const FAILURES_KEPT: SignedDuration = SignedDuration::from_mins(15);
/// The most failed pushes kept of an account; the newest stay.
const MOST_FAILURES: usize = 10_000;
/// How long a network or country stays familiar.
const FAMILIAR: SignedDuration = SignedDuration::from_hours(90 * 24);
/// The most networks kept of an account; the ones seen last stay.
const MOST_NETWORKS: usize = 50_000;
/// How much of the log is read at start: pages of a thousand.
const PAGES_AT_START: usize = 50;

/// What this node has seen, by account.
#[derive(Default)]
pub(crate) struct Seen(Mutex<HashMap<AccountId, OfAccount>>);

#[derive(Default)]
struct OfAccount {
    failures: VecDeque<(IpAddr, Failure)>,
    logins: u32,
    networks: BTreeMap<IpAddr, Timestamp>,
    countries: BTreeMap<Country, Timestamp>,
    /// The keys of both, as the signals look at them; made again when one is added.
    familiar: Arc<Familiar>,
    forgot_at: Option<Timestamp>,
}

#[derive(Default)]
struct Familiar {
    networks: Vec<IpAddr>,
    countries: Countries,
}

/// What was seen around one login.
pub(crate) struct Around {
    failures: Vec<Failure>,
    logins: u32,
    familiar: Arc<Familiar>,
}

impl Seen {
    fn around(&self, account: AccountId, address: Option<IpAddr>) -> Around {
        let accounts = self.lock();
        let Some(seen) = accounts.get(&account) else {
            return Around { failures: Vec::new(), logins: 0, familiar: Arc::default() };
        };
        let network = address.map(network_of);
        let nearby = seen.failures.iter().filter(|(of, _)| Some(*of) == network);
        Around {
            failures: nearby.map(|(_, failure)| *failure).collect(),
            logins: seen.logins,
            familiar: Arc::clone(&seen.familiar),
        }
    }

    /// Notes a login.
    pub(crate) fn succeeded(&self, account: AccountId, address: Option<IpAddr>, place: Place, now: Timestamp) {
        let Some(address) = address else { return };
        let mut accounts = self.lock();
        let seen = accounts.entry(account).or_default();
        seen.logins = seen.logins.saturating_add(1);
        let is_new = seen.networks.insert(network_of(address), now).is_none();
        let is_new = place.country.is_some_and(|country| seen.countries.insert(country, now).is_none()) || is_new;
        let forgot = seen.forget_old(now);
        if is_new || forgot {
            seen.familiar = Arc::new(Familiar {
                networks: seen.networks.keys().copied().collect(),
                countries: seen.countries.keys().copied().collect(),
            });
        }
    }

    /// Notes a push to `user`, asked for from `address`, that was denied, not answered or withdrawn.
    pub(crate) fn push_failed(&self, account: AccountId, address: Option<IpAddr>, user: UserId, now: Timestamp) {
        let Some(address) = address else { return };
        let mut accounts = self.lock();
        let failures = &mut accounts.entry(account).or_default().failures;
        while failures.len() >= MOST_FAILURES
            || failures.front().is_some_and(|(_, oldest)| now.duration_since(oldest.at) >= FAILURES_KEPT)
        {
            failures.pop_front();
        }
        failures.push_back((network_of(address), Failure { user, at: now }));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, OfAccount>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OfAccount {
    /// True if something was forgotten. Looks once an hour, and when there is too much.
    fn forget_old(&mut self, now: Timestamp) -> bool {
        let looked = *self.forgot_at.get_or_insert(now);
        let before = self.networks.len() + self.countries.len();
        if now.duration_since(looked) >= SignedDuration::from_hours(1) {
            self.forgot_at = Some(now);
            self.networks.retain(|_, at| now.duration_since(*at) < FAMILIAR);
            self.countries.retain(|_, at| now.duration_since(*at) < FAMILIAR);
        }
        if self.networks.len() > MOST_NETWORKS {
            let mut times: Vec<Timestamp> = self.networks.values().copied().collect();
            times.sort_unstable();
            // A tenth at a time, so that this is rare.
            let oldest_kept = times[times.len() / 10];
            self.networks.retain(|_, at| *at > oldest_kept || *at == now);
        }
        before != self.networks.len() + self.countries.len()
    }
}

impl Engine {
    /// What the signals that the policy watches say of a login of `user`. Reads nothing.
    pub(crate) fn assess(
        &self,
        account: AccountId,
        effective: &Effective<'_>,
        user: Option<&User>,
        access: &Access,
        now: Timestamp,
    ) -> Assessment {
        user.map_or_else(Assessment::default, |user| {
            self.assess_with(account, effective, user, &user.risk, (access.address, self.place_of(access)), now)
        })
    }

    /// The same for a user whose past is `record`, from an address that is at a place.
    pub(crate) fn assess_with(
        &self,
        account: AccountId,
        effective: &Effective<'_>,
        user: &User,
        record: &RiskRecord,
        (address, place): (Option<IpAddr>, Place),
        now: Timestamp,
    ) -> Assessment {
        let Around { failures, logins, familiar } = self.inner.seen.around(account, address);
        let organisation = Organisation { logins, networks: &familiar.networks, countries: familiar.countries };
        let history = record.history(user, &failures, organisation);
        // No surface tells where the phone is before it answers.
        let moment = Moment { address, place, phone_place: Place::UNKNOWN, now };
        assess(effective.risk_signals.value, &moment, &history)
    }

    /// Where `access` is, as policies see it.
    pub(crate) fn place_of(&self, access: &Access) -> Place {
        access.address.map_or(Place::UNKNOWN, |address| self.inner.geo.whereabouts(address))
    }

    /// Whether somebody of `account` was seen around `address` in the last 90 days, as far as this node knows.
    pub fn is_familiar(&self, account: AccountId, address: IpAddr) -> bool {
        self.inner.seen.around(account, None).familiar.networks.binary_search(&network_of(address)).is_ok()
    }

    /// Ends a user's step-up: what has happened so far is no sign of risk any more. False if there is no such user.
    pub async fn clear_step_up(&self, account: AccountId, actor: &Actor, user: UserId) -> Result<bool, EngineError> {
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let facts = self.store().user_facts(account, UserRef::Id(user), None, now).await?;
            let Some(facts) = facts else { return Ok(false) };
            let user = &facts.user;
            let description = json!({"user_id": user.id.as_str()});
            let job = Job::new()
                .step(change_risk(account, user, &user.risk.cleared_by_administrator(now)))
                .log(admin_record(account, actor, "user_clear_step_up", &user.username, &description, now));
            if self.apply(job).await?.is_none() {
                return Ok(true);
            }
        }
        Err(EngineError::Contention)
    }

    /// Learns from the log which networks and countries are familiar, and which pushes failed a moment ago. Meant for the start.
    pub async fn recall_logins(&self) -> Result<(), EngineError> {
        let now = self.clock().now();
        let Ok(from) = now.checked_sub(FAMILIAR) else { return Ok(()) };
        for account in self.account_ids().await? {
            let mut page = LogPage::newest(1000, from, now);
            let mut events = Vec::new();
            for _ in 0..PAGES_AT_START {
                let entries =
                    self.store().reader().log_page(account, LogKind::Auth, &LogFilter::default(), &page).await?;
                events.extend(entries.iter().filter_map(recalled));
                let Some(last) = entries.last() else { break };
                page.after = Some((last.at, last.id.clone()));
            }
            // In the order in which it happened.
            for Event { at, address, what } in events.into_iter().rev() {
                match what {
                    Recalled::Success(place) => self.inner.seen.succeeded(account, Some(address), place, at),
                    Recalled::Failure(user) if now.duration_since(at) < FAILURES_KEPT => {
                        self.inner.seen.push_failed(account, Some(address), user, at);
                    }
                    Recalled::Failure(_) => {}
                }
            }
        }
        Ok(())
    }
}

/// What an entry of the log tells.
struct Event {
    at: Timestamp,
    address: IpAddr,
    what: Recalled,
}

enum Recalled {
    Success(Place),
    Failure(UserId),
}

fn recalled(entry: &LogRecord) -> Option<Event> {
    let personal: Json = serde_json::from_str(entry.personal.as_deref()?).ok()?;
    let address = parse_address(personal.get("access_ip")?.as_str()?)?;
    let country = personal.get("country").and_then(Json::as_str).and_then(Country::parse);
    let what = match (entry.result.as_deref()?, entry.reason.as_deref()?) {
        ("success", "user_approved" | "valid_passcode") => Recalled::Success(Place { country, coordinates: None }),
        ("denied" | "fraud", "user_mistake" | "user_marked_fraud" | "no_response") => {
            Recalled::Failure(entry.user_id.as_deref()?.parse().ok()?)
        }
        _ => return None,
    };
    Some(Event { at: entry.at, address, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-06-15T12:30:00Z".parse().unwrap()
    }

    fn account() -> AccountId {
        "DAAAAAAAAAAAAAAAAAAA".parse().unwrap()
    }

    fn address(n: u32) -> Option<IpAddr> {
        Some(IpAddr::V4(std::net::Ipv4Addr::from_bits(0x0100_0000 + n * 256)))
    }

    #[test]
    fn networks_and_countries_are_familiar_for_ninety_days() {
        let seen = Seen::default();
        let place = |code| Place { country: Country::parse(code), coordinates: None };
        seen.succeeded(account(), address(1), place("CH"), now());
        seen.succeeded(account(), address(2), place("FR"), now() + FAMILIAR);
        let around = seen.around(account(), address(1));
        assert_eq!(around.familiar.networks, [address(2).unwrap()]);
        let countries: Vec<_> = around.familiar.countries.iter().map(|country| country.to_string()).collect();
        assert_eq!((countries, around.logins), (vec!["FR".to_owned()], 2));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let seen = Seen::default();
        for n in 0..MOST_NETWORKS as u32 + 2 {
            let at = now() + SignedDuration::from_millis(n.into());
            let mut accounts = seen.lock();
            let of = accounts.entry(account()).or_default();
            of.networks.insert(network_of(address(n).unwrap()), at);
            of.forget_old(at);
        }
        assert!(seen.lock()[&account()].networks.len() <= MOST_NETWORKS);
        let user = "DUAAAAAAAAAAAAAAAAAA".parse().unwrap();
        for n in 0..MOST_FAILURES as u32 + 10 {
            seen.push_failed(account(), address(n), user, now());
        }
        assert_eq!(seen.lock()[&account()].failures.len(), MOST_FAILURES);
        seen.push_failed(account(), address(7), user, now() + FAILURES_KEPT);
        assert_eq!(seen.around(account(), address(7)).failures.len(), 1);
    }
}
