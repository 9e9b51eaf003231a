//! The command-line authenticator.
