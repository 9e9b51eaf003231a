//! What happens when the server cannot be asked.
//!
//! | file | |
//! | --- | --- |
//! | [`away`] | what counts as away, and what never does |
//! | [`hosts`] | which host is asked next, and which are left alone for a while; no clock, no sockets |

pub mod away;
pub mod hosts;
