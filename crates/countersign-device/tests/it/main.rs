//! The authenticator against a server written from `docs/device-protocol.md` alone.

mod activate;
mod answers;
mod commands;
mod passcodes;
mod server;
mod site;
mod tls;
mod trust;
mod watch;
