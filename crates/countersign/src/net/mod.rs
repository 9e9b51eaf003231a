//! From a listening socket to a request: connections, their limits and their time-outs.

mod connection;
mod listen;
mod serve;
mod shutdown;
mod timed_io;

pub use connection::{ConnectionAlive, InFlight};
pub use listen::{bind, raise_open_files};
pub use serve::{Endpoint, Net, serve};
pub use shutdown::{Phase, Shutdown};
