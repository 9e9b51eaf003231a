//! The parameters that create and change users, shared by single and bulk calls.

use cs_core::bypass::BypassEnd;
use cs_core::user::{DefaultFactor, UserStatus};
use cs_engine::admin::users::UserChange;
use cs_store::users::MAX_ALIASES;
use cs_wire::params::{ParamError, Params};

use jiff::Timestamp;

use super::extract::invalid;
use crate::http::Failure;

/// Longer than any attribute may be; the use case has the exact limits.
pub(super) const MAX_TEXT_BYTES: usize = 16_384;
const ALIASES: [&str; MAX_ALIASES as usize] =
    ["alias1", "alias2", "alias3", "alias4", "alias5", "alias6", "alias7", "alias8"];
const CUSTOM: &str = "custom_attributes.";

/// A text that may be empty, which empties the attribute.
pub(super) fn text(params: &Params, name: &'static str) -> Result<Option<String>, ParamError> {
    match params.str(name)? {
        Some(text) if text.len() > MAX_TEXT_BYTES => Err(ParamError::Invalid(name.into())),
        Some(text) => Ok(Some(text.into_owned())),
        None => Ok(None),
    }
}

/// What the caller wants the user to be.
pub(super) fn user_change(params: &Params) -> Result<UserChange, Failure> {
    let mut change = UserChange {
        // An empty name is no wish to have none.
        username: params.filled("username", MAX_TEXT_BYTES)?,
        realname: text(params, "realname")?,
        firstname: text(params, "firstname")?,
        lastname: text(params, "lastname")?,
        email: text(params, "email")?,
        notes: text(params, "notes")?,
        status: params.filled("status", 64)?.map(|word| status(&word)).transpose()?,
        bypass_reason: text(params, "bypass_reason")?,
        bypass_end: bypass_end(params)?,
        auto_prompt: params.bool("enable_auto_prompt")?,
        default_factor: text(params, "default_factor")?.map(|word| default_factor(&word)).transpose()?,
        ..UserChange::default()
    };
    for (name, value) in params.map("aliases")?.unwrap_or_default() {
        let slot = ALIASES.iter().position(|alias| *alias == name).ok_or_else(|| invalid("aliases"))?;
        change.aliases.insert(slot_number(slot), value);
    }
    for (slot, name) in ALIASES.into_iter().enumerate() {
        if let Some(value) = text(params, name)? {
            change.aliases.insert(slot_number(slot), value);
        }
    }
    for (name, value) in params.with_prefix(CUSTOM)? {
        change.custom.insert(name, value);
    }
    for (name, value) in params.map("custom_attributes")?.unwrap_or_default() {
        change.custom.insert(name, value);
    }
    Ok(change)
}

/// When a bypass is to end, which Duo does not ask: `bypass_until` in seconds since the epoch, 0 for never.
pub(super) fn bypass_end(params: &Params) -> Result<Option<BypassEnd>, Failure> {
    match params.int("bypass_until")? {
        None => Ok(None),
        Some(0) => Ok(Some(BypassEnd::Never)),
        Some(second) => {
            let until = Timestamp::from_second(second).map_err(|_| invalid("bypass_until"))?;
            Ok(Some(BypassEnd::At(until)))
        }
    }
}

fn slot_number(index: usize) -> u8 {
    // There are eight.
    u8::try_from(index + 1).unwrap_or(u8::MAX)
}

/// `locked out` is a state that only the system gives, and the trash has calls of its own.
fn status(word: &str) -> Result<UserStatus, Failure> {
    match UserStatus::parse(&word.to_ascii_lowercase()) {
        Some(status @ (UserStatus::Active | UserStatus::Bypass | UserStatus::Disabled)) => Ok(status),
        Some(UserStatus::PendingDeletion) | None => Err(invalid("status")),
    }
}

fn default_factor(word: &str) -> Result<Option<DefaultFactor>, Failure> {
    if word.is_empty() {
        return Ok(None);
    }
    DefaultFactor::parse(word).map(Some).ok_or_else(|| invalid("default_factor"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(form: &str) -> Option<UserChange> {
        user_change(&Params::from_form(form.as_bytes()).unwrap()).ok()
    }

    #[test]
    fn aliases_come_one_by_one_or_together() {
        let one_by_one = of("alias1=a&alias8=b&alias2=").unwrap().aliases;
        assert_eq!(one_by_one, [(1, "a".into()), (2, String::new()), (8, "b".into())].into());
        assert_eq!(of("aliases=alias1%3Da%26alias8%3Db%26alias2%3D").unwrap().aliases, one_by_one);
        assert_eq!(of("aliases=alias9%3Da"), None);
    }

    #[test]
    fn attributes_of_the_organisations_own_have_a_prefix() {
        let custom = of("custom_attributes.badge=17&custom_attributes.desk=").unwrap().custom;
        assert_eq!(custom, [("badge".into(), "17".into()), ("desk".into(), String::new())].into());
    }

    #[test]
    fn only_three_statuses_can_be_given() {
        assert_eq!(of("status=Bypass").unwrap().status, Some(UserStatus::Bypass));
        assert_eq!(of("status=").unwrap().status, None);
        assert_eq!(of("status=locked+out"), None);
        assert_eq!(of("status=pending+deletion"), None);
    }
}
