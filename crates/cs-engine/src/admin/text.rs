//! Texts that administrators give.

use crate::EngineError;

/// `text` if it has at most `max_chars` characters and none that a database or a page cannot show; line breaks are fine.
pub(crate) fn bounded(parameter: &'static str, text: &str, max_chars: usize) -> Result<String, EngineError> {
    let unprintable = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if text.chars().take(max_chars + 1).count() > max_chars || text.chars().any(unprintable) {
        return Err(EngineError::Invalid(parameter));
    }
    Ok(text.to_owned())
}
