//! Options that take one of a few words.

/// An option that takes one of a few words.
pub trait Word: Copy + 'static {
    /// Every word and what it means; the first is the usual one.
    const WORDS: &'static [(&'static str, Self)];

    /// What a word means, in capitals or not.
    fn of(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(written, _)| written.eq_ignore_ascii_case(word)).map(|(_, meaning)| *meaning)
    }

    /// The words, for a message.
    fn choices() -> String {
        Self::WORDS.iter().map(|(written, _)| *written).collect::<Vec<_>>().join(", ")
    }
}

/// Makes a [`Word`] of an enum.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl $crate::cfg::word::Word for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];
        }
    };
}
pub(crate) use words;
