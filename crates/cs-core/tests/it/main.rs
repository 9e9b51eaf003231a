//! The rules, from outside.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod policy;
