//! The policy engine: who may enter, with what, from where, on which device, and why. Pure.
//!
//! * [`sections`]: one typed struct per section of a policy. `Default` is the global default, `validate()` names section, key and reason.
//! * [`Sections`] (a custom policy: each section optional), [`Complete`] (the global policy: every section). Lists of words are [`Set`]s of [`Method`],
//!   [`Os`], [`Browser`]; countries are [`Countries`]; versions compare as [`Version`]s. Words are written and read by the trait [`Word`].
//! * [`Stack`]: the policies that may matter at one application, compiled when policies change. [`Stack::effective`] merges them for a user's groups, section by
//!   section, and copies nothing; each section of [`Effective`] knows its [`Level`].
//! * [`facts`]: everything an evaluation looks at; absent is a fact too.
//! * [`evaluate()`] decides: a [`Verdict`] and the [`trace::Trace`] of how it came about. [`recheck`] looks again at the moment of the answer.
//! * [`Staged`]: a version that applies to some users only. [`compare()`]: what a change would mean for one login.
//! * [`risk`]: signals that a login is not what it seems. [`exemption`]: leave for test and automation users.

mod compare;
mod country;
mod evaluate;
pub mod exemption;
pub mod facts;
mod fault;
mod group_filter;
mod names;
pub mod risk;
pub mod sections;
mod stack;
mod staged;
pub mod trace;
mod version;
pub(crate) mod word;

pub use compare::{Change, compare};
pub use country::{Countries, Country};
pub use evaluate::{
    Challenge, Decision, PhoneChoice, PushRule, Verdict, evaluate, recheck, recheck_method, recheck_risk,
};
pub use facts::Facts;
pub use fault::{Fault, SectionError};
pub use names::{Browser, Method, Os, Section};
pub use stack::{Attached, Complete, Effective, GlobalPolicy, Level, Name, Of, Policy, Ranked, Sections, Stack};
pub use staged::{Percent, Reach, Staged};
pub use version::{Line, Product, ProductError, Release, Version, days};
pub use word::{Set, Word};
