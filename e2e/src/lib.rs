//! End-to-end tests with unmodified real clients.
