//! Bypass codes: passcodes an administrator hands out.

use jiff::Timestamp;

use crate::id::BypassCodeId;

/// How many random digits a bypass code has.
pub const BYPASS_CODE_DIGITS: usize = 9;

/// A stored bypass code; the code itself is only there as a keyed hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BypassCode {
    /// Its id.
    pub id: BypassCodeId,
    /// When it stops working; `None` = never.
    pub expires_at: Option<Timestamp>,
    /// How often it can still be used; `None` = without limit.
    pub uses_left: Option<i64>,
}

impl BypassCode {
    /// Whether the code would be accepted at `now`. The conditional write that consumes it has the last word.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.uses_left.is_none_or(|left| left > 0) && self.expires_at.is_none_or(|end| now < end)
    }
}
