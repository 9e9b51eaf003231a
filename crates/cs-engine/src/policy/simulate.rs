//! Past logins under other policies: every entry of the authentication log is judged twice, by the policies in force and by the draft, and the two
//! decisions are compared. Nothing is changed and nothing logged.
//!
//! Both judge the same facts: what the log kept of the login, and the user as is now. So a difference comes from the policies alone. What the log did
//! not keep ([`NOT_KEPT`]) is unknown to both.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use cs_core::id::{AccountId, IntegrationKey, UserId};
use cs_core::integration::Integration;
use cs_core::policy::facts::{Access, Application, Endpoint, PermittedGroups, Place, Remembered, Surface};
use cs_core::policy::risk::Assessment;
use cs_core::policy::sections::Signal;
use cs_core::policy::{Change, Country, Facts, Method, Set, Verdict, Word, compare, evaluate};
use cs_core::webauthn::{AaguidList, methods};
use cs_store::audit::{LogFilter, LogKind, LogOrder, LogPage, LogRecord};
use cs_store::facts::UserFacts;
use jiff::Timestamp;
use serde_json::Value as Json;

use super::book::PolicyBook;
use super::draft::Draft;
use super::error::PolicyError;
use crate::{Engine, EngineError, served};

/// Facts that the log does not keep: sections about them are judged as for a login about which nothing of the kind is known.
pub const NOT_KEPT: [&str; 4] =
    ["browser and operating system", "state of the device", "remembered devices", "signals of risk that were off"];

/// Entries read at once.
const PAGE: u32 = 200;
/// Entries judged before others get their turn: about a millisecond.
const TURN: usize = 16;
/// Users kept in memory; then they are read anew.
const MOST_KNOWN: usize = 2_000;
/// Users, and applications, that are counted each by itself; further ones are counted together.
const MOST_NAMED: usize = 10_000;
/// Examples of each kind.
const MOST_EXAMPLES: usize = 5;

/// Which logins.
#[derive(Debug, Clone)]
pub struct Replay {
    /// Not before.
    pub from: Timestamp,
    /// Not after.
    pub to: Timestamp,
    /// Only of this user.
    pub user: Option<UserId>,
    /// Only at this application.
    pub application: Option<IntegrationKey>,
    /// Where an earlier part ended.
    pub after: Option<(Timestamp, String)>,
    /// At most this many entries.
    pub most: u64,
}

/// How often each thing would have happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<&'static str, u64>);

/// What would have happened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Simulation {
    /// Entries that were read.
    pub entries: u64,
    /// Entries that could not be judged, by why: the user or the application is gone, or personal data was erased.
    pub left_out: BTreeMap<&'static str, u64>,
    /// All that were judged.
    pub all: Tally,
    /// By username, those for whom something would be different.
    pub users: HashMap<String, Tally>,
    /// By name, applications where something would be different.
    pub applications: HashMap<String, Tally>,
    /// Some logins of each kind.
    pub examples: Vec<Example>,
    /// Where to go on; `None` at the end.
    pub next: Option<(Timestamp, String)>,
}

/// One login for which something would be different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What.
    pub change: Change,
    /// As the user's page and the log show it.
    pub reference: String,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub username: String,
    /// Where.
    pub application: String,
    /// What the log says: result and reason.
    pub logged: String,
    /// Under the policies in force.
    pub before: String,
    /// Under the draft.
    pub after: String,
}

impl Tally {
    /// How often.
    pub fn of(&self, change: Change) -> u64 {
        self.0.get(change.as_str()).copied().unwrap_or(0)
    }

    /// Everything but what would be as it is.
    pub fn different(&self) -> u64 {
        self.0.values().sum::<u64>() - self.of(Change::Unchanged)
    }

    fn count(&mut self, change: Change) {
        *self.0.entry(change.as_str()).or_default() += 1;
    }
}

/// What is left when there are too many to name.
const OTHERS: &str = "(others)";

impl Simulation {
    /// Those with most differences, at most `most`.
    pub fn most_affected(tallies: &HashMap<String, Tally>, most: usize) -> Vec<(&str, &Tally)> {
        let mut sorted: Vec<(&str, &Tally)> = tallies.iter().map(|(name, tally)| (name.as_str(), tally)).collect();
        sorted.sort_by_key(|(name, tally)| (std::cmp::Reverse(tally.different()), *name));
        sorted.truncate(most);
        sorted
    }

    fn count(&mut self, example: Example) {
        let change = example.change;
        self.all.count(change);
        if change == Change::Unchanged {
            return;
        }
        for (tallies, name) in [(&mut self.users, &example.username), (&mut self.applications, &example.application)] {
            let is_full = tallies.len() >= MOST_NAMED && !tallies.contains_key(name);
            let name = if is_full { OTHERS.to_owned() } else { name.clone() };
            tallies.entry(name).or_default().count(change);
        }
        if self.examples.iter().filter(|known| known.change == change).count() < MOST_EXAMPLES {
            self.examples.push(example);
        }
    }
}

