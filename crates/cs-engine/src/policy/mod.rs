//! Policies as administrators make them and logins read them.

mod book;
pub mod json;

pub use book::PolicyBook;
