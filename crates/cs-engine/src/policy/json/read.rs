//! Reads a section from JSON. What is absent keeps its default; what is unknown, of another kind or contradictory is refused, and named.

use std::collections::BTreeMap;

use cs_core::network::NetworkList;
use cs_core::policy::{Countries, Country, Set, Version, Word};
use serde_json::{Map, Value as Json};

use super::fault::{BadSetting, Why};
use super::fields::{Fields, Spelling};

/// The longest text; each section's rules are narrower.
const LONGEST_TEXT: usize = 4096;
/// The longest list.
const LONGEST_LIST: usize = 1000;

/// An object being read.
pub(super) struct Reader<'a> {
    at: String,
    members: &'a Map<String, Json>,
    known: Vec<&'static str>,
    fault: Option<BadSetting>,
}

impl<'a> Reader<'a> {
    /// Reads the object `json`, which stands at `at`, by what `fields` tells.
    pub(super) fn read(at: String, json: &'a Json, fields: impl FnOnce(&mut Self)) -> Result<(), BadSetting> {
        let Json::Object(members) = json else { return Err(BadSetting { at, why: Why::NotA("an object") }) };
        let mut reader = Self { at, members, known: Vec::new(), fault: None };
        fields(&mut reader);
        reader.finish()
    }

    fn finish(self) -> Result<(), BadSetting> {
        let Self { at, members, known, fault } = self;
        // An unknown key is named first: it is likely to be what is meant by one that is missing.
        if let Some(unknown) = members.keys().find(|key| !known.contains(&key.as_str())) {
            let unknown: String = unknown.chars().take(64).collect();
            return Err(BadSetting { at: format!("{at}.{unknown}"), why: Why::UnknownKey { known: known.join(", ") } });
        }
        fault.map_or(Ok(()), Err)
    }

    /// The value of `key`, unless it is absent or null.
    fn given(&mut self, key: &'static str) -> Option<&'a Json> {
        self.known.push(key);
        self.members.get(key).filter(|value| !value.is_null())
    }

    fn take<T>(&mut self, key: &'static str, value: &mut T, read: impl FnOnce(&'a Json) -> Result<T, Why>) {
        let Some(json) = self.given(key) else { return };
        match read(json) {
            Ok(read) => *value = read,
            Err(why) => self.refuse(key, why),
        }
    }

    fn keep(&mut self, outcome: Result<(), BadSetting>) {
        if let Err(fault) = outcome {
            self.fault.get_or_insert(fault);
        }
    }
}

