//! RADIUS logins without sockets: a device, a server and a directory of the test's own, and a clock that it moves.

mod across;
mod coa;
mod dacl;
mod devices;
mod modes;
mod outage;
mod relayed;
mod reload;
mod rules;
mod same;
mod site;
mod trust;
mod tunnel;
