//! What happens when the server cannot be asked.
//!
//! | file | |
//! | --- | --- |
//! | [`away`] | what counts as away, and what never does |
//! | [`codes`] | codes for outages, judged; no clock, no disk |
//! | [`journal`] | what the proxy did by itself, on the disk before anybody is answered |
//! | [`keeper`] | what is kept for an outage: codes, keys, an Owner's leave |
//! | [`hosts`] | which host is asked next, and which are left alone for a while; no clock, no sockets |

pub mod away;
pub mod codes;
pub mod hosts;
pub mod journal;
pub mod keeper;
