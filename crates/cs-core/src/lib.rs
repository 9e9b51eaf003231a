//! The rules of Countersign, pure: users, factors, logins, one-time passwords, lockout, roles.

pub mod admin;
pub mod lockout;
pub mod otp;
pub mod username;
