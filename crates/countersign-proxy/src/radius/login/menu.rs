//! The menu of factors as devices show it: the server's words, in what a device can carry.

use crate::cfg::radius_server::PromptFormat;

/// The longest text that every device shows.
const SHOWN: usize = 253;

/// The menu as a device shows it.
pub(super) fn shown(menu: Option<&str>, format: PromptFormat) -> String {
    let bare = || "Enter passcode or push:".to_owned();
    let Some(menu) = menu else { return bare() };
    let text = match format {
        PromptFormat::Console => menu.to_owned(),
        PromptFormat::Html => menu.lines().map(escaped).collect::<Vec<_>>().join("<br>"),
        PromptFormat::Short => short(menu),
    };
    [text, short(menu)].into_iter().find(|text| text.len() <= SHOWN).unwrap_or_else(bare)
}

/// The choices in one line.
fn short(menu: &str) -> String {
    let choices: Vec<&str> =
        menu.lines().map(str::trim).filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).collect();
    format!("Passcode or: {}", choices.join(", "))
}

fn escaped(line: &str) -> String {
    line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
