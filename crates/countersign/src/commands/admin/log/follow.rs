//! `countersign admin log --follow`

use std::io::{ErrorKind, Write as _};
use std::time::Duration;

use cs_store::audit::{Follower, LogKind, LogRecord};
use serde_json::Value as Json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;

use super::{Wanted, body, entry_json, personal, reference, text};
use crate::commands::admin::error::AdminError;
use crate::commands::admin::out::{Answer, moment};
use crate::commands::admin::site::Site;
use countersign_device::{clean, escape_json};

/// How often the log is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The longest field of a line, in characters.
const WIDEST: usize = 120;

/// Prints the newest entries, then each further one as it is committed, until Ctrl-C or until nobody reads any more.
///
/// While the database cannot be read it says so once, and goes on where it was when it can.
pub(super) async fn follow(site: &Site, wanted: &Wanted<'_>, limit: u32) -> Result<Answer, AdminError> {
    let unusable = |source| AdminError::Read { name: "signals".to_owned(), source };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(unusable)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(unusable)?;
    let mut follower = Follower::from_now(site.reader()).await?;
    // Written between the two, so in both.
    let mut shown = wanted.newest(site, limit).await?;
    let mut goes_on = print(site, &shown);
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_away = false;
    while goes_on {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            _ = ticks.tick() => {}
        }
        match follower.next().await {
            Ok(mut entries) => {
                is_away = false;
                entries.retain(|entry| wanted.matches(site, entry) && !take(&mut shown, entry));
                goes_on = print(site, &entries);
            }
            Err(error) => {
                if !is_away {
                    // Nobody may be there to read it.
                    let _ = writeln!(std::io::stderr(), "countersign: {error}; trying again");
                }
                is_away = true;
            }
        }
    }
    Ok(Answer::new(Json::Null, ""))
}

/// Takes `entry` out of `shown`, if it is there.
fn take(shown: &mut Vec<LogRecord>, entry: &LogRecord) -> bool {
    let place = shown.iter().position(|one| one == entry);
    place.map(|place| shown.swap_remove(place)).is_some()
}

/// Whether somebody still reads.
fn print(site: &Site, entries: &[LogRecord]) -> bool {
    if entries.is_empty() {
        return true;
    }
    let text = if site.json {
        entries.iter().map(|entry| escape_json(&entry_json(entry).to_string())).collect::<Vec<_>>().join("\n")
    } else {
        lines(entries)
    };
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Ok(()) => true,
        Err(error) => {
            if error.kind() != ErrorKind::BrokenPipe {
                let _ = writeln!(std::io::stderr(), "countersign: {error}");
            }
            false
        }
    }
}

/// Entries of any log, one a line.
pub(super) fn lines(entries: &[LogRecord]) -> String {
    entries.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn line(entry: &LogRecord) -> String {
    let (body, personal) = (body(entry), personal(entry));
    let of = |field: &Option<String>| field.clone().unwrap_or_default();
    let what = match entry.kind {
        LogKind::Auth => {
            let from = text(&personal, "access_ip");
            let from = if from.is_empty() { from } else { format!("from {from}") };
            [of(&entry.result), text(&body, "application"), of(&entry.reason), of(&entry.factor), from]
        }
        LogKind::Admin | LogKind::Activity | LogKind::Telephony => {
            let details = text(&personal, "description");
            [of(&entry.result), text(&personal, "object"), of(&entry.reason), details, String::new()]
        }
    };
    let begin = [moment(entry.at), format!("{:9}", entry.kind.as_str()), reference(entry), text(&personal, "username")];
    let fields = begin.into_iter().chain(what).filter(|field| !field.is_empty());
    fields.map(|field| clean(&field, WIDEST)).collect::<Vec<_>>().join("  ")
}
