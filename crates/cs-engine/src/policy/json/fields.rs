//! How a section's fields are told to whoever reads or writes them: one description per section serves both, so that what is written is read back.

use std::collections::BTreeMap;

use cs_core::network::NetworkList;
use cs_core::policy::{Countries, Set, Version, Word};

use super::fault::Why;

/// A spelling of a value. The first of a value is how it is written; the others are read too.
pub(super) type Spelling<T> = (&'static str, T);

/// Reads or writes the fields of an object, key by key.
pub(super) trait Fields: Sized {
    /// True or false.
    fn flag(&mut self, key: &'static str, value: &mut bool);
    /// A whole number.
    fn number(&mut self, key: &'static str, value: &mut u16);
    /// A text.
    fn text(&mut self, key: &'static str, value: &mut String);
    /// A list of texts.
    fn texts(&mut self, key: &'static str, value: &mut Vec<String>);
    /// One of some words; a value without a word of its own stands for an absent key.
    fn spelled<T: Copy + PartialEq>(&mut self, key: &'static str, words: &[Spelling<T>], value: &mut T);
    /// A list of words.
    fn words<T: Word>(&mut self, key: &'static str, value: &mut Set<T>);
    /// A list of countries.
    fn countries(&mut self, key: &'static str, value: &mut Countries);
    /// A list of networks.
    fn networks(&mut self, key: &'static str, value: &mut NetworkList);
    /// A version that may be absent.
    fn version(&mut self, key: &'static str, value: &mut Option<Version>);
    /// An object within.
    fn object(&mut self, key: &'static str, inside: impl FnOnce(&mut Self));
    /// An object by words.
    fn by_word<K: Word + Ord, V: Default>(
        &mut self,
        key: &'static str,
        value: &mut BTreeMap<K, V>,
        each: impl Fn(&mut Self, &mut V),
    );
    /// A list of objects.
    fn list<V>(&mut self, key: &'static str, value: &mut Vec<V>, new: fn() -> V, each: impl Fn(&mut Self, &mut V));
    /// What was read at `key` cannot be.
    fn refuse(&mut self, key: &'static str, why: Why);

    /// One of the words of an enumeration.
    fn word<T: Word>(&mut self, key: &'static str, value: &mut T) {
        let words: Vec<Spelling<T>> = T::ALL.iter().map(|word| (word.as_str(), *word)).collect();
        self.spelled(key, &words, value);
    }

    /// A whole number of few.
    fn small(&mut self, key: &'static str, value: &mut u8) {
        let mut wide = u16::from(*value);
        self.number(key, &mut wide);
        // Beyond the type is beyond every range a rule allows, so that the rule of the section refuses it.
        *value = u8::try_from(wide).unwrap_or(u8::MAX);
    }
}
