//! Seeded mutation fuzzing on the stable toolchain: no panic and no hang in anything that parses bytes.
//!
//! There is no coverage feedback. Instead each target brings seeds (whole valid inputs) and tokens
//! (what its format gives a meaning to), and the mutations know about lengths, numbers, escapes and
//! nesting. Case `n` of a seed is the same on every machine, whatever thread runs it.

pub mod mutate;
pub mod rng;
pub mod runner;
pub mod targets;

pub use runner::{Failure, FailureKind, Plan, Report, run};
pub use targets::{TARGETS, Target};
