//! The texts of pages, in every language.

use std::borrow::Cow;
use std::collections::HashMap;

use cs_core::language::Language;
use fluent_templates::fluent_bundle::FluentValue;
use fluent_templates::{LanguageIdentifier, Loader as _, langid, static_loader};

static_loader! {
    static TEXTS = {
        locales: "./texts",
        fallback_language: "en",
        // Isolation marks are for texts that mix writing directions; ours end up in titles and labels, where they show as boxes.
        customise: |bundle| bundle.set_use_isolating(false),
    };
}

fn identifier(language: Language) -> LanguageIdentifier {
    match language {
        Language::En => langid!("en"),
        Language::De => langid!("de"),
        Language::Fr => langid!("fr"),
        Language::Es => langid!("es"),
        Language::Ja => langid!("ja"),
    }
}

/// Marks a text's id outside of a template, for the test that looks for texts that do not exist.
pub(crate) const fn id(id: &'static str) -> &'static str {
    id
}

/// The texts in one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text(pub Language);

impl Text {
    /// The language's tag, for `lang`.
    pub fn lang(&self) -> &'static str {
        self.0.tag()
    }

    /// The text `id`.
    pub fn say(&self, id: &str) -> String {
        TEXTS.lookup(&identifier(self.0), id)
    }

    /// The text `id` with one value in it.
    pub fn say_with(&self, id: &str, name: &'static str, value: &str) -> String {
        let value = FluentValue::String(Cow::Owned(value.to_owned()));
        TEXTS.lookup_with_args(&identifier(self.0), id, &HashMap::from([(Cow::Borrowed(name), value)]))
    }

    /// The text `id` with a number in it, in the plural form that the language has for it.
    pub fn say_count(&self, id: &str, count: usize) -> String {
        let args = HashMap::from([(Cow::Borrowed("count"), FluentValue::from(count))]);
        TEXTS.lookup_with_args(&identifier(self.0), id, &args)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The ids that a file of texts defines.
    fn ids(language: Language) -> BTreeSet<String> {
        let path = format!("{}/texts/{}/pages.ftl", env!("CARGO_MANIFEST_DIR"), language.tag());
        let file = std::fs::read_to_string(path).unwrap();
        let defines = |line: &str| {
            let (id, _) = line.split_once('=')?;
            let id = id.trim_end();
            let is_id = !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
            (is_id && !line.starts_with(' ')).then(|| id.to_owned())
        };
        file.lines().filter_map(defines).collect()
    }

    #[test]
    fn every_text_exists_in_every_language() {
        let english = ids(Language::En);
        assert!(english.len() > 40);
        for language in Language::ALL {
            let own = ids(language);
            let missing: Vec<_> = english.symmetric_difference(&own).collect();
            assert!(missing.is_empty(), "{language:?}: {missing:?}");
            for id in &english {
                // A text with a value in it cannot be said without.
                let values = [
                    ("count", FluentValue::from(2)),
                    ("application", "A".into()),
                    ("device", "D".into()),
                    ("software", "S".into()),
                    ("account", "O".into()),
                    ("time", "T".into()),
                ];
                let args = values.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect();
                let said = TEXTS.lookup_no_default_fallback(&identifier(language), id, Some(&args));
                assert!(said.is_some(), "{language:?} cannot say {id}");
            }
        }
    }

    #[test]
    fn every_text_that_a_template_says_exists_and_none_is_left_over() {
        let mut said = BTreeSet::new();
        collect(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/templates")), &mut said);
        collect(std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")), &mut said);
        let english = ids(Language::En);
        let whys = crate::Why::ALL.iter().flat_map(|why| ["", "-title"].map(|end| format!("why-{}{end}", why.word())));
        let whys: BTreeSet<_> = whys.collect();
        let missing: Vec<_> = said.union(&whys).filter(|id| !english.contains(*id)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        let idle: Vec<_> = english.difference(&said).filter(|id| !whys.contains(*id)).collect();
        assert!(idle.is_empty(), "nothing says {idle:?}");
    }

    fn collect(folder: &std::path::Path, said: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, said);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for opening in ["say(\"", "say_with(\"", "say_count(\"", "id(\""] {
                said.extend(text.split(opening).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
            }
        }
        // The tests' own words are no texts.
        said.retain(|id| {
            id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_')) && !id.is_empty()
        });
    }

    #[test]
    fn numbers_take_their_plural_form() {
        assert_eq!(Text(Language::En).say_count("tries-left", 1), "You have 1 more try.");
        assert_eq!(Text(Language::En).say_count("tries-left", 3), "You have 3 more tries.");
        assert_eq!(Text(Language::Ja).say_count("tries-left", 3), "あと3回試せます。");
    }
}
