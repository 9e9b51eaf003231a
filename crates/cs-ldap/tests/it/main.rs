//! Messages as real programs send them, and laws that hold for whatever arrives.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod laws;
mod vectors;
