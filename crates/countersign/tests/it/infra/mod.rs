//! The infrastructure of the server, over real sockets and TLS.

mod certificates;
mod commands;
mod liveness;
mod operations;
mod packaging;
mod requests;
mod shutdown;
mod site;
mod slow_bodies;
