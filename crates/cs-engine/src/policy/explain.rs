//! What would happen if somebody logged in now: the same rules as a login, on facts that are partly given. Nothing is changed and nothing logged.

use std::net::IpAddr;

use cs_core::id::{AccountId, IntegrationKey, PolicyKey, UserId};
use cs_core::network::canonical;
use cs_core::policy::facts::{Access, Application, Client, Endpoint, PermittedGroups, Place, Remembered, Surface};
use cs_core::policy::risk::Assessment;
use cs_core::policy::trace::Trace;
use cs_core::policy::{Browser, Country, Facts, Level, Method, Os, PushRule, Set, Verdict, Version, Word, evaluate};
use cs_core::username::Username;
use cs_core::webauthn::methods;
use cs_store::facts::UserRef;

use super::error::PolicyError;
use crate::{Engine, EngineError, served};

/// Who would log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Person {
    /// A user.
    Id(UserId),
    /// A name, as the application would send it.
    Sent(String),
}

/// A login that did not happen.
#[derive(Debug, Clone)]
pub struct Question {
    /// Who.
    pub person: Person,
    /// Where.
    pub application: IntegrationKey,
    /// From where.
    pub address: Option<IpAddr>,
    /// The country, if it is not to be looked up.
    pub country: Option<Country>,
    /// Whether the address is to count as anonymous.
    pub anonymous: bool,
    /// The browser, which makes it a login in one.
    pub browser: Option<Client<Browser>>,
    /// The operating system the browser names.
    pub os: Option<Client<Os>>,
}

/// What would happen, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The user, if there is one of that name.
    pub user: Option<UserId>,
    /// The user's name, or as it was sent.
    pub username: String,
    /// What people call the application.
    pub application: String,
    /// The country that was reckoned with.
    pub country: Option<Country>,
    /// `allow`, `deny`, `enroll`, `authenticate`, or `refused` if the application is disabled.
    pub verdict: &'static str,
    /// The reason that the log would have.
    pub reason: Option<&'static str>,
    /// The fact that decided.
    pub fact: String,
    /// What an administrator can do about a denial.
    pub remedy: &'static str,
    /// Methods that the person could choose from.
    pub methods: Vec<&'static str>,
    /// How many digits a push would ask for.
    pub digits: Option<u8>,
    /// Every rule that spoke, in order.
    pub steps: Vec<Step>,
}

/// One rule, and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its place in the order of evaluation, from 3.
    pub number: u8,
    /// The section, or what else it is.
    pub rule: &'static str,
    /// The level the section comes from.
    pub level: Option<Level>,
    /// The policy the section comes from.
    pub policy: Option<(PolicyKey, String)>,
    /// What it said.
    pub outcome: &'static str,
    /// The reason, of what allows or denies.
    pub reason: Option<&'static str>,
    /// On what fact.
    pub fact: String,
    /// Whether it is the one that decided.
    pub is_decisive: bool,
}

/// Reads `firefox`, or `firefox:130.0`.
pub fn client<T: Word>(text: &str) -> Option<Client<T>> {
    let (product, version) = match text.split_once(':') {
        Some((product, version)) => (product, Some(Version::parse(version)?)),
        None => (text, None),
    };
    Some(Client { product: T::parse(product)?, version })
}

