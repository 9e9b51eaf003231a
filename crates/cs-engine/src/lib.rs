//! Use cases: load, decide, commit, queue effects. No HTTP.
