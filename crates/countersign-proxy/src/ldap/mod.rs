//! LDAP between applications and a directory, without sockets: see [`session`].

pub mod approvals;
mod binding;
pub mod output;
pub mod rules;
pub mod session;
mod stream;
