//! What keeps one wrong answer of a directory from taking everybody's login away.

use jiff::SignedDuration;

use super::plan::Plan;

/// How many of a hundred synced users may go within [`BRAKE_WINDOW`], unless a directory is set otherwise.
pub const BRAKE_PERCENT: u8 = 10;
/// So many may always go: in a small organisation one person is a large part.
pub const ALWAYS_ALLOWED: usize = 5;

/// So long a removal counts: otherwise many runs would each take a little.
pub const BRAKE_WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// Why a plan is not carried out, no part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// The directory tells of nobody, but there are users of it.
    #[error("the directory told of nobody at all; nothing was done, for there are {of} users of it")]
    Empty {
        /// How many users of the directory there are.
        of: usize,
    },
    /// More would go than may go without being asked.
    #[error(
        "{removals} of {of} users would go to the trash, be disabled or lose their name{}; nothing was done until an administrator confirms that number",
        after(*.lately)
    )]
    Brake {
        /// How many would go to the trash, be disabled or lose their name.
        removals: usize,
        /// How many did within [`BRAKE_WINDOW`].
        lately: usize,
        /// Of how many.
        of: usize,
    },
}

impl Plan {
    /// Whether the plan may be carried out. `confirmed` is the number that an administrator has agreed to, this very number and for this once.
    ///
    /// An empty answer is never believed, confirmed or not: whoever means it removes the directory.
    pub fn check(&self, percent: u8, confirmed: Option<usize>) -> Result<(), Halt> {
        if self.is_empty_answer && self.of > 0 {
            return Err(Halt::Empty { of: self.of });
        }
        let (removals, of) = (self.removals + self.lately.removals, self.of + self.lately.trashed);
        let few = removals <= ALWAYS_ALLOWED || removals * 100 <= of * usize::from(percent);
        if self.removals == 0 || few || confirmed == Some(self.removals) {
            return Ok(());
        }
        Err(Halt::Brake { removals: self.removals, lately: self.lately.removals, of: self.of })
    }
}

fn after(lately: usize) -> String {
    if lately == 0 { String::new() } else { format!(", after {lately} within a day") }
}
