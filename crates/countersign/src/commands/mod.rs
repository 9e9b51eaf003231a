//! One file per command: its arguments, its help and its `run`, which gives the exit code.

pub mod admin;
mod ask;
pub mod audit;
pub mod backup;
pub mod bootstrap;
pub mod check;
pub mod demo;
pub(crate) mod explained;
pub mod restore;
pub mod rotate_master_key;
pub mod serve;
pub mod support;

use ask::{Progress, confirmed, now, runtime};
