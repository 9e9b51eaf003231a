//! One test binary for the whole package.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod admin_api;
mod demo;
mod infra;