impl Engine {
    /// Judges past logins by the policies in force and by what `change` makes of them. `progress` hears after each page how many entries were read.
    ///
    /// Reads in pages with the limits of reports, and lets others run between a few entries.
    pub async fn simulate_policies<T>(
        &self,
        account: AccountId,
        replay: &Replay,
        change: impl Fn(&mut Draft) -> Result<T, PolicyError>,
        mut progress: impl FnMut(u64),
    ) -> Result<Simulation, PolicyError> {
        let account = self.directory().account(account).await?.ok_or(EngineError::NotFound)?;
        let mut draft = self.policies(account.id).await?;
        let before = PolicyBook::new(&draft.rows(account.login.clone()))?;
        change(&mut draft)?;
        let after = PolicyBook::new(&draft.rows(account.login.clone()))?;
        let mut judge = Judge { engine: self, account: account.id, now: self.clock().now(), users: HashMap::new() };
        let filter = LogFilter {
            users: replay.user.iter().map(UserId::to_string).collect(),
            integrations: replay.application.iter().map(IntegrationKey::to_string).collect(),
            ..LogFilter::default()
        };
        let mut found = Simulation { next: replay.after.clone(), ..Simulation::default() };
        loop {
            let limit = u32::try_from(replay.most.saturating_sub(found.entries)).unwrap_or(PAGE).min(PAGE);
            if limit == 0 {
                return Ok(found);
            }
            let page = LogPage {
                from: replay.from,
                to: replay.to,
                order: LogOrder::Ascending,
                after: found.next.take(),
                limit,
            };
            let entries = self.store().reader().log_page(account.id, LogKind::Auth, &filter, &page).await?;
            for (place, entry) in entries.iter().enumerate() {
                if place % TURN == TURN - 1 {
                    tokio::task::yield_now().await;
                }
                found.entries += 1;
                match judge.judge(entry, [&before, &after]).await? {
                    Ok(example) => found.count(example),
                    Err(why) => *found.left_out.entry(why).or_default() += 1,
                }
            }
            progress(found.entries);
            if entries.len() < limit as usize {
                return Ok(found);
            }
            found.next = entries.last().map(|entry| (entry.at, entry.id.clone()));
        }
    }
}

struct Judge<'e> {
    engine: &'e Engine,
    account: AccountId,
    now: Timestamp,
    /// `None`: was looked for, is gone.
    users: HashMap<UserId, Option<UserFacts>>,
}

impl Judge<'_> {
    /// `Err`: why it cannot be judged.
    async fn judge(
        &mut self,
        entry: &LogRecord,
        books: [&PolicyBook; 2],
    ) -> Result<Result<Example, &'static str>, PolicyError> {
        let (engine, now) = (self.engine, self.now);
        let key = entry.integration.as_deref().and_then(|key| key.parse::<IntegrationKey>().ok());
        let integration = match key {
            Some(key) => self.engine.directory().integration(self.account, key).await?,
            None => None,
        };
        let Some(integration) = integration else { return Ok(Err("the application is gone")) };
        let Some(personal) = entry.personal.as_deref().and_then(|text| serde_json::from_str::<Json>(text).ok()) else {
            return Ok(Err("its personal data was erased"));
        };
        let Some(account) = engine.directory().account(self.account).await? else {
            return Ok(Err("the account is gone"));
        };
        let user = match entry.user_id.as_deref().map(str::parse::<UserId>) {
            None => None,
            Some(Err(_)) => return Ok(Err("the user is gone")),
            Some(Ok(id)) => match self.user(id).await? {
                Some(user) => Some(user),
                None => return Ok(Err("the user is gone")),
            },
        };
        let body = serde_json::from_str::<Json>(&entry.body).unwrap_or_default();
        let used = entry.factor.as_deref().and_then(method);
        let prompt = body.get("surface").and_then(Json::as_str) == Some(crate::Surface::Prompt.as_str());
        let facts = Kept {
            integration: &integration,
            user,
            models: &account.login.webauthn_models,
            in_a_browser: prompt || used.is_some_and(served::needs_a_browser),
            personal: &personal,
            now,
        };
        let [before, after] = &books.map(|book| facts.verdict(engine, book));
        let change = compare(before, after, used);
        let text = |json: &Json, name: &str| json.get(name).and_then(Json::as_str).map(str::to_owned);
        let logged = [entry.result.as_deref(), entry.reason.as_deref()];
        Ok(Ok(Example {
            change,
            reference: text(&body, "reference").unwrap_or_else(|| entry.id.clone()),
            at: entry.at,
            username: user.map_or_else(|| text(&personal, "username").unwrap_or_default(), |f| f.user.username.clone()),
            application: integration.name.clone(),
            logged: logged.into_iter().flatten().collect::<Vec<_>>().join(" "),
            before: told(before),
            after: told(after),
        }))
    }

    /// Not by the caches of logins, which hold those who log in now.
    async fn user(&mut self, id: UserId) -> Result<Option<&UserFacts>, PolicyError> {
        if !self.users.contains_key(&id) {
            if self.users.len() >= MOST_KNOWN {
                self.users.clear();
            }
            let found = self.engine.store().reader().user_as_is(self.account, id, self.now).await?;
            self.users.insert(id, found);
        }
        Ok(self.users.get(&id).and_then(Option::as_ref))
    }
}

