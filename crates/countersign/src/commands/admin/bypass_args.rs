//! Why a bypass and until when, as commands take it.

use clap::Args;
use cs_core::bypass::{Bypass, BypassEnd};
use jiff::Timestamp;
use serde_json::Value as Json;

use super::error::AdminError;
use super::out::{moment, unix};
use super::when;

#[derive(Debug, Clone, Default, Args)]
pub(super) struct BypassArgs {
    /// With bypass: why
    #[arg(long)]
    pub(super) reason: Option<String>,
    /// With bypass: until when, a length of time or an RFC 3339 time; the setting `bypass_expiration` without this
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// With bypass: without an end, where the setting `bypass_without_end` allows it
    #[arg(long, conflicts_with = "until")]
    no_end: bool,
}

impl BypassArgs {
    pub(super) fn end(&self, now: Timestamp) -> Result<Option<BypassEnd>, AdminError> {
        if self.no_end {
            return Ok(Some(BypassEnd::Never));
        }
        let until = self.until.as_deref().map(|text| when::until("--until", text, now)).transpose()?;
        Ok(until.map(BypassEnd::At))
    }

    /// The reason, which a bypass on a terminal must have; one that is on has it already.
    pub(super) fn reason_for(&self, begins_bypass: bool) -> Result<Option<String>, AdminError> {
        match &self.reason {
            None if begins_bypass => {
                Err(AdminError::Usage { argument: "--reason", problem: "a bypass needs a reason" })
            }
            reason => Ok(reason.clone()),
        }
    }
}

/// "until … (reason)" for people.
pub(super) fn bypass_line(bypass: &Bypass) -> String {
    let until =
        bypass.term.until.map_or_else(|| "without an end".to_owned(), |until| format!("until {}", moment(until)));
    format!("{until}: {}", bypass.reason)
}

/// Adds the Admin API's names for it.
pub(super) fn add_bypass(json: &mut Json, bypass: Option<&Bypass>) {
    json["bypass_reason"] = bypass.map(|bypass| bypass.reason.as_str()).into();
    json["bypass_until"] = unix(bypass.and_then(|bypass| bypass.term.until));
}
