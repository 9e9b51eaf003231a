//! One test binary for the whole package.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod admin;
mod admin_api;
mod auth_api;
mod authenticator;
mod demo;
mod infra;
mod mail;
mod operate;
mod rest_v1;
mod routes;