/// What is known about a login of the past.
struct Kept<'a> {
    integration: &'a Integration,
    user: Option<&'a UserFacts>,
    models: &'a AaguidList,
    in_a_browser: bool,
    personal: &'a Json,
    now: Timestamp,
}

impl Kept<'_> {
    /// The signals of risk that fired then.
    fn fired(&self) -> impl Iterator<Item = Signal> {
        let detections = self.personal.pointer("/adaptive_trust_assessments/more_secure_auth/detections");
        let detections = detections.and_then(Json::as_array).into_iter().flatten();
        detections.filter_map(|one| Signal::parse(one.get("signal")?.as_str()?))
    }

    fn verdict(&self, engine: &Engine, book: &PolicyBook) -> Verdict {
        let text = |name: &str| self.personal.get(name).and_then(Json::as_str);
        let address = text("access_ip").and_then(|address| address.parse::<IpAddr>().ok());
        // The country as it was told then; addresses move.
        let country = text("country").and_then(Country::parse).or_else(|| {
            let place = address.map(|address| engine.inner.geo.place(address))?;
            place.country.as_deref().and_then(Country::parse)
        });
        let stack = book.stack_for(self.integration);
        let user = self.user.map(|facts| &facts.user);
        let effective = match user {
            Some(user) => stack.effective_for(user.id, &user.groups),
            None => stack.effective(&[]),
        };
        let risk = Assessment::recorded(effective.risk_signals.value, self.fired());
        let facts = Facts {
            application: Application {
                key: self.integration.key,
                name: &self.integration.name,
                access: &self.integration.user_access,
                surface: Surface {
                    name: "replay",
                    shows_number: true,
                    can_prompt: true,
                    enrolls_inline: false,
                    sees_browser: false,
                },
            },
            user,
            permitted_groups: PermittedGroups::Everyone,
            access: Access {
                address,
                place: Place { country, coordinates: None },
                anonymous: address.is_some_and(|address| engine.inner.geo.is_anonymous(address)),
                browser: None,
                os: None,
                endpoint: Endpoint::Unknown,
                posture: None,
            },
            phones: &[],
            remembered: Remembered::default(),
            risk: &risk,
            exemptions: self.user.map_or(&[], |facts| &facts.exemptions),
            offered: if self.in_a_browser {
                served::in_a_browser(engine.telephony())
            } else {
                served::anywhere(engine.telephony())
            },
            also_has: user.map_or(Set::EMPTY, |user| methods(&user.credentials, self.models)),
            versions: &engine.inner.versions,
            now: self.now,
        };
        evaluate(&effective, &facts).verdict
    }
}

/// The method of a factor in the log's words; `None` where none was used, or a passcode of which nothing is known.
fn method(factor: &str) -> Option<Method> {
    match factor {
        "duo_push" | "verified_duo_push" => Some(Method::DuoPush),
        "duo_mobile_passcode" => Some(Method::DuoPasscode),
        "hardware_token" => Some(Method::HardwareToken),
        "sms_passcode" => Some(Method::Sms),
        "phone_call" => Some(Method::Phonecall),
        "bypass_code" => Some(Method::Bypass),
        "WebAuthn Chrome Touch ID" | "WebAuthn Credential" => Some(Method::WebauthnPlatform),
        "WebAuthn Security Key" => Some(Method::WebauthnRoaming),
        _ => None,
    }
}

/// A decision in a few words.
fn told(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Allow { why, fact } => format!("allow {}: {fact}", why.as_str()),
        Verdict::Deny(denial) => format!("deny {denial}"),
        Verdict::Enroll { .. } => "enroll".to_owned(),
        Verdict::Challenge(challenge) => {
            let methods: Vec<&str> = challenge.methods.iter().map(Word::as_str).collect();
            format!("authenticate: {}", methods.join(", "))
        }
    }
}
