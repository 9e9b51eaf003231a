//! How an organisation's pages look, and what help they offer in its own words.
//!
//! Both are kept beside the settings, under names of their own; only the logo's picture has a column.

use aws_lc_rs::digest::{SHA256, digest};
use cs_core::id::AccountId;
use cs_store::Job;
use cs_store::accounts::{Account, set_logo};
use data_encoding::HEXLOWER;
use serde_json::{Map, Value as Json, json};

use super::settings::is_logo;
use super::text::bounded;
use super::{Actor, admin_record};
use crate::{Engine, EngineError, MAX_ROUNDS};

/// The longest help text, in characters (Duo's limit).
pub const MOST_HELP_CHARS: usize = 200;
/// The most links of the help (Duo's limit).
pub const MOST_HELP_LINKS: usize = 2;
/// The locales that help can be written for (Duo's list).
pub const HELP_LOCALES: [&str; 20] = [
    "en_US",
    "cs_CZ",
    "de_DE",
    "es_ES",
    "es_419",
    "fi_FI",
    "fr_FR",
    "hi_IN",
    "id_ID",
    "it_IT",
    "ja_JP",
    "ko_KR",
    "nb_NO",
    "pl_PL",
    "pt_BR",
    "sv_SE",
    "th_TH",
    "tr_TR",
    "vi_VN",
    "zh_hans_CN",
];

/// Under which the look is kept in an account's settings.
const LOOK: &str = "branding";
/// Under which the help is kept.
const HELP: &str = "custom_messaging";
/// Digits of a logo's digest: enough to tell one from the next.
const LOGO_DIGITS: usize = 16;

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
    /// Tells one logo from the next; none without a logo.
    pub logo: Option<&'a str>,
}

/// An organisation's help, in one locale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelpText<'a> {
    /// The locale it is written for.
    pub locale: &'a str,
    /// At most [`MOST_HELP_CHARS`] characters.
    pub text: &'a str,
    /// At most [`MOST_HELP_LINKS`]; http or https.
    pub links: Vec<&'a str>,
}

/// The look of `account`'s pages.
pub fn branding(account: &Account) -> Branding<'_> {
    let look = account.settings.get(LOOK);
    let text = |name: &str| look.and_then(|look| look.get(name)).and_then(Json::as_str);
    Branding {
        accent: text("card_accent_color"),
        ground: text("page_background_color"),
        username_label: text("sso_custom_username_label"),
        logo: text("logo"),
    }
}

/// The help of `account` for readers of `locale` (`de_DE`) or of a language (`de`); in the locale that was written first where there is none for them.
pub fn help<'a>(account: &'a Account, locale: &str) -> Option<HelpText<'a>> {
    let kept = account.settings.get(HELP)?;
    let texts: Vec<(&str, &str)> = kept.get("texts")?.as_array()?.iter().filter_map(pair).collect();
    let links = kept.get("links").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).collect();
    let exact = texts.iter().find(|(of, _)| *of == locale);
    let language = || texts.iter().find(|(of, _)| of.split('_').next() == locale.split('_').next());
    let &(locale, text) = exact.or_else(language).or(texts.first())?;
    Some(HelpText { locale, text, links })
}

fn pair(entry: &Json) -> Option<(&str, &str)> {
    Some((entry.get(0)?.as_str()?, entry.get(1)?.as_str()?))
}

impl Engine {
    /// Changes the look of an account's pages. A colour, text or logo that cannot be is named, and nothing changes.
    pub async fn change_branding(
        &self,
        account: AccountId,
        actor: &Actor,
        change: &BrandingChange<'_>,
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
        let mut description = kept.clone();
        if let Some(png) = change.logo {
            kept.insert("logo".to_owned(), logo_digest(png)?);
            description.insert("logo".to_owned(), json!(if png.is_some() { "new" } else { "removed" }));
        }
        self.rebrand(account, actor, "branding", &Json::Object(description), change.logo, |settings| {
            merge(settings, LOOK, &kept);
        })
        .await
    }

