//! Letters: what people are told by mail. They are queued in the commit that calls for them, sealed, because most hold a link that is worth an account.
//!
//! They are in the account's language: nobody knows their reader's before that opens a page.

mod words;

use std::net::IpAddr;

use cs_core::id::AccountId;
use cs_core::language::Language;
use cs_core::secret::PlainCode;
use cs_store::Job;
use cs_store::accounts::Account;
use cs_store::outbox::{Effect, Leased};
use data_encoding::BASE64;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use self::words::{Words, fill, words};
use crate::{Engine, EngineError};

pub use self::words::About;

/// The kind of the effects that are letters.
pub const MAIL: &str = "mail";

/// Makes the link that a one-time code goes into; `None` if it cannot be made.
pub type LinkOf<'a> = &'a (dyn Fn(&PlainCode) -> Option<String> + Sync);

/// The language of an account: its setting `language`.
pub fn language_of(account: &Account) -> Language {
    account.settings.get("language").and_then(Json::as_str).and_then(Language::parse).unwrap_or_default()
}

/// A letter: texts and at most one link, no markup.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// One address.
    pub to: String,
    /// The language it is written in. Letters of earlier versions were all in English.
    #[serde(default, with = "tag")]
    pub language: Language,
    /// One line.
    pub subject: String,
    /// Paragraphs before the link.
    pub before: Vec<String>,
    /// What to open.
    pub link: Option<LetterLink>,
    /// Paragraphs after it.
    pub after: Vec<String>,
}

/// A language as its tag.
mod tag {
    use cs_core::language::Language;
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(language: &Language, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(language.tag())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Language, D::Error> {
        let tag = String::deserialize(deserializer)?;
        Language::parse(&tag).ok_or_else(|| D::Error::custom("no language of ours"))
    }
}

/// A link and what it is called.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetterLink {
    /// What a person reads.
    pub label: String,
    /// An `https` address.
    pub url: String,
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Letter({:?}, ..)", self.subject)
    }
}

impl std::fmt::Debug for LetterLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LetterLink(..)")
    }
}

impl Letter {
    /// Invites an administrator of `account` to set a first password, or a new one.
    pub fn administrator_invitation(account: &Account, to: &str, url: String, expires: Timestamp) -> Self {
        let (letter, w) = Self::begin(account, to);
        let organisation = [("organisation", account.name.as_str())];
        letter
            .subject(fill(w.administrator_subject, &organisation))
            .paragraph(fill(w.administrator_what, &organisation))
            .paragraph(w.administrator_how.to_owned())
            .link(w, w.administrator_link, url, expires)
    }

    /// Invites a user to bind a phone.
    pub fn enrollment(account: &Account, to: &str, username: &str, url: String, expires: Timestamp) -> Self {
        let (letter, w) = Self::to_enroll(account, to, username);
        letter.paragraph(w.phone_how.to_owned()).link(w, w.phone_link, url, expires)
    }

    /// Invites a user to set up a first factor, on a page that leads through it.
    pub fn invitation(account: &Account, to: &str, username: &str, url: String, expires: Timestamp) -> Self {
        let (letter, w) = Self::to_enroll(account, to, username);
        letter.paragraph(w.enroll_how.to_owned()).link(w, w.enroll_link, url, expires)
    }

