//! What letters say, in every language they are written in. A text that is missing does not compile.
//!
//! `{organisation}`, `{username}`, `{device}` and `{time}`, `{address}` stand for what a letter is about.

mod de;
mod en;
mod es;
mod fr;
mod ja;

use cs_core::language::Language;

/// All that letters say in a language.
pub(super) fn words(language: Language) -> &'static Words {
    match language {
        Language::En => &en::WORDS,
        Language::De => &de::WORDS,
        Language::Fr => &fr::WORDS,
        Language::Es => &es::WORDS,
        Language::Ja => &ja::WORDS,
    }
}

/// What a user is told of that they, or somebody else, did to their account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// A device was added.
    DeviceAdded,
    /// A device has another name.
    DeviceRenamed,
    /// Another device is asked first.
    DeviceFirst,
    /// A device was removed.
    DeviceRemoved,
    /// A lost device was removed.
    DeviceLost,
    /// A security key or passkey was added.
    KeyAdded,
    /// A security key or passkey was removed.
    KeyRemoved,
    /// A browser was forgotten.
    BrowserForgotten,
    /// All browsers were forgotten.
    BrowsersForgotten,
    /// There are new recovery codes.
    RecoveryCodes,
    /// A login was reported as somebody else's.
    LoginReported,
    /// There are new codes of the help desk.
    BypassCodes,
    /// The authenticator is on a new device.
    Moved,
    /// That it is there was reported as somebody else's doing, and undone.
    MoveUndone,
}

/// A subject, and the sentence under it.
pub(super) type Told = [&'static str; 2];

/// All that letters say in one language.
pub(super) struct Words {
    pub(super) administrator_subject: &'static str,
    pub(super) administrator_what: &'static str,
    pub(super) administrator_how: &'static str,
    pub(super) administrator_link: &'static str,
    pub(super) enroll_subject: &'static str,
    pub(super) enroll_what: &'static str,
    /// Where the link leads through it.
    pub(super) enroll_how: &'static str,
    pub(super) enroll_link: &'static str,
    /// Where the link is opened on the phone itself.
    pub(super) phone_how: &'static str,
    pub(super) phone_link: &'static str,
    /// Until when the link works.
    pub(super) until: &'static str,
    pub(super) not_expected: &'static str,
    pub(super) test_subject: &'static str,
    pub(super) test_what: &'static str,
    /// A subject with the organisation.
    pub(super) of: &'static str,
    /// When it was.
    pub(super) when: &'static str,
    /// From which address it was asked for.
    pub(super) from: &'static str,
    pub(super) not_you: &'static str,
    pub(super) device_added: Told,
    pub(super) device_renamed: Told,
    pub(super) device_first: Told,
    pub(super) device_removed: Told,
    pub(super) device_lost: Told,
    pub(super) key_added: Told,
    pub(super) key_removed: Told,
    pub(super) browser_forgotten: Told,
    pub(super) browsers_forgotten: Told,
    pub(super) recovery_codes: Told,
    pub(super) bypass_codes: Told,
    pub(super) login_reported: Told,
    pub(super) moved: Told,
    pub(super) move_undone: Told,
}

impl Words {
    pub(super) fn told(&self, about: About) -> Told {
        match about {
            About::DeviceAdded => self.device_added,
            About::DeviceRenamed => self.device_renamed,
            About::DeviceFirst => self.device_first,
            About::DeviceRemoved => self.device_removed,
            About::DeviceLost => self.device_lost,
            About::KeyAdded => self.key_added,
            About::KeyRemoved => self.key_removed,
            About::BrowserForgotten => self.browser_forgotten,
            About::BrowsersForgotten => self.browsers_forgotten,
            About::RecoveryCodes => self.recovery_codes,
            About::BypassCodes => self.bypass_codes,
            About::LoginReported => self.login_reported,
            About::Moved => self.moved,
            About::MoveUndone => self.move_undone,
        }
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> Vec<&'static str> {
        let mut all = vec![
            self.administrator_subject,
            self.administrator_what,
            self.administrator_how,
            self.administrator_link,
            self.enroll_subject,
            self.enroll_what,
            self.enroll_how,
            self.enroll_link,
            self.phone_how,
            self.phone_link,
            self.until,
            self.not_expected,
            self.test_subject,
            self.test_what,
            self.of,
            self.when,
            self.from,
            self.not_you,
        ];
        let told = [
            self.device_added,
            self.device_renamed,
            self.device_first,
            self.device_removed,
            self.device_lost,
            self.key_added,
            self.key_removed,
            self.browser_forgotten,
            self.browsers_forgotten,
            self.recovery_codes,
            self.bypass_codes,
            self.login_reported,
            self.moved,
            self.move_undone,
        ];
        all.extend(told.as_flattened());
        all
    }
}

/// `text` with what its places stand for. What is put in is not looked at again: a name may hold braces.
pub(super) fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        filled.push_str(values.iter().find(|(of, _)| *of == name).map_or("", |(_, value)| value));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str) -> Vec<&str> {
        let mut places: Vec<&str> = text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        places.sort_unstable();
        places
    }

    #[test]
    fn every_language_says_all_of_it_in_words_of_its_own_about_the_same_things() {
        let english = words(Language::En).all();
        for language in Language::ALL {
            let own = words(language).all();
            for (english, own) in english.iter().zip(&own) {
                assert!(!own.trim().is_empty() && own.trim() == *own, "{language:?}: {english}");
                assert_eq!(places(own), places(english), "{language:?}: {own}");
                let is_copied = language != Language::En && own == english && !own.starts_with('{');
                assert!(!is_copied, "{language:?} says nothing of its own for {english}");
            }
        }
    }

    #[test]
    fn what_is_put_in_is_not_looked_at_again() {
        let values = [("device", "{username} {"), ("username", "alice")];
        assert_eq!(fill("{device} of {username}.", &values), "{username} { of alice.");
        assert_eq!(fill("{nobody}!", &values), "!");
    }
}
