//! One test binary for the whole package.

mod infra;