    /// Tells a user of a change that they, or somebody else, has made; `device` is what it is about, or nothing.
    pub fn notice(
        account: &Account,
        to: &str,
        username: &str,
        about: About,
        device: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Self {
        let (letter, w) = Self::begin(account, to);
        let [subject, what] = w.told(about);
        let from = address.map(|address| format!(" {}", fill(w.from, &[("address", &address.to_string())])));
        let from = from.unwrap_or_default();
        let (time, values) = (moment(now), [("username", username), ("device", device)]);
        letter
            .subject(fill(w.of, &[("what", subject), ("organisation", &account.name)]))
            .paragraph(fill(what, &values))
            .paragraph(fill(w.when, &[("time", &time)]) + &from)
            .paragraph(w.not_you.to_owned())
    }

    /// Shows that mail arrives.
    pub fn test(account: &Account, to: &str) -> Self {
        let (letter, w) = Self::begin(account, to);
        letter.subject(fill(w.test_subject, &[("organisation", &account.name)])).paragraph(w.test_what.to_owned())
    }

    /// An empty letter in the account's language, and what that says.
    fn begin(account: &Account, to: &str) -> (Self, &'static Words) {
        let language = language_of(account);
        let letter = Self {
            to: to.to_owned(),
            language,
            subject: String::new(),
            before: Vec::new(),
            link: None,
            after: Vec::new(),
        };
        (letter, words(language))
    }

    fn to_enroll(account: &Account, to: &str, username: &str) -> (Self, &'static Words) {
        let (letter, w) = Self::begin(account, to);
        let values = [("organisation", account.name.as_str()), ("username", username)];
        (letter.subject(fill(w.enroll_subject, &values)).paragraph(fill(w.enroll_what, &values)), w)
    }

    fn subject(self, subject: String) -> Self {
        Self { subject, ..self }
    }

    fn paragraph(mut self, paragraph: String) -> Self {
        self.before.push(paragraph);
        self
    }

    /// The link, until when it works and for whom it is.
    fn link(self, w: &Words, label: &str, url: String, expires: Timestamp) -> Self {
        let until = fill(w.until, &[("time", &moment(expires))]);
        let link = Some(LetterLink { label: label.to_owned(), url });
        Self { link, after: vec![until, w.not_expected.to_owned()], ..self }
    }

    /// The message as text, as the text part of the mail has it: paragraphs, the link on a line of its own.
    pub fn plain(&self) -> String {
        let mut text = self.before.join("\r\n\r\n");
        if let Some(link) = &self.link {
            text.push_str(&format!("\r\n\r\n{}", link.url));
        }
        for paragraph in &self.after {
            text.push_str(&format!("\r\n\r\n{paragraph}"));
        }
        text.push_str("\r\n");
        text
    }

    /// The whole message for the log, without `code`, by which others could do what it was sent for.
    pub fn preview(&self, code: &PlainCode) -> Json {
        json!({"to": self.to, "subject": self.subject, "text": self.plain().replace(code.expose(), "…")})
    }

    /// Whom it is for and what it is about, without what is secret: what stays of it after delivery.
    pub fn about(&self) -> String {
        json!({"to": self.to, "subject": self.subject}).to_string()
    }
}

/// A time that every reader understands alike.
fn moment(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Whom a queued or delivered letter is for and what it is about: address and subject.
pub fn addressed(payload: &str) -> Option<(String, String)> {
    let payload: Json = serde_json::from_str(payload).ok()?;
    Some((payload.get("to")?.as_str()?.to_owned(), payload.get("subject")?.as_str()?.to_owned()))
}

impl Engine {
    /// Whether this installation can send mail at all.
    pub fn sends_mail(&self) -> bool {
        self.inner.mail
    }

    /// The effect that sends `letter`, for the job that calls for it; `None` where no mail can be sent.
    pub fn letter(&self, account: AccountId, letter: &Letter, now: Timestamp) -> Result<Option<Effect>, EngineError> {
        if !self.sends_mail() {
            return Ok(None);
        }
        let mut effect = Effect::new(MAIL, account.as_str(), String::new(), now);
        let plain = zeroize::Zeroizing::new(json!(letter).to_string());
        let sealed = self.store().vault().seal(account.as_str(), "effect", "payload", &effect.id, plain.as_bytes());
        let sealed = BASE64.encode(&sealed.map_err(EngineError::vault)?);
        effect.payload = json!({"to": letter.to, "subject": letter.subject, "sealed": sealed}).to_string();
        Ok(Some(effect))
    }

    /// Queues `letter` by itself; its id, or `None` where no mail can be sent.
    pub async fn queue_letter(&self, account: AccountId, letter: &Letter) -> Result<Option<String>, EngineError> {
        let Some(effect) = self.letter(account, letter, self.clock().now())? else { return Ok(None) };
        let id = effect.id.clone();
        self.found(Job::new().effect(effect)).await?;
        Ok(Some(id))
    }

    /// The letter that `effect` is to send.
    pub fn open_letter(&self, effect: &Leased) -> Result<Letter, EngineError> {
        let payload: Json = serde_json::from_str(&effect.payload).map_err(|_| EngineError::Invalid("payload"))?;
        let sealed = payload.get("sealed").and_then(Json::as_str).ok_or(EngineError::Invalid("payload"))?;
        let sealed = BASE64.decode(sealed.as_bytes()).map_err(|_| EngineError::Invalid("payload"))?;
        let plain = self
            .store()
            .vault()
            .open(&effect.account, "effect", "payload", &effect.id, &sealed)
            .map_err(EngineError::vault)?;
        serde_json::from_slice(&plain).map_err(|_| EngineError::Invalid("payload"))
    }
}

#[cfg(test)]
mod tests {
    use cs_core::account::LoginSettings;

    use super::*;

    fn account(language: &str) -> Account {
        let Json::Object(settings) = json!({"language": language}) else { unreachable!() };
        Account {
            id: AccountId::generate(&mut crate::SystemRng),
            name: "Example {username}".to_owned(),
            api_host: "api.example.org".to_owned(),
            settings,
            login: LoginSettings::default(),
            version: 1,
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_letter_is_in_the_accounts_language_and_has_all_that_it_is_about() {
        for (setting, language, what) in [
            ("EN", Language::En, "protects your account alice"),
            ("DE", Language::De, "schützt Ihr Konto alice"),
            ("FR", Language::Fr, "protège votre compte alice"),
            ("ES", Language::Es, "protege su cuenta alice"),
            ("JA", Language::Ja, "アカウント alice を"),
            ("", Language::En, "protects your account alice"),
        ] {
            let (account, url) = (account(setting), "https://api.example.org/enroll/CODE".to_owned());
            let invitation = Letter::invitation(&account, "a@example.org", "alice", url, Timestamp::UNIX_EPOCH);
            assert_eq!(invitation.language, language);
            let text = invitation.plain();
            assert!(text.contains(what) && text.contains("Example {username}"), "{text}");
            assert!(text.contains("/enroll/CODE") && text.contains("1970-01-01 00:00 UTC"), "{text}");
            let notice = Letter::notice(
                &account,
                "a@example.org",
                "alice",
                About::DeviceLost,
                "My {time}",
                "192.0.2.7".parse().ok(),
                Timestamp::UNIX_EPOCH,
            );
            assert!(notice.subject.contains("Example {username}"), "{}", notice.subject);
            assert!(
                notice.plain().contains("192.0.2.7")
                    && notice.plain().contains("My {time}")
                    && notice.plain().contains("alice"),
                "{}",
                notice.plain()
            );
        }
    }
}
