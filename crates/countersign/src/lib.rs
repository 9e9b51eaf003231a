//! The Countersign server as a library: configuration, TLS, the network loop, operations and the command line.
//!
//! `main` only calls [`cli::main`]. A test or the demo starts the same server inside its own process with [`server::run_server`].

pub mod admin_api;
pub mod agent;
pub mod app;
pub mod auth_api;
pub mod authenticator;
pub mod check;
pub mod cli;
pub mod commands;
pub mod config;
pub mod data_dir;
pub mod demo;
pub(crate) mod enroll;
pub(crate) mod frame;
pub mod http;
pub mod jobs;
pub mod logging;
pub mod net;
pub(crate) mod oauth;
pub mod ops;
pub mod outbound;
pub mod panel;
pub(crate) mod portal;
pub mod rest_v1;
pub mod server;
pub mod site;
pub mod support;
mod telephony;
pub mod tls;
pub mod versions;
mod well_known;
