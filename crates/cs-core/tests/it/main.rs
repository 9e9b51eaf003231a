//! The rules, from outside.

mod policy;