impl Fields for Reader<'_> {
    fn flag(&mut self, key: &'static str, value: &mut bool) {
        self.take(key, value, |json| json.as_bool().ok_or(Why::NotA("true or false")));
    }

    fn number(&mut self, key: &'static str, value: &mut u16) {
        self.take(key, value, |json| {
            let number = json.as_u64().ok_or(Why::NotA("a whole number"))?;
            // Beyond the type is beyond every range a rule allows, so that the rule of the section refuses it.
            Ok(u16::try_from(number).unwrap_or(u16::MAX))
        });
    }

    fn text(&mut self, key: &'static str, value: &mut String) {
        self.take(key, value, |json| text(json).map(str::to_owned));
    }

    fn texts(&mut self, key: &'static str, value: &mut Vec<String>) {
        self.take(key, value, |json| items(json)?.iter().map(|item| text(item).map(str::to_owned)).collect());
    }

    fn spelled<T: Copy + PartialEq>(&mut self, key: &'static str, words: &[Spelling<T>], value: &mut T) {
        self.take(key, value, |json| {
            let given = text(json)?;
            let found = words.iter().find(|(word, _)| *word == given).map(|(_, value)| *value);
            found.ok_or_else(|| not_one_of(given, words.iter().map(|(word, _)| *word)))
        });
    }

    fn words<T: Word>(&mut self, key: &'static str, value: &mut Set<T>) {
        self.take(key, value, |json| {
            let read = |item: &Json| {
                let given = text(item)?;
                T::parse(given).ok_or_else(|| not_one_of(given, T::ALL.iter().map(|word| word.as_str())))
            };
            items(json)?.iter().map(read).collect()
        });
    }

    fn countries(&mut self, key: &'static str, value: &mut Countries) {
        self.take(key, value, |json| {
            let read = |item: &Json| {
                let given = text(item)?;
                Country::parse(given).ok_or_else(|| Why::NotACountry(shortened(given)))
            };
            items(json)?.iter().map(read).collect()
        });
    }

    fn networks(&mut self, key: &'static str, value: &mut NetworkList) {
        self.take(key, value, |json| {
            // Documents have lists; people write one text with commas; some put such a text into a list.
            let given: Vec<&str> = match json {
                Json::String(_) => vec![text(json)?],
                json => items(json)?.iter().map(text).collect::<Result<_, _>>()?,
            };
            let entries: Vec<&str> = given.iter().flat_map(|text| text.split(',')).map(str::trim).collect();
            let entries: Vec<&str> = entries.into_iter().filter(|entry| !entry.is_empty()).collect();
            for entry in &entries {
                if NetworkList::parse(entry).is_none() {
                    return Err(Why::NotANetwork(shortened(entry)));
                }
            }
            NetworkList::parse(&entries.join(",")).ok_or(Why::NotA("a list of at most 1000 networks"))
        });
    }

    fn version(&mut self, key: &'static str, value: &mut Option<Version>) {
        self.take(key, value, |json| match text(json)? {
            "" => Ok(None),
            given => Version::parse(given).map(Some).ok_or_else(|| Why::NotAVersion(shortened(given))),
        });
    }

    fn object(&mut self, key: &'static str, inside: impl FnOnce(&mut Self)) {
        let Some(json) = self.given(key) else { return };
        let outcome = Reader::read(format!("{}.{key}", self.at), json, inside);
        self.keep(outcome);
    }

    fn by_word<K: Word + Ord, V: Default>(
        &mut self,
        key: &'static str,
        value: &mut BTreeMap<K, V>,
        each: impl Fn(&mut Self, &mut V),
    ) {
        let Some(json) = self.given(key) else { return };
        let at = format!("{}.{key}", self.at);
        let Json::Object(members) = json else { return self.refuse(key, Why::NotA("an object")) };
        value.clear();
        for (name, json) in members {
            let Some(word) = K::parse(name) else {
                let why = not_one_of(name, K::ALL.iter().map(|word| word.as_str()));
                return self.keep(Err(BadSetting { at, why }));
            };
            let mut inner = V::default();
            let outcome = Reader::read(format!("{at}.{name}"), json, |reader| each(reader, &mut inner));
            self.keep(outcome);
            value.insert(word, inner);
        }
    }

    fn list<V>(&mut self, key: &'static str, value: &mut Vec<V>, new: fn() -> V, each: impl Fn(&mut Self, &mut V)) {
        let Some(json) = self.given(key) else { return };
        match items(json) {
            Err(why) => self.refuse(key, why),
            Ok(items) => {
                value.clear();
                for (place, json) in items.iter().enumerate() {
                    let mut inner = new();
                    let at = format!("{}.{key}.{place}", self.at);
                    let outcome = Reader::read(at, json, |reader| each(reader, &mut inner));
                    self.keep(outcome);
                    value.push(inner);
                }
            }
        }
    }

    fn refuse(&mut self, key: &'static str, why: Why) {
        let at = format!("{}.{key}", self.at);
        self.fault.get_or_insert(BadSetting { at, why });
    }
}

fn text(json: &Json) -> Result<&str, Why> {
    let text = json.as_str().ok_or(Why::NotA("a text"))?;
    let unprintable = |c: char| c.is_control() && c != '\n';
    if text.len() > LONGEST_TEXT || text.chars().any(unprintable) {
        return Err(Why::NotA("a text of at most 4096 bytes without control characters"));
    }
    Ok(text)
}

fn items(json: &Json) -> Result<&Vec<Json>, Why> {
    let items = json.as_array().ok_or(Why::NotA("a list"))?;
    if items.len() > LONGEST_LIST { Err(Why::NotA("a list of at most 1000")) } else { Ok(items) }
}

fn not_one_of(given: &str, words: impl Iterator<Item = &'static str>) -> Why {
    Why::NotOneOf { given: shortened(given), words: words.collect::<Vec<_>>().join(", ") }
}

fn shortened(given: &str) -> String {
    given.chars().take(64).collect()
}
