//! A login in a browser: use cases over the one machine of states in [`cs_core::prompt`].
//!
//! | file | use case |
//! | --- | --- |
//! | `session` | begin, find again by the browser's cookie, go on to the next state |
//! | `steps` | what each page sends |
//! | `newcomer` | from a login that was refused to an enrollment |
//! | `push` | a push that is on its way while pages come and go |
//! | `view` | what the page shows |
//! | `browser` | browsers that are remembered |
//! | `code` | the code that goes back to the application, and what it stands for |
//! | `together` | the step that a key's answer takes, in one commit with its judgement |
//! | `kept` | states as the database keeps them |
//!
//! A login belongs to one browser: its cookie holds a secret of which the database has a keyed hash. Every form carries a proof made from that secret and the number of the
//! step, so that nobody else can post it, and nobody twice. A step is left by one conditional write together with what it earns (the code, the remembered browser).

mod browser;
mod code;
mod kept;
mod newcomer;
mod push;
mod session;
mod steps;
mod together;
mod view;

pub use crate::login::Software;
pub use browser::{BrowserToken, NewToken};
pub use code::{AssertionUse, RedeemError, Redeemed};
pub use push::{Awaited, Seen};
pub use session::{Asked, Changed, Prompt, PromptSecret, Visit};
pub use steps::Input;
pub use view::{NamedWay, Old, Sources, View};
