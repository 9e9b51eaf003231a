//! How an organisation's pages look: what everybody sees, and a draft that a few see before it is published.
//!
//! Both are kept beside the settings, under names of their own. Pictures are kept apart and named by what they show, so publishing a draft moves none.

use std::collections::BTreeSet;

use cs_core::id::{AccountId, UserId};
use cs_core::username::{Username, UsernameNormalization};
use cs_store::Job;
use cs_store::accounts::{Account, drop_pictures_except, keep_picture};
use serde_json::{Map, Value as Json, json};

use super::picture::{Picture, PictureKind};
use super::text::bounded;
use super::{Actor, admin_record};
use crate::{Engine, EngineError, MAX_ROUNDS};

/// The most users who see a draft.
pub const MOST_DRAFT_USERS: usize = 100;

/// Under which the look is kept in an account's settings.
const LIVE: &str = "branding";
/// Under which the draft is kept; the look's members, and [`USERS`].
const DRAFT: &str = "branding_draft";
/// Who sees the draft.
const USERS: &str = "user_ids";

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookCopy {
    /// What everybody sees.
    Live,
    /// What will be seen once it is published.
    Draft,
}

impl LookCopy {
    fn name(self) -> &'static str {
        match self {
            Self::Live => LIVE,
            Self::Draft => DRAFT,
        }
    }
}

/// A change of the look. What is `None` stays; an empty colour or text goes back to the default.
#[derive(Debug, Default)]
pub struct BrandingChange<'a> {
    /// `card_accent_color`: `#RGB` or `#RRGGBB`.
    pub accent: Option<&'a str>,
    /// `page_background_color`: the same.
    pub ground: Option<&'a str>,
    /// `sso_custom_username_label`: what the field for the name is called at the SSO login.
    pub username_label: Option<&'a str>,
    /// A new logo (`Some(Some(png))`), or none any more.
    pub logo: Option<Option<&'a [u8]>>,
    /// A new picture behind the card, or none any more.
    pub background: Option<Option<&'a [u8]>>,
}

/// The look of an account's pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Branding<'a> {
    /// The colour of buttons and links: `#rrggbb` or `#rgb`.
    pub accent: Option<&'a str>,
    /// The colour behind the card.
    pub ground: Option<&'a str>,
    /// What the field for the name is called at the SSO login.
    pub username_label: Option<&'a str>,
    /// The logo's name among the account's pictures.
    pub logo: Option<&'a str>,
    /// The same of the picture behind the card.
    pub background: Option<&'a str>,
}

impl<'a> Branding<'a> {
    fn kept(account: &'a Account, name: &str) -> Option<Self> {
        let look = account.settings.get(name)?;
        let text = |name: &str| look.get(name).and_then(Json::as_str);
        Some(Self {
            accent: text("card_accent_color"),
            ground: text("page_background_color"),
            username_label: text("sso_custom_username_label"),
            logo: text("logo"),
            background: text("background_img"),
        })
    }
}

/// The look of `account`'s pages.
pub fn branding(account: &Account) -> Branding<'_> {
    Branding::kept(account, LIVE).unwrap_or_default()
}

/// The draft; as the pages look now where none was begun.
pub fn branding_draft(account: &Account) -> Branding<'_> {
    Branding::kept(account, DRAFT).unwrap_or_else(|| branding(account))
}

/// Who sees the draft.
pub fn draft_users(account: &Account) -> Vec<UserId> {
    let listed = account.settings.get(DRAFT).and_then(|draft| draft.get(USERS)).and_then(Json::as_array);
    listed.into_iter().flatten().filter_map(|id| id.as_str()?.parse().ok()).collect()
}

impl Engine {
    /// What `username` sees of `account`: the look, or the draft. `normalization` is how whoever sent the name spells names.
    pub async fn look_for(
        &self,
        account: &Account,
        username: &str,
        normalization: UsernameNormalization,
    ) -> Result<LookCopy, EngineError> {
        let users = draft_users(account);
        let name = Username::parse(username).ok().filter(|_| !users.is_empty());
        let Some(name) = name else { return Ok(LookCopy::Live) };
        let found = self.store().user_named(account.id, name.key(normalization).as_str()).await?;
        Ok(if found.is_some_and(|user| users.contains(&user)) { LookCopy::Draft } else { LookCopy::Live })
    }

