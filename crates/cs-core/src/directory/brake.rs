//! What keeps one wrong answer of a directory from taking everybody's login away.

use super::plan::Plan;

/// How many of a hundred synced users may go in one run, unless a directory is set otherwise.
pub const BRAKE_PERCENT: u8 = 10;
/// So many may always go: in a small organisation one person is a large part.
pub const ALWAYS_ALLOWED: usize = 5;

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
        "{removals} of {of} users would go to the trash or be disabled; nothing was done until an administrator confirms that number"
    )]
    Brake {
        /// How many would go to the trash or be disabled.
        removals: usize,
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
        let few = self.removals <= ALWAYS_ALLOWED || self.removals * 100 <= self.of * usize::from(percent);
        if few || confirmed == Some(self.removals) {
            return Ok(());
        }
        Err(Halt::Brake { removals: self.removals, of: self.of })
    }
}