    /// Sets the organisation's logo, a PNG within [`super::settings::MOST_LOGO_BYTES`] and [`super::settings::LOGO_PIXELS`]; `None` removes it.
    pub async fn set_logo(&self, account: AccountId, actor: &Actor, png: Option<&[u8]>) -> Result<(), EngineError> {
        let kept = Map::from_iter([("logo".to_owned(), logo_digest(png)?)]);
        let description = json!({"logo": if png.is_some() { "new" } else { "removed" }});
        self.rebrand(account, actor, "logo", &description, Some(png), |settings| merge(settings, LOOK, &kept)).await?;
        Ok(())
    }

    /// Changes the help: its text in `locale`, and its links, which are the same everywhere. An empty text takes the locale's away.
    pub async fn change_help(
        &self,
        account: AccountId,
        actor: &Actor,
        locale: &str,
        text: Option<&str>,
        links: Option<&[String]>,
    ) -> Result<Account, EngineError> {
        let locale = HELP_LOCALES.into_iter().find(|known| *known == locale).ok_or(EngineError::Invalid("locale"))?;
        let text = text.map(|text| bounded("help_text", text.trim(), MOST_HELP_CHARS)).transpose()?;
        if links.is_some_and(|links| links.len() > MOST_HELP_LINKS || !links.iter().all(|link| is_web_link(link))) {
            return Err(EngineError::Invalid("help_links"));
        }
        let description = json!({"locale": locale, "help_text": text, "help_links": links});
        self.rebrand(account, actor, "custom_messaging", &description, None, |settings| {
            let mut kept = settings.get(HELP).and_then(Json::as_object).cloned().unwrap_or_default();
            let mut texts = kept.get("texts").and_then(Json::as_array).cloned().unwrap_or_default();
            if let Some(text) = &text {
                let place = texts.iter().position(|entry| entry[0] == locale);
                match (place, text.is_empty()) {
                    (Some(place), true) => drop(texts.remove(place)),
                    (Some(place), false) => texts[place] = json!([locale, text]),
                    (None, true) => {}
                    (None, false) => texts.push(json!([locale, text])),
                }
            }
            kept.insert("texts".to_owned(), Json::Array(texts));
            if let Some(links) = links {
                kept.insert("links".to_owned(), json!(links));
            }
            settings.insert(HELP.to_owned(), Json::Object(kept));
        })
        .await
    }

    async fn rebrand(
        &self,
        account: AccountId,
        actor: &Actor,
        about: &'static str,
        description: &Json,
        logo: Option<Option<&[u8]>>,
        edit: impl Fn(&mut Map<String, Json>) + Sync,
    ) -> Result<Account, EngineError> {
        for _ in 0..MAX_ROUNDS {
            let Some(before) = self.store().account(account).await? else { return Err(EngineError::NotFound) };
            let mut after = before.clone();
            edit(&mut after.settings);
            if after.settings == before.settings && logo.is_none() {
                return Ok(before);
            }
            let mut job = Job::new().step(after.update());
            if let Some(png) = logo {
                job = job.step(set_logo(account, png));
            }
            let record = admin_record(account, actor, "customer_update", about, description, self.clock().now());
            if self.change(job.log(record)).await? {
                return Ok(after);
            }
        }
        Err(EngineError::Contention)
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

fn logo_digest(png: Option<&[u8]>) -> Result<Json, EngineError> {
    let Some(png) = png else { return Ok(Json::Null) };
    if !is_logo(png) {
        return Err(EngineError::Invalid("logo"));
    }
    let mut digits = HEXLOWER.encode(digest(&SHA256, png).as_ref());
    digits.truncate(LOGO_DIGITS);
    Ok(Json::String(digits))
}

/// An address of the web with a host, without blanks or anything that ends a text.
fn is_web_link(link: &str) -> bool {
    let rest = link.strip_prefix("https://").or_else(|| link.strip_prefix("http://"));
    let plain =
        link.len() <= 2000 && link.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '"' | '\'' | '`'));
    plain && rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
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

    #[test]
    fn a_link_leads_into_the_web() {
        for link in ["https://help.example.org/a?b=c#d", "http://intranet/help"] {
            assert!(is_web_link(link), "{link}");
        }
        for link in
            ["javascript:alert(1)", "https://", "https:///x", "ftp://a", "https://a b", "https://a\"><x", "HELP"]
        {
            assert!(!is_web_link(link), "{link}");
        }
    }
}
