//! An organisation's help in its own words, kept beside the settings under a name of its own.

use cs_core::id::AccountId;
use cs_store::accounts::Account;
use serde_json::{Value as Json, json};

use super::Actor;
use super::text::bounded;
use crate::{Engine, EngineError};

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

/// Under which the help is kept.
const HELP: &str = "custom_messaging";

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
        self.rebrand(account, actor, "custom_messaging", &description, &[], |settings| {
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
