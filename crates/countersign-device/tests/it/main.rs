//! The authenticator against a server written from `docs/device-protocol.md` alone.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
#![expect(clippy::result_large_err, reason = "the fake server answers either way with a response")]

mod activate;
mod answers;
mod commands;
mod passcodes;
mod server;
mod site;
mod tls;
mod trust;
mod watch;
