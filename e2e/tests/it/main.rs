//! Unmodified real clients against the real programs. `cargo xtask test -- -p e2e` installs and builds what they need.

mod authenticator;
mod browser;
mod budget;
mod crashes;
mod crashes_disk;
mod crashes_guesses;
mod crashes_overload;
mod crashes_power;
mod crashes_start;
mod demo;
mod failmode;
mod first_run;
mod keys;
mod libraries;
mod login_duo;
mod mail;
mod new_phone;
mod pages;
mod pam_duo;
mod pam_duo_policies;
mod passkeys;
mod prompt;
mod radius_proxy;
mod telephony;
mod universal_prompt;
mod without_scripts;
