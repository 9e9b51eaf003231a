//! The infrastructure of the server, over real sockets and TLS.

mod certificates;
mod liveness;
mod operations;
mod requests;
mod shutdown;
mod site;