impl Engine {
    /// Explains the login `question`. Remembered devices and the state of phones are reckoned as unknown; signals of risk by what is known of the user, and by what
    /// this process has seen of others.
    pub async fn explain_login(&self, account: AccountId, question: &Question) -> Result<Explanation, PolicyError> {
        let key = question.application;
        let no_such = || PolicyError::NoSuch { what: "application", given: key.to_string() };
        let integration = self.directory().integration(account, key).await?.ok_or_else(no_such)?;
        let account = self.directory().account(account).await?.ok_or(EngineError::NotFound)?;
        let now = self.clock().now();
        let who = match &question.person {
            Person::Id(id) => Some(Ok(*id)),
            // A name that cannot be one is a name nobody has.
            Person::Sent(name) => Username::parse(name).ok().map(|name| Err(name.key(integration.normalization))),
        };
        let facts = match &who {
            Some(Ok(id)) => self.store().user_facts(account.id, UserRef::Id(*id), None, now).await?,
            Some(Err(name)) => self.store().user_facts(account.id, UserRef::Name(name.as_str()), None, now).await?,
            None => None,
        };
        let user = facts.as_ref().map(|facts| &facts.user);
        let exemptions = facts.as_ref().map_or(&[][..], |facts| &facts.exemptions);
        if let (Person::Id(id), None) = (&question.person, user) {
            return Err(PolicyError::NoSuch { what: "user", given: id.to_string() });
        }
        let address = question.address.map(canonical);
        let place = match question.country {
            // Where that is is not to be looked up.
            Some(country) => Place { country: Some(country), coordinates: None },
            None => address.map_or(Place::UNKNOWN, |address| self.inner.geo.whereabouts(address)),
        };
        let country = place.country;
        let book = self.directory().policies(&account, now).await?;
        let stack = book.stack_for(&integration);
        let effective = match user {
            Some(user) => stack.effective_for(user.id, &user.groups),
            None => stack.effective(&[]),
        };
        let risk = user.map_or_else(Assessment::default, |user| {
            self.assess_with(account.id, &effective, user, &user.risk, (address, place), now)
        });
        let sees_browser = question.browser.is_some() || question.os.is_some();
        let facts = Facts {
            application: Application {
                key,
                name: &integration.name,
                access: &integration.user_access,
                surface: Surface {
                    name: "explain",
                    shows_number: true,
                    can_prompt: true,
                    enrolls_inline: sees_browser,
                    sees_browser,
                },
            },
            user,
            permitted_groups: PermittedGroups::Everyone,
            access: Access {
                address,
                place,
                anonymous: question.anonymous,
                browser: question.browser,
                os: question.os,
                endpoint: Endpoint::Unknown,
                posture: None,
            },
            phones: &[],
            remembered: Remembered::default(),
            risk: &risk,
            exemptions,
            offered: if sees_browser {
                served::in_a_browser(self.telephony())
            } else {
                served::anywhere(self.telephony())
            },
            also_has: user.map_or(Set::EMPTY, |user| methods(&user.credentials, &account.login.webauthn_models)),
            versions: &self.inner.versions,
            now,
        };
        let decision = evaluate(&effective, &facts);
        let sent = match &question.person {
            Person::Id(id) => id.to_string(),
            Person::Sent(name) => name.clone(),
        };
        let mut explanation = Explanation {
            user: user.map(|user| user.id),
            username: user.map_or(sent, |user| user.username.clone()),
            application: integration.name.clone(),
            country,
            verdict: "authenticate",
            reason: None,
            fact: String::new(),
            remedy: "",
            methods: Vec::new(),
            digits: None,
            steps: steps(&decision.trace),
        };
        explanation.decide(&decision.verdict);
        if !integration.enabled {
            explanation.verdict = "refused";
            explanation.reason = None;
            explanation.fact = "the application is disabled: its requests are refused before any rule".to_owned();
            explanation.remedy = "Enable the application.";
        }
        Ok(explanation)
    }
}

impl Explanation {
    fn decide(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Allow { why, fact } => {
                (self.verdict, self.reason) = ("allow", Some(why.as_str()));
                self.fact.clone_from(fact);
            }
            Verdict::Deny(denial) => {
                (self.verdict, self.reason) = ("deny", Some(denial.reason.as_str()));
                self.fact.clone_from(&denial.fact);
                self.remedy = denial.reason.remedy();
            }
            Verdict::Enroll { .. } => {
                self.verdict = "enroll";
                "the person has nothing to authenticate with".clone_into(&mut self.fact);
                self.remedy = "Enroll the user.";
            }
            Verdict::Challenge(challenge) => {
                self.methods = challenge.methods.iter().map(Word::as_str).collect();
                self.fact = format!("a second factor is needed: {}", self.methods.join(", "));
                self.digits = match challenge.push {
                    PushRule::Verified { digits } if challenge.methods.contains(Method::DuoPush) => Some(digits),
                    PushRule::Verified { .. } | PushRule::Plain => None,
                };
            }
        }
    }
}

fn steps(trace: &Trace<'_>) -> Vec<Step> {
    let decisive = trace.decisive();
    let steps = trace.findings().iter().map(|finding| {
        let policy = finding.level.and_then(|level| trace.policy(level));
        Step {
            number: finding.step,
            rule: finding.rule.as_str(),
            level: finding.level,
            policy: policy.map(|policy| (policy.key, policy.name.to_owned())),
            outcome: finding.outcome.as_str(),
            reason: finding.outcome.reason(),
            fact: finding.fact.to_string(),
            is_decisive: decisive.is_some_and(|decisive| std::ptr::eq(decisive, finding)),
        }
    });
    steps.collect()
}
