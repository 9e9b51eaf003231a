//! What is shared by everything that posts to addresses of others.

use std::io;
use std::path::Path;

use reqwest::Certificate;

use super::addresses::Refused;

/// Why there was no answer at all.
#[derive(Debug)]
pub(super) enum NoAnswer {
    TimedOut,
    Refused(Refused),
    Failed(String),
}

/// Why a file of certificates cannot be used.
#[derive(Debug)]
pub(super) enum NoCertificates {
    Unreadable(io::Error),
    Empty,
}

/// Why there was no answer. Says nothing of the address: who has it can post there too.
pub(super) fn no_answer(error: reqwest::Error) -> NoAnswer {
    if error.is_timeout() {
        return NoAnswer::TimedOut;
    }
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    loop {
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            return NoAnswer::Refused(refused.clone());
        }
        match cause.source() {
            Some(source) => cause = source,
            None => return NoAnswer::Failed(cause.to_string()),
        }
    }
}

/// The certificates in the PEM file `path`, at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<Certificate>, NoCertificates> {
    let pem = std::fs::read(path).map_err(NoCertificates::Unreadable)?;
    let found = Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if found.is_empty() { Err(NoCertificates::Empty) } else { Ok(found) }
}
