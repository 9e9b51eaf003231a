//! Mail: letters of the outbox, handed to the configured server by SMTP.
//!
//! A letter is texts and a link, never markup: how it looks is decided when it is [rendered](render), so that nothing which comes from a request can
//! become a header or a piece of HTML.

mod courier;
mod render;
mod sender;

pub use courier::MailCourier;
pub use sender::{MailError, Sender};
