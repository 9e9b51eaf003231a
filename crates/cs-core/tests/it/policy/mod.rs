//! The policy engine: tables for each section, laws, and a second evaluator to disagree with.

mod agreement;
mod before;
mod case;
mod chance;
mod gate;
mod laws;
mod naive;
mod tables;
