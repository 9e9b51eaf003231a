//! Writes a section as JSON, every key of it.

use std::collections::BTreeMap;

use cs_core::network::NetworkList;
use cs_core::policy::{Countries, Set, Version, Word};
use serde_json::{Map, Value as Json};

use super::fault::Why;
use super::fields::{Fields, Spelling};

/// An object being written.
#[derive(Default)]
pub(super) struct Writer(Map<String, Json>);

impl Writer {
    /// What `fields` tells.
    pub(super) fn object_of(fields: impl FnOnce(&mut Self)) -> Json {
        let mut writer = Self::default();
        fields(&mut writer);
        Json::Object(writer.0)
    }

    fn put(&mut self, key: &'static str, value: impl Into<Json>) {
        self.0.insert(key.to_owned(), value.into());
    }
}

impl Fields for Writer {
    fn flag(&mut self, key: &'static str, value: &mut bool) {
        self.put(key, *value);
    }

    fn number(&mut self, key: &'static str, value: &mut u16) {
        self.put(key, *value);
    }

    fn text(&mut self, key: &'static str, value: &mut String) {
        self.put(key, value.clone());
    }

    fn texts(&mut self, key: &'static str, value: &mut Vec<String>) {
        self.put(key, value.clone());
    }

    fn spelled<T: Copy + PartialEq>(&mut self, key: &'static str, words: &[Spelling<T>], value: &mut T) {
        if let Some((word, _)) = words.iter().find(|(_, spelled)| spelled == value) {
            self.put(key, *word);
        }
    }

    fn words<T: Word>(&mut self, key: &'static str, value: &mut Set<T>) {
        self.put(key, value.iter().map(|word| Json::from(word.as_str())).collect::<Vec<_>>());
    }

    fn countries(&mut self, key: &'static str, value: &mut Countries) {
        self.put(key, value.iter().map(|country| Json::from(country.as_str())).collect::<Vec<_>>());
    }

    fn networks(&mut self, key: &'static str, value: &mut NetworkList) {
        self.put(key, value.entries().map(Json::from).collect::<Vec<_>>());
    }

    fn version(&mut self, key: &'static str, value: &mut Option<Version>) {
        if let Some(version) = value {
            self.put(key, version.to_string());
        }
    }

    fn object(&mut self, key: &'static str, inside: impl FnOnce(&mut Self)) {
        self.put(key, Self::object_of(inside));
    }

    fn by_word<K: Word + Ord, V: Default>(
        &mut self,
        key: &'static str,
        value: &mut BTreeMap<K, V>,
        each: impl Fn(&mut Self, &mut V),
    ) {
        let members = value
            .iter_mut()
            .map(|(word, value)| (word.as_str().to_owned(), Self::object_of(|writer| each(writer, value))));
        self.put(key, members.collect::<Map<_, _>>());
    }

    fn list<V>(&mut self, key: &'static str, value: &mut Vec<V>, _: fn() -> V, each: impl Fn(&mut Self, &mut V)) {
        let items = value.iter_mut().map(|value| Self::object_of(|writer| each(writer, value)));
        self.put(key, items.collect::<Vec<_>>());
    }

    fn refuse(&mut self, _: &'static str, _: Why) {}
}
