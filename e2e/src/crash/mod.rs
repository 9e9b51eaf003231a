//! What is needed to kill, starve and cut off a server in the middle of its work.

mod burst;
mod disk;
mod mounted;
mod person;
mod trial;

pub use burst::{Burst, Login, Outcome};
pub use disk::{Disk, Unsynced};
pub use person::{Code, People, Person};
pub use trial::{Figures, Trial};