    /// Changes the look of an account's pages, or the draft of one. What cannot be is named, and nothing changes.
    pub async fn change_branding(
        &self,
        account: AccountId,
        actor: &Actor,
        copy: LookCopy,
        change: &BrandingChange<'_>,
        users: Option<&[UserId]>,
    ) -> Result<Account, EngineError> {
        let mut kept = Map::new();
        for (name, given) in [("card_accent_color", change.accent), ("page_background_color", change.ground)] {
            if let Some(given) = given {
                kept.insert(name.to_owned(), colour(name, given)?);
            }
        }
        if let Some(label) = change.username_label {
            let name = "sso_custom_username_label";
            kept.insert(name.to_owned(), some_text(bounded(name, label.trim(), 100)?));
        }
        if let Some(users) = users.filter(|_| copy == LookCopy::Draft) {
            kept.insert(USERS.to_owned(), self.checked_users(account, users).await?);
        }
        let mut description = kept.clone();
        let mut pictures = Vec::new();
        for (kind, given) in [(PictureKind::Logo, change.logo), (PictureKind::Background, change.background)] {
            let Some(png) = given else { continue };
            let picture = png.map(|png| Picture::check(kind, png)).transpose()?;
            kept.insert(kind.name().to_owned(), json!(picture.as_ref().map(|picture| &picture.digest)));
            description.insert(kind.name().to_owned(), json!(if picture.is_some() { "new" } else { "removed" }));
            pictures.extend(picture);
        }
        self.rebrand(account, actor, copy.name(), &Json::Object(description), &pictures, |settings| {
            if copy == LookCopy::Draft {
                begin_draft(settings);
            }
            merge(settings, copy.name(), &kept);
        })
        .await
    }

    /// Sets the organisation's logo, a PNG within [`super::picture`]'s bounds; `None` removes it.
    pub async fn set_logo(&self, account: AccountId, actor: &Actor, png: Option<&[u8]>) -> Result<(), EngineError> {
        let change = BrandingChange { logo: Some(png), ..BrandingChange::default() };
        self.change_branding(account, actor, LookCopy::Live, &change, None).await?;
        Ok(())
    }

    /// Lets `user` see the draft, or no longer. [`EngineError::NotFound`] for a user whom there is not, or who does not see it anyway.
    pub async fn change_draft_user(
        &self,
        account: AccountId,
        actor: &Actor,
        user: UserId,
        sees_it: bool,
    ) -> Result<Account, EngineError> {
        let before = self.store().account(account).await?.ok_or(EngineError::NotFound)?;
        let users = draft_users(&before);
        let is_there = match sees_it {
            true => self.store().user_record(account, user).await?.is_some(),
            false => users.contains(&user),
        };
        if !is_there {
            return Err(EngineError::NotFound);
        }
        let known = self.store().reader().users_by_id(account, &users).await?;
        let stays = |other: &str| {
            other != user.as_str() && !users.iter().any(|id| id.as_str() == other && !known.contains_key(id))
        };
        if sees_it && known.len() >= MOST_DRAFT_USERS && !known.contains_key(&user) {
            return Err(EngineError::Invalid(USERS));
        }
        let description = json!({USERS: user.as_str(), "sees_draft": sees_it});
        self.rebrand(account, actor, DRAFT, &description, &[], |settings| {
            begin_draft(settings);
            let Some(Json::Object(draft)) = settings.get_mut(DRAFT) else { return };
            let listed = draft.get(USERS).and_then(Json::as_array).cloned().unwrap_or_default();
            let others = listed.into_iter().filter(|id| id.as_str().is_some_and(stays));
            let all: Vec<Json> = others.chain(sees_it.then(|| json!(user.as_str()))).collect();
            draft.insert(USERS.to_owned(), Json::Array(all));
        })
        .await
    }

    /// Makes the draft what everybody sees; from then on there is none.
    pub async fn publish_branding(&self, account: AccountId, actor: &Actor) -> Result<Account, EngineError> {
        let description = json!({"published": true});
        self.rebrand(account, actor, DRAFT, &description, &[], |settings| {
            if let Some(Json::Object(mut draft)) = settings.remove(DRAFT) {
                draft.remove(USERS);
                settings.insert(LIVE.to_owned(), Json::Object(draft));
            }
        })
        .await
    }

