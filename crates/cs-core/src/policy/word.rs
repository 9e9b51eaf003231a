//! Settings that are words, and sets of such words.

use std::fmt;
use std::marker::PhantomData;

/// An enumeration whose members have one spelling each, at most 64 of them.
pub trait Word: Copy + Eq + fmt::Debug + 'static {
    /// Every member, in declaration order.
    const ALL: &'static [Self];

    /// The spelling, as the Admin API writes it.
    fn as_str(self) -> &'static str;

    /// Its place in [`Self::ALL`].
    fn index(self) -> u32;

    /// Reads the spelling.
    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|word| word.as_str() == text)
    }
}

/// Declares an enumeration and its spellings in one place.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$of])* $variant,)+ }

        impl $crate::policy::word::Word for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            fn index(self) -> u32 {
                self as u32
            }
        }
    )+};
}
pub(crate) use words;

/// A set of words; copying it costs nothing.
pub struct Set<T> {
    bits: u64,
    of: PhantomData<T>,
}

impl<T: Word> Set<T> {
    /// Nothing.
    pub const EMPTY: Self = Self { bits: 0, of: PhantomData };

    /// These.
    pub fn of(words: &[T]) -> Self {
        words.iter().copied().collect()
    }

    /// Every word there is.
    pub fn all() -> Self {
        Self::of(T::ALL)
    }

    /// Whether `word` is in it.
    pub fn contains(self, word: T) -> bool {
        self.bits & (1 << word.index()) != 0
    }

    /// This and `word`.
    #[must_use]
    pub fn with(self, word: T) -> Self {
        Self { bits: self.bits | (1 << word.index()), of: PhantomData }
    }

    /// This without `word`.
    #[must_use]
    pub fn without(self, word: T) -> Self {
        Self { bits: self.bits & !(1 << word.index()), of: PhantomData }
    }

    /// What is in either.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self { bits: self.bits | other.bits, of: PhantomData }
    }

    /// What is in both.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self { bits: self.bits & other.bits, of: PhantomData }
    }

    /// What is in this and not in `other`.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self { bits: self.bits & !other.bits, of: PhantomData }
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// How many are in it.
    pub const fn len(self) -> u32 {
        self.bits.count_ones()
    }

    /// The words, in declaration order.
    pub fn iter(self) -> impl Iterator<Item = T> {
        T::ALL.iter().copied().filter(move |word| self.contains(*word))
    }
}

impl<T: Word> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(words: I) -> Self {
        words.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl<T> Clone for Set<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Set<T> {}

impl<T> PartialEq for Set<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}

impl<T> Eq for Set<T> {}

impl<T: Word> Default for Set<T> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<T: Word> fmt::Debug for Set<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Word::as_str)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Browser, Method, Os, Section};

    fn spellings_are_unique<T: Word>() {
        assert!(T::ALL.len() <= 64);
        for (at, word) in T::ALL.iter().enumerate() {
            assert_eq!(word.index() as usize, at);
            assert_eq!(T::parse(word.as_str()), Some(*word), "{word:?}");
        }
        assert_eq!(T::parse(""), None);
    }

    #[test]
    fn every_word_is_read_back() {
        spellings_are_unique::<Method>();
        spellings_are_unique::<Os>();
        spellings_are_unique::<Browser>();
        spellings_are_unique::<Section>();
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set = Set::of(&[Os::Ios, Os::Windows]);
        assert!(set.contains(Os::Ios) && !set.contains(Os::Linux));
        assert_eq!(set.iter().collect::<Vec<_>>(), [Os::Ios, Os::Windows]);
        assert_eq!(set.without(Os::Ios).minus(Set::of(&[Os::Windows])), Set::EMPTY);
        assert_eq!(Set::<Os>::all().len() as usize, Os::ALL.len());
    }
}
