//! One table for each section: what it says, on which fact, and what absence means.

mod device;
mod ease;
mod factors;
mod people;
mod phones;
mod place;
mod trace;
