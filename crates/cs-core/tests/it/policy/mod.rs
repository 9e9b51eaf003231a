//! The policy engine: tables for each section, laws, and a second evaluator to disagree with.

mod case;
mod gate;
mod tables;
