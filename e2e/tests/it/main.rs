//! Unmodified real clients against the real programs. `cargo xtask test -- -p e2e` installs and builds what they need.

mod failmode;
mod libraries;
mod login_duo;
mod pam_duo;
