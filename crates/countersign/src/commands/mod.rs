//! One file per command: its arguments, its help and its `run`, which gives the exit code.

pub mod admin;
pub mod bootstrap;
pub mod check;
pub mod demo;
pub mod serve;
pub mod support;
