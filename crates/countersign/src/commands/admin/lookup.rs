//! Objects by the names people use for them.

use cs_core::id::{GroupId, IntegrationKey, PhoneId, TokenId, UserId};
use cs_core::username::{Username, UsernameNormalization};
use cs_store::administrators::Administrator;
use cs_store::groups::GroupRecord;
use cs_store::integrations::IntegrationRecord;
use cs_store::phones::PhoneRecord;
use cs_store::tokens::TokenRecord;
use cs_store::users::{Slice, UserFilter, UserRecord};

use super::error::AdminError;
use super::site::Site;
use crate::config::distance;

/// As many names are compared to find what may have been meant.
const COMPARED: Slice = Slice { offset: 0, limit: 1000 };
/// As many objects are looked through for a name that is not a key.
const LOOKED_THROUGH: u32 = 10_000;

impl Site {
    /// The user with this username, alias or id.
    pub(super) async fn user(&self, given: &str) -> Result<UserRecord, AdminError> {
        if let Ok(id) = given.parse::<UserId>()
            && let Some((user, _)) = self.engine.store().user_record(self.account, id).await?
        {
            return Ok(user);
        }
        if let Ok(name) = Username::parse(given) {
            let key = name.key(UsernameNormalization::None);
            let slice = Slice { offset: 0, limit: 1 };
            let page = self.reader().users(self.account, &UserFilter::Name(key.as_str()), slice).await?;
            if let Some(user) = page.items.into_iter().next() {
                return Ok(user);
            }
        }
        let all = self.reader().users(self.account, &UserFilter::All, COMPARED).await?.items;
        Err(missing("user", given, all.iter().map(|user| user.username.as_str())))
    }

    /// The group with this name or id.
    pub(super) async fn group(&self, given: &str) -> Result<GroupRecord, AdminError> {
        if let Ok(id) = given.parse::<GroupId>()
            && let Some(group) = self.reader().group(self.account, id).await?
        {
            return Ok(group);
        }
        let slice = Slice { offset: 0, limit: u64::from(LOOKED_THROUGH) };
        let all = self.reader().groups(self.account, None, slice).await?.items;
        match all.iter().find(|group| group.name.eq_ignore_ascii_case(given)) {
            Some(group) => Ok(group.clone()),
            None => Err(missing("group", given, all.iter().map(|group| group.name.as_str()))),
        }
    }

    /// The phone with this id, number or label, or the only phone of the user with this name.
    pub(super) async fn phone(&self, given: &str) -> Result<PhoneRecord, AdminError> {
        if let Ok(id) = given.parse::<PhoneId>()
            && let Some(phone) = self.reader().phone(self.account, id).await?
        {
            return Ok(phone);
        }
        let slice = Slice { offset: 0, limit: u64::from(LOOKED_THROUGH) };
        let all = self.reader().phones(self.account, None, None, slice).await?.items;
        let number = cs_engine::admin::phones::phone_number(given).filter(|number| !number.is_empty());
        let is_it = |phone: &&PhoneRecord| {
            phone.name.eq_ignore_ascii_case(given) || number.as_ref().is_some_and(|number| *number == phone.number)
        };
        let mut found: Vec<PhoneRecord> = all.iter().filter(is_it).cloned().collect();
        if found.is_empty()
            && let Ok(user) = self.user(given).await
        {
            found = self.reader().phones_of(self.account, &[user.id]).await?.remove(&user.id).unwrap_or_default();
        }
        match found.len() {
            0 => Err(missing("phone", given, all.iter().map(|phone| phone.name.as_str()))),
            1 => Ok(found.swap_remove(0)),
            _ => Err(ambiguous("phone", given, found.iter().map(|phone| phone.id.to_string()))),
        }
    }

    /// The token with this serial (or `TYPE:SERIAL`) or id.
    pub(super) async fn token(&self, given: &str) -> Result<TokenRecord, AdminError> {
        if let Ok(id) = given.parse::<TokenId>()
            && let Some(token) = self.reader().token(self.account, id).await?
        {
            return Ok(token);
        }
        let slice = Slice { offset: 0, limit: u64::from(LOOKED_THROUGH) };
        let all = self.reader().tokens(self.account, None, slice).await?.items;
        let is_it = |token: &&TokenRecord| {
            token.serial == given || given.split_once(':') == Some((token.kind.as_str(), token.serial.as_str()))
        };
        let mut found: Vec<TokenRecord> = all.iter().filter(is_it).cloned().collect();
        match found.len() {
            0 => Err(missing("token", given, all.iter().map(|token| token.serial.as_str()))),
            1 => Ok(found.swap_remove(0)),
            _ => Err(ambiguous("token", given, found.iter().map(|token| token.id.to_string()))),
        }
    }

    /// The integration with this key or name.
    pub(super) async fn integration(&self, given: &str) -> Result<IntegrationRecord, AdminError> {
        if let Ok(key) = given.parse::<IntegrationKey>()
            && let Some(record) = self.engine.store().integration_record(self.account, key).await?
        {
            return Ok(record);
        }
        let (all, _) = self.engine.store().integration_records(self.account, LOOKED_THROUGH, 0).await?;
        let mut found: Vec<_> = all.iter().filter(|record| record.name.eq_ignore_ascii_case(given)).cloned().collect();
        match found.len() {
            0 => Err(missing("integration", given, all.iter().map(|record| record.name.as_str()))),
            1 => Ok(found.swap_remove(0)),
            _ => Err(ambiguous("integration", given, found.iter().map(|record| record.key.to_string()))),
        }
    }

    /// The administrator with this address or id.
    pub(super) async fn administrator(&self, given: &str) -> Result<Administrator, AdminError> {
        let (all, _) = self.engine.store().administrators(self.account, LOOKED_THROUGH, 0).await?;
        let found = all.iter().find(|one| one.id.as_str() == given || one.email.eq_ignore_ascii_case(given));
        match found {
            Some(found) => Ok(found.clone()),
            None => Err(missing("administrator", given, all.iter().map(|one| one.email.as_str()))),
        }
    }
}

/// Says what may have been meant: a name at most a third of whose letters differ, and two of five: two that were exchanged.
pub(super) fn missing<'a>(what: &'static str, given: &str, names: impl Iterator<Item = &'a str>) -> AdminError {
    let wanted = given.to_lowercase();
    let suggestion = names
        .map(|name| (distance(&name.to_lowercase(), &wanted), name))
        .filter(|(distance, name)| *distance <= (name.chars().count().max(wanted.chars().count()) + 1) / 3)
        .min()
        .map(|(_, name)| name.to_owned());
    AdminError::NoSuch { what, given: given.to_owned(), suggestion }
}

/// As [`missing`]; where nothing is like it, all of a few names are told.
pub(super) fn none_of<'a>(what: &'static str, given: &str, names: impl Iterator<Item = &'a str> + Clone) -> AdminError {
    match missing(what, given, names.clone()) {
        AdminError::NoSuch { what, given, suggestion: None } => {
            let names = names.collect::<Vec<_>>().join(", ");
            AdminError::NoneOf { what, given, names }
        }
        error => error,
    }
}

fn ambiguous(what: &'static str, given: &str, ids: impl Iterator<Item = String>) -> AdminError {
    AdminError::Ambiguous { what, given: given.to_owned(), ids: ids.collect::<Vec<_>>().join(", ") }
}
