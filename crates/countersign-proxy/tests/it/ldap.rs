//! LDAP sessions without sockets: an application, a directory and a server of the test's own, and a clock that it moves.

mod binds;
mod ends;
mod relay;
mod second;
mod site;