    /// The picture `digest` of `account`, if its look or its draft shows it.
    pub async fn picture(&self, account: &Account, digest: &str) -> Result<Option<Vec<u8>>, EngineError> {
        if !shown(&account.settings).contains(digest) {
            return Ok(None);
        }
        Ok(self.store().picture(account.id, digest).await?)
    }

    async fn checked_users(&self, account: AccountId, users: &[UserId]) -> Result<Json, EngineError> {
        let users: BTreeSet<UserId> = users.iter().copied().collect();
        let users: Vec<UserId> = users.into_iter().collect();
        if users.len() > MOST_DRAFT_USERS
            || self.store().reader().users_by_id(account, &users).await?.len() != users.len()
        {
            return Err(EngineError::Invalid(USERS));
        }
        Ok(json!(users.iter().map(UserId::as_str).collect::<Vec<_>>()))
    }

    /// Commits an edit of how pages look or what help they offer; `pictures` are what it shows anew.
    pub(super) async fn rebrand(
        &self,
        account: AccountId,
        actor: &Actor,
        about: &'static str,
        description: &Json,
        pictures: &[Picture<'_>],
        edit: impl Fn(&mut Map<String, Json>) + Sync,
    ) -> Result<Account, EngineError> {
        for _ in 0..MAX_ROUNDS {
            let Some(before) = self.store().account(account).await? else { return Err(EngineError::NotFound) };
            let mut after = before.clone();
            edit(&mut after.settings);
            if after.settings == before.settings {
                return Ok(before);
            }
            let mut job = Job::new().step(after.update());
            for picture in pictures {
                job = job.step(keep_picture(account, &picture.digest, picture.png));
            }
            let (left, now_shown) = (shown(&before.settings), shown(&after.settings));
            if !left.is_subset(&now_shown) {
                job = job.step(drop_pictures_except(account, &now_shown));
            }
            let record = admin_record(account, actor, "customer_update", about, description, self.clock().now());
            if self.change(job.log(record)).await? {
                return Ok(after);
            }
        }
        Err(EngineError::Contention)
    }
}

/// The pictures that the look and the draft show.
fn shown(settings: &Map<String, Json>) -> BTreeSet<&str> {
    let looks = [LIVE, DRAFT].into_iter().filter_map(|name| settings.get(name));
    let pictures = looks.flat_map(|look| PictureKind::ALL.map(|kind| look.get(kind.name()).and_then(Json::as_str)));
    pictures.flatten().collect()
}

/// A draft begins as the pages look now.
fn begin_draft(settings: &mut Map<String, Json>) {
    if !settings.contains_key(DRAFT) {
        let live = settings.get(LIVE).cloned().unwrap_or_else(|| json!({}));
        settings.insert(DRAFT.to_owned(), live);
    }
}

/// Puts `members` into the object `name`; what is null leaves it.
fn merge(settings: &mut Map<String, Json>, name: &str, members: &Map<String, Json>) {
    let mut object = settings.get(name).and_then(Json::as_object).cloned().unwrap_or_default();
    for (name, value) in members {
        match value {
            Json::Null => drop(object.remove(name)),
            value => drop(object.insert(name.clone(), value.clone())),
        }
    }
    settings.insert(name.to_owned(), Json::Object(object));
}

/// `#rgb` or `#rrggbb` in small letters, or null for the default.
fn colour(name: &'static str, given: &str) -> Result<Json, EngineError> {
    let digits = given.trim();
    let digits = digits.strip_prefix('#').unwrap_or(digits);
    match digits.len() {
        0 => Ok(Json::Null),
        3 | 6 if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Ok(json!(format!("#{}", digits.to_ascii_lowercase())))
        }
        _ => Err(EngineError::Invalid(name)),
    }
}

fn some_text(text: String) -> Json {
    if text.is_empty() { Json::Null } else { Json::String(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_three_or_six_digits() {
        for (given, expected) in [
            ("#FFaa00", Some(json!("#ffaa00"))),
            ("0a7", Some(json!("#0a7"))),
            ("", Some(Json::Null)),
            ("red", None),
            ("#12345", None),
            ("#fff;}", None),
        ] {
            assert_eq!(colour("card_accent_color", given).ok(), expected, "{given}");
        }
    }
}
